//! Copies of the SQLite file: made while it is in use, and put in its place while it is not.
//!
//! A file gets the name that others look for only when it is whole: until then it is a draft beside
//! it, which is removed where anything fails.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection,
    dsl::sql,
    select, sql_query,
    sql_types::{BigInt, Text},
};
use tempfile::NamedTempFile;

use crate::{
    StoreError,
    conn::{Conn, DbUrl},
    events,
    in_use::{InUse, with_end},
    migrate,
};

/// Why a copy could not be made, or not be put in place. Its display is one line.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no database at {}", .0.display())]
    Missing(PathBuf),
    /// Nothing is written over.
    #[error("{} exists already: name a file that does not", .0.display())]
    Exists(PathBuf),
    /// Something else than what this program makes.
    #[error("{} is no database of this program", .0.display())]
    Foreign(PathBuf),
    /// SQLite finds faults in it.
    #[error("{} is damaged: {}", .0.display(), .1)]
    Damaged(PathBuf, String),
    /// A part of the database is in another file.
    #[error("{} is not whole: a part of it is still in {}", .0.display(), .1.display())]
    NotWhole(PathBuf, PathBuf),
    /// A server or another program has it open.
    #[error("{} is in use: stop the server, and whatever else has it open", .0.display())]
    InUse(PathBuf),
    /// A file that cannot be read or made.
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, io::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What SQLite keeps beside a database, and what of it belongs to the database.
const JOURNALS: [&str; 2] = ["-wal", "-journal"];
const INDEX_OF_WAL: &str = "-shm";

/// Copies the database into a new file for its owner only, as it is at one moment; others go on writing
/// meanwhile. How many bytes it has.
///
/// # Errors
/// [`BackupError`]; then there is no such file.
pub fn back_up(database: &Path, to: &Path) -> Result<u64, BackupError> {
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    if !database.exists() {
        return Err(BackupError::Missing(database.to_owned()));
    }
    let in_use = InUse::shared(database).map_err(in_file(database))?;
    let _in_use = in_use.ok_or_else(|| BackupError::InUse(database.to_owned()))?;
    let draft = draft_of(to)?;
    copy(database, draft.path())?;
    inspect(&mut connect(draft.path())?, database)?;
    draft.as_file().sync_all().map_err(in_file(to))?;
    let file = draft.persist_noclobber(to).map_err(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => BackupError::File(to.to_owned(), failed.error),
    })?;
    sync_folder_of(to)?;
    Ok(file.metadata().map_err(in_file(to))?.len())
}

/// Puts a copy of a backup in the place of the database, brings it up to date and begins the history
/// `epoch` in it. What was there is kept: under which name, is answered.
///
/// # Errors
/// [`BackupError`]; then the database is what it was.
pub fn restore(database: &Path, backup: &Path, epoch: &str, at: DateTime<Utc>) -> Result<Option<PathBuf>, BackupError> {
    let alone = InUse::alone(database).map_err(in_file(database))?;
    let _alone = alone.ok_or_else(|| BackupError::InUse(database.to_owned()))?;
    let draft = draft_from(backup, database)?;
    let url = DbUrl::Sqlite(draft.path().to_owned());
    migrate::migrate(&url)?;
    events::insert_epoch(Conn::establish(&url)?.writable(), epoch, at)?;
    close_journal(draft.path())?;
    draft.as_file().sync_all().map_err(in_file(draft.path()))?;
    let kept = put_aside(database, &with_end(database, &format!(".before-{epoch}")))?;
    draft.persist(database).map_err(|failed| BackupError::File(database.to_owned(), failed.error))?;
    sync_folder_of(database)?;
    Ok(kept)
}

/// A new file beside another one, which only its owner may read.
fn draft_of(file: &Path) -> Result<NamedTempFile, BackupError> {
    let folder = folder_of(file);
    let name = file.file_name().unwrap_or(OsStr::new("backup")).to_string_lossy();
    let made = tempfile::Builder::new().prefix(&format!("{name}.")).suffix(".new").tempfile_in(folder);
    made.map_err(in_file(folder))
}

/// SQLite writes down one moment of the database; writers do not wait for it.
fn copy(database: &Path, to: &Path) -> Result<(), BackupError> {
    let url = DbUrl::Sqlite(database.to_owned());
    let mut conn = Conn::establish(&url)?;
    let Conn::Sqlite(conn) = conn.writable() else { return Err(BackupError::Missing(database.to_owned())) };
    let to = to.to_str().ok_or_else(|| no_utf8(to))?;
    sql_query("VACUUM INTO ?").bind::<Text, _>(to).execute(conn).map_err(|error| fault(&error, database))?;
    Ok(())
}

