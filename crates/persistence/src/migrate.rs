//! The schema's history, which is in the binary.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection,
    backend::Backend,
    connection::{InstrumentationEvent, SimpleConnection},
    migration::{Migration, MigrationSource, MigrationVersion},
    pg::Pg,
    sql_query,
    sql_types::Text,
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{
    StoreError,
    conn::{Conn, DbUrl},
    error::may_succeed_later,
};

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Any constant will do: several nodes that start at once wait for one another at it.
const ADVISORY_LOCK: i64 = 7_206_311_551;

/// How long a migration waits for a lock on PostgreSQL. Whoever asks for the same table meanwhile waits behind it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// So long the others have the table, before it is tried again.
const PAUSE: Duration = Duration::from_secs(2);
/// So long it is tried: a dump may hold every table while it runs.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Brings the schema up to date.
pub(crate) fn migrate(url: &DbUrl) -> Result<(), StoreError> {
    migrate_by(url, &SQLITE, &POSTGRES)
}

/// Brings the schema up to the migrations of a folder: for tests only.
///
/// # Errors
/// [`StoreError`].
#[cfg(feature = "test-access")]
pub fn migrate_from(url: &DbUrl, folder: &std::path::Path) -> Result<(), StoreError> {
    let source = diesel_migrations::FileBasedMigrations::from_path(folder).map_err(|error| failed(error.into()))?;
    migrate_by(url, &source, &source)
}

fn migrate_by<S: MigrationSource<Sqlite>, P: MigrationSource<Pg>>(
    url: &DbUrl,
    sqlite: &S,
    postgres: &P,
) -> Result<(), StoreError> {
    match Conn::establish(url)?.writable() {
        Conn::Sqlite(conn) => {
            refuse_newer(conn, sqlite)?;
            if pending(conn, sqlite)? {
                migrate_sqlite(conn, sqlite)?;
            }
            // Deletes nothing, and is refused all the same where the file cannot be written.
            Ok(conn.batch_execute("DELETE FROM __diesel_schema_migrations WHERE version IS NULL")?)
        }
        Conn::Pg(conn) => {
            conn.batch_execute(&format!(
                "SET lock_timeout = 0; SET statement_timeout = 0; SELECT pg_advisory_lock({ADVISORY_LOCK})"
            ))?;
            let result = migrate_postgres(conn, postgres);
            conn.batch_execute(&format!("SELECT pg_advisory_unlock({ADVISORY_LOCK})"))?;
            result
        }
    }
}

/// Runs what is pending in one transaction. SQLite rebuilds a table by making another, deleting the first and
/// renaming the other. With foreign keys on, that would delete or refuse the rows that refer to it, and within a
/// transaction they cannot be switched off. So they are off meanwhile, and checked before the commit.
fn migrate_sqlite<S: MigrationSource<Sqlite>>(conn: &mut SqliteConnection, source: &S) -> Result<(), StoreError> {
    conn.batch_execute("PRAGMA foreign_keys = OFF")?;
    // Programs that start at once wait for one another at the write lock.
    let migrated = conn.immediate_transaction(|conn| {
        refuse_newer(conn, source)?;
        for migration in conn.pending_migrations(By(source)).map_err(failed)? {
            done(&conn.run_migration(&migration).map_err(failed)?);
        }
        refuse_dangling(conn)
    });
    conn.batch_execute("PRAGMA foreign_keys = ON")?;
    migrated
}

/// Refuses a schema in which a row refers to none.
fn refuse_dangling(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let tables: Vec<Dangling> =
        sql_query("SELECT DISTINCT \"table\" AS name FROM pragma_foreign_key_check").load(conn)?;
    if tables.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = tables.into_iter().map(|it| it.name).collect();
    Err(StoreError::Migration(format!("rows of {} refer to rows that are not there", names.join(", "))))
}

/// A table with such rows.
#[derive(QueryableByName)]
struct Dangling {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Runs what is pending, each in a transaction of its own. Where a table is in use for long, such as by a dump, it is
/// waited for shortly and again and again: nobody else waits behind a migration that waits.
fn migrate_postgres<P: MigrationSource<Pg>>(conn: &mut PgConnection, source: &P) -> Result<(), StoreError> {
    refuse_newer(conn, source)?;
    let may_pass = Arc::new(AtomicBool::new(false));
    let noted = may_pass.clone();
    // The error of a migration hides that of the database.
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::FinishQuery { error: Some(error), .. } = event {
            noted.store(may_succeed_later(error), Relaxed);
        }
    });
    for migration in conn.pending_migrations(By(source)).map_err(failed)? {
        conn.batch_execute(&format!("SET lock_timeout = {}", LOCK_TIMEOUT.as_millis()))?;
        let began = Instant::now();
        loop {
            may_pass.store(false, Relaxed);
            let started = Instant::now();
            let error = match conn.run_migration(&migration) {
                Ok(version) => break done(&version),
                Err(error) => error,
            };
            // A table that already exists has no name as an error either, but is found at once.
            let may_be_a_lock = may_pass.load(Relaxed) && started.elapsed() >= LOCK_TIMEOUT;
            let again = may_be_a_lock && migration.metadata().run_in_transaction();
            if !again || began.elapsed() >= PATIENCE {
                return Err(failed(error));
            }
            log::warn!("a migration has to wait, and is tried again: {error}");
            sleep(PAUSE);
        }
    }
    Ok(())
}

fn done(version: &MigrationVersion<'_>) {
    log::info!("migrated the database to {version}");
}

/// A source that is lent.
struct By<'a, S>(&'a S);

impl<DB: Backend, S: MigrationSource<DB>> MigrationSource<DB> for By<'_, S> {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<DB>>>> {
        self.0.migrations()
    }
}

/// Whether a migration of this program has not been run.
pub(crate) fn is_behind(url: &DbUrl) -> Result<bool, StoreError> {
    if let DbUrl::Sqlite(path) = url
        && !path.exists()
    {
        return Ok(true);
    }
    match Conn::establish(url)?.writable() {
        Conn::Sqlite(conn) => refuse_newer(conn, &SQLITE).and_then(|()| pending(conn, &SQLITE)),
        Conn::Pg(conn) => refuse_newer(conn, &POSTGRES).and_then(|()| pending(conn, &POSTGRES)),
    }
}

fn pending<C, S>(conn: &mut C, migrations: &S) -> Result<bool, StoreError>
where
    C: Connection + MigrationHarness<C::Backend>,
    S: MigrationSource<C::Backend>,
{
    conn.has_pending_migration(By(migrations)).map_err(failed)
}

/// A schema that has what this program does not know was made by a newer one.
fn refuse_newer<C, S>(conn: &mut C, migrations: &S) -> Result<(), StoreError>
where
    C: Connection + MigrationHarness<C::Backend>,
    S: MigrationSource<C::Backend>,
{
    let known = migrations.migrations().map_err(failed)?;
    let known: Vec<String> = known.iter().map(|it| it.name().version().to_string()).collect();
    let applied = conn.applied_migrations().map_err(failed)?;
    match applied.into_iter().map(|it| it.to_string()).find(|it| !known.contains(it)) {
        Some(unknown) => Err(StoreError::Newer(unknown)),
        None => Ok(()),
    }
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Migration(error.to_string())
}

#[cfg(test)]
mod tests;
