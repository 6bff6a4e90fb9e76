//! Statements that stay prepared although diesel would compile them each time. Diesel does not know that an update, an
//! upsert or a list of rows has one of a few texts, and does not cache them. Compiling takes either database longer
//! than running.

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl,
    backend::Backend,
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping},
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{BigInt, Bool, Nullable, Text},
};

/// The result of raw SQL that returns one column named `number`.
#[derive(QueryableByName)]
pub(crate) struct Number {
    #[diesel(sql_type = BigInt)]
    pub(crate) number: i64,
}

/// A query whose prepared statement is cached by its SQL text. Made by [`prepared`].
pub(crate) struct Prepared<Q>(Q);

/// Caches the prepared statement by its SQL text. Use only for queries with few distinct texts. `execute` ignores the
/// override, so write statements must use `returning` and `get_result`.
pub(crate) fn prepared<Q>(statement: Q) -> Prepared<Q> {
    Prepared(statement)
}

impl<Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

// No diesel query id, so that the prepared statement is cached by its SQL text.
impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for Prepared<Q> {}

/// A literal SQL condition without bound values. Made by [`fixed`].
#[derive(Clone, Copy, Debug, ValidGrouping)]
pub(crate) struct Fixed(&'static str);

/// A literal SQL expression of a text or null, without bound values. Made by [`fixed_text`].
#[derive(Clone, Copy, Debug, ValidGrouping)]
pub(crate) struct FixedText(&'static str);

/// A literal condition without bound values, in a statement that can still be cached. The planner uses a partial index
/// only if the condition of the index stands literally in the query; with a placeholder it cannot prove the match.
pub(crate) const fn fixed(condition: &'static str) -> Fixed {
    Fixed(condition)
}

/// A literal expression of a text or null, such as a subquery, in a statement that can still be cached.
pub(crate) const fn fixed_text(expression: &'static str) -> FixedText {
    FixedText(expression)
}

/// Makes a type with one literal text an SQL expression.
macro_rules! literal_expressions {
    ($($name:ident: $sql_type:ty),+) => {$(
        impl Expression for $name {
            type SqlType = $sql_type;
        }

        impl<T> AppearsOnTable<T> for $name {}

        impl<T> SelectableExpression<T> for $name {}

        impl<DB: Backend> QueryFragment<DB> for $name {
            fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                pass.push_sql(self.0);
                Ok(())
            }
        }

        // No diesel query id, so that the prepared statement is cached by its SQL text.
        impl QueryId for $name {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }
    )+};
}

literal_expressions!(Fixed: Bool, FixedText: Nullable<Text>);
