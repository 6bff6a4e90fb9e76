//! Forgetting what is over, in batches.

use chrono::{TimeDelta, Utc};
use persistence::{
    sessions::Lifetimes,
    upkeep::{self, Keep},
};

use crate::support::{Database, on_both};

const KEEP: Keep =
    Keep { events: TimeDelta::days(7), sessions: Lifetimes { idle: TimeDelta::days(30), most: TimeDelta::days(90) } };

/// So many numbers, as a table `n` with a column `i`, before an INSERT.
fn numbers(count: u32) -> String {
    format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})")
}

/// Forgets one batch; whether there may be more.
async fn prune(db: &Database) -> bool {
    let job = |tx: &mut persistence::Tx<'_>| upkeep::prune(tx, KEEP, Utc::now());
    db.store.write(domain::HotelId(0), vec![], job).await.unwrap()
}

async fn count(db: &Database, table: &str) -> i64 {
    db.number(format!("SELECT count(*) FROM {table}")).await
}

on_both!(what_is_over_goes_in_batches, |db| {
    let hotel = db.hotel(1, 3).await;
    let old = db.time(Utc::now() - TimeDelta::days(8));
    let new = db.time(Utc::now() - TimeDelta::seconds(10));
    let (id, staff, conversation) = (hotel.id, hotel.member.id, hotel.stays[0].1);
    for (rows, start, at) in [(1200, 0, &old), (5, 1200, &new)] {
        let n = numbers(rows);
        for insert in [
            format!("INSERT INTO login_attempts (name_digest, address, at) {n} SELECT 'd', 'a', {at} FROM n"),
            format!(
                "INSERT INTO events (hotel_id, seq, at, kind, conversation_id) \
                 {n} SELECT {id}, {start} + i, {at}, 'new_conversation', {conversation} FROM n"
            ),
            format!(
                "INSERT INTO idempotency_keys (staff_id, path, key, request_digest, created_at) \
                 {n} SELECT {staff}, '/', 'k' || ({start} + i), 'd', {at} FROM n"
            ),
        ] {
            db.sql(insert).await.unwrap();
        }
    }
    let tables = ["login_attempts", "events", "idempotency_keys"];
    for (more, left) in [(true, 705), (true, 205), (false, 5), (false, 5)] {
        assert_eq!(prune(&db).await, more);
        for table in tables {
            assert_eq!(count(&db, table).await, left, "{table}");
        }
    }
    assert_eq!(db.number("SELECT min(seq) FROM events").await, 1201);
    assert_eq!(count(&db, "messages").await, 3);
});

on_both!(sessions_go_when_they_are_over, |db| {
    let hotel = db.hotel(0, 0).await;
    let ago = |time: TimeDelta| db.time(Utc::now() - time);
    let (day, minute) = (TimeDelta::days, TimeDelta::minutes(1));
    // Made, last used, revoked.
    let sessions = [
        ("live", day(80), day(29), None),
        ("idle", day(40), day(30) + minute, None),
        ("old", day(90) + minute, minute, None),
        ("revoked just now", day(1), day(1), Some(minute)),
        ("revoked", day(2), day(2), Some(day(1) + minute)),
    ];
    for (word, made, used, revoked) in sessions {
        let revoked = revoked.map_or("NULL".to_owned(), ago);
        let sql = format!(
            "INSERT INTO sessions (id, hotel_id, staff_id, cookie_digest, generation, created_at, last_used_at, revoked_at) \
             VALUES ('{word}', {}, {}, '{word}', 3, {}, {}, {revoked})",
            hotel.id,
            hotel.member.id,
            ago(made),
            ago(used)
        );
        db.sql(sql).await.unwrap();
        db.sql(format!("INSERT INTO void_refresh_tokens VALUES ('{word}', 1)")).await.unwrap();
    }
    assert!(!prune(&db).await);
    let left = db.store.read(|conn| crate::support::lines(conn, "SELECT id AS line FROM sessions ORDER BY id")).await;
    assert_eq!(left.unwrap(), ["live", "revoked just now"]);
    assert_eq!(count(&db, "void_refresh_tokens").await, 2);
});
