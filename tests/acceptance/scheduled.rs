//! Messages that are scheduled for later: written, changed, reviewed, sent once at their time.

mod nodes;
mod on_whatsapp;
mod reviews;

use std::time::Duration;

use acceptance::{ApiClient, TestSocket, TestStay, Value, json, on_both, on_sqlite, unique};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use tokio::time::{Instant, sleep};

use crate::{
    event_assertions::{assert_in_order, expect_about, of_type},
    ids, is_time, keys,
};

/// Longest wait for a timer, which acts within five seconds.
const TIMER: Duration = Duration::from_secs(15);
const ALL: &str = "pending,needs_review,sent,cancelled";

/// The time in so many seconds.
fn in_seconds(seconds: i64) -> String {
    (Utc::now() + TimeDelta::seconds(seconds)).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Schedules a text and returns the scheduled message.
async fn schedule(client: &ApiClient, stay: &TestStay, text: &str, seconds: i64) -> Value {
    let body = json!({ "text": text, "send_at": in_seconds(seconds) });
    client.post(stay.path("scheduled/"), body).await.is(201)
}

fn path_of(scheduled: &Value) -> String {
    format!("scheduled/{}/", scheduled["id"])
}

/// Returns the scheduled message as it is now.
async fn now(client: &ApiClient, scheduled: &Value) -> Value {
    let path = format!("conversations/{}/scheduled/?page_size=100&status={ALL}", scheduled["conversation_id"]);
    let all = client.get(path).await.is(200);
    let found = all["results"].as_array().unwrap().iter().find(|it| it["id"] == scheduled["id"]);
    found.unwrap_or_else(|| panic!("{scheduled} is not in {all}")).clone()
}

/// Waits until a scheduled message has another status than `pending`, and returns it.
async fn settled(client: &ApiClient, scheduled: &Value) -> Value {
    let start = Instant::now();
    loop {
        let found = now(client, scheduled).await;
        if found["status"] != "pending" {
            return found;
        }
        assert!(start.elapsed() < TIMER, "it is still pending: {found}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until a scheduled message is sent, and returns the message of the conversation.
async fn sent(client: &ApiClient, scheduled: &Value) -> Value {
    let found = settled(client, scheduled).await;
    assert_eq!((&found["status"], &found["review_reason"]), (&json!("sent"), &Value::Null), "{found}");
    let messages = client.get(format!("conversations/{}/messages/", found["conversation_id"])).await.is(200);
    let message = messages.as_array().unwrap().iter().find(|it| it["id"] == found["message_id"]);
    message.expect("no such message").clone()
}

/// Waits until a scheduled message needs a review for this reason, and returns it.
async fn needs_review(client: &ApiClient, scheduled: &Value, reason: &str) -> Value {
    let found = settled(client, scheduled).await;
    assert_eq!((&found["status"], &found["review_reason"]), (&json!("needs_review"), &json!(reason)), "{found}");
    found
}

async fn confirm(client: &ApiClient, scheduled: &Value) -> Value {
    let confirmed = client.patch(path_of(scheduled), json!({ "confirm": true })).await.is(200);
    assert_eq!((&confirmed["status"], &confirmed["review_reason"]), (&json!("pending"), &Value::Null));
    confirmed
}

/// Confirms a scheduled message whose time has passed, and returns the message of the conversation.
async fn confirmed_and_sent(client: &ApiClient, scheduled: &Value) -> Value {
    confirm(client, scheduled).await;
    sent(client, scheduled).await
}

async fn waiting_since(client: &ApiClient, stay: &TestStay) -> Value {
    client.get(stay.path("")).await.is(200)["waiting_since"].clone()
}

async fn texts_of(client: &ApiClient, stay: &TestStay) -> Vec<String> {
    let all = client.get(stay.path("messages/?limit=1000")).await.is(200);
    all.as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap().to_owned()).collect()
}

const KEYS: [&str; 15] = [
    "conversation_id",
    "created_at",
    "created_by",
    "hold",
    "id",
    "if_guest_writes",
    "message_id",
    "reply_to",
    "review_reason",
    "send_at",
    "status",
    "stay_id",
    "template_id",
    "text",
    "variables",
];

on_both!(a_text_stands_in_the_thread_at_its_time, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.active(0));
    hotel.send_guest_message(&stay.phone, "breakfast?").await;
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let text = unique("breakfast is at seven");
    let send_at = in_seconds(3);
    let body = json!({ "text": format!("  {text} "), "send_at": send_at });
    let scheduled = staff.post(stay.path("scheduled/"), body).await.is(201);
    assert_eq!(keys(&scheduled), KEYS);
    let expected = json!({
        "id": scheduled["id"], "conversation_id": stay.conversation, "stay_id": stay.id, "text": text,
        "template_id": null, "variables": {}, "reply_to": null, "hold": false, "send_at": scheduled["send_at"],
        "if_guest_writes": "review", "status": "pending", "review_reason": null, "message_id": null,
        "created_by": { "id": staff.id, "name": staff.name() }, "created_at": scheduled["created_at"],
    });
    assert_eq!(scheduled, expected);
    assert!(is_time(&scheduled["send_at"]) && is_time(&scheduled["created_at"]), "{scheduled}");
    let stored = DateTime::parse_from_rfc3339(scheduled["send_at"].as_str().unwrap()).unwrap();
    assert_eq!(stored, DateTime::parse_from_rfc3339(&send_at).unwrap());
    // It is no message yet, but an answer.
    assert!(!texts_of(&staff, &stay).await.contains(&text));
    assert_eq!(waiting_since(&staff, &stay).await, Value::Null);
    let event = expect_about(&mut socket, stay.conversation, "scheduled_updated").await;
    assert_eq!((&event["scheduled"], &event["stay_id"]), (&scheduled, &json!(stay.id)));
    let listed = staff.get(stay.path("scheduled/")).await.is(200);
    assert_eq!((&listed["count"], &listed["results"]), (&json!(1), &json!([scheduled])));
    let message = sent(&staff, &scheduled).await;
    assert_eq!((&message["content"], &message["send_at"]), (&json!(text), &scheduled["send_at"]));
    assert_eq!((&message["sender_id"], &message["sender_type"]), (&json!(staff.id), &json!("staff")));
    assert!(message["timestamp"].as_str() >= scheduled["send_at"].as_str(), "{message} {scheduled}");
    // The author has taken the conversation over, as with any answer, and the conversation shows the message.
    let conversation = staff.get(stay.path("")).await.is(200);
    assert_eq!((&conversation["status"], &conversation["assigned_to"]["id"]), (&json!("relay"), &json!(staff.id)));
    assert_eq!(conversation["last_message"]["id"], message["id"]);
    let events = socket.events_so_far(&hotel).await;
    assert_in_order(&events);
    let new: Vec<&Value> = of_type(&events, "new_message");
    assert_eq!(new.len(), 1, "{events:?}");
    assert_eq!((&new[0]["id"], &new[0]["send_at"]), (&message["id"], &scheduled["send_at"]));
    let updated = of_type(&events, "scheduled_updated");
    assert_eq!(updated.last().unwrap()["scheduled"], now(&staff, &scheduled).await);
    // It cannot be changed any more, and is listed only on request.
    staff.patch(path_of(&scheduled), json!({ "text": "late" })).await.problem(409, "already_sent");
    staff.patch(path_of(&scheduled), json!({ "confirm": true })).await.problem(409, "already_sent");
    staff.send("DELETE", path_of(&scheduled), None).await.problem(409, "already_sent");
    assert_eq!(staff.get(stay.path("scheduled/")).await.is(200)["count"], 0);
    assert_eq!(ids(&staff.get("scheduled/?status=sent").await.is(200)["results"]), [scheduled["id"].as_i64().unwrap()]);
    assert_eq!(texts_of(&staff, &stay).await.iter().filter(|it| **it == text).count(), 1);
});

on_both!(colleagues_change_the_time_and_cancel_but_only_the_author_the_text, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    hotel.send_guest_message(&stay.phone, "a taxi?").await;
    let waits = waiting_since(&staff, &stay).await;
    let scheduled = schedule(&staff, &stay, "The taxi comes at nine.", 600).await;
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let at = in_seconds(900);
    let changed = manager.patch(path_of(&scheduled), json!({ "send_at": at })).await.is(200);
    assert!(changed["send_at"].as_str() > scheduled["send_at"].as_str());
    assert_eq!(expect_about(&mut socket, stay.conversation, "scheduled_updated").await["scheduled"], changed);
    manager.patch(path_of(&scheduled), json!({ "text": "No taxi" })).await.problem(403, "forbidden");
    let text = staff.patch(path_of(&scheduled), json!({ "text": " At ten. " })).await.is(200);
    assert_eq!((&text["text"], &text["send_at"]), (&json!("At ten."), &changed["send_at"]));
    // Nothing changes without a change; a confirmation of a pending message is none.
    assert_eq!(staff.patch(path_of(&scheduled), json!({})).await.is(200), text);
    assert_eq!(manager.patch(path_of(&scheduled), json!({ "confirm": true })).await.is(200), text);
    socket.skip_to("scheduled_updated").await;
    socket.nothing(&hotel).await;
    // A cancelled message is no answer any more.
    assert_eq!(waiting_since(&staff, &stay).await, Value::Null);
    manager.send("DELETE", path_of(&scheduled), None).await.is(204);
    assert_eq!(waiting_since(&staff, &stay).await, waits);
    assert_eq!(now(&staff, &scheduled).await["status"], "cancelled");
    assert_eq!(socket.skip_to("scheduled_updated").await["scheduled"]["status"], "cancelled");
    manager.send("DELETE", path_of(&scheduled), None).await.problem(409, "already_sent");
    staff.patch(path_of(&scheduled), json!({ "text": "again" })).await.problem(409, "already_sent");
    assert_eq!(staff.get("scheduled/").await.is(200)["count"], 0);
});

