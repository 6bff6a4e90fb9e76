//! Nothing is told of what one may not see any more: transfers, and changes of staff.

use acceptance::{Hotel, Socket, Staff, Stay, Value, json, on_both};

use crate::{
    keys,
    told::{in_order, one, only, said, words},
};

async fn route(client: &Staff, hotel: &Hotel, stay: &Stay, department: usize) {
    let body = json!({ "department_id": hotel.departments[department].id });
    client.post(stay.path("start_relay/"), body).await.is(200);
}

#[track_caller]
fn ended(event: &Value, stay: &Stay, reason: &str) {
    assert_eq!(keys(event), ["conversation_id", "reason", "stay_id", "type"]);
    assert_eq!((&event["stay_id"], &event["conversation_id"]), (&json!(stay.id), &json!(stay.conversation)));
    assert_eq!((&event["type"], &event["reason"]), (&json!("unsubscribed"), &json!(reason)));
}

on_both!(a_transfer_ends_subscriptions_at_once, |hotel| {
    let (manager, staff, stay) = (hotel.manager().await, hotel.of(0).await, hotel.relay(0));
    let mut away = Socket::open(&staff).await;
    away.subscribe(stay.id).await;
    let mut stays = Socket::open(&manager).await;
    stays.subscribe(stay.id).await;
    hotel.guest_says(&stay.phone, "before").await;
    let body = json!({ "department_id": hotel.departments[1].id, "note": "not for you any more" });
    // Who moves it away loses it as well.
    staff.post(stay.path("start_relay/"), body).await.is(200);
    hotel.guest_says(&stay.phone, "after").await;
    let told = away.so_far(&hotel).await;
    assert_eq!(words(&told), ["new_message", "unsubscribed"]);
    ended(&told[1], &stay, "routed_away");
    let told = stays.so_far(&hotel).await;
    assert_eq!(words(&told), ["new_message", "conversation_updated", "new_note", "new_message"]);
    let subscribe = json!({ "command": "subscribe_to_conversation", "stay_id": stay.id });
    away.refused(subscribe, "not_found").await;
    // It does not come back by itself.
    route(&manager, &hotel, &stay, 0).await;
    hotel.guest_says(&stay.phone, "again").await;
    one(away.so_far(&hotel).await, "new_conversation");
    away.subscribe(stay.id).await;
    hotel.guest_says(&stay.phone, "at last").await;
    assert_eq!(said(&away.so_far(&hotel).await), ["at last"]);
});

on_both!(an_answer_that_takes_over_ends_the_others_subscriptions, |hotel| {
    let (staff, stay) = (hotel.of(1).await, hotel.active(0));
    let mut others = Socket::open(&hotel.of(0).await).await;
    others.subscribe(stay.id).await;
    let mut own = Socket::open(&staff).await;
    own.subscribe(stay.id).await;
    own.ok(json!({ "command": "send_message", "stay_id": stay.id, "text": "mine" })).await;
    ended(&one(others.so_far(&hotel).await, "unsubscribed"), &stay, "routed_away");
    let told = own.so_far(&hotel).await;
    assert_eq!(words(&told), ["new_conversation", "conversation_updated", "new_message"]);
    in_order(&told);
});

on_both!(end_relay_and_close_end_no_subscription, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(stay.id).await;
    for path in ["close/", "reopen/", "end_relay/", "close/"] {
        staff.post_empty(stay.path(path)).await.is(200);
    }
    // A guest who writes to a closed one opens it.
    hotel.guest_says(&stay.phone, "still there?").await;
    let told = socket.so_far(&hotel).await;
    let moves = vec!["conversation_updated"; 5];
    assert_eq!(words(&told), [moves, vec!["new_message"]].concat());
    assert_eq!(told[4]["conversation"]["status"], "active");
});

