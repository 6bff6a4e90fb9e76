//! Tests that the schemas of SQLite and PostgreSQL contain the models that the contract lists.

use diesel::{
    RunQueryDsl, sql_query,
    sql_types::{Bool, Nullable, Text},
};

use crate::store::connection::on_db;
use crate::store::migrations::{Conn, DbUrl, migrate};

/// A column of a model in the contract: its name, whether it is nullable, and the table that it refers to.
type ModelField = (&'static str, bool, Option<&'static str>);

const CONVERSATION: [ModelField; 8] = [
    ("id", false, None),
    ("stay_id", true, Some("stays")),
    ("status", false, None),
    ("current_step", false, None),
    ("department_id", true, Some("departments")),
    ("context_data", false, None),
    ("created_at", false, None),
    ("updated_at", false, None),
];

const MESSAGE: [ModelField; 7] = [
    ("id", false, None),
    ("conversation_id", false, Some("conversations")),
    ("content", false, None),
    ("sender_type", false, None),
    ("staff_sender", true, Some("staff")),
    ("timestamp", false, None),
    ("whatsapp_message_id", true, None),
];

const TEMPLATE: [ModelField; 5] = [
    ("id", false, None),
    ("name", false, None),
    ("content", false, None),
    ("department_id", true, Some("departments")),
    ("template_type", false, None),
];

/// A column, as listed in the catalogue of the database.
#[derive(diesel::QueryableByName, Debug)]
struct SchemaColumn {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
    #[diesel(sql_type = Nullable<Text>)]
    default: Option<String>,
}

/// A foreign key, or a unique index of one column, as listed in the catalogue of the database.
#[derive(diesel::QueryableByName, Debug)]
struct Constraint {
    #[diesel(sql_type = Text)]
    column: String,
    #[diesel(sql_type = Nullable<Text>)]
    refers_to: Option<String>,
}

/// SQL queries on the catalogue of SQLite or PostgreSQL.
struct CatalogueQueries {
    columns: fn(&str) -> String,
    references: fn(&str) -> String,
    unique: fn(&str) -> String,
}

const SQLITE: CatalogueQueries = CatalogueQueries {
    columns: |table| {
        // A primary key that is the row's id is never null, although the catalogue may report it as nullable.
        format!(
            "SELECT name, NOT (\"notnull\" OR pk) AS nullable, dflt_value AS \"default\" FROM pragma_table_info('{table}')"
        )
    },
    references: |table| {
        format!("SELECT \"from\" AS \"column\", \"table\" AS refers_to FROM pragma_foreign_key_list('{table}')")
    },
    unique: |table| {
        format!(
            "SELECT min(c.name) AS \"column\", NULL AS refers_to FROM pragma_index_list('{table}') i \
             JOIN pragma_index_info(i.name) c WHERE i.\"unique\" GROUP BY i.name HAVING count(*) = 1"
        )
    },
};

const POSTGRES: CatalogueQueries = CatalogueQueries {
    columns: |table| {
        format!(
            "SELECT column_name::text AS name, is_nullable = 'YES' AS nullable, column_default::text AS \"default\" \
             FROM information_schema.columns WHERE table_name = '{table}'"
        )
    },
    references: |table| {
        format!(
            "SELECT a.attname::text AS \"column\", c.confrelid::regclass::text AS refers_to FROM pg_constraint c \
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) \
             WHERE c.contype = 'f' AND c.conrelid = '{table}'::regclass"
        )
    },
    unique: |table| {
        format!(
            "SELECT a.attname::text AS \"column\", NULL::text AS refers_to FROM pg_index i \
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
             WHERE i.indisunique AND i.indnatts = 1 AND i.indrelid = '{table}'::regclass"
        )
    },
};

fn rows<T>(conn: &mut Conn, sql: String) -> Vec<T>
where
    T: diesel::deserialize::QueryableByName<diesel::pg::Pg>
        + diesel::deserialize::QueryableByName<diesel::sqlite::Sqlite>
        + 'static,
{
    on_db!(conn.writable(), |c| sql_query(sql).load(c)).unwrap()
}

fn schema_contains_the_models(url: &DbUrl, queries: &CatalogueQueries) {
    migrate(url).unwrap();
    let mut conn = Conn::establish(url).unwrap();
    let models = [("conversations", &CONVERSATION[..]), ("messages", &MESSAGE), ("message_templates", &TEMPLATE)];
    for (table, fields) in models {
        let columns: Vec<SchemaColumn> = rows(&mut conn, (queries.columns)(table));
        let references: Vec<Constraint> = rows(&mut conn, (queries.references)(table));
        for (name, nullable, refers_to) in fields {
            let column = columns.iter().find(|it| it.name == *name);
            assert_eq!(column.map(|it| it.nullable), Some(*nullable), "{table}.{name}");
            let refers =
                |to: &str| references.iter().any(|it| it.column == *name && it.refers_to.as_deref() == Some(to));
            assert!(refers_to.is_none_or(refers), "{table}.{name}: {references:?}");
        }
        let default = columns.iter().find(|it| it.name == "template_type").and_then(|it| it.default.as_deref());
        assert_eq!(default.is_some_and(|it| it.starts_with("'text'")), table == "message_templates", "{default:?}");
    }
    // A stay has one conversation, and a WhatsApp message is stored once.
    for (table, column) in [("conversations", "stay_id"), ("messages", "whatsapp_message_id")] {
        let unique: Vec<Constraint> = rows(&mut conn, (queries.unique)(table));
        assert!(unique.iter().any(|it| it.column == column), "{table}.{column}: {unique:?}");
    }
}

#[test]
fn sqlite_schema_contains_the_models() {
    let folder = tempfile::tempdir().unwrap();
    schema_contains_the_models(&DbUrl::Sqlite(folder.path().join("mm.db")), &SQLITE);
}

/// Needs the PostgreSQL server of `tests/with-servers.sh`, on which it creates a new database.
#[test]
fn postgres_schema_contains_the_models() {
    let Ok(server) = std::env::var("MM_TEST_POSTGRES_URL") else {
        assert!(std::env::var("REQUIRE_ALL").as_deref() != Ok("1"), "MM_TEST_POSTGRES_URL is not set");
        println!("skipped: MM_TEST_POSTGRES_URL is not set (run it through tests/with-servers.sh)");
        return;
    };
    let name = format!("mm_models_{}", std::process::id());
    let mut conn = Conn::establish(&DbUrl::Postgres(server.clone())).unwrap();
    on_db!(conn.writable(), |c| sql_query(format!("CREATE DATABASE {name}")).execute(c)).unwrap();
    let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    schema_contains_the_models(&DbUrl::Postgres(url), &POSTGRES);
}
