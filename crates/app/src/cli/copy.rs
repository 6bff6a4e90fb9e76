//! Command `copy-database`: from SQLite to PostgreSQL, or back.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use clap::Args;
use desk::{CopyStep, DbUrl, Desk};
use serde_json::{Value, json};

use crate::{clock::clock, error::CliError, settings::Settings};

/// How often the progress within a table is printed.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Args)]
pub struct CopyDatabase {
    /// The database to copy: sqlite://FILE or postgres://…
    #[arg(value_parser = database_url)]
    from: DbUrl,
    /// The empty database to copy to, of the other kind
    #[arg(value_parser = database_url)]
    to: DbUrl,
}

impl CopyDatabase {
    /// Copies the database, and prints the progress on standard error.
    pub fn run(self, settings: &Settings) -> Result<Value, CliError> {
        let mut reported = Instant::now();
        let mut table_of_report = String::new();
        let mut report = |step: CopyStep<'_>| {
            let line = match step {
                CopyStep::Copying(table, rows) => {
                    if table == table_of_report && reported.elapsed() < REPORT_INTERVAL {
                        return;
                    }
                    table.clone_into(&mut table_of_report);
                    format!("copying {table}: {rows} rows")
                }
                CopyStep::Verifying(table) => format!("verifying {table}"),
                CopyStep::CheckingReferences => "checking that no row refers to a missing one".to_owned(),
            };
            reported = Instant::now();
            // A reader that closes the pipe early is no reason to stop the copy.
            let _ = writeln!(io::stderr(), "{line}");
        };
        let copy = Desk::copy_database(&self.from, &self.to, &*clock(settings), &mut report)?;
        let tables = copy.tables.iter().map(|it| json!({ "name": it.name, "rows": it.rows, "digest": it.digest }));
        Ok(json!({ "epoch": copy.epoch, "tables": tables.collect::<Vec<_>>() }))
    }
}

fn database_url(text: &str) -> Result<DbUrl, String> {
    text.parse().map_err(|error: desk::InvalidDbUrl| error.to_string().replace("DATABASE_URL", "the URL"))
}
