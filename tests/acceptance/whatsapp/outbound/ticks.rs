//! How far a message has come: told live and afterwards, and never backwards.

use acceptance::{Line, Socket, Value, json, on_both, unique};

use super::*;

/// The ticks of a message among events.
fn ticks(events: &[Value], message: i64) -> Vec<Value> {
    let of = |it: &&Value| it["type"] == "message_status" && it["message_id"] == message;
    events.iter().filter(of).map(|it| it["delivery"].clone()).collect()
}

/// Waits until this tick comes; all that came.
async fn heard(socket: &mut Socket, message: i64, last: &str) -> Vec<Value> {
    let mut came = Vec::new();
    loop {
        let event = socket.next().await;
        let is_last = event["type"] == "message_status" && event["message_id"] == message && event["delivery"] == last;
        came.push(event);
        if is_last {
            return came;
        }
    }
}

#[track_caller]
fn are_forward(ticks: &[Value]) {
    let ranks: Vec<usize> = ticks.iter().map(rank).collect();
    assert!(ranks.windows(2).all(|pair| pair[0] < pair[1]), "{ticks:?}");
}

async fn open(talk: &Talk) -> Socket {
    let mut socket = Socket::open(&talk.manager).await;
    socket.ok(json!({ "command": "subscribe_to_conversation", "conversation_id": talk.id })).await;
    socket
}

/// Posts what became of the text that was accepted.
async fn report(talk: &Talk, words: &str, status: &str) {
    let sends = talk.line.transcript("send").await;
    let send = sends.iter().find(|it| it["body"]["text"]["body"] == words).unwrap();
    report_of(talk, send, send["callback_data"].clone(), status).await;
}

/// The same of this send; without callback data where that is null.
async fn report_of(talk: &Talk, send: &Value, callback: Value, status: &str) {
    let mut status = json!({
        "id": send["wamid"], "status": status, "timestamp": "1793000000",
        "recipient_id": talk.phone.trim_start_matches('+'),
    });
    if !callback.is_null() {
        status["biz_opaque_callback_data"] = callback;
    }
    talk.line.post(&talk.line.report(&[status])).await.is(200);
}

/// How many rows of the outbox a message has in a state: one or none.
fn rows_in(talk: &Talk, message: i64, state: &str) -> i64 {
    let rows = format!("SELECT count(*) FROM outbox WHERE message_id = {message} AND state = '{state}'");
    talk.line.hotel.world.number(&rows)
}

/// Waits until a message was refused once, and waits to be sent again.
async fn is_put_back(talk: &Talk, message: i64) {
    let refused = async || (refusals(&talk.line, &talk.phone).await.len() == 1).then_some(());
    talk.line.until("it is refused", refused).await;
    talk.line.until("it is put back", async || (rows_in(talk, message, "queued") == 1).then_some(())).await;
}

on_both!(they_are_told_live_in_replays_and_by_rest, line => |line| {
    let talk = Talk::with(&line, &line.relay(0).phone).await;
    let mut socket = open(&talk).await;
    let (epoch, after) = (socket.welcome["epoch"].clone(), socket.welcome["seq"].as_i64().unwrap());
    line.meta.set(json!({})).await;
    let id = talk.say(&words()).await;
    let live = ticks(&heard(&mut socket, id, "read").await, id);
    are_forward(&live);
    assert_eq!(live.first(), Some(&json!("sent")), "{live:?}");
    let mut late = Socket::open(&talk.manager).await;
    let named = json!({ "epoch": epoch, "after_seq": after, "conversation_ids": [talk.id] });
    assert_eq!(ticks(&late.resume(named).await.0, id), live);
    let log = talk.manager.get(format!("events/?after_seq={after}")).await.is(200);
    assert_eq!(ticks(log["results"].as_array().unwrap(), id), live);
    assert_eq!(talk.message(id).await["failure"], Value::Null);
});

/// A guest with a magic number: how far a message comes, having been accepted once.
async fn comes_to_with(line: &Line, what: &str, last: &str) {
    let talk = Talk::with(line, &format!("+1999{what}")).await;
    let (mut socket, words) = (open(&talk).await, words());
    let id = talk.say(&words).await;
    let came = heard(&mut socket, id, last).await;
    line.until("everything is told", async || (line.meta.get("").await["waiting_to_be_told"] == 0).then_some(())).await;
    let message = talk.message(id).await;
    assert_eq!(message["delivery"], last, "{what}");
    let after = ticks(&socket.waiting(), id);
    are_forward(&[ticks(&came, id), after].concat());
    if last == "failed" {
        is_sentence(&message["failure"])
    } else {
        assert!(message["failure"].is_null(), "{what}")
    }
    assert_eq!(times(line, &words).await, 1, "{what}");
}

