//! Sender leases: only the holder claims and requeues messages.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{GuestId, HotelId, MessageId};
use persistence::{
    Store, StoreError, Tx,
    outbox::{self, NewOutboxRow},
    sender_leases::{self, LEASE_DURATION, LeaseStatus, SenderLease},
};

use crate::support::{StoredHotel, TestDatabase, on_both};

async fn write<T: Send + 'static>(
    store: &Store,
    job: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(HotelId(0), vec![], job).await.unwrap()
}

/// Creates a hotel with a queued message whose callback id is `one`.
async fn queued(db: &TestDatabase) -> StoredHotel {
    let hotel = db.hotel(1, 2).await;
    let (id, conversation) = (hotel.id, hotel.stays[0].1);
    let message = MessageId(db.number("SELECT max(id) FROM messages").await);
    let guest = GuestId(db.number("SELECT max(guest_id) FROM conversations").await);
    write(&db.store, move |tx| {
        let at = Utc::now();
        let draft =
            NewOutboxRow { message, conversation, hotel: id, guest, callback: "one", body: None, held: false, at };
        outbox::insert(tx, &draft)
    })
    .await;
    hotel
}

async fn acquire(db: &TestDatabase, hotel: HotelId, holder: &'static str, token: &'static str) -> LeaseStatus {
    write(&db.store, move |tx| sender_leases::acquire(tx, SenderLease { hotel, holder }, token, false)).await
}

async fn claim(db: &TestDatabase, hotel: HotelId, holder: &'static str) -> bool {
    write(&db.store, move |tx| outbox::claim(tx, SenderLease { hotel, holder }, "one")).await.is_some()
}

/// Returns the number of attempts of the message, if it is queued.
async fn attempts(db: &TestDatabase) -> Option<i64> {
    let tries = db.number("SELECT COALESCE(max(attempts), -1) FROM outbox WHERE state = 'queued'").await;
    (tries >= 0).then_some(tries)
}

const HELD: LeaseStatus = LeaseStatus::Held { suspended_by: None };

on_both!(a_node_that_lost_the_lease_neither_claims_nor_requeues, |db| {
    let hotel = queued(&db).await.id;
    assert!(!claim(&db, hotel, "a").await, "nobody holds it");
    assert_eq!(acquire(&db, hotel, "a", "token").await, HELD);
    assert_eq!(acquire(&db, hotel, "b", "token").await, LeaseStatus::HeldByOther);
    assert!(claim(&db, hotel, "a").await && !claim(&db, hotel, "a").await);
    let past = db.time(Utc::now() - TimeDelta::seconds(1));
    db.sql(format!("UPDATE channels SET held_until = {past}")).await.unwrap();
    assert_eq!(acquire(&db, hotel, "b", "token").await, HELD);
    let put_back = async |holder: &'static str| {
        let at = Utc::now();
        write(&db.store, move |tx| outbox::requeue(tx, SenderLease { hotel, holder }, "one", at, true)).await;
    };
    put_back("a").await;
    assert_eq!(attempts(&db).await, None, "it is the other's now");
    put_back("b").await;
    assert_eq!(attempts(&db).await, Some(1));
    assert!(!claim(&db, hotel, "a").await && claim(&db, hotel, "b").await);
    // A message is settled only once.
    assert!(write(&db.store, |tx| outbox::finish_sending(tx, "one")).await);
    assert!(!write(&db.store, |tx| outbox::finish_sending(tx, "one")).await);
    assert!(!claim(&db, hotel, "b").await);
});

on_both!(a_suspended_sender_moves_to_a_node_with_another_token, |db| {
    let hotel = queued(&db).await.id;
    assert_eq!(acquire(&db, hotel, "a", "old").await, HELD);
    write(&db.store, move |tx| sender_leases::suspend(tx, hotel, 190, "old")).await;
    let stopped = LeaseStatus::Held { suspended_by: Some(190) };
    let busy = move |tx: &mut Tx<'_>| sender_leases::acquire(tx, SenderLease { hotel, holder: "a" }, "old", true);
    assert_eq!(write(&db.store, busy).await, stopped);
    assert_eq!(acquire(&db, hotel, "b", "new").await, LeaseStatus::HeldByOther, "while messages are in flight");
    assert_eq!(acquire(&db, hotel, "a", "old").await, stopped);
    assert_eq!(acquire(&db, hotel, "b", "new").await, HELD);
    assert_eq!(acquire(&db, hotel, "a", "old").await, LeaseStatus::HeldByOther);
});

on_both!(a_lease_expires_by_the_database_clock_and_can_be_released, |db| {
    let hotel = queued(&db).await.id;
    assert_eq!(acquire(&db, hotel, "a", "token").await, HELD);
    let until = |at: DateTime<Utc>| format!("SELECT count(*) FROM channels WHERE held_until > {}", db.time(at));
    assert_eq!(db.number(until(Utc::now() + LEASE_DURATION / 2)).await, 1);
    assert_eq!(db.number(until(Utc::now() + LEASE_DURATION * 2)).await, 0);
    write(&db.store, |tx| sender_leases::release_all(tx, "a")).await;
    assert!(!claim(&db, hotel, "a").await);
    assert_eq!(acquire(&db, hotel, "b", "token").await, HELD);
});

on_both!(a_message_is_claimed_only_with_enough_time_left_on_the_lease, |db| {
    let hotel = queued(&db).await.id;
    assert_eq!(acquire(&db, hotel, "a", "token").await, HELD);
    let until = async |left: TimeDelta| {
        let until = db.time(Utc::now() + left);
        db.sql(format!("UPDATE channels SET held_until = {until}")).await.unwrap();
    };
    // The lease has expired, as after a pause of the process, but no other node has taken it.
    for left in [TimeDelta::seconds(-3), TimeDelta::seconds(5)] {
        until(left).await;
        assert!(!claim(&db, hotel, "a").await, "{left}");
    }
    until(LEASE_DURATION).await;
    let left = write(&db.store, move |tx| outbox::claim(tx, SenderLease { hotel, holder: "a" }, "one")).await.unwrap();
    assert!(left <= LEASE_DURATION && left > LEASE_DURATION - TimeDelta::seconds(5), "{left}");
});

on_both!(only_the_holder_settles_a_queued_message_unsent, |db| {
    let hotel = queued(&db).await.id;
    assert_eq!(acquire(&db, hotel, "a", "token").await, HELD);
    let refuse = async |holder: &'static str| {
        write(&db.store, move |tx| outbox::finish_queued(tx, SenderLease { hotel, holder }, "one")).await
    };
    assert!(!refuse("b").await);
    assert!(claim(&db, hotel, "a").await);
    assert!(!refuse("a").await, "it is on its way");
    let at = Utc::now();
    write(&db.store, move |tx| outbox::requeue(tx, SenderLease { hotel, holder: "a" }, "one", at, true)).await;
    assert!(refuse("a").await && !refuse("a").await);
});
