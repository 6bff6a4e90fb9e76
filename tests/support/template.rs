//! Template databases. `generate` runs once for each size of world; every world gets a copy of the result.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Arc, Mutex, OnceLock},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    DatabaseKind, PASSWORD, Program,
    database::{create_postgres_database, psql, sqlite_file},
    program::default_settings,
    unique,
};

/// An Argon2id hash of [`PASSWORD`] at the lowest cost. With the product's cost, hashing would take a fifth of the processor time
/// of all tests. Passwords that a test sets have the full cost.
const CHEAP_PASSWORD_HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$YWNjZXB0YW5jZSB0ZXN0cw$Vf6T0/jcykGyuCPvvbFSQuYljvOE8JC3Ec+ZzCZkBU4";

/// A generated database that is only copied. It is kept until the test executable ends.
pub(crate) struct TemplateDatabase {
    /// The output of `generate`.
    pub generated: Value,
    contents: Contents,
}

enum Contents {
    /// The bytes of the file.
    Sqlite(Vec<u8>),
    /// The name of the database.
    Postgres(String),
}

impl TemplateDatabase {
    /// Returns the template of this size. The first test that needs it generates it; others wait.
    pub fn of_size(kind: DatabaseKind, hotels: usize, stays: usize) -> Arc<Self> {
        type Templates = HashMap<(DatabaseKind, usize, usize), Arc<OnceLock<Arc<TemplateDatabase>>>>;
        static TEMPLATES: Mutex<Option<Templates>> = Mutex::new(None);
        let mut templates = TEMPLATES.lock().unwrap();
        let template = templates.get_or_insert_default().entry((kind, hotels, stays)).or_default().clone();
        // Other sizes can be generated at the same time.
        drop(templates);
        template.get_or_init(|| Arc::new(Self::generate(kind, hotels, stays))).clone()
    }

    fn generate(kind: DatabaseKind, hotels: usize, stays: usize) -> Self {
        let folder = TempDir::with_prefix("mm-template-").unwrap();
        let url = kind.create_database(folder.path());
        let settings = default_settings(&url, folder.path());
        let program = Program { folder: folder.path().to_owned(), settings, through: Vec::new() };
        let migrated = program.run(&["migrate"]);
        assert_eq!(migrated.code, Some(0), "{migrated:?}");
        let (hotels, stays) = (hotels.to_string(), stays.to_string());
        let sizes = ["--departments", "3", "--staff", "5", "--messages", "4", "--password", PASSWORD];
        let generated =
            program.run(&[&["generate", "--hotels", &hotels, "--stays", &stays][..], &sizes].concat()).json();
        let set_hash = format!("UPDATE staff SET password_hash = '{CHEAP_PASSWORD_HASH}'");
        let contents = match kind {
            DatabaseKind::Sqlite => {
                let file = sqlite_file(&url);
                let connection = rusqlite::Connection::open(file).unwrap();
                connection.execute_batch(&format!("{set_hash}; PRAGMA wal_checkpoint(TRUNCATE)")).unwrap();
                connection.close().unwrap();
                Contents::Sqlite(fs::read(file).unwrap())
            }
            DatabaseKind::Postgres => {
                psql(&url, &set_hash).unwrap();
                Contents::Postgres(url.rsplit_once('/').unwrap().1.to_owned())
            }
        };
        Self { generated, contents }
    }

    /// Creates a copy and returns its URL; an SQLite file goes below `folder`. The copy gets an epoch of its own, as every
    /// database has: Redis channels are named after it.
    pub fn copy(&self, folder: &Path) -> String {
        let set_epoch = format!("UPDATE epochs SET epoch = '{}'", unique("epoch"));
        match &self.contents {
            Contents::Sqlite(bytes) => {
                let url = DatabaseKind::Sqlite.create_database(folder);
                let file = sqlite_file(&url);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, bytes).unwrap();
                rusqlite::Connection::open(file).unwrap().execute_batch(&set_epoch).unwrap();
                url
            }
            Contents::Postgres(template) => create_postgres_database(Some(template), &[&set_epoch]),
        }
    }
}
