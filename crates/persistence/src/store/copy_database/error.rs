//! The error of a copy of the database.

use std::path::PathBuf;

use crate::{StoreError, store::backup::BackupError};

/// A failure of the copy. The target has no rows then. The message has one line.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error(
        "one of the two databases must be SQLite, the other one PostgreSQL; for two of a kind use `backup` or pg_dump"
    )]
    SameKind,
    #[error("the first database does not exist, or has no tables of this program")]
    NoSource,
    #[error("the first database is behind this program: run `message-manager migrate` with its DATABASE_URL first")]
    OutdatedSource,
    #[error("{} is in use: stop the server and every other program that has it open", .0.display())]
    InUse(PathBuf),
    /// A server has shown itself in the database in the last 30 seconds.
    #[error("a server uses the PostgreSQL database: stop all servers; one that was killed counts for 30 seconds")]
    ServerRuns,
    #[error("the second database is not empty: its table {0} has rows, and nothing is overwritten")]
    NotEmpty(String),
    #[error("{} exists already and is no database of this program: name a file that does not exist", .0.display())]
    Foreign(PathBuf),
    /// The column has a type that this program does not use.
    #[error("the column {0} has the type {1}, which cannot be copied")]
    UnknownType(String, String),
    /// The rows read back from the target differ from the rows written.
    #[error("the copy of the table {0} differs from the original, and was removed")]
    Different(String),
    #[error(transparent)]
    File(#[from] BackupError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<diesel::result::Error> for CopyError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}
