//! Delivery status: receipts move it forward, live and in replays, never backwards.

use acceptance::{TestSocket, Value, WhatsappHotel, json, on_both, unique};

use super::*;

/// The delivery statuses of a message among the events.
fn delivery_statuses(events: &[Value], message: i64) -> Vec<Value> {
    let of = |it: &&Value| it["type"] == "message_status" && it["message_id"] == message;
    events.iter().filter(of).map(|it| it["delivery"].clone()).collect()
}

/// Receives events until a message has this delivery status.
async fn receive_until(socket: &mut TestSocket, message: i64, last: &str) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let event = socket.next().await;
        let is_last = event["type"] == "message_status" && event["message_id"] == message && event["delivery"] == last;
        events.push(event);
        if is_last {
            return events;
        }
    }
}

#[track_caller]
fn assert_forward(delivery_statuses: &[Value]) {
    let ranks: Vec<usize> = delivery_statuses.iter().map(rank).collect();
    assert!(ranks.windows(2).all(|pair| pair[0] < pair[1]), "{delivery_statuses:?}");
}

async fn open_subscribed(conversation: &GuestThread) -> TestSocket {
    let mut socket = TestSocket::open(&conversation.manager).await;
    socket.ok(json!({ "command": "subscribe_to_conversation", "conversation_id": conversation.id })).await;
    socket
}

/// Posts a delivery receipt for an accepted text.
async fn post_receipt(conversation: &GuestThread, text: &str, status: &str) {
    let sends = conversation.line.transcript("send").await;
    let send = sends.iter().find(|it| it["body"]["text"]["body"] == text).unwrap();
    post_receipt_of(conversation, send, send["callback_data"].clone(), status).await;
}

/// Posts a delivery receipt for a send; with a null callback, without callback id.
async fn post_receipt_of(conversation: &GuestThread, send: &Value, callback: Value, status: &str) {
    let mut status = json!({
        "id": send["wamid"], "status": status, "timestamp": "1793000000",
        "recipient_id": conversation.phone.trim_start_matches('+'),
    });
    if !callback.is_null() {
        status["biz_opaque_callback_data"] = callback;
    }
    conversation.line.post(&conversation.line.report(&[status])).await.is(200);
}

/// The number of outbox rows of a message in a state: one or none.
fn count_rows_in(conversation: &GuestThread, message: i64, state: &str) -> i64 {
    let rows = format!("SELECT count(*) FROM outbox WHERE message_id = {message} AND state = '{state}'");
    conversation.line.hotel.world.number(&rows)
}

/// Waits until a message was refused once and is queued again.
async fn wait_until_requeued(conversation: &GuestThread, message: i64) {
    let refused = async || (refusal_codes(&conversation.line, &conversation.phone).await.len() == 1).then_some(());
    conversation.line.until("the send is refused", refused).await;
    conversation
        .line
        .until("the message is requeued", async || (count_rows_in(conversation, message, "queued") == 1).then_some(()))
        .await;
}

on_both!(delivery_statuses_are_shown_live_in_replays_and_over_rest, line => |line| {
    let conversation = GuestThread::with(&line, &line.relay(0).phone).await;
    let mut socket = open_subscribed(&conversation).await;
    let (epoch, after) = (socket.welcome["epoch"].clone(), socket.welcome["seq"].as_i64().unwrap());
    line.meta.set(json!({})).await;
    let id = conversation.say(&unique_text()).await;
    let live = delivery_statuses(&receive_until(&mut socket, id, "read").await, id);
    assert_forward(&live);
    assert_eq!(live.first(), Some(&json!("sent")), "{live:?}");
    let mut late = TestSocket::open(&conversation.manager).await;
    let named = json!({ "epoch": epoch, "after_seq": after, "conversation_ids": [conversation.id] });
    assert_eq!(delivery_statuses(&late.resume(named).await.0, id), live);
    let log = conversation.manager.get(format!("events/?after_seq={after}")).await.is(200);
    assert_eq!(delivery_statuses(log["results"].as_array().unwrap(), id), live);
    assert_eq!(conversation.message(id).await["failure"], Value::Null);
});

/// Sends to a magic number of the simulator; fails unless the message reaches this delivery status and was accepted
/// once.
async fn assert_reaches(line: &WhatsappHotel, magic_number: &str, last: &str) {
    let conversation = GuestThread::with(line, &format!("+1999{magic_number}")).await;
    let (mut socket, text) = (open_subscribed(&conversation).await, unique_text());
    let id = conversation.say(&text).await;
    let events = receive_until(&mut socket, id, last).await;
    line.until("all receipts are delivered", async || {
        (line.meta.get("").await["waiting_to_be_told"] == 0).then_some(())
    })
    .await;
    let message = conversation.message(id).await;
    assert_eq!(message["delivery"], last, "{magic_number}");
    let after = delivery_statuses(&socket.waiting(), id);
    assert_forward(&[delivery_statuses(&events, id), after].concat());
    if last == "failed" {
        assert_sentence(&message["failure"])
    } else {
        assert!(message["failure"].is_null(), "{magic_number}")
    }
    assert_eq!(count_accepted(line, &text).await, 1, "{magic_number}");
}

