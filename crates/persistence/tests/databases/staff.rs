//! What a change of a staff member finds of their conversations, however many are closed.

use domain::{ConversationId, Role, Staff};
use persistence::{
    Tx, conversations,
    reach_losses::{self, ReachLoss},
};

use crate::support::{Database, Hotel, on_both};

/// A hotel whose member is assigned to everything that was in relay, all of it closed but the first.
async fn long_serving(db: &Database, stays: u32) -> (Hotel, Vec<ConversationId>) {
    let hotel = db.hotel(stays, 0).await;
    let relay: Vec<ConversationId> = hotel.stays.iter().step_by(2).map(|it| it.1).collect();
    let (member, first) = (hotel.member.id, relay[0]);
    db.sql(format!("UPDATE conversations SET assigned_to = {member} WHERE status = 'relay'")).await.unwrap();
    db.sql(format!("UPDATE conversations SET status = 'closed' WHERE status = 'relay' AND id <> {first}"))
        .await
        .unwrap();
    (hotel, relay)
}

on_both!(only_open_conversations_are_taken_from_who_is_changed, |db| {
    let (hotel, relay) = long_serving(&db, 40).await;
    let (first, me) = (relay[0], hotel.member.id);
    let open = db.store.read(move |conn| conversations::open_assigned_to(conn, me, 9)).await;
    assert_eq!(open.unwrap(), [first]);
    let out_of_reach = |member: Staff| {
        let job = move |tx: &mut Tx<'_>| conversations::lock_assigned_out_of_reach(tx, &member, 9);
        let told = db.store.write(hotel.id, vec![], job);
        async move { told.await.unwrap().into_iter().map(|it| it.id).collect::<Vec<_>>() }
    };
    let member = hotel.member.clone();
    assert_eq!(out_of_reach(member.clone()).await, []);
    assert_eq!(out_of_reach(Staff { departments: vec![], ..member.clone() }).await, [first]);
    assert_eq!(out_of_reach(Staff { active: false, ..member.clone() }).await, [first]);
    assert_eq!(out_of_reach(Staff { departments: vec![], role: Role::Manager, ..member }).await, []);
});

on_both!(closed_conversations_out_of_sight_come_in_batches, |db| {
    let (hotel, relay) = long_serving(&db, 1300).await;
    let loss = ReachLoss { hotel: hotel.id, staff: hotel.member.id, department: hotel.department };
    db.store.write(hotel.id, vec![], move |tx| reach_losses::insert(tx, loss)).await.unwrap();
    assert_eq!(db.store.read(reach_losses::pending).await.unwrap(), [loss]);
    let mut found = Vec::new();
    loop {
        let batch = db.store.write(hotel.id, vec![], move |tx| reach_losses::take_batch(tx, loss)).await.unwrap();
        let batch = batch.unwrap();
        assert!(batch.conversations.len() <= 500);
        found.extend(batch.conversations.into_iter().map(|it| it.0));
        if !batch.more {
            break;
        }
    }
    assert_eq!(found, relay[1..]);
    assert_eq!(db.store.read(reach_losses::pending).await.unwrap(), []);
    let none = db.store.write(hotel.id, vec![], move |tx| reach_losses::take_batch(tx, loss)).await.unwrap();
    assert_eq!(none, None);
    // Another department without any closed conversation leaves nothing to do.
    let other = db.hotel(2, 0).await;
    let loss = ReachLoss { hotel: other.id, staff: other.member.id, department: other.department };
    db.store.write(other.id, vec![], move |tx| reach_losses::insert(tx, loss)).await.unwrap();
    assert_eq!(db.store.read(reach_losses::pending).await.unwrap(), []);
});
