//! Nodes that share a database, and their socket counts.

use std::collections::HashMap;

use chrono::{TimeDelta, Utc};
use domain::{HotelId, NodeId, StaffId};
use persistence::{Store, StoreError, Tx, nodes};

use crate::support::{TestDatabase, on_both};

async fn write<T: Send + 'static>(
    store: &Store,
    job: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(HotelId(0), vec![], job).await.unwrap()
}

async fn note(db: &TestDatabase, node: NodeId, counts: &[(StaffId, i64)]) -> bool {
    let counts = counts.to_vec();
    write(&db.store, move |tx| nodes::save_socket_counts(tx, node, &counts)).await
}

async fn elsewhere(db: &TestDatabase, node: NodeId, staff: &[StaffId]) -> HashMap<StaffId, i64> {
    let staff = staff.to_vec();
    db.store.read(move |conn| nodes::sockets_elsewhere(conn, node, &staff)).await.unwrap()
}

on_both!(sockets_are_counted_over_all_nodes, |db| {
    let hotel = db.hotel(0, 0).await;
    let (one, other) = (hotel.manager.id, hotel.member.id);
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(write(&db.store, nodes::register).await);
    }
    assert!(note(&db, all[0], &[(one, 2), (other, 7)]).await);
    assert!(note(&db, all[1], &[(one, 3)]).await);
    assert!(note(&db, all[2], &[(one, 4), (one, 5)]).await);
    assert_eq!(elsewhere(&db, all[0], &[one, other]).await, HashMap::from([(one, 8)]));
    assert_eq!(elsewhere(&db, all[1], &[one, other]).await, HashMap::from([(one, 7), (other, 7)]));
    assert_eq!(elsewhere(&db, all[1], &[other]).await, HashMap::from([(other, 7)]));
    // A socket count of zero deletes the row, if there is one.
    assert!(note(&db, all[2], &[(one, 0), (other, 0)]).await);
    assert_eq!(elsewhere(&db, all[0], &[one]).await, HashMap::from([(one, 3)]));
    let ended = all[1];
    write(&db.store, move |tx| nodes::unregister(tx, ended)).await;
    assert_eq!(elsewhere(&db, all[0], &[one]).await, HashMap::new());
    assert_eq!(db.number("SELECT count(*) FROM nodes").await, 2);
});

on_both!(a_node_that_is_not_renewed_expires, |db| {
    let staff = db.hotel(0, 0).await.member.id;
    let (silent, lives) = (write(&db.store, nodes::register).await, write(&db.store, nodes::register).await);
    note(&db, silent, &[(staff, 20)]).await;
    let seen_before = async |age: TimeDelta| {
        let at = db.time(Utc::now() - age);
        db.sql(format!("UPDATE nodes SET seen_at = {at}")).await.unwrap();
        assert!(write(&db.store, move |tx| nodes::renew(tx, lives)).await);
        write(&db.store, nodes::delete_expired).await;
        elsewhere(&db, lives, &[staff]).await
    };
    assert_eq!(seen_before(nodes::NODE_LEASE - TimeDelta::seconds(5)).await, HashMap::from([(staff, 20)]));
    assert_eq!(seen_before(nodes::NODE_LEASE + TimeDelta::seconds(1)).await, HashMap::new());
    // `renew` returns `false` for a node that only paused and was deleted meanwhile.
    assert!(!write(&db.store, move |tx| nodes::renew(tx, silent)).await);
    assert!(!note(&db, silent, &[(staff, 20)]).await);
    assert_eq!(db.number("SELECT count(*) FROM socket_places").await, 0);
    let anew = write(&db.store, nodes::register).await;
    assert!(anew != silent && note(&db, anew, &[(staff, 20)]).await);
});