on_both!(receipts_in_any_order_move_the_status_forward, line => |line| {
    for (magic_number, last) in [
        ("10000003", "read"),
        ("10000004", "read"),
        ("10000005", "read"),
        ("10000006", "sent"),
        ("10000007", "read"),
        ("10000010", "sent"),
        ("10000012", "read"),
        ("10000013", "read"),
        ("10000014", "read"),
        ("01131026", "failed"),
        ("03131026", "failed"),
        ("04131026", "delivered"),
    ] {
        assert_reaches(&line, magic_number, last).await;
    }
});

on_both!(a_send_without_response_is_unknown_until_a_receipt_arrives, line => |line| {
    // Accepted and reported, in spite of the fault.
    for magic_number in ["10000001", "10000002", "10000009", "10000500", "10000502", "10000503", "10000504"] {
        assert_reaches(&line, magic_number, "read").await;
    }
    // Not accepted, which the sender cannot know.
    for magic_number in ["10000008", "10001500", "10001502", "10001503", "10001504"] {
        let conversation = GuestThread::with(&line, &format!("+1999{magic_number}")).await;
        let text = unique_text();
        let id = conversation.say(&text).await;
        assert_sentence(&conversation.wait_for_delivery(id, "unknown").await["failure"]);
        // An unknown message does not delay the next one.
        let next = conversation.say("next").await;
        conversation.wait_for_delivery(next, "unknown").await;
        assert_eq!(count_accepted(&line, &text).await, 0);
    }
    // Accepted, but reported only later.
    let conversation = GuestThread::with(&line, "+447700900441").await;
    let fault = json!({ "drop": true, "statuses": "nothing", "to": conversation.phone });
    line.meta.post("faults/", fault).await;
    let text = unique_text();
    let id = conversation.say(&text).await;
    conversation.wait_for_delivery(id, "unknown").await;
    post_receipt(&conversation, &text, "delivered").await;
    assert_eq!(conversation.message(id).await["delivery"], "delivered");
    assert_eq!(count_accepted(&line, &text).await, 1);
    let log = line.hotel.world.log_text();
    for secret in [text.as_str(), "7700900441", "199910000001", acceptance::ACCESS_TOKEN, "wamid."] {
        assert!(!log.contains(secret), "the log has {secret}");
    }
});

on_both!(only_failed_and_unknown_messages_can_be_retried, line => |line| {
    let conversation = GuestThread::with(&line, "+447700900442").await;
    let well = conversation.say(&unique_text()).await;
    conversation.wait_for_delivery(well, "read").await;
    conversation.retry(well).await.problem(409, "not_failed");
    line.meta.post("faults/", json!({ "code": 131026, "by": "status", "to": conversation.phone })).await;
    let text = unique_text();
    let id = conversation.say(&text).await;
    conversation.wait_for_delivery(id, "failed").await;
    // Messages of other conversations are not found.
    conversation.retry(id + 1_000_000).await.problem(404, "not_found");
    let path = conversation.path(&format!("messages/{id}/retry/"));
    let other = GuestThread::with(&line, "+447700900443").await;
    conversation.manager.post_empty(other.path(&format!("messages/{id}/retry/"))).await.problem(404, "not_found");
    let stranger = line.hotel.of(1).await;
    stranger.post_empty(&path).await.problem(404, "not_found");
    line.anonymous().post_empty(&path).await.problem(401, "unauthenticated");
    let notes = conversation.path("notes/");
    let note = conversation.manager.post(notes, json!({ "text": "A note" })).await.is(201)["id"].as_i64().unwrap();
    conversation.retry(note).await.problem(409, "not_failed");
    // A repeated idempotency key is one retry.
    let (mut socket, client) = (open_subscribed(&conversation).await, conversation.manager.key(&unique("retry")));
    let first = client.post_empty(&path).await.is(200);
    assert_eq!((&first["delivery"], &first["failure"]), (&json!("queued"), &Value::Null));
    receive_until(&mut socket, id, "read").await;
    let again = client.post_empty(&path).await;
    assert_eq!((again.status, again.header("idempotent-replay")), (200, Some("true")));
    conversation.retry(id).await.problem(409, "not_failed");
    assert_eq!(count_accepted(&line, &text).await, 2, "once each time");
});

