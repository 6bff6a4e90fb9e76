//! Waiting messages and service windows when guests are merged, and when a conversation gets another guest.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ConversationId, Delivery, GuestId, GuestIdentity, HotelId, LanguageTag, MessageId, PhoneNumber};
use persistence::{
    Store, StoreError, Tx, guests,
    outbox::{self, NewOutboxRow, OutboxKey},
    sender_leases::{self, SenderLease},
    service_windows,
};

use crate::support::{StoredHotel, TestDatabase, on_both};

async fn write<T: Send + 'static>(
    store: &Store,
    job: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(HotelId(0), vec![], job).await.unwrap()
}

/// A hotel with two guests, each with a conversation. A staff message to the first one waits in the outbox.
struct GuestPair {
    hotel: StoredHotel,
    guests: [GuestId; 2],
    conversation: ConversationId,
    message: MessageId,
}

async fn world(db: &TestDatabase, held: bool) -> GuestPair {
    let hotel = db.hotel(2, 2).await;
    let (id, conversation) = (hotel.id, hotel.stays[0].1);
    let guest = async |nth: usize| {
        let of = hotel.stays[nth].1;
        GuestId(db.number(format!("SELECT guest_id FROM conversations WHERE id = {of}")).await)
    };
    let guests = [guest(0).await, guest(1).await];
    let newest = format!("SELECT max(id) FROM messages WHERE conversation_id = {conversation}");
    let message = MessageId(db.number(newest).await);
    let delivery = if held { "held" } else { "queued" };
    db.sql(format!("UPDATE messages SET delivery = '{delivery}' WHERE id = {message}")).await.unwrap();
    write(&db.store, move |tx| {
        let at = Utc::now() - TimeDelta::seconds(1);
        let guest = guests[0];
        let draft = NewOutboxRow { message, conversation, hotel: id, guest, callback: "one", body: None, held, at };
        outbox::insert(tx, &draft)?;
        sender_leases::acquire(tx, SenderLease { hotel: id, holder: "a" }, "token", false).map(drop)
    })
    .await;
    GuestPair { hotel, guests, conversation, message }
}

impl GuestPair {
    /// Moves the conversation to the other guest, as if a phone number is corrected.
    async fn move_to_other_guest(&self, db: &TestDatabase) {
        let (guest, conversation) = (self.guests[1].0, self.conversation);
        db.sql(format!("UPDATE conversations SET guest_id = {guest} WHERE id = {conversation}")).await.unwrap();
    }
}

on_both!(waiting_messages_for_a_former_guest_are_settled, |db| {
    for held in [false, true] {
        let scene = world(&db, held).await;
        scene.move_to_other_guest(&db).await;
        let (former, conversation) = (scene.guests[0], scene.conversation);
        let refuse = move |tx: &mut Tx<'_>| outbox::finish_waiting_for_former_guest(tx, former, conversation);
        assert_eq!(write(&db.store, refuse).await, [scene.message]);
        assert!(write(&db.store, refuse).await.is_empty());
        db.sql("UPDATE outbox SET callback = 'former ' || message_id").await.unwrap();
    }
});

on_both!(a_failed_attempt_is_not_requeued_for_another_guest, |db| {
    let scene = world(&db, false).await;
    let hotel = scene.hotel.id;
    assert!(write(&db.store, move |tx| outbox::claim(tx, SenderLease { hotel, holder: "a" }, "one")).await.is_some());
    scene.move_to_other_guest(&db).await;
    let at = Utc::now();
    assert!(
        !write(&db.store, move |tx| outbox::requeue(tx, SenderLease { hotel, holder: "a" }, "one", at, true)).await
    );
    assert_eq!(db.number("SELECT count(*) FROM outbox WHERE state = 'settled'").await, 1);
    // The former attempt still belongs to the guest to whom it was sent.
    let guest = db.store.read(|conn| outbox::find_recipient(conn, "one")).await.unwrap();
    assert_eq!(guest, Some(scene.guests[0]));
});

on_both!(a_retry_goes_to_the_current_guest_and_ignores_receipts_of_the_former, |db| {
    let scene = world(&db, false).await;
    let (message, guests) = (scene.message, scene.guests);
    write(&db.store, move |tx| outbox::set_whatsapp_message_id(tx, message, "wamid.one")).await;
    write(&db.store, move |tx| outbox::reset_for_retry(tx, message, guests[0], "two", Utc::now())).await;
    for by in [
        OutboxKey::FormerTry("one".into()),
        OutboxKey::FormerName("wamid.one".into()),
        OutboxKey::Callback("two".into()),
    ] {
        let found = db.store.read(move |conn| outbox::find(conn, &by)).await.unwrap().unwrap();
        assert_eq!((found.message, found.callback.as_str()), (message, "two"));
    }
    // An outbox entry that was found before another attempt began cannot be locked.
    let found = db.store.read(|conn| outbox::find(conn, &OutboxKey::Callback("two".into()))).await.unwrap().unwrap();
    scene.move_to_other_guest(&db).await;
    write(&db.store, move |tx| outbox::reset_for_retry(tx, message, guests[1], "three", Utc::now())).await;
    let again = found.clone();
    let held = db.store.write(HotelId(0), vec![], move |tx| outbox::lock_entry(tx, &again)).await.unwrap();
    // On SQLite the lock succeeds: its only writer finds and locks in one transaction.
    assert_eq!(held, db.backend == crate::support::TestBackend::Sqlite);
    for by in [
        OutboxKey::FormerTry("one".into()),
        OutboxKey::FormerName("wamid.one".into()),
        OutboxKey::FormerTry("two".into()),
    ] {
        assert_eq!(db.store.read(move |conn| outbox::find(conn, &by)).await.unwrap(), None);
    }
    let guest = db.store.read(|conn| outbox::find_recipient(conn, "three")).await.unwrap();
    assert_eq!(guest, Some(guests[1]));
    // The delivery status only moves forward.
    for (to, moved) in [(Delivery::Read, true), (Delivery::Sent, false), (Delivery::Read, false)] {
        assert_eq!(write(&db.store, move |tx| outbox::advance_delivery(tx, message, to, None)).await, moved, "{to:?}");
    }
});

