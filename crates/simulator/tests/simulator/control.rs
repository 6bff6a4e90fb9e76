//! The control API: guest messages, posted changes, verification and forgeries.

use serde_json::{Value, json};
use simulator::{SimulatorOptions, StartError, start_simulator};

use crate::harness::{GUEST, SimulatorHarness};

#[tokio::test]
async fn guests_send_messages_of_every_type() {
    let harness = SimulatorHarness::immediate();
    let types = [
        "text",
        "image",
        "audio",
        "video",
        "document",
        "sticker",
        "location",
        "contacts",
        "interactive",
        "button",
        "reaction",
        "order",
        "system",
        "unsupported",
    ];
    let messages: Vec<Value> = types.iter().map(|kind| json!({ "type": kind })).collect();
    harness.control("guest/", json!({ "from": GUEST, "messages": messages, "together": true })).await;
    harness.wait_for("all messages", |it| it.received("messages").len() == types.len()).await;
    for message in harness.received("messages") {
        let kind = message["type"].as_str().unwrap();
        let content = &message[kind];
        assert!(content.is_object() || content.is_array(), "{message}");
        assert_eq!(message["from"], "447700900123");
        if let Some(url) = content["url"].as_str() {
            let file = harness.http.get(url).bearer_auth("development-access-token").send().await.unwrap();
            assert_eq!(file.status(), 200);
        }
    }
    let image = harness.received("messages").into_iter().find(|it| it["type"] == "image").unwrap();
    assert_eq!(image["image"]["sha256"].as_str().unwrap().len(), 44, "base64");
}

#[tokio::test]
async fn fields_can_be_set_and_removed() {
    let harness = SimulatorHarness::immediate();
    let requested = json!([
        { "text": "quoting", "reply_to": "wamid.X", "id": "wamid.Y", "timestamp": "1793000000123" },
        { "type": "reaction", "reaction": { "message_id": "wamid.X" } },
        { "type": "hologram", "hologram": { "depth": 3 }, "from": null },
        { "text": "ad", "referral": { "source_type": "ad" } },
        { "type": "document", "media": { "size": 1000, "mime_type": "application/zip", "filename": "a.zip" } },
    ]);
    harness.control("guest/", json!({ "from": GUEST, "messages": requested, "together": true })).await;
    harness.wait_for("all messages", |it| it.received("messages").len() == 5).await;
    let messages = harness.received("messages");
    assert_eq!(messages[0]["context"], json!({ "from": "442079460000", "id": "wamid.X" }));
    assert_eq!((&messages[0]["id"], &messages[0]["timestamp"]), (&json!("wamid.Y"), &json!("1793000000123")));
    assert!(messages[1]["reaction"].get("emoji").is_none());
    assert!(messages[2].get("from").is_none() && messages[2]["hologram"]["depth"] == 3);
    assert_eq!(messages[3]["referral"]["source_type"], "ad");
    assert_eq!(
        (&messages[4]["document"]["mime_type"], &messages[4]["document"]["filename"]),
        (&json!("application/zip"), &json!("a.zip"))
    );
}

#[tokio::test]
async fn default_guests_are_of_every_kind_since_2026() {
    let harness = SimulatorHarness::immediate();
    for _ in 0..5 {
        harness.control("guest/", json!({ "text": "Hello" })).await;
        harness.wait_until_delivered().await;
    }
    let has = |object: &Value, key: &str| object.get(key).is_some();
    let kinds: Vec<[bool; 3]> = harness
        .received("messages")
        .iter()
        .zip(harness.received("contacts"))
        .map(|(message, contact)| {
            [has(message, "from"), has(message, "from_user_id"), has(&contact["profile"], "username")]
        })
        .collect();
    let first = [true, true, false];
    assert_eq!(kinds, [first, [true, true, true], [false, true, true], [true, false, false], first]);
}

