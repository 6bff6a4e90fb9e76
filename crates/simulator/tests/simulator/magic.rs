//! Every magic number, and the faults that are asked for.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::Settings;
use tokio::time::timeout;

use crate::product::{GUEST, World, text};

/// The codes of the retry table.
const CODES: [i64; 46] = [
    0, 1, 2, 3, 4, 10, 33, 100, 190, 200, 368, 80007, 130403, 130429, 130472, 130497, 131000, 131005, 131008, 131009,
    131016, 131021, 131026, 131030, 131031, 131037, 131042, 131045, 131047, 131048, 131049, 131050, 131051, 131052,
    131053, 131056, 131057, 131062, 131064, 132000, 132001, 132005, 132012, 132015, 133004, 137000,
];

async fn accepted(world: &World, to: &str) -> Value {
    world.open(to).await;
    let (status, answer) = world.send(text(to)).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    answer["messages"][0]["id"].clone()
}

#[tokio::test]
async fn every_code_can_be_provoked_by_http() {
    let world = World::immediate();
    for code in CODES {
        let (status, told) = world.text(&format!("+199900{code:06}")).await;
        assert_eq!(told, Some(code));
        assert!(status >= 400, "{code}: {status}");
    }
    assert!(world.transcript("send").await.is_empty());
    assert_eq!(world.transcript("refusal").await.len(), CODES.len());
    world.control("settings/", json!({ "rate_limit_status": 429 })).await;
    assert_eq!(world.text("+199900130429").await, (429, Some(130429)));
    assert_eq!(world.text("+199900000190").await.0, 401);
}

#[tokio::test]
async fn every_code_can_be_provoked_by_a_status() {
    let world = World::new(Settings { throughput: 0, ..Settings::immediate() });
    for code in CODES {
        let id = accepted(&world, &format!("+199901{code:06}")).await;
        world.until("it fails", |it| it.statuses(&id) == ["failed"]).await;
        let told = world.told("statuses").into_iter().find(|it| it["id"] == id).unwrap();
        assert_eq!(told["errors"][0]["code"], code);
        assert_eq!(told["biz_opaque_callback_data"], "out_1");
    }
}

#[tokio::test]
async fn some_refuse_twice_and_then_are_well() {
    let world = World::immediate();
    for to in ["+199902131000", "+199905131056"] {
        world.open(to).await;
        let code = Some(to[7..].parse().unwrap());
        assert_eq!([world.text(to).await.1, world.text(to).await.1, world.text(to).await.1], [code, code, None]);
    }
    let url = format!("{}/v25.0/105000000000001/messages", world.simulator.url());
    let mut body = text("+199905131016");
    body["messaging_product"] = "whatsapp".into();
    let answer = world.http.post(url).bearer_auth("development-access-token").json(&body).send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "2");
}

#[tokio::test]
async fn statuses_come_as_the_number_says() {
    let minute = [60_000, 60_000];
    let settings = Settings { sent_ms: minute, delivered_ms: minute, read_ms: minute, ..Settings::immediate() };
    let world = World::new(settings);
    for (to, statuses) in [
        ("+199903131026", vec!["sent", "failed"]),
        ("+199904131026", vec!["failed", "delivered"]),
        ("+199910000004", vec!["read", "delivered", "sent"]),
        ("+199910000005", vec!["sent", "read"]),
        ("+199910000010", vec!["sent"]),
        ("+199910000014", vec!["sent", "delivered", "read", "played"]),
    ] {
        let id = accepted(&world, to).await;
        for _ in 0..4 {
            // One after the other, since what is posted at once comes in any order.
            world.control("clock/", json!({ "advance_seconds": 60 })).await;
            world.until_told().await;
        }
        assert_eq!(world.statuses(&id), statuses, "{to}");
    }
    let at_once = json!({ "sent_ms": [0, 0], "delivered_ms": [0, 0], "read_ms": [0, 0] });
    world.control("settings/", at_once).await;
    let id = accepted(&world, "+199910000007").await;
    world.until("each twice", |it| it.statuses(&id).len() == 6).await;
    let (none, bare) = (accepted(&world, "+199910000006").await, accepted(&world, "+199910000012").await);
    world.until("bare ones", |it| it.statuses(&bare).len() == 3).await;
    world.until_quiet().await;
    assert!(world.statuses(&none).is_empty());
    let told = world.told("statuses");
    assert!(told.iter().filter(|it| it["id"] == bare).all(|it| it.get("biz_opaque_callback_data").is_none()));
    accepted(&world, "+199910000013").await;
    let known: Vec<Value> = world.transcript("send").await.iter().map(|it| it["wamid"].clone()).collect();
    world.until("nobody's", |it| it.told("statuses").iter().any(|it| !known.contains(&it["id"]))).await;
}

