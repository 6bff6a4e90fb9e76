//! Backup and restore of an SQLite database. A file gets its final name only when it is complete; until then it is a
//! temporary file beside it, which is deleted on failure.

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
    StoreError, event_log,
    store::{
        connection::{Conn, DbUrl},
        file_lock::FileLock,
        migrations,
        private_files::{copy_owner_and_mode, with_suffix},
    },
};

/// A failure of backup or restore. The message has one line.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("there is no database at {}", .0.display())]
    Missing(PathBuf),
    /// The target file exists already; files are never overwritten.
    #[error("{} exists already: name a file that does not", .0.display())]
    Exists(PathBuf),
    /// The file is not a database that this program made.
    #[error("{} is no database of this program", .0.display())]
    Foreign(PathBuf),
    /// The database file is damaged: SQLite reports an error in it.
    #[error("{} is damaged: {}", .0.display(), .1)]
    Damaged(PathBuf, String),
    /// The backup file is incomplete: a part of the database is still in a journal file.
    #[error("{} is not whole: a part of it is still in {}", .0.display(), .1.display())]
    NotWhole(PathBuf, PathBuf),
    /// A server or another program has the database open.
    #[error("{} is in use: stop the server and every other program that has it open", .0.display())]
    InUse(PathBuf),
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Suffixes of SQLite's journal files, which are a part of the database.
const JOURNALS: [&str; 2] = ["-wal", "-journal"];
const WAL_INDEX: &str = "-shm";

/// Copies the database at one moment into a new file that only its owner can read. Writers continue meanwhile. Returns
/// the size in bytes. On failure there is no file.
pub fn back_up(database: &Path, to: &Path) -> Result<u64, BackupError> {
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    if !database.exists() {
        return Err(BackupError::Missing(database.to_owned()));
    }
    let in_use = FileLock::shared(database).map_err(in_file(database))?;
    let _in_use = in_use.ok_or_else(|| BackupError::InUse(database.to_owned()))?;
    let temporary = temporary_file(to)?;
    vacuum_into(database, temporary.path())?;
    inspect(&mut connect(temporary.path())?, database)?;
    temporary.as_file().sync_all().map_err(in_file(to))?;
    let file = temporary.persist_noclobber(to).map_err(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => BackupError::File(to.to_owned(), failed.error),
    })?;
    sync_folder_of(to)?;
    Ok(file.metadata().map_err(in_file(to))?.len())
}

/// Replaces the database by a copy of a backup, migrates the copy and begins a new epoch in it. The copy gets owner and
/// mode of the replaced file. Returns the new name of the former database. On failure the database is unchanged.
pub fn restore(database: &Path, backup: &Path, epoch: &str, at: DateTime<Utc>) -> Result<Option<PathBuf>, BackupError> {
    let alone = FileLock::exclusive(database).map_err(in_file(database))?;
    let _alone = alone.ok_or_else(|| BackupError::InUse(database.to_owned()))?;
    let temporary = copy_beside(backup, database)?;
    let url = DbUrl::Sqlite(temporary.path().to_owned());
    migrations::migrate(&url)?;
    event_log::insert_epoch(Conn::establish(&url)?.writable(), epoch, at)?;
    close_journal(temporary.path())?;
    copy_owner_and_mode(database, temporary.path()).map_err(in_file(database))?;
    let kept = keep_former(database, &with_suffix(database, &format!(".before-{epoch}")))?;
    replace(database, temporary)?;
    Ok(kept)
}

/// Makes a complete temporary file durable, and gives it the name of the database.
pub(crate) fn replace(database: &Path, temporary: NamedTempFile) -> Result<(), BackupError> {
    temporary.as_file().sync_all().map_err(in_file(temporary.path()))?;
    temporary.persist(database).map_err(|failed| BackupError::File(database.to_owned(), failed.error))?;
    sync_folder_of(database)
}

/// Creates a temporary file beside `file` that only its owner can read.
pub(crate) fn temporary_file(file: &Path) -> Result<NamedTempFile, BackupError> {
    let folder = folder_of(file);
    let name = file.file_name().unwrap_or(OsStr::new("backup")).to_string_lossy();
    let made = tempfile::Builder::new().prefix(&format!("{name}.")).suffix(".new").tempfile_in(folder);
    made.map_err(in_file(folder))
}

/// Writes a consistent copy of the database to a file, while writers continue.
fn vacuum_into(database: &Path, to: &Path) -> Result<(), BackupError> {
    let url = DbUrl::Sqlite(database.to_owned());
    let mut conn = Conn::establish(&url)?;
    let Conn::Sqlite(conn) = conn.writable() else { return Err(BackupError::Missing(database.to_owned())) };
    let to = to.to_str().ok_or_else(|| not_utf8(to))?;
    sql_query("VACUUM INTO ?").bind::<Text, _>(to).execute(conn).map_err(|error| statement_error(&error, database))?;
    Ok(())
}