on_both!(lists_are_soonest_first_and_only_of_visible_conversations, |hotel| {
    let manager = hotel.manager().await;
    let (here, there, open) = (hotel.relay(0), hotel.relay(1), hotel.active(0));
    let late = schedule(&manager, &here, "late", 900).await;
    let hidden = schedule(&manager, &there, "hidden", 100).await;
    let soon = schedule(&manager, &open, "soon", 300).await;
    let cancelled = schedule(&manager, &here, "cancelled", 200).await;
    manager.send("DELETE", path_of(&cancelled), None).await.is(204);
    let id = |it: &Value| it["id"].as_i64().unwrap();
    let list =
        async |client: &ApiClient, query: &str| ids(&client.get(format!("scheduled/{query}")).await.is(200)["results"]);
    let staff = hotel.of(0).await;
    assert_eq!(list(&manager, "").await, [id(&hidden), id(&soon), id(&late)]);
    assert_eq!(list(&staff, "").await, [id(&soon), id(&late)]);
    assert_eq!(list(&staff, "?status=cancelled").await, [id(&cancelled)]);
    assert_eq!(list(&staff, "?status=cancelled,pending").await, [id(&cancelled), id(&soon), id(&late)]);
    assert!(list(&staff, "?status=needs_review").await.is_empty());
    assert_eq!(list(&manager, "?page_size=2&page=2").await, [id(&late)]);
    let page = manager.get("scheduled/?page_size=2").await.is(200);
    assert_eq!(page["count"], 3);
    assert!(page["next"].as_str().unwrap().contains("page=2"));
    manager.get("scheduled/?page=9").await.problem(404, "not_found");
    assert_eq!(manager.get("scheduled/?status=late").await.bad_fields(), ["status"]);
    // A scheduled message of a conversation that is not visible does not exist.
    staff.get(there.path("scheduled/")).await.problem(404, "not_found");
    let body = json!({ "text": "x", "send_at": in_seconds(60) });
    staff.post(there.path("scheduled/"), body).await.problem(404, "not_found");
    for path in [path_of(&hidden), "scheduled/9000000000/".to_owned(), "scheduled/x/".to_owned()] {
        staff.patch(&path, json!({ "confirm": true })).await.problem(404, "not_found");
        staff.send("DELETE", &path, None).await.problem(404, "not_found");
    }
    // It moves with the conversation.
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(here.id).await;
    manager.post(here.path("start_relay/"), json!({ "department_id": hotel.departments[1].id })).await.is(200);
    manager.patch(path_of(&late), json!({ "send_at": in_seconds(800) })).await.is(200);
    let events = socket.events_so_far(&hotel).await;
    assert!(of_type(&events, "scheduled_updated").is_empty(), "{events:?}");
    assert_eq!(list(&staff, "").await, [id(&soon)]);
    assert_eq!(list(&*hotel.of(1).await, "").await, [id(&hidden), id(&soon), id(&late)]);
});

