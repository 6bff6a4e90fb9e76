//! The guest card: a guest with stays and visible conversations, note and language.

use acceptance::{StaffClient, TestHotel, TestStay, Value, json, on_both};

use crate::{ids, is_time, keys};

/// The path of the guest of a stay.
async fn guest_path(hotel: &TestHotel, stay: &TestStay) -> String {
    let stays = hotel.manager().await.get("stays/?page_size=100").await.is(200);
    let found = stays["results"].as_array().unwrap().iter().find(|it| it["id"] == stay.id);
    format!("guests/{}/", found.expect("no such stay")["guest_id"])
}

async fn card(client: &StaffClient, path: &str) -> Value {
    client.get(path).await.is(200)
}

on_both!(the_card_shows_stays_and_visible_conversations, |hotel| {
    let (manager, own, other, stay) = (hotel.manager().await, hotel.of(0).await, hotel.of(1).await, hotel.relay(0));
    let path = guest_path(&hotel, &stay).await;
    let shown = card(&own, &path).await;
    let all = ["conversations", "created_at", "id", "language", "name", "note", "phone", "stays", "wa_id"];
    assert_eq!(keys(&shown), all);
    assert_eq!((&shown["phone"], &shown["note"], &shown["language"]), (&json!(stay.phone), &json!(null), &json!(null)));
    assert!(is_time(&shown["created_at"]), "{shown}");
    assert_eq!(shown["name"], manager.get(stay.path("")).await.is(200)["guest_name"]);
    let conversation = &shown["conversations"][0];
    assert_eq!(keys(conversation), ["id", "last_message_at", "status", "stay_id"]);
    assert_eq!((&conversation["id"], &conversation["status"]), (&json!(stay.conversation), &json!("relay")));
    assert!(is_time(&conversation["last_message_at"]), "{shown}");
    let of_stay = manager.get("stays/?page_size=100").await.is(200);
    let of_stay = of_stay["results"].as_array().unwrap().iter().find(|it| it["id"] == stay.id).unwrap().clone();
    assert_eq!(shown["stays"], json!([of_stay]));
    // Another department sees the guest and the stay, but nothing of the conversation.
    own.post(stay.path("notes/"), json!({ "text": "a secret of the department" })).await.is(201);
    let elsewhere = card(&other, &path).await;
    assert_eq!((&elsewhere["conversations"], &elsewhere["stays"][0]["conversation_id"]), (&json!([]), &json!(null)));
    assert_eq!((&elsewhere["stays"][0]["id"], &elsewhere["name"]), (&json!(stay.id), &shown["name"]));
    assert!(!elsewhere.to_string().contains("secret"), "{elsewhere}");
    hotel.world.hotel().manager().await.get(&path).await.problem(404, "not_found");
    manager.get("guests/9000000000/").await.problem(404, "not_found");
    hotel.system().get(&path).await.problem(403, "forbidden");
});

on_both!(a_guest_without_stay_is_visible_with_the_conversation, |hotel| {
    let (manager, own, other) = (hotel.manager().await, hotel.of(0).await, hotel.of(1).await);
    let phone = hotel.unused_phone();
    let sent = hotel.send_guest_message(&phone, "Do you have a pool?").await;
    let conversation = sent["conversation_id"].as_i64().unwrap();
    let of_conversation = format!("SELECT guest_id FROM conversations WHERE id = {conversation}");
    let path = format!("guests/{}/", hotel.world.number(&of_conversation));
    let shown = card(&other, &path).await;
    assert_eq!((&shown["name"], &shown["stays"]), (&json!(phone), &json!([])));
    assert_eq!(ids(&shown["conversations"]), [conversation]);
    let body = json!({ "department_id": hotel.departments[0].id });
    manager.post(format!("conversations/{conversation}/start_relay/"), body).await.is(200);
    other.get(&path).await.problem(404, "not_found");
    other.patch(&path, json!({ "note": "x" })).await.problem(404, "not_found");
    card(&own, &path).await;
});

on_both!(note_and_language_are_changed, |hotel| {
    let (manager, staff, stay) = (hotel.manager().await, hotel.of(0).await, hotel.relay(0));
    let path = guest_path(&hotel, &stay).await;
    let change = json!({ "note": " Vegan\nNuts! ", "language": "PT-br" });
    let changed = manager.patch(&path, change).await.is(200);
    assert_eq!((&changed["note"], &changed["language"]), (&json!("Vegan\nNuts!"), &json!("pt-BR")));
    assert_eq!(card(&staff, &path).await["note"], "Vegan\nNuts!");
    let changed = manager.patch(&path, json!({ "language": null })).await.is(200);
    assert_eq!((&changed["note"], &changed["language"]), (&json!("Vegan\nNuts!"), &json!(null)));
    assert_eq!(manager.patch(&path, json!({ "note": "é".repeat(2000) })).await.is(200)["note"], "é".repeat(2000));
    for (field, value) in [
        ("note", json!("x".repeat(2001))),
        ("note", json!("a\0")),
        ("note", json!(1)),
        ("language", json!("English")),
        ("language", json!("en_GB")),
        ("language", json!("")),
        ("language", json!("xx")),
    ] {
        assert_eq!(manager.patch(&path, json!({ field: value })).await.bad_fields(), [field], "{value}");
    }
    assert_eq!(manager.patch(&path, json!({ "note": " " })).await.is(200)["note"], json!(null));
    let audited = format!("SELECT count(*) FROM audit WHERE hotel_id = {} AND action = 'guest_changed'", hotel.id);
    assert_eq!(hotel.world.number(&audited), 4);
    // The audit log contains nothing of the note.
    assert_eq!(hotel.world.number(&format!("{audited} AND after LIKE '%Vegan%'")), 0);
});
