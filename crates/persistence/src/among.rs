//! "One of these ids", as a statement that is prepared once, however many they are.
//!
//! diesel writes as many placeholders as there are values for SQLite, and has such statements
//! compiled anew each time: with six joins that takes longer than running them.

use diesel::{
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping},
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Array, BigInt, Bool, Text},
    sqlite::Sqlite,
};

/// See [`among`].
#[derive(Clone, Debug, QueryId, ValidGrouping)]
pub(crate) struct Among<C> {
    column: C,
    ids: Vec<i64>,
    /// The ids as a JSON list, which is how SQLite takes them as one value.
    list: String,
}

/// Whether a column is one of these ids.
pub(crate) fn among<C>(column: C, ids: &[i64]) -> Among<C> {
    let list: Vec<String> = ids.iter().map(i64::to_string).collect();
    Among { column, ids: ids.to_vec(), list: format!("[{}]", list.join(",")) }
}

impl<C: Expression> Expression for Among<C> {
    type SqlType = Bool;
}

impl<C, T> AppearsOnTable<T> for Among<C> where C: AppearsOnTable<T> {}

impl<C, T> SelectableExpression<T> for Among<C> where C: SelectableExpression<T> {}

impl<C: QueryFragment<Pg>> QueryFragment<Pg> for Among<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" = ANY(");
        out.push_bind_param::<Array<BigInt>, _>(&self.ids)?;
        out.push_sql(")");
        Ok(())
    }
}

impl<C: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Among<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT value FROM json_each(");
        out.push_bind_param::<Text, _>(&self.list)?;
        out.push_sql("))");
        Ok(())
    }
}

/// As [`Among`], of texts.
#[derive(Clone, Debug, QueryId, ValidGrouping)]
pub(crate) struct AmongTexts<C> {
    column: C,
    texts: Vec<String>,
    list: String,
}

/// Whether a column is one of these texts, which need no escaping in JSON: they are ids.
pub(crate) fn among_texts<C>(column: C, texts: &[String]) -> AmongTexts<C> {
    let list: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    AmongTexts { column, texts: texts.to_vec(), list: format!("[{}]", list.join(",")) }
}

impl<C: Expression> Expression for AmongTexts<C> {
    type SqlType = Bool;
}

impl<C, T> AppearsOnTable<T> for AmongTexts<C> where C: AppearsOnTable<T> {}

impl<C, T> SelectableExpression<T> for AmongTexts<C> where C: SelectableExpression<T> {}

impl<C: QueryFragment<Pg>> QueryFragment<Pg> for AmongTexts<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" = ANY(");
        out.push_bind_param::<Array<Text>, _>(&self.texts)?;
        out.push_sql(")");
        Ok(())
    }
}

impl<C: QueryFragment<Sqlite>> QueryFragment<Sqlite> for AmongTexts<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT value FROM json_each(");
        out.push_bind_param::<Text, _>(&self.list)?;
        out.push_sql("))");
        Ok(())
    }
}
