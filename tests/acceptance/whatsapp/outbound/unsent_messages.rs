//! Messages that are not sent yet: change a held text, take a message back.

use acceptance::{StaffClient, TestSocket, Value, WhatsappHotel, WorldOptions, json, on_both};

use super::*;
use crate::event_assertions::expect_about;

/// The path of a message.
fn message_path(conversation: &GuestThread, message: i64) -> String {
    conversation.path(&format!("messages/{message}/"))
}

async fn take_back(conversation: &GuestThread, staff: &StaffClient, message: i64) -> ApiResponse {
    staff.send("DELETE", message_path(conversation, message), None).await
}

/// Creates an opener template for the hotel.
async fn set_opener(manager: &StaffClient) {
    let opener = json!({
        "name": "opener", "content": "We have an answer for you.", "template_type": "whatsapp", "language": "en",
    });
    let opener = manager.post("templates/", opener).await.is(201)["id"].clone();
    manager.patch("hotel/", json!({ "opener_template_id": opener })).await.is(200);
}

/// Lets messages to the guest wait for some seconds: the first is tried again twice, the others wait behind it.
async fn block_queue(conversation: &GuestThread) -> i64 {
    for _ in 0..2 {
        conversation.line.meta.post("faults/", json!({ "code": 131000, "to": conversation.phone })).await;
    }
    let first = conversation.say(&unique_text()).await;
    let query = format!("SELECT count(*) FROM outbox WHERE message_id = {first} AND state = 'queued' AND attempts > 0");
    let is_requeued = async || (conversation.line.hotel.world.number(&query) == 1).then_some(());
    conversation.line.until("the first message is requeued", is_requeued).await;
    first
}

/// The types of the events about one message.
fn types_of(events: &[Value], message: i64) -> Vec<&str> {
    let of = |it: &&Value| it["id"] == message || it["message_id"] == message || it["message"]["id"] == message;
    events.iter().filter(of).map(|it| it["type"].as_str().unwrap()).collect()
}

on_both!(a_queued_message_is_taken_back_and_never_sent, line => |line| {
    let conversation = GuestThread::with(&line, &line.unused_phone()).await;
    let colleague = line.hotel.hire("manager", &[]).await;
    let first = block_queue(&conversation).await;
    let text = unique_text();
    let keyed = conversation.manager.key("k-1");
    let sent = keyed.post(conversation.path("send_message/"), json!({ "text": text })).await.is(201);
    let message = sent["id"].as_i64().unwrap();
    let mut socket = TestSocket::open(&colleague).await;
    socket.ok(json!({ "command": "subscribe_to_conversation", "conversation_id": conversation.id })).await;
    socket.subscribe_to_inbox().await;
    let path = message_path(&conversation, message);
    conversation.manager.patch(path, json!({ "text": "y" })).await.problem(409, "already_sent");
    // A colleague may take it back, too.
    take_back(&conversation, &colleague, message).await.is(204);
    let removed = expect_about(&mut socket, conversation.id, "message_removed").await;
    assert_eq!((removed["message_id"].as_i64(), &removed["conversation_id"]), (Some(message), &json!(conversation.id)));
    let card = expect_about(&mut socket, conversation.id, "conversation_updated").await["conversation"].clone();
    assert_ne!(card["last_message"]["content"], *text);
    assert_eq!(conversation.manager.get(conversation.path("")).await.is(200)["last_message"], card["last_message"]);
    let page = conversation.messages().await;
    assert_eq!(page.last().unwrap()["id"], first);
    // It does not exist any more, except for a repetition of its send.
    take_back(&conversation, &colleague, message).await.problem(404, "not_found");
    conversation.retry(message).await.problem(404, "not_found");
    let again = keyed.post(conversation.path("send_message/"), json!({ "text": text })).await;
    assert_eq!(again.header("idempotent-replay"), Some("true"));
    let again = again.is(200);
    assert_eq!((&again["id"], &again["delivery"]), (&sent["id"], &json!("removed")));
    // A client that still shows the message may name it.
    let seen = json!({ "text": unique_text(), "seen_message_id": message });
    let next = conversation.manager.post(conversation.path("send_message/"), seen).await.is(201);
    conversation.wait_for_delivery(next["id"].as_i64().unwrap(), "read").await;
    assert_eq!(count_accepted(&line, &text).await, 0);
    let resume = json!({ "epoch": socket.welcome["epoch"], "after_seq": 0, "conversation_ids": [conversation.id] });
    let (events, _) = TestSocket::open(&colleague).await.resume(resume).await;
    assert_eq!(types_of(&events, message), ["message_removed"]);
    let log = colleague.get("events/?after_seq=0").await.is(200);
    assert_eq!(types_of(log["results"].as_array().unwrap(), message), ["message_removed"]);
    let audited = format!("SELECT count(*) FROM audit WHERE action = 'message_taken_back' AND before = '{message}' AND actor = {}", colleague.id);
    assert_eq!(line.hotel.world.number(&audited), 1);
});