on_sqlite!(invalid_bodies_are_refused, |hotel| {
    let (staff, stay, other) = (hotel.of(0).await, hotel.relay(0), hotel.relay(1));
    let foreign = hotel.send_guest_message(&other.phone, "elsewhere").await["message_id"].clone();
    let manager = hotel.manager().await;
    let template = json!({ "name": unique("t"), "content": "Hello {{who}}, {{room_number}}" });
    let template = manager.post("templates/", template).await.is(201)["id"].clone();
    let at = in_seconds(60);
    for (body, field) in [
        (json!({ "send_at": at }), "text"),
        (json!({ "text": " ", "send_at": at }), "text"),
        (json!({ "text": "x".repeat(4097), "send_at": at }), "text"),
        (json!({ "text": "x", "template_id": template, "send_at": at }), "template_id"),
        (json!({ "template_id": 9_000_000, "send_at": at }), "template_id"),
        (json!({ "template_id": template, "send_at": at }), "variables"),
        (json!({ "text": "x" }), "send_at"),
        (json!({ "text": "x", "send_at": "tomorrow" }), "send_at"),
        (json!({ "text": "x", "send_at": in_seconds(-1) }), "send_at"),
        (json!({ "text": "x", "send_at": in_seconds(30 * 24 * 3600 + 60) }), "send_at"),
        (json!({ "text": "x", "send_at": at, "if_guest_writes": "ask" }), "if_guest_writes"),
        (json!({ "text": "x", "send_at": at, "reply_to": foreign }), "reply_to"),
        (json!({ "text": "x", "send_at": at, "seen_message_id": foreign }), "seen_message_id"),
    ] {
        assert_eq!(staff.post(stay.path("scheduled/"), body.clone()).await.bad_fields(), [field], "{body}");
    }
    let scheduled = schedule(&staff, &stay, "fine", 29 * 24 * 3600).await;
    for (body, field) in [
        (json!({ "text": "" }), "text"),
        (json!({ "text": null }), "text"),
        (json!({ "send_at": in_seconds(-1) }), "send_at"),
        (json!({ "send_at": in_seconds(31 * 24 * 3600) }), "send_at"),
        (json!({ "confirm": "yes" }), "confirm"),
    ] {
        assert_eq!(staff.patch(path_of(&scheduled), body.clone()).await.bad_fields(), [field], "{body}");
    }
    assert_eq!(now(&staff, &scheduled).await, scheduled);
    // A template of type `text` is rendered at once.
    let values = json!({ "template_id": template, "variables": { "who": "Ada" }, "send_at": at, "hold": true });
    let rendered = staff.post(stay.path("scheduled/"), values).await.is(201);
    assert_eq!(
        (&rendered["text"], &rendered["template_id"]),
        (&json!(format!("Hello Ada, {}", stay.room)), &Value::Null)
    );
    assert_eq!((&rendered["variables"], &rendered["hold"]), (&json!({}), &json!(true)));
    // What a colleague wrote in the meantime must be read first.
    let seen = hotel.send_guest_message(&stay.phone, "hello?").await["message_id"].clone();
    manager.post(stay.path("notes/"), json!({ "text": "mine" })).await.is(201);
    let stale = json!({ "text": "x", "send_at": at, "seen_message_id": seen });
    let refused = staff.post(stay.path("scheduled/"), stale).await.problem(409, "stale_reply");
    assert_eq!(refused["newer"].as_array().unwrap().len(), 1);
    staff.post_empty(stay.path("close/")).await.is(200);
    let body = json!({ "text": "x", "send_at": at });
    staff.post(stay.path("scheduled/"), body).await.problem(409, "conversation_closed");
});

