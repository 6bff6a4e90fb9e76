//! Cancelled and no-show stays, their reversal, and stays without room or phone number.

use acceptance::{ApiClient, TestHotel, TestSocket, Value, json, on_both};

use super::{booking, conversation_of, create_stay, stay_path, with_fields};

async fn change_status(client: &ApiClient, stay: &Value, call: &str) -> Value {
    client.post_empty(stay_path(stay, call)).await.is(200)["status"].clone()
}

async fn status_of_conversation(client: &ApiClient, conversation: &Value) -> Value {
    client.get(format!("conversations/{}/", conversation["id"])).await.is(200)["status"].clone()
}

on_both!(a_cancelled_stay_is_no_longer_the_guests, |hotel| {
    let manager = hotel.manager().await;
    let stay = create_stay(&manager, &booking(&hotel)).await;
    let conversation = conversation_of(&hotel, &manager, &stay["guest_phone"]).await;
    let mut inbox = TestSocket::open(&hotel.of(0).await).await.with_side_events();
    inbox.subscribe_to_inbox().await;
    assert_eq!(change_status(&manager, &stay, "cancel/").await, "cancelled");
    assert_eq!(inbox.expect("conversation_updated").await["conversation"]["status"], "closed");
    assert_eq!(inbox.expect("stay_updated").await["stay"]["status"], "cancelled");
    assert_eq!(status_of_conversation(&manager, &conversation).await, "closed");
    let ids = |found: Value| crate::ids(&found["results"]);
    for query in ["current=true", "arriving=true", "status=booked,no_show"] {
        let found = manager.get(format!("stays/?{query}&page_size=100")).await.is(200);
        assert!(!ids(found).contains(&stay["id"].as_i64().unwrap()), "{query}");
    }
    let cancelled = manager.get("stays/?status=cancelled").await.is(200);
    assert_eq!(ids(cancelled), [stay["id"].as_i64().unwrap()]);
    manager.get("stays/?status=gone").await.problem(400, "invalid");
    // The guest writes without stay, also within 14 days.
    let elsewhere = conversation_of(&hotel, &manager, &stay["guest_phone"]).await;
    assert_eq!((&elsewhere["stay_id"], &elsewhere["status"]), (&json!(null), &json!("demo")));
    // A repetition changes nothing, other changes are refused.
    inbox.events_so_far(&hotel).await;
    assert_eq!(change_status(&manager, &stay, "cancel/").await, "cancelled");
    for call in ["no_show/", "check_in/", "check_out/"] {
        manager.post_empty(stay_path(&stay, call)).await.problem(409, "not_allowed_now");
    }
    let events = inbox.events_so_far(&hotel).await;
    assert!(events.iter().all(|event| event["type"] != "stay_updated"), "{events:?}");
    // Reinstated, the stay is the guest's again.
    assert_eq!(change_status(&manager, &stay, "reinstate/").await, "booked");
    assert_eq!(change_status(&manager, &stay, "reinstate/").await, "booked");
    let again = conversation_of(&hotel, &manager, &stay["guest_phone"]).await;
    assert_eq!((&again["id"], &again["status"]), (&conversation["id"], &json!("active")));
    assert_eq!(change_status(&manager, &stay, "check_in/").await, "checked_in");
    for call in ["cancel/", "no_show/", "reinstate/"] {
        manager.post_empty(stay_path(&stay, call)).await.problem(409, "not_allowed_now");
    }
});

on_both!(a_department_keeps_the_conversation_of_a_cancelled_stay, |hotel| {
    let manager = hotel.manager().await;
    let stay = create_stay(&manager, &booking(&hotel)).await;
    let conversation = conversation_of(&hotel, &manager, &stay["guest_phone"]).await;
    let relay = json!({ "department_id": hotel.departments[0].id });
    manager.post(format!("conversations/{}/start_relay/", conversation["id"]), relay).await.is(200);
    assert_eq!(change_status(&manager, &stay, "no_show/").await, "no_show");
    assert_eq!(status_of_conversation(&manager, &conversation).await, "relay");
});