on_both!(templates_and_files_are_taken_back_like_texts, line => |line| {
    let conversation = GuestThread::with(&line, &line.unused_phone()).await;
    let template = json!({ "name": unique_text(), "content": "Breakfast is from 7." });
    let template = conversation.manager.post("templates/", template).await.is(201)["id"].clone();
    block_queue(&conversation).await;
    let keyed = conversation.manager.key("k-1");
    let path = conversation.path("send_template/");
    let sent = keyed.post(&path, json!({ "template_id": template })).await.is(201)["id"].as_i64().unwrap();
    take_back(&conversation, &conversation.manager, sent).await.is(204);
    let again = keyed.post(&path, json!({ "template_id": template })).await.is(200);
    assert_eq!((again["id"].as_i64(), &again["delivery"]), (Some(sent), &json!("removed")));
    let form = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\
        Content-Type: application/pdf\r\n\r\n%PDF-1.4\r\n--x--\r\n";
    let keyed = keyed.with("content-type", "multipart/form-data; boundary=x");
    let path = conversation.path("attachments/");
    let file = keyed.send("POST", &path, Some(form.to_vec())).await.is(201);
    let (id, attachment) = (file["id"].as_i64().unwrap(), file["attachments"][0]["id"].clone());
    assert_eq!(conversation.manager.get(format!("attachments/{attachment}/")).await.status, 200);
    take_back(&conversation, &conversation.manager, id).await.is(204);
    let again = keyed.send("POST", &path, Some(form.to_vec())).await.is(200);
    assert_eq!((again["id"].as_i64(), &again["delivery"]), (Some(id), &json!("removed")));
    conversation.manager.get(format!("attachments/{attachment}/")).await.problem(404, "not_found");
});

on_both!(only_waiting_messages_of_staff_are_taken_back, line => |line| {
    let conversation = GuestThread::with(&line, &line.unused_phone()).await;
    let sent = conversation.say(&unique_text()).await;
    conversation.wait_for_delivery(sent, "read").await;
    let note = conversation.manager.post(conversation.path("notes/"), json!({ "text": "VIP" })).await.is(201);
    let note = note["id"].as_i64().unwrap();
    let of_guest = conversation.messages().await[0]["id"].as_i64().unwrap();
    for message in [sent, note, of_guest] {
        take_back(&conversation, &conversation.manager, message).await.problem(409, "already_sent");
    }
    take_back(&conversation, &conversation.manager, note + 1000).await.problem(404, "not_found");
    let change = async |message: i64| {
        conversation.manager.patch(message_path(&conversation, message), json!({ "text": "x" })).await
    };
    change(sent).await.problem(409, "already_sent");
    change(note).await.problem(409, "already_sent");
    change(of_guest).await.problem(403, "forbidden");
    change(note + 1000).await.problem(404, "not_found");
    let other = GuestThread::with(&line, &line.unused_phone()).await;
    take_back(&other, &other.manager, sent).await.problem(404, "not_found");
    assert_eq!(conversation.message(sent).await["delivery"], "read");
});

