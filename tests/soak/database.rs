//! The database of the nodes, which the checker queries directly.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use acceptance::{DatabaseKind, psql};
use rusqlite::{Connection, types::Value};

use crate::postgres::Postgres;

pub enum SoakDatabase {
    Sqlite(PathBuf),
    Postgres(Arc<Postgres>),
}

impl SoakDatabase {
    /// Creates an empty database below this folder. PostgreSQL gets a server of its own, which can be stopped.
    pub fn start(kind: DatabaseKind, folder: &Path) -> Self {
        match kind {
            DatabaseKind::Sqlite => Self::Sqlite(folder.join("message_manager.db")),
            DatabaseKind::Postgres => Self::Postgres(Postgres::start(folder).into()),
        }
    }

    /// The value for `DATABASE_URL`.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite://{}", file.display()),
            Self::Postgres(postgres) => postgres.url(),
        }
    }

    /// The number of nodes on it.
    pub fn node_count(&self) -> usize {
        match self {
            Self::Sqlite(_) => 1,
            Self::Postgres(_) => 3,
        }
    }

    /// Returns the rows of a query, each value as text; NULL is empty.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite(file) => sqlite_rows(file, sql).unwrap(),
            Self::Postgres(postgres) => {
                let output = psql(&postgres.url(), sql).unwrap();
                output.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
            }
        }
    }
}

fn sqlite_rows(file: &Path, sql: &str) -> rusqlite::Result<Vec<Vec<String>>> {
    let connection = Connection::open(file)?;
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let value = |row: &rusqlite::Row<'_>, column| {
        Ok(match row.get(column)? {
            Value::Null => String::new(),
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => text,
            other => panic!("{other:?} in column {column} of {sql}"),
        })
    };
    statement.query_map([], |row| (0..columns).map(|column| value(row, column)).collect())?.collect()
}
