//! Statements that are prepared once, where diesel would have them compiled anew each time.
//!
//! diesel cannot know that an update, an upsert or a list of rows always has one of a few texts, and
//! keeps none of them. Compiling takes either database longer than running.

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl,
    backend::Backend,
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping},
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{BigInt, Bool},
};

/// The one number that a statement in our own words returns, under this name.
#[derive(QueryableByName)]
pub(crate) struct Number {
    #[diesel(sql_type = BigInt)]
    pub(crate) number: i64,
}

/// See [`prepared`].
pub(crate) struct Prepared<Q>(Q);

/// Keeps the statement compiled, under its text: for those of which there are few texts. Not for `execute`, which
/// asks a reference to the statement whether it may be kept, and hears diesel's answer instead of ours: what
/// changes something returns a row.
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

/// None of its own: it is known by its text.
impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for Prepared<Q> {}

/// See [`fixed`].
#[derive(Clone, Copy, Debug, ValidGrouping)]
pub(crate) struct Fixed(&'static str);

/// A condition in our own words, without values, in a statement that is kept compiled all the same. An index of some
/// rows is used where the condition for these rows stands in the statement as it does in the index: with a placeholder
/// in it, neither database can know.
pub(crate) const fn fixed(condition: &'static str) -> Fixed {
    Fixed(condition)
}

impl Expression for Fixed {
    type SqlType = Bool;
}

impl<T> AppearsOnTable<T> for Fixed {}

impl<T> SelectableExpression<T> for Fixed {}

impl<DB: Backend> QueryFragment<DB> for Fixed {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        pass.push_sql(self.0);
        Ok(())
    }
}

/// None of its own: it is known by its text.
impl QueryId for Fixed {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
