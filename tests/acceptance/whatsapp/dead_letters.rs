//! Dead letters: webhook input that cannot be processed is stored, counted and can be retried.

use std::time::Duration;

use acceptance::{
    Value, WhatsappHotel, WhatsappWorld, WorldOptions, json, on_both, unique,
    whatsapp::{change, envelope, message, text},
};

use super::{count_conversations, digits, guest_texts, id};
use crate::metrics::wait_for_metric;

/// The dead letters that `parked list` prints.
fn dead_letters(whatsapp: &WhatsappWorld) -> Vec<Value> {
    whatsapp.world.run(&["parked", "list"]).json()["parked"].as_array().unwrap().clone()
}

/// Waits until the metric, which may be a second old, shows this number of dead letters.
async fn wait_for_dead_letters(line: &WhatsappHotel, count: f64) {
    wait_for_metric(&line.world, "whatsapp_parked ", Duration::from_secs(5), |it| it == count).await;
}

on_both!(messages_for_an_unknown_number_are_stored_and_retried_for_a_named_hotel, whatsapp WorldOptions::default() => |whatsapp| {
    let (line, other) = (whatsapp.line(), whatsapp.line());
    let (phone, unknown_number) = (line.unused_phone(), "999000000000001");
    let to_nobody = envelope(vec![change(unknown_number, json!({ "messages": [text(digits(&phone), "to nobody")] }))]);
    wait_for_dead_letters(&line, 0.0).await;
    // Delivery receipts for an unknown number are useless later, so they are only counted.
    let status = json!({ "id": unique("wamid.s"), "status": "sent", "timestamp": "1793000000", "recipient_id": "1" });
    line.post(&envelope(vec![change(unknown_number, json!({ "statuses": [status] }))])).await.is(200);
    let metrics = line.anonymous().get("/metrics").await.text();
    assert!(metrics.contains("whatsapp_unknown_receipts_total 1"), "{metrics}");
    wait_for_dead_letters(&line, 0.0).await;
    line.post(&to_nobody).await.is(200);
    assert_eq!((count_conversations(&line, digits(&phone)).await, count_conversations(&other, digits(&phone)).await), (0, 0));
    wait_for_dead_letters(&line, 1.0).await;
    let all = dead_letters(&whatsapp);
    assert_eq!((all.len(), &all[0]["phone_number_id"], &all[0]["hotel_id"]), (1, &json!(unknown_number), &Value::Null));
    assert!(all[0].get("raw").is_none(), "{all:?}");
    let number = all[0]["id"].to_string();
    let shown = whatsapp.world.run(&["parked", "show", &number]).json();
    assert!(shown["raw"].as_str().unwrap().contains("to nobody"), "{shown}");
    // Without `--hotel` the retry fails, even if a hotel has the number now.
    let hotel = other.id.to_string();
    assert!(!whatsapp.world.run(&["parked", "retry", &number]).fails(1).is_empty());
    whatsapp.world.run(&["hotel", "set", &hotel, "--whatsapp-phone-number-id", unknown_number]).json();
    assert!(!whatsapp.world.run(&["parked", "retry", &number]).fails(1).is_empty());
    assert!(!whatsapp.world.run(&["parked", "retry", &number, "--hotel", "999999"]).fails(1).is_empty());
    assert_eq!((count_conversations(&line, digits(&phone)).await, dead_letters(&whatsapp).len()), (0, 1));
    let named = line.id.to_string();
    let done = whatsapp.world.run(&["parked", "retry", &number, "--hotel", &named]).json();
    assert_eq!(done, json!({ "messages": 1, "reports": 0, "parked": 0 }));
    assert_eq!((count_conversations(&line, digits(&phone)).await, count_conversations(&other, digits(&phone)).await), (1, 0));
    assert!(dead_letters(&whatsapp).is_empty());
    wait_for_dead_letters(&line, 0.0).await;
    assert!(!whatsapp.world.run(&["parked", "retry", &number, "--hotel", &named]).fails(1).is_empty());
    assert!(!whatsapp.world.run(&["parked", "show", &number]).fails(1).is_empty());
    // The redelivered message is already stored.
    line.post(&to_nobody).await.is(200);
    let conversation = line.conversation(digits(&phone)).await;
    assert_eq!(guest_texts(&line, id(&conversation)).await, ["to nobody"]);
});

