//! Posted webhooks: encoding, signature, retries and order.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use simulator::SimulatorSettings;

use crate::harness::{GUEST, ReceivedWebhook, SimulatorHarness, text_message};

const SECRET: &[u8] = b"development-app-secret";

fn is_signed(webhook: &ReceivedWebhook) -> bool {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap().chain_update(webhook.body.as_bytes()).finalize();
    webhook.signature == format!("sha256={}", hex::encode(mac.into_bytes()))
}

#[tokio::test]
async fn a_guest_message_is_posted_in_ascii_with_a_valid_signature() {
    let harness = SimulatorHarness::immediate();
    let response =
        harness.control("guest/", json!({ "from": GUEST, "name": "Zoë", "text": "Später? 22/10 🙂 z@x" })).await;
    harness.wait_for("the webhook", |it| !it.webhooks().is_empty()).await;
    let webhook = &harness.webhooks()[0];
    assert!(is_signed(webhook));
    assert!(
        webhook.body.contains(r"Sp\u00e4ter? 22\/10 \ud83d\ude42 z\u0040x") && webhook.body.is_ascii(),
        "{}",
        webhook.body
    );
    let body: Value = serde_json::from_str(&webhook.body).unwrap();
    let value = &body["entry"][0]["changes"][0]["value"];
    assert_eq!(body["object"], "whatsapp_business_account");
    assert_eq!(body["entry"][0]["id"], "104000000000001");
    assert_eq!(
        value["metadata"],
        json!({ "display_phone_number": "442079460000", "phone_number_id": "105000000000001" })
    );
    let user_id = value["messages"][0]["from_user_id"].as_str().unwrap();
    assert!(user_id.starts_with("GB."), "{user_id}");
    let contact = json!({ "profile": { "name": "Zoë" }, "user_id": user_id, "wa_id": "447700900123" });
    assert_eq!(value["contacts"], json!([contact]));
    assert_eq!(value["messages"][0]["text"], json!({ "body": "Später? 22/10 🙂 z@x" }));
    assert_eq!(value["messages"][0]["id"], response["ids"][0]);
}

#[tokio::test]
async fn a_webhook_is_retried_with_the_same_bytes_until_200() {
    let harness = SimulatorHarness::new(SimulatorSettings { retry_ms: 60_000, ..SimulatorSettings::immediate() });
    harness.respond_with([500, 204, 503]);
    harness.open_window(GUEST).await;
    harness.wait_for("the immediate retry", |it| it.webhooks().len() == 2).await;
    harness.wait_until_none_due().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(harness.webhooks().len(), 2, "the third attempt is a minute later");
    harness.control("clock/", json!({ "advance_seconds": 60 })).await;
    harness.wait_for("the retry after a minute", |it| it.webhooks().len() == 3).await;
    // The delay of the next retry starts with the response, so the clock must not advance before it.
    harness.wait_until_none_due().await;
    harness.control("clock/", json!({ "advance_seconds": 120 })).await;
    harness.wait_for("the retry after two minutes", |it| it.webhooks().len() == 4).await;
    harness.wait_until_none_due().await;
    let webhooks = harness.webhooks();
    assert!(webhooks.iter().all(|it| *it == webhooks[0] && is_signed(it)));
    let attempts = harness.transcript("webhook").await;
    let statuses: Vec<&Value> = attempts.iter().map(|it| &it["status"]).collect();
    assert_eq!(statuses, [500, 204, 503, 200]);
    assert!(attempts.iter().all(|it| it["post"] == attempts[0]["post"] && it["latency_ms"].is_u64()));
}

#[tokio::test]
async fn a_webhook_is_dropped_after_seven_days() {
    let harness = SimulatorHarness::immediate();
    harness.respond_with([500; 1000]);
    harness.open_window(GUEST).await;
    let started = Instant::now();
    while harness.transcript("lost").await.is_empty() {
        assert!(started.elapsed() < Duration::from_secs(20), "{} attempts", harness.webhooks().len());
        harness.control("clock/", json!({ "advance_seconds": 6 * 3600 })).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let lost = harness.transcript("lost").await;
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0]["why"], "tried for seven days");
    assert!(harness.webhooks().len() > 10);
}

