//! Errors of the database, and which of them are worth a retry.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};
use domain::ImpossibleConversation;

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection to the database, or no result in time. It is unknown whether a write was committed.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The transaction was rolled back after every attempt because of locks or conflicts. It may succeed later.
    #[error("the database refused a transaction after all retries: {0}")]
    RetriesExhausted(String),
    /// A serialization failure or a deadlock, for which the writer runs the job again.
    #[error("a transaction conflicts with another one")]
    Conflict(#[source] Error),
    /// A statement failed for another reason, such as a violated constraint.
    #[error("a statement failed")]
    Query(#[source] Error),
    /// A stored value is invalid: this program did not write it.
    #[error("the stored {0} is invalid")]
    Corrupt(&'static str),
    /// A stored conversation breaks a rule of the domain: this program did not write it.
    #[error("a stored conversation is invalid: {0}")]
    ImpossibleConversation(#[from] ImpossibleConversation),
    #[error("migration failed: {0}")]
    Migration(String),
    /// The schema was made by a newer program. The text is the version of the schema.
    #[error("the database's schema ({0}) is newer than this program")]
    Newer(String),
    /// A search was stopped at its deadline.
    #[error("a search took too long")]
    TimedOut,
    /// A database job panicked. The panic message is in the log.
    #[error("a job on the database panicked")]
    Panicked,
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        // SQLite may have rolled back by itself; the cause is the error of the commit.
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
            // PostgreSQL: after a failover the former primary may be read-only.
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction => Self::Unavailable(info.message().to_owned()),
            DatabaseErrorKind::SerializationFailure => Self::Conflict(error),
            DatabaseErrorKind::Unknown if SQLITE_UNAVAILABLE.contains(&info.message()) => {
                Self::Unavailable(info.message().to_owned())
            }
            _ => Self::Query(error),
        }
    }
}

/// Error messages of SQLite that mean that the whole database cannot be used now. Diesel gives no codes for them. The
/// messages are constants of the bundled library. PostgreSQL's messages depend on the language of the server and are
/// compared nowhere.
const SQLITE_UNAVAILABLE: &[&str] = &[
    "database is locked",
    "disk I/O error",
    "database or disk is full",
    "attempt to write a readonly database",
    "unable to open database file",
    "database disk image is malformed",
    "file is not a database",
];

/// Whether a failed transaction should run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Run the transaction again: it failed because of a conflict or a temporary condition.
    Yes,
    /// Run the transaction once more, without other jobs: a constraint violation may come from a race, and this attempt
    /// decides.
    OnceAlone,
    /// Do not run the transaction again: it would fail in the same way.
    No,
}

impl StoreError {
    /// Returns `true` if the same call may succeed later without a change.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::RetriesExhausted(_))
    }

    /// The violated constraint, if the database names one.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Query(Error::DatabaseError(_, info)) | Self::Conflict(Error::DatabaseError(_, info)) => {
                info.constraint_name()
            }
            _ => None,
        }
    }

    /// Whether the transaction that failed with this error should run again.
    ///
    /// Diesel has kinds for only some SQLSTATEs of PostgreSQL: deadlocks, lock and statement timeouts, a full disk and
    /// missing memory have none. A wrong statement has none either, but PostgreSQL reports the position of the fault in
    /// the text. So an error without kind and position may succeed later.
    pub(crate) fn retry(&self, on_postgres: bool) -> Retry {
        match self {
            Self::Conflict(_) => Retry::Yes,
            Self::Query(Error::DatabaseError(kind, info)) if on_postgres => match kind {
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::ExclusionViolation
                | DatabaseErrorKind::RestrictViolation => Retry::OnceAlone,
                _ if is_unknown_without_position(*kind, info.as_ref()) => Retry::Yes,
                _ => Retry::No,
            },
            _ => Retry::No,
        }
    }

    /// The error message of the database, for the log.
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

/// Whether a statement that failed on PostgreSQL may succeed later, by the rule of [`StoreError::retry`].
pub(crate) fn may_succeed_later(error: &Error) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        Error::DatabaseError(kind, info) => is_unknown_without_position(*kind, info.as_ref()),
        _ => false,
    }
}

impl From<r2d2::Error> for StoreError {
    fn from(error: r2d2::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The error of a job: a failure of the database, or a refusal by the job itself.
pub trait JobError: From<StoreError> {
    /// Returns the failure of the database, or `None` for a refusal.
    fn store_error(&self) -> Option<&StoreError>;
}

impl JobError for StoreError {
    fn store_error(&self) -> Option<&StoreError> {
        Some(self)
    }
}

/// The error of a job that is not run again: a temporary failure becomes `Unavailable`.
pub(crate) fn final_error<E: JobError>(error: E, on_postgres: bool) -> E {
    match error.store_error() {
        Some(store_error) if store_error.retry(on_postgres) == Retry::Yes => {
            StoreError::Unavailable(store_error.cause()).into()
        }
        _ => error,
    }
}