/// Copies a backup to a temporary file beside the database, and checks it.
fn copy_beside(backup: &Path, database: &Path) -> Result<NamedTempFile, BackupError> {
    for journal in JOURNALS.map(|suffix| with_suffix(backup, suffix)) {
        if fs::metadata(&journal).is_ok_and(|it| it.len() > 0) {
            return Err(BackupError::NotWhole(backup.to_owned(), journal));
        }
    }
    let mut from = File::open(backup).map_err(in_file(backup))?;
    let mut temporary = temporary_file(database)?;
    io::copy(&mut from, temporary.as_file_mut()).map_err(in_file(backup))?;
    inspect(&mut connect(temporary.path())?, backup)?;
    Ok(temporary)
}

/// Fails if the file is not an intact database of this program, of any version. `named`: the path for error messages.
fn inspect(conn: &mut SqliteConnection, named: &Path) -> Result<(), BackupError> {
    let ours = "(SELECT count(*) FROM sqlite_schema WHERE type = 'table' \
                AND name IN ('__diesel_schema_migrations', 'epochs', 'hotels', 'hotel_counters'))";
    let tables: i64 = select(sql::<BigInt>(ours)).get_result(conn).map_err(|error| statement_error(&error, named))?;
    if tables != 4 {
        return Err(BackupError::Foreign(named.to_owned()));
    }
    let check = "(SELECT quick_check FROM pragma_quick_check LIMIT 1)";
    let found: String = select(sql::<Text>(check)).get_result(conn).map_err(|error| statement_error(&error, named))?;
    if found == "ok" { Ok(()) } else { Err(BackupError::Damaged(named.to_owned(), found)) }
}

/// Classifies the error of a statement on a database file.
fn statement_error(error: &diesel::result::Error, named: &Path) -> BackupError {
    let message = error.to_string();
    if message.contains("not a database") {
        BackupError::Foreign(named.to_owned())
    } else if message.contains("malformed") {
        BackupError::Damaged(named.to_owned(), message)
    } else {
        BackupError::File(named.to_owned(), io::Error::other(message))
    }
}

/// Links the database under a second name, so that it stays when the first name is taken. Journal files move along, so
/// that they are not taken for a part of the new database.
fn keep_former(database: &Path, kept: &Path) -> Result<Option<PathBuf>, BackupError> {
    let exists = database.try_exists().map_err(in_file(database))?;
    if exists {
        match close_journal(database) {
            Err(in_use @ BackupError::InUse(_)) => return Err(in_use),
            // A damaged database is a reason to restore; the file is kept as it is.
            Err(error) => log::debug!("the former database is kept with its journal files: {error}"),
            Ok(()) => {}
        }
        fs::hard_link(database, kept).map_err(in_file(kept))?;
    }
    for suffix in JOURNALS {
        ignore_missing(fs::rename(with_suffix(database, suffix), with_suffix(kept, suffix)))
            .map_err(in_file(database))?;
    }
    ignore_missing(fs::remove_file(with_suffix(database, WAL_INDEX))).map_err(in_file(database))?;
    Ok(exists.then(|| kept.to_owned()))
}

#[derive(QueryableByName)]
struct Mode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

/// Merges the journal files into the database. SQLite does so only if no other process has it open.
pub(crate) fn close_journal(database: &Path) -> Result<(), BackupError> {
    let mode = sql_query("PRAGMA journal_mode = DELETE").get_result::<Mode>(&mut connect(database)?);
    match mode {
        Ok(mode) if mode.journal_mode == "delete" => Ok(()),
        Err(error) if !error.to_string().contains("locked") => Err(statement_error(&error, database)),
        Ok(_) | Err(_) => Err(BackupError::InUse(database.to_owned())),
    }
}

/// Opens an SQLite file without any settings, which would change the file.
pub(crate) fn connect(database: &Path) -> Result<SqliteConnection, BackupError> {
    let path = database.to_str().ok_or_else(|| not_utf8(database))?;
    SqliteConnection::establish(path).map_err(|error| StoreError::Unavailable(error.to_string()).into())
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the name of a file durable, by syncing its folder.
fn sync_folder_of(file: &Path) -> Result<(), BackupError> {
    let folder = folder_of(file);
    File::open(folder).and_then(|it| it.sync_all()).map_err(in_file(folder))
}

fn ignore_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

pub(crate) fn in_file(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    |error| BackupError::File(path, error)
}

fn not_utf8(path: &Path) -> BackupError {
    BackupError::File(path.to_owned(), io::Error::other("the file name is not UTF-8"))
}
