//! Guests arrive, and leave.

use acceptance::{Hotel, Socket, Staff, Value, json, on_both};

use super::{booked, booking, conversation_of, path, with};
use crate::is_time;

/// Of what came, the types.
fn types(came: &[Value]) -> Vec<&str> {
    came.iter().map(|it| it["type"].as_str().unwrap()).collect()
}

/// The conversation of a stay, in full.
async fn shown(client: &Staff, stay: &Value) -> Option<Value> {
    let all = client.get("conversations/?status=demo,checkin,active,relay,closed&page_size=100").await.is(200);
    let found = all["results"].as_array().unwrap().iter().find(|it| it["stay_id"] == stay["id"]).cloned();
    Some(client.get(format!("conversations/{}/", found?["id"])).await.is(200))
}

/// A stay that has not begun, and its conversation.
async fn waiting(hotel: &Hotel, manager: &Staff) -> (Value, Value) {
    let stay = booked(manager, &with(&booking(hotel), &json!({ "check_in": "2098-12-01" }))).await;
    let conversation = conversation_of(hotel, manager, &stay["guest_phone"]).await;
    assert_eq!(conversation["status"], "checkin");
    (stay, conversation)
}

on_both!(who_checks_in_has_a_conversation, |hotel| {
    let (manager, mut socket) = (hotel.manager().await, Socket::open(&hotel.of(0).await).await);
    let stay = booked(&manager, &booking(&hotel)).await;
    assert_eq!(shown(&manager, &stay).await, None);
    let checked_in = manager.post_empty(path(&stay, "check_in/")).await.is(200);
    assert!(is_time(&checked_in["checked_in_at"]), "{checked_in}");
    assert_eq!(checked_in, with(&stay, &json!({ "checked_in_at": checked_in["checked_in_at"] })));
    let told = socket.expect("new_conversation").await;
    assert_eq!((&told["stay_id"], &told["guest_name"]), (&stay["id"], &stay["guest_name"]));
    let conversation = shown(&manager, &stay).await.unwrap();
    assert_eq!((&conversation["id"], &conversation["status"]), (&told["conversation_id"], &json!("active")));
    assert_eq!((&conversation["last_message"], &conversation["room_number"]), (&json!(null), &stay["room_number"]));
    // Again, it is done already.
    assert_eq!(manager.post_empty(path(&stay, "check_in/")).await.is(200), checked_in);
    socket.nothing(&hotel).await;
    assert_eq!(conversation_of(&hotel, &manager, &stay["guest_phone"]).await["id"], conversation["id"]);
});

on_both!(who_checks_in_early_talks_with_the_flow, |hotel| {
    let manager = hotel.manager().await;
    let (stay, conversation) = waiting(&hotel, &manager).await;
    let mut socket = Socket::open(&manager).await;
    socket.subscribe(stay["id"].as_i64().unwrap()).await;
    manager.post_empty(path(&stay, "check_in/")).await.is(200);
    let updated = socket.expect("conversation_updated").await;
    assert_eq!(
        (&updated["conversation_id"], &updated["conversation"]["status"]),
        (&conversation["id"], &json!("active"))
    );
    // Who stays on beyond their last day is still here.
    let late = booked(&manager, &with(&booking(&hotel), &json!({ "check_out": "2020-02-01" }))).await;
    manager.post_empty(path(&late, "check_in/")).await.is(200);
    assert_eq!(conversation_of(&hotel, &manager, &late["guest_phone"]).await["stay_id"], late["id"]);
});

on_both!(what_a_department_has_stays_there, |hotel| {
    let manager = hotel.manager().await;
    let department = json!({ "department_id": hotel.departments[0].id });
    for (close, wanted) in [(false, "relay"), (true, "closed")] {
        let (stay, conversation) = waiting(&hotel, &manager).await;
        manager.post(format!("conversations/{}/start_relay/", conversation["id"]), department.clone()).await.is(200);
        if close {
            manager.post_empty(format!("conversations/{}/close/", conversation["id"])).await.is(200);
        }
        let before = shown(&manager, &stay).await;
        manager.post_empty(path(&stay, "check_in/")).await.is(200);
        assert_eq!(shown(&manager, &stay).await, before);
        assert_eq!(before.unwrap()["status"], wanted);
    }
    // A closed one that no department has is open again.
    let (stay, conversation) = waiting(&hotel, &manager).await;
    manager.post_empty(format!("conversations/{}/close/", conversation["id"])).await.is(200);
    manager.post_empty(path(&stay, "check_in/")).await.is(200);
    assert_eq!(shown(&manager, &stay).await.unwrap()["status"], "active");
});

on_both!(who_checks_out_has_a_closed_conversation, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let mut socket = Socket::open(&hotel.of(0).await).await;
    socket.subscribe(stay.id).await;
    let checked_out = manager.post_empty(format!("stays/{}/check_out/", stay.id)).await.is(200);
    assert!(is_time(&checked_out["checked_out_at"]) && checked_out["checked_in_at"].is_null(), "{checked_out}");
    assert_eq!(socket.expect("conversation_updated").await["conversation"]["status"], "closed");
    // It is closed as by a staff member: where it was, and by whom is written down.
    let closed = manager.get(stay.path("")).await.is(200);
    assert_eq!((&closed["status"], &closed["department_name"]), (&json!("closed"), &json!(hotel.departments[0].name)));
    let rows = "SELECT count(*) FROM audit WHERE action = 'closed' AND before = 'relay'";
    let by_manager = format!("{rows} AND conversation_id = {} AND actor = {}", stay.conversation, manager.id);
    assert_eq!(hotel.world.number(&by_manager), 1);
    // It is still the guest's for a while; and what was opened again stays open.
    let told = hotel.guest_says(&stay.phone, "I forgot my umbrella").await;
    assert_eq!((&told["stay_id"], &told["conversation_id"]), (&json!(stay.id), &json!(stay.conversation)));
    assert_eq!(manager.get(stay.path("")).await.is(200)["status"], "active");
    manager.post(stay.path("start_relay/"), json!({ "department_id": hotel.departments[0].id })).await.is(200);
    socket.so_far(&hotel).await;
    for word in ["check_out", "check_in"] {
        let again = manager.post_empty(format!("stays/{}/{word}/", stay.id)).await.is(200);
        assert_eq!(again, checked_out, "{word}");
    }
    let came = socket.so_far(&hotel).await;
    assert!(types(&came).is_empty(), "{came:?}");
    assert_eq!(manager.get(stay.path("")).await.is(200)["status"], "relay");
});

on_both!(who_never_wrote_checks_out_too, |hotel| {
    let manager = hotel.manager().await;
    let stay = booked(&manager, &booking(&hotel)).await;
    manager.post_empty(path(&stay, "check_out/")).await.is(200);
    assert_eq!(shown(&manager, &stay).await, None);
    let talk = conversation_of(&hotel, &manager, &stay["guest_phone"]).await;
    assert_eq!((&talk["status"], &talk["stay_id"]), (&json!("active"), &stay["id"]));
});
