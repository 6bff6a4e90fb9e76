//! Access revocation: after a transfer or a staff change, sockets receive nothing about conversations that are no
//! longer visible.

use acceptance::{StaffClient, TestHotel, TestSocket, TestStay, Value, json, on_both};

use crate::{
    event_assertions::{assert_in_order, event_types, message_texts, of_type, single_event},
    keys,
};

async fn route(client: &StaffClient, hotel: &TestHotel, stay: &TestStay, department: usize) {
    let body = json!({ "department_id": hotel.departments[department].id });
    client.post(stay.path("start_relay/"), body).await.is(200);
}

#[track_caller]
fn assert_unsubscribed(event: &Value, stay: &TestStay, reason: &str) {
    assert_eq!(keys(event), ["conversation_id", "reason", "stay_id", "type"]);
    assert_eq!((&event["stay_id"], &event["conversation_id"]), (&json!(stay.id), &json!(stay.conversation)));
    assert_eq!((&event["type"], &event["reason"]), (&json!("unsubscribed"), &json!(reason)));
}

on_both!(a_transfer_ends_subscriptions_at_once, |hotel| {
    let (manager, staff, stay) = (hotel.manager().await, hotel.of(0).await, hotel.relay(0));
    let mut leaver = TestSocket::open(&staff).await;
    leaver.subscribe(stay.id).await;
    let mut remaining = TestSocket::open(&manager).await;
    remaining.subscribe(stay.id).await;
    hotel.send_guest_message(&stay.phone, "before").await;
    let body = json!({ "department_id": hotel.departments[1].id, "note": "not for you any more" });
    // The staff member who transfers the conversation loses access too.
    staff.post(stay.path("start_relay/"), body).await.is(200);
    hotel.send_guest_message(&stay.phone, "after").await;
    let events = leaver.events_so_far(&hotel).await;
    assert_eq!(event_types(&events), ["new_message", "unsubscribed"]);
    assert_unsubscribed(&events[1], &stay, "routed_away");
    let events = remaining.events_so_far(&hotel).await;
    assert_eq!(event_types(&events), ["new_message", "conversation_updated", "new_note", "new_message"]);
    let subscribe = json!({ "command": "subscribe_to_conversation", "stay_id": stay.id });
    leaver.refused(subscribe, "not_found").await;
    // Access that comes back does not restore the subscription.
    route(&manager, &hotel, &stay, 0).await;
    hotel.send_guest_message(&stay.phone, "again").await;
    single_event(leaver.events_so_far(&hotel).await, "new_conversation");
    leaver.subscribe(stay.id).await;
    hotel.send_guest_message(&stay.phone, "at last").await;
    assert_eq!(message_texts(&leaver.events_so_far(&hotel).await), ["at last"]);
});

on_both!(a_reply_that_takes_over_ends_subscriptions_of_other_departments, |hotel| {
    let (staff, stay) = (hotel.of(1).await, hotel.active(0));
    let mut others = TestSocket::open(&hotel.of(0).await).await;
    others.subscribe(stay.id).await;
    let mut own = TestSocket::open(&staff).await;
    own.subscribe(stay.id).await;
    own.ok(json!({ "command": "send_message", "stay_id": stay.id, "text": "mine" })).await;
    assert_unsubscribed(&single_event(others.events_so_far(&hotel).await, "unsubscribed"), &stay, "routed_away");
    let events = own.events_so_far(&hotel).await;
    assert_eq!(event_types(&events), ["new_conversation", "conversation_updated", "new_message"]);
    assert_in_order(&events);
});

on_both!(end_relay_and_close_end_no_subscription, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    for path in ["close/", "reopen/", "end_relay/", "close/"] {
        staff.post_empty(stay.path(path)).await.is(200);
    }
    // A guest message reopens the closed conversation.
    hotel.send_guest_message(&stay.phone, "still there?").await;
    let events = socket.events_so_far(&hotel).await;
    let moves = vec!["conversation_updated"; 5];
    assert_eq!(event_types(&events), [moves, vec!["new_message"]].concat());
    assert_eq!(events[4]["conversation"]["status"], "active");
});

