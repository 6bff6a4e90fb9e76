//! Crashes, shutdowns and failover of nodes while messages are being sent.

use std::{collections::HashMap, sync::Arc, time::Duration};

use acceptance::{ApiClient, DatabaseKind, Value, WhatsappWorld, WorldOptions, json, on_both, with_simulator};
use tokio::time::{Instant, sleep};

use super::*;

/// Longer than the sender lease of a killed node.
const TAKEOVER_TIMEOUT: Duration = Duration::from_secs(40);

/// Conversations of one hotel whose guests have written.
async fn open_conversations(whatsapp: &Arc<WhatsappWorld>, count: usize) -> Vec<GuestThread> {
    let line = whatsapp.line();
    let mut conversations = Vec::new();
    for n in 0..count {
        conversations.push(GuestThread::with(&line, &format!("+4477009005{n:02}")).await);
    }
    whatsapp.meta.set(json!({ "reply_ms": [0, 300], "delivered_ms": [0, 500], "read_ms": [0, 500] })).await;
    conversations
}

/// The same conversations after a restart.
async fn sign_in_again(conversations: &[GuestThread]) -> Vec<GuestThread> {
    let manager = conversations[0].back().await.manager;
    conversations.iter().map(|it| GuestThread { manager: manager.clone(), ..it.clone() }).collect()
}

