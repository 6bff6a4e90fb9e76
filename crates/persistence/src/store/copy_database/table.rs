//! Tables and columns of a copy, and how both databases write and read the values of a column.

use crate::store::copy_database::error::CopyError;

/// Tables that are not copied: the version of the schema, which the target has already, the servers that run, and the
/// words of messages, which the first server on the target makes again.
pub(super) const NOT_COPIED: [&str; 5] =
    ["__diesel_schema_migrations", "nodes", "socket_places", "message_words", "search_index"];

/// The columns of a table, in their order in PostgreSQL. Computed columns are left out.
#[derive(Clone, Debug)]
pub(super) struct TableColumns {
    pub(super) name: String,
    pub(super) columns: Vec<CopiedColumn>,
    /// Whether the database assigns the ids of the table.
    pub(super) has_ids: bool,
}

#[derive(Clone, Debug)]
pub(super) struct CopiedColumn {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
}

/// How a value of a column is written in JSON, and stored in each database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    /// A JSON number; an integer in both databases. The text is the type in PostgreSQL.
    Integer(&'static str),
    Text,
    /// 0 or 1, which SQLite stores.
    Boolean,
    /// Microseconds since 1970, which SQLite stores.
    Time,
    /// `YYYY-MM-DD`, which SQLite stores.
    Date,
    /// The text of a JSON document, which SQLite stores.
    Document,
    /// Hexadecimal digits.
    Bytes,
}

impl ColumnKind {
    /// The kind of a column by its type in PostgreSQL.
    pub(super) fn of(table: &str, column: &str, data_type: &str) -> Result<Self, CopyError> {
        Ok(match data_type {
            "bigint" => Self::Integer("bigint"),
            "integer" => Self::Integer("integer"),
            "text" => Self::Text,
            "boolean" => Self::Boolean,
            "timestamp with time zone" => Self::Time,
            "date" => Self::Date,
            "jsonb" => Self::Document,
            "bytea" => Self::Bytes,
            other => return Err(CopyError::UnknownType(format!("{table}.{column}"), other.to_owned())),
        })
    }

    /// The expression that reads the value of a column in SQLite.
    fn read_sqlite(self, column: &str) -> String {
        match self {
            Self::Bytes => format!("iif({column} IS NULL, NULL, hex({column}))"),
            _ => column.to_owned(),
        }
    }

    /// The expression that reads the value of a column in PostgreSQL.
    fn read_postgres(self, column: &str) -> String {
        match self {
            Self::Integer(_) | Self::Text => column.to_owned(),
            Self::Boolean => format!("{column}::int"),
            Self::Time => format!("(extract(epoch FROM {column}) * 1000000)::bigint"),
            Self::Date => format!("to_char({column}, 'YYYY-MM-DD')"),
            Self::Document => format!("{column}::text"),
            Self::Bytes => format!("upper(encode({column}, 'hex'))"),
        }
    }

    /// The expression of the value at this place of the JSON array `value` in SQLite.
    fn write_sqlite(self, place: usize) -> String {
        match self {
            Self::Bytes => format!("unhex(json_extract(value, '$[{place}]'))"),
            _ => format!("json_extract(value, '$[{place}]')"),
        }
    }

    /// The expression of the value at this place of the JSON array `value` in PostgreSQL.
    fn write_postgres(self, place: usize) -> String {
        let text = format!("(value ->> {place})");
        match self {
            Self::Integer(name) => format!("{text}::{name}"),
            Self::Text => text,
            Self::Boolean => format!("{text}::int::boolean"),
            Self::Time => format!("timestamptz 'epoch' + {text}::bigint * interval '1 microsecond'"),
            Self::Date => format!("{text}::date"),
            Self::Document => format!("{text}::jsonb"),
            Self::Bytes => format!("decode({text}, 'hex')"),
        }
    }
}

impl TableColumns {
    /// The name of the table in SQL.
    pub(super) fn quoted(&self) -> String {
        quoted(&self.name)
    }

    /// The query of all rows in SQLite, each as a JSON array.
    pub(super) fn select_sqlite(&self) -> String {
        let values = self.expressions(|column| column.kind.read_sqlite(&quoted(&column.name)));
        format!("SELECT json_array({values}) AS \"row\" FROM {}", self.quoted())
    }

    /// The query of all rows in PostgreSQL, each as a JSON array.
    pub(super) fn select_postgres(&self) -> String {
        let values = self.expressions(|column| column.kind.read_postgres(&quoted(&column.name)));
        format!("SELECT json_build_array({values})::text AS \"row\" FROM {}", self.quoted())
    }

    /// The insertion of a JSON array of rows in SQLite.
    pub(super) fn insert_sqlite(&self) -> String {
        let values = self.places(ColumnKind::write_sqlite);
        format!("INSERT INTO {} ({}) SELECT {values} FROM json_each(?)", self.quoted(), self.names())
    }

    /// The insertion of a JSON array of rows in PostgreSQL.
    pub(super) fn insert_postgres(&self) -> String {
        let (table, names, values) = (self.quoted(), self.names(), self.places(ColumnKind::write_postgres));
        format!("INSERT INTO {table} ({names}) SELECT {values} FROM json_array_elements($1::json)")
    }

    fn names(&self) -> String {
        self.expressions(|column| quoted(&column.name))
    }

    fn expressions(&self, expression: impl Fn(&CopiedColumn) -> String) -> String {
        self.columns.iter().map(expression).collect::<Vec<_>>().join(", ")
    }

    fn places(&self, expression: fn(ColumnKind, usize) -> String) -> String {
        let values = self.columns.iter().enumerate().map(|(place, column)| expression(column.kind, place));
        values.collect::<Vec<_>>().join(", ")
    }
}

/// A name as a quoted identifier, which both databases accept.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