/// Sends a text that is held, and returns its id.
async fn hold(conversation: &GuestThread, text: &str) -> i64 {
    let held = json!({ "text": text, "hold": true });
    let held = conversation.manager.post(conversation.path("send_message/"), held).await.is(201);
    assert_eq!(held["delivery"], "held");
    held["id"].as_i64().unwrap()
}

async fn wait_until_accepted(line: &WhatsappHotel, text: &str) {
    line.until("the text is sent", async || (count_accepted(line, text).await == 1).then_some(())).await;
}

on_both!(a_held_text_is_changed_or_taken_back, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let conversation = GuestThread::with(&line, &line.unused_phone()).await;
    whatsapp.advance(24 * 3600 + 60).await;
    let conversation = conversation.back().await;
    set_opener(&conversation.manager).await;
    let colleague = line.hotel.sign_in(&line.hotel.member_of(0).username, PASSWORD).await;
    let (before, after, taken) = (unique_text(), unique_text(), unique_text());
    let (changed, removed) = (hold(&conversation, &before).await, hold(&conversation, &taken).await);
    let found = async |text: &str| {
        let found = conversation.manager.get(format!("search/?q=%22{}%22", text.replace(' ', "+"))).await;
        found.is(200)["count"].as_i64().unwrap()
    };
    assert_eq!((found(&before).await, found(&taken).await), (1, 1));
    let mut socket = TestSocket::open(&colleague).await;
    // The status of the opener changes meanwhile.
    socket.ok(json!({ "command": "subscribe_to_conversation", "conversation_id": conversation.id })).await;
    let (path, body) = (message_path(&conversation, changed), json!({ "text": format!(" {after} ") }));
    colleague.patch(&path, body.clone()).await.problem(403, "forbidden");
    assert_eq!(conversation.manager.patch(&path, json!({ "text": " " })).await.bad_fields(), ["text"]);
    let message = conversation.manager.patch(&path, body).await.is(200);
    let entry = conversation.manager.get("audit/?action=message_changed").await.is(200)["results"][0].clone();
    assert_eq!((&entry["conversation_id"], &entry["before"]), (&json!(conversation.id), &json!(message["id"].to_string())));
    assert_eq!((&message["content"], &message["delivery"]), (&json!(after), &json!("held")));
    let updated = socket.skip_to("message_updated").await;
    assert_eq!(updated["message"], message);
    take_back(&conversation, &conversation.manager, removed).await.is(204);
    assert_eq!(socket.skip_to("message_removed").await["message_id"], removed);
    assert_eq!((found(&before).await, found(&after).await, found(&taken).await), (0, 1, 0));
    line.guest(json!({ "from": conversation.phone, "text": "Yes?" })).await;
    wait_until_accepted(&line, &after).await;
    conversation.wait_for_delivery(changed, "read").await;
    assert_eq!((count_accepted(&line, &before).await, count_accepted(&line, &taken).await), (0, 0));
    conversation.manager.patch(&path, json!({ "text": "too late" })).await.problem(409, "already_sent");
});

on_both!(a_message_is_either_taken_back_or_sent, line => |line| {
    let conversation = GuestThread::with(&line, &line.unused_phone()).await;
    let mut outcomes = Vec::new();
    for _ in 0..20 {
        let text = unique_text();
        let message = conversation.say(&text).await;
        let status = take_back(&conversation, &conversation.manager, message).await.status;
        assert!([204, 409].contains(&status), "{status}");
        outcomes.push((text, message, status));
    }
    let last = conversation.say("the end").await;
    conversation.wait_for_delivery(last, "read").await;
    for (text, message, status) in outcomes {
        assert_eq!(count_accepted(&line, &text).await, usize::from(status == 409), "{message}");
        let is_shown = conversation.messages().await.iter().any(|it| it["id"] == message);
        assert_eq!(is_shown, status == 409, "{message}");
    }
});
