//! Where the nodes keep everything.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use acceptance::psql;
use rusqlite::{Connection, types::Value};

use crate::postgres::Postgres;

/// Which database.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// A database of the soak's own.
pub enum Database {
    Sqlite(PathBuf),
    Postgres(Arc<Postgres>),
}

impl Database {
    /// A new one, in this folder.
    pub fn start(kind: Kind, folder: &Path) -> Self {
        match kind {
            Kind::Sqlite => Self::Sqlite(folder.join("message_manager.db")),
            Kind::Postgres => Self::Postgres(Postgres::start(folder).into()),
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite://{}", file.display()),
            Self::Postgres(postgres) => postgres.url(),
        }
    }

    /// How many nodes it is shared by: a file is one node's.
    pub fn nodes(&self) -> usize {
        match self {
            Self::Sqlite(_) => 1,
            Self::Postgres(_) => 3,
        }
    }

    /// What a query gives, each value as text; NULL is empty.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite(file) => sqlite_rows(file, sql).unwrap(),
            Self::Postgres(postgres) => {
                let told = psql(&postgres.url(), sql).unwrap();
                told.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
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
