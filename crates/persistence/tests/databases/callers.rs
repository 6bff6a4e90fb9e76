//! Statements that load a caller's session together with what the call needs.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ClientRef, ConversationId, ConversationRef, Delivery, HotelId, Message, MessageId, Quote, SessionId, Staff,
};
use persistence::{
    ReadPurpose, StoreError,
    attachments::{self, NewAttachment},
    event_log, message_page,
    messages::{self, MessageRange, MessageSender, NewMessage},
    reactions::{self, StaffReaction},
    reply_lookup,
    sessions::{self, SessionCheck, SessionLifetimes, SessionSelector},
};

use crate::support::{StoredHotel, TestDatabase, new_session, on_both};

const SESSION: SessionId = SessionId(7);

pub async fn sign_in(db: &TestDatabase, member: &Staff, at: DateTime<Utc>) -> SessionCheck {
    let member = member.clone();
    let insert = move |tx: &mut persistence::Tx<'_>| {
        event_log::begin_first_epoch(tx, "epoch", at)?;
        sessions::insert(tx, &new_session(SESSION), &member, at)
    };
    db.store.write(HotelId(0), vec![], insert).await.unwrap();
    let lifetimes = SessionLifetimes { idle: TimeDelta::hours(1), max: TimeDelta::hours(10) };
    SessionCheck { id: SESSION, lifetimes, now: at }
}

/// Adds a note, a reply with a client reference and a message with two files to a conversation, then three replies that
/// quote: a message of another conversation, a hidden one, and one that is not stored. The last but one is hidden.
async fn add_messages(db: &TestDatabase, hotel: &StoredHotel, conversation: ConversationId, at: DateTime<Utc>) {
    let other = hotel.stays.last().unwrap().1;
    let hotel = hotel.clone();
    let client_ref = ClientRef::parse("reply").unwrap();
    let append = move |tx: &mut persistence::Tx<'_>| {
        for (internal, client_ref) in [(true, None), (false, Some((&client_ref, "digest"))), (false, None)] {
            let new = NewMessage {
                conversation,
                content: "Of course.",
                sender: MessageSender::Staff(hotel.member.id, &hotel.member.name),
                at,
                inbound: None,
                delivery: (!internal).then_some(Delivery::Sent),
                internal,
                client_ref,
                send_at: None,
                quote: None,
            };
            let message = messages::append(tx, &new, None)?.id;
            let files = if internal || client_ref.is_some() { 0 } else { 2 };
            for n in 0..files {
                let name = format!("{n}.pdf");
                let file = NewAttachment {
                    message,
                    hotel: hotel.id,
                    name: &name,
                    content_type: "application/pdf",
                    source: None,
                };
                attachments::insert(tx, &file, at)?;
            }
        }
        let newest = MessageRange { before: None, after: None, around: None, limit: 2, notes: true };
        let elsewhere = messages::list_range(tx.conn(), other, newest)?.remove(0);
        let mut quote = Quote::Known(elsewhere.quoted());
        for n in 0..4 {
            let new = NewMessage {
                conversation,
                content: "You asked.",
                sender: MessageSender::System("ignored"),
                at,
                inbound: None,
                delivery: Some(Delivery::Held),
                internal: false,
                client_ref: None,
                send_at: None,
                quote: (n != 1).then_some(quote),
            };
            let message = messages::append(tx, &new, None)?;
            quote = if n == 2 { Quote::Unknown } else { Quote::Known(message.quoted()) };
            if n == 1 {
                messages::hide(tx, conversation, message.id)?;
            }
            let reaction =
                StaffReaction { message: message.id, staff: hotel.member.id, emoji: Some("👍"), at, carrier: None };
            reactions::save_of_staff(tx, &reaction)?;
            if n == 3 {
                reactions::save_of_staff(tx, &StaffReaction { emoji: None, ..reaction })?;
            }
        }
        Ok::<_, StoreError>(())
    };
    db.store.write(HotelId(0), vec![], append).await.unwrap();
    let sized = "UPDATE attachments SET width = 4, height = 3 WHERE id = (SELECT max(id) FROM attachments)";
    db.sql(sized).await.unwrap();
    let guest =
        "INSERT INTO reactions (message_id, side, emoji, at) SELECT message_id, 'guest', '🎉', at FROM reactions";
    db.sql(guest).await.unwrap();
}

async fn page(
    db: &TestDatabase,
    session: SessionCheck,
    reference: ConversationRef,
    range: MessageRange,
) -> Option<message_page::CallersPage> {
    let load = move |conn: &mut persistence::Conn| message_page::load(conn, session, reference, range);
    db.store.read_statement(ReadPurpose::Request, load).await.unwrap()
}

