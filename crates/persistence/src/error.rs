//! What can go wrong with a database.

use diesel::result::{DatabaseErrorKind, Error};

/// A failure of the database, or of what it holds.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is away, or too busy to answer in time. Whether a write under way was done is not known.
    #[error("the database is away: {0}")]
    Unavailable(String),
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
        match &error {
            Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _) | Error::BrokenTransactionManager => {
                Self::Unavailable(error.to_string())
            }
            Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Self::Conflict(error),
            Error::DatabaseError(_, info) => {
                let told = info.message();
                if told.contains("deadlock detected") {
                    Self::Conflict(error)
                } else if AWAY.iter().any(|sign| told.contains(sign)) {
                    Self::Unavailable(told.to_owned())
                } else {
                    Self::Query(error)
                }
            }
            _ => Self::Query(error),
        }
    }
}

/// Messages of libpq, PostgreSQL and SQLite that mean that the database as a whole is not to be used now,
/// rather than that this statement is wrong. Diesel gives no code for them.
const AWAY: &[&str] = &[
    "server closed the connection",
    "connection to server",
    "no connection to the server",
    "terminating connection",
    "could not receive data from server",
    "could not send data to server",
    "the database system is",
    "canceling statement due to",
    "too many clients",
    "No space left on device",
    "in a read-only transaction",
    "database is locked",
    "disk I/O error",
    "database or disk is full",
    "attempt to write a readonly database",
    "unable to open database file",
    "database disk image is malformed",
    "file is not a database",
];

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