/// A copy of a backup, beside the database that it is to replace, once it was found to be good.
fn draft_from(backup: &Path, database: &Path) -> Result<NamedTempFile, BackupError> {
    for journal in JOURNALS.map(|end| with_end(backup, end)) {
        if fs::metadata(&journal).is_ok_and(|it| it.len() > 0) {
            return Err(BackupError::NotWhole(backup.to_owned(), journal));
        }
    }
    let mut from = File::open(backup).map_err(in_file(backup))?;
    let mut draft = draft_of(database)?;
    io::copy(&mut from, draft.as_file_mut()).map_err(in_file(backup))?;
    inspect(&mut connect(draft.path())?, backup)?;
    Ok(draft)
}

/// Whether this is a database of ours, of whatever age, without a fault. `named`: what to call it.
fn inspect(conn: &mut SqliteConnection, named: &Path) -> Result<(), BackupError> {
    let ours = "(SELECT count(*) FROM sqlite_schema WHERE type = 'table' \
                AND name IN ('__diesel_schema_migrations', 'epochs', 'hotels', 'hotel_counters'))";
    let tables: i64 = select(sql::<BigInt>(ours)).get_result(conn).map_err(|error| fault(&error, named))?;
    if tables != 4 {
        return Err(BackupError::Foreign(named.to_owned()));
    }
    let check = "(SELECT quick_check FROM pragma_quick_check LIMIT 1)";
    let found: String = select(sql::<Text>(check)).get_result(conn).map_err(|error| fault(&error, named))?;
    if found == "ok" { Ok(()) } else { Err(BackupError::Damaged(named.to_owned(), found)) }
}

/// What a failed statement says of the file.
fn fault(error: &diesel::result::Error, named: &Path) -> BackupError {
    let told = error.to_string();
    match told.as_str() {
        told if told.contains("not a database") => BackupError::Foreign(named.to_owned()),
        told if told.contains("malformed") => BackupError::Damaged(named.to_owned(), told.to_owned()),
        _ => BackupError::File(named.to_owned(), io::Error::other(told)),
    }
}

/// Gives the database a second name, under which it stays when the first one is taken. What is left of
/// it beside the file must not be taken for a part of the next one: it goes along.
fn put_aside(database: &Path, kept: &Path) -> Result<Option<PathBuf>, BackupError> {
    let there = database.try_exists().map_err(in_file(database))?;
    if there {
        match close_journal(database) {
            Err(in_use @ BackupError::InUse(_)) => return Err(in_use),
            // A broken one is the reason to restore: it is kept as it is.
            Err(error) => log::debug!("the database is kept with its journals: {error}"),
            Ok(()) => {}
        }
        fs::hard_link(database, kept).map_err(in_file(kept))?;
    }
    for end in JOURNALS {
        unless_missing(fs::rename(with_end(database, end), with_end(kept, end))).map_err(in_file(database))?;
    }
    unless_missing(fs::remove_file(with_end(database, INDEX_OF_WAL))).map_err(in_file(database))?;
    Ok(there.then(|| kept.to_owned()))
}

#[derive(QueryableByName)]
struct Mode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

/// Takes what is beside the file into it. SQLite does so only where nobody else has it open.
fn close_journal(database: &Path) -> Result<(), BackupError> {
    let asked = sql_query("PRAGMA journal_mode = DELETE").get_result::<Mode>(&mut connect(database)?);
    match asked {
        Ok(mode) if mode.journal_mode == "delete" => Ok(()),
        Err(error) if !error.to_string().contains("locked") => Err(fault(&error, database)),
        Ok(_) | Err(_) => Err(BackupError::InUse(database.to_owned())),
    }
}

/// A connection without any settings: it changes nothing by being made.
fn connect(database: &Path) -> Result<SqliteConnection, BackupError> {
    let path = database.to_str().ok_or_else(|| no_utf8(database))?;
    SqliteConnection::establish(path).map_err(|error| StoreError::Unavailable(error.to_string()).into())
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A name is durable only when its folder is.
fn sync_folder_of(file: &Path) -> Result<(), BackupError> {
    let folder = folder_of(file);
    File::open(folder).and_then(|it| it.sync_all()).map_err(in_file(folder))
}

fn unless_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn in_file(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    |error| BackupError::File(path, error)
}

fn no_utf8(path: &Path) -> BackupError {
    BackupError::File(path.to_owned(), io::Error::other("the file's name is no UTF-8"))
}
