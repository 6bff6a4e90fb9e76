//! Magic numbers and requested faults.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::SimulatorSettings;
use tokio::time::timeout;

use crate::harness::{GUEST, SimulatorHarness, text_message};

/// Meta's error codes for sends, each of which a magic number can select.
const CODES: [i64; 46] = [
    0, 1, 2, 3, 4, 10, 33, 100, 190, 200, 368, 80007, 130403, 130429, 130472, 130497, 131000, 131005, 131008, 131009,
    131016, 131021, 131026, 131030, 131031, 131037, 131042, 131045, 131047, 131048, 131049, 131050, 131051, 131052,
    131053, 131056, 131057, 131062, 131064, 132000, 132001, 132005, 132012, 132015, 133004, 137000,
];

async fn send_accepted(harness: &SimulatorHarness, to: &str) -> Value {
    harness.open_window(to).await;
    let (status, response) = harness.send(text_message(to)).await.unwrap();
    assert_eq!(status, 200, "{response}");
    response["messages"][0]["id"].clone()
}

#[tokio::test]
async fn every_code_can_be_provoked_in_a_response() {
    let harness = SimulatorHarness::immediate();
    for code in CODES {
        let (status, returned) = harness.send_text(&format!("+199900{code:06}")).await;
        assert_eq!(returned, Some(code));
        assert!(status >= 400, "{code}: {status}");
    }
    assert!(harness.transcript("send").await.is_empty());
    assert_eq!(harness.transcript("refusal").await.len(), CODES.len());
    harness.control("settings/", json!({ "rate_limit_status": 429 })).await;
    assert_eq!(harness.send_text("+199900130429").await, (429, Some(130429)));
    assert_eq!(harness.send_text("+199900000190").await.0, 401);
}

#[tokio::test]
async fn every_code_can_be_provoked_in_a_receipt() {
    let harness = SimulatorHarness::new(SimulatorSettings { throughput: 0, ..SimulatorSettings::immediate() });
    for code in CODES {
        let id = send_accepted(&harness, &format!("+199901{code:06}")).await;
        harness.wait_for("the receipt failed", |it| it.receipts(&id) == ["failed"]).await;
        let receipt = harness.received("statuses").into_iter().find(|it| it["id"] == id).unwrap();
        assert_eq!(receipt["errors"][0]["code"], code);
        assert_eq!(receipt["biz_opaque_callback_data"], "out_1");
    }
}

#[tokio::test]
async fn some_numbers_reject_only_two_sends() {
    let harness = SimulatorHarness::immediate();
    for to in ["+199902131000", "+199905131056"] {
        harness.open_window(to).await;
        let code = Some(to[7..].parse().unwrap());
        assert_eq!(
            [harness.send_text(to).await.1, harness.send_text(to).await.1, harness.send_text(to).await.1],
            [code, code, None]
        );
    }
    let url = format!("{}/v25.0/105000000000001/messages", harness.simulator.url());
    let mut body = text_message("+199905131016");
    body["messaging_product"] = "whatsapp".into();
    let response = harness.http.post(url).bearer_auth("development-access-token").json(&body).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "2");
}

#[tokio::test]
async fn receipts_follow_the_script_of_the_number() {
    let minute = [60_000, 60_000];
    let settings =
        SimulatorSettings { sent_ms: minute, delivered_ms: minute, read_ms: minute, ..SimulatorSettings::immediate() };
    let harness = SimulatorHarness::new(settings);
    for (to, statuses) in [
        ("+199903131026", vec!["sent", "failed"]),
        ("+199904131026", vec!["failed", "delivered"]),
        ("+199910000004", vec!["read", "delivered", "sent"]),
        ("+199910000005", vec!["sent", "read"]),
        ("+199910000010", vec!["sent"]),
        ("+199910000014", vec!["sent", "delivered", "read", "played"]),
    ] {
        let id = send_accepted(&harness, to).await;
        for _ in 0..4 {
            // The clock is advanced one minute at a time, because webhooks of the same time arrive in any order.
            harness.control("clock/", json!({ "advance_seconds": 60 })).await;
            harness.wait_until_none_due().await;
        }
        assert_eq!(harness.receipts(&id), statuses, "{to}");
    }
    let at_once = json!({ "sent_ms": [0, 0], "delivered_ms": [0, 0], "read_ms": [0, 0] });
    harness.control("settings/", at_once).await;
    let id = send_accepted(&harness, "+199910000007").await;
    harness.wait_for("each receipt twice", |it| it.receipts(&id).len() == 6).await;
    let (without_receipts, without_callback_data) =
        (send_accepted(&harness, "+199910000006").await, send_accepted(&harness, "+199910000012").await);
    harness.wait_for("receipts without callback data", |it| it.receipts(&without_callback_data).len() == 3).await;
    harness.wait_until_delivered().await;
    assert!(harness.receipts(&without_receipts).is_empty());
    let receipts = harness.received("statuses");
    assert!(
        receipts
            .iter()
            .filter(|it| it["id"] == without_callback_data)
            .all(|it| it.get("biz_opaque_callback_data").is_none())
    );
    send_accepted(&harness, "+199910000013").await;
    let sent: Vec<Value> = harness.transcript("send").await.iter().map(|it| it["wamid"].clone()).collect();
    harness
        .wait_for("the receipt of an unknown message", |harness| {
            harness.received("statuses").iter().any(|it| !sent.contains(&it["id"]))
        })
        .await;
}