on_both!(invalid_updates_do_not_affect_valid_ones_in_the_same_body, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let phone = line.unused_phone();
    let from = digits(&phone);
    let broken = [
        json!("a text"),
        json!(7),
        json!(null),
        json!([]),
        json!({}),
        message(from, json!({ "id": null, "type": "text", "text": { "body": "no id" } })),
        message(from, json!({ "type": null, "text": { "body": "no type" } })),
        message(from, json!({ "timestamp": "soon", "type": "text", "text": { "body": "no time" } })),
        message(from, json!({ "timestamp": null, "type": "text", "text": { "body": "no time" } })),
        message(from, json!({ "group_id": "1", "type": "text", "text": { "body": "of a group" } })),
        json!({ "id": "wamid.nobody", "timestamp": "1793000000", "type": "text", "text": { "body": "of nobody" } }),
    ];
    let mut messages: Vec<Value> = vec![text(from, "before")];
    messages.extend(broken.iter().cloned());
    messages.push(text(from, "after"));
    let contacts = json!([{ "profile": { "name": "Ada" }, "wa_id": from }, 7, null]);
    let change = change(&line.number, json!({ "contacts": contacts, "messages": messages, "statuses": [7, {}] }));
    let others = [json!(7), json!({}), json!({ "field": "messages" }), json!({ "field": "messages", "value": {} })];
    let mut body = envelope(others.iter().cloned().chain([change]).collect());
    let entry = body["entry"][0].clone();
    body["entry"] = json!([7, {}, entry, { "id": "1", "changes": 7 }]);
    line.post(&body).await.is(200);
    let conversation = line.conversation(from).await;
    assert_eq!(guest_texts(&line, id(&conversation)).await, ["before", "after"]);
    let all = dead_letters(&whatsapp);
    assert_eq!(all.len(), broken.len() + 2 + others.len() + 3, "{all:?}");
    for it in &all {
        assert!(it["reason"].as_str().is_some_and(|it| !it.is_empty()), "{it}");
    }
    wait_for_dead_letters(&line, all.len() as f64).await;
    // An update that still cannot be processed becomes a dead letter again.
    let known = all.iter().find(|it| it["reason"].as_str().unwrap().contains("time")).unwrap();
    let hotel = line.id.to_string();
    let done = whatsapp.world.run(&["parked", "retry", &known["id"].to_string(), "--hotel", &hotel]).json();
    assert_eq!(done, json!({ "messages": 0, "reports": 0, "parked": 1 }));
    assert_eq!(dead_letters(&whatsapp).len(), all.len());
});

on_both!(an_unparsable_body_is_stored_as_one_dead_letter, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let bodies: [&[u8]; 7] = [
        b"",
        b"[]",
        b"null",
        b"{\"object\":\"whatsapp_business_account\"",
        b"{\"object\":\"page\",\"entry\":[]}",
        b"{\"object\":\"whatsapp_business_account\",\"entry\":7}",
        b"\xff\xfe\x00\x01",
    ];
    for body in bodies {
        assert_eq!(line.post_bytes(body.to_vec()).await.status, 200, "{body:?}");
    }
    // More updates than Meta ever puts into one body.
    let phone = line.unused_phone();
    let many: Vec<Value> = (0..1001).map(|it| text(digits(&phone), &it.to_string())).collect();
    line.post(&line.body(&many)).await.is(200);
    let all = dead_letters(&whatsapp);
    assert_eq!(all.len(), 8, "{all:?}");
    let after = all[3]["id"].to_string();
    assert_eq!(whatsapp.world.run(&["parked", "list", "--after", &after]).json()["parked"].as_array().unwrap().len(), 4);
    let hotel = line.id.to_string();
    assert!(!whatsapp.world.run(&["parked", "retry", &after, "--hotel", &hotel]).fails(1).is_empty());
    assert_eq!((dead_letters(&whatsapp).len(), count_conversations(&line, digits(&phone)).await), (8, 0));
});

on_both!(other_webhook_fields_are_ignored, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let phone = line.unused_phone();
    let mut changes: Vec<Value> = ["message_template_status_update", "account_update", "smb_message_echoes", "history", "calls", "a_new_one"]
        .iter()
        .map(|field| json!({ "field": field, "value": { "messages": [text(digits(&phone), "not for us")] } }))
        .collect();
    changes.push(change(&line.number, json!({ "errors": [{ "code": 130429, "title": "Rate limit hit" }] })));
    changes.push(line.change(&[text(digits(&phone), "for us")]));
    line.post(&envelope(changes)).await.is(200);
    let conversation = line.conversation(digits(&phone)).await;
    assert_eq!(guest_texts(&line, id(&conversation)).await, ["for us"]);
    assert_eq!(dead_letters(&whatsapp), [] as [Value; 0]);
});

on_both!(a_dead_letter_stays_with_the_hotel_of_its_arrival, whatsapp WorldOptions::default() => |whatsapp| {
    let (line, other) = (whatsapp.line(), whatsapp.line());
    let phone = line.unused_phone();
    let soon = message(digits(&phone), json!({ "timestamp": "soon", "type": "text", "text": { "body": "when" } }));
    line.deliver_messages(&[soon]).await;
    let all = dead_letters(&whatsapp);
    assert_eq!((all.len(), &all[0]["hotel_id"]), (1, &json!(line.id)));
    // The number now belongs to another hotel; the dead letter stays with the hotel that had the number when it
    // arrived.
    let (first, second) = (line.id.to_string(), other.id.to_string());
    whatsapp.world.run(&["hotel", "set", &first, "--whatsapp-phone-number-id", "999000000000002"]).json();
    whatsapp.world.run(&["hotel", "set", &second, "--whatsapp-phone-number-id", &line.number]).json();
    whatsapp.world.run(&["parked", "retry", &all[0]["id"].to_string()]).json();
    let again = dead_letters(&whatsapp);
    assert_eq!((again.len(), &again[0]["hotel_id"]), (1, &json!(line.id)), "{again:?}");
});

on_both!(test_messages_of_metas_page_are_not_parked, line => |line| {
    let test = message("16315551181", json!({ "type": "text", "text": { "body": "this is a text message" } }));
    line.post(&envelope(vec![change("123456123", json!({ "messages": [test] }))])).await.is(200);
    let parked = line.world.run(&["parked", "list"]).json();
    assert!(!parked.to_string().contains("123456123"), "{parked}");
});