on_both!(a_repeated_request_schedules_once_and_clears_the_draft, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    staff.put(stay.path("draft/"), json!({ "text": "See y" })).await.is(200);
    let body = json!({ "text": "See you", "send_at": in_seconds(60), "clears_draft": true });
    let first = staff.key("k-1").post(stay.path("scheduled/"), body.clone()).await.is(201);
    staff.get(stay.path("draft/")).await.problem(404, "not_found");
    let again = staff.key("k-1").post(stay.path("scheduled/"), body).await;
    assert_eq!((again.is(200), again.header("idempotent-replay")), (first.clone(), Some("true")));
    let other = json!({ "text": "See you", "send_at": in_seconds(90) });
    staff.key("k-1").post(stay.path("scheduled/"), other).await.problem(409, "idempotency_mismatch");
    assert_eq!(staff.get(stay.path("scheduled/")).await.is(200)["count"], 1);
    let change = json!({ "send_at": in_seconds(120) });
    let changed = staff.key("k-2").patch(path_of(&first), change.clone()).await.is(200);
    assert_eq!(staff.key("k-2").patch(path_of(&first), change).await.is(200), changed);
    staff.key("k-3").send("DELETE", path_of(&first), None).await.is(204);
    let repeated = staff.key("k-3").send("DELETE", path_of(&first), None).await;
    assert!(repeated.status < 300 && repeated.header("idempotent-replay") == Some("true"), "{repeated:?}");
});