on_both!(in_whatever_order_they_come_they_go_forward, line => |line| {
    for (what, last) in [
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
        comes_to_with(&line, what, last).await;
    }
});

on_both!(what_got_no_answer_is_not_sent_again_and_resolved_by_a_report, line => |line| {
    // Accepted, and reported in spite of it all.
    for what in ["10000001", "10000002", "10000009", "10000500", "10000502", "10000503", "10000504"] {
        comes_to_with(&line, what, "read").await;
    }
    // Not accepted, which nobody can know.
    for what in ["10000008", "10001500", "10001502", "10001503", "10001504"] {
        let talk = Talk::with(&line, &format!("+1999{what}")).await;
        let words = words();
        let id = talk.say(&words).await;
        is_sentence(&talk.comes_to(id, "unknown").await["failure"]);
        // It holds nothing back.
        let next = talk.say("next").await;
        talk.comes_to(next, "unknown").await;
        assert_eq!(times(&line, &words).await, 0);
    }
    // Accepted, and never reported: until it is, at last.
    let talk = Talk::with(&line, "+447700900441").await;
    let fault = json!({ "drop": true, "statuses": "nothing", "to": talk.phone });
    line.meta.post("faults/", fault).await;
    let words = words();
    let id = talk.say(&words).await;
    talk.comes_to(id, "unknown").await;
    report(&talk, &words, "delivered").await;
    assert_eq!(talk.message(id).await["delivery"], "delivered");
    assert_eq!(times(&line, &words).await, 1);
    let log = line.hotel.world.log_text();
    for secret in [words.as_str(), "7700900441", "199910000001", acceptance::ACCESS_TOKEN, "wamid."] {
        assert!(!log.contains(secret), "the log has {secret}");
    }
});

on_both!(a_retry_is_for_what_failed_or_is_unknown, line => |line| {
    let talk = Talk::with(&line, "+447700900442").await;
    let well = talk.say(&words()).await;
    talk.comes_to(well, "read").await;
    talk.retry(well).await.problem(409, "not_failed");
    line.meta.post("faults/", json!({ "code": 131026, "by": "status", "to": talk.phone })).await;
    let words = words();
    let id = talk.say(&words).await;
    talk.comes_to(id, "failed").await;
    // Nobody else's.
    talk.retry(id + 1_000_000).await.problem(404, "not_found");
    let path = talk.path(&format!("messages/{id}/retry/"));
    let other = Talk::with(&line, "+447700900443").await;
    talk.manager.post_empty(other.path(&format!("messages/{id}/retry/"))).await.problem(404, "not_found");
    let stranger = line.hotel.of(1).await;
    stranger.post_empty(&path).await.problem(404, "not_found");
    line.nobody().post_empty(&path).await.problem(401, "unauthenticated");
    let notes = talk.path("notes/");
    let note = talk.manager.post(notes, json!({ "text": "A note" })).await.is(201)["id"].as_i64().unwrap();
    talk.retry(note).await.problem(409, "not_failed");
    // Under a key it is one retry.
    let (mut socket, client) = (open(&talk).await, talk.manager.key(&unique("retry")));
    let first = client.post_empty(&path).await.is(200);
    assert_eq!((&first["delivery"], &first["failure"]), (&json!("queued"), &Value::Null));
    heard(&mut socket, id, "read").await;
    let again = client.post_empty(&path).await;
    assert_eq!((again.status, again.header("idempotent-replay")), (200, Some("true")));
    talk.retry(id).await.problem(409, "not_failed");
    assert_eq!(times(&line, &words).await, 2, "once each time");
});

on_both!(a_guest_who_has_it_after_all_does_not_get_it_again, line => |line| {
    let talk = Talk::with(&line, "+447700900445").await;
    line.meta.post("faults/", json!({ "drop": true, "statuses": "nothing", "to": talk.phone })).await;
    let words = words();
    let id = talk.say(&words).await;
    talk.comes_to(id, "unknown").await;
    // Staff do not wait for the report, and WhatsApp cannot take it again just now.
    line.meta.post("faults/", json!({ "code": 131057, "to": talk.phone })).await;
    talk.retry(id).await.is(200);
    is_put_back(&talk, id).await;
    for (told, delivery, waits) in [("sent", "queued", 1), ("delivered", "delivered", 0), ("read", "read", 0)] {
        report(&talk, &words, told).await;
        assert_eq!(talk.message(id).await["delivery"], delivery);
        assert_eq!(rows_in(&talk, id, "queued"), waits, "{told}");
    }
    assert_eq!(rows_in(&talk, id, "settled"), 1);
    assert_eq!(times(&line, &words).await, 1);
});

