//! Retention: deletion of expired rows in batches.

use chrono::{TimeDelta, Utc};
use domain::{Delivery, HotelId, MessageId};
use persistence::{Store, StoreError, Tx, early_receipts, retention, sessions::SessionLifetimes};

use crate::support::{StoredHotel, TestDatabase, execute, on_both};

const SESSIONS: SessionLifetimes = SessionLifetimes { idle: TimeDelta::days(30), max: TimeDelta::days(90) };
const EVENTS: TimeDelta = TimeDelta::days(7);

/// Returns a common table expression `n` with the numbers 1 to `count` in column `i`, for an INSERT.
fn numbers(count: u32) -> String {
    format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})")
}

/// Deletes a batch of all expired rows except events. Returns `true` if more may be left.
async fn delete_expired(store: &Store) -> Result<bool, StoreError> {
    store.write(HotelId(0), vec![], |tx: &mut Tx<'_>| retention::delete_expired(tx, SESSIONS, Utc::now())).await
}

/// Deletes a batch of a hotel's expired events. Returns `true` if more may be left.
async fn delete_events(store: &Store, hotel: HotelId) -> Result<bool, StoreError> {
    store.write(hotel, vec![], move |tx: &mut Tx<'_>| retention::delete_events(tx, hotel, Utc::now() - EVENTS)).await
}

/// Returns the hotels with expired events.
async fn due(db: &TestDatabase) -> Vec<HotelId> {
    db.store.read(|conn| retention::hotels_with_events_before(conn, Utc::now() - EVENTS)).await.unwrap()
}

/// Adds `count` events with this time to a hotel's log.
async fn log(db: &TestDatabase, hotel: &StoredHotel, after: u32, count: u32, at: &str) {
    let (n, id, conversation) = (numbers(count), hotel.id, hotel.stays[0].1);
    let insert = format!(
        "INSERT INTO events (hotel_id, seq, at, kind, conversation_id) \
         {n} SELECT {id}, {after} + i, {at}, 'new_conversation', {conversation} FROM n"
    );
    db.sql(insert).await.unwrap();
}

async fn count(db: &TestDatabase, table: &str) -> i64 {
    db.number(format!("SELECT count(*) FROM {table}")).await
}

on_both!(expired_rows_are_deleted_in_batches, |db| {
    let hotel = db.hotel(1, 3).await;
    let old = db.time(Utc::now() - TimeDelta::days(8));
    let new = db.time(Utc::now() - TimeDelta::seconds(10));
    for (rows, start, at) in [(1200, 0, &old), (5, 1200, &new)] {
        log(&db, &hotel, start, rows, at).await;
        let (n, staff) = (numbers(rows), hotel.member.id);
        for insert in [
            format!("INSERT INTO login_attempts (name_digest, address, at) {n} SELECT 'd', 'a', {at} FROM n"),
            format!(
                "INSERT INTO idempotency_keys (staff_id, path, key, request_digest, created_at) \
                 {n} SELECT {staff}, '/', 'k' || ({start} + i), 'd', {at} FROM n"
            ),
            format!(
                "INSERT INTO early_reports (hotel_id, whatsapp_message_id, delivery, received_at) \
                 {n} SELECT {id}, 'wamid.' || ({start} + i), 'delivered', {at} FROM n",
                id = hotel.id
            ),
        ] {
            db.sql(insert).await.unwrap();
        }
    }
    assert_eq!(due(&db).await, [hotel.id]);
    for (more, left) in [(true, 705), (true, 205), (false, 5), (false, 5)] {
        assert_eq!(delete_expired(&db.store).await.unwrap(), more);
        assert_eq!(delete_events(&db.store, hotel.id).await.unwrap(), more);
        for table in ["login_attempts", "events", "idempotency_keys", "early_reports"] {
            assert_eq!(count(&db, table).await, left, "{table}");
        }
    }
    assert_eq!(db.number("SELECT min(seq) FROM events").await, 1201);
    assert!(due(&db).await.is_empty());
    assert_eq!(count(&db, "messages").await, 3);
});

on_both!(a_clock_jump_leaves_no_gap_in_the_log, |db| {
    let (hotel, other) = (db.hotel(1, 0).await, db.hotel(1, 0).await);
    let old = db.time(Utc::now() - TimeDelta::days(8));
    let new = db.time(Utc::now());
    // The clock jumped back between the fifth and the sixth event.
    for (after, count, at) in [(0, 3, &old), (3, 2, &new), (5, 4, &old)] {
        log(&db, &hotel, after, count, at).await;
    }
    log(&db, &other, 0, 2, &old).await;
    assert_eq!(due(&db).await, [hotel.id, other.id]);
    assert!(!delete_events(&db.store, hotel.id).await.unwrap());
    let left = |hotel: &StoredHotel| format!("SELECT count(*) FROM events WHERE hotel_id = {}", hotel.id);
    assert_eq!(db.number(format!("{} AND seq > 3", left(&hotel))).await, 6);
    assert_eq!((db.number(left(&hotel)).await, db.number(left(&other)).await), (6, 2));
    assert_eq!(due(&db).await, [other.id]);
    assert!(!delete_events(&db.store, other.id).await.unwrap());
    assert_eq!((db.number(left(&other)).await, due(&db).await.len()), (0, 0));
});

on_both!(two_nodes_delete_at_once_and_writes_run_in_between, |db| {
    let hotel = db.hotel(1, 0).await;
    let old = db.time(Utc::now() - TimeDelta::days(8));
    log(&db, &hotel, 0, 10_000, &old).await;
    let n = numbers(2000);
    let keys = format!(
        "INSERT INTO idempotency_keys (staff_id, path, key, request_digest, created_at) \
         {n} SELECT {}, '/', 'k' || i, 'd', {old} FROM n",
        hotel.member.id
    );
    db.sql(keys).await.unwrap();
    let another = db.another();
    let forget = async |store: &Store| {
        let mut batches = 0;
        while count(&db, "events").await + count(&db, "idempotency_keys").await > 0 {
            delete_events(store, hotel.id).await.unwrap();
            delete_expired(store).await.unwrap();
            batches += 1;
        }
        batches
    };
    let insert = format!("INSERT INTO login_attempts (name_digest, address, at) VALUES ('d', 'a', {old})");
    let write = async |store: &Store| {
        let insert = insert.clone();
        store.write(HotelId(0), vec![], move |tx| execute(tx, &insert)).await.unwrap();
        count(&db, "events").await
    };
    let writes = async { tokio::join!(write(&db.store), write(&another)) };
    let (one, other, left) = tokio::join!(forget(&db.store), forget(&another), writes);
    // SQLite does not serve writers in turn: the writes of the other node may have to wait until the deletion ends.
    assert!(one + other >= 20 && left.0.max(left.1) > 0, "{one}, {other}, {left:?}");
});

on_both!(expired_sessions_are_deleted, |db| {
    let hotel = db.hotel(0, 0).await;
    let ago = |time: TimeDelta| db.time(Utc::now() - time);
    let (day, minute) = (TimeDelta::days, TimeDelta::minutes(1));
    let hours = TimeDelta::hours;
    // Name, the times since a session was created, last used and revoked, and whether it is remembered.
    let sessions = [
        ("live", day(80), day(29), None, true),
        ("idle", day(40), day(30) + minute, None, true),
        ("old", day(90) + minute, minute, None, true),
        ("revoked just now", day(1), day(1), Some(minute), true),
        ("revoked", day(2), day(2), Some(day(1) + minute), true),
        ("shared", hours(11), minute, None, false),
        ("shared and idle", hours(1), minute * 31, None, false),
        ("shared and old", hours(12) + minute, minute, None, false),
    ];
    for (word, made, used, revoked, remember) in sessions {
        let revoked = revoked.map_or("NULL".to_owned(), ago);
        let sql = format!(
            "INSERT INTO sessions (id, hotel_id, staff_id, cookie_digest, generation, created_at, last_used_at, remember, revoked_at) \
             VALUES ('{word}', {}, {}, '{word}', 3, {}, {}, {remember}, {revoked})",
            hotel.id,
            hotel.member.id,
            ago(made),
            ago(used)
        );
        db.sql(sql).await.unwrap();
        db.sql(format!("INSERT INTO void_refresh_tokens VALUES ('{word}', 1)")).await.unwrap();
    }
    assert!(!delete_expired(&db.store).await.unwrap());
    let left = db.store.read(|conn| crate::support::lines(conn, "SELECT id AS line FROM sessions ORDER BY id")).await;
    assert_eq!(left.unwrap(), ["live", "revoked just now", "shared"]);
    assert_eq!(count(&db, "void_refresh_tokens").await, 3);
});

on_both!(devices_are_forgotten_after_180_days, |db| {
    let hotel = db.hotel(0, 0).await;
    for days in [179, 181] {
        let at = db.time(Utc::now() - TimeDelta::days(days));
        let (id, member) = (hotel.id, hotel.member.id);
        db.sql(format!("INSERT INTO sign_in_devices VALUES ('{days}', {id}, {member}, {at})")).await.unwrap();
    }
    assert!(!delete_expired(&db.store).await.unwrap());
    let left = db.store.read(|conn| crate::support::lines(conn, "SELECT digest AS line FROM sign_in_devices")).await;
    assert_eq!(left.unwrap(), ["179"]);
});

on_both!(an_early_receipt_is_stored_once, |db| {
    let hotel = db.hotel(1, 1).await.id;
    for delivery in [Delivery::Sent, Delivery::Delivered, Delivery::Sent] {
        let keep =
            move |tx: &mut Tx<'_>| early_receipts::insert(tx, hotel, "wamid.foreign", (delivery, None), Utc::now());
        db.store.write(HotelId(0), vec![], keep).await.unwrap();
    }
    assert_eq!(count(&db, "early_reports").await, 2);
});

on_both!(raw_and_outbox_rows_expire_and_messages_stay, |db| {
    let hotel = db.hotel(1, 1204).await;
    let conversation = hotel.stays[0].1;
    let (now, month) = (Utc::now(), TimeDelta::days(30));
    let (old, new) = (db.time(now - month), db.time(now - TimeDelta::days(1)));
    let newest = db.number("SELECT max(id) FROM messages").await;
    // All messages but the last hundred are old. The first ten of staff have the delivery status unknown; two of them
    // were taken back.
    let age = |at: &str, which: &str| format!("UPDATE messages SET timestamp = {at} WHERE id {which}");
    let (until, first) = (newest - 100, newest - 1203);
    for sql in [
        age(&old, &format!("<= {until}")),
        age(&new, &format!("> {until}")),
        format!("UPDATE messages SET delivery = 'unknown' WHERE sender_type = 'staff' AND id < {}", first + 20),
        format!("UPDATE messages SET hidden = true WHERE id < {}", first + 4),
        format!(
            "INSERT INTO outbox (message_id, hotel_id, conversation_id, callback, state, due_at) \
             SELECT id, {}, {conversation}, 'sent ' || id, 'settled', timestamp FROM messages \
             WHERE sender_type = 'staff'",
            hotel.id
        ),
        "INSERT INTO former_tries (callback, message_id) SELECT 'former ' || message_id, message_id FROM outbox".into(),
        "INSERT INTO inbound (message_id, raw) SELECT id, '{}' FROM messages WHERE sender_type = 'guest'".into(),
        format!(
            "INSERT INTO audit (hotel_id, at, action) SELECT {}, timestamp, 'closed' FROM messages ORDER BY id",
            hotel.id
        ),
        format!(
            "INSERT INTO parked (received_at, reason, raw, settled_at) SELECT {old}, 'r', '{{}}', \
             timestamp FROM messages",
        ),
        format!("INSERT INTO parked (received_at, reason, raw) VALUES ({old}, 'open', '{{}}')"),
    ] {
        db.sql(sql).await.unwrap();
    }
    let before = now - TimeDelta::days(7);
    for (table, left) in [("audit", 100), ("inbound", 50), ("parked", 101)] {
        let mut batches = 0;
        loop {
            batches += 1;
            let forget = move |tx: &mut Tx<'_>| match table {
                "audit" => retention::delete_audit_entries(tx, before),
                "inbound" => retention::delete_raw_messages(tx, before),
                _ => retention::delete_dead_letters(tx, before),
            };
            if !db.store.write(HotelId(0), vec![], forget).await.unwrap() {
                break;
            }
        }
        assert!(batches > 1, "{table}: {batches}");
        assert_eq!(count(&db, table).await, left, "{table}");
    }
    let mut after = Some(MessageId(0));
    while let Some(from) = after {
        let forget = move |tx: &mut Tx<'_>| retention::delete_sent_outbox_rows(tx, from, before);
        after = db.store.write(HotelId(0), vec![], forget).await.unwrap();
    }
    for table in ["outbox", "former_tries"] {
        assert_eq!(count(&db, table).await, 58, "{table}: fifty that are new, eight that may be sent again");
    }
    assert_eq!(count(&db, "messages").await, 1204);
});
