//! The databases that tests run on: SQLite files, and databases of the PostgreSQL server that `with-servers.sh` started.

use std::{path::Path, process::Command};

use crate::unique;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum DatabaseKind {
    Sqlite,
    /// On the server of `MM_TEST_POSTGRES_URL`.
    Postgres,
}

impl DatabaseKind {
    /// Returns `false` and prints a line if there is no server. With `REQUIRE_ALL=1` the test fails instead.
    pub fn is_available(self) -> bool {
        let available = self == Self::Sqlite || std::env::var_os("MM_TEST_POSTGRES_URL").is_some();
        if !available {
            skip("MM_TEST_POSTGRES_URL");
        }
        available
    }

    /// Returns the URL of a new, empty database. An SQLite file goes below `folder`; the product creates it.
    pub fn create_database(self, folder: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", folder.join("data/message_manager.db").display()),
            Self::Postgres => create_postgres_database(None, &[]),
        }
    }
}

/// Creates a database, as a copy of `template` if there is one, and runs SQL in it. Returns its URL.
pub(crate) fn create_postgres_database(template: Option<&str>, sql: &[&str]) -> String {
    let server = std::env::var("MM_TEST_POSTGRES_URL").unwrap();
    let name = unique("mm").replace('-', "_");
    let template = template.map(|template| format!(" TEMPLATE {template}")).unwrap_or_default();
    let create = [format!("CREATE DATABASE {name}{template}"), format!("\\connect {name}")];
    let commands: Vec<&str> = create.iter().map(String::as_str).chain(sql.iter().copied()).collect();
    run_psql(&server, &commands).unwrap();
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}

/// The file of an SQLite URL.
pub(crate) fn sqlite_file(url: &str) -> &Path {
    Path::new(url.strip_prefix("sqlite://").unwrap())
}

/// Runs SQL on a PostgreSQL database. Returns the output, or the database's error.
pub fn psql(url: &str, sql: &str) -> Result<String, String> {
    run_psql(url, &[sql])
}

fn run_psql(url: &str, commands: &[&str]) -> Result<String, String> {
    let program = std::env::var("MM_TEST_PSQL").unwrap_or_else(|_| "psql".into());
    let mut psql = Command::new(program);
    psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
    for command in commands {
        psql.args(["-c", command]);
    }
    let output = psql.arg(url).output().map_err(|error| error.to_string())?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// Reports that a test is skipped because a variable of `with-servers.sh` is missing; with `REQUIRE_ALL=1` it fails.
pub(crate) fn skip(variable: &str) {
    assert!(std::env::var("REQUIRE_ALL").as_deref() != Ok("1"), "{variable} is not set");
    println!("skipped: {variable} is not set (run the test with tests/with-servers.sh)");
}
