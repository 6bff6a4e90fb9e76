//! The connection quota: at most 20 sockets per staff member over all nodes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use acceptance::{
    DatabaseKind, StaffClient, TestHotel, TestSocket, TestWorld, UpgradeRefusal, WorldOptions, alone, in_hotel, json,
};
use futures_util::future::join_all;

use super::{open_at, second_node};

/// Longest wait for the slots of a killed node: its lease of 30 s, the maintenance that deletes it, and a margin.
const SLOT_RELEASE_TIMEOUT: Duration = Duration::from_secs(90);

#[track_caller]
fn assert_quota_exceeded(opened: Result<TestSocket, UpgradeRefusal>) {
    let Err(refused) = opened else { panic!("the socket limit is exceeded") };
    assert_eq!((refused.status, &refused.problem["code"]), (429, &json!("too_many_sockets")), "{refused:?}");
}

/// Opens the maximum number of sockets.
async fn open_all_slots(node: &TestWorld, staff: &StaffClient) -> Vec<TestSocket> {
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(open_at(node, staff).await.unwrap());
    }
    sockets
}

on_two_nodes!(the_quota_holds_over_both_nodes, |hotel, other| {
    let staff = hotel.of(0).await;
    let mut sockets = Vec::new();
    for n in 0..20 {
        sockets.push(open_at(if n % 3 == 0 { &hotel.world } else { &other }, &staff).await.unwrap());
    }
    assert_quota_exceeded(open_at(&hotel.world, &staff).await);
    assert_quota_exceeded(open_at(&other, &staff).await);
    open_at(&other, &hotel.of(1).await).await.unwrap();
    for socket in &mut sockets {
        socket.ping().await;
    }
    // A slot released on one node is free on the other, and no more than one.
    drop(sockets.remove(0));
    let start = Instant::now();
    loop {
        match open_at(&other, &staff).await {
            Ok(socket) => break sockets.push(socket),
            Err(_) => assert!(start.elapsed() < SLOT_RELEASE_TIMEOUT, "the slot is not released"),
        }
    }
    assert_quota_exceeded(open_at(&hotel.world, &staff).await);
});

on_two_nodes!(concurrent_upgrades_never_exceed_the_quota, |hotel, other| {
    let staff = hotel.of(0).await;
    let upgrades = (0..60).map(|n| open_at(if n % 2 == 0 { &hotel.world } else { &other }, &staff));
    let mut sockets: Vec<TestSocket> = join_all(upgrades).await.into_iter().filter_map(Result::ok).collect();
    assert!(sockets.len() <= 20, "{} are open", sockets.len());
    // Some concurrent upgrades may have been refused although slots were free; they try again.
    let start = Instant::now();
    while sockets.len() < 20 {
        sockets.extend(open_at(&other, &staff).await);
        assert!(start.elapsed() < SLOT_RELEASE_TIMEOUT, "only {} could be opened", sockets.len());
    }
    assert_quota_exceeded(open_at(&hotel.world, &staff).await);
    assert_quota_exceeded(open_at(&other, &staff).await);
    for socket in &mut sockets {
        socket.ping().await;
    }
});

#[test]
fn a_stopped_node_releases_its_slots_at_once() {
    alone(DatabaseKind::Postgres, WorldOptions::default(), async |world: Arc<TestWorld>| {
        let (staff, node) = (world.hotel().of(0).await, world.another_node());
        let mut sockets = open_all_slots(&node, &staff).await;
        assert_quota_exceeded(open_at(&world, &staff).await);
        node.signal("TERM");
        for socket in &mut sockets {
            assert_eq!(socket.closed().await, 1012);
        }
        assert_eq!(node.wait_for_exit(Duration::from_secs(10)).await, Some(0));
        let _all = open_all_slots(&world, &staff).await;
        assert_quota_exceeded(open_at(&world, &staff).await);
    });
}

#[test]
fn the_slots_of_a_killed_node_are_released() {
    alone(DatabaseKind::Postgres, WorldOptions::default(), async |world: Arc<TestWorld>| {
        let (staff, node) = (world.hotel().of(0).await, world.another_node());
        let _gone = open_all_slots(&node, &staff).await;
        node.kill();
        assert_quota_exceeded(open_at(&world, &staff).await);
        let start = Instant::now();
        while open_at(&world, &staff).await.is_err() {
            assert!(start.elapsed() < SLOT_RELEASE_TIMEOUT, "the slots are not released");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(world.number("SELECT count(*) FROM nodes"), 1);
    });
}

#[test]
fn a_restarted_single_node_starts_without_used_slots() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), async |world: Arc<TestWorld>| {
        let staff = world.hotel().of(0).await;
        for _ in 0..3 {
            let _gone = open_all_slots(&world, &staff).await;
            assert_quota_exceeded(open_at(&world, &staff).await);
            world.kill();
            world.serve();
        }
    });
}

#[test]
fn a_node_registers_its_sockets_again_after_its_lease_expired() {
    alone(DatabaseKind::Postgres, WorldOptions::default(), async |world: Arc<TestWorld>| {
        let (staff, node) = (world.hotel().of(0).await, world.another_node());
        let mut sockets = open_all_slots(&node, &staff).await;
        // The other nodes delete a node's row if its lease has expired, because it was suspended or could not reach the
        // database.
        world.sql("DELETE FROM nodes").unwrap();
        let start = Instant::now();
        while world.number("SELECT COALESCE(sum(sockets), 0) FROM socket_places") != 20 {
            assert!(start.elapsed() < SLOT_RELEASE_TIMEOUT, "the sockets are not registered again");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for socket in &mut sockets {
            socket.ping().await;
        }
        assert_quota_exceeded(open_at(&node, &staff).await);
        // The other node may first have to register again itself.
        while open_at(&world, &staff).await.is_err_and(|it| it.status == 503) {}
        assert_quota_exceeded(open_at(&world, &staff).await);
    });
}