on_both!(the_first_stay_that_takes_place_gets_the_guests_conversation, |hotel| {
    let manager = hotel.manager().await;
    let phone = json!(hotel.unused_phone());
    let demo = conversation_of(&hotel, &manager, &phone).await;
    let header = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out,status";
    let row =
        |status: &str| format!("{header}\nR-9,Ana,{},7,2020-01-01,2099-01-01,{status}\n", phone.as_str().unwrap());
    assert_eq!(hotel.import(&row("cancelled"))["rows"][0]["result"], "created");
    assert_eq!(status_of_conversation(&manager, &demo).await, "demo");
    assert_eq!(hotel.import(&row("confirmed"))["rows"][0]["result"], "updated");
    let now = conversation_of(&hotel, &manager, &phone).await;
    assert_eq!((&now["id"], &now["room_number"], &now["status"]), (&demo["id"], &json!("7"), &json!("active")));
});

on_both!(a_stay_without_phone_has_no_guest_until_it_gets_one, |hotel| {
    let manager = hotel.manager().await;
    let unknown = with_fields(&booking(&hotel), &json!({ "guest_phone": null, "room_number": null }));
    let stay = create_stay(&manager, &unknown).await;
    assert_eq!(
        (&stay["guest_phone"], &stay["room_number"], &stay["guest_id"]),
        (&json!(null), &json!(null), &json!(null))
    );
    manager.post_empty(stay_path(&stay, "conversation/")).await.problem(409, "no_guest_number");
    assert_eq!(change_status(&manager, &stay, "check_in/").await, "checked_in");
    assert_eq!(manager.get(stay_path(&stay, "")).await.is(200)["conversation_id"], json!(null));
    let phone = hotel.unused_phone();
    let demo = conversation_of(&hotel, &manager, &json!(phone)).await;
    let wishes = json!({
        "guest_phone": phone, "room_number": "7", "email": " ana@example.com ", "language": "pt-br", "note": "Late",
    });
    let named = manager.patch(stay_path(&stay, ""), wishes).await.is(200);
    assert_eq!((&named["email"], &named["language"]), (&json!("ana@example.com"), &json!("pt-BR")));
    assert_eq!((&named["conversation_id"], &named["note"]), (&demo["id"], &json!("Late")));
    assert!(named["guest_id"].is_i64(), "{named}");
    // The number of a stay with a conversation can be replaced, not removed.
    manager.patch(stay_path(&stay, ""), json!({ "guest_phone": null })).await.problem(409, "not_allowed_now");
    let cleared = json!({ "room_number": null, "email": null, "language": null, "note": "" });
    let cleared = manager.patch(stay_path(&stay, ""), cleared).await.is(200);
    for key in ["room_number", "email", "language", "note"] {
        assert_eq!(cleared[key], json!(null), "{key}");
    }
    let other = create_stay(&manager, &booking(&hotel)).await;
    let without = manager.patch(stay_path(&other, ""), json!({ "guest_phone": null })).await.is(200);
    assert_eq!((&without["guest_phone"], &without["guest_id"]), (&json!(null), &json!(null)));
});

on_both!(a_code_may_have_several_parts, |hotel| {
    let manager = hotel.manager().await;
    let first = create_stay(&manager, &booking(&hotel)).await;
    let same_code = json!({ "reservation_code": first["reservation_code"], "guest_phone": null });
    let second = with_fields(&booking(&hotel), &same_code);
    assert_eq!(manager.post("stays/", second.clone()).await.bad_fields(), ["reservation_code"]);
    let second = create_stay(&manager, &with_fields(&second, &json!({ "part": 2 }))).await;
    assert_eq!((&first["part"], &second["part"]), (&json!(1), &json!(2)));
    assert_eq!(manager.patch(stay_path(&second, ""), json!({ "part": 1 })).await.bad_fields(), ["reservation_code"]);
    let found = manager.get(format!("stays/?reservation_code={}", first["reservation_code"].as_str().unwrap())).await;
    assert_eq!(found.is(200)["count"], 2);
});

on_both!(an_api_key_cancels_and_does_not_reinstate, |hotel| {
    let (manager, key) = (hotel.manager().await, api_key(&hotel));
    let stay = create_stay(&manager, &booking(&hotel)).await;
    assert_eq!(change_status(&key, &stay, "cancel/").await, "cancelled");
    for call in ["no_show/", "reinstate/"] {
        key.post_empty(stay_path(&stay, call)).await.problem(403, "forbidden");
    }
});

fn api_key(hotel: &TestHotel) -> ApiClient {
    let made = hotel.world.run(&["api-key", "create", "--hotel", &hotel.id.to_string(), "--name", "bookings"]).json();
    hotel.anonymous().with("authorization", &format!("Bearer {}", made["key"].as_str().unwrap()))
}
