//! Errors of command-line commands. Each ends the process with exit code 1.

use std::{error::Error, io, net::SocketAddr, path::PathBuf};

use auth::BadPassword;
use desk::{BackupError, OpenError, StoreError, stays::ImportError};

use crate::settings::{EnvFileError, SecretError, SettingsError};

#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    EnvFile(#[from] EnvFileError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Desk(#[from] desk::Error),
    #[error(transparent)]
    Import(#[from] ImportError),
    /// This many rows of an import of stays failed. The printed result contains the errors of each row.
    #[error("Rows that failed: {0}. The output lists the errors of each; the other rows are not affected.")]
    FailedRows(usize),
    #[error("{}: {}", .0.display(), .1)]
    ReadFile(PathBuf, io::Error),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Copy(#[from] desk::CopyError),
    #[error("the database is PostgreSQL: back it up with pg_dump")]
    BackUpPostgres,
    #[error("the database is PostgreSQL: restore it with pg_restore or psql, then run `message-manager new-epoch`")]
    RestorePostgres,
    #[error(transparent)]
    Password(#[from] BadPassword),
    #[error(
        "there is no database at {}: is this the folder of the server, and is DATABASE_URL set as for the server? \
         `message-manager migrate` creates a new database", .0.display()
    )]
    NoDatabase(PathBuf),
    #[error(
        "the PostgreSQL database of DATABASE_URL has no tables of this program: is it the database of the server? \
         `message-manager migrate` creates the tables"
    )]
    EmptyPostgres,
    #[error("The database is behind this program: run `message-manager migrate`.")]
    SchemaOutdated,
    /// The command `doctor` found this many faults and has printed them.
    #[error("{}", if *.0 == 1 { "One thing is wrong.".to_owned() } else { format!("{} things are wrong.", .0) })]
    FaultsFound(usize),
    #[error("--demo lets anybody play a guest: it is refused on {0}, which is not loopback (BIND_ADDRESS).")]
    PublicDemo(SocketAddr),
    #[error("--demo is refused: this database was made neither by --demo nor by `generate`.")]
    DemoOnRealData,
    #[error("cannot listen on {0} (BIND_ADDRESS): {1}")]
    Listen(SocketAddr, io::Error),
    #[error(transparent)]
    WhatsApp(#[from] whatsapp::ClientConfigError),
    #[cfg(feature = "simulator")]
    #[error(transparent)]
    Simulator(#[from] simulator::StartError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl CliError {
    /// The error message, with the messages of all its sources, in one line.
    pub fn in_one_line(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_and_its_sources_are_one_line() {
        let cause = "connection failed:\n\tno such host\n";
        let line = CliError::from(StoreError::Unavailable(cause.to_owned())).in_one_line();
        assert!(line.ends_with(": connection failed: no such host"), "{line}");
    }
}
