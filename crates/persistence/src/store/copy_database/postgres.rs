//! PostgreSQL as the source or target of a copy.

use chrono::{DateTime, Utc};
use diesel::{
    Connection, ExpressionMethods, PgConnection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    pg::PgRowByRowLoadingMode,
    sql_query,
    sql_types::{BigInt, Bool, Text},
};

use crate::{
    StoreError,
    message_words::MARK_ALL_UNINDEXED,
    sql::{column_types::Ts, schema::epochs},
    store::{
        connection::DbUrl,
        copy_database::{
            error::CopyError,
            rows::{RowSource, RowTarget},
            sqlite::JsonRow,
            table::{ColumnKind, CopiedColumn, NOT_COPIED, TableColumns, quoted},
        },
        migrations::{self, ADVISORY_LOCK},
    },
};

/// The columns of the tables of this program. Computed columns are left out.
const COLUMNS: &str = "SELECT c.table_name::text AS table_name, c.column_name::text AS column_name, \
    c.data_type::text AS data_type, c.is_identity = 'YES' AS is_identity \
    FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name) \
    WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER' \
    ORDER BY c.table_name, c.ordinal_position";

/// The references between tables.
const REFERENCES: &str = "SELECT conrelid::regclass::text AS table_name, conname::text AS name, \
    pg_get_constraintdef(oid) AS definition FROM pg_constraint \
    WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY 1, 2";

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    data_type: String,
    #[diesel(sql_type = Bool)]
    is_identity: bool,
}

#[derive(QueryableByName)]
struct Reference {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// A connection with an open transaction, which ends with [`PostgresSide::commit`] or is rolled back. Servers that start
/// meanwhile wait.
pub(super) struct PostgresSide {
    conn: PgConnection,
    /// The references that were dropped for the copy, because rows of different tables refer to each other.
    references: Vec<Reference>,
}

impl PostgresSide {
    /// Opens a database to read from it, and returns its tables.
    pub(super) fn open_source(url: &DbUrl) -> Result<(Self, Vec<TableColumns>), CopyError> {
        let mut side = Self::open(url, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let tables = side.tables()?;
        Ok((side, tables))
    }

    /// Migrates an empty database and opens it to write to it. Returns its tables. Fails if one has rows.
    pub(super) fn open_target(url: &DbUrl) -> Result<(Self, Vec<TableColumns>), CopyError> {
        // The database of another version is not migrated if it is in use.
        if migrations::has_schema(url)? && Self::open(url, "BEGIN")?.is_true("EXISTS (SELECT 1 FROM hotels)")? {
            return Err(CopyError::NotEmpty("hotels".to_owned()));
        }
        migrations::migrate(url)?;
        let mut side = Self::open(url, "BEGIN")?;
        let tables = side.tables()?;
        for table in tables.iter().filter(|table| table.name != "epochs") {
            if side.is_true(&format!("EXISTS (SELECT 1 FROM {})", table.quoted()))? {
                return Err(CopyError::NotEmpty(table.name.clone()));
            }
        }
        // A database that was only migrated has an epoch and nothing else.
        side.conn.batch_execute("DELETE FROM epochs")?;
        side.references = sql_query(REFERENCES).load(&mut side.conn)?;
        for reference in &side.references {
            let name = quoted(&reference.name);
            side.conn.batch_execute(&format!("ALTER TABLE {} DROP CONSTRAINT {name}", reference.table_name))?;
        }
        Ok((side, tables))
    }

    pub(super) fn commit(mut self) -> Result<(), CopyError> {
        Ok(self.conn.batch_execute("COMMIT")?)
    }

    fn open(url: &DbUrl, begin: &str) -> Result<Self, CopyError> {
        let DbUrl::Postgres(url) = url else { return Err(CopyError::SameKind) };
        let unavailable = |error: diesel::ConnectionError| StoreError::Unavailable(error.to_string());
        let mut conn = PgConnection::establish(url).map_err(unavailable)?;
        // Servers that start wait at this lock before they migrate.
        conn.batch_execute(&format!(
            "SET statement_timeout = 0; SET lock_timeout = '10s'; SET timezone = 'UTC'; SET jit = off; \
             SELECT pg_advisory_lock({ADVISORY_LOCK})"
        ))?;
        // Statements of one call are one transaction, whose kind can only be set before its first query.
        conn.batch_execute(begin)?;
        let mut side = Self { conn, references: Vec::new() };
        let alive = "EXISTS (SELECT 1 FROM nodes WHERE seen_at > clock_timestamp() - interval '30 seconds')";
        if side.is_true(alive)? { Err(CopyError::ServerRuns) } else { Ok(side) }
    }

    fn is_true(&mut self, condition: &str) -> Result<bool, CopyError> {
        let found: Answer = sql_query(format!("SELECT {condition} AS answer")).get_result(&mut self.conn)?;
        Ok(found.answer)
    }

    fn tables(&mut self) -> Result<Vec<TableColumns>, CopyError> {
        let mut tables: Vec<TableColumns> = Vec::new();
        let columns: Vec<ColumnRow> = sql_query(COLUMNS).load(&mut self.conn)?;
        for row in columns.into_iter().filter(|row| !NOT_COPIED.contains(&row.table_name.as_str())) {
            let kind = ColumnKind::of(&row.table_name, &row.column_name, &row.data_type)?;
            if tables.last().is_none_or(|table| table.name != row.table_name) {
                tables.push(TableColumns { name: row.table_name, columns: Vec::new(), has_ids: false });
            }
            if let Some(table) = tables.last_mut() {
                table.has_ids |= row.is_identity;
                table.columns.push(CopiedColumn { name: row.column_name, kind });
            }
        }
        Ok(tables)
    }
}

impl RowSource for PostgresSide {
    fn for_each_row(
        &mut self,
        table: &TableColumns,
        take: &mut dyn FnMut(String) -> Result<(), CopyError>,
    ) -> Result<(), CopyError> {
        let query = sql_query(table.select_postgres());
        for row in query.load_iter::<JsonRow, PgRowByRowLoadingMode>(&mut self.conn)? {
            take(row?.row)?;
        }
        Ok(())
    }

