//! What can go wrong with a database.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

use crate::store::Failure;

/// A failure of the database, or of what it holds.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is away, or too busy to answer in time. Whether a write under way was done is not known.
    #[error("the database is away: {0}")]
    Unavailable(String),
    /// The database answers, but did not take this transaction, however often it was run. It may take it later.
    #[error("the database did not take a transaction: {0}")]
    Refused(String),
    /// Two transactions stood in each other's way; both can be tried again.
    #[error("a transaction gave way to another")]
    Conflict(#[source] Error),
    /// A statement failed.
    #[error("a statement failed")]
    Query(#[source] Error),
    /// A stored value that this program did not write.
    #[error("the stored {0} makes no sense")]
    Corrupt(&'static str),
    /// The schema could not be brought up to date.
    #[error("migration failed: {0}")]
    Migration(String),
    /// The database was made by a newer program.
    #[error("the database's schema ({0}) is newer than this program")]
    Newer(String),
    /// A job panicked. The panic's message was logged where it happened.
    #[error("a job on the database panicked")]
    Panicked,
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        // SQLite may have rolled back by itself: why the commit failed is what counts.
        if let Error::RollbackErrorOnCommit { commit_error, .. } = error {
            return Self::from(*commit_error);
        }
        let Error::DatabaseError(kind, info) = &error else {
            return match error {
                Error::BrokenTransactionManager => Self::Unavailable(error.to_string()),
                _ => Self::Query(error),
            };
        };
        match kind {
            // PostgreSQL's are kinds of their own: after a failover the former primary may be read only.
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction => Self::Unavailable(info.message().to_owned()),
            DatabaseErrorKind::SerializationFailure => Self::Conflict(error),
            DatabaseErrorKind::Unknown if SQLITE_AWAY.contains(&info.message()) => {
                Self::Unavailable(info.message().to_owned())
            }
            _ => Self::Query(error),
        }
    }
}

/// What SQLite says where the database as a whole cannot be used now. Diesel gives no code for them. They are
/// constants of the library that is compiled in, which knows no other language; PostgreSQL's messages are in the
/// language of the server and are compared nowhere.
const SQLITE_AWAY: &[&str] = &[
    "database is locked",
    "disk I/O error",
    "database or disk is full",
    "attempt to write a readonly database",
    "unable to open database file",
    "database disk image is malformed",
    "file is not a database",
];

/// What may become of a failed transaction if it is run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It stood in another transaction's way, or could not be run at this moment.
    Useful,
    /// It may have lost a race for a unique value, or for a row that it refers to.
    OnceAlone,
    /// The same failure.
    Useless,
}

impl StoreError {
    /// Whether the same may succeed later: the database as a whole is away, or did not take a transaction now.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Refused(_))
    }

    /// Whether its transaction should be run again.
    ///
    /// Diesel names only some of PostgreSQL's SQLSTATEs. Deadlocks, lock and statement timeouts, a full disk and
    /// missing memory are not among them, but statements that are wrong can be told from all of these: PostgreSQL
    /// gives the position of the fault in their text. So what has no name and no position may succeed later.
    pub(crate) fn retry(&self, on_postgres: bool) -> Retry {
        match self {
            Self::Conflict(_) => Retry::Useful,
            Self::Query(Error::DatabaseError(kind, info)) if on_postgres => match kind {
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::ExclusionViolation
                | DatabaseErrorKind::RestrictViolation => Retry::OnceAlone,
                _ if is_unknown_without_position(*kind, info.as_ref()) => Retry::Useful,
                _ => Retry::Useless,
            },
            _ => Retry::Useless,
        }
    }

    /// The database's own words, for the log.
    pub(crate) fn cause(&self) -> String {
        match self {
            Self::Conflict(error) | Self::Query(error) => error.to_string(),
            other => other.to_string(),
        }
    }
}

fn is_unknown_without_position(kind: DatabaseErrorKind, info: &dyn DatabaseErrorInformation) -> bool {
    matches!(kind, DatabaseErrorKind::Unknown) && info.statement_position().is_none()
}

/// Whether what failed on PostgreSQL, such as for a lock, may succeed later: as [`StoreError::retry`] has it.
pub(crate) fn may_succeed_later(error: &Error) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        Error::DatabaseError(kind, info) => is_unknown_without_position(*kind, info.as_ref()),
        _ => false,
    }
}

/// The error of a job that is not run again: what might succeed later is told as unavailable.
pub(crate) fn final_error<E: Failure>(error: E, on_postgres: bool) -> E {
    match error.of_store() {
        Some(of_store) if of_store.retry(on_postgres) == Retry::Useful => {
            StoreError::Unavailable(of_store.cause()).into()
        }
        _ => error,
    }
}

impl From<r2d2::Error> for StoreError {
    fn from(error: r2d2::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl StoreError {
    /// The constraint that a statement violated, where the database names one.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Query(Error::DatabaseError(_, info)) | Self::Conflict(Error::DatabaseError(_, info)) => {
                info.constraint_name()
            }
            _ => None,
        }
    }
}
