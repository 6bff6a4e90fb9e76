//! Scheduled messages are sent exactly once: by two nodes, after a crash at the due moment, after a restored backup.

use std::sync::Arc;

use acceptance::{DatabaseKind, PASSWORD, StaffClient, TestHotel, TestWorld, WorldOptions, alone};

use super::*;

/// Schedules texts in several conversations of a hotel for the same moment. Returns them with their conversations.
async fn schedule_many(hotel: &TestHotel, seconds: i64) -> Vec<(TestStay, Value)> {
    let manager = hotel.manager().await;
    let stays = [hotel.relay(0), hotel.relay(1), hotel.relay(2), hotel.active(0)];
    let send_at = in_seconds(seconds);
    let mut all = Vec::new();
    for n in 0..20 {
        let stay = &stays[n % stays.len()];
        let body = json!({ "text": unique("once"), "send_at": send_at });
        all.push((stay.clone(), manager.post(stay.path("scheduled/"), body).await.is(201)));
    }
    all
}

/// Fails unless each text is sent, and stands in its conversation once, not before its time.
async fn assert_sent_once(client: &ApiClient, all: &[(TestStay, Value)]) {
    for (stay, scheduled) in all {
        let message = sent(client, scheduled).await;
        assert!(message["timestamp"].as_str() >= scheduled["send_at"].as_str(), "{message} {scheduled}");
        let texts = texts_of(client, stay).await;
        assert_eq!(texts.iter().filter(|it| scheduled["text"] == **it).count(), 1, "{scheduled}");
    }
}

/// A client of this node, after a restart of the first one.
async fn sign_in_at(node: &Arc<TestWorld>, staff: &StaffClient) -> StaffClient {
    StaffClient::sign_in(&ApiClient::new(node), &staff.username, PASSWORD).await
}

on_both!(a_server_that_dies_at_the_due_moment_neither_loses_nor_doubles, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    for round in 0..3 {
        let manager = sign_in_at(&world, &hotel.manager().await).await;
        let hotel = TestHotel::clone(&hotel);
        let all = schedule_many(&hotel, 3).await;
        sleep(Duration::from_millis(2800 + 250 * round)).await;
        world.kill();
        world.serve();
        let manager = sign_in_at(&world, &manager).await;
        assert_sent_once(&manager, &all).await;
    }
});

#[test]
fn of_two_nodes_one_sends_and_the_other_one_takes_over() {
    alone(DatabaseKind::Postgres, WorldOptions::default(), async |world: Arc<TestWorld>| {
        let other = world.another_node();
        let hotel = world.hotel();
        let manager = hotel.manager().await;
        // Both run.
        let all = schedule_many(&hotel, 3).await;
        assert_sent_once(&manager, &all).await;
        // One of them dies at the due moment.
        let all = schedule_many(&hotel, 3).await;
        let due = Instant::now() + Duration::from_secs(3);
        tokio::time::sleep_until(due).await;
        world.kill();
        let there = sign_in_at(&other, &manager).await;
        assert_sent_once(&there, &all).await;
    });
}

on_sqlite!(a_restored_backup_sends_nothing_a_second_time, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let due = schedule(&manager, &stay, "sent before the restore", 3).await;
    let later = schedule(&manager, &stay, "sent after the restore", 40).await;
    world.run(&["backup", "copy.db"]).json();
    sent(&manager, &due).await;
    world.kill();
    world.run(&["restore", "copy.db"]).json();
    world.serve();
    let manager = sign_in_at(&world, &manager).await;
    needs_review(&manager, &due, "restored").await;
    assert!(!texts_of(&manager, &stay).await.contains(&"sent before the restore".to_owned()));
    confirmed_and_sent(&manager, &due).await;
    world.advance(60);
    let manager = sign_in_at(&world, &manager).await;
    sent(&manager, &later).await;
});