on_both!(a_report_that_was_kept_beside_the_answer_is_found, line => |line| {
    let talk = Talk::with(&line, "+199910000010").await;
    let words = words();
    let id = talk.say(&words).await;
    talk.comes_to(id, "sent").await;
    // As another server stores it that did not see yet what this one stored.
    let kept = format!(
        "INSERT INTO early_reports (hotel_id, whatsapp_message_id, delivery, received_at) \
         SELECT o.hotel_id, m.whatsapp_message_id, 'delivered', o.due_at FROM outbox o \
         JOIN messages m ON m.id = o.message_id WHERE m.id = {id}"
    );
    line.hotel.world.sql(&kept).unwrap();
    talk.comes_to(id, "delivered").await;
    assert_eq!(times(&line, &words).await, 1);
});

on_both!(what_is_stored_as_on_its_way_and_is_not_is_given_up, line => |line| {
    let talk = Talk::with(&line, "+447700900444").await;
    line.meta.post("faults/", json!({ "code": 131057, "to": talk.phone })).await;
    let (first, next) = (words(), words());
    let (id, then) = (talk.say(&first).await, talk.say(&next).await);
    is_put_back(&talk, id).await;
    // As a claim leaves it whose answer was lost.
    line.hotel.world.sql(&format!("UPDATE outbox SET state = 'sending' WHERE message_id = {id}")).unwrap();
    is_sentence(&talk.comes_to(id, "unknown").await["failure"]);
    talk.comes_to(then, "read").await;
    assert_eq!((times(&line, &first).await, times(&line, &next).await), (0, 1));
});

on_both!(a_late_receipt_of_a_former_attempt_is_known_by_its_whatsapp_id_alone, line => |line| {
    let talk = Talk::with(&line, "+447700900446").await;
    line.meta.post("faults/", json!({ "code": 131026, "by": "status", "to": talk.phone })).await;
    let words = words();
    let id = talk.say(&words).await;
    talk.comes_to(id, "failed").await;
    let first = line.transcript("send").await.into_iter().find(|it| it["body"]["text"]["body"] == *words).unwrap();
    // WhatsApp cannot take it again just now.
    line.meta.post("faults/", json!({ "code": 131057, "to": talk.phone })).await;
    talk.retry(id).await.is(200);
    is_put_back(&talk, id).await;
    report_of(&talk, &first, Value::Null, "failed").await;
    assert_eq!(talk.message(id).await["delivery"], "queued", "that is of the attempt before");
    report_of(&talk, &first, Value::Null, "delivered").await;
    assert_eq!(talk.message(id).await["delivery"], "delivered");
    assert_eq!(rows_in(&talk, id, "settled"), 1);
    // So is one that another server has kept.
    let kept = format!(
        "INSERT INTO early_reports (hotel_id, whatsapp_message_id, delivery, received_at) \
         SELECT hotel_id, '{}', 'read', due_at FROM outbox WHERE message_id = {id}",
        first["wamid"].as_str().unwrap(),
    );
    line.hotel.world.sql(&kept).unwrap();
    talk.comes_to(id, "read").await;
    assert_eq!(times(&line, &words).await, 1);
});

on_both!(a_stored_body_that_is_not_understood_is_not_sent_as_its_text, line => |line| {
    let talk = Talk::with(&line, "+447700900447").await;
    line.meta.post("faults/", json!({ "code": 131057, "to": talk.phone })).await;
    let words = words();
    let id = talk.say(&words).await;
    is_put_back(&talk, id).await;
    // As a later version may have stored it.
    let later = format!(
        "UPDATE outbox SET body = '{{\"poll\":1}}', \
         due_at = (SELECT created_at FROM hotels WHERE hotels.id = outbox.hotel_id) WHERE message_id = {id}"
    );
    line.hotel.world.sql(&later).unwrap();
    is_sentence(&talk.comes_to(id, "failed").await["failure"]);
    assert_eq!(times(&line, &words).await, 0);
});