on_both!(a_replay_shows_scheduled_messages_as_they_are, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let start = staff.get("inbox/").await;
    let (epoch, seq) = (start.header("x-event-epoch").unwrap(), start.header("x-event-seq").unwrap());
    let scheduled = schedule(&staff, &stay, "later", 600).await;
    staff.send("DELETE", path_of(&scheduled), None).await.is(204);
    let expected = now(&staff, &scheduled).await;
    let mut socket = TestSocket::open(&staff).await;
    let command = json!({
        "epoch": epoch, "after_seq": seq.parse::<i64>().unwrap(), "conversation_ids": [stay.conversation],
    });
    let (replayed, _) = socket.resume(command).await;
    let caught_up = staff.get(format!("events/?after_seq={seq}&epoch={epoch}")).await.is(200);
    for events in [&replayed, caught_up["results"].as_array().unwrap()] {
        let updated = of_type(events, "scheduled_updated");
        assert_eq!(updated.len(), 2, "{events:?}");
        assert!(updated.iter().all(|it| it["scheduled"] == expected), "{updated:?}");
    }
    let elsewhere = hotel.of(1).await.get(format!("events/?after_seq={seq}&epoch={epoch}")).await.is(200);
    assert!(of_type(elsewhere["results"].as_array().unwrap(), "scheduled_updated").is_empty());
});
