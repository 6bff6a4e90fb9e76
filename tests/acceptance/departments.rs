//! Departments are deactivated, never deleted: nothing is routed to an inactive one.

use acceptance::{TestHotel, TestSocket, Value, json, on_both};

use crate::ids;

fn path(hotel: &TestHotel, department: usize) -> String {
    format!("departments/{}/", hotel.departments[department].id)
}

on_both!(an_inactive_department_gets_no_conversation, |hotel| {
    let (manager, member) = (hotel.manager().await, hotel.of(1).await);
    let (first, second) = (hotel.departments[0].id, hotel.departments[1].id);
    let open = hotel.relay(1);
    let closed = hotel.active(0);
    let relay = json!({ "department_id": second });
    manager.post(closed.path("start_relay/"), relay.clone()).await.is(200);
    manager.post_empty(closed.path("close/")).await.is(200);
    // Open conversations prevent it, unless they are moved.
    let deactivate = json!({ "active": false });
    manager.patch(path(&hotel, 1), deactivate.clone()).await.problem(409, "department_in_use");
    assert_eq!(manager.get(open.path("")).await.is(200)["status"], "relay");
    for bad in [second, 9_000_000_000] {
        let body = json!({ "active": false, "move_to": bad });
        assert_eq!(manager.patch(path(&hotel, 1), body).await.bad_fields(), ["move_to"]);
    }
    let mut socket = TestSocket::open(&member).await;
    socket.subscribe_to_inbox().await;
    let body = json!({ "active": false, "move_to": first });
    let changed = manager.patch(path(&hotel, 1), body).await.is(200);
    assert_eq!((&changed["active"], &changed["handles_stays"]), (&json!(false), &json!(false)));
    let moved = manager.get(open.path("")).await.is(200);
    assert_eq!((&moved["department_name"], &moved["assigned_to"]), (&json!(hotel.departments[0].name), &Value::Null));
    let events = socket.events_so_far(&hotel).await;
    let is_removed = |it: &Value| it["type"] == "conversation_removed" && it["conversation_id"] == open.conversation;
    assert!(events.iter().any(is_removed), "{events:?}");
    // It is listed on request only; the members keep its closed conversations.
    assert!(!ids(&member.get("departments/").await.is(200)["results"]).contains(&second));
    assert!(ids(&member.get("departments/?inactive=true").await.is(200)["results"]).contains(&second));
    assert_eq!(member.get("/api/auth/me/").await.is(200)["departments"], json!([]));
    assert_eq!(member.get(closed.path("")).await.is(200)["status"], "closed");
    // Nothing is routed to it.
    let other = hotel.active(1);
    assert_eq!(manager.post(other.path("start_relay/"), relay).await.bad_fields(), ["department_id"]);
    assert_eq!(
        manager.patch("hotel/", json!({ "default_department_id": second })).await.bad_fields(),
        ["default_department_id"]
    );
    member.post(other.path("send_message/"), json!({ "text": "x" })).await.problem(409, "no_department");
    // Reopening goes to the hotel's default department.
    let reopened = manager.post_empty(closed.path("reopen/")).await.is(200);
    assert_eq!(
        (&reopened["status"], &reopened["department_name"]),
        (&json!("relay"), &json!(hotel.departments[0].name))
    );
    member.get(closed.path("")).await.problem(404, "not_found");
    // It can be active again.
    assert_eq!(manager.patch(path(&hotel, 1), json!({ "active": true })).await.is(200)["active"], true);
    member.post(other.path("send_message/"), json!({ "text": "x" })).await.is(201);
});

on_both!(the_default_department_stays_active, |hotel| {
    let manager = hotel.manager().await;
    let deactivate = json!({ "active": false, "move_to": hotel.departments[1].id });
    // Without a choice the first department is the default.
    manager.patch(path(&hotel, 0), deactivate.clone()).await.problem(409, "department_in_use");
    manager.patch("hotel/", json!({ "default_department_id": hotel.departments[1].id })).await.is(200);
    manager.patch(path(&hotel, 1), json!({ "active": false })).await.problem(409, "department_in_use");
    manager.patch(path(&hotel, 0), deactivate.clone()).await.is(200);
    // Repeated: no effect. Without a choice the first active department is the default.
    manager.patch(path(&hotel, 0), deactivate).await.is(200);
    let reset = manager.patch("hotel/", json!({ "default_department_id": null })).await.is(200);
    assert_eq!(reset["default_department_id"], hotel.departments[1].id);
});

on_both!(no_conversation_is_routed_to_a_department_while_it_is_deactivated, |hotel| {
    let (manager, to) = (hotel.manager().await, hotel.departments[2].id);
    let body = json!({ "active": false, "move_to": hotel.departments[0].id });
    let stays: Vec<_> = (0..2).map(|index| hotel.active(index)).collect();
    let routing = stays.iter().map(|stay| manager.post(stay.path("start_relay/"), json!({ "department_id": to })));
    let deactivating = manager.patch(path(&hotel, 2), body);
    let (_, deactivated) = futures_util::future::join(futures_util::future::join_all(routing), deactivating).await;
    deactivated.is(200);
    let listed = manager.get(format!("conversations/?status=relay&department={to}")).await.is(200);
    assert_eq!(listed["count"], 0, "{listed}");
});
