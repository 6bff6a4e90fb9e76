//! The migrations, and that both databases have the same schema.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use diesel::{
    Connection, PgConnection, SqliteConnection, backend::Backend as DieselBackend, migration::MigrationSource,
};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use persistence::{Conn, DbUrl, Store, StoreError};

use crate::support::{Backend, Database, lines, new_database, on_both};

const TABLES: [(Backend, &str); 2] = [
    (Backend::Sqlite, "SELECT name AS line FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"),
    (Backend::Postgres, "SELECT tablename::text AS line FROM pg_tables WHERE schemaname = 'public'"),
];

/// Table, column, and whether it may be null. SQLite does not say it of what is in a primary key.
const COLUMNS: [(Backend, &str); 2] = [
    (
        Backend::Sqlite,
        "SELECT t.name || '.' || c.name || CASE WHEN c.\"notnull\" OR c.pk THEN '' ELSE ' null' END AS line \
         FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
    ),
    (
        Backend::Postgres,
        "SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'YES' THEN ' null' ELSE '' END AS line \
         FROM information_schema.columns WHERE table_schema = 'public'",
    ),
];

/// Table, columns, the table and columns they refer to, and what deleting does.
const FOREIGN_KEYS: [(Backend, &str); 2] = [
    (
        Backend::Sqlite,
        "SELECT name || '(' || group_concat(\"from\") || ') ' || \"table\" || '(' || group_concat(\"to\") || ') ' \
         || on_delete AS line FROM (SELECT t.name, f.* FROM sqlite_schema t, pragma_foreign_key_list(t.name) f \
         WHERE t.type = 'table' ORDER BY t.name, f.id, f.seq) GROUP BY name, id",
    ),
    (
        Backend::Postgres,
        "SELECT conrelid::regclass || '(' || (SELECT string_agg(attname, ',' ORDER BY n) FROM unnest(conkey) \
         WITH ORDINALITY AS k (num, n) JOIN pg_attribute ON attrelid = conrelid AND attnum = num) || ') ' \
         || confrelid::regclass || '(' || (SELECT string_agg(attname, ',' ORDER BY n) FROM unnest(confkey) \
         WITH ORDINALITY AS k (num, n) JOIN pg_attribute ON attrelid = confrelid AND attnum = num) || ') ' \
         || CASE confdeltype WHEN 'c' THEN 'CASCADE' ELSE 'NO ACTION' END AS line \
         FROM pg_constraint WHERE contype = 'f'",
    ),
];

/// Table, columns, and whether it is unique and partial: every index that is no primary key.
const INDEXES: [(Backend, &str); 2] = [
    (
        Backend::Sqlite,
        "SELECT name || '(' || group_concat(col) || ')' || CASE WHEN uniq THEN ' unique' ELSE '' END \
         || CASE WHEN part THEN ' partial' ELSE '' END AS line FROM (SELECT t.name, i.name AS index_name, \
         i.\"unique\" AS uniq, i.partial AS part, c.name || CASE WHEN c.desc THEN ' desc' ELSE '' END AS col \
         FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_xinfo(i.name) c \
         WHERE t.type = 'table' AND i.origin <> 'pk' AND c.key ORDER BY i.name, c.seqno) GROUP BY index_name",
    ),
    (
        Backend::Postgres,
        "SELECT indrelid::regclass || '(' || (SELECT string_agg(attname || CASE WHEN indoption[n - 1] & 1 = 1 \
         THEN ' desc' ELSE '' END, ',' ORDER BY n) FROM unnest(indkey) WITH ORDINALITY AS k (num, n) \
         JOIN pg_attribute ON attrelid = indrelid AND attnum = num) || ')' \
         || CASE WHEN indisunique THEN ' unique' ELSE '' END \
         || CASE WHEN indpred IS NOT NULL THEN ' partial' ELSE '' END AS line FROM pg_index \
         JOIN pg_class ON pg_class.oid = indrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace \
         WHERE nspname = 'public' AND NOT indisprimary",
    ),
];

