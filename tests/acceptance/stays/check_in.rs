//! Check-in and check-out.

use acceptance::{StaffClient, TestHotel, TestSocket, Value, json, on_both};

use super::{booking, conversation_of, create_stay, stay_path, with_fields};
use crate::is_time;

fn event_types(came: &[Value]) -> Vec<&str> {
    came.iter().map(|it| it["type"].as_str().unwrap()).collect()
}

/// The details of the stay's conversation, if it has one.
async fn find_conversation(client: &StaffClient, stay: &Value) -> Option<Value> {
    let all = client.get("conversations/?status=demo,checkin,active,relay,closed&page_size=100").await.is(200);
    let found = all["results"].as_array().unwrap().iter().find(|it| it["stay_id"] == stay["id"]).cloned();
    Some(client.get(format!("conversations/{}/", found?["id"])).await.is(200))
}

/// A stay that has not begun, and its conversation.
async fn future_stay(hotel: &TestHotel, manager: &StaffClient) -> (Value, Value) {
    let stay = create_stay(manager, &with_fields(&booking(hotel), &json!({ "check_in": "2098-12-01" }))).await;
    let conversation = conversation_of(hotel, manager, &stay["guest_phone"]).await;
    assert_eq!(conversation["status"], "checkin");
    (stay, conversation)
}

on_both!(check_in_creates_the_conversation, |hotel| {
    let (manager, mut socket) = (hotel.manager().await, TestSocket::open(&hotel.of(0).await).await);
    let stay = create_stay(&manager, &booking(&hotel)).await;
    assert_eq!(find_conversation(&manager, &stay).await, None);
    let checked_in = manager.post_empty(stay_path(&stay, "check_in/")).await.is(200);
    assert!(is_time(&checked_in["checked_in_at"]), "{checked_in}");
    let event = socket.expect("new_conversation").await;
    let fields = json!({
        "checked_in_at": checked_in["checked_in_at"], "conversation_id": event["conversation_id"],
        "status": "checked_in",
    });
    assert_eq!(checked_in, with_fields(&stay, &fields));
    assert_eq!((&event["stay_id"], &event["guest_name"]), (&stay["id"], &stay["guest_name"]));
    let conversation = find_conversation(&manager, &stay).await.unwrap();
    assert_eq!((&conversation["id"], &conversation["status"]), (&event["conversation_id"], &json!("active")));
    assert_eq!((&conversation["last_message"], &conversation["room_number"]), (&json!(null), &stay["room_number"]));
    // A repeated check-in changes nothing.
    assert_eq!(manager.post_empty(stay_path(&stay, "check_in/")).await.is(200), checked_in);
    socket.nothing(&hotel).await;
    assert_eq!(conversation_of(&hotel, &manager, &stay["guest_phone"]).await["id"], conversation["id"]);
});

on_both!(an_early_check_in_activates_the_conversation, |hotel| {
    let manager = hotel.manager().await;
    let (stay, conversation) = future_stay(&hotel, &manager).await;
    let mut socket = TestSocket::open(&manager).await;
    socket.subscribe(stay["id"].as_i64().unwrap()).await;
    manager.post_empty(stay_path(&stay, "check_in/")).await.is(200);
    let updated = socket.expect("conversation_updated").await;
    assert_eq!(
        (&updated["conversation_id"], &updated["conversation"]["status"]),
        (&conversation["id"], &json!("active"))
    );
    // A checked-in guest stays current after the last day.
    let late = create_stay(&manager, &with_fields(&booking(&hotel), &json!({ "check_out": "2020-02-01" }))).await;
    manager.post_empty(stay_path(&late, "check_in/")).await.is(200);
    assert_eq!(conversation_of(&hotel, &manager, &late["guest_phone"]).await["stay_id"], late["id"]);
});

on_both!(check_in_keeps_a_conversation_with_a_department, |hotel| {
    let manager = hotel.manager().await;
    let department = json!({ "department_id": hotel.departments[0].id });
    for (close, expected) in [(false, "relay"), (true, "closed")] {
        let (stay, conversation) = future_stay(&hotel, &manager).await;
        manager.post(format!("conversations/{}/start_relay/", conversation["id"]), department.clone()).await.is(200);
        if close {
            manager.post_empty(format!("conversations/{}/close/", conversation["id"])).await.is(200);
        }
        let before = find_conversation(&manager, &stay).await;
        manager.post_empty(stay_path(&stay, "check_in/")).await.is(200);
        assert_eq!(find_conversation(&manager, &stay).await, before);
        assert_eq!(before.unwrap()["status"], expected);
    }
    // A closed conversation without department becomes active.
    let (stay, conversation) = future_stay(&hotel, &manager).await;
    manager.post_empty(format!("conversations/{}/close/", conversation["id"])).await.is(200);
    manager.post_empty(stay_path(&stay, "check_in/")).await.is(200);
    assert_eq!(find_conversation(&manager, &stay).await.unwrap()["status"], "active");
});

on_both!(check_out_closes_the_conversation, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    socket.subscribe(stay.id).await;
    let checked_out = manager.post_empty(format!("stays/{}/check_out/", stay.id)).await.is(200);
    assert!(is_time(&checked_out["checked_out_at"]) && checked_out["checked_in_at"].is_null(), "{checked_out}");
    assert_eq!(socket.expect("conversation_updated").await["conversation"]["status"], "closed");
    // Department and assignee are kept, and the audit log names the manager.
    let closed = manager.get(stay.path("")).await.is(200);
    assert_eq!((&closed["status"], &closed["department_name"]), (&json!("closed"), &json!(hotel.departments[0].name)));
    let rows = "SELECT count(*) FROM audit WHERE action = 'closed' AND before = 'relay'";
    let by_manager = format!("{rows} AND conversation_id = {} AND actor = {}", stay.conversation, manager.id);
    assert_eq!(hotel.world.number(&by_manager), 1);
    // The guest still writes into this conversation; a reopened conversation stays open.
    let received = hotel.send_guest_message(&stay.phone, "I forgot my umbrella").await;
    assert_eq!((&received["stay_id"], &received["conversation_id"]), (&json!(stay.id), &json!(stay.conversation)));
    assert_eq!(manager.get(stay.path("")).await.is(200)["status"], "active");
    manager.post(stay.path("start_relay/"), json!({ "department_id": hotel.departments[0].id })).await.is(200);
    socket.events_so_far(&hotel).await;
    for action in ["check_out", "check_in"] {
        let again = manager.post_empty(format!("stays/{}/{action}/", stay.id)).await.is(200);
        assert_eq!(again, checked_out, "{action}");
    }
    let events = socket.events_so_far(&hotel).await;
    assert!(event_types(&events).is_empty(), "{events:?}");
    assert_eq!(manager.get(stay.path("")).await.is(200)["status"], "relay");
});

on_both!(check_out_without_conversation_or_check_in_works, |hotel| {
    let manager = hotel.manager().await;
    let stay = create_stay(&manager, &booking(&hotel)).await;
    manager.post_empty(stay_path(&stay, "check_out/")).await.is(200);
    assert_eq!(find_conversation(&manager, &stay).await, None);
    let conversation = conversation_of(&hotel, &manager, &stay["guest_phone"]).await;
    assert_eq!((&conversation["status"], &conversation["stay_id"]), (&json!("active"), &stay["id"]));
});
