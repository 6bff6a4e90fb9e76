//! Constraints of the schema: invalid rows are refused.

use chrono::Utc;
use diesel::result::{DatabaseErrorKind, Error};
use domain::{GuestId, Status};
use persistence::{StoreError, conversations, guests};

use crate::support::{StoredHotel, TestBackend, TestDatabase, on_both};

use DatabaseErrorKind::{CheckViolation, ForeignKeyViolation, UniqueViolation};

/// Asserts that the database refuses the statement with this kind of error.
pub async fn refused(db: &TestDatabase, sql: &str, why: DatabaseErrorKind) {
    match db.sql(sql).await {
        Err(StoreError::Query(Error::DatabaseError(kind, _))) => {
            assert_eq!(format!("{kind:?}"), format!("{why:?}"), "{sql}");
        }
        other => panic!("{sql}: {other:?}"),
    }
}

async fn two_hotels(db: &TestDatabase) -> (StoredHotel, StoredHotel) {
    (db.hotel(4, 4).await, db.hotel(2, 2).await)
}

on_both!(status_and_department_of_a_conversation_match, |db| {
    let (here, there) = two_hotels(&db).await;
    let of = |status: &str| format!("hotel_id = {} AND status = '{status}'", here.id);
    let set = |what: String, status: &str| format!("UPDATE conversations SET {what} WHERE {}", of(status));
    let wrong = [
        (set("status = 'open'".into(), "active"), CheckViolation),
        (set("department_id = NULL".into(), "relay"), CheckViolation),
        (set("status = 'relay'".into(), "active"), CheckViolation),
        (set("status = 'active'".into(), "relay"), CheckViolation),
        (set(format!("department_id = {}", here.department), "active"), CheckViolation),
        (set("status = 'demo'".into(), "active"), CheckViolation),
        (set("stay_id = NULL".into(), "active"), CheckViolation),
        (set("guest_messages = -1".into(), "active"), CheckViolation),
        // References to rows of another hotel.
        (set(format!("department_id = {}", there.department), "relay"), ForeignKeyViolation),
        (set(format!("assigned_to = {}", there.member.id), "relay"), ForeignKeyViolation),
        (
            set(format!("guest_id = (SELECT max(id) FROM guests WHERE hotel_id = {})", there.id), "relay"),
            ForeignKeyViolation,
        ),
        (set(format!("hotel_id = {}", there.id), "active"), ForeignKeyViolation),
        // A stay has only one conversation.
        (set(format!("stay_id = {}", here.stays[0].0), "active"), UniqueViolation),
    ];
    for (sql, why) in wrong {
        refused(&db, &sql, why).await;
    }
    assert_eq!(
        db.number("SELECT count(*) FROM conversations WHERE status = 'relay' AND department_id IS NULL").await,
        0
    );
});

on_both!(a_response_clock_runs_only_while_a_guest_waits, |db| {
    let (here, there) = two_hotels(&db).await;
    let (id, time) = (here.stays[0].1, if db.backend == TestBackend::Sqlite { "1" } else { "now()" });
    let set = |what: &str| format!("UPDATE conversations SET {what} WHERE id = {id}");
    db.sql(&set("waiting_since = NULL")).await.unwrap();
    refused(&db, &set(&format!("response_due_at = {time}")), CheckViolation).await;
    refused(&db, &set(&format!("waiting_since = {time}, overdue_alarm_at = {time}")), CheckViolation).await;
    db.sql(&set(&format!("waiting_since = {time}, response_due_at = {time}, overdue_alarm_at = {time}")))
        .await
        .unwrap();
    refused(&db, &set("waiting_since = NULL"), CheckViolation).await;
    for minutes in [0, 1441] {
        let sql = format!("UPDATE departments SET first_response_minutes = {minutes} WHERE id = {}", here.department);
        refused(&db, &sql, CheckViolation).await;
    }
    // One alarm for each wait and department, of the same hotel.
    let alarm = |department| {
        format!(
            "INSERT INTO overdue_alarms (hotel_id, conversation_id, department_id, waiting_since, raised_at) \
             VALUES ({}, {id}, {department}, {time}, {time})",
            here.id
        )
    };
    refused(&db, &alarm(there.department), ForeignKeyViolation).await;
    let fixed = alarm(here.department).replace("now()", "'2026-07-01T00:00:00Z'");
    db.sql(&fixed).await.unwrap();
    refused(&db, &fixed, UniqueViolation).await;
    // An event shows since when the guest waits, or is of another kind.
    let event = format!(
        "INSERT INTO events (hotel_id, seq, at, kind, conversation_id, only_message) \
         VALUES ({}, 1000000, {time}, 'response_overdue', {id}, false)",
        here.id
    );
    refused(&db, &event, CheckViolation).await;
});

