//! Connections to either database, their settings, and transactions on them.

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use diesel::{
    Connection, PgConnection, QueryResult, SqliteConnection,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
};

use crate::{
    StoreError,
    store::{locks, private_files::create_private, read_only::ReadOnly},
};

/// A parsed `DATABASE_URL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbUrl {
    /// An SQLite database: the path of its file.
    Sqlite(PathBuf),
    /// A PostgreSQL database: its `postgres://` URL.
    Postgres(String),
}

/// An invalid `DATABASE_URL`. The error message is for people.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDbUrl {
    #[error("DATABASE_URL must begin with sqlite:// or postgres://")]
    Scheme,
    #[error("DATABASE_URL names no file: sqlite://data/message_manager.db is a usual one")]
    NoFile,
    #[error("DATABASE_URL asks for TLS (sslmode), and this build has none: build it with the cargo feature `tls`")]
    NoTls,
}

impl std::str::FromStr for DbUrl {
    type Err = InvalidDbUrl;

    fn from_str(url: &str) -> Result<Self, InvalidDbUrl> {
        if let Some(file) = url.strip_prefix("sqlite://") {
            return if file.is_empty() || file.contains('\0') {
                Err(InvalidDbUrl::NoFile)
            } else {
                Ok(Self::Sqlite(file.into()))
            };
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(InvalidDbUrl::Scheme);
        }
        let requires_tls =
            ["require", "verify-ca", "verify-full"].iter().any(|mode| url.contains(&format!("sslmode={mode}")));
        if requires_tls && !cfg!(feature = "tls") {
            return Err(InvalidDbUrl::NoTls);
        }
        Ok(Self::Postgres(url.to_owned()))
    }
}

/// How long to wait for other processes that open a new SQLite file at the same time.
const WAL_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to either database. By default only queries compile on it ([`ReadOnly`]). Diesel's `MultiConnection` is
/// not used, because it lacks upserts, `as_returning` and row locks.
pub enum Conn<P = ReadOnly<PgConnection>, S = ReadOnly<SqliteConnection>> {
    Pg(P),
    Sqlite(S),
}

/// A connection on which any statement compiles, including changes.
pub(crate) type WriteConn<'a> = Conn<&'a mut PgConnection, &'a mut SqliteConnection>;

/// Evaluates one diesel expression on the connection of either database.
macro_rules! on_db {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::store::connection::Conn::Pg($c) => $body,
            $crate::store::connection::Conn::Sqlite($c) => $body,
        }
    };
}
pub(crate) use on_db;

impl WriteConn<'_> {
    pub(crate) fn reborrow(&mut self) -> WriteConn<'_> {
        match self {
            Self::Pg(conn) => Conn::Pg(conn),
            Self::Sqlite(conn) => Conn::Sqlite(conn),
        }
    }
}

impl Conn {
    pub(crate) fn establish(url: &DbUrl) -> Result<Self, StoreError> {
        let unavailable = |error: diesel::result::Error| StoreError::Unavailable(error.to_string());
        match url {
            DbUrl::Postgres(url) => {
                let mut conn =
                    PgConnection::establish(url).map_err(|error| StoreError::Unavailable(error.to_string()))?;
                // Every statement has one good plan for all values, and planning takes longer than running. The plan is
                // kept, so it must not be a scan that is only good while the table is small.
                conn.batch_execute(
                    "SET statement_timeout = '15s'; SET lock_timeout = '10s'; SET timezone = 'UTC'; \
                     SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off",
                )
                .map_err(unavailable)?;
                Ok(Self::Pg(ReadOnly::new(conn)))
            }
            DbUrl::Sqlite(path) => {
                let file = path;
                let path = path.to_str().ok_or_else(|| StoreError::Unavailable("the file name is not UTF-8".into()))?;
                if !file.exists() {
                    create_private(file).map_err(|error| StoreError::Unavailable(format!("{path}: {error}")))?;
                }
                let mut conn =
                    SqliteConnection::establish(path).map_err(|error| StoreError::Unavailable(error.to_string()))?;
                enable_wal(&mut conn).map_err(unavailable)?;
                // `synchronous = FULL`: acknowledged writes survive a power failure. Automatic checkpoints at 16 MB are
                // for writers whose queue is never empty.
                conn.batch_execute(
                    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000; \
                     PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000",
                )
                .map_err(unavailable)?;
                Ok(Self::Sqlite(ReadOnly::new(conn)))
            }
        }
    }

