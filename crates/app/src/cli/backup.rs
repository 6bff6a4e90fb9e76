//! Commands that copy the SQLite database, and put a copy back.

use std::path::{Path, PathBuf};

use clap::Args;
use desk::{DbUrl, Desk, back_up};
use serde_json::{Value, json};

use super::Failure;
use crate::{clock::clock, settings::Settings};

/// Copies the database.
#[derive(Args)]
pub struct Backup {
    /// The file to make; it must not exist yet
    file: PathBuf,
}

/// Puts a copy back.
#[derive(Args)]
pub struct Restore {
    /// The backup; it stays as it is
    file: PathBuf,
}

impl Backup {
    /// Does it; what is to be printed.
    ///
    /// # Errors
    /// A [`Failure`].
    pub fn run(self, settings: &Settings) -> Result<Value, Failure> {
        let database = sqlite(&settings.database_url).ok_or(Failure::PgDump)?;
        let bytes = back_up(database, &self.file)?;
        Ok(json!({ "file": self.file.to_string_lossy(), "bytes": bytes }))
    }
}

impl Restore {
    /// Does it; what is to be printed.
    ///
    /// # Errors
    /// A [`Failure`].
    pub fn run(self, settings: &Settings) -> Result<Value, Failure> {
        let database = sqlite(&settings.database_url).ok_or(Failure::PgRestore)?;
        let done = Desk::restore(database, &self.file, &*clock(settings))?;
        let kept = done.kept.map(|it| it.to_string_lossy().into_owned());
        Ok(json!({ "database": database.to_string_lossy(), "epoch": done.epoch, "kept": kept }))
    }
}

fn sqlite(url: &DbUrl) -> Option<&Path> {
    match url {
        DbUrl::Sqlite(file) => Some(file),
        DbUrl::Postgres(_) => None,
    }
}
