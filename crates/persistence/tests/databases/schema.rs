//! Migrations, and equality of both schemas.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use diesel::{
    Connection, PgConnection, SqliteConnection, backend::Backend as DieselBackend, connection::SimpleConnection,
    migration::MigrationSource,
};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use persistence::{Conn, DbUrl, Store, StoreError};

use crate::support::{TestBackend, TestDatabase, lines, new_database, on_both};

const TABLES: [(TestBackend, &str); 2] = [
    (TestBackend::Sqlite, "SELECT name AS line FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"),
    (TestBackend::Postgres, "SELECT tablename::text AS line FROM pg_tables WHERE schemaname = 'public'"),
];

/// Queries for all columns: table, column, and whether it is nullable. SQLite does not report it for primary keys.
const COLUMNS: [(TestBackend, &str); 2] = [
    (
        TestBackend::Sqlite,
        "SELECT t.name || '.' || c.name || CASE WHEN c.\"notnull\" OR c.pk THEN '' ELSE ' null' END AS line \
         FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
    ),
    (
        TestBackend::Postgres,
        "SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'YES' THEN ' null' ELSE '' END AS line \
         FROM information_schema.columns WHERE table_schema = 'public'",
    ),
];

/// Queries for all foreign keys: table, columns, the referenced table and columns, and the action on deletion.
const FOREIGN_KEYS: [(TestBackend, &str); 2] = [
    (
        TestBackend::Sqlite,
        "SELECT name || '(' || group_concat(\"from\") || ') ' || \"table\" || '(' || group_concat(\"to\") || ') ' \
         || on_delete AS line FROM (SELECT t.name, f.* FROM sqlite_schema t, pragma_foreign_key_list(t.name) f \
         WHERE t.type = 'table' ORDER BY t.name, f.id, f.seq) GROUP BY name, id",
    ),
    (
        TestBackend::Postgres,
        "SELECT conrelid::regclass || '(' || (SELECT string_agg(attname, ',' ORDER BY n) FROM unnest(conkey) \
         WITH ORDINALITY AS k (num, n) JOIN pg_attribute ON attrelid = conrelid AND attnum = num) || ') ' \
         || confrelid::regclass || '(' || (SELECT string_agg(attname, ',' ORDER BY n) FROM unnest(confkey) \
         WITH ORDINALITY AS k (num, n) JOIN pg_attribute ON attrelid = confrelid AND attnum = num) || ') ' \
         || CASE confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'NO ACTION' END AS line \
         FROM pg_constraint WHERE contype = 'f'",
    ),
];

/// Queries for all indexes except primary keys: table, columns, and whether the index is unique and partial.
const INDEXES: [(TestBackend, &str); 2] = [
    (
        TestBackend::Sqlite,
        "SELECT name || '(' || group_concat(col) || ')' || CASE WHEN uniq THEN ' unique' ELSE '' END \
         || CASE WHEN part THEN ' partial' ELSE '' END AS line FROM (SELECT t.name, i.name AS index_name, \
         i.\"unique\" AS uniq, i.partial AS part, c.name || CASE WHEN c.desc THEN ' desc' ELSE '' END AS col \
         FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_xinfo(i.name) c \
         WHERE t.type = 'table' AND i.origin <> 'pk' AND c.key ORDER BY i.name, c.seqno) GROUP BY index_name",
    ),
    (
        TestBackend::Postgres,
        "SELECT indrelid::regclass || '(' || (SELECT string_agg(attname || CASE WHEN indoption[n - 1] & 1 = 1 \
         THEN ' desc' ELSE '' END, ',' ORDER BY n) FROM unnest(indkey) WITH ORDINALITY AS k (num, n) \
         JOIN pg_attribute ON attrelid = indrelid AND attnum = num) || ')' \
         || CASE WHEN indisunique THEN ' unique' ELSE '' END \
         || CASE WHEN indpred IS NOT NULL THEN ' partial' ELSE '' END AS line FROM pg_index \
         JOIN pg_class ON pg_class.oid = indrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace \
         WHERE nspname = 'public' AND NOT indisprimary",
    ),
];

/// The index that only SQLite has: PostgreSQL would read the rows of a search all the same.
const SEARCH_INDEX: &str = "conversations(hotel_id,status,department_id,search_key) partial";

/// The words of messages: a virtual table with tables of its own on SQLite, a table with a GIN index on PostgreSQL.
const WORDS: &str = "message_words";