on_both!(a_guest_has_one_conversation_without_a_stay, |db| {
    let (here, _) = two_hotels(&db).await;
    let insert = || {
        let hotel = here.id;
        db.store.write(hotel, vec![], move |tx| {
            let phone = domain::PhoneNumber::parse("+34600000001").unwrap();
            let guest: GuestId = guests::find_or_insert(tx, hotel, &phone, Utc::now())?.id;
            conversations::insert(tx, (hotel, guest, None), Status::Demo, Utc::now())
        })
    };
    insert().await.unwrap();
    let again = insert().await;
    let twice = matches!(&again, Err(StoreError::Query(Error::DatabaseError(UniqueViolation, _))));
    assert!(twice, "{again:?}");
});

on_both!(a_linked_stay_has_a_guest, |db| {
    let (here, _) = two_hotels(&db).await;
    let set = |what: &str| format!("UPDATE stays SET {what} WHERE id = {}", here.stays[0].0);
    let guest = format!("(SELECT guest_id FROM conversations WHERE id = {})", here.stays[1].1);
    let wrong = [
        (set("linked = TRUE, guest_phone = NULL, guest_id = NULL"), CheckViolation),
        (set(&format!("conversation_lender_id = {guest}")), CheckViolation),
        (set("linked = TRUE, conversation_lender_id = 999999"), ForeignKeyViolation),
    ];
    for (sql, why) in wrong {
        refused(&db, &sql, why).await;
    }
    assert_eq!(db.sql(set(&format!("linked = TRUE, conversation_lender_id = {guest}"))).await.unwrap(), 1);
});

on_both!(sender_type_and_sender_of_a_message_match, |db| {
    let (here, _) = two_hotels(&db).await;
    let set = |what: &str, who: &str| format!("UPDATE messages SET {what} WHERE sender_type = '{who}'");
    let one = format!("conversation_id = {}", here.stays[0].1);
    let wrong = [
        (set("sender_type = 'robot'", "guest"), CheckViolation),
        (set("sender_type = 'guest'", "staff"), CheckViolation),
        (set("staff_sender = NULL", "staff"), CheckViolation),
        (set(&format!("staff_sender = {}", here.member.id), "guest"), CheckViolation),
        (set("internal = TRUE", "guest"), CheckViolation),
        (set("delivery = 'sent'", "guest"), CheckViolation),
        (set("delivery = NULL", "staff"), CheckViolation),
        (set("delivery = 'lost'", "staff"), CheckViolation),
        (set("client_ref = 'r'", "staff"), CheckViolation),
        (set("client_ref = 'r', request_digest = 'd'", "guest"), CheckViolation),
        (set("staff_sender = 999999", "staff"), ForeignKeyViolation),
        // A repeated client reference of one author in one conversation, and a repeated WhatsApp id.
        (format!("{} AND {one}", set("client_ref = 'r', request_digest = 'd'", "staff")), UniqueViolation),
        (set("whatsapp_message_id = 'wamid.1'", "guest"), UniqueViolation),
    ];
    for (sql, why) in wrong {
        refused(&db, &sql, why).await;
    }
    // The same client reference is allowed in another conversation.
    let each_first = "id IN (SELECT min(id) FROM messages WHERE sender_type = 'staff' GROUP BY conversation_id)";
    let named = db.sql(format!("UPDATE messages SET client_ref = 'r', request_digest = 'd' WHERE {each_first}")).await;
    assert_eq!(named.unwrap(), 6);
});