#[tokio::test]
async fn receipts_arrive_before_the_response() {
    let harness = SimulatorHarness::immediate();
    let id = send_accepted(&harness, "+199910000003").await;
    assert_eq!(harness.receipts(&id), ["sent", "delivered", "read"]);
}

#[tokio::test]
async fn responses_are_lost_with_or_without_a_sent_message() {
    let harness = SimulatorHarness::immediate();
    for (to, status, is_sent) in [
        ("+199910000001", None, true),
        ("+199910000008", None, false),
        ("+199910000009", Some(200), true),
        ("+199910000500", Some(500), true),
        ("+199910000503", Some(503), true),
        ("+199910001503", Some(503), false),
    ] {
        harness.open_window(to).await;
        let before = harness.transcript("send").await.len();
        let response = harness.send(text_message(to)).await;
        assert_eq!(response.as_ref().ok().map(|it| it.0), status, "{to}");
        assert!(response.is_err() || response.unwrap().1.is_null(), "no JSON");
        assert_eq!(harness.transcript("send").await.len() - before, usize::from(is_sent), "{to}");
    }
    harness.open_window("+199910000002").await;
    let hanging = timeout(Duration::from_secs(1), harness.send(text_message("+199910000002"))).await;
    assert!(hanging.is_err());
    let sends = harness.transcript("send").await;
    assert_eq!(sends.last().unwrap()["answered"], "never");
    let id = sends.last().unwrap()["wamid"].clone();
    harness.wait_for("the receipts", |it| it.receipts(&id).len() == 3).await;
}

#[tokio::test]
async fn requested_faults_apply_to_the_next_sends() {
    let harness = SimulatorHarness::immediate();
    harness.open_window(GUEST).await;
    harness.control("faults/", json!({ "code": 131000, "times": 2 })).await;
    harness.control("faults/", json!({ "drop": true, "accepted": false })).await;
    harness.control("faults/", json!({ "code": 131026, "by": "status" })).await;
    assert_eq!(harness.send_text(GUEST).await, (500, Some(131000)));
    assert_eq!(harness.send_text(GUEST).await, (500, Some(131000)));
    assert!(harness.send(text_message(GUEST)).await.is_err());
    let id = send_accepted(&harness, GUEST).await;
    harness.wait_for("the receipt failed", |it| it.receipts(&id) == ["failed"]).await;
    assert_eq!(harness.send_text(GUEST).await, (200, None));
}

#[tokio::test]
async fn account_faults_apply_to_all_sends() {
    let harness = SimulatorHarness::immediate();
    harness.open_window(GUEST).await;
    harness.control("account/", json!({ "token_revoked": true })).await;
    assert_eq!(harness.send_text(GUEST).await, (401, Some(190)));
    harness.control("account/", json!({ "access_token": "new" })).await;
    assert_eq!(harness.send_text(GUEST).await, (401, Some(190)));
    assert_eq!(harness.send_with_token("new", text_message(GUEST)).await.unwrap().0, 200);
    harness.control("account/", json!({ "access_token": "development-access-token", "maintenance_seconds": 60 })).await;
    assert_eq!(harness.send_text(GUEST).await, (500, Some(131057)));
    harness.control("clock/", json!({ "advance_seconds": 60 })).await;
    assert_eq!(harness.send_text(GUEST).await, (200, None));
    harness.control("account/", json!({ "error": 131042 })).await;
    assert_eq!(harness.send_text(GUEST).await.1, Some(131042));
    harness.control("account/", json!({ "error": -1 })).await;
    assert_eq!(harness.send_text(GUEST).await, (200, None));
}
