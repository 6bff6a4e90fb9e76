//! Migrations that rebuild a table with foreign keys to it, while the table is in use.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query, sql_types,
};
use persistence::{DbUrl, StoreError, store::migrations::migrate_from};

use crate::support::{TestBackend, TestDatabase, lines, on_both};

/// Creates a folder with the product's migrations and one more.
fn migrations_and(db: &TestDatabase, up: &str) -> (tempfile::TempDir, PathBuf) {
    let name = if db.backend == TestBackend::Sqlite { "sqlite" } else { "postgres" };
    let product = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(name);
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &Path, to: &Path| {
        fs::create_dir(to).unwrap();
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    };
    for migration in fs::read_dir(product).unwrap() {
        let migration = migration.unwrap();
        copy(&migration.path(), &folder.path().join(migration.file_name()));
    }
    let more = folder.path().join("2099-01-01-000000_rebuild");
    fs::create_dir(&more).unwrap();
    fs::write(more.join("up.sql"), up).unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}

/// Returns SQL that rebuilds the table `conversations`, as the change of a check constraint requires.
async fn rebuild(db: &TestDatabase) -> String {
    if db.backend == TestBackend::Postgres {
        // Changes the type of a column, so that PostgreSQL rewrites the table and its indexes.
        return "ALTER TABLE conversations ALTER COLUMN guest_messages TYPE NUMERIC(20)".to_owned();
    }
    let schema = "SELECT sql AS line FROM sqlite_schema WHERE tbl_name = 'conversations' AND sql IS NOT NULL \
                  ORDER BY type = 'table' DESC";
    let parts = db.store.read(move |conn| lines(conn, schema)).await.unwrap();
    let (table, indexes) = parts.split_first().unwrap();
    assert!(table.contains("CHECK (guest_messages >= 0)"), "{table}");
    let table = table
        .replacen("CREATE TABLE conversations", "CREATE TABLE new_conversations", 1)
        .replace("CHECK (guest_messages >= 0)", "CHECK (guest_messages BETWEEN 0 AND 1000000)");
    format!(
        "{table};\nINSERT INTO new_conversations SELECT * FROM conversations;\nDROP TABLE conversations;\n\
         ALTER TABLE new_conversations RENAME TO conversations;\n{};",
        indexes.join(";\n")
    )
}

const REFERRING: [&str; 4] = [
    "SELECT count(*) FROM conversations",
    "SELECT count(*) FROM messages",
    "SELECT count(*) FROM messages JOIN conversations ON conversations.id = messages.conversation_id",
    "SELECT count(*) FROM conversations JOIN messages ON messages.id = conversations.last_message_id",
];

on_both!(a_migration_rebuilds_a_table_with_referring_rows, |db| {
    db.hotel(6, 5).await;
    let mut before = Vec::new();
    for query in REFERRING {
        before.push(db.number(query).await);
    }
    assert_eq!(before[..3], [6, 30, 30]);
    let (_folder, migrations) = migrations_and(&db, &rebuild(&db).await);
    migrate_from(&db.url, &migrations).unwrap();
    let mut after = Vec::new();
    for query in REFERRING {
        after.push(db.number(query).await);
    }
    assert_eq!(after, before);
    // The foreign keys of messages still refer to the rebuilt table.
    let dangling = "INSERT INTO messages (conversation_id, content, sender_type, timestamp) \
                    SELECT 999999, content, sender_type, timestamp FROM messages";
    assert!(db.sql(dangling).await.is_err());
});

#[tokio::test]
async fn a_migration_that_leaves_dangling_rows_is_rolled_back() {
    let db = TestDatabase::new(TestBackend::Sqlite).unwrap();
    db.hotel(2, 2).await;
    let (_folder, migrations) = migrations_and(&db, "DELETE FROM conversations WHERE id = 1;");
    let refused = migrate_from(&db.url, &migrations);
    assert!(matches!(&refused, Err(StoreError::Migration(why)) if why.contains("messages")), "{refused:?}");
    assert_eq!(db.number("SELECT count(*) FROM conversations").await, 2);
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = sql_types::BigInt)]
    number: i64,
}

#[tokio::test]
async fn a_migration_behind_a_dump_blocks_no_statements_and_runs_afterwards() {
    let Some(db) = TestDatabase::new(TestBackend::Postgres) else { return };
    db.hotel(2, 2).await;
    let DbUrl::Postgres(url) = db.url.clone() else { return };
    let mut dump = PgConnection::establish(&url).unwrap();
    dump.batch_execute("BEGIN; SELECT FROM conversations LIMIT 1").unwrap();
    let (_folder, migrations) = migrations_and(&db, &rebuild(&db).await);
    let of = db.url.clone();
    let migrating = thread::spawn(move || migrate_from(&of, &migrations));
    let mut reader = PgConnection::establish(&url).unwrap();
    let mut waiting = || {
        let asked = "SELECT count(*) AS number FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' \
                     AND relation = 'conversations'::regclass";
        sql_query(asked).get_result::<CountRow>(&mut reader).unwrap().number
    };
    let mut until = |count: i64| {
        let began = Instant::now();
        while waiting() != count {
            assert!(began.elapsed() < Duration::from_secs(30), "not within 30 s: {count}");
            thread::sleep(Duration::from_millis(10));
        }
    };
    until(1);
    // The migration gives up its lock request for a while, so that waiting statements pass, although the dump
    // continues.
    assert_eq!(db.number("SELECT count(*) FROM conversations").await, 2);
    until(0);
    until(1);
    dump.batch_execute("COMMIT").unwrap();
    migrating.join().unwrap().unwrap();
    assert_eq!(db.number("SELECT count(*) FROM conversations").await, 2);
}