#[tokio::test]
async fn redirects_and_unreachable_callbacks_are_retried() {
    let harness = SimulatorHarness::immediate();
    harness.respond_with([302]);
    harness.open_window(GUEST).await;
    harness.wait_for("the retry", |it| it.webhooks().len() == 2).await;
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = SimulatorSettings {
        callback: Some(format!("http://{unused}/")),
        retry_ms: 10,
        ..SimulatorSettings::immediate()
    };
    harness.control("settings/", serde_json::to_value(settings).unwrap()).await;
    harness.open_window(GUEST).await;
    while harness.transcript("webhook").await.iter().filter(|it| it["error"] == "connection").count() < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn updates_are_batched_at_every_level() {
    let harness = SimulatorHarness::new(SimulatorSettings {
        batch: 1000,
        linger_ms: 200,
        throughput: 0,
        ..SimulatorSettings::immediate()
    });
    let write = |n| harness.control("guest/", json!({ "from": format!("+4477009001{n:02}"), "text": "Hello" }));
    join_all((0..60).map(write)).await;
    harness.wait_for("all messages", |it| it.received("messages").len() == 60).await;
    assert!(harness.webhooks().len() < 30, "{}", harness.webhooks().len());
    let bodies: Vec<Value> = harness.webhooks().iter().map(|it| serde_json::from_str(&it.body).unwrap()).collect();
    let has_several = |path: &str| bodies.iter().filter_map(|it| it.pointer(path)?.as_array()).any(|it| it.len() > 1);
    assert!(
        has_several("/entry")
            && bodies
                .iter()
                .flat_map(|it| it["entry"].as_array().unwrap())
                .any(|it| { it["changes"].as_array().unwrap().len() > 1 })
    );
    let ids: HashSet<String> = harness.received("messages").iter().map(|it| it["id"].to_string()).collect();
    assert_eq!(ids.len(), 60);
}

#[tokio::test]
async fn a_thousand_messages_fit_into_one_webhook() {
    let harness = SimulatorHarness::immediate();
    let message = json!({ "text": "x".repeat(2000) });
    let request = json!({ "from": GUEST, "messages": vec![message; 1000], "together": true });
    harness.control("guest/", request).await;
    harness.wait_for("all messages", |it| it.received("messages").len() == 1000).await;
    assert_eq!(harness.webhooks().len(), 1);
    assert!(harness.webhooks()[0].body.len() > 2_000_000);
}

#[tokio::test]
async fn webhooks_and_updates_can_be_duplicated() {
    let harness = SimulatorHarness::new(SimulatorSettings { duplicates: 100, ..SimulatorSettings::immediate() });
    harness.control("guest/", json!({ "from": GUEST, "text": "Hello", "times": 3 })).await;
    harness.wait_for("three copies", |it| it.webhooks().len() == 3).await;
    assert!(harness.webhooks().iter().all(|it| *it == harness.webhooks()[0]));
    let sent = harness.send(text_message(GUEST)).await.unwrap().1;
    let id = sent["messages"][0]["id"].clone();
    harness.wait_for("each receipt twice", |it| it.receipts(&id).len() == 6).await;
}

#[tokio::test]
async fn shuffled_updates_arrive_out_of_order() {
    let harness = SimulatorHarness::new(SimulatorSettings { shuffle_ms: 300, ..SimulatorSettings::immediate() });
    let messages: Vec<Value> = (0..40).map(|n| json!({ "text": n.to_string() })).collect();
    let written = harness.control("guest/", json!({ "from": GUEST, "messages": messages })).await;
    harness.wait_for("all messages", |it| it.received("messages").len() == 40).await;
    let received: Vec<Value> = harness.received("messages").iter().map(|it| it["id"].clone()).collect();
    assert_ne!(&received, written["ids"].as_array().unwrap());
}

#[tokio::test]
async fn every_update_arrives_in_spite_of_load_and_failures() {
    let settings = SimulatorSettings {
        throughput: 0,
        pair_limit: false,
        shuffle_ms: 50,
        batch: 20,
        linger_ms: 20,
        retry_ms: 10,
        ..SimulatorSettings::immediate()
    };
    let harness = SimulatorHarness::new(settings);
    harness.open_window(GUEST).await;
    harness.respond_with((0..200).map(|n| if n % 3 == 0 { 200 } else { 503 }));
    let sent = join_all((0..1000).map(|_| harness.send(text_message(GUEST)))).await;
    let ids: HashSet<String> = sent.into_iter().map(|it| it.unwrap().1["messages"][0]["id"].to_string()).collect();
    assert_eq!(ids.len(), 1000);
    harness.wait_until_delivered().await;
    let mut statuses: HashMap<String, HashSet<String>> = HashMap::new();
    for status in harness.received("statuses") {
        statuses.entry(status["id"].to_string()).or_default().insert(status["status"].to_string());
    }
    assert!(ids.iter().all(|id| statuses[id].len() == 3));
    assert_eq!(statuses.len(), ids.len());
    assert!(harness.transcript("lost").await.is_empty());
}
