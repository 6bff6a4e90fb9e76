//! Rows of PostgreSQL as a single column: a statement that returns rows of different shapes needs one column per shape.

use diesel::{
    deserialize::{self, FromSql, FromSqlRow, Queryable},
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping},
    pg::{Pg, PgValue},
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::Record,
};

/// `ROW(…)` of several columns. Made by [`record`].
#[derive(Clone, Copy, Debug, QueryId, ValidGrouping)]
pub(crate) struct RecordOf<T>(T);

/// Joins columns to one column, which is read as [`RecordRow`].
pub(crate) fn record<T>(columns: T) -> RecordOf<T> {
    RecordOf(columns)
}

impl<T: Expression> Expression for RecordOf<T>
where
    T::SqlType: 'static,
{
    type SqlType = Record<T::SqlType>;
}

impl<T, QS> AppearsOnTable<QS> for RecordOf<T>
where
    T: AppearsOnTable<QS>,
    Self: Expression,
{
}

impl<T, QS> SelectableExpression<QS> for RecordOf<T>
where
    T: SelectableExpression<QS>,
    Self: AppearsOnTable<QS>,
{
}

impl<T: QueryFragment<Pg>> QueryFragment<Pg> for RecordOf<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("ROW(");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// A value that is read from the columns of a record.
#[derive(Clone, Copy, Debug, FromSqlRow)]
pub(crate) struct RecordRow<T>(pub(crate) T);

impl<T, ST> FromSql<Record<ST>, Pg> for RecordRow<T>
where
    ST: 'static,
    T: Queryable<ST, Pg>,
    T::Row: FromSql<Record<ST>, Pg>,
{
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(T::build(T::Row::from_sql(value)?)?))
    }
}
