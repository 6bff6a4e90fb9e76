//! Order within a conversation, and WhatsApp's rate limits.

use std::time::Duration;

use acceptance::{WorldOptions, json, on_both};
use tokio::time::sleep;

use super::*;

on_both!(messages_of_a_conversation_are_sent_in_order_despite_faults, line => |line| {
    let conversation = GuestThread::with(&line, "+447700900460").await;
    for fault in [
        json!({ "slow_ms": 1500 }),
        json!({ "code": 131000 }),
        json!({ "drop": true }),
        json!({ "code": 131026, "by": "status" }),
        json!({ "statuses": "reversed" }),
        json!({ "status": 503 }),
    ] {
        let mut fault = fault;
        fault["to"] = conversation.phone.as_str().into();
        line.meta.post("faults/", fault).await;
    }
    let all: Vec<String> = (0..12).map(|_| unique_text()).collect();
    let mut ids = Vec::new();
    for text in &all {
        ids.push(conversation.say(text).await);
    }
    conversation.wait_for_delivery(ids[11], "read").await;
    assert_eq!(accepted_texts(&line).await, all);
});

on_both!(a_burst_over_many_guests_stays_within_the_rate_limit, whatsapp WorldOptions::default().stays(300) => |whatsapp| {
    let line = whatsapp.line();
    line.hotel.world.run(&["hotel", "set", &line.id.to_string(), "--flow", "off"]).json();
    let stays: Vec<_> = line.stays.iter().filter(|it| it.status == "relay").cloned().collect();
    assert_eq!(stays.len(), 150);
    for (n, stay) in stays.iter().enumerate() {
        line.guest(json!({ "from": stay.phone, "text": "Hello" })).await;
        if n % 20 == 19 {
            sleep(Duration::from_millis(300)).await;
        }
    }
    line.meta.wait_until_delivered().await;
    sleep(Duration::from_secs(1)).await;
    let manager = line.manager().await;
    for n in 0..2 {
        for stay in &stays {
            manager.post(stay.path("send_message/"), json!({ "text": format!("{n} {}", stay.id) })).await.is(201);
        }
    }
    line.until("all messages are sent", async || (accepted_texts(&line).await.len() == 300).then_some(())).await;
    assert_eq!(line.transcript("refusal").await, Vec::<Value>::new());
});

on_both!(messages_to_one_guest_stay_within_the_rate_limit, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let conversation = GuestThread::with(&line, "+447700900461").await;
    let all: Vec<String> = (0..60).map(|_| unique_text()).collect();
    for text in &all {
        conversation.say(text).await;
    }
    let sent = async |count| line.until("the burst is sent", async || (accepted_texts(&line).await.len() >= count).then_some(())).await;
    sent(25).await;
    sleep(Duration::from_secs(2)).await;
    assert!((25..40).contains(&accepted_texts(&line).await.len()), "the rest must wait");
    for count in [40, 50, 60] {
        whatsapp.advance(100).await;
        sent(count).await;
    }
    assert_eq!(accepted_texts(&line).await, all);
    assert_eq!(line.transcript("refusal").await, Vec::<Value>::new());
});
