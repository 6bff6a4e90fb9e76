//! Temporary databases.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{BenchResult, baseline::sql::BaselineConnection};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum BenchDatabaseKind {
    Sqlite,
    Postgres,
}

impl BenchDatabaseKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// The databases that are available.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Sqlite, Self::Postgres].into_iter().filter(|it| *it == Self::Sqlite || postgres().is_some())
    }
}

/// The URL of the PostgreSQL server that `tests/with-servers.sh` started.
pub fn postgres() -> Option<String> {
    std::env::var("MM_TEST_POSTGRES_URL").ok()
}

/// A database. A drop removes it.
pub struct BenchDatabase {
    /// The value for `DATABASE_URL`.
    pub url: String,
    location: DatabaseLocation,
}

enum DatabaseLocation {
    File(PathBuf),
    Server(String),
}

impl BenchDatabase {
    /// Creates an empty database.
    pub fn new(kind: BenchDatabaseKind, folder: &Path) -> BenchResult<Self> {
        let name = new_name();
        match kind {
            BenchDatabaseKind::Sqlite => Self::file(folder.join(name)),
            BenchDatabaseKind::Postgres => Self::on_server(name.clone(), &format!("CREATE DATABASE {name}")),
        }
    }

    /// Copies the database. It must not be in use.
    pub fn copy(&self) -> BenchResult<Self> {
        let name = new_name();
        match &self.location {
            DatabaseLocation::File(file) => {
                let copy = file.with_file_name(name);
                std::fs::copy(file, &copy)?;
                Self::file(copy)
            }
            DatabaseLocation::Server(template) => {
                Self::on_server(name.clone(), &format!("CREATE DATABASE {name} TEMPLATE {template}"))
            }
        }
    }

    fn file(path: PathBuf) -> BenchResult<Self> {
        Ok(Self { url: format!("sqlite://{}", path.display()), location: DatabaseLocation::File(path) })
    }

    fn on_server(name: String, create: &str) -> BenchResult<Self> {
        let server = postgres().ok_or("there is no PostgreSQL")?;
        BaselineConnection::open(&server)?.run(create)?;
        let (base, _) = server.rsplit_once('/').ok_or("a URL without a database")?;
        Ok(Self { url: format!("{base}/{name}"), location: DatabaseLocation::Server(name) })
    }

    pub fn kind(&self) -> BenchDatabaseKind {
        match self.location {
            DatabaseLocation::File(_) => BenchDatabaseKind::Sqlite,
            DatabaseLocation::Server(_) => BenchDatabaseKind::Postgres,
        }
    }

    /// Updates the planner's statistics and writes changes from the log to the tables.
    pub fn settle(&self) -> BenchResult<()> {
        let statement = match self.kind() {
            BenchDatabaseKind::Sqlite => "PRAGMA wal_checkpoint(TRUNCATE)",
            BenchDatabaseKind::Postgres => "VACUUM ANALYZE",
        };
        Ok(BaselineConnection::open(&self.url)?.run(statement)?)
    }
}

impl Drop for BenchDatabase {
    fn drop(&mut self) {
        match &self.location {
            DatabaseLocation::File(path) => {
                for end in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(format!("{}{end}", path.display()));
                }
            }
            DatabaseLocation::Server(name) => {
                let server = postgres().and_then(|url| BaselineConnection::open(&url).ok());
                let _ = server.map(|mut conn| conn.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
            }
        }
    }
}

fn new_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("bench_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
