//! Copy of a whole database from SQLite to PostgreSQL, or back.
//!
//! The columns are those of PostgreSQL, with a few kinds of values (`ColumnKind`). Each row travels as a JSON array in
//! which both databases write every value in the same form, so one digest covers both sides. Rows are streamed, and
//! inserted in bounded batches. The target is complete or empty: PostgreSQL gets one transaction, SQLite a temporary
//! file that is renamed at the end.

mod digest;
mod error;
mod postgres;
mod rows;
mod sqlite;
mod table;

pub use error::CopyError;

use chrono::{DateTime, Utc};

use self::{
    digest::TableDigest,
    postgres::PostgresSide,
    rows::{RowSource, RowTarget},
    sqlite::{SqliteSource, SqliteTarget},
    table::TableColumns,
};
use crate::store::{
    connection::DbUrl,
    migrations::{has_pending_migrations, has_schema},
};

/// The most rows of a batch.
const MAX_BATCH_ROWS: usize = 500;
/// The size of a batch, in bytes of its JSON, beyond which it gets no further row.
const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// A table whose copy was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    pub name: String,
    pub rows: u64,
    /// The digest of all rows, in hexadecimal digits. It does not depend on their order.
    pub digest: String,
}

/// A step of the copy, for a report to the person who waits.
#[derive(Clone, Copy, Debug)]
pub enum CopyStep<'a> {
    /// So many rows of the table are written.
    Copying(&'a str, u64),
    /// The written rows are read again and compared.
    Verifying(&'a str),
    /// The constraints between tables are checked.
    CheckingReferences,
}

/// Copies all rows of a database into an empty database of the other kind, verifies the copy and begins a new epoch in
/// it. Ids stay the same. No server may use either database. On failure the target has no rows.
pub fn copy_database(
    from: &DbUrl,
    to: &DbUrl,
    (epoch, at): (&str, DateTime<Utc>),
    report: &mut dyn FnMut(CopyStep<'_>),
) -> Result<Vec<CopiedTable>, CopyError> {
    if matches!((from, to), (DbUrl::Sqlite(_), DbUrl::Sqlite(_)) | (DbUrl::Postgres(_), DbUrl::Postgres(_))) {
        return Err(CopyError::SameKind);
    }
    if !has_schema(from)? {
        return Err(CopyError::NoSource);
    }
    if has_pending_migrations(from)? {
        return Err(CopyError::OutdatedSource);
    }
    match (from, to) {
        (DbUrl::Sqlite(file), DbUrl::Postgres(_)) => {
            let mut source = SqliteSource::open(file)?;
            let (mut target, tables) = PostgresSide::open_target(to)?;
            let copied = copy_tables(&mut source, &mut target, &tables, (epoch, at), report)?;
            target.commit()?;
            Ok(copied)
        }
        (DbUrl::Postgres(_), DbUrl::Sqlite(file)) => {
            let (mut source, tables) = PostgresSide::open_source(from)?;
            let mut target = SqliteTarget::create(file, &tables)?;
            let copied = copy_tables(&mut source, &mut target, &tables, (epoch, at), report)?;
            target.persist()?;
            Ok(copied)
        }
        _ => Err(CopyError::SameKind),
    }
}

fn copy_tables(
    source: &mut dyn RowSource,
    target: &mut dyn RowTarget,
    tables: &[TableColumns],
    (epoch, at): (&str, DateTime<Utc>),
    report: &mut dyn FnMut(CopyStep<'_>),
) -> Result<Vec<CopiedTable>, CopyError> {
    let mut written = Vec::with_capacity(tables.len());
    for table in tables {
        written.push(copy_rows(source, target, table, report)?);
        if table.has_ids {
            target.continue_ids(table, source.greatest_id(table)?)?;
        }
    }
    report(CopyStep::CheckingReferences);
    target.check_references()?;
    let mut copied = Vec::with_capacity(tables.len());
    for (table, written) in tables.iter().zip(written) {
        report(CopyStep::Verifying(&table.name));
        let mut found = TableDigest::default();
        target.for_each_row(table, &mut |row| found.add(table, &row))?;
        if found != written {
            return Err(CopyError::Different(table.name.clone()));
        }
        copied.push(CopiedTable { name: table.name.clone(), rows: found.rows(), digest: found.to_string() });
    }
    target.begin_epoch(epoch, at)?;
    Ok(copied)
}

/// Copies the rows of one table in batches. Returns the digest of the rows that were read.
fn copy_rows(
    source: &mut dyn RowSource,
    target: &mut dyn RowTarget,
    table: &TableColumns,
    report: &mut dyn FnMut(CopyStep<'_>),
) -> Result<TableDigest, CopyError> {
    let mut digest = TableDigest::default();
    let (mut batch, mut rows) = (String::new(), 0);
    source.for_each_row(table, &mut |row| {
        digest.add(table, &row)?;
        batch.push(if rows == 0 { '[' } else { ',' });
        batch.push_str(&row);
        rows += 1;
        if rows >= MAX_BATCH_ROWS || batch.len() >= MAX_BATCH_BYTES {
            batch.push(']');
            target.insert(table, &batch)?;
            (batch, rows) = (String::new(), 0);
            report(CopyStep::Copying(&table.name, digest.rows()));
        }
        Ok(())
    })?;
    if rows > 0 {
        batch.push(']');
        target.insert(table, &batch)?;
    }
    report(CopyStep::Copying(&table.name, digest.rows()));
    Ok(digest)
}