    fn greatest_id(&mut self, table: &TableColumns) -> Result<i64, CopyError> {
        let sequence = "pg_sequence_last_value(pg_get_serial_sequence($1, 'id')::regclass)";
        let query =
            format!("SELECT greatest(coalesce({sequence}, 0), coalesce(max(id), 0)) AS id FROM {}", table.quoted());
        let found: Id = sql_query(query).bind::<Text, _>(table.quoted()).get_result(&mut self.conn)?;
        Ok(found.id)
    }
}

impl RowTarget for PostgresSide {
    fn insert(&mut self, table: &TableColumns, rows: &str) -> Result<(), CopyError> {
        sql_query(table.insert_postgres()).bind::<Text, _>(rows).execute(&mut self.conn)?;
        Ok(())
    }

    fn continue_ids(&mut self, table: &TableColumns, greatest: i64) -> Result<(), CopyError> {
        if greatest > 0 {
            sql_query("SELECT setval(pg_get_serial_sequence($1, 'id')::regclass, $2)")
                .bind::<Text, _>(table.quoted())
                .bind::<BigInt, _>(greatest)
                .execute(&mut self.conn)?;
        }
        Ok(())
    }

    fn check_references(&mut self) -> Result<(), CopyError> {
        for Reference { table_name, name, definition } in &self.references {
            let name = quoted(name);
            self.conn.batch_execute(&format!("ALTER TABLE {table_name} ADD CONSTRAINT {name} {definition}"))?;
        }
        Ok(())
    }

    fn begin_epoch(&mut self, epoch: &str, at: DateTime<Utc>) -> Result<(), CopyError> {
        let row = (epochs::epoch.eq(epoch), epochs::began_at.eq(Ts::from(at)));
        diesel::insert_into(epochs::table).values(row).execute(&mut self.conn)?;
        Ok(self.conn.batch_execute(MARK_ALL_UNINDEXED)?)
    }
}