on_both!(the_last_message_belongs_to_the_conversation, |db| {
    let (here, there) = two_hotels(&db).await;
    let (one, other) = (here.stays[0].1, there.stays[0].1);
    let newest = format!("(SELECT max(id) FROM messages WHERE conversation_id = {other})");
    refused(&db, &format!("UPDATE conversations SET last_message_id = {newest} WHERE id = {one}"), ForeignKeyViolation)
        .await;
    let mark = "INSERT INTO read_marks (staff_id, conversation_id, message_id, guest_ordinal)";
    refused(&db, &format!("{mark} SELECT {}, {one}, {newest}, 1", here.member.id), ForeignKeyViolation).await;
});

on_both!(staff_guests_and_stays_belong_to_one_hotel, |db| {
    let (here, there) = two_hotels(&db).await;
    let (id, foreign) = (here.id, there.id);
    let wrong = [
        ("UPDATE staff SET username = 'same'".to_owned(), UniqueViolation),
        ("UPDATE staff SET role = 'boss'".to_owned(), CheckViolation),
        (
            format!(
                "INSERT INTO staff_departments (hotel_id, staff_id, department_id, position) VALUES ({id}, {}, {}, 9)",
                here.member.id, there.department
            ),
            ForeignKeyViolation,
        ),
        (
            format!("UPDATE hotels SET default_department_id = {} WHERE id = {id}", there.department),
            ForeignKeyViolation,
        ),
        ("UPDATE hotels SET whatsapp_phone_number_id = '1'".to_owned(), UniqueViolation),
        ("UPDATE guests SET phone = NULL".to_owned(), CheckViolation),
        (format!("UPDATE guests SET phone = '+34600000000' WHERE hotel_id = {id}"), UniqueViolation),
        (format!("UPDATE guests SET wa_id = '34600000000' WHERE hotel_id = {id}"), UniqueViolation),
        (format!("UPDATE guests SET bsuid = 'ES.1' WHERE hotel_id = {id}"), UniqueViolation),
        (format!("UPDATE stays SET reservation_code = 'R' WHERE hotel_id = {id}"), UniqueViolation),
        ("UPDATE stays SET check_out = '2000-01-01'".to_owned(), CheckViolation),
        ("UPDATE stays SET guest_id = NULL".to_owned(), CheckViolation),
        ("UPDATE stays SET part = 0".to_owned(), CheckViolation),
        ("UPDATE stays SET cancellation = 'cancelled', checked_in_at = created_at".to_owned(), CheckViolation),
        ("UPDATE stays SET cancellation = 'booked'".to_owned(), CheckViolation),
        (
            format!(
                "UPDATE stays SET guest_id = (SELECT max(id) FROM guests WHERE hotel_id = {foreign}) WHERE hotel_id = {id}"
            ),
            ForeignKeyViolation,
        ),
        (format!("UPDATE departments SET hotel_id = {foreign} WHERE id = {}", here.department), UniqueViolation),
        (format!("DELETE FROM departments WHERE id = {}", here.department), ForeignKeyViolation),
        (format!("DELETE FROM staff WHERE id = {}", here.member.id), ForeignKeyViolation),
        (format!("DELETE FROM conversations WHERE hotel_id = {id}"), ForeignKeyViolation),
        (format!("DELETE FROM hotels WHERE id = {id}"), ForeignKeyViolation),
    ];
    for (sql, why) in wrong {
        refused(&db, &sql, why).await;
    }
    // Two hotels may have a guest with the same number.
    let first_of_each = "id IN (SELECT min(id) FROM guests GROUP BY hotel_id)";
    assert_eq!(db.sql(format!("UPDATE guests SET phone = '+34600000000' WHERE {first_of_each}")).await.unwrap(), 2);
});