on_both!(a_receipt_of_the_first_attempt_cancels_the_retry, line => |line| {
    let conversation = GuestThread::with(&line, "+447700900445").await;
    line.meta.post("faults/", json!({ "drop": true, "statuses": "nothing", "to": conversation.phone })).await;
    let text = unique_text();
    let id = conversation.say(&text).await;
    conversation.wait_for_delivery(id, "unknown").await;
    // Staff retry before the receipt arrives, and WhatsApp refuses the retry for now.
    line.meta.post("faults/", json!({ "code": 131057, "to": conversation.phone })).await;
    conversation.retry(id).await.is(200);
    wait_until_requeued(&conversation, id).await;
    for (status, delivery, waits) in [("sent", "queued", 1), ("delivered", "delivered", 0), ("read", "read", 0)] {
        post_receipt(&conversation, &text, status).await;
        assert_eq!(conversation.message(id).await["delivery"], delivery);
        assert_eq!(count_rows_in(&conversation, id, "queued"), waits, "{status}");
    }
    assert_eq!(count_rows_in(&conversation, id, "settled"), 1);
    assert_eq!(count_accepted(&line, &text).await, 1);
});

on_both!(an_early_receipt_of_another_node_is_applied, line => |line| {
    let conversation = GuestThread::with(&line, "+199910000010").await;
    let text = unique_text();
    let id = conversation.say(&text).await;
    conversation.wait_for_delivery(id, "sent").await;
    // As another node stores a receipt before it can see the stored WhatsApp id.
    let early_receipt = format!(
        "INSERT INTO early_reports (hotel_id, whatsapp_message_id, delivery, received_at) \
         SELECT o.hotel_id, m.whatsapp_message_id, 'delivered', o.due_at FROM outbox o \
         JOIN messages m ON m.id = o.message_id WHERE m.id = {id}"
    );
    line.hotel.world.sql(&early_receipt).unwrap();
    conversation.wait_for_delivery(id, "delivered").await;
    assert_eq!(count_accepted(&line, &text).await, 1);
});

on_both!(a_row_in_state_sending_without_sender_becomes_unknown, line => |line| {
    let conversation = GuestThread::with(&line, "+447700900444").await;
    line.meta.post("faults/", json!({ "code": 131057, "to": conversation.phone })).await;
    let (first, next) = (unique_text(), unique_text());
    let (id, then) = (conversation.say(&first).await, conversation.say(&next).await);
    wait_until_requeued(&conversation, id).await;
    // As a claim whose response was lost leaves the row.
    line.hotel.world.sql(&format!("UPDATE outbox SET state = 'sending' WHERE message_id = {id}")).unwrap();
    assert_sentence(&conversation.wait_for_delivery(id, "unknown").await["failure"]);
    conversation.wait_for_delivery(then, "read").await;
    assert_eq!((count_accepted(&line, &first).await, count_accepted(&line, &next).await), (0, 1));
});

on_both!(a_late_receipt_of_a_former_attempt_is_matched_by_whatsapp_id, line => |line| {
    let conversation = GuestThread::with(&line, "+447700900446").await;
    line.meta.post("faults/", json!({ "code": 131026, "by": "status", "to": conversation.phone })).await;
    let text = unique_text();
    let id = conversation.say(&text).await;
    conversation.wait_for_delivery(id, "failed").await;
    let first = line.transcript("send").await.into_iter().find(|it| it["body"]["text"]["body"] == *text).unwrap();
    // WhatsApp refuses the retry for now.
    line.meta.post("faults/", json!({ "code": 131057, "to": conversation.phone })).await;
    conversation.retry(id).await.is(200);
    wait_until_requeued(&conversation, id).await;
    post_receipt_of(&conversation, &first, Value::Null, "failed").await;
    assert_eq!(conversation.message(id).await["delivery"], "queued", "the receipt belongs to the former attempt");
    post_receipt_of(&conversation, &first, Value::Null, "delivered").await;
    assert_eq!(conversation.message(id).await["delivery"], "delivered");
    assert_eq!(count_rows_in(&conversation, id, "settled"), 1);
    // The same for a receipt that another node has stored early.
    let early_receipt = format!(
        "INSERT INTO early_reports (hotel_id, whatsapp_message_id, delivery, received_at) \
         SELECT hotel_id, '{}', 'read', due_at FROM outbox WHERE message_id = {id}",
        first["wamid"].as_str().unwrap(),
    );
    line.hotel.world.sql(&early_receipt).unwrap();
    conversation.wait_for_delivery(id, "read").await;
    assert_eq!(count_accepted(&line, &text).await, 1);
});

on_both!(an_unknown_stored_body_is_not_sent, line => |line| {
    let conversation = GuestThread::with(&line, "+447700900447").await;
    line.meta.post("faults/", json!({ "code": 131057, "to": conversation.phone })).await;
    let text = unique_text();
    let id = conversation.say(&text).await;
    wait_until_requeued(&conversation, id).await;
    // As a later version may have stored it.
    let later = format!(
        "UPDATE outbox SET body = '{{\"poll\":1}}', \
         due_at = (SELECT created_at FROM hotels WHERE hotels.id = outbox.hotel_id) WHERE message_id = {id}"
    );
    line.hotel.world.sql(&later).unwrap();
    assert_sentence(&conversation.wait_for_delivery(id, "failed").await["failure"]);
    assert_eq!(count_accepted(&line, &text).await, 0);
});
