//! The product's statements, written out: prepared once for each connection, run as they are.
//!
//! As its log shows them (`log_statement = all`, and SQLite's alike). Diesel only carries them.

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

use crate::{Failure, Outcome};

/// A connection to either database, with the product's settings.
pub enum Conn {
    Pg(PgConnection),
    Sqlite(SqliteConnection),
}

/// Runs one text on either.
macro_rules! on_db {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::baseline::sql::Conn::Pg($c) => $body,
            $crate::baseline::sql::Conn::Sqlite($c) => $body,
        }
    };
}
pub(crate) use on_db;

impl Conn {
    /// Connects to a `DATABASE_URL`.
    pub fn open(url: &str) -> Outcome<Self> {
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

    /// Runs what has no values, prepared by nobody: the ends of transactions.
    pub fn run(&mut self, sql: &str) -> QueryResult<()> {
        on_db!(self, |c| c.batch_execute(sql))
    }

    /// Runs a change.
    pub fn change(&mut self, sql: &'static str, values: &[Value<'_>]) -> QueryResult<usize> {
        let statement = statement::<BigInt>(sql, values);
        on_db!(self, |c| statement.execute(c))
    }

    /// Asks for one whole number, or runs a change that returns one.
    pub fn number(&mut self, sql: &'static str, values: &[Value<'_>]) -> QueryResult<i64> {
        let statement = statement::<BigInt>(sql, values);
        on_db!(self, |c| statement.get_result(c))
    }

    /// Begins a snapshot, as the product does for what it answers.
    pub fn begin_snapshot(&mut self) -> QueryResult<()> {
        match self {
            Self::Pg(c) => c.batch_execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"),
            Self::Sqlite(c) => c.batch_execute("BEGIN DEFERRED"),
        }
    }
}

/// Lends connections.
pub struct Connections(pub String);

impl r2d2::ManageConnection for Connections {
    type Connection = Conn;
    type Error = Refused;

    fn connect(&self) -> Result<Conn, Refused> {
        Conn::open(&self.0).map_err(Refused)
    }

    fn is_valid(&self, _: &mut Conn) -> Result<(), Refused> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Conn) -> bool {
        false
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub struct Refused(Failure);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

/// A value in the place of a `?`.
pub enum Value<'a> {
    Number(i64),
    Text(&'a str),
    Flag(bool),
    Time(DateTime<Utc>, i64),
    Null,
    /// In the place of a whole condition: `= ANY(…)`, or `IN (…)` of a JSON list.
    Among(&'a [i64], String),
    /// Columns of rows, for `unnest` on PostgreSQL.
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<&'a str>>),
    Flags(Vec<bool>),
    Times(Vec<DateTime<Utc>>),
}

impl<'a> Value<'a> {
    pub fn time(at: DateTime<Utc>) -> Self {
        Self::Time(at, at.timestamp_micros())
    }

    pub fn among(ids: &'a [i64]) -> Self {
        let list: Vec<String> = ids.iter().map(i64::to_string).collect();
        Self::Among(ids, format!("[{}]", list.join(",")))
    }
}

/// A statement with its values, and the columns it gives.
pub fn statement<'a, Columns>(sql: &'static str, values: &'a [Value<'a>]) -> Statement<'a, Columns> {
    Statement { sql, values, columns: PhantomData }
}

pub struct Statement<'a, Columns> {
    sql: &'static str,
    values: &'a [Value<'a>],
    columns: PhantomData<Columns>,
}

impl<Columns> QueryId for Statement<'_, Columns> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Columns> Query for Statement<'_, Columns> {
    type SqlType = Columns;
}

impl<Columns, Conn> RunQueryDsl<Conn> for Statement<'_, Columns> {}

impl<Columns> QueryFragment<Pg> for Statement<'_, Columns> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut values = self.values.iter();
        for (n, text) in self.sql.split('?').enumerate() {
            if n > 0 {
                match values.next().ok_or(Error::NotFound)? {
                    Value::Number(it) => out.push_bind_param::<BigInt, _>(it)?,
                    Value::Text(it) => out.push_bind_param::<Text, str>(it)?,
                    Value::Flag(it) => out.push_bind_param::<Bool, _>(it)?,
                    Value::Numbers(it) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(it)?,
                    Value::Texts(it) => out.push_bind_param::<Array<Nullable<Text>>, _>(it)?,
                    Value::Flags(it) => out.push_bind_param::<Array<Bool>, _>(it)?,
                    Value::Times(it) => out.push_bind_param::<Array<Timestamptz>, _>(it)?,
                    Value::Time(it, _) => out.push_bind_param::<Timestamptz, _>(it)?,
                    Value::Null => out.push_sql("NULL"),
                    Value::Among(ids, _) => {
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

impl<Columns> QueryFragment<Sqlite> for Statement<'_, Columns> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut values = self.values.iter();
        for (n, text) in self.sql.split('?').enumerate() {
            if n > 0 {
                match values.next().ok_or(Error::NotFound)? {
                    Value::Number(it) => out.push_bind_param::<BigInt, _>(it)?,
                    Value::Text(it) => out.push_bind_param::<Text, str>(it)?,
                    Value::Flag(it) => out.push_bind_param::<Bool, _>(it)?,
                    Value::Time(_, micros) => out.push_bind_param::<BigInt, _>(micros)?,
                    Value::Null => out.push_sql("NULL"),
                    Value::Among(_, list) => {
                        out.push_sql("IN (SELECT value FROM json_each(");
                        out.push_bind_param::<Text, _>(list)?;
                        out.push_sql("))");
                    }
                    Value::Numbers(_) | Value::Texts(_) | Value::Flags(_) | Value::Times(_) => {
                        return Err(Error::QueryBuilderError("SQLite has no columns of values".into()));
                    }
                }
            }
            out.push_sql(text);
        }
        Ok(())
    }
}

/// A moment: `TIMESTAMPTZ`, or microseconds as an integer.
#[derive(Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct Moment;

/// A JSON document: `JSONB`, or text.
#[derive(Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 3802, array_oid = 3807))]
#[diesel(sqlite_type(name = "Text"))]
pub struct Document;

/// A moment as it is read.
#[derive(Clone, Copy, Debug, FromSqlRow, AsExpression)]
#[diesel(sql_type = Moment)]
pub struct Time(pub DateTime<Utc>);

/// A document as it is read.
#[derive(Clone, Debug, FromSqlRow, AsExpression)]
#[diesel(sql_type = Document)]
pub struct Json(pub String);

impl FromSql<Moment, Pg> for Time {
    fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
        <DateTime<Utc> as FromSql<Timestamptz, Pg>>::from_sql(bytes).map(Self)
    }
}

impl FromSql<Moment, Sqlite> for Time {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        DateTime::from_timestamp_micros(micros).map(Self).ok_or_else(|| "a time out of range".into())
    }
}

impl FromSql<Document, Pg> for Json {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes() {
            [1, text @ ..] => Ok(Self(std::str::from_utf8(text)?.to_owned())),
            _ => Err("an unknown version of jsonb".into()),
        }
    }
}

impl FromSql<Document, Sqlite> for Json {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <String as FromSql<Text, Sqlite>>::from_sql(value).map(Self)
    }
}