on_both!(a_page_is_the_range_and_what_lies_beyond_it, |db| {
    db.hotel(2, 3).await;
    let hotel = db.hotel(3, 6).await;
    let now = Utc::now();
    let session = sign_in(&db, &hotel.member, now).await;
    let (stay, id) = hotel.stays[1];
    add_messages(&db, &hotel, id, now).await;
    let everything = MessageRange { before: None, after: None, around: None, limit: 1000, notes: true };
    let all = db.store.read(move |conn| messages::list_range(conn, id, everything)).await.unwrap();
    assert_eq!(all.len(), 12);
    assert_eq!(all[8].attachments.iter().map(|it| it.picture_size.is_some()).collect::<Vec<_>>(), [false, true]);
    let quoted = |message: &Message| match &message.reply_to {
        Some(Quote::Known(quoted)) => Some(quoted.sender_name.clone()),
        Some(Quote::Unknown) => Some("unknown".into()),
        None => None,
    };
    let of_others = Some("Guest 2".to_owned());
    assert_eq!(
        all[9..].iter().map(quoted).collect::<Vec<_>>(),
        [of_others, Some("unknown".into()), Some("unknown".into())]
    );
    assert_eq!(all[9..].iter().map(|it| it.reactions.len()).collect::<Vec<_>>(), [2, 2, 1]);
    let ids: BTreeSet<i64> = all.iter().map(|it| it.id.0).collect();
    let ends: Vec<Option<MessageId>> =
        [None].into_iter().chain(ids.iter().step_by(2).map(|it| Some(MessageId(*it)))).collect();
    for before in &ends {
        for after in &ends {
            for limit in [1, 2, 20] {
                for notes in [false, true] {
                    let range = MessageRange { before: *before, after: *after, around: None, limit, notes };
                    for reference in [ConversationRef::Conversation(id), ConversationRef::Stay(stay)] {
                        let loaded = page(&db, session, reference, range).await.unwrap();
                        let expected = db.store.read(move |conn| messages::list_range(conn, id, range)).await.unwrap();
                        assert_eq!(loaded.page.messages, expected, "{range:?}");
                        assert_eq!(loaded.conversation.unwrap().id(), id);
                        assert_eq!(loaded.session.staff, hotel.member);
                        let beyond = beyond(&all, &expected, notes);
                        assert_eq!((loaded.page.older, loaded.page.newer), beyond, "{range:?}");
                    }
                }
            }
        }
    }
    for middle in [all[0].id, all[5].id, all[11].id, MessageId(i64::MAX)] {
        for limit in [1, 2, 5, 20] {
            let around = MessageRange { around: Some(middle), limit, ..everything };
            let page = db.store.read(move |conn| messages::load_page(conn, id, around)).await.unwrap();
            assert!(page.messages.len() <= limit as usize);
            assert_eq!((page.older, page.newer), beyond(&all, &page.messages, true), "{around:?}");
        }
    }
    let hotel_id = hotel.id;
    let cursor = db.store.read(move |conn| event_log::cursor(conn, hotel_id)).await.unwrap();
    let loaded = page(&db, session, ConversationRef::Conversation(id), everything).await.unwrap();
    assert_eq!(loaded.cursor, cursor);
    // A manager has no departments.
    db.sql("UPDATE sessions SET staff_id = staff_id - 1").await.unwrap();
    let loaded = page(&db, session, ConversationRef::Conversation(id), everything).await.unwrap();
    assert_eq!(loaded.session.staff, hotel.manager);
});

/// The ends of a page, if there are messages before and after it.
fn beyond(all: &[Message], page: &[Message], notes: bool) -> (Option<MessageId>, Option<MessageId>) {
    let ids = || page.iter().map(|it| it.id);
    let (Some(least), Some(greatest)) = (ids().min(), ids().max()) else { return (None, None) };
    let of_kind = || all.iter().filter(|it| notes || !it.internal);
    let is_older = of_kind().any(|it| it.id < least);
    (is_older.then_some(least), of_kind().any(|it| it.id > greatest).then_some(greatest))
}

