//! Scheduled messages: constraints, query plans, and the guests whom a pending message answers.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::result::DatabaseErrorKind;
use domain::{
    ConversationId, ConversationRef, Delivery, GuestId, IfGuestWrites, MessageText, ReviewReason, ScheduledContent,
    ScheduledMessage, ScheduledMessageId, ScheduledState, ScheduledStatus,
};
use persistence::{
    StoreError, answers, conversations,
    messages::{self, InboundFields, MessageSender, NewMessage},
    scheduled_messages::{self, NewScheduledMessage, ScheduledFilter},
};

use crate::{
    constraints::refused,
    plans::{FIRST_PAGE, filled, never_scans, plans},
    support::{StoredHotel, TestBackend, TestDatabase, on_both},
};

use DatabaseErrorKind::{CheckViolation, ForeignKeyViolation, UniqueViolation};

const TABLES: [&str; 3] = ["scheduled_messages", "messages", "conversations"];

async fn guest_of(db: &TestDatabase, conversation: ConversationId) -> GuestId {
    let found = db.store.read(move |conn| conversations::find(conn, ConversationRef::Conversation(conversation)));
    found.await.unwrap().unwrap().guest()
}

/// Schedules a text in a conversation, an hour after `at`.
async fn schedule(
    db: &TestDatabase,
    hotel: &StoredHotel,
    conversation: ConversationId,
    at: DateTime<Utc>,
) -> ScheduledMessage {
    let (guest, id, author) = (guest_of(db, conversation).await, hotel.id, hotel.member.id);
    let insert = db.store.write(id, vec![], move |tx| {
        let text = MessageText::parse("later").unwrap();
        let new = NewScheduledMessage {
            hotel: id,
            conversation,
            guest,
            author,
            content: &ScheduledContent::Text { text, reply_to: None, hold: false },
            send_at: at + TimeDelta::hours(1),
            if_guest_writes: IfGuestWrites::Review,
            at,
        };
        scheduled_messages::insert(tx, &new)
    });
    insert.await.unwrap()
}

/// Stores another state of a scheduled message.
async fn save(db: &TestDatabase, before: &ScheduledMessage, state: ScheduledState) -> Result<(), StoreError> {
    let (status, message) = (before.state.status(), ScheduledMessage { state, ..before.clone() });
    db.store.write(before.hotel, vec![], move |tx| scheduled_messages::save(tx, status, &message)).await
}

on_both!(invalid_scheduled_messages_are_refused, |db| {
    let (here, there) = (db.hotel(4, 4).await, db.hotel(2, 2).await);
    let (conversation, other) = (here.stays[0].1, here.stays[1].1);
    let one = schedule(&db, &here, conversation, Utc::now()).await;
    let two = schedule(&db, &here, conversation, Utc::now()).await;
    let set = |what: &str| format!("UPDATE scheduled_messages SET {what} WHERE id = {}", one.id);
    let message = |of: ConversationId| format!("(SELECT max(id) FROM messages WHERE conversation_id = {of})");
    let sent = |of: ConversationId| set(&format!("status = 'sent', message_id = {}", message(of)));
    for (sql, why) in [
        (set("status = 'late'"), CheckViolation),
        (set("status = 'needs_review'"), CheckViolation),
        (set("review_reason = 'closed'"), CheckViolation),
        (set("status = 'needs_review', review_reason = 'weather'"), CheckViolation),
        (set("status = 'sent'"), CheckViolation),
        (set(&format!("message_id = {}", message(conversation))), CheckViolation),
        (set("text = NULL"), CheckViolation),
        (set("text = ''"), CheckViolation),
        (set("template_id = 1"), CheckViolation),
        (set("text = NULL, template_id = 1"), CheckViolation),
        (set("text = NULL, template_id = 1, variables = '{}', hold = TRUE"), CheckViolation),
        (set("if_guest_writes = 'ask'"), CheckViolation),
        (set("answered_guest_messages = -1"), CheckViolation),
        (set(&format!("author_id = {}", there.member.id)), ForeignKeyViolation),
        (set(&format!("hotel_id = {}", there.id)), ForeignKeyViolation),
        (set(&format!("reply_to = {}", message(other))), ForeignKeyViolation),
        (sent(other), ForeignKeyViolation),
    ] {
        refused(&db, &sql, why).await;
    }
    db.sql(sent(conversation)).await.unwrap();
    // One message is not sent for two.
    let again = format!("status = 'sent', message_id = {}", message(conversation));
    refused(&db, &format!("UPDATE scheduled_messages SET {again} WHERE id = {}", two.id), UniqueViolation).await;
    let at = if db.backend == TestBackend::Sqlite { "0" } else { "now()" };
    let event = |kind: &str, columns: &str, values: &str| {
        format!(
            "INSERT INTO events (hotel_id, seq, at, kind, conversation_id{columns}) \
             VALUES ({}, 900, {at}, '{kind}', {conversation}{values})",
            here.id
        )
    };
    refused(&db, &event("scheduled_updated", "", ""), CheckViolation).await;
    let with_id = format!(", {}", one.id);
    refused(&db, &event("conversation_updated", ", scheduled_id", &with_id), CheckViolation).await;
});

