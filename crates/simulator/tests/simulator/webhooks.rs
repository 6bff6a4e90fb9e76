//! What is posted: how it is written and signed, how often, and in which order.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use simulator::Settings;

use crate::product::{Came, GUEST, World, text};

const SECRET: &[u8] = b"development-app-secret";

fn signed(came: &Came) -> bool {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap().chain_update(came.body.as_bytes()).finalize();
    let hex: String = mac.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    came.signature == format!("sha256={hex}")
}

#[tokio::test]
async fn a_guests_message_is_posted_in_ascii_and_signed_over_its_bytes() {
    let world = World::immediate();
    let answer = world.control("guest/", json!({ "from": GUEST, "name": "Zoë", "text": "Später? 22/10 🙂 z@x" })).await;
    world.until("it comes", |it| !it.came().is_empty()).await;
    let came = &world.came()[0];
    assert!(signed(came));
    assert!(came.body.contains(r"Sp\u00e4ter? 22\/10 \ud83d\ude42 z\u0040x") && came.body.is_ascii(), "{}", came.body);
    let body: Value = serde_json::from_str(&came.body).unwrap();
    let value = &body["entry"][0]["changes"][0]["value"];
    assert_eq!(body["object"], "whatsapp_business_account");
    assert_eq!(body["entry"][0]["id"], "104000000000001");
    assert_eq!(
        value["metadata"],
        json!({ "display_phone_number": "442079460000", "phone_number_id": "105000000000001" })
    );
    assert_eq!(value["contacts"], json!([{ "profile": { "name": "Zoë" }, "wa_id": "447700900123" }]));
    assert_eq!(value["messages"][0]["text"], json!({ "body": "Später? 22/10 🙂 z@x" }));
    assert_eq!(value["messages"][0]["id"], answer["ids"][0]);
}

#[tokio::test]
async fn what_is_not_answered_with_200_is_posted_again_byte_for_byte() {
    let world = World::new(Settings { retry_ms: 60_000, ..Settings::immediate() });
    world.answer([500, 204, 503]);
    world.open(GUEST).await;
    world.until("at once again", |it| it.came().len() == 2).await;
    world.until_told().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(world.came().len(), 2, "the third attempt is a minute later");
    world.control("clock/", json!({ "advance_seconds": 60 })).await;
    world.until("a minute later", |it| it.came().len() == 3).await;
    // The next attempt's time counts from when this one was answered: not before that may the clock go on.
    world.until_told().await;
    world.control("clock/", json!({ "advance_seconds": 120 })).await;
    world.until("two minutes later", |it| it.came().len() == 4).await;
    world.until_told().await;
    let came = world.came();
    assert!(came.iter().all(|it| *it == came[0] && signed(it)));
    let attempts = world.transcript("webhook").await;
    let statuses: Vec<&Value> = attempts.iter().map(|it| &it["status"]).collect();
    assert_eq!(statuses, [500, 204, 503, 200]);
    assert!(attempts.iter().all(|it| it["post"] == attempts[0]["post"] && it["latency_ms"].is_u64()));
}

#[tokio::test]
async fn after_seven_days_it_is_given_up() {
    let world = World::immediate();
    world.answer([500; 1000]);
    world.open(GUEST).await;
    let began = Instant::now();
    while world.transcript("lost").await.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "{} attempts", world.came().len());
        world.control("clock/", json!({ "advance_seconds": 6 * 3600 })).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let lost = world.transcript("lost").await;
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0]["why"], "tried for seven days");
    assert!(world.came().len() > 10);
}

