//! Whose messages and windows are: of one guest, also when two are found to be one, or a conversation changes hands.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ConversationId, Delivery, GuestId, GuestIdentity, HotelId, MessageId, PhoneNumber};
use persistence::{
    Store, StoreError, Tx, channels, guests,
    outbox::{self, By, Draft},
    windows,
};

use crate::support::{Database, Hotel, on_both};

async fn write<T: Send + 'static>(
    store: &Store,
    job: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(HotelId(0), vec![], job).await.unwrap()
}

/// A hotel with two guests, each with a conversation; of the first one the newest message of staff waits.
struct World {
    hotel: Hotel,
    guests: [GuestId; 2],
    conversation: ConversationId,
    message: MessageId,
}

async fn world(db: &Database, held: bool) -> World {
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
        let draft = Draft { message, conversation, hotel: id, guest, callback: "one", body: None, held, at };
        outbox::insert(tx, &draft)?;
        channels::hold(tx, id, "a", "token", false).map(drop)
    })
    .await;
    World { hotel, guests, conversation, message }
}

impl World {
    /// The conversation becomes the other guest's, as with a corrected number.
    async fn change_hands(&self, db: &Database) {
        let (guest, conversation) = (self.guests[1].0, self.conversation);
        db.sql(format!("UPDATE conversations SET guest_id = {guest} WHERE id = {conversation}")).await.unwrap();
    }
}

on_both!(what_waits_for_a_former_guest_is_refused, |db| {
    for held in [false, true] {
        let it = world(&db, held).await;
        it.change_hands(&db).await;
        let (former, conversation) = (it.guests[0], it.conversation);
        let refuse = move |tx: &mut Tx<'_>| outbox::refuse_all_for(tx, former, conversation);
        assert_eq!(write(&db.store, refuse).await, [it.message]);
        assert!(write(&db.store, refuse).await.is_empty());
        db.sql("UPDATE outbox SET callback = 'former ' || message_id").await.unwrap();
    }
});

on_both!(what_was_refused_by_whatsapp_is_not_queued_for_another_guest, |db| {
    let it = world(&db, false).await;
    let hotel = it.hotel.id;
    assert!(write(&db.store, move |tx| outbox::claim(tx, hotel, "a", "one")).await.is_some());
    it.change_hands(&db).await;
    let at = Utc::now();
    assert!(!write(&db.store, move |tx| outbox::put_back(tx, (hotel, "a"), "one", at, true)).await);
    assert_eq!(db.number("SELECT count(*) FROM outbox WHERE state = 'settled'").await, 1);
    // What is learned by it is of the guest to whom it went.
    let guest = db.store.read(|conn| outbox::guest_of(conn, "one")).await.unwrap();
    assert_eq!(guest, Some(it.guests[0]));
});

on_both!(a_retry_is_for_the_guest_of_now_and_receipts_of_another_ones_say_nothing, |db| {
    let it = world(&db, false).await;
    let (message, guests) = (it.message, it.guests);
    write(&db.store, move |tx| outbox::name(tx, message, "wamid.one")).await;
    write(&db.store, move |tx| outbox::begin_anew(tx, message, guests[0], "two", Utc::now())).await;
    for by in [By::FormerTry("one".into()), By::FormerName("wamid.one".into()), By::Callback("two".into())] {
        let found = db.store.read(move |conn| outbox::find(conn, &by)).await.unwrap().unwrap();
        assert_eq!((found.message, found.callback.as_str()), (message, "two"));
    }
    // Found before another attempt began, it is not held as what it was.
    let found = db.store.read(|conn| outbox::find(conn, &By::Callback("two".into()))).await.unwrap().unwrap();
    it.change_hands(&db).await;
    write(&db.store, move |tx| outbox::begin_anew(tx, message, guests[1], "three", Utc::now())).await;
    let again = found.clone();
    let held = db.store.write(HotelId(0), vec![], move |tx| outbox::hold(tx, &again)).await.unwrap();
    // SQLite has one writer, which finds and holds in one transaction.
    assert_eq!(held, db.backend == crate::support::Backend::Sqlite);
    for by in [By::FormerTry("one".into()), By::FormerName("wamid.one".into()), By::FormerTry("two".into())] {
        assert_eq!(db.store.read(move |conn| outbox::find(conn, &by)).await.unwrap(), None);
    }
    let guest = db.store.read(|conn| outbox::guest_of(conn, "three")).await.unwrap();
    assert_eq!(guest, Some(guests[1]));
    // It only goes forward.
    for (to, moved) in [(Delivery::Read, true), (Delivery::Sent, false), (Delivery::Read, false)] {
        assert_eq!(write(&db.store, move |tx| outbox::advance(tx, message, to, None)).await, moved, "{to:?}");
    }
});