async fn told(db: &Database, queries: [(Backend, &'static str); 2]) -> BTreeSet<String> {
    let query = queries.into_iter().find(|(backend, _)| *backend == db.backend).unwrap().1;
    let all = db.store.read(move |conn: &mut Conn| lines(conn, query)).await.unwrap();
    let set: BTreeSet<String> = all.iter().cloned().collect();
    assert!(set.len() == all.len() && !set.is_empty(), "{all:#?}");
    set
}

/// What one database has and the other has not.
async fn differences(sqlite: &Database, postgres: &Database, queries: [(Backend, &'static str); 2]) -> Vec<String> {
    let (one, other) = (told(sqlite, queries).await, told(postgres, queries).await);
    one.symmetric_difference(&other).cloned().collect()
}

#[tokio::test]
async fn both_databases_have_the_same_schema() {
    let Some(postgres) = Database::new(Backend::Postgres) else { return };
    let sqlite = Database::new(Backend::Sqlite).unwrap();
    for queries in [TABLES, COLUMNS, FOREIGN_KEYS, INDEXES] {
        let differences = differences(&sqlite, &postgres, queries).await;
        assert!(differences.is_empty(), "only one of the two has {differences:#?}");
    }
}

on_both!(migrations_lead_down_and_up_again, |db| {
    let (before, tables) = (told(&db, COLUMNS).await, told(&db, TABLES).await.len());
    assert!(tables > 15);
    match &db.url {
        DbUrl::Sqlite(file) => down_and_up(SqliteConnection::establish(file.to_str().unwrap()).unwrap(), "sqlite"),
        DbUrl::Postgres(url) => down_and_up(PgConnection::establish(url).unwrap(), "postgres"),
    }
    assert_eq!(told(&db, COLUMNS).await, before);
    assert!(!Store::is_behind(&db.url).unwrap());
});

/// Takes all back, which leaves nothing but the list of migrations, and does it again.
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

/// Those before the administration's.
const FIRST: usize = 2;

on_both!(the_later_migrations_leave_what_there_is, |db| {
    let hotel = db.hotel(3, 2).await;
    let template = "INSERT INTO message_templates (hotel_id, name, content, template_type, language)";
    db.sql(format!("{template} VALUES ({}, 'hello', 'Hello!', 'whatsapp', 'en_GB')", hotel.id)).await.unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let migrations = |backend: &str| FileBasedMigrations::from_path(folder.join(backend)).unwrap();
    let later;
    let back_and_forth = match &db.url {
        DbUrl::Sqlite(file) => {
            let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
            later = conn.applied_migrations().unwrap().len() - FIRST;
            (0..later).for_each(|_| drop(conn.revert_last_migration(migrations("sqlite")).unwrap()));
            let done = conn.run_pending_migrations(migrations("sqlite")).unwrap();
            done.len()
        }
        DbUrl::Postgres(url) => {
            let mut conn = PgConnection::establish(url).unwrap();
            later = conn.applied_migrations().unwrap().len() - FIRST;
            (0..later).for_each(|_| drop(conn.revert_last_migration(migrations("postgres")).unwrap()));
            let done = conn.run_pending_migrations(migrations("postgres")).unwrap();
            done.len()
        }
    };
    assert_eq!(back_and_forth, later);
    assert_eq!(db.number("SELECT count(*) FROM messages").await, 6);
    // One that an older schema made is in some language.
    assert_eq!(db.number("SELECT count(*) FROM message_templates WHERE language = 'en'").await, 1);
    assert_eq!(db.number(format!("SELECT count(*) FROM stays WHERE hotel_id = {}", hotel.id)).await, 3);
});

on_both!(down_leaves_nothing, |db| {
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
    assert_eq!(told(&db, TABLES).await.into_iter().collect::<Vec<_>>(), ["__diesel_schema_migrations"]);
    assert!(Store::is_behind(&db.url).unwrap());
});

on_both!(a_newer_schema_is_refused, |db| {
    db.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231235959')").await.unwrap();
    let opened = Store::open(&db.url, Arc::new(|_| {}));
    assert!(matches!(opened, Err(StoreError::Newer(_))), "{opened:?}");
    assert!(matches!(Store::is_behind(&db.url), Err(StoreError::Newer(_))));
});

on_both!(many_may_open_a_new_database_at_once, |db| {
    let folder = tempfile::tempdir().unwrap();
    let url = new_database(db.backend, folder.path()).unwrap();
    let open = |url: DbUrl| std::thread::spawn(move || Store::open(&url, Arc::new(|_| {})).map(drop));
    let opening: Vec<_> = (0..4).map(|_| open(url.clone())).collect();
    for it in opening {
        it.join().unwrap().unwrap();
    }
    assert!(!Store::is_behind(&url).unwrap());
});
