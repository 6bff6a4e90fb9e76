//! Conversations that a change of a staff member affects, and the batches of closed ones.

use diesel::{Connection, PgConnection, connection::SimpleConnection};
use domain::{ConversationId, Role, Staff};
use persistence::{
    Tx,
    access_revocations::{self, AccessRevocation},
    conversations, staff,
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
        async move { losing.await.unwrap().into_iter().map(|it| it.id()).collect::<Vec<_>>() }
    };
    let member = hotel.member.clone();
    assert_eq!(out_of_reach(member.clone()).await, []);
    assert_eq!(out_of_reach(Staff { departments: vec![], ..member.clone() }).await, [first]);
    assert_eq!(out_of_reach(Staff { active: false, ..member.clone() }).await, [first]);
    assert_eq!(out_of_reach(Staff { departments: vec![], role: Role::Manager, ..member }).await, []);
});

on_both!(a_staff_change_waits_for_no_conversation_that_it_did_not_lock_first, |db| {
    let (hotel, relay) = long_serving(&db, 4).await;
    db.sql("UPDATE conversations SET status = 'relay' WHERE status = 'closed'").await.unwrap();
    let member = Staff { departments: vec![], ..hotel.member.clone() };
    let named = member.clone();
    let ids = db.store.read(move |conn| conversations::ids_assigned_out_of_reach(conn, &named, 9)).await;
    assert_eq!(ids.unwrap(), relay);
    let persistence::DbUrl::Postgres(url) = &db.url else { return };
    let mut other = PgConnection::establish(url).unwrap();
    other.batch_execute(&format!("BEGIN; SELECT FROM conversations WHERE id = {} FOR UPDATE", relay[0])).unwrap();
    let lock = move |tx: &mut Tx<'_>| {
        staff::lock(tx, &[member.id])?;
        conversations::lock_assigned_out_of_reach(tx, &member, 9)
    };
    let locked = db.store.write(hotel.id, vec![], lock).await.unwrap();
    assert_eq!(locked.into_iter().map(|it| it.id()).collect::<Vec<_>>(), relay[1..]);
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

on_both!(old_user_names_that_differ_only_in_case_are_both_kept, |db| {
    let hotel = db.hotel(0, 0).await;
    let (manager, member) = (hotel.manager.id, hotel.member.id);
    let set =
        |id: i64, name: &str| format!("UPDATE staff SET username = '{name}', username_key = NULL WHERE id = {id}");
    // As before the migration.
    db.sql(set(manager.0, "Zoë")).await.unwrap();
    db.sql(set(member.0, "ZOË")).await.unwrap();
    let reopened = db.another();
    let find = |username: &'static str| {
        let found = reopened.read(move |conn| staff::find_by_username(conn, username));
        async move { found.await.unwrap().map(|(staff, _)| staff.id) }
    };
    assert_eq!(find("Zoë").await, Some(manager));
    assert_eq!(find(" zoë ").await, Some(manager));
    assert_eq!(find("ZOË").await, Some(member));
    assert_eq!(find("zoe").await, None);
    assert_eq!(db.number(format!("SELECT count(*) FROM staff WHERE id = {member} AND username_key IS NULL")).await, 1);
    // Once the other one is renamed, the account is found in any case after the next start.
    db.sql(set(manager.0, "zoe.manager")).await.unwrap();
    let restarted = db.another();
    let found = restarted.read(|conn| staff::find_by_username(conn, "zoë")).await.unwrap();
    assert_eq!(found.map(|(staff, _)| staff.id), Some(member));
});
