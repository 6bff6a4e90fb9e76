//! Databases that vanish.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{Outcome, baseline::sql::Conn};

/// Which kind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// Those there are.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Sqlite, Self::Postgres].into_iter().filter(|it| *it == Self::Sqlite || postgres().is_some())
    }
}

/// The server that `tests/with-servers.sh` started.
pub fn postgres() -> Option<String> {
    std::env::var("MM_TEST_POSTGRES_URL").ok()
}

/// A database. Dropped, it is removed.
pub struct Database {
    /// Its `DATABASE_URL`.
    pub url: String,
    at: At,
}

enum At {
    File(PathBuf),
    Server(String),
}

impl Database {
    /// A new one, empty.
    pub fn new(kind: Kind, folder: &Path) -> Outcome<Self> {
        let name = new_name();
        match kind {
            Kind::Sqlite => Self::file(folder.join(name)),
            Kind::Postgres => Self::on_server(name.clone(), &format!("CREATE DATABASE {name}")),
        }
    }

    /// Another one with the same data. Nobody may be using this one.
    pub fn copy(&self) -> Outcome<Self> {
        let name = new_name();
        match &self.at {
            At::File(file) => {
                let copy = file.with_file_name(name);
                std::fs::copy(file, &copy)?;
                Self::file(copy)
            }
            At::Server(of) => Self::on_server(name.clone(), &format!("CREATE DATABASE {name} TEMPLATE {of}")),
        }
    }

    fn file(path: PathBuf) -> Outcome<Self> {
        Ok(Self { url: format!("sqlite://{}", path.display()), at: At::File(path) })
    }

    fn on_server(name: String, make: &str) -> Outcome<Self> {
        let server = postgres().ok_or("there is no PostgreSQL")?;
        Conn::open(&server)?.run(make)?;
        let (base, _) = server.rsplit_once('/').ok_or("a URL without a database")?;
        Ok(Self { url: format!("{base}/{name}"), at: At::Server(name) })
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self.at {
            At::File(_) => Kind::Sqlite,
            At::Server(_) => Kind::Postgres,
        }
    }

    /// Brings the planner's knowledge up to date, and what was written to its place.
    pub fn settle(&self) -> Outcome<()> {
        let after = match self.kind() {
            Kind::Sqlite => "PRAGMA wal_checkpoint(TRUNCATE)",
            Kind::Postgres => "VACUUM ANALYZE",
        };
        Ok(Conn::open(&self.url)?.run(after)?)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        match &self.at {
            At::File(path) => {
                for end in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(format!("{}{end}", path.display()));
                }
            }
            At::Server(name) => {
                let server = postgres().and_then(|url| Conn::open(&url).ok());
                let _ = server.map(|mut conn| conn.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
            }
        }
    }
}

fn new_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("bench_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
