//! Order within a conversation, and the rates that WhatsApp allows.

use std::time::Duration;

use acceptance::{Options, json, on_both};
use tokio::time::sleep;

use super::*;

on_both!(within_a_conversation_they_go_in_order_whatever_becomes_of_them, line => |line| {
    let talk = Talk::with(&line, "+447700900460").await;
    for fault in [
        json!({ "slow_ms": 1500 }),
        json!({ "code": 131000 }),
        json!({ "drop": true }),
        json!({ "code": 131026, "by": "status" }),
        json!({ "statuses": "reversed" }),
        json!({ "status": 503 }),
    ] {
        let mut fault = fault;
        fault["to"] = talk.phone.as_str().into();
        line.meta.post("faults/", fault).await;
    }
    let all: Vec<String> = (0..12).map(|_| words()).collect();
    let mut ids = Vec::new();
    for words in &all {
        ids.push(talk.say(words).await);
    }
    talk.comes_to(ids[11], "read").await;
    assert_eq!(accepted(&line).await, all);
});

on_both!(many_at_once_are_never_too_many, whatsapp Options::default().stays(300) => |it| {
    let line = it.line();
    line.hotel.world.run(&["hotel", "set", &line.id.to_string(), "--flow", "off"]).json();
    let stays: Vec<_> = line.stays.iter().filter(|it| it.status == "relay").cloned().collect();
    assert_eq!(stays.len(), 150);
    for (n, stay) in stays.iter().enumerate() {
        line.guest(json!({ "from": stay.phone, "text": "Hello" })).await;
        if n % 20 == 19 {
            sleep(Duration::from_millis(300)).await;
        }
    }
    line.meta.has_told().await;
    sleep(Duration::from_secs(1)).await;
    let manager = line.manager().await;
    for n in 0..2 {
        for stay in &stays {
            manager.post(stay.path("send_message/"), json!({ "text": format!("{n} {}", stay.id) })).await.is(201);
        }
    }
    line.until("all are sent", async || (accepted(&line).await.len() == 300).then_some(())).await;
    assert_eq!(line.transcript("refusal").await, Vec::<Value>::new());
});

on_both!(a_guest_gets_no_more_at_once_than_is_allowed, whatsapp Options::default() => |it| {
    let line = it.line();
    let talk = Talk::with(&line, "+447700900461").await;
    let all: Vec<String> = (0..60).map(|_| words()).collect();
    for words in &all {
        talk.say(words).await;
    }
    let sent = async |count| line.until("a burst", async || (accepted(&line).await.len() >= count).then_some(())).await;
    sent(25).await;
    sleep(Duration::from_secs(2)).await;
    assert!((25..40).contains(&accepted(&line).await.len()), "the rest waits");
    for count in [40, 50, 60] {
        it.advance(100).await;
        sent(count).await;
    }
    assert_eq!(accepted(&line).await, all);
    assert_eq!(line.transcript("refusal").await, Vec::<Value>::new());
});