async fn read_catalogue(db: &TestDatabase, queries: [(TestBackend, &'static str); 2]) -> BTreeSet<String> {
    let query = queries.into_iter().find(|(backend, _)| *backend == db.backend).unwrap().1;
    let all = db.store.read(move |conn: &mut Conn| lines(conn, query)).await.unwrap();
    let set: BTreeSet<String> = all.iter().cloned().collect();
    assert!(set.len() == all.len() && !set.is_empty(), "{all:#?}");
    set
}

/// Returns the catalogue rows that only one of the two databases has.
async fn differences(
    sqlite: &TestDatabase,
    postgres: &TestDatabase,
    queries: [(TestBackend, &'static str); 2],
) -> Vec<String> {
    let (one, other) = (read_catalogue(sqlite, queries).await, read_catalogue(postgres, queries).await);
    one.symmetric_difference(&other).cloned().collect()
}

#[tokio::test]
async fn both_databases_have_the_same_schema() {
    let Some(postgres) = TestDatabase::new(TestBackend::Postgres) else { return };
    let sqlite = TestDatabase::new(TestBackend::Sqlite).unwrap();
    for queries in [TABLES, COLUMNS, FOREIGN_KEYS, INDEXES] {
        let mut differences = differences(&sqlite, &postgres, queries).await;
        differences.retain(|it| it != SEARCH_INDEX && !it.starts_with(WORDS));
        assert!(differences.is_empty(), "only one of the two has {differences:#?}");
    }
}

on_both!(migrations_run_down_and_up_again, |db| {
    let (before, tables) = (read_catalogue(&db, COLUMNS).await, read_catalogue(&db, TABLES).await.len());
    assert!(tables > 15);
    match &db.url {
        DbUrl::Sqlite(file) => down_and_up(SqliteConnection::establish(file.to_str().unwrap()).unwrap(), "sqlite"),
        DbUrl::Postgres(url) => down_and_up(PgConnection::establish(url).unwrap(), "postgres"),
    }
    assert_eq!(read_catalogue(&db, COLUMNS).await, before);
    assert!(!Store::has_pending_migrations(&db.url).unwrap());
});

/// Reverts all migrations, which leaves only the list of migrations, and runs them again.
fn down_and_up<C>(mut conn: C, backend: &str)
where
    C: Connection + MigrationHarness<C::Backend>,
    C::Backend: DieselBackend,
    FileBasedMigrations: MigrationSource<C::Backend>,
{
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(backend);
    let migrations = FileBasedMigrations::from_path(folder).unwrap();
    let count = conn.applied_migrations().unwrap().len();
    assert_eq!(conn.revert_all_migrations(migrations.clone()).unwrap().len(), count);
    assert!(conn.applied_migrations().unwrap().is_empty());
    assert_eq!(conn.run_pending_migrations(migrations).unwrap().len(), count);
}

/// Counts the applied migrations from the one that adds the administration on.
fn later<C>(conn: &mut C) -> usize
where
    C: Connection + MigrationHarness<C::Backend>,
    C::Backend: DieselBackend,
{
    let applied = conn.applied_migrations().unwrap();
    applied.iter().filter(|version| version.to_string().as_str() >= "20261125160000").count()
}

on_both!(later_migrations_keep_existing_rows, |db| {
    let hotel = db.hotel(3, 2).await;
    let template = "INSERT INTO message_templates (hotel_id, name, content, template_type, language)";
    db.sql(format!("{template} VALUES ({}, 'hello', 'Hello!', 'whatsapp', 'en_GB')", hotel.id)).await.unwrap();
    // Second parts of the bookings: cancelled, without room, phone number and guest.
    let parts = format!(
        "INSERT INTO stays (hotel_id, reservation_code, part, guest_name, check_in, check_out, cancellation, created_at) \
         SELECT hotel_id, reservation_code, 2, 'B', check_in, check_out, 'cancelled', created_at FROM stays \
         WHERE hotel_id = {}",
        hotel.id
    );
    db.sql(parts).await.unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let migrations = |backend: &str| FileBasedMigrations::from_path(folder.join(backend)).unwrap();
    let (done, later) = match &db.url {
        DbUrl::Sqlite(file) => {
            let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
            // As the program does: tables that others refer to are made anew.
            conn.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
            let later = later(&mut conn);
            (0..later).for_each(|_| drop(conn.revert_last_migration(migrations("sqlite")).unwrap()));
            let done = conn.run_pending_migrations(migrations("sqlite")).unwrap();
            (done.len(), later)
        }
        DbUrl::Postgres(url) => {
            let mut conn = PgConnection::establish(url).unwrap();
            let later = later(&mut conn);
            (0..later).for_each(|_| drop(conn.revert_last_migration(migrations("postgres")).unwrap()));
            let done = conn.run_pending_migrations(migrations("postgres")).unwrap();
            (done.len(), later)
        }
    };
    assert!(later > 3);
    assert_eq!(done, later);
    assert_eq!(db.number("SELECT count(*) FROM messages").await, 6);
    // A template from an older schema gets the language `en`.
    assert_eq!(db.number("SELECT count(*) FROM message_templates WHERE language = 'en'").await, 1);
    assert_eq!(db.number(format!("SELECT count(*) FROM stays WHERE hotel_id = {}", hotel.id)).await, 6);
    // An older schema has neither cancelled stays nor stays without guest.
    assert_eq!(
        db.number("SELECT count(*) FROM stays WHERE checked_out_at IS NOT NULL AND guest_id IS NOT NULL").await,
        3
    );
});

on_both!(down_migrations_leave_nothing, |db| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let revert = |backend: &str| FileBasedMigrations::from_path(folder.join(backend)).unwrap();
    match &db.url {
        DbUrl::Sqlite(file) => {
            let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
            conn.revert_all_migrations(revert("sqlite")).unwrap();
        }
        DbUrl::Postgres(url) => {
            PgConnection::establish(url).unwrap().revert_all_migrations(revert("postgres")).unwrap();
        }
    }
    assert_eq!(read_catalogue(&db, TABLES).await.into_iter().collect::<Vec<_>>(), ["__diesel_schema_migrations"]);
    assert!(Store::has_pending_migrations(&db.url).unwrap());
});

on_both!(a_newer_schema_is_refused, |db| {
    db.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231235959')").await.unwrap();
    let opened = Store::open(&db.url, Arc::new(|_| {}));
    assert!(matches!(opened, Err(StoreError::Newer(_))), "{opened:?}");
    assert!(matches!(Store::has_pending_migrations(&db.url), Err(StoreError::Newer(_))));
});

on_both!(many_processes_open_a_new_database_at_once, |db| {
    let folder = tempfile::tempdir().unwrap();
    let url = new_database(db.backend, folder.path()).unwrap();
    let open = |url: DbUrl| std::thread::spawn(move || Store::open(&url, Arc::new(|_| {})).map(drop));
    let opening: Vec<_> = (0..4).map(|_| open(url.clone())).collect();
    for thread in opening {
        thread.join().unwrap().unwrap();
    }
    assert!(!Store::has_pending_migrations(&url).unwrap());
});
