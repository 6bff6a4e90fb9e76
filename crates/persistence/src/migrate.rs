//! The schema's history, which is in the binary.

use diesel::{Connection, backend::Backend, connection::SimpleConnection, migration::MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{
    StoreError,
    conn::{Conn, DbUrl},
};

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Any constant will do: several nodes that start at once wait for one another at it.
const ADVISORY_LOCK: i64 = 7_206_311_551;

/// Brings the schema up to date.
pub(crate) fn migrate(url: &DbUrl) -> Result<(), StoreError> {
    match Conn::establish(url)?.writable() {
        Conn::Sqlite(conn) => {
            refuse_newer(conn, &SQLITE)?;
            if pending(conn, SQLITE)? {
                // Programs that start at once wait for one another at the write lock.
                conn.immediate_transaction(|conn| run(conn, SQLITE))?;
            }
            // Deletes nothing, and is refused all the same where the file cannot be written.
            Ok(conn.batch_execute("DELETE FROM __diesel_schema_migrations WHERE version IS NULL")?)
        }
        Conn::Pg(conn) => {
            conn.batch_execute(&format!(
                "SET lock_timeout = 0; SET statement_timeout = 0; SELECT pg_advisory_lock({ADVISORY_LOCK})"
            ))?;
            let result = run(conn, POSTGRES);
            conn.batch_execute(&format!("SELECT pg_advisory_unlock({ADVISORY_LOCK})"))?;
            result
        }
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
        Conn::Sqlite(conn) => refuse_newer(conn, &SQLITE).and_then(|()| pending(conn, SQLITE)),
        Conn::Pg(conn) => refuse_newer(conn, &POSTGRES).and_then(|()| pending(conn, POSTGRES)),
    }
}

fn run<C>(conn: &mut C, migrations: EmbeddedMigrations) -> Result<(), StoreError>
where
    C: Connection + MigrationHarness<C::Backend>,
    C::Backend: Backend,
    EmbeddedMigrations: MigrationSource<C::Backend>,
{
    refuse_newer(conn, &migrations)?;
    let done = conn.run_pending_migrations(migrations).map_err(failed)?;
    for version in done {
        log::info!("migrated the database to {version}");
    }
    Ok(())
}

fn pending<C>(conn: &mut C, migrations: EmbeddedMigrations) -> Result<bool, StoreError>
where
    C: Connection + MigrationHarness<C::Backend>,
    EmbeddedMigrations: MigrationSource<C::Backend>,
{
    conn.has_pending_migration(migrations).map_err(failed)
}

/// A schema that has what this program does not know was made by a newer one.
fn refuse_newer<C>(conn: &mut C, migrations: &EmbeddedMigrations) -> Result<(), StoreError>
where
    C: Connection + MigrationHarness<C::Backend>,
    EmbeddedMigrations: MigrationSource<C::Backend>,
{
    let known = MigrationSource::<C::Backend>::migrations(migrations).map_err(failed)?;
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