#[tokio::test]
async fn redirections_are_not_followed_and_a_dead_callback_is_tried_again() {
    let world = World::immediate();
    world.answer([302]);
    world.open(GUEST).await;
    world.until("again", |it| it.came().len() == 2).await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = Settings { callback: Some(format!("http://{nobody}/")), retry_ms: 10, ..Settings::immediate() };
    world.control("settings/", serde_json::to_value(settings).unwrap()).await;
    world.open(GUEST).await;
    while world.transcript("webhook").await.iter().filter(|it| it["error"] == "connection").count() < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn several_updates_go_into_one_post_in_every_shape() {
    let world = World::new(Settings { batch: 1000, linger_ms: 200, throughput: 0, ..Settings::immediate() });
    let writes = |n| world.control("guest/", json!({ "from": format!("+4477009001{n:02}"), "text": "Hello" }));
    join_all((0..60).map(writes)).await;
    world.until("all come", |it| it.told("messages").len() == 60).await;
    assert!(world.came().len() < 30, "{}", world.came().len());
    let bodies: Vec<Value> = world.came().iter().map(|it| serde_json::from_str(&it.body).unwrap()).collect();
    let lengths = |of: &str| bodies.iter().filter_map(|it| it.pointer(of)?.as_array()).any(|it| it.len() > 1);
    assert!(
        lengths("/entry")
            && bodies
                .iter()
                .flat_map(|it| it["entry"].as_array().unwrap())
                .any(|it| { it["changes"].as_array().unwrap().len() > 1 })
    );
    let ids: HashSet<String> = world.told("messages").iter().map(|it| it["id"].to_string()).collect();
    assert_eq!(ids.len(), 60);
}

#[tokio::test]
async fn a_thousand_messages_come_in_one_post() {
    let world = World::immediate();
    let message = json!({ "text": "x".repeat(2000) });
    let asked = json!({ "from": GUEST, "messages": vec![message; 1000], "together": true });
    world.control("guest/", asked).await;
    world.until("they come", |it| it.told("messages").len() == 1000).await;
    assert_eq!(world.came().len(), 1);
    assert!(world.came()[0].body.len() > 2_000_000);
}

#[tokio::test]
async fn a_post_can_come_twice_at_once_and_updates_twice_at_any_time() {
    let world = World::new(Settings { duplicates: 100, ..Settings::immediate() });
    world.control("guest/", json!({ "from": GUEST, "text": "Hello", "times": 3 })).await;
    world.until("three copies", |it| it.came().len() == 3).await;
    assert!(world.came().iter().all(|it| *it == world.came()[0]));
    let sent = world.send(text(GUEST)).await.unwrap().1;
    let id = sent["messages"][0]["id"].clone();
    world.until("each twice", |it| it.statuses(&id).len() == 6).await;
}

#[tokio::test]
async fn updates_come_out_of_order_where_they_are_shuffled() {
    let world = World::new(Settings { shuffle_ms: 300, ..Settings::immediate() });
    let names: Vec<Value> = (0..40).map(|n| json!({ "text": n.to_string() })).collect();
    let asked = world.control("guest/", json!({ "from": GUEST, "messages": names })).await;
    world.until("all come", |it| it.told("messages").len() == 40).await;
    let came: Vec<Value> = world.told("messages").iter().map(|it| it["id"].clone()).collect();
    assert_ne!(&came, asked["ids"].as_array().unwrap());
}

#[tokio::test]
async fn under_load_and_failures_every_update_comes() {
    let settings = Settings {
        throughput: 0,
        pair_limit: false,
        shuffle_ms: 50,
        batch: 20,
        linger_ms: 20,
        retry_ms: 10,
        ..Settings::immediate()
    };
    let world = World::new(settings);
    world.open(GUEST).await;
    world.answer((0..200).map(|n| if n % 3 == 0 { 200 } else { 503 }));
    let sent = join_all((0..1000).map(|_| world.send(text(GUEST)))).await;
    let ids: HashSet<String> = sent.into_iter().map(|it| it.unwrap().1["messages"][0]["id"].to_string()).collect();
    assert_eq!(ids.len(), 1000);
    world.until_quiet().await;
    let mut told: HashMap<String, HashSet<String>> = HashMap::new();
    for status in world.told("statuses") {
        told.entry(status["id"].to_string()).or_default().insert(status["status"].to_string());
    }
    assert!(ids.iter().all(|id| told[id].len() == 3));
    assert_eq!(told.len(), ids.len());
    assert!(world.transcript("lost").await.is_empty());
}
