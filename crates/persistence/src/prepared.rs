//! Statements that are prepared once, where diesel would have them compiled anew each time.
//!
//! diesel cannot know that an update, an upsert or a list of rows always has one of a few texts, and
//! keeps none of them. Compiling takes either database longer than running.

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl,
    backend::Backend,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::BigInt,
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