#[tokio::test]
async fn statuses_come_before_the_answer() {
    let world = World::immediate();
    let id = accepted(&world, "+199910000003").await;
    assert_eq!(world.statuses(&id), ["sent", "delivered", "read"]);
}

#[tokio::test]
async fn answers_are_lost_and_the_message_was_sent_or_not() {
    let world = World::immediate();
    for (to, status, sent) in [
        ("+199910000001", None, true),
        ("+199910000008", None, false),
        ("+199910000009", Some(200), true),
        ("+199910000500", Some(500), true),
        ("+199910000503", Some(503), true),
        ("+199910001503", Some(503), false),
    ] {
        world.open(to).await;
        let before = world.transcript("send").await.len();
        let answer = world.send(text(to)).await;
        assert_eq!(answer.as_ref().ok().map(|it| it.0), status, "{to}");
        assert!(answer.is_err() || answer.unwrap().1.is_null(), "no JSON");
        assert_eq!(world.transcript("send").await.len() - before, usize::from(sent), "{to}");
    }
    world.open("+199910000002").await;
    let never = timeout(Duration::from_secs(1), world.send(text("+199910000002"))).await;
    assert!(never.is_err());
    let sends = world.transcript("send").await;
    assert_eq!(sends.last().unwrap()["answered"], "never");
    let id = sends.last().unwrap()["wamid"].clone();
    world.until("its statuses come all the same", |it| it.statuses(&id).len() == 3).await;
}

#[tokio::test]
async fn faults_that_are_asked_for_meet_the_next_sends() {
    let world = World::immediate();
    world.open(GUEST).await;
    world.control("faults/", json!({ "code": 131000, "times": 2 })).await;
    world.control("faults/", json!({ "drop": true, "accepted": false })).await;
    world.control("faults/", json!({ "code": 131026, "by": "status" })).await;
    assert_eq!(world.text(GUEST).await, (500, Some(131000)));
    assert_eq!(world.text(GUEST).await, (500, Some(131000)));
    assert!(world.send(text(GUEST)).await.is_err());
    let id = accepted(&world, GUEST).await;
    world.until("it fails", |it| it.statuses(&id) == ["failed"]).await;
    assert_eq!(world.text(GUEST).await, (200, None));
}

#[tokio::test]
async fn the_whole_account_can_be_at_fault() {
    let world = World::immediate();
    world.open(GUEST).await;
    world.control("account/", json!({ "token_revoked": true })).await;
    assert_eq!(world.text(GUEST).await, (401, Some(190)));
    world.control("account/", json!({ "access_token": "new" })).await;
    assert_eq!(world.text(GUEST).await, (401, Some(190)));
    assert_eq!(world.send_with("new", text(GUEST)).await.unwrap().0, 200);
    world.control("account/", json!({ "access_token": "development-access-token", "maintenance_seconds": 60 })).await;
    assert_eq!(world.text(GUEST).await, (500, Some(131057)));
    world.control("clock/", json!({ "advance_seconds": 60 })).await;
    assert_eq!(world.text(GUEST).await, (200, None));
    world.control("account/", json!({ "error": 131042 })).await;
    assert_eq!(world.text(GUEST).await.1, Some(131042));
    world.control("account/", json!({ "error": -1 })).await;
    assert_eq!(world.text(GUEST).await, (200, None));
}
