//! Playing guests, and the callback's verification.

use serde_json::{Value, json};
use simulator::{Options, StartError, start};

use crate::product::{GUEST, World};

#[tokio::test]
async fn guests_write_messages_of_every_type() {
    let world = World::immediate();
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
    world.control("guest/", json!({ "from": GUEST, "messages": messages, "together": true })).await;
    world.until("all come", |it| it.told("messages").len() == types.len()).await;
    for message in world.told("messages") {
        let kind = message["type"].as_str().unwrap();
        let content = &message[kind];
        assert!(content.is_object() || content.is_array(), "{message}");
        assert_eq!(message["from"], "447700900123");
        if let Some(url) = content["url"].as_str() {
            let file = world.http.get(url).bearer_auth("development-access-token").send().await.unwrap();
            assert_eq!(file.status(), 200);
        }
    }
    let image = world.told("messages").into_iter().find(|it| it["type"] == "image").unwrap();
    assert_eq!(image["image"]["sha256"].as_str().unwrap().len(), 44, "base64");
}

#[tokio::test]
async fn parts_can_be_given_and_taken_away() {
    let world = World::immediate();
    let messages = json!([
        { "text": "quoting", "reply_to": "wamid.X", "id": "wamid.Y", "timestamp": "1793000000123" },
        { "type": "reaction", "reaction": { "message_id": "wamid.X" } },
        { "type": "hologram", "hologram": { "depth": 3 }, "from": null },
        { "text": "ad", "referral": { "source_type": "ad" } },
        { "type": "document", "media": { "size": 1000, "mime_type": "application/zip", "filename": "a.zip" } },
    ]);
    world.control("guest/", json!({ "from": GUEST, "messages": messages, "together": true })).await;
    world.until("all come", |it| it.told("messages").len() == 5).await;
    let told = world.told("messages");
    assert_eq!(told[0]["context"], json!({ "from": "442079460000", "id": "wamid.X" }));
    assert_eq!((&told[0]["id"], &told[0]["timestamp"]), (&json!("wamid.Y"), &json!("1793000000123")));
    assert!(told[1]["reaction"].get("emoji").is_none());
    assert!(told[2].get("from").is_none() && told[2]["hologram"]["depth"] == 3);
    assert_eq!(told[3]["referral"]["source_type"], "ad");
    assert_eq!(
        (&told[4]["document"]["mime_type"], &told[4]["document"]["filename"]),
        (&json!("application/zip"), &json!("a.zip"))
    );
}

#[tokio::test]
async fn a_guest_without_a_number_is_written_to_by_user_id() {
    let world = World::immediate();
    world.control("guest/", json!({ "user_id": "GB.7001", "username": "ada.g", "text": "Hello" })).await;
    world.until("it comes", |it| it.came().len() == 1).await;
    let message = world.told("messages").remove(0);
    assert!(message.get("from").is_none() && message["from_user_id"] == "GB.7001");
    let contact = world.told("contacts").remove(0);
    assert!(contact.get("wa_id").is_none() && contact["profile"]["username"] == "ada.g");
    let answer = world.send(json!({ "recipient": "GB.7001", "text": { "body": "Hi" } })).await.unwrap().1;
    assert_eq!(answer["contacts"], json!([{ "input": "GB.7001", "user_id": "GB.7001" }]));
    let id = answer["messages"][0]["id"].clone();
    world.until("its ticks", |it| it.statuses(&id).len() == 3).await;
    let status = world.told("statuses").remove(0);
    assert!(status.get("recipient_id").is_none() && status["recipient_user_id"] == "GB.7001");
}

#[tokio::test]
async fn any_change_and_any_body_can_be_posted() {
    let world = World::immediate();
    world.control("change/", json!({ "value": { "errors": [{ "code": 130429 }] } })).await;
    world.until("an error", |it| it.told("errors") == [json!({ "code": 130429 })]).await;
    world.control("change/", json!({ "field": "account_update", "value": { "event": "DISABLED" }, "waba": "7" })).await;
    world.until("another field", |it| it.came().iter().any(|it| it.body.contains("account_update"))).await;
    world.control("post/", json!({ "body": "{not json", "times": 2 })).await;
    world.until("no JSON", |it| it.came().iter().filter(|it| it.body == "{not json").count() == 2).await;
}

#[tokio::test]
async fn the_callback_is_verified_and_forgeries_are_told() {
    let world = World::immediate();
    assert_eq!(world.control("verify/", json!({})).await["verified"], true);
    // The receiver of these tests believes everybody.
    let answer = world.control("forge/", json!({})).await;
    let answers = answer["answers"].as_array().unwrap();
    assert!(answers.len() >= 9 && answers.iter().all(|it| it["status"] == 200 && it["refused"] == false));
    let nobody = json!({ "callback": format!("{}/nothing", world.simulator.url()) });
    world.control("settings/", nobody).await;
    assert_eq!(world.control("verify/", json!({})).await["verified"], false);
}

#[test]
fn it_listens_on_loopback_only() {
    for bind in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let options = Options { bind: bind.parse().unwrap(), ..Options::default() };
        assert!(matches!(start(options), Err(StartError::NotLoopback(_))), "{bind}");
    }
    start(Options::default()).unwrap().stop();
}
