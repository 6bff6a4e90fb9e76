//! Conversations that a change of a staff member affects, and the batches of closed ones.

use domain::{ConversationId, Role, Staff};
use persistence::{
    Tx,
    access_revocations::{self, AccessRevocation},
    conversations,
};

use crate::support::{StoredHotel, TestDatabase, on_both};

/// Creates a hotel with a staff member who is assigned to all routed conversations; all but the first are closed.
async fn long_serving(db: &TestDatabase, stays: u32) -> (StoredHotel, Vec<ConversationId>) {
    let hotel = db.hotel(stays, 0).await;
    let relay: Vec<ConversationId> = hotel.stays.iter().step_by(2).map(|it| it.1).collect();
    let (member, first) = (hotel.member.id, relay[0]);
    db.sql(format!("UPDATE conversations SET assigned_to = {member} WHERE status = 'relay'")).await.unwrap();
    db.sql(format!("UPDATE conversations SET status = 'closed' WHERE status = 'relay' AND id <> {first}"))
        .await
        .unwrap();
    (hotel, relay)
}

on_both!(only_open_conversations_lose_a_changed_assignee, |db| {
    let (hotel, relay) = long_serving(&db, 40).await;
    let (first, me) = (relay[0], hotel.member.id);
    let open = db.store.read(move |conn| conversations::open_ids_assigned_to(conn, me, 9)).await;
    assert_eq!(open.unwrap(), [first]);
    let out_of_reach = |member: Staff| {
        let job = move |tx: &mut Tx<'_>| conversations::lock_assigned_out_of_reach(tx, &member, 9);
        let losing = db.store.write(hotel.id, vec![], job);
        async move { losing.await.unwrap().into_iter().map(|it| it.id).collect::<Vec<_>>() }
    };
    let member = hotel.member.clone();
    assert_eq!(out_of_reach(member.clone()).await, []);
    assert_eq!(out_of_reach(Staff { departments: vec![], ..member.clone() }).await, [first]);
    assert_eq!(out_of_reach(Staff { active: false, ..member.clone() }).await, [first]);
    assert_eq!(out_of_reach(Staff { departments: vec![], role: Role::Manager, ..member }).await, []);
});

on_both!(closed_conversations_of_a_lost_department_come_in_batches, |db| {
    let (hotel, relay) = long_serving(&db, 1300).await;
    let loss = AccessRevocation { hotel: hotel.id, staff: hotel.member.id, department: hotel.department };
    db.store.write(hotel.id, vec![], move |tx| access_revocations::insert(tx, loss)).await.unwrap();
    assert_eq!(db.store.read(access_revocations::list_pending).await.unwrap(), [loss]);
    let mut found = Vec::new();
    loop {
        let batch = db.store.write(hotel.id, vec![], move |tx| access_revocations::take_batch(tx, loss)).await.unwrap();
        let batch = batch.unwrap();
        assert!(batch.conversations.len() <= 500);
        found.extend(batch.conversations.into_iter().map(|it| it.0));
        if !batch.has_more {
            break;
        }
    }
    assert_eq!(found, relay[1..]);
    assert_eq!(db.store.read(access_revocations::list_pending).await.unwrap(), []);
    let none = db.store.write(hotel.id, vec![], move |tx| access_revocations::take_batch(tx, loss)).await.unwrap();
    assert_eq!(none, None);
    // A department without closed conversations needs no revocation.
    let other = db.hotel(2, 0).await;
    let loss = AccessRevocation { hotel: other.id, staff: other.member.id, department: other.department };
    db.store.write(other.id, vec![], move |tx| access_revocations::insert(tx, loss)).await.unwrap();
    assert_eq!(db.store.read(access_revocations::list_pending).await.unwrap(), []);
});