/// A staff member of departments 0 and 1, who listens to everything, and what they are told when
/// department 0 is taken from them.
async fn leaves_a_department(hotel: &Hotel, how: impl AsyncFnOnce(&Staff)) -> Vec<Value> {
    let departments = [hotel.departments[0].id, hotel.departments[1].id];
    let staff = hotel.hire("staff", &departments).await;
    let mut socket = Socket::open(&staff).await;
    socket.subscribe_to_inbox().await;
    let (lost, kept, unrouted) = (hotel.relay(0), hotel.relay(1), hotel.active(0));
    for stay in [&lost, &kept, &unrouted] {
        socket.subscribe(stay.id).await;
    }
    how(&staff).await;
    ended(&socket.skip_to("unsubscribed").await, &lost, "reach_changed");
    for stay in [&lost, &kept, &unrouted] {
        hotel.guest_says(&stay.phone, "who hears me?").await;
    }
    let told = socket.so_far(hotel).await;
    let messages: Vec<i64> = only(&told, "new_message").iter().map(|it| it["stay_id"].as_i64().unwrap()).collect();
    assert_eq!(messages, [kept.id, unrouted.id]);
    let removed = only(&told, "conversation_removed");
    assert_eq!(removed.iter().map(|it| it["stay_id"].as_i64()).collect::<Vec<_>>(), [Some(lost.id)]);
    let updated = only(&told, "conversation_updated");
    assert!(updated.iter().all(|it| it["stay_id"] != lost.id), "{updated:?}");
    in_order(&told);
    socket.refused(json!({ "command": "subscribe_to_conversation", "stay_id": lost.id }), "not_found").await;
    told
}

on_both!(a_change_of_staff_ends_subscriptions, |hotel| {
    leaves_a_department(&hotel, async |staff: &Staff| {
        let body = json!({ "department_ids": [hotel.departments[1].id] });
        hotel.manager().await.patch(format!("staff/{}/", staff.id), body).await.is(200);
    })
    .await;
});

on_both!(a_change_of_staff_by_the_command_line_ends_subscriptions, |hotel| {
    leaves_a_department(&hotel, async |staff: &Staff| {
        let department = hotel.departments[1].id.to_string();
        let set = hotel.world.run(&["staff", "set", &staff.username, "--department", &department]);
        assert_eq!(set.code, Some(0), "{set:?}");
    })
    .await;
});

on_both!(a_manager_no_more_sees_their_departments_only, |hotel| {
    let boss = hotel.hire("manager", &[hotel.departments[2].id]).await;
    let mut socket = Socket::open(&boss).await;
    socket.subscribe_to_inbox().await;
    for stay in [hotel.relay(0), hotel.relay(1), hotel.relay(2)] {
        socket.subscribe(stay.id).await;
    }
    let body = json!({ "role": "staff" });
    hotel.manager().await.patch(format!("staff/{}/", boss.id), body).await.is(200);
    for stay in [hotel.relay(0), hotel.relay(1), hotel.relay(2)] {
        hotel.guest_says(&stay.phone, "who hears me?").await;
    }
    let told = socket.so_far(&hotel).await;
    let mut lost: Vec<i64> = only(&told, "unsubscribed").iter().map(|it| it["stay_id"].as_i64().unwrap()).collect();
    lost.sort_unstable();
    assert_eq!(lost, [hotel.relay(0).id, hotel.relay(1).id]);
    assert_eq!(only(&told, "conversation_removed").len(), 2);
    assert_eq!(
        only(&told, "new_message").iter().map(|it| it["stay_id"].as_i64()).collect::<Vec<_>>(),
        [Some(hotel.relay(2).id)]
    );
});

on_both!(who_leaves_a_department_loses_its_closed_conversations_too, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
    manager.post(stay.path("assign/"), json!({ "staff_id": staff.id })).await.is(200);
    manager.post_empty(stay.path("close/")).await.is(200);
    let mut socket = Socket::open(&staff).await;
    socket.subscribe_to_inbox().await;
    let body = json!({ "department_ids": [hotel.departments[1].id] });
    manager.patch(format!("staff/{}/", staff.id), body).await.is(200);
    assert_eq!(socket.skip_to("conversation_removed").await["stay_id"], stay.id);
    // A closed one is cleared at the latest when it is opened again.
    assert_eq!(manager.post_empty(stay.path("reopen/")).await.is(200)["assigned_to"], json!(null));
    let events = socket.so_far(&hotel).await;
    let updates = only(&events, "conversation_updated");
    assert!(updates.is_empty(), "{updates:?}");
});

on_both!(who_gains_sight_may_subscribe_at_once, |hotel| {
    let staff = hotel.hire("staff", &[]).await;
    let (mut socket, stay) = (Socket::open(&staff).await, hotel.relay(0));
    let subscribe = json!({ "command": "subscribe_to_conversation", "stay_id": stay.id });
    socket.refused(subscribe.clone(), "not_found").await;
    let body = json!({ "department_ids": [hotel.departments[0].id] });
    hotel.manager().await.patch(format!("staff/{}/", staff.id), body).await.is(200);
    socket.ok(subscribe).await;
    hotel.guest_says(&stay.phone, "Hello").await;
    assert_eq!(said(&socket.so_far(&hotel).await), ["Hello"]);
});
