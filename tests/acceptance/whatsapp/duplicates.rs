//! Redelivered, concurrent, late and large webhooks: each message is stored once, and listed in the order of writing.

use std::collections::BTreeSet;

use acceptance::{
    ApiClient, DatabaseKind, TestSocket, Value, WhatsappHotel, WhatsappWorld, WorldOptions, json, on_both, signature,
    whatsapp::{envelope, message, text},
    with_simulator,
};
use futures_util::future::join_all;

use super::{count_conversations, digits, guest_texts, guest_texts_after, id};
use crate::ids;

/// A text with a timestamp relative to now.
fn text_at(from: &str, seconds: i64, words: &str) -> Value {
    let time = now() + seconds;
    message(from, json!({ "type": "text", "timestamp": time.to_string(), "text": { "body": words } }))
}

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

on_both!(a_redelivered_message_is_stored_once, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let before = guest_texts(&line, stay.conversation).await.len();
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let (one, two) = (text(digits(&stay.phone), "one"), text(digits(&stay.phone), "two"));
    // In one body, concurrently, in other bodies, and again after that.
    let twice = line.body(&[one.clone(), one.clone()]);
    for response in join_all((0..8).map(|_| line.post(&twice))).await {
        response.is(200);
    }
    let (both, apart) = (line.body(&[one.clone(), two.clone()]), line.body(&[two]));
    for response in join_all([line.post(&both), line.post(&apart), line.post(&both), line.post(&twice)]).await {
        response.is(200);
    }
    assert_eq!(guest_texts_after(&line, stay.conversation, before).await, ["one", "two"]);
    let events: Vec<Value> =
        socket.events_so_far(&line).await.into_iter().filter(|it| it["type"] == "new_message").collect();
    assert_eq!(events.len(), 2, "{events:?}");
});

on_both!(concurrent_first_messages_create_one_conversation, line => |line| {
    let phone = line.unused_phone();
    let bodies: Vec<Value> = (0..10).map(|it| line.body(&[text(digits(&phone), &format!("photo {it}"))])).collect();
    for response in join_all(bodies.iter().chain(&bodies).map(|it| line.post(it))).await {
        response.is(200);
    }
    assert_eq!(count_conversations(&line, digits(&phone)).await, 1);
    let conversation = line.conversation(digits(&phone)).await;
    let all: BTreeSet<String> = guest_texts(&line, id(&conversation)).await.into_iter().collect();
    assert_eq!((all.len(), guest_texts(&line, id(&conversation)).await.len()), (10, 10), "{all:?}");
});

on_both!(messages_of_one_body_are_stored_in_timestamp_order, line => |line| {
    let (stay, other) = (line.assigned(0).await, line.relay(1));
    let before = guest_texts(&line, stay.conversation).await.len();
    let from = digits(&stay.phone);
    let changes = vec![
        line.change(&[text_at(from, -10, "third"), text_at(from, -10, "fourth")]),
        line.change(&[text_at(digits(&other.phone), -90, "another's"), text_at(from, -30, "first")]),
        line.change(&[text_at(from, -20, "second")]),
    ];
    line.post(&envelope(changes)).await.is(200);
    assert_eq!(guest_texts_after(&line, stay.conversation, before).await, ["first", "second", "third", "fourth"]);
});

on_both!(messages_of_several_bodies_are_listed_in_timestamp_order, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let before = guest_texts(&line, stay.conversation).await.len();
    let from = digits(&stay.phone);
    for (seconds, words) in [(-10, "third"), (-30, "first"), (-10, "fourth"), (-20, "second")] {
        line.deliver_messages(&[text_at(from, seconds, words)]).await;
    }
    assert_eq!(guest_texts_after(&line, stay.conversation, before).await, ["first", "second", "third", "fourth"]);
    // However the pages are cut, together they contain each message once.
    let mut all: Vec<i64> = line.messages(stay.conversation).await.iter().map(id).collect();
    all.sort_unstable();
    for limit in 1..=all.len() {
        let mut page = staff.get(stay.path(&format!("messages/?limit={limit}"))).await;
        let mut seen = ids(&page.is(200));
        while let Some(link) = page.link("prev") {
            page = staff.follow(&link).await;
            seen.extend(ids(&page.is(200)));
        }
        seen.sort_unstable();
        assert_eq!(seen, all, "{limit} a page");
    }
    // A message that arrives after a reply is listed after that reply, where staff will notice it.
    line.hotel.send_message(&staff, &stay, "answer").await;
    line.deliver_messages(&[text_at(from, -40, "missed")]).await;
    let last: Vec<Value> = line.messages(stay.conversation).await.into_iter().rev().take(2).collect();
    assert_eq!((&last[0]["content"], &last[1]["content"]), (&json!("missed"), &json!("answer")));
});

on_both!(system_messages_in_between_do_not_change_the_order, line => |line| {
    let phone = line.unused_phone();
    for (seconds, words) in [(-10, "second"), (-20, "first")] {
        line.deliver_messages(&[text_at(digits(&phone), seconds, words)]).await;
    }
    let conversation = line.conversation(digits(&phone)).await;
    assert_eq!(guest_texts(&line, id(&conversation)).await, ["first", "second"]);
});

on_both!(timestamps_in_milliseconds_are_accepted, line => |line| {
    let stay = line.assigned(0).await;
    let time = now() - 100;
    let body = json!({ "type": "text", "timestamp": format!("{time}000"), "text": { "body": "in ms" } });
    line.deliver_messages(&[message(digits(&stay.phone), body)]).await;
    let all = line.messages(stay.conversation).await;
    let listed = all.last().unwrap()["timestamp"].as_str().unwrap().to_owned();
    let stored: i64 = chrono::DateTime::parse_from_rfc3339(&listed).unwrap().timestamp();
    assert_eq!(stored, time);
});

