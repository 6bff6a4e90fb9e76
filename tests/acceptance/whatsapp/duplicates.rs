//! Meta brings things again, in parallel, in any order, and many at once.

use std::collections::BTreeSet;

use acceptance::{
    Backend, Client, Line, Options, Socket, Value, Whatsapp, by_whatsapp, json, on_both, signature,
    whatsapp::{envelope, message, text},
};
use futures_util::future::join_all;

use super::{count, digits, id, new_in, written};
use crate::ids;

/// A text that was written so many seconds from now.
fn at(from: &str, seconds: i64, words: &str) -> Value {
    let time = now() + seconds;
    message(from, json!({ "type": "text", "timestamp": time.to_string(), "text": { "body": words } }))
}

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

on_both!(the_same_message_is_one_however_it_comes, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let before = written(&line, stay.conversation).await.len();
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let (one, two) = (text(digits(&stay.phone), "one"), text(digits(&stay.phone), "two"));
    // In one body, in parallel, in other bodies, and after all of that.
    let twice = line.body(&[one.clone(), one.clone()]);
    for answer in join_all((0..8).map(|_| line.post(&twice))).await {
        answer.is(200);
    }
    let (both, apart) = (line.body(&[one.clone(), two.clone()]), line.body(&[two]));
    for answer in join_all([line.post(&both), line.post(&apart), line.post(&both), line.post(&twice)]).await {
        answer.is(200);
    }
    assert_eq!(new_in(&line, stay.conversation, before).await, ["one", "two"]);
    let told: Vec<Value> =
        socket.so_far(&line).await.into_iter().filter(|it| it["type"] == "new_message").collect();
    assert_eq!(told.len(), 2, "{told:?}");
});

on_both!(a_new_guest_is_one_however_many_come_at_once, line => |line| {
    let phone = line.new_phone();
    let bodies: Vec<Value> = (0..10).map(|it| line.body(&[text(digits(&phone), &format!("photo {it}"))])).collect();
    for answer in join_all(bodies.iter().chain(&bodies).map(|it| line.post(it))).await {
        answer.is(200);
    }
    assert_eq!(count(&line, digits(&phone)).await, 1);
    let talk = line.conversation(digits(&phone)).await;
    let all: BTreeSet<String> = written(&line, id(&talk)).await.into_iter().collect();
    assert_eq!((all.len(), written(&line, id(&talk)).await.len()), (10, 10), "{all:?}");
});

on_both!(within_a_body_a_guests_messages_come_in_the_order_of_their_times, line => |line| {
    let (stay, other) = (line.assigned(0).await, line.relay(1));
    let before = written(&line, stay.conversation).await.len();
    let from = digits(&stay.phone);
    let changes = vec![
        line.change(&[at(from, -10, "third"), at(from, -10, "fourth")]),
        line.change(&[at(digits(&other.phone), -90, "another's"), at(from, -30, "first")]),
        line.change(&[at(from, -20, "second")]),
    ];
    line.post(&envelope(changes)).await.is(200);
    assert_eq!(new_in(&line, stay.conversation, before).await, ["first", "second", "third", "fourth"]);
});

on_both!(over_bodies_they_are_read_in_that_order, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let before = written(&line, stay.conversation).await.len();
    let from = digits(&stay.phone);
    for (seconds, words) in [(-10, "third"), (-30, "first"), (-10, "fourth"), (-20, "second")] {
        line.brings(&[at(from, seconds, words)]).await;
    }
    assert_eq!(new_in(&line, stay.conversation, before).await, ["first", "second", "third", "fourth"]);
    // Wherever a page is cut, the pages beside it hold the rest, once.
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
    // What comes when it was answered already is not slipped in above the answer, where nobody would look.
    line.hotel.says(&staff, &stay, "answer").await;
    line.brings(&[at(from, -40, "missed")]).await;
    let last: Vec<Value> = line.messages(stay.conversation).await.into_iter().rev().take(2).collect();
    assert_eq!((&last[0]["content"], &last[1]["content"]), (&json!("missed"), &json!("answer")));
});

on_both!(the_systems_answers_between_do_not_change_that, line => |line| {
    let phone = line.new_phone();
    for (seconds, words) in [(-10, "second"), (-20, "first")] {
        line.brings(&[at(digits(&phone), seconds, words)]).await;
    }
    let talk = line.conversation(digits(&phone)).await;
    assert_eq!(written(&line, id(&talk)).await, ["first", "second"]);
});

on_both!(a_time_in_milliseconds_is_one_too, line => |line| {
    let stay = line.assigned(0).await;
    let time = now() - 100;
    let what = json!({ "type": "text", "timestamp": format!("{time}000"), "text": { "body": "in ms" } });
    line.brings(&[message(digits(&stay.phone), what)]).await;
    let all = line.messages(stay.conversation).await;
    let told = all.last().unwrap()["timestamp"].as_str().unwrap().to_owned();
    let stored: i64 = chrono::DateTime::parse_from_rfc3339(&told).unwrap().timestamp();
    assert_eq!(stored, time);
});

