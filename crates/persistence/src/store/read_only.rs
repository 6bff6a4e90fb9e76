//! Read-only connections: only `SELECT` statements compile on them, also with row locks.

use diesel::{
    PgConnection, QueryResult, RunQueryDsl, SqliteConnection,
    backend::Backend,
    query_builder::{AstPass, BoxedSelectStatement, Query, QueryFragment, QueryId, SelectStatement},
    query_dsl::methods::LoadQuery,
};

use crate::sql::cached_statement::Prepared;

/// A connection that cannot write. It implements none of diesel's traits for connections, and only `SELECT`
/// statements can be loaded on it, so a job cannot change a transaction through the connection for queries.
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

    /// The inner connection, which can write. Callers outside this file use
    /// [`Conn::writable`](crate::store::connection::Conn::writable).
    pub(crate) fn writable(&mut self) -> &mut C {
        &mut self.0
    }
}

/// A statement that changes nothing. Row locks are allowed, because they need no rollback.
pub trait Select {}

impl<F, S, D, W, O, LOf, G, H, LC> Select for SelectStatement<F, S, D, W, O, LOf, G, H, LC> {}
impl<ST, QS, DB, GB> Select for BoxedSelectStatement<'_, ST, QS, DB, GB> {}
impl<Q: Select> Select for Prepared<Q> {}

/// Raw SQL that begins with `SELECT`. Made by [`select_sql`].
pub(crate) struct SelectSql<Q>(Q);

/// Marks raw SQL as a query. The caller guarantees that the text begins with `SELECT`.
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

/// Implements loading of these types of statements on read-only connections.
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
