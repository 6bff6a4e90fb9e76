//! Runs the product's statements as text, prepared once for each connection.
//!
//! The texts were copied from the database's log (`log_statement = all`). Diesel only executes them.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use diesel::{
    PgConnection, QueryResult, RunQueryDsl, SqliteConnection,
    backend::Backend,
    connection::{Connection, SimpleConnection},
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::Error,
    sql_types::{Array, BigInt, Bool, Nullable, SqlType, Text, Timestamptz},
    sqlite::Sqlite,
};

use crate::{BenchError, BenchResult};

/// A connection to either database, with the product's settings.
pub enum BaselineConnection {
    Pg(PgConnection),
    Sqlite(SqliteConnection),
}

/// Runs an expression with the connection of either database.
macro_rules! on_db {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::baseline::sql::BaselineConnection::Pg($c) => $body,
            $crate::baseline::sql::BaselineConnection::Sqlite($c) => $body,
        }
    };
}
pub(crate) use on_db;

impl BaselineConnection {
    pub fn open(url: &str) -> BenchResult<Self> {
        let Some(file) = url.strip_prefix("sqlite://") else {
            let mut conn = PgConnection::establish(url)?;
            conn.batch_execute(
                "SET statement_timeout = '15s'; SET lock_timeout = '10s'; SET timezone = 'UTC'; \
                 SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off",
            )?;
            return Ok(Self::Pg(conn));
        };
        let mut conn = SqliteConnection::establish(file)?;
        conn.batch_execute(
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY",
        )?;
        Ok(Self::Sqlite(conn))
    }

    /// Runs a text without values and without preparing it, such as COMMIT.
    pub fn run(&mut self, sql: &str) -> QueryResult<()> {
        on_db!(self, |c| c.batch_execute(sql))
    }

    /// Runs a write.
    pub fn change(&mut self, sql: &'static str, values: &[SqlValue<'_>]) -> QueryResult<usize> {
        let statement = statement::<BigInt>(sql, values);
        on_db!(self, |c| statement.execute(c))
    }

    /// Runs a statement that returns one number.
    pub fn number(&mut self, sql: &'static str, values: &[SqlValue<'_>]) -> QueryResult<i64> {
        let statement = statement::<BigInt>(sql, values);
        on_db!(self, |c| statement.get_result(c))
    }

    /// Begins a read transaction, as the product does for each response.
    pub fn begin_snapshot(&mut self) -> QueryResult<()> {
        match self {
            Self::Pg(c) => c.batch_execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"),
            Self::Sqlite(c) => c.batch_execute("BEGIN DEFERRED"),
        }
    }
}

/// Opens the connections of the pool.
pub struct BaselineConnectionManager(pub String);

impl r2d2::ManageConnection for BaselineConnectionManager {
    type Connection = BaselineConnection;
    type Error = ConnectError;

    fn connect(&self) -> Result<BaselineConnection, ConnectError> {
        BaselineConnection::open(&self.0).map_err(ConnectError)
    }

    fn is_valid(&self, _: &mut BaselineConnection) -> Result<(), ConnectError> {
        Ok(())
    }

    fn has_broken(&self, _: &mut BaselineConnection) -> bool {
        false
    }
}

#[derive(Debug)]
pub struct ConnectError(BenchError);

impl std::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ConnectError {}

/// The value of a `?`.
pub enum SqlValue<'a> {
    Number(i64),
    Text(&'a str),
    Flag(bool),
    Time(DateTime<Utc>, i64),
    Null,
    /// The condition after a column: `= ANY(…)`, or `IN (…)` with a JSON list.
    OneOf(&'a [i64], String),
    /// Columns of rows, for `unnest` on PostgreSQL.
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<&'a str>>),
    Flags(Vec<bool>),
    Times(Vec<DateTime<Utc>>),
}

impl<'a> SqlValue<'a> {
    pub fn time(at: DateTime<Utc>) -> Self {
        Self::Time(at, at.timestamp_micros())
    }

    pub fn one_of(ids: &'a [i64]) -> Self {
        let list: Vec<String> = ids.iter().map(i64::to_string).collect();
        Self::OneOf(ids, format!("[{}]", list.join(",")))
    }
}

/// A statement with its values and the types of its columns.
pub fn statement<'a, Columns>(sql: &'static str, values: &'a [SqlValue<'a>]) -> SqlStatement<'a, Columns> {
    SqlStatement { sql, values, columns: PhantomData }
}