#[tokio::test]
async fn every_message_has_a_user_id_unless_it_is_left_out() {
    let harness = SimulatorHarness::immediate();
    harness.control("guest/", json!({ "from": GUEST, "text": "first" })).await;
    harness.control("guest/", json!({ "from": GUEST, "text": "second" })).await;
    harness.control("guest/", json!({ "from": "+447700900124", "text": "third", "without_user_id": true })).await;
    harness.wait_for("all messages", |it| it.received("messages").len() == 3).await;
    let messages = harness.received("messages");
    let user_id = |text: &str| {
        let message = messages.iter().find(|it| it["text"]["body"] == text).unwrap();
        message.get("from_user_id").and_then(Value::as_str).map(str::to_owned)
    };
    assert!(user_id("first").is_some_and(|id| id.starts_with("GB.")));
    assert_eq!((user_id("second"), user_id("third")), (user_id("first"), None));
}

#[tokio::test]
async fn a_guest_with_hidden_number_is_addressed_by_user_id() {
    let harness = SimulatorHarness::immediate();
    harness.control("guest/", json!({ "user_id": "GB.7001", "username": "ada.g", "text": "Hello" })).await;
    harness.wait_for("the message", |it| it.webhooks().len() == 1).await;
    let message = harness.received("messages").remove(0);
    assert!(message.get("from").is_none() && message["from_user_id"] == "GB.7001");
    let contact = harness.received("contacts").remove(0);
    assert!(contact.get("wa_id").is_none() && contact["profile"]["username"] == "ada.g");
    let response = harness.send(json!({ "recipient": "GB.7001", "text": { "body": "Hi" } })).await.unwrap().1;
    assert_eq!(response["contacts"], json!([{ "input": "GB.7001", "user_id": "GB.7001" }]));
    let id = response["messages"][0]["id"].clone();
    harness.wait_for("all receipts", |it| it.receipts(&id).len() == 3).await;
    let receipt = harness.received("statuses").remove(0);
    assert!(receipt.get("recipient_id").is_none() && receipt["recipient_user_id"] == "GB.7001");
}

#[tokio::test]
async fn arbitrary_changes_and_bodies_can_be_posted() {
    let harness = SimulatorHarness::immediate();
    harness.control("change/", json!({ "value": { "errors": [{ "code": 130429 }] } })).await;
    harness.wait_for("the error", |it| it.received("errors") == [json!({ "code": 130429 })]).await;
    harness
        .control("change/", json!({ "field": "account_update", "value": { "event": "DISABLED" }, "waba": "7" }))
        .await;
    harness.wait_for("the change", |it| it.webhooks().iter().any(|it| it.body.contains("account_update"))).await;
    harness.control("post/", json!({ "body": "{not json", "times": 2 })).await;
    harness.wait_for("both copies", |it| it.webhooks().iter().filter(|it| it.body == "{not json").count() == 2).await;
}

#[tokio::test]
async fn verification_and_forgeries_return_results() {
    let harness = SimulatorHarness::immediate();
    assert_eq!(harness.control("verify/", json!({})).await["verified"], true);
    // The receiver of these tests checks no signatures, so it accepts all forged webhooks.
    let result = harness.control("forge/", json!({})).await;
    let calls = result["answers"].as_array().unwrap();
    assert!(calls.len() >= 9 && calls.iter().all(|it| it["status"] == 200 && it["refused"] == false));
    let without_webhook = json!({ "callback": format!("{}/nothing", harness.simulator.url()) });
    harness.control("settings/", without_webhook).await;
    assert_eq!(harness.control("verify/", json!({})).await["verified"], false);
}

#[test]
fn only_loopback_addresses_are_accepted() {
    for bind in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let options = SimulatorOptions { bind: bind.parse().unwrap(), ..SimulatorOptions::default() };
        assert!(matches!(start_simulator(options), Err(StartError::NotLoopback(_))), "{bind}");
    }
    start_simulator(SimulatorOptions::default()).unwrap().stop();
}
