//! Conditions "column is one of these values", with one bound value however many there are, so that the statement stays
//! prepared. Diesel writes one placeholder per value for SQLite and compiles such statements each time: with six joins
//! that takes longer than running them.

use diesel::{
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping},
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Array, BigInt, Bool, Text},
    sqlite::Sqlite,
};

/// Defines the condition "column is one of these values" for one type of values.
macro_rules! one_of {
    ($(#[$doc:meta])* $name:ident, $value:ty, $sql_type:ty) => {
        $(#[$doc])*
        #[derive(Clone, Debug, QueryId, ValidGrouping)]
        pub(crate) struct $name<C> {
            column: C,
            values: Vec<$value>,
            /// The values as a JSON list, because SQLite has no array type.
            list: String,
        }

        impl<C: Expression> Expression for $name<C> {
            type SqlType = Bool;
        }

        impl<C, T> AppearsOnTable<T> for $name<C> where C: AppearsOnTable<T> {}

        impl<C, T> SelectableExpression<T> for $name<C> where C: SelectableExpression<T> {}

        impl<C: QueryFragment<Pg>> QueryFragment<Pg> for $name<C> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                self.column.walk_ast(out.reborrow())?;
                out.push_sql(" = ANY(");
                out.push_bind_param::<Array<$sql_type>, _>(&self.values)?;
                out.push_sql(")");
                Ok(())
            }
        }

        impl<C: QueryFragment<Sqlite>> QueryFragment<Sqlite> for $name<C> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
                self.column.walk_ast(out.reborrow())?;
                out.push_sql(" IN (SELECT value FROM json_each(");
                out.push_bind_param::<Text, _>(&self.list)?;
                out.push_sql("))");
                Ok(())
            }
        }
    };
}

one_of!(
    /// The condition that a column is one of these ids. Made by [`among`].
    Among, i64, BigInt
);
one_of!(
    /// The condition that a column is one of these texts. Made by [`among_texts`].
    AmongTexts, String, Text
);

/// Returns the condition that the column is one of these ids.
pub(crate) fn among<C>(column: C, ids: &[i64]) -> Among<C> {
    let list: Vec<String> = ids.iter().map(i64::to_string).collect();
    Among { column, values: ids.to_vec(), list: format!("[{}]", list.join(",")) }
}

/// Returns the condition that the column is one of these texts, which must need no escaping in JSON.
pub(crate) fn among_texts<C>(column: C, texts: &[String]) -> AmongTexts<C> {
    let list: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    AmongTexts { column, values: texts.to_vec(), list: format!("[{}]", list.join(",")) }
}
