//! A connection to either database, and the transaction on it.

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use diesel::{
    Connection, PgConnection, QueryResult, SqliteConnection,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
};

use crate::{StoreError, read_only::ReadOnly};

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbUrl {
    /// A file of the embedded database.
    Sqlite(PathBuf),
    /// A PostgreSQL server, as a `postgres://` URL.
    Postgres(String),
}

/// A `DATABASE_URL` that names no database. Its display is a sentence for a person.
#[derive(Debug, thiserror::Error)]
pub enum BadDbUrl {
    /// Another scheme.
    #[error("DATABASE_URL must begin with sqlite:// or postgres://")]
    Scheme,
    /// SQLite without a file.
    #[error("DATABASE_URL names no file: sqlite://data/message_manager.db is a usual one")]
    NoFile,
    /// This build has no TLS to PostgreSQL, and the URL asks for it.
    #[error("DATABASE_URL asks for TLS (sslmode), and this build has none: build it with the cargo feature `tls`")]
    NoTls,
}

impl std::str::FromStr for DbUrl {
    type Err = BadDbUrl;

    fn from_str(url: &str) -> Result<Self, BadDbUrl> {
        if let Some(file) = url.strip_prefix("sqlite://") {
            return if file.is_empty() || file.contains('\0') {
                Err(BadDbUrl::NoFile)
            } else {
                Ok(Self::Sqlite(file.into()))
            };
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(BadDbUrl::Scheme);
        }
        let asks_for_tls =
            ["require", "verify-ca", "verify-full"].iter().any(|mode| url.contains(&format!("sslmode={mode}")));
        if asks_for_tls && !cfg!(feature = "tls") {
            return Err(BadDbUrl::NoTls);
        }
        Ok(Self::Postgres(url.to_owned()))
    }
}

/// How long a new SQLite file may be busy with being made.
const WAIT: Duration = Duration::from_secs(5);

/// A connection to either database. Without parameters it can only be read from ([`ReadOnly`]).
///
/// Not diesel's `MultiConnection`: that loses upserts, `as_returning` and row locks.
pub enum Conn<P = ReadOnly<PgConnection>, S = ReadOnly<SqliteConnection>> {
    /// To PostgreSQL.
    Pg(P),
    /// To the SQLite file.
    Sqlite(S),
}

/// A connection that can also be written to.
pub(crate) type WriteConn<'a> = Conn<&'a mut PgConnection, &'a mut SqliteConnection>;

/// Runs one query text on whichever database the connection goes to.
macro_rules! on_db {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::conn::Conn::Pg($c) => $body,
            $crate::conn::Conn::Sqlite($c) => $body,
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
    /// Connects.
    pub(crate) fn establish(url: &DbUrl) -> Result<Self, StoreError> {
        let broken = |error: diesel::result::Error| StoreError::Unavailable(error.to_string());
        match url {
            DbUrl::Postgres(url) => {
                let mut conn =
                    PgConnection::establish(url).map_err(|error| StoreError::Unavailable(error.to_string()))?;
                // Our statements have one good plan, whatever the values: making it anew each time takes
                // longer than running it. It is kept, so it must not be one that reads a whole table because
                // that is still small: the indexes are there for all that is asked often.
                conn.batch_execute(
                    "SET statement_timeout = '15s'; SET lock_timeout = '10s'; SET timezone = 'UTC'; \
                     SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off",
                )
                .map_err(broken)?;
                Ok(Self::Pg(ReadOnly::new(conn)))
            }
            DbUrl::Sqlite(path) => {
                let path =
                    path.to_str().ok_or_else(|| StoreError::Unavailable("the file's name is no UTF-8".into()))?;
                let mut conn =
                    SqliteConnection::establish(path).map_err(|error| StoreError::Unavailable(error.to_string()))?;
                use_wal(&mut conn).map_err(broken)?;
                // FULL: what was acknowledged survives a power cut. The last is for
                // when there is never a quiet moment: 16 MB.
                conn.batch_execute(
                    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000; \
                     PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000",
                )
                .map_err(broken)?;
                Ok(Self::Sqlite(ReadOnly::new(conn)))
            }
        }
    }

    /// The same connection, to write to.
    pub(crate) fn writable(&mut self) -> WriteConn<'_> {
        match self {
            Self::Pg(conn) => Conn::Pg(conn.writable()),
            Self::Sqlite(conn) => Conn::Sqlite(conn.writable()),
        }
    }

    /// The same connection, for any statement: for tests of this crate only.
    #[cfg(feature = "test-access")]
    pub fn unrestricted(&mut self) -> Conn<&mut PgConnection, &mut SqliteConnection> {
        self.writable()
    }

    /// Begins a transaction that sees one moment of the database in all its queries.
    pub(crate) fn begin_snapshot(&mut self) -> QueryResult<()> {
        match self.writable() {
            Conn::Pg(conn) => AnsiTransactionManager::begin_transaction_sql(
                conn,
                "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
            ),
            Conn::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN DEFERRED"),
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Pg(_))
    }

    /// How long statements wait for other transactions' locks from now on. SQLite has no locks of rows.
    pub(crate) fn set_lock_timeout(&mut self, timeout: Duration) -> QueryResult<()> {
        match self.writable() {
            Conn::Pg(conn) => conn.batch_execute(&format!("SET lock_timeout = {}", timeout.as_millis())),
            Conn::Sqlite(_) => Ok(()),
        }
    }

    pub(crate) fn commit(&mut self) -> QueryResult<()> {
        on_db!(self.writable(), |c| AnsiTransactionManager::commit_transaction(c))
    }

    pub(crate) fn rollback(&mut self) -> QueryResult<()> {
        on_db!(self.writable(), |c| AnsiTransactionManager::rollback_transaction(c))
    }

    /// Moves what SQLite has in its write-ahead log into the database file, as far as no reader needs it
    /// there: better now, when nobody waits, than within somebody's commit. PostgreSQL does so by itself.
    pub(crate) fn checkpoint(&mut self) {
        if let Conn::Sqlite(conn) = self.writable()
            && let Err(error) = conn.batch_execute("PRAGMA wal_checkpoint(PASSIVE)")
        {
            log::warn!("the write-ahead log could not be taken over, which is tried again: {error}");
        }
    }

    /// Whether it must not be used again: cut, or left in the middle of a transaction.
    pub(crate) fn is_broken(&mut self) -> bool {
        on_db!(self.writable(), |c| {
            let status = AnsiTransactionManager::transaction_manager_status_mut(c);
            !matches!(status.transaction_depth(), Ok(None))
        })
    }
}

/// Waits for others' locks from here on, and keeps a write-ahead log. For the change to that SQLite itself
/// does not wait: programs that open a new file at once would refuse one another.
fn use_wal(conn: &mut SqliteConnection) -> QueryResult<()> {
    let start = Instant::now();
    conn.batch_execute("PRAGMA busy_timeout = 5000")?;
    loop {
        match conn.batch_execute("PRAGMA journal_mode = WAL") {
            Err(error) if error.to_string().contains("database is locked") && start.elapsed() < WAIT => {
                thread::sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
}

/// Lends connections to readers.
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