/// Takes department 0 from a member of departments 0 and 1 who has subscribed to everything. Returns the events that
/// the member receives.
async fn lose_department(hotel: &TestHotel, change: impl AsyncFnOnce(&StaffClient)) -> Vec<Value> {
    let departments = [hotel.departments[0].id, hotel.departments[1].id];
    let staff = hotel.hire("staff", &departments).await;
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe_to_inbox().await;
    let (lost, kept, unrouted) = (hotel.relay(0), hotel.relay(1), hotel.active(0));
    for stay in [&lost, &kept, &unrouted] {
        socket.subscribe(stay.id).await;
    }
    change(&staff).await;
    assert_unsubscribed(&socket.skip_to("unsubscribed").await, &lost, "reach_changed");
    for stay in [&lost, &kept, &unrouted] {
        hotel.send_guest_message(&stay.phone, "who hears me?").await;
    }
    let events = socket.events_so_far(hotel).await;
    let messages: Vec<i64> = of_type(&events, "new_message").iter().map(|it| it["stay_id"].as_i64().unwrap()).collect();
    assert_eq!(messages, [kept.id, unrouted.id]);
    let removed = of_type(&events, "conversation_removed");
    assert_eq!(removed.iter().map(|it| it["stay_id"].as_i64()).collect::<Vec<_>>(), [Some(lost.id)]);
    let updated = of_type(&events, "conversation_updated");
    assert!(updated.iter().all(|it| it["stay_id"] != lost.id), "{updated:?}");
    assert_in_order(&events);
    socket.refused(json!({ "command": "subscribe_to_conversation", "stay_id": lost.id }), "not_found").await;
    events
}

on_both!(a_staff_change_over_rest_ends_subscriptions, |hotel| {
    lose_department(&hotel, async |staff: &StaffClient| {
        let body = json!({ "department_ids": [hotel.departments[1].id] });
        hotel.manager().await.patch(format!("staff/{}/", staff.id), body).await.is(200);
    })
    .await;
});

on_both!(a_staff_change_by_the_command_line_ends_subscriptions, |hotel| {
    lose_department(&hotel, async |staff: &StaffClient| {
        let department = hotel.departments[1].id.to_string();
        let set = hotel.world.run(&["staff", "set", &staff.username, "--department", &department]);
        assert_eq!(set.code, Some(0), "{set:?}");
    })
    .await;
});

on_both!(a_demoted_manager_receives_only_events_of_their_departments, |hotel| {
    let demoted = hotel.hire("manager", &[hotel.departments[2].id]).await;
    let mut socket = TestSocket::open(&demoted).await;
    socket.subscribe_to_inbox().await;
    for stay in [hotel.relay(0), hotel.relay(1), hotel.relay(2)] {
        socket.subscribe(stay.id).await;
    }
    let body = json!({ "role": "staff" });
    hotel.manager().await.patch(format!("staff/{}/", demoted.id), body).await.is(200);
    for stay in [hotel.relay(0), hotel.relay(1), hotel.relay(2)] {
        hotel.send_guest_message(&stay.phone, "who hears me?").await;
    }
    let events = socket.events_so_far(&hotel).await;
    let mut lost: Vec<i64> =
        of_type(&events, "unsubscribed").iter().map(|it| it["stay_id"].as_i64().unwrap()).collect();
    lost.sort_unstable();
    assert_eq!(lost, [hotel.relay(0).id, hotel.relay(1).id]);
    assert_eq!(of_type(&events, "conversation_removed").len(), 2);
    assert_eq!(
        of_type(&events, "new_message").iter().map(|it| it["stay_id"].as_i64()).collect::<Vec<_>>(),
        [Some(hotel.relay(2).id)]
    );
});

on_both!(leaving_a_department_also_revokes_its_closed_conversations, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
    manager.post(stay.path("assign/"), json!({ "staff_id": staff.id })).await.is(200);
    manager.post_empty(stay.path("close/")).await.is(200);
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe_to_inbox().await;
    let body = json!({ "department_ids": [hotel.departments[1].id] });
    manager.patch(format!("staff/{}/", staff.id), body).await.is(200);
    assert_eq!(socket.skip_to("conversation_removed").await["stay_id"], stay.id);
    // A closed conversation keeps its assignee at most until it is reopened.
    assert_eq!(manager.post_empty(stay.path("reopen/")).await.is(200)["assigned_to"], json!(null));
    let events = socket.events_so_far(&hotel).await;
    let updates = of_type(&events, "conversation_updated");
    assert!(updates.is_empty(), "{updates:?}");
});

on_both!(gained_access_allows_subscribing_at_once, |hotel| {
    let staff = hotel.hire("staff", &[]).await;
    let (mut socket, stay) = (TestSocket::open(&staff).await, hotel.relay(0));
    let subscribe = json!({ "command": "subscribe_to_conversation", "stay_id": stay.id });
    socket.refused(subscribe.clone(), "not_found").await;
    let body = json!({ "department_ids": [hotel.departments[0].id] });
    hotel.manager().await.patch(format!("staff/{}/", staff.id), body).await.is(200);
    socket.ok(subscribe).await;
    hotel.send_guest_message(&stay.phone, "Hello").await;
    assert_eq!(message_texts(&socket.events_so_far(&hotel).await), ["Hello"]);
});
