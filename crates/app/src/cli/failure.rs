//! Why a command failed.

use std::{error::Error, io, net::SocketAddr, path::PathBuf};

use auth::BadPassword;
use desk::{BackupError, ImportError, OpenError, StoreError};

use crate::settings::{BadEnvFile, BadSettings, SecretError};

/// Why a command failed: exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A setting.
    #[error(transparent)]
    Settings(#[from] BadSettings),
    /// The file of settings.
    #[error(transparent)]
    EnvFile(#[from] BadEnvFile),
    /// The secret that signs tokens.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database, at the start.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A refusal of the desk.
    #[error(transparent)]
    Desk(#[from] desk::Error),
    /// A table of stays that is of no use.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Rows of a table of stays that were not stored. What is wrong with each is in the answer.
    #[error("Rows that failed: {0}. The answer says what is wrong with each; all others are stored.")]
    Rows(usize),
    /// A file that cannot be read.
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, io::Error),
    /// A backup that was not made, or not restored.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// PostgreSQL has its own tools.
    #[error("the database is PostgreSQL: back it up with pg_dump")]
    PgDump,
    /// PostgreSQL has its own tools.
    #[error("the database is PostgreSQL: restore it with pg_restore or psql, then run `message-manager new-epoch`")]
    PgRestore,
    /// A password that is none.
    #[error(transparent)]
    Password(#[from] BadPassword),
    /// The schema is behind.
    #[error("The database is behind this program: run `message-manager migrate`.")]
    Behind,
    /// What the doctor found, which is told already.
    #[error("{}", if *.0 == 1 { "One thing is wrong.".to_owned() } else { format!("{} things are wrong.", .0) })]
    Unwell(usize),
    /// A demo for everybody.
    #[error("--demo lets anybody play a guest: it is refused on {0}, which is not loopback (BIND_ADDRESS).")]
    DemoInPublic(SocketAddr),
    /// A demo with real data.
    #[error("--demo is refused: this database was made neither by --demo nor by `generate`.")]
    NoDemo,
    /// The address to listen on is not to be had.
    #[error("cannot listen on {0} (BIND_ADDRESS): {1}")]
    Listen(SocketAddr, io::Error),
    /// Settings that make no client of the Cloud API.
    #[error(transparent)]
    WhatsApp(#[from] whatsapp::BadSettings),
    /// The stand-in of the Cloud API.
    #[error(transparent)]
    Simulate(#[from] simulator::StartError),
    /// Reading, writing, sockets.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The figures could not be set up.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// An answer that cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl Failure {
    /// What is wrong, with all that led to it, in one line.
    pub fn in_one_line(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_in_one_line() {
        let failure = Failure::from(StoreError::Unavailable("connection failed:\n\tno such host\n".to_owned()));
        assert_eq!(failure.in_one_line(), "the database is away: connection failed: no such host");
    }
}
