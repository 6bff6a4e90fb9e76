//! Commands `backup` and `restore` of the SQLite database.

use std::path::{Path, PathBuf};

use clap::Args;
use desk::{DbUrl, Desk, back_up};
use serde_json::{Value, json};

use crate::{clock::clock, error::CliError, settings::Settings};

#[derive(Args)]
pub struct Backup {
    /// The file to create; it must not exist yet
    file: PathBuf,
}

#[derive(Args)]
pub struct Restore {
    /// The backup; it is not changed
    file: PathBuf,
}

impl Backup {
    pub fn run(self, settings: &Settings) -> Result<Value, CliError> {
        let database = sqlite_file(&settings.database_url).ok_or(CliError::BackUpPostgres)?;
        let bytes = back_up(database, &self.file)?;
        Ok(json!({ "file": self.file.to_string_lossy(), "bytes": bytes }))
    }
}

impl Restore {
    pub fn run(self, settings: &Settings) -> Result<Value, CliError> {
        let database = sqlite_file(&settings.database_url).ok_or(CliError::RestorePostgres)?;
        let restored = Desk::restore(database, &self.file, &*clock(settings))?;
        let kept = restored.kept.map(|it| it.to_string_lossy().into_owned());
        Ok(json!({ "database": database.to_string_lossy(), "epoch": restored.epoch, "kept": kept }))
    }
}

fn sqlite_file(url: &DbUrl) -> Option<&Path> {
    match url {
        DbUrl::Sqlite(file) => Some(file),
        DbUrl::Postgres(_) => None,
    }
}