on_both!(two_guests_who_are_one_keep_what_waits_and_their_window, |db| {
    let it = world(&db, true).await;
    let (from, into) = (it.guests[0], it.guests[1]);
    let now = Utc::now();
    let number = format!("9{}", it.hotel.id);
    db.sql(format!("UPDATE hotels SET whatsapp_phone_number_id = '{number}' WHERE id = {}", it.hotel.id))
        .await
        .unwrap();
    let wrote = async |guest: GuestId, at: DateTime<Utc>| {
        let number = number.clone();
        write(&db.store, move |tx| windows::wrote(tx, guest, &number, at)).await;
    };
    wrote(into, now - TimeDelta::hours(5)).await;
    wrote(from, now - TimeDelta::hours(1)).await;
    // Told late, it closes nothing.
    wrote(from, now - TimeDelta::hours(3)).await;
    assert!(write(&db.store, move |tx| guests::merge(tx, from, into)).await);
    let last = db.store.read(move |conn| windows::last_wrote(conn, into)).await.unwrap().unwrap();
    assert!((last - (now - TimeDelta::hours(1))).abs() < TimeDelta::seconds(1), "{last}");
    assert_eq!(write(&db.store, move |tx| outbox::release(tx, into, now)).await, [it.message]);
    let hotel = it.hotel.id;
    let due = db.store.read(move |conn| outbox::due(conn, hotel, Utc::now(), 9)).await.unwrap();
    assert_eq!(due.iter().map(|it| (it.message, it.guest)).collect::<Vec<_>>(), [(it.message, into)]);
    // Another number of the hotel has no window.
    db.sql(format!("UPDATE hotels SET whatsapp_phone_number_id = 'other' WHERE id = {hotel}")).await.unwrap();
    assert_eq!(db.store.read(move |conn| windows::last_wrote(conn, into)).await.unwrap(), None);
});

on_both!(a_guest_is_asked_to_write_once_until_they_do, |db| {
    let guest = world(&db, true).await.guests[0];
    let ask = move |tx: &mut Tx<'_>| windows::ask(tx, guest, "1");
    assert!(write(&db.store, ask).await && !write(&db.store, ask).await);
    assert!(write(&db.store, move |tx| windows::ask(tx, guest, "2")).await, "from another number");
    write(&db.store, move |tx| windows::answered(tx, guest)).await;
    assert!(write(&db.store, ask).await);
});

on_both!(what_is_learned_of_a_guest_overwrites_nothing, |db| {
    let it = world(&db, true).await;
    let (guest, hotel) = (it.guests[0], it.hotel.id);
    for (wa_id, bsuid) in [(Some("49100"), None), (Some("49200"), Some("DE.1"))] {
        write(&db.store, move |tx| guests::learn(tx, guest, wa_id, bsuid)).await;
    }
    let found = db.store.read(move |conn| guests::find(conn, guest)).await.unwrap().unwrap();
    assert_eq!(found.identity.wa_id.as_deref(), Some("49100"));
    assert_eq!(found.identity.bsuid.as_deref(), Some("DE.1"));
    let named = GuestIdentity { bsuid: Some("DE.1".into()), ..GuestIdentity::default() };
    let found = db.store.read(move |conn| guests::find_by_identity(conn, hotel, &named)).await.unwrap();
    assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), [guest]);
    assert!(found[0].identity.phone.as_ref().is_some_and(|it| PhoneNumber::parse(it.as_str()).is_ok()));
});