/// Waits until no message of these conversations is queued.
async fn wait_until_sent(conversations: &[GuestThread], within: Duration) {
    let start = Instant::now();
    for conversation in conversations {
        loop {
            let all = conversation.messages().await;
            if all.iter().all(|it| it["delivery"] != "queued") {
                break;
            }
            assert!(start.elapsed() < within, "messages are still queued: {all:?}");
            sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Fails unless each message was accepted once or is `unknown`, in order within each conversation. Returns the number
/// of unknown messages.
async fn assert_sent_once(conversations: &[GuestThread]) -> usize {
    let line = &conversations[0].line;
    let order = accepted_texts(line).await;
    let mut positions: HashMap<&str, Vec<usize>> = HashMap::new();
    for (position, text) in order.iter().enumerate() {
        positions.entry(text).or_default().push(position);
    }
    let mut unknown = 0;
    for conversation in conversations {
        let mut last = 0;
        for it in conversation.messages().await.iter().filter(|it| it["delivery"] != Value::Null) {
            let found = positions.get(it["content"].as_str().unwrap()).cloned().unwrap_or_default();
            match it["delivery"].as_str().unwrap() {
                "unknown" => {
                    unknown += 1;
                    assert!(found.len() <= 1, "sent twice: {it}");
                }
                "sent" | "delivered" | "read" => assert_eq!(found.len(), 1, "{it}"),
                _ => panic!("{it}"),
            }
            if let Some(found) = found.first() {
                assert!(*found >= last, "out of order: {it}");
                last = *found;
            }
        }
    }
    unknown
}

on_both!(a_killed_node_sends_nothing_twice_and_loses_nothing, whatsapp WorldOptions::default() => |whatsapp| {
    let mut conversations = open_conversations(&whatsapp, 6).await;
    for round in 0..3 {
        for _ in 0..5 {
            for conversation in &conversations {
                conversation.say(&unique_text()).await;
            }
        }
        sleep(Duration::from_millis(130 * round)).await;
        whatsapp.world.kill();
        whatsapp.world.serve();
        conversations = sign_in_again(&conversations).await;
        // Messages in flight become `unknown` when the sender lease of the killed node has expired.
        wait_until_sent(&conversations, TAKEOVER_TIMEOUT).await;
    }
    whatsapp.meta.wait_until_delivered().await;
    let unknown = assert_sent_once(&conversations).await;
    assert!(unknown <= 18, "more unknown messages than were in flight: {unknown}");
});

on_both!(shutdown_waits_for_messages_in_flight, whatsapp WorldOptions::default() => |whatsapp| {
    let conversations = open_conversations(&whatsapp, 6).await;
    let slow = json!({ "slow_ms": 1500, "to": conversations[0].phone });
    let never = json!({ "hang": true, "accepted": false, "to": conversations[1].phone });
    for fault in [slow, never] {
        whatsapp.meta.post("faults/", fault).await;
    }
    let mut ids = Vec::new();
    for conversation in &conversations {
        ids.push(conversation.say(&unique_text()).await);
        conversation.say(&unique_text()).await;
    }
    sleep(Duration::from_millis(300)).await;
    whatsapp.world.signal("TERM");
    assert_eq!(whatsapp.world.wait_for_exit(Duration::from_secs(10)).await, Some(0));
    whatsapp.world.serve();
    let conversations = sign_in_again(&conversations).await;
    // The sender lease was released at the shutdown.
    wait_until_sent(&conversations, Duration::from_secs(8)).await;
    whatsapp.meta.wait_until_delivered().await;
    assert_eq!(conversations[1].message(ids[1]).await["delivery"], "unknown");
    assert_eq!(assert_sent_once(&conversations).await, 1);
});

#[test]
fn another_node_takes_over_the_sender_lease() {
    with_simulator(DatabaseKind::Postgres, WorldOptions::default(), async |whatsapp: Arc<WhatsappWorld>| {
        let conversations = open_conversations(&whatsapp, 6).await;
        let node = whatsapp.world.another_node();
        let other = ApiClient::new(&node).bearer(&conversations[0].manager.access);
        for _ in 0..4 {
            for conversation in &conversations {
                conversation.say(&unique_text()).await;
                other.post(conversation.path("send_message/"), json!({ "text": unique_text() })).await.is(201);
            }
        }
        // The first node holds the sender lease.
        whatsapp.meta.set(json!({ "callback": format!("{}/webhooks/whatsapp/", node.base()) })).await;
        whatsapp.world.kill();
        let waiting = async || {
            let mut left = 0;
            for conversation in &conversations {
                let all = other.get(conversation.path("messages/?limit=1000")).await.is(200);
                left += all.as_array().unwrap().iter().filter(|it| it["delivery"] == "queued").count();
            }
            left
        };
        let start = Instant::now();
        while waiting().await > 0 {
            assert!(start.elapsed() < TAKEOVER_TIMEOUT, "no node takes over");
            sleep(Duration::from_millis(200)).await;
        }
        whatsapp.world.serve();
        let conversations = sign_in_again(&conversations).await;
        whatsapp.meta.wait_until_delivered().await;
        let unknown = assert_sent_once(&conversations).await;
        assert!(unknown <= 6, "more unknown messages than were in flight: {unknown}");
    });
}

#[test]
fn the_outcome_of_a_send_is_stored_after_a_database_outage() {
    with_simulator(DatabaseKind::Postgres, WorldOptions::default(), async |whatsapp: Arc<WhatsappWorld>| {
        let conversation = open_conversations(&whatsapp, 1).await.remove(0);
        whatsapp.meta.post("faults/", json!({ "slow_ms": 1500, "statuses": "nothing" })).await;
        let text = unique_text();
        let id = conversation.say(&text).await;
        sleep(Duration::from_millis(700)).await;
        whatsapp.world.set_reachable(false);
        sleep(Duration::from_secs(3)).await;
        whatsapp.world.set_reachable(true);
        let path = conversation.path("messages/?limit=1000");
        let start = Instant::now();
        loop {
            let response = conversation.manager.get(&path).await;
            let all = if response.status == 200 { response.json() } else { json!([]) };
            if all.as_array().unwrap().iter().any(|it| it["id"] == id && it["delivery"] == "sent") {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{all}");
            sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(count_accepted(&conversation.line, &text).await, 1);
    });
}

/// Sends a small file; returns the message id.
async fn send_file(conversation: &GuestThread) -> i64 {
    let form = "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"bill.pdf\"\r\n\
                Content-Type: application/pdf\r\n\r\n%PDF-1.4\r\n--edge--\r\n";
    let client = conversation.manager.with("content-type", "multipart/form-data; boundary=edge");
    let sent = client.send("POST", conversation.path("attachments/"), Some(form.into())).await;
    sent.is(201)["id"].as_i64().unwrap()
}

/// How many documents the simulator accepted.
async fn count_documents(conversation: &GuestThread) -> usize {
    conversation.line.transcript("send").await.iter().filter(|it| it["body"]["type"] == "document").count()
}

on_both!(a_crash_during_an_upload_leaves_the_message_queued, whatsapp WorldOptions::default() => |whatsapp| {
    let conversation = open_conversations(&whatsapp, 1).await.remove(0);
    whatsapp.meta.post("faults/", json!({ "on": "upload", "hang": true })).await;
    let id = send_file(&conversation).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(conversation.message(id).await["delivery"], "queued");
    whatsapp.world.kill();
    whatsapp.world.serve();
    let conversation = conversation.back().await;
    let start = Instant::now();
    while conversation.message(id).await["delivery"] != "read" {
        assert!(start.elapsed() < TAKEOVER_TIMEOUT, "{}", conversation.message(id).await);
        sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(count_documents(&conversation).await, 1);
});

#[test]
fn a_suspended_node_sends_nothing_after_another_took_over() {
    with_simulator(DatabaseKind::Postgres, WorldOptions::default(), async |whatsapp: Arc<WhatsappWorld>| {
        let conversation = open_conversations(&whatsapp, 1).await.remove(0);
        let node = whatsapp.world.another_node();
        let other = ApiClient::new(&node).bearer(&conversation.manager.access);
        whatsapp.meta.post("faults/", json!({ "on": "upload", "hang": true })).await;
        // The first node holds the sender lease.
        let id = send_file(&conversation).await;
        sleep(Duration::from_secs(2)).await;
        whatsapp.meta.set(json!({ "callback": format!("{}/webhooks/whatsapp/", node.base()) })).await;
        whatsapp.world.signal("STOP");
        let delivery = async || {
            let all = other.get(conversation.path("messages/?limit=1000")).await.is(200);
            all.as_array().unwrap().iter().find(|it| it["id"] == id).unwrap()["delivery"].clone()
        };
        let start = Instant::now();
        while delivery().await != "read" {
            assert!(start.elapsed() < TAKEOVER_TIMEOUT, "no node takes over: {}", delivery().await);
            sleep(Duration::from_millis(200)).await;
        }
        whatsapp.world.signal("CONT");
        sleep(Duration::from_secs(3)).await;
        assert_eq!((count_documents(&conversation).await, delivery().await), (1, json!("read")));
    });
}
