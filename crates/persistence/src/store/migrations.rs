//! Schema migrations, which are embedded in the binary.

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
    dsl::sql,
    migration::{Migration, MigrationSource, MigrationVersion},
    pg::Pg,
    sql_query,
    sql_types::{Bool, Text},
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{
    StoreError,
    error::may_succeed_later,
    staff,
    store::connection::{Conn, DbUrl},
};

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// The key of an advisory lock, an arbitrary constant. Nodes that start at the same time wait for each other at this
/// lock.
pub(crate) const ADVISORY_LOCK: i64 = 7_206_311_551;

/// How long one attempt of a migration waits for a table lock on PostgreSQL. Meanwhile statements of other nodes queue
/// behind the request for the lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause between two attempts of a migration, in which statements of other nodes can use the table.
const RETRY_DELAY: Duration = Duration::from_secs(2);
/// How long a migration is retried: a dump may hold locks on all tables while it runs.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Migrates the schema to the current version.
pub(crate) fn migrate(url: &DbUrl) -> Result<(), StoreError> {
    migrate_by(url, &SQLITE, &POSTGRES)?;
    // The databases have no NFKC, so no migration can do this.
    staff::fill_username_keys(Conn::establish(url)?.writable())
}

/// Migrates the schema by the migrations of a folder, for tests.
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
            // Changes nothing, but fails if the file is not writable.
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

/// Runs pending migrations in one transaction. SQLite can only change a table by copying it and dropping the original.
/// Enabled foreign keys would delete or refuse the rows that refer to it, and they cannot be disabled inside a
/// transaction. So they are disabled before, and checked before the commit.
fn migrate_sqlite<S: MigrationSource<Sqlite>>(conn: &mut SqliteConnection, source: &S) -> Result<(), StoreError> {
    conn.batch_execute("PRAGMA foreign_keys = OFF")?;
    // Processes that start at the same time wait for each other at the write lock.
    let migrated = conn.immediate_transaction(|conn| {
        refuse_newer(conn, source)?;
        for migration in conn.pending_migrations(BorrowedSource(source)).map_err(failed)? {
            log_migration(&conn.run_migration(&migration).map_err(failed)?);
        }
        refuse_dangling(conn)
    });
    conn.batch_execute("PRAGMA foreign_keys = ON")?;
    migrated
}

/// Fails if a row refers to a row that does not exist.
pub(crate) fn refuse_dangling(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let tables: Vec<Dangling> =
        sql_query("SELECT DISTINCT \"table\" AS name FROM pragma_foreign_key_check").load(conn)?;
    if tables.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = tables.into_iter().map(|it| it.name).collect();
    Err(StoreError::Migration(format!("rows of {} refer to rows that do not exist", names.join(", "))))
}

/// A table with rows that refer to missing rows.
#[derive(QueryableByName)]
struct Dangling {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Runs pending migrations, each in its own transaction. If a table is locked for long, such as by a dump, the lock is
/// requested again and again for a short time, so that statements of other nodes do not queue behind it.
fn migrate_postgres<P: MigrationSource<Pg>>(conn: &mut PgConnection, source: &P) -> Result<(), StoreError> {
    refuse_newer(conn, source)?;
    let is_temporary = Arc::new(AtomicBool::new(false));
    let noted = is_temporary.clone();
    // The error of a migration hides the error of the database, so the latter is recorded here.
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::FinishQuery { error: Some(error), .. } = event {
            noted.store(may_succeed_later(error), Relaxed);
        }
    });
    for migration in conn.pending_migrations(BorrowedSource(source)).map_err(failed)? {
        conn.batch_execute(&format!("SET lock_timeout = {}", LOCK_TIMEOUT.as_millis()))?;
        let first_attempt = Instant::now();
        loop {
            is_temporary.store(false, Relaxed);
            let started = Instant::now();
            let error = match conn.run_migration(&migration) {
                Ok(version) => break log_migration(&version),
                Err(error) => error,
            };
            // Errors such as an existing table have no diesel kind either, but they occur at once, not after the lock
            // timeout.
            let may_be_a_lock = is_temporary.load(Relaxed) && started.elapsed() >= LOCK_TIMEOUT;
            let can_retry = may_be_a_lock && migration.metadata().run_in_transaction();
            if !can_retry || first_attempt.elapsed() >= MIGRATION_TIMEOUT {
                return Err(failed(error));
            }
            log::warn!("a migration waits for a table lock, next attempt in 2 s: {error}");
            sleep(RETRY_DELAY);
        }
    }
    Ok(())
}

fn log_migration(version: &MigrationVersion<'_>) {
    log::info!("migrated the database to {version}");
}

/// A borrowed migration source, for functions of diesel that take an owned one.
struct BorrowedSource<'a, S>(&'a S);

impl<DB: Backend, S: MigrationSource<DB>> MigrationSource<DB> for BorrowedSource<'_, S> {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<DB>>>> {
        self.0.migrations()
    }
}

/// Whether there is a database with a schema of this program, of any version. Creates nothing.
pub(crate) fn has_schema(url: &DbUrl) -> Result<bool, StoreError> {
    if let DbUrl::Sqlite(path) = url
        && !path.metadata().is_ok_and(|file| file.len() > 0)
    {
        return Ok(false);
    }
    match Conn::establish(url)?.writable() {
        Conn::Sqlite(_) => Ok(true),
        Conn::Pg(conn) => {
            let found = "to_regclass('__diesel_schema_migrations') IS NOT NULL";
            Ok(diesel::select(sql::<Bool>(found)).get_result(conn)?)
        }
    }
}

/// Returns `true` if schema migrations are pending. Changes nothing.
pub(crate) fn has_pending_migrations(url: &DbUrl) -> Result<bool, StoreError> {
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
    conn.has_pending_migration(BorrowedSource(migrations)).map_err(failed)
}

/// Fails if the schema contains a migration that this program does not have.
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