on_both!(merged_guests_keep_waiting_messages_and_window, |db| {
    let scene = world(&db, true).await;
    let (from, into) = (scene.guests[0], scene.guests[1]);
    let now = Utc::now();
    let number = format!("9{}", scene.hotel.id);
    db.sql(format!("UPDATE hotels SET whatsapp_phone_number_id = '{number}' WHERE id = {}", scene.hotel.id))
        .await
        .unwrap();
    let wrote = async |guest: GuestId, at: DateTime<Utc>| {
        let number = number.clone();
        write(&db.store, move |tx| service_windows::record_message(tx, guest, &number, at)).await;
    };
    wrote(into, now - TimeDelta::hours(5)).await;
    wrote(from, now - TimeDelta::hours(1)).await;
    // A late guest message does not move the service window back.
    wrote(from, now - TimeDelta::hours(3)).await;
    assert!(write(&db.store, move |tx| guests::merge(tx, from, into)).await);
    let last = db.store.read(move |conn| service_windows::last_message_at(conn, into)).await.unwrap().unwrap();
    assert!((last - (now - TimeDelta::hours(1))).abs() < TimeDelta::seconds(1), "{last}");
    assert_eq!(write(&db.store, move |tx| outbox::release_held(tx, into, now)).await, [scene.message]);
    let hotel = scene.hotel.id;
    let due = db.store.read(move |conn| outbox::list_due(conn, hotel, Utc::now(), 9)).await.unwrap();
    assert_eq!(due.iter().map(|it| (scene.message, it.guest)).collect::<Vec<_>>(), [(scene.message, into)]);
    // The guest has no service window with another number of the hotel.
    db.sql(format!("UPDATE hotels SET whatsapp_phone_number_id = 'other' WHERE id = {hotel}")).await.unwrap();
    assert_eq!(db.store.read(move |conn| service_windows::last_message_at(conn, into)).await.unwrap(), None);
});

on_both!(merged_guests_keep_both_notes, |db| {
    let scene = world(&db, true).await;
    let (from, into) = (scene.guests[0], scene.guests[1]);
    for (guest, note, language) in [(from, "Nuts!", Some("pt-BR")), (into, "Vegan", None)] {
        let language = language.map(|it| LanguageTag::parse(it).unwrap());
        let note = move |tx: &mut Tx<'_>| guests::set_note_and_language(tx, guest, Some(note), language.as_ref());
        write(&db.store, note).await;
    }
    assert!(write(&db.store, move |tx| guests::merge(tx, from, into)).await);
    let merged = db.store.read(move |conn| guests::details(conn, into)).await.unwrap().unwrap();
    assert_eq!((merged.note.as_deref(), merged.language), (Some("Vegan\nNuts!"), LanguageTag::parse("pt-BR").ok()));
});

on_both!(a_merged_guest_keeps_links_and_lent_conversations, |db| {
    let scene = world(&db, true).await;
    let (from, into) = (scene.guests[0], scene.guests[1]);
    db.sql(format!(
        "UPDATE stays SET linked = TRUE, conversation_lender_id = {from} WHERE hotel_id = {} AND guest_id = {into}",
        scene.hotel.id
    ))
    .await
    .unwrap();
    let lent = |guest: GuestId| format!("SELECT count(*) FROM stays WHERE linked AND conversation_lender_id = {guest}");
    let before = db.number(&lent(from)).await;
    assert!(before > 0);
    assert!(write(&db.store, move |tx| guests::merge(tx, from, into)).await);
    assert_eq!((db.number(&lent(from)).await, db.number(&lent(into)).await), (0, before));
});

on_both!(a_guest_is_asked_to_write_once_per_window, |db| {
    let guest = world(&db, true).await.guests[0];
    let ask = move |tx: &mut Tx<'_>| service_windows::mark_asked_to_write(tx, guest, "1");
    assert!(write(&db.store, ask).await && !write(&db.store, ask).await);
    assert!(
        write(&db.store, move |tx| service_windows::mark_asked_to_write(tx, guest, "2")).await,
        "from another number"
    );
    write(&db.store, move |tx| service_windows::clear_asked_to_write(tx, guest)).await;
    assert!(write(&db.store, ask).await);
});

on_both!(new_identifiers_overwrite_nothing, |db| {
    let scene = world(&db, true).await;
    let (guest, hotel) = (scene.guests[0], scene.hotel.id);
    for (wa_id, bsuid) in [(Some("49100"), None), (Some("49200"), Some("DE.1"))] {
        write(&db.store, move |tx| guests::add_whatsapp_ids(tx, guest, wa_id, bsuid)).await;
    }
    let found = db.store.read(move |conn| guests::find(conn, guest)).await.unwrap().unwrap();
    assert_eq!(found.identity.wa_id.as_deref(), Some("49100"));
    assert_eq!(found.identity.bsuid.as_deref(), Some("DE.1"));
    let named = GuestIdentity { bsuid: Some("DE.1".into()), ..GuestIdentity::default() };
    let found = db.store.read(move |conn| guests::find_by_identity(conn, hotel, &named)).await.unwrap();
    assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), [guest]);
    assert!(found[0].identity.phone.as_ref().is_some_and(|it| PhoneNumber::parse(it.as_str()).is_ok()));
});