pub struct SqlStatement<'a, Columns> {
    sql: &'static str,
    values: &'a [SqlValue<'a>],
    columns: PhantomData<Columns>,
}

impl<Columns> QueryId for SqlStatement<'_, Columns> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Columns> Query for SqlStatement<'_, Columns> {
    type SqlType = Columns;
}

impl<Columns, BaselineConnection> RunQueryDsl<BaselineConnection> for SqlStatement<'_, Columns> {}

impl<Columns> QueryFragment<Pg> for SqlStatement<'_, Columns> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut values = self.values.iter();
        for (n, text) in self.sql.split('?').enumerate() {
            if n > 0 {
                match values.next().ok_or(Error::NotFound)? {
                    SqlValue::Number(it) => out.push_bind_param::<BigInt, _>(it)?,
                    SqlValue::Text(it) => out.push_bind_param::<Text, str>(it)?,
                    SqlValue::Flag(it) => out.push_bind_param::<Bool, _>(it)?,
                    SqlValue::Numbers(it) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(it)?,
                    SqlValue::Texts(it) => out.push_bind_param::<Array<Nullable<Text>>, _>(it)?,
                    SqlValue::Flags(it) => out.push_bind_param::<Array<Bool>, _>(it)?,
                    SqlValue::Times(it) => out.push_bind_param::<Array<Timestamptz>, _>(it)?,
                    SqlValue::Time(it, _) => out.push_bind_param::<Timestamptz, _>(it)?,
                    SqlValue::Null => out.push_sql("NULL"),
                    SqlValue::OneOf(ids, _) => {
                        out.push_sql("= ANY(");
                        out.push_bind_param::<Array<BigInt>, _>(ids)?;
                        out.push_sql(")");
                    }
                }
            }
            out.push_sql(text);
        }
        Ok(())
    }
}

impl<Columns> QueryFragment<Sqlite> for SqlStatement<'_, Columns> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut values = self.values.iter();
        for (n, text) in self.sql.split('?').enumerate() {
            if n > 0 {
                match values.next().ok_or(Error::NotFound)? {
                    SqlValue::Number(it) => out.push_bind_param::<BigInt, _>(it)?,
                    SqlValue::Text(it) => out.push_bind_param::<Text, str>(it)?,
                    SqlValue::Flag(it) => out.push_bind_param::<Bool, _>(it)?,
                    SqlValue::Time(_, micros) => out.push_bind_param::<BigInt, _>(micros)?,
                    SqlValue::Null => out.push_sql("NULL"),
                    SqlValue::OneOf(_, list) => {
                        out.push_sql("IN (SELECT value FROM json_each(");
                        out.push_bind_param::<Text, _>(list)?;
                        out.push_sql("))");
                    }
                    SqlValue::Numbers(_) | SqlValue::Texts(_) | SqlValue::Flags(_) | SqlValue::Times(_) => {
                        return Err(Error::QueryBuilderError("SQLite has no columns of values".into()));
                    }
                }
            }
            out.push_sql(text);
        }
        Ok(())
    }
}

/// SQL type of a time: `TIMESTAMPTZ`, or microseconds as an integer.
#[derive(Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct Moment;

/// SQL type of a JSON document: `JSONB`, or text.
#[derive(Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 3802, array_oid = 3807))]
#[diesel(sqlite_type(name = "Text"))]
pub struct Document;

#[derive(Clone, Copy, Debug, FromSqlRow, AsExpression)]
#[diesel(sql_type = Moment)]
pub struct SqlTime(pub DateTime<Utc>);

#[derive(Clone, Debug, FromSqlRow, AsExpression)]
#[diesel(sql_type = Document)]
pub struct JsonText(pub String);

impl FromSql<Moment, Pg> for SqlTime {
    fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
        <DateTime<Utc> as FromSql<Timestamptz, Pg>>::from_sql(bytes).map(Self)
    }
}

impl FromSql<Moment, Sqlite> for SqlTime {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        DateTime::from_timestamp_micros(micros).map(Self).ok_or_else(|| "a time out of range".into())
    }
}

impl FromSql<Document, Pg> for JsonText {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes() {
            [1, text @ ..] => Ok(Self(std::str::from_utf8(text)?.to_owned())),
            _ => Err("an unknown version of jsonb".into()),
        }
    }
}

impl FromSql<Document, Sqlite> for JsonText {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <String as FromSql<Text, Sqlite>>::from_sql(value).map(Self)
    }
}