    /// The same connection, but for any statement, including changes.
    pub(crate) fn writable(&mut self) -> WriteConn<'_> {
        match self {
            Self::Pg(conn) => Conn::Pg(conn.writable()),
            Self::Sqlite(conn) => Conn::Sqlite(conn.writable()),
        }
    }

    /// The same connection, but for any statement, for tests of this crate.
    #[cfg(feature = "test-access")]
    pub fn unrestricted(&mut self) -> Conn<&mut PgConnection, &mut SqliteConnection> {
        self.writable()
    }

    /// Begins a read transaction whose queries all see the same moment.
    pub(crate) fn begin_snapshot(&mut self) -> QueryResult<()> {
        match self.writable() {
            Conn::Pg(conn) => AnsiTransactionManager::begin_transaction_sql(
                conn,
                "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
            ),
            Conn::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN DEFERRED"),
        }
    }

    /// Lets the database cancel each statement of this transaction that takes longer. SQLite cancels none.
    pub(crate) fn limit_statements(&mut self, limit: Duration) -> QueryResult<()> {
        match self.writable() {
            Conn::Pg(conn) => conn.batch_execute(&format!("SET LOCAL statement_timeout = {}", limit.as_millis())),
            Conn::Sqlite(_) => Ok(()),
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Pg(_))
    }

    /// Sets how long statements wait for row locks, and prepares the statement that locks conversations. Does nothing
    /// on SQLite.
    pub(crate) fn prepare_to_write(&mut self, lock_timeout: Duration) -> QueryResult<()> {
        match self.writable() {
            Conn::Pg(conn) => {
                conn.batch_execute(&format!("SET lock_timeout = {}", lock_timeout.as_millis()))?;
                locks::prepare(conn)
            }
            Conn::Sqlite(_) => Ok(()),
        }
    }

    pub(crate) fn commit(&mut self) -> QueryResult<()> {
        on_db!(self.writable(), |c| AnsiTransactionManager::commit_transaction(c))
    }

    pub(crate) fn rollback(&mut self) -> QueryResult<()> {
        on_db!(self.writable(), |c| AnsiTransactionManager::rollback_transaction(c))
    }

    /// Copies SQLite's write-ahead log into the database file, as far as readers permit. The writer calls this when no
    /// job is queued. PostgreSQL needs no call.
    pub(crate) fn checkpoint(&mut self) {
        if let Conn::Sqlite(conn) = self.writable()
            && let Err(error) = conn.batch_execute("PRAGMA wal_checkpoint(PASSIVE)")
        {
            log::warn!("checkpoint of the write-ahead log failed, next attempt after further commits: {error}");
        }
    }

    /// Whether the connection to the database is lost. A statement outside a transaction does not mark a lost
    /// connection; the snapshot that is begun here does, so that the pool drops it.
    pub(crate) fn is_lost(&mut self) -> bool {
        self.begin_snapshot().and_then(|()| self.rollback()).is_err()
    }

    /// Whether the connection must not be used again, because it is lost or inside a transaction.
    pub(crate) fn is_broken(&mut self) -> bool {
        on_db!(self.writable(), |c| {
            let status = AnsiTransactionManager::transaction_manager_status_mut(c);
            !matches!(status.transaction_depth(), Ok(None))
        })
    }
}

/// Sets the busy timeout and the WAL mode. SQLite ignores the busy timeout for the change of the mode: if several
/// processes open a new file at once, all but one get an error, so the change is retried.
fn enable_wal(conn: &mut SqliteConnection) -> QueryResult<()> {
    let start = Instant::now();
    conn.batch_execute("PRAGMA busy_timeout = 5000")?;
    loop {
        match conn.batch_execute("PRAGMA journal_mode = WAL") {
            Err(error) if error.to_string().contains("database is locked") && start.elapsed() < WAL_TIMEOUT => {
                thread::sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
}

/// Opens and checks the connections in the pool of readers.
pub(crate) struct ConnManager(pub(crate) DbUrl);

impl r2d2::ManageConnection for ConnManager {
    type Connection = Conn;
    type Error = StoreError;

    fn connect(&self) -> Result<Conn, StoreError> {
        Conn::establish(&self.0)
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), StoreError> {
        on_db!(conn.writable(), |c| c.batch_execute("SELECT 1")).map_err(StoreError::from)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        thread::panicking() || conn.is_broken()
    }
}
