//! What cannot be processed is kept, counted, and can be tried again.

use std::time::Duration;

use acceptance::{
    Line, Options, Value, Whatsapp, json, on_both, unique,
    whatsapp::{change, envelope, message, text},
};

use super::{count, digits, id, written};
use crate::figures::figure_is;

/// What is parked, by the command line.
fn parked(it: &Whatsapp) -> Vec<Value> {
    it.world.run(&["parked", "list"]).json()["parked"].as_array().unwrap().clone()
}

/// So many updates are parked, as the metric says, which may be a second old.
async fn metric_is(line: &Line, count: f64) {
    figure_is(&line.world, "whatsapp_parked ", Duration::from_secs(5), |it| it == count).await;
}

on_both!(a_number_of_no_hotel_is_parked_and_retried_for_whom_one_names, whatsapp Options::default() => |it| {
    let (line, other) = (it.line(), it.line());
    let (phone, nobodys) = (line.new_phone(), "999000000000001");
    let to_nobody = envelope(vec![change(nobodys, json!({ "messages": [text(digits(&phone), "to nobody")] }))]);
    metric_is(&line, 0.0).await;
    // What became of messages of nobody's is no use later.
    let status = json!({ "id": unique("wamid.s"), "status": "sent", "timestamp": "1793000000", "recipient_id": "1" });
    line.post(&envelope(vec![change(nobodys, json!({ "statuses": [status] }))])).await.is(200);
    let metrics = line.nobody().get("/metrics").await.text();
    assert!(metrics.contains("whatsapp_unknown_reports_total 1"), "{metrics}");
    metric_is(&line, 0.0).await;
    line.post(&to_nobody).await.is(200);
    assert_eq!((count(&line, digits(&phone)).await, count(&other, digits(&phone)).await), (0, 0));
    metric_is(&line, 1.0).await;
    let all = parked(&it);
    assert_eq!((all.len(), &all[0]["phone_number_id"], &all[0]["hotel_id"]), (1, &json!(nobodys), &Value::Null));
    assert!(all[0].get("raw").is_none(), "{all:?}");
    let number = all[0]["id"].to_string();
    let shown = it.world.run(&["parked", "show", &number]).json();
    assert!(shown["raw"].as_str().unwrap().contains("to nobody"), "{shown}");
    // Nobody is named: also where a hotel has the number now.
    let hotel = other.id.to_string();
    assert!(!it.world.run(&["parked", "retry", &number]).fails(1).is_empty());
    it.world.run(&["hotel", "set", &hotel, "--whatsapp-phone-number-id", nobodys]).json();
    assert!(!it.world.run(&["parked", "retry", &number]).fails(1).is_empty());
    assert!(!it.world.run(&["parked", "retry", &number, "--hotel", "999999"]).fails(1).is_empty());
    assert_eq!((count(&line, digits(&phone)).await, parked(&it).len()), (0, 1));
    let named = line.id.to_string();
    let done = it.world.run(&["parked", "retry", &number, "--hotel", &named]).json();
    assert_eq!(done, json!({ "messages": 1, "reports": 0, "parked": 0 }));
    assert_eq!((count(&line, digits(&phone)).await, count(&other, digits(&phone)).await), (1, 0));
    assert!(parked(&it).is_empty());
    metric_is(&line, 0.0).await;
    assert!(!it.world.run(&["parked", "retry", &number, "--hotel", &named]).fails(1).is_empty());
    assert!(!it.world.run(&["parked", "show", &number]).fails(1).is_empty());
    // Meta comes again: it is there already.
    line.post(&to_nobody).await.is(200);
    let talk = line.conversation(digits(&phone)).await;
    assert_eq!(written(&line, id(&talk)).await, ["to nobody"]);
});

on_both!(what_is_broken_spoils_nothing_beside_it, whatsapp Options::default() => |it| {
    let line = it.line();
    let phone = line.new_phone();
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
    let talk = line.conversation(from).await;
    assert_eq!(written(&line, id(&talk)).await, ["before", "after"]);
    let all = parked(&it);
    assert_eq!(all.len(), broken.len() + 2 + others.len() + 3, "{all:?}");
    for it in &all {
        assert!(it["reason"].as_str().is_some_and(|it| !it.is_empty()), "{it}");
    }
    metric_is(&line, all.len() as f64).await;
    // What is not understood now is parked once more, and no message is made up.
    let known = all.iter().find(|it| it["reason"].as_str().unwrap().contains("time")).unwrap();
    let hotel = line.id.to_string();
    let done = it.world.run(&["parked", "retry", &known["id"].to_string(), "--hotel", &hotel]).json();
    assert_eq!(done, json!({ "messages": 0, "reports": 0, "parked": 1 }));
    assert_eq!(parked(&it).len(), all.len());
});

on_both!(a_body_that_is_none_is_parked_whole, whatsapp Options::default() => |it| {
    let line = it.line();
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
    // More than Meta ever puts into one.
    let phone = line.new_phone();
    let many: Vec<Value> = (0..1001).map(|it| text(digits(&phone), &it.to_string())).collect();
    line.post(&line.body(&many)).await.is(200);
    let all = parked(&it);
    assert_eq!(all.len(), 8, "{all:?}");
    let after = all[3]["id"].to_string();
    assert_eq!(it.world.run(&["parked", "list", "--after", &after]).json()["parked"].as_array().unwrap().len(), 4);
    let hotel = line.id.to_string();
    assert!(!it.world.run(&["parked", "retry", &after, "--hotel", &hotel]).fails(1).is_empty());
    assert_eq!((parked(&it).len(), count(&line, digits(&phone)).await), (8, 0));
});

on_both!(other_fields_are_none_of_our_business, whatsapp Options::default() => |it| {
    let line = it.line();
    let phone = line.new_phone();
    let mut changes: Vec<Value> = ["message_template_status_update", "account_update", "smb_message_echoes", "history", "calls", "a_new_one"]
        .iter()
        .map(|field| json!({ "field": field, "value": { "messages": [text(digits(&phone), "not for us")] } }))
        .collect();
    changes.push(change(&line.number, json!({ "errors": [{ "code": 130429, "title": "Rate limit hit" }] })));
    changes.push(line.change(&[text(digits(&phone), "for us")]));
    line.post(&envelope(changes)).await.is(200);
    let talk = line.conversation(digits(&phone)).await;
    assert_eq!(written(&line, id(&talk)).await, ["for us"]);
    assert_eq!(parked(&it), [] as [Value; 0]);
});

on_both!(a_number_that_moved_is_still_the_hotels_that_had_it, whatsapp Options::default() => |it| {
    let (line, other) = (it.line(), it.line());
    let phone = line.new_phone();
    let soon = message(digits(&phone), json!({ "timestamp": "soon", "type": "text", "text": { "body": "when" } }));
    line.brings(&[soon]).await;
    let all = parked(&it);
    assert_eq!((all.len(), &all[0]["hotel_id"]), (1, &json!(line.id)));
    // Its number is another hotel's now: what came for the first stays the first's.
    let (first, second) = (line.id.to_string(), other.id.to_string());
    it.world.run(&["hotel", "set", &first, "--whatsapp-phone-number-id", "999000000000002"]).json();
    it.world.run(&["hotel", "set", &second, "--whatsapp-phone-number-id", &line.number]).json();
    it.world.run(&["parked", "retry", &all[0]["id"].to_string()]).json();
    let again = parked(&it);
    assert_eq!((again.len(), &again[0]["hotel_id"]), (1, &json!(line.id)), "{again:?}");
});