on_both!(a_sequence_number_is_unique_in_the_log, |db| {
    let (here, _) = two_hotels(&db).await;
    let (hotel, kind) = (here.id, here.event());
    db.store
        .write(hotel, vec![], move |tx| {
            tx.record(hotel, Utc::now(), kind.clone());
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    let again = "INSERT INTO events (hotel_id, seq, at, kind, staff_id)";
    refused(&db, &format!("{again} SELECT hotel_id, seq, at, kind, staff_id FROM events"), UniqueViolation).await;
    refused(&db, "UPDATE events SET seq = 0", CheckViolation).await;
    refused(&db, "UPDATE events SET kind = 'rumour'", CheckViolation).await;
    refused(&db, "UPDATE events SET kind = 'message'", CheckViolation).await;
    refused(&db, "UPDATE events SET staff_id = NULL", CheckViolation).await;
    refused(&db, "UPDATE hotel_counters SET seq = -1", CheckViolation).await;
    refused(&db, "INSERT INTO origins (origin, made_at) SELECT 'real', at FROM events", CheckViolation).await;
    assert_eq!(db.number(format!("SELECT seq FROM hotel_counters WHERE hotel_id = {hotel}")).await, 1);
});

on_both!(type_and_language_of_a_template_match, |db| {
    let (here, there) = two_hotels(&db).await;
    let insert = |name: &str, kind: &str, language: &str| {
        format!(
            "INSERT INTO message_templates (hotel_id, name, content, template_type, language) \
             VALUES ({}, '{name}', 'Hello!', '{kind}', {language})",
            here.id
        )
    };
    for good in [
        insert("a", "whatsapp", "'en'"),
        insert("b", "whatsapp", "'fil'"),
        insert("c", "text", "NULL"),
        insert("e", "text", "'en'"),
        insert("a", "whatsapp", "'de'"),
    ] {
        db.sql(good).await.unwrap();
    }
    let set = |what: &str, name: &str| format!("UPDATE message_templates SET {what} WHERE name = '{name}'");
    db.sql(set("is_opener = TRUE", "a' AND language = 'en")).await.unwrap();
    let wrong = [
        (insert("d", "whatsapp", "NULL"), CheckViolation),
        (insert("a", "whatsapp", "'en'"), UniqueViolation),
        (insert("c", "text", "'en'"), UniqueViolation),
        (set("is_opener = TRUE", "c"), CheckViolation),
        (set("template_type = 'text', language = NULL", "a"), CheckViolation),
        // A hotel has only one opener template.
        (set("is_opener = TRUE", "b"), UniqueViolation),
        (set(&format!("department_id = {}", there.department), "a"), ForeignKeyViolation),
    ];
    for (sql, why) in wrong {
        refused(&db, &sql, why).await;
    }
});

on_both!(an_audit_entry_has_at_most_one_actor, |db| {
    let (here, _) = two_hotels(&db).await;
    let now = db.time(Utc::now());
    let key =
        format!("INSERT INTO api_keys (hotel_id, name, digest, created_at) VALUES ({}, 'n', 'd', {now})", here.id);
    db.sql(key.clone()).await.unwrap();
    refused(&db, &key, UniqueViolation).await;
    let entry = |actor: &str, key: &str| {
        format!(
            "INSERT INTO audit (hotel_id, at, action, actor, api_key_id) VALUES ({}, {now}, 'closed', {actor}, {key})",
            here.id
        )
    };
    let (member, of_key) = (here.member.id.to_string(), "(SELECT id FROM api_keys)");
    for good in [entry(&member, "NULL"), entry("NULL", of_key), entry("NULL", "NULL")] {
        db.sql(good).await.unwrap();
    }
    refused(&db, &entry(&member, of_key), CheckViolation).await;
    refused(&db, &entry("NULL", "9999"), ForeignKeyViolation).await;
});

on_both!(labels_belong_to_one_hotel, |db| {
    let (here, there) = two_hotels(&db).await;
    let at = if db.backend == TestBackend::Sqlite { "0" } else { "now()" };
    let label = |hotel: i64, name: &str, colour: &str| {
        format!(
            "INSERT INTO labels (hotel_id, name, name_key, colour, created_at) \
             VALUES ({hotel}, '{name}', lower('{name}'), '{colour}', {at})"
        )
    };
    db.sql(&label(here.id.0, "VIP", "red")).await.unwrap();
    db.sql(&label(there.id.0, "VIP", "red")).await.unwrap();
    refused(&db, &label(here.id.0, "vip", "blue"), UniqueViolation).await;
    refused(&db, &label(here.id.0, "Late", "mauve"), CheckViolation).await;
    let add = |hotel: i64, conversation: i64, of: i64| {
        format!(
            "INSERT INTO conversation_labels (hotel_id, conversation_id, label_id) \
             VALUES ({hotel}, {conversation}, (SELECT id FROM labels WHERE hotel_id = {of}))"
        )
    };
    let (ours, theirs) = (here.stays[0].1.0, there.stays[0].1.0);
    refused(&db, &add(here.id.0, ours, there.id.0), ForeignKeyViolation).await;
    refused(&db, &add(here.id.0, theirs, here.id.0), ForeignKeyViolation).await;
    db.sql(&add(here.id.0, ours, here.id.0)).await.unwrap();
    refused(&db, &add(here.id.0, ours, here.id.0), UniqueViolation).await;
    // A deleted label leaves all conversations.
    db.sql(&format!("DELETE FROM labels WHERE hotel_id = {}", here.id)).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM conversation_labels").await, 0);
});

on_both!(events_have_the_columns_of_their_kind, |db| {
    let (here, there) = two_hotels(&db).await;
    let at = if db.backend == TestBackend::Sqlite { "0" } else { "now()" };
    let event = |columns: &str, values: &str| {
        format!("INSERT INTO events (hotel_id, seq, at, {columns}) VALUES ({}, 900, {at}, {values})", here.id)
    };
    let conversation = here.stays[0].1.0;
    for (columns, values) in [
        ("kind", "'directory_updated'".to_owned()),
        ("kind, what", "'directory_updated', 'weather'".to_owned()),
        ("kind, what", "'directory_updated', 'reach'".to_owned()),
        ("kind, what, staff_id", format!("'directory_updated', 'hotel', {}", here.member.id)),
        ("kind, what, conversation_id", format!("'directory_updated', 'hotel', {conversation}")),
        ("kind", "'stay_updated'".to_owned()),
        ("kind, conversation_id", format!("'history_added', {conversation}")),
        ("kind", "'conversation_updated'".to_owned()),
        ("kind", "'staff_changed'".to_owned()),
        ("kind", "'weather'".to_owned()),
    ] {
        refused(&db, &event(columns, &values), CheckViolation).await;
    }
    let entry = |columns: &str, values: &str| {
        format!(
            "INSERT INTO conversation_history (hotel_id, conversation_id, at, {columns}) \
             VALUES ({}, {conversation}, {at}, {values})",
            here.id
        )
    };
    let both = format!("'assigned', {}, {}", here.department, here.member.id);
    refused(&db, &entry("kind", "'danced'"), CheckViolation).await;
    refused(&db, &entry("kind, to_department_id, to_staff_id", &both), CheckViolation).await;
    let foreign = format!("'routed', {}", there.department);
    refused(&db, &entry("kind, to_department_id", &foreign), ForeignKeyViolation).await;
    db.sql(&entry("kind", "'closed'")).await.unwrap();
});