on_both!(the_window_is_counted_from_when_the_guest_wrote, line => |line| {
    let (phone, manager) = (line.new_phone(), line.manager().await);
    let from = digits(&phone);
    line.brings(&[at(from, -3600, "an hour ago")]).await;
    let talk = line.conversation(from).await;
    let window = async || {
        let it = manager.get(format!("conversations/{}/", talk["id"])).await.is(200);
        chrono::DateTime::parse_from_rfc3339(it["window_expires_at"].as_str().unwrap()).unwrap().timestamp()
    };
    assert!((window().await - (now() + 23 * 3600)).abs() < 30);
    // What comes late closes nothing, and does not open it for longer.
    line.brings(&[at(from, -40 * 3600, "two days ago")]).await;
    assert!((window().await - (now() + 23 * 3600)).abs() < 30);
    // A clock that is ahead does not open it for longer, either.
    line.brings(&[at(from, 9 * 24 * 3600, "from the future")]).await;
    assert!((window().await - (now() + 24 * 3600)).abs() < 30);
});

on_both!(what_comes_a_day_late_opens_no_window, line => |line| {
    let (phone, manager) = (line.new_phone(), line.manager().await);
    line.brings(&[at(digits(&phone), -25 * 3600, "yesterday")]).await;
    let talk = line.conversation(digits(&phone)).await;
    let path = format!("conversations/{}/send_message/", talk["id"]);
    manager.post(path, json!({ "text": "late" })).await.problem(409, "window_closed");
});

on_both!(a_thousand_come_in_one_body, line => |line| {
    let phones: Vec<String> = (0..50).map(|_| line.new_phone()).collect();
    let messages: Vec<Value> =
        (0..1000).map(|it| text(digits(&phones[it % 50]), &format!("number {it}"))).collect();
    let body = line.body(&messages);
    line.post(&body).await.is(200);
    line.post(&body).await.is(200);
    for (index, phone) in phones.iter().enumerate() {
        let talk = line.conversation(digits(phone)).await;
        let wanted: Vec<String> = (0..20).map(|it| format!("number {}", it * 50 + index)).collect();
        assert_eq!(written(&line, id(&talk)).await, wanted);
    }
});

on_both!(three_megabytes_come_in_one_body, line => |line| {
    let stay = line.assigned(0).await;
    let long = "x".repeat(100_000);
    let messages: Vec<Value> = (0..30).map(|it| text(digits(&stay.phone), &format!("{it}{long}"))).collect();
    let before = written(&line, stay.conversation).await.len();
    line.brings(&messages).await;
    assert_eq!(new_in(&line, stay.conversation, before).await.len(), 30);
    // Beyond what Meta ever sends, nothing is read.
    let too_much = line.post_bytes(vec![b' '; 5 * 1024 * 1024]).await;
    assert_eq!(too_much.status, 413);
});

/// The same line by another node.
async fn post_at(node: &Client, body: &Value) -> u16 {
    let bytes = body.to_string().into_bytes();
    let signed = signature(acceptance::APP_SECRET, &bytes);
    node.with("x-hub-signature-256", &signed).send("POST", "/webhooks/whatsapp/", Some(bytes)).await.status
}

/// Twenty bodies, in each of which every guest writes.
fn turns(line: &Line, phones: &[String]) -> Vec<Value> {
    let body = |turn: usize| {
        let all = phones.iter().map(|phone| text(digits(phone), &format!("turn {turn}")));
        line.body(&all.collect::<Vec<_>>())
    };
    (0..20).map(body).collect()
}

#[test]
fn on_two_nodes_at_once_it_is_one() {
    by_whatsapp(Backend::Postgres, Options::default(), async |it: std::sync::Arc<Whatsapp>| {
        let line: Line = it.line();
        let node = it.world.another_node();
        let nodes = [Client::new(&it.world), Client::new(&node)];
        let phones: Vec<String> = (0..5).map(|_| line.new_phone()).collect();
        for both in &turns(&line, &phones) {
            let posts = nodes.iter().chain(&nodes).map(|node| post_at(node, both));
            assert_eq!(join_all(posts).await, [200; 4]);
        }
        for phone in &phones {
            let talk = line.conversation(digits(phone)).await;
            let wanted: Vec<String> = (0..20).map(|turn| format!("turn {turn}")).collect();
            assert_eq!(written(&line, id(&talk)).await, wanted);
        }
        // All at once, in whatever order.
        let phones: Vec<String> = (0..5).map(|_| line.new_phone()).collect();
        let bodies = turns(&line, &phones);
        let posts = bodies.iter().flat_map(|body| nodes.iter().map(move |node| post_at(node, body)));
        assert!(join_all(posts).await.into_iter().all(|status| status == 200));
        for phone in &phones {
            assert_eq!(count(&line, digits(phone)).await, 1);
            let talk = line.conversation(digits(phone)).await;
            let all: BTreeSet<String> = written(&line, id(&talk)).await.into_iter().collect();
            assert_eq!((all.len(), written(&line, id(&talk)).await.len()), (20, 20));
        }
        assert_eq!(it.world.number("SELECT count(*) FROM parked"), 0);
    });
}
