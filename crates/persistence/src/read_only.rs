//! Connections that can read and lock rows, but not write: what compiles on them are `SELECT`s.

use diesel::{
    PgConnection, QueryResult, RunQueryDsl, SqliteConnection,
    backend::Backend,
    query_builder::{AstPass, BoxedSelectStatement, Query, QueryFragment, QueryId, SelectStatement},
    query_dsl::methods::LoadQuery,
};

use crate::prepared::Prepared;

/// A connection that can only be read from. It implements none of diesel's traits for connections, and only
/// `Select`s can be loaded on it, so a transaction cannot be changed by who was given it to ask.
///
/// ```
/// # use diesel::prelude::*;
/// # use persistence::Conn;
/// fn ask(conn: &mut Conn) -> QueryResult<i32> {
///     let one = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("1"));
///     match conn {
///         Conn::Pg(conn) => one.get_result(conn),
///         Conn::Sqlite(conn) => one.get_result(conn),
///     }
/// }
/// ```
///
/// ```compile_fail
/// # use diesel::prelude::*;
/// # use persistence::Conn;
/// fn write(conn: &mut Conn) -> QueryResult<usize> {
///     let text = diesel::sql_query("DELETE FROM messages");
///     match conn {
///         Conn::Pg(conn) => text.execute(conn),
///         Conn::Sqlite(conn) => text.execute(conn),
///     }
/// }
/// ```
///
/// ```compile_fail
/// # use diesel::prelude::*;
/// # use persistence::Conn;
/// diesel::table! { hotels (id) { id -> BigInt, } }
/// fn write(conn: &mut Conn) -> QueryResult<i64> {
///     let inserted = diesel::insert_into(hotels::table).values(hotels::id.eq(1)).returning(hotels::id);
///     match conn {
///         Conn::Pg(conn) => inserted.get_result(conn),
///         Conn::Sqlite(conn) => inserted.get_result(conn),
///     }
/// }
/// ```
pub struct ReadOnly<C>(C);

impl<C> ReadOnly<C> {
    pub(crate) fn new(conn: C) -> Self {
        Self(conn)
    }

    /// The connection itself. Callers outside this file take [`crate::conn::Conn::writable`].
    pub(crate) fn writable(&mut self) -> &mut C {
        &mut self.0
    }
}

/// A statement that changes nothing. One that locks rows is among them: a lock needs no rollback.
pub trait Select {}

impl<F, S, D, W, O, LOf, G, H, LC> Select for SelectStatement<F, S, D, W, O, LOf, G, H, LC> {}
impl<ST, QS, DB, GB> Select for BoxedSelectStatement<'_, ST, QS, DB, GB> {}
impl<Q: Select> Select for Prepared<Q> {}

/// See [`select_sql`].
pub(crate) struct SelectSql<Q>(Q);

/// Vouches that a statement in our own words only asks: its text begins with `SELECT`.
pub(crate) fn select_sql<Q>(statement: Q) -> SelectSql<Q> {
    SelectSql(statement)
}

impl<Q> Select for SelectSql<Q> {}
impl<Q, C> RunQueryDsl<C> for SelectSql<Q> {}

impl<Q: Query> Query for SelectSql<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> QueryId for SelectSql<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for SelectSql<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }
}

/// Lets these types be loaded on connections that are read only.
macro_rules! loads {
    ($([$($param:tt)*] $statement:ty),* $(,)?) => {$(
        loads!(@on PgConnection, [$($param)*] $statement);
        loads!(@on SqliteConnection, [$($param)*] $statement);
    )*};
    (@on $conn:ty, [$($param:tt)*] $statement:ty) => {
        impl<'query, $($param)*, U> LoadQuery<'query, ReadOnly<$conn>, U> for $statement
        where
            Self: Select + LoadQuery<'query, $conn, U> + RunQueryDsl<ReadOnly<$conn>>,
        {
            type RowIter<'conn> = <Self as LoadQuery<'query, $conn, U>>::RowIter<'conn>;

            fn internal_load(self, conn: &mut ReadOnly<$conn>) -> QueryResult<Self::RowIter<'_>> {
                LoadQuery::<$conn, U>::internal_load(self, &mut conn.0)
            }
        }
    };
}

loads! {
    [F, S, D, W, O, LOf, G, H, LC] SelectStatement<F, S, D, W, O, LOf, G, H, LC>,
    ['a, ST, QS, DB, GB] BoxedSelectStatement<'a, ST, QS, DB, GB>,
    [Q] Prepared<Q>,
    [Q] SelectSql<Q>,
}