on_both!(a_caller_without_live_session_gets_nothing, |db| {
    let hotel = db.hotel(1, 2).await;
    let now = Utc::now();
    let session = sign_in(&db, &hotel.member, now).await;
    let reference = ConversationRef::Conversation(hotel.stays[0].1);
    let range = MessageRange { before: None, after: None, around: None, limit: 10, notes: false };
    let live = async |session: SessionCheck| {
        let on_page = page(&db, session, reference, range).await.is_some();
        let of_reply = db.store.read(move |conn| reply_lookup::load(conn, session, reference, None)).await.unwrap();
        assert_eq!(of_reply.is_some(), on_page);
        on_page
    };
    assert!(live(session).await);
    assert!(!live(SessionCheck { id: SessionId(8), ..session }).await);
    assert!(!live(SessionCheck { now: now + TimeDelta::minutes(61), ..session }).await);
    let longer = SessionLifetimes { idle: TimeDelta::hours(100), ..session.lifetimes };
    assert!(live(SessionCheck { now: now + TimeDelta::hours(9), lifetimes: longer, ..session }).await);
    assert!(!live(SessionCheck { now: now + TimeDelta::hours(11), lifetimes: longer, ..session }).await);
    // On a shared computer.
    db.sql("UPDATE sessions SET remember = FALSE").await.unwrap();
    assert!(live(SessionCheck { now: now + TimeDelta::minutes(29), ..session }).await);
    assert!(!live(SessionCheck { now: now + TimeDelta::minutes(31), ..session }).await);
    db.sql("UPDATE sessions SET remember = TRUE").await.unwrap();
    db.sql(format!("UPDATE staff SET active = FALSE WHERE id = {}", hotel.member.id)).await.unwrap();
    assert!(!live(session).await);
    db.sql("UPDATE staff SET active = TRUE").await.unwrap();
    assert!(live(session).await);
    let revoke = move |tx: &mut persistence::Tx<'_>| sessions::revoke(tx, SessionSelector::One(SESSION), now);
    db.store.write(HotelId(0), vec![], revoke).await.unwrap();
    assert!(!live(session).await);
});

on_both!(a_reply_finds_its_conversation_window_and_first_try, |db| {
    let other = db.hotel(1, 2).await;
    let hotel = db.hotel(2, 2).await;
    let now = Utc::now();
    let session = sign_in(&db, &hotel.member, now).await;
    let (stay, id) = hotel.stays[0];
    add_messages(&db, &hotel, id, now).await;
    let look_up = async |reference: ConversationRef, client_ref: &str| {
        let client_ref = ClientRef::parse(client_ref).unwrap();
        let load = move |conn: &mut persistence::Conn| reply_lookup::load(conn, session, reference, Some(&client_ref));
        let found = db.store.read(load).await.unwrap().unwrap();
        assert_eq!(found.session.staff, hotel.member);
        found.conversation
    };
    for reference in [ConversationRef::Conversation(id), ConversationRef::Stay(stay)] {
        let found = look_up(reference, "reply").await.unwrap();
        let (sent, digest) = found.sent.unwrap();
        assert_eq!(digest, "digest");
        let read = db.store.read(move |conn| messages::by_ids(conn, &[sent])).await.unwrap();
        assert_eq!(read[&sent].client_ref, Some(ClientRef::parse("reply").unwrap()));
        let found = look_up(reference, "another").await.unwrap();
        assert!(found.sent.is_none());
        assert_eq!((found.conversation.id(), found.last_guest_message_at), (id, None));
        let reach = hotel.member.reach();
        let again =
            db.store.read(move |conn| persistence::conversations::find_visible_with_hotel(conn, &reach, reference));
        let again = again.await.unwrap().unwrap();
        assert_eq!((found.conversation, found.hotel), (again.conversation, again.hotel));
    }
    assert!(look_up(ConversationRef::Conversation(hotel.stays[1].1), "reply").await.unwrap().sent.is_none());
    assert!(look_up(ConversationRef::Conversation(ConversationId(i64::MAX)), "reply").await.is_none());
    // Found although it is of another hotel: the caller of the function decides about visibility.
    assert_eq!(look_up(ConversationRef::Conversation(other.stays[0].1), "reply").await.unwrap().hotel.id, other.id);
    for (number, is_known) in [("'1'", true), ("'2'", false), ("NULL", false)] {
        db.sql("UPDATE hotels SET whatsapp_phone_number_id = NULL").await.unwrap();
        db.sql(format!("UPDATE hotels SET whatsapp_phone_number_id = {number} WHERE id = {}", hotel.id)).await.unwrap();
        db.sql(format!("UPDATE guests SET window_phone_number_id = '1', last_wrote_at = {}", db.time(now)))
            .await
            .unwrap();
        let found = look_up(ConversationRef::Conversation(id), "reply").await.unwrap();
        assert_eq!(found.last_guest_message_at.is_some(), is_known, "{number}");
    }
});