on_both!(of_two_writers_one_changes_the_status, |db| {
    let hotel = db.hotel(4, 0).await;
    let message = schedule(&db, &hotel, hotel.stays[0].1, Utc::now()).await;
    save(&db, &message, ScheduledState::Cancelled).await.unwrap();
    let late = save(&db, &message, ScheduledState::NeedsReview(ReviewReason::GuestWrote)).await;
    assert!(late.is_err(), "{late:?}");
    let stored = db.store.read(move |conn| scheduled_messages::find(conn, message.id)).await.unwrap().unwrap();
    assert_eq!(stored.state, ScheduledState::Cancelled);
});

on_both!(due_and_visible_messages_are_found_by_indexes, |db| {
    let hotel = filled(&db).await;
    let now = Utc::now();
    for (_, conversation) in hotel.stays.iter().take(20) {
        schedule(&db, &hotel, *conversation, now).await;
    }
    if db.backend == TestBackend::Postgres {
        db.sql("ANALYZE").await.unwrap();
    }
    let due = plans(&db, move |conn| scheduled_messages::list_due(conn, now, 200)).await;
    never_scans(&due, &TABLES);
    assert!(due.iter().all(|it| it.contains("scheduled_messages_due") && !it.contains("TEMP")), "{due:?}");
    let conversation = hotel.stays[0].1;
    let guest = guest_of(&db, conversation).await;
    let to_review = plans(&db, move |conn| scheduled_messages::list_to_review(conn, guest, now)).await;
    never_scans(&to_review, &TABLES);
    let context = plans(&db, move |conn| messages::inbound_context(conn, guest, conversation, None).map(drop)).await;
    never_scans(&context, &TABLES);
    // PostgreSQL reads so small a table in the order of any index.
    if db.backend == TestBackend::Postgres {
        return;
    }
    never_scans(&plans(&db, |conn| scheduled_messages::by_ids(conn, &[ScheduledMessageId(1)])).await, &TABLES);
    for (reach, conversation) in
        [(hotel.member.reach(), None), (hotel.manager.reach(), None), (hotel.member.reach(), Some(conversation))]
    {
        let statuses = vec![ScheduledStatus::Pending, ScheduledStatus::NeedsReview];
        let filter = ScheduledFilter { conversation, statuses };
        let list = plans(&db, move |conn| scheduled_messages::list_visible(conn, &reach, &filter, FIRST_PAGE)).await;
        never_scans(&list, &TABLES);
    }
    let id = hotel.id;
    never_scans(&plans(&db, move |conn| scheduled_messages::conversations_to_review(conn, id)).await, &TABLES);
});

on_both!(a_pending_message_answers_what_the_guest_wrote_before_it, |db| {
    let hotel = db.hotel(4, 0).await;
    let conversation = hotel.stays[0].1;
    let start = DateTime::from_timestamp_micros(Utc::now().timestamp_micros()).unwrap();
    let at = move |seconds| start + TimeDelta::seconds(seconds);
    let append = async |staff: bool, seconds: i64| {
        let author = hotel.member.id;
        let name = format!("wamid.{seconds}");
        let job = db.store.write(hotel.id, vec![], move |tx| {
            let fields = InboundFields {
                whatsapp_message_id: &name,
                written_at: at(seconds),
                last_guest_message_at: Some(at(seconds)),
                raw: "{}",
            };
            let new = NewMessage {
                conversation,
                content: "words",
                sender: if staff {
                    MessageSender::Staff(author, "Ben")
                } else {
                    MessageSender::Guest { name: "Ana", response_due_at: None }
                },
                at: at(seconds),
                inbound: (!staff).then_some(fields),
                delivery: staff.then_some(Delivery::Sent),
                internal: false,
                client_ref: None,
                quote: None,
                send_at: staff.then(|| at(3600)),
            };
            messages::append(tx, &new, None)
        });
        job.await.unwrap().id
    };
    let waiting = async || {
        let job = db.store.write(hotel.id, vec![], move |tx| answers::refresh(tx, conversation));
        job.await.unwrap();
        let read = db.store.read(move |conn| conversations::views(conn, None, &[conversation]));
        read.await.unwrap().pop().unwrap().waiting_since
    };
    append(false, 1).await;
    assert_eq!(waiting().await, Some(at(1)));
    let one = schedule(&db, &hotel, conversation, at(2)).await;
    assert_eq!(waiting().await, None);
    append(false, 3).await;
    assert_eq!(waiting().await, Some(at(3)));
    let two = schedule(&db, &hotel, conversation, at(4)).await;
    assert_eq!((one.answered_guest_messages, two.answered_guest_messages), (1, 2));
    assert_eq!(waiting().await, None);
    save(&db, &two, ScheduledState::NeedsReview(ReviewReason::GuestWrote)).await.unwrap();
    assert_eq!(waiting().await, Some(at(3)));
    save(&db, &one, ScheduledState::Cancelled).await.unwrap();
    assert_eq!(waiting().await, Some(at(1)));
    // A message that is sent answers as any other.
    let message = append(true, 5).await;
    let review = ScheduledMessage { state: ScheduledState::NeedsReview(ReviewReason::GuestWrote), ..two.clone() };
    save(&db, &review, ScheduledState::Sent(message)).await.unwrap();
    assert_eq!(waiting().await, None);
    let sent = db.store.read(move |conn| messages::by_ids(conn, &[message])).await.unwrap();
    assert_eq!(sent[&message].send_at, Some(at(3600)));
    let twice = save(&db, &review, ScheduledState::Sent(message)).await;
    assert!(twice.is_err(), "{twice:?}");
});
