//! Which server sends for a hotel: only that one claims messages, and puts them back.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{GuestId, HotelId, MessageId};
use persistence::{
    Store, StoreError, Tx,
    channels::{self, Channel, LEASE},
    outbox::{self, Draft},
};

use crate::support::{Database, Hotel, on_both};

async fn write<T: Send + 'static>(
    store: &Store,
    job: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(HotelId(0), vec![], job).await.unwrap()
}

/// A hotel with a queued message, whose callback is `one`.
async fn queued(db: &Database) -> Hotel {
    let hotel = db.hotel(1, 2).await;
    let (id, conversation) = (hotel.id, hotel.stays[0].1);
    let message = MessageId(db.number("SELECT max(id) FROM messages").await);
    let guest = GuestId(db.number("SELECT max(guest_id) FROM conversations").await);
    write(&db.store, move |tx| {
        let at = Utc::now();
        let draft = Draft { message, conversation, hotel: id, guest, callback: "one", body: None, held: false, at };
        outbox::insert(tx, &draft)
    })
    .await;
    hotel
}

async fn hold(db: &Database, hotel: HotelId, holder: &'static str, token: &'static str) -> Channel {
    write(&db.store, move |tx| channels::hold(tx, hotel, holder, token, false)).await
}

async fn claim(db: &Database, hotel: HotelId, holder: &'static str) -> bool {
    write(&db.store, move |tx| outbox::claim(tx, hotel, holder, "one")).await.is_some()
}

/// How often the message was tried, where it is queued.
async fn tries(db: &Database) -> Option<i64> {
    let tries = db.number("SELECT COALESCE(max(attempts), -1) FROM outbox WHERE state = 'queued'").await;
    (tries >= 0).then_some(tries)
}

const OURS: Channel = Channel::Ours { stopped: None };

on_both!(who_has_lost_a_channel_claims_nothing_and_puts_nothing_back, |db| {
    let hotel = queued(&db).await.id;
    assert!(!claim(&db, hotel, "a").await, "nobody holds it");
    assert_eq!(hold(&db, hotel, "a", "token").await, OURS);
    assert_eq!(hold(&db, hotel, "b", "token").await, Channel::Others);
    assert!(claim(&db, hotel, "a").await && !claim(&db, hotel, "a").await);
    let past = db.time(Utc::now() - TimeDelta::seconds(1));
    db.sql(format!("UPDATE channels SET held_until = {past}")).await.unwrap();
    assert_eq!(hold(&db, hotel, "b", "token").await, OURS);
    let put_back = async |holder: &'static str| {
        let at = Utc::now();
        write(&db.store, move |tx| outbox::put_back(tx, (hotel, holder), "one", at, true)).await;
    };
    put_back("a").await;
    assert_eq!(tries(&db).await, None, "it is the other's now");
    put_back("b").await;
    assert_eq!(tries(&db).await, Some(1));
    assert!(!claim(&db, hotel, "a").await && claim(&db, hotel, "b").await);
    // Its way can be ended once.
    assert!(write(&db.store, |tx| outbox::abandon(tx, "one")).await);
    assert!(!write(&db.store, |tx| outbox::abandon(tx, "one")).await);
    assert!(!claim(&db, hotel, "b").await);
});

on_both!(a_stopped_channel_goes_to_whoever_has_another_token, |db| {
    let hotel = queued(&db).await.id;
    assert_eq!(hold(&db, hotel, "a", "old").await, OURS);
    write(&db.store, move |tx| channels::stop(tx, hotel, 190, "old")).await;
    let stopped = Channel::Ours { stopped: Some(190) };
    let busy = move |tx: &mut Tx<'_>| channels::hold(tx, hotel, "a", "old", true);
    assert_eq!(write(&db.store, busy).await, stopped);
    assert_eq!(hold(&db, hotel, "b", "new").await, Channel::Others, "as long as something is on its way");
    assert_eq!(hold(&db, hotel, "a", "old").await, stopped);
    assert_eq!(hold(&db, hotel, "b", "new").await, OURS);
    assert_eq!(hold(&db, hotel, "a", "old").await, Channel::Others);
});

on_both!(a_lease_is_by_the_database_and_can_be_given_back, |db| {
    let hotel = queued(&db).await.id;
    assert_eq!(hold(&db, hotel, "a", "token").await, OURS);
    let until = |at: DateTime<Utc>| format!("SELECT count(*) FROM channels WHERE held_until > {}", db.time(at));
    assert_eq!(db.number(until(Utc::now() + LEASE / 2)).await, 1);
    assert_eq!(db.number(until(Utc::now() + LEASE * 2)).await, 0);
    write(&db.store, |tx| channels::let_go(tx, "a")).await;
    assert!(!claim(&db, hotel, "a").await);
    assert_eq!(hold(&db, hotel, "b", "token").await, OURS);
});

on_both!(a_message_is_claimed_only_with_time_left_to_send_it, |db| {
    let hotel = queued(&db).await.id;
    assert_eq!(hold(&db, hotel, "a", "token").await, OURS);
    let until = async |left: TimeDelta| {
        let until = db.time(Utc::now() + left);
        db.sql(format!("UPDATE channels SET held_until = {until}")).await.unwrap();
    };
    // As after a pause of the process: nobody has taken the channel yet, but anybody may.
    for left in [TimeDelta::seconds(-3), TimeDelta::seconds(5)] {
        until(left).await;
        assert!(!claim(&db, hotel, "a").await, "{left}");
    }
    until(LEASE).await;
    let left = write(&db.store, move |tx| outbox::claim(tx, hotel, "a", "one")).await.unwrap();
    assert!(left <= LEASE && left > LEASE - TimeDelta::seconds(5), "{left}");
});

on_both!(a_message_fails_before_it_is_sent_only_as_long_as_it_is_queued_here, |db| {
    let hotel = queued(&db).await.id;
    assert_eq!(hold(&db, hotel, "a", "token").await, OURS);
    let refuse =
        async |holder: &'static str| write(&db.store, move |tx| outbox::refuse(tx, (hotel, holder), "one")).await;
    assert!(!refuse("b").await);
    assert!(claim(&db, hotel, "a").await);
    assert!(!refuse("a").await, "it is on its way");
    let at = Utc::now();
    write(&db.store, move |tx| outbox::put_back(tx, (hotel, "a"), "one", at, true)).await;
    assert!(refuse("a").await && !refuse("a").await);
});