on_both!(the_window_starts_at_the_message_timestamp, line => |line| {
    let (phone, manager) = (line.unused_phone(), line.manager().await);
    let from = digits(&phone);
    line.deliver_messages(&[text_at(from, -3600, "an hour ago")]).await;
    let conversation = line.conversation(from).await;
    let window = async || {
        let details = manager.get(format!("conversations/{}/", conversation["id"])).await.is(200);
        chrono::DateTime::parse_from_rfc3339(details["window_expires_at"].as_str().unwrap()).unwrap().timestamp()
    };
    assert!((window().await - (now() + 23 * 3600)).abs() < 30);
    // A late message neither closes nor extends the window.
    line.deliver_messages(&[text_at(from, -40 * 3600, "two days ago")]).await;
    assert!((window().await - (now() + 23 * 3600)).abs() < 30);
    // A timestamp in the future does not extend the window.
    line.deliver_messages(&[text_at(from, 9 * 24 * 3600, "from the future")]).await;
    assert!((window().await - (now() + 24 * 3600)).abs() < 30);
});

on_both!(a_message_that_is_a_day_late_opens_no_window, line => |line| {
    let (phone, manager) = (line.unused_phone(), line.manager().await);
    line.deliver_messages(&[text_at(digits(&phone), -25 * 3600, "yesterday")]).await;
    let conversation = line.conversation(digits(&phone)).await;
    let path = format!("conversations/{}/send_message/", conversation["id"]);
    manager.post(path, json!({ "text": "late" })).await.problem(409, "window_closed");
});

on_both!(a_body_with_a_thousand_messages_is_stored, line => |line| {
    let phones: Vec<String> = (0..50).map(|_| line.unused_phone()).collect();
    let messages: Vec<Value> =
        (0..1000).map(|it| text(digits(&phones[it % 50]), &format!("number {it}"))).collect();
    let body = line.body(&messages);
    line.post(&body).await.is(200);
    line.post(&body).await.is(200);
    for (index, phone) in phones.iter().enumerate() {
        let conversation = line.conversation(digits(phone)).await;
        let wanted: Vec<String> = (0..20).map(|it| format!("number {}", it * 50 + index)).collect();
        assert_eq!(guest_texts(&line, id(&conversation)).await, wanted);
    }
});

on_both!(a_body_of_three_megabytes_is_stored, line => |line| {
    let stay = line.assigned(0).await;
    let long = "x".repeat(100_000);
    let messages: Vec<Value> = (0..30).map(|it| text(digits(&stay.phone), &format!("{it}{long}"))).collect();
    let before = guest_texts(&line, stay.conversation).await.len();
    line.deliver_messages(&messages).await;
    assert_eq!(guest_texts_after(&line, stay.conversation, before).await.len(), 30);
    // Bodies larger than Meta's limit are refused.
    let too_much = line.post_bytes(vec![b' '; 5 * 1024 * 1024]).await;
    assert_eq!(too_much.status, 413);
});

/// Posts a webhook body to another node.
async fn post_at(node: &ApiClient, body: &Value) -> u16 {
    let bytes = body.to_string().into_bytes();
    let signed = signature(acceptance::APP_SECRET, &bytes);
    node.with("x-hub-signature-256", &signed).send("POST", "/webhooks/whatsapp/", Some(bytes)).await.status
}

/// Twenty bodies, each with a message of every guest.
fn webhook_bodies(line: &WhatsappHotel, phones: &[String]) -> Vec<Value> {
    let body = |turn: usize| {
        let all = phones.iter().map(|phone| text(digits(phone), &format!("turn {turn}")));
        line.body(&all.collect::<Vec<_>>())
    };
    (0..20).map(body).collect()
}

#[test]
fn the_same_webhook_on_two_nodes_is_stored_once() {
    with_simulator(DatabaseKind::Postgres, WorldOptions::default(), async |whatsapp: std::sync::Arc<WhatsappWorld>| {
        let line: WhatsappHotel = whatsapp.line();
        let node = whatsapp.world.another_node();
        let nodes = [ApiClient::new(&whatsapp.world), ApiClient::new(&node)];
        let phones: Vec<String> = (0..5).map(|_| line.unused_phone()).collect();
        for body in &webhook_bodies(&line, &phones) {
            let posts = nodes.iter().chain(&nodes).map(|node| post_at(node, body));
            assert_eq!(join_all(posts).await, [200; 4]);
        }
        for phone in &phones {
            let conversation = line.conversation(digits(phone)).await;
            let wanted: Vec<String> = (0..20).map(|turn| format!("turn {turn}")).collect();
            assert_eq!(guest_texts(&line, id(&conversation)).await, wanted);
        }
        // All bodies at once, in any order.
        let phones: Vec<String> = (0..5).map(|_| line.unused_phone()).collect();
        let bodies = webhook_bodies(&line, &phones);
        let posts = bodies.iter().flat_map(|body| nodes.iter().map(move |node| post_at(node, body)));
        assert!(join_all(posts).await.into_iter().all(|status| status == 200));
        for phone in &phones {
            assert_eq!(count_conversations(&line, digits(phone)).await, 1);
            let conversation = line.conversation(digits(phone)).await;
            let all: BTreeSet<String> = guest_texts(&line, id(&conversation)).await.into_iter().collect();
            assert_eq!((all.len(), guest_texts(&line, id(&conversation)).await.len()), (20, 20));
        }
        assert_eq!(whatsapp.world.number("SELECT count(*) FROM parked"), 0);
    });
}
