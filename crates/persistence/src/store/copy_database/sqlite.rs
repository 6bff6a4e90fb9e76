//! SQLite as the source or target of a copy.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::{DefaultLoadingMode, SimpleConnection},
    sql_query,
    sql_types::{BigInt, Text},
};
use tempfile::NamedTempFile;

use crate::{
    message_words::MARK_ALL_UNINDEXED,
    sql::{column_types::Ts, schema::epochs},
    store::{
        backup::{close_journal, connect, in_file, replace, temporary_file},
        connection::DbUrl,
        copy_database::{
            error::CopyError,
            rows::{RowSource, RowTarget},
            table::{TableColumns, quoted},
        },
        file_lock::FileLock,
        migrations,
    },
};

/// A row as a JSON array.
#[derive(QueryableByName)]
pub(super) struct JsonRow {
    #[diesel(sql_type = Text)]
    pub(super) row: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// A database that no server uses, and that none can open meanwhile.
pub(super) struct SqliteSource {
    conn: SqliteConnection,
    _alone: FileLock,
}

impl SqliteSource {
    pub(super) fn open(file: &Path) -> Result<Self, CopyError> {
        let alone = lock_alone(file)?;
        let mut conn = connect(file)?;
        conn.batch_execute("BEGIN")?;
        Ok(Self { conn, _alone: alone })
    }
}

impl RowSource for SqliteSource {
    fn for_each_row(
        &mut self,
        table: &TableColumns,
        take: &mut dyn FnMut(String) -> Result<(), CopyError>,
    ) -> Result<(), CopyError> {
        for_each_row(&mut self.conn, table, take)
    }

    fn greatest_id(&mut self, table: &TableColumns) -> Result<i64, CopyError> {
        greatest_id(&mut self.conn, table)
    }
}

/// A new database in a temporary file, which gets its name when it is complete.
pub(super) struct SqliteTarget {
    conn: SqliteConnection,
    temporary: NamedTempFile,
    file: PathBuf,
    _alone: FileLock,
}

impl SqliteTarget {
    pub(super) fn create(file: &Path, tables: &[TableColumns]) -> Result<Self, CopyError> {
        let alone = lock_alone(file)?;
        if file.metadata().is_ok_and(|it| it.len() > 0) {
            refuse_rows(file, tables)?;
        }
        let temporary = temporary_file(file)?;
        migrations::migrate(&DbUrl::Sqlite(temporary.path().to_owned()))?;
        let mut conn = connect(temporary.path())?;
        // The file is synced when it is complete. References are checked at the end.
        conn.batch_execute(
            "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -64000; BEGIN IMMEDIATE",
        )?;
        Ok(Self { conn, temporary, file: file.to_owned(), _alone: alone })
    }

    /// Commits, and gives the file its name.
    pub(super) fn persist(self) -> Result<(), CopyError> {
        let Self { mut conn, temporary, file, _alone } = self;
        conn.batch_execute("COMMIT")?;
        drop(conn);
        close_journal(temporary.path())?;
        if file.exists() {
            close_journal(&file)?;
        }
        Ok(replace(&file, temporary)?)
    }
}

impl RowSource for SqliteTarget {
    fn for_each_row(
        &mut self,
        table: &TableColumns,
        take: &mut dyn FnMut(String) -> Result<(), CopyError>,
    ) -> Result<(), CopyError> {
        for_each_row(&mut self.conn, table, take)
    }

    fn greatest_id(&mut self, table: &TableColumns) -> Result<i64, CopyError> {
        greatest_id(&mut self.conn, table)
    }
}

impl RowTarget for SqliteTarget {
    fn insert(&mut self, table: &TableColumns, rows: &str) -> Result<(), CopyError> {
        sql_query(table.insert_sqlite()).bind::<Text, _>(rows).execute(&mut self.conn)?;
        Ok(())
    }

    fn continue_ids(&mut self, table: &TableColumns, greatest: i64) -> Result<(), CopyError> {
        let changed = sql_query("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?")
            .bind::<BigInt, _>(greatest)
            .bind::<Text, _>(&table.name)
            .execute(&mut self.conn)?;
        if changed == 0 {
            sql_query("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)")
                .bind::<Text, _>(&table.name)
                .bind::<BigInt, _>(greatest)
                .execute(&mut self.conn)?;
        }
        Ok(())
    }

    fn check_references(&mut self) -> Result<(), CopyError> {
        Ok(migrations::refuse_dangling(&mut self.conn)?)
    }

    fn begin_epoch(&mut self, epoch: &str, at: DateTime<Utc>) -> Result<(), CopyError> {
        let row = (epochs::epoch.eq(epoch), epochs::began_at.eq(Ts::from(at)));
        diesel::insert_into(epochs::table).values(row).execute(&mut self.conn)?;
        Ok(self.conn.batch_execute(MARK_ALL_UNINDEXED)?)
    }
}

/// Locks a database against servers and commands.
fn lock_alone(file: &Path) -> Result<FileLock, CopyError> {
    let alone = FileLock::exclusive(file).map_err(in_file(file))?;
    alone.ok_or_else(|| CopyError::InUse(file.to_owned()))
}

/// Fails if an existing file is no database of this program, or has rows.
fn refuse_rows(file: &Path, tables: &[TableColumns]) -> Result<(), CopyError> {
    let mut conn = connect(file)?;
    for table in tables.iter().filter(|table| table.name != "epochs") {
        let query = format!("SELECT count(*) AS count FROM (SELECT 1 FROM {} LIMIT 1)", table.quoted());
        match sql_query(query).get_result::<Count>(&mut conn) {
            Ok(found) if found.count == 0 => {}
            Ok(_) => return Err(CopyError::NotEmpty(table.name.clone())),
            // A table of a newer program may be missing in an empty database of an older one.
            Err(error) if error.to_string().contains("no such table") && is_ours(&mut conn) => {}
            Err(_) => return Err(CopyError::Foreign(file.to_owned())),
        }
    }
    Ok(())
}

fn is_ours(conn: &mut SqliteConnection) -> bool {
    let ours = "SELECT count(*) AS count FROM sqlite_schema WHERE name = '__diesel_schema_migrations'";
    sql_query(ours).get_result::<Count>(conn).is_ok_and(|found| found.count == 1)
}

fn for_each_row(
    conn: &mut SqliteConnection,
    table: &TableColumns,
    take: &mut dyn FnMut(String) -> Result<(), CopyError>,
) -> Result<(), CopyError> {
    for row in sql_query(table.select_sqlite()).load_iter::<JsonRow, DefaultLoadingMode>(conn)? {
        take(row?.row)?;
    }
    Ok(())
}

/// The greatest id that a row of the table has ever had.
fn greatest_id(conn: &mut SqliteConnection, table: &TableColumns) -> Result<i64, CopyError> {
    let kept: Option<Count> = sql_query("SELECT seq AS count FROM sqlite_sequence WHERE name = ?")
        .bind::<Text, _>(&table.name)
        .get_result(conn)
        .optional()?;
    let present = format!("SELECT coalesce(max({}), 0) AS count FROM {}", quoted("id"), table.quoted());
    let present: Count = sql_query(present).get_result(conn)?;
    Ok(kept.map_or(0, |it| it.count).max(present.count))
}
