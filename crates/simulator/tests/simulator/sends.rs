//! Sends of the product: responses, the 24-hour window, rate limits, media.

use futures_util::future::join_all;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use simulator::SimulatorSettings;

use crate::harness::{GUEST, SimulatorHarness, text_message};

#[tokio::test]
async fn an_accepted_text_gets_a_response_and_receipts() {
    let harness = SimulatorHarness::immediate();
    harness.open_window(GUEST).await;
    let (status, first) = harness.send(text_message(GUEST)).await.unwrap();
    let (_, second) = harness.send(text_message(GUEST)).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(first["messaging_product"], "whatsapp");
    assert_eq!(first["contacts"], json!([{ "input": GUEST, "wa_id": "447700900123" }]));
    let id = first["messages"][0]["id"].clone();
    assert!(
        id.as_str().unwrap().starts_with("wamid.") && id != second["messages"][0]["id"],
        "equal sends are separate messages"
    );
    assert!(first["messages"][0].get("message_status").is_none());
    harness.wait_for("all receipts", |it| it.receipts(&id).len() == 3).await;
    let mut receipts = harness.receipts(&id);
    receipts.sort();
    assert_eq!(receipts, ["delivered", "read", "sent"], "in any order");
    for receipt in harness.received("statuses").iter().filter(|it| it["id"] == id) {
        assert_eq!(
            (&receipt["recipient_id"], &receipt["biz_opaque_callback_data"]),
            (&json!("447700900123"), &json!("out_1"))
        );
        assert!(receipt["timestamp"].as_str().unwrap().parse::<u64>().is_ok());
    }
    let sends = harness.transcript("send").await;
    assert_eq!(sends[0]["body"]["text"]["body"], "Yes, until 22:00.");
    assert_eq!((sends.len(), &sends[0]["callback_data"]), (2, &json!("out_1")));
}

#[tokio::test]
async fn invalid_tokens_and_bodies_are_rejected() {
    let harness = SimulatorHarness::immediate();
    assert_eq!(harness.send_with_token("wrong", text_message(GUEST)).await.unwrap().0, 401);
    let post = |path: &str, body: &'static str| {
        let request =
            harness.http.post(format!("{}{path}", harness.simulator.url())).bearer_auth("development-access-token");
        async move {
            let response = request.body(body).send().await.unwrap();
            (response.status().as_u16(), response.json::<Value>().await.unwrap()["error"].clone())
        }
    };
    let (status, error) = post("/v25.0/7/messages", "{}").await;
    assert_eq!((status, &error["code"], &error["error_subcode"]), (400, &json!(100), &json!(33)));
    assert_eq!(post("/v25.0/105000000000001/messages", "{").await.1["code"], 100);
    assert_eq!(post("/v25.0/105000000000001/messages", "{}").await.1["code"], 100);
    assert_eq!(post("/v25.0/104000000000001/subscribed_apps", "{}").await.0, 501);
    assert_eq!(post("/105000000000001/messages", "{}").await.0, 501);
    let url = format!("{}/control/", harness.simulator.url());
    assert_eq!(harness.http.get(url).header("host", "evil.example").send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn outside_the_window_only_templates_are_delivered() {
    let harness = SimulatorHarness::immediate();
    let sent = harness.send(text_message(GUEST)).await.unwrap().1;
    let id = sent["messages"][0]["id"].clone();
    harness.wait_for("the receipt failed", |it| it.receipts(&id) == ["failed"]).await;
    assert_eq!(harness.received("statuses")[0]["errors"][0]["code"], 131047);
    harness.control("settings/", json!({ "window": "http" })).await;
    assert_eq!(harness.send_text(GUEST).await, (400, Some(131047)));
    let template = |name: &str, parameters: Value| {
        let template = json!({ "name": name, "language": { "code": "en" }, "components": parameters });
        json!({ "to": GUEST, "type": "template", "template": template })
    };
    let (status, sent) = harness.send(template("opener", json!([]))).await.unwrap();
    assert_eq!((status, &sent["messages"][0]["message_status"]), (200, &json!("accepted")));
    assert_eq!(harness.send(template("none", json!([]))).await.unwrap().1["error"]["code"], 132001);
    assert_eq!(harness.send(template("pre_arrival", json!([]))).await.unwrap().1["error"]["code"], 132000);
    assert_eq!(harness.send_text(GUEST).await.1, Some(131047), "a template does not open the window");
    harness.open_window(GUEST).await;
    assert_eq!(harness.send_text(GUEST).await, (200, None));
    harness.control("clock/", json!({ "advance_seconds": 24 * 3600 })).await;
    assert_eq!(harness.send_text(GUEST).await.1, Some(131047));
}

#[tokio::test]
async fn pair_rate_limit_and_throughput_are_enforced() {
    let harness = SimulatorHarness::new(SimulatorSettings { throughput: 60, ..SimulatorSettings::immediate() });
    harness.open_window(GUEST).await;
    for _ in 0..45 {
        assert_eq!(harness.send_text(GUEST).await, (200, None));
    }
    assert_eq!(harness.send_text(GUEST).await, (400, Some(131056)));
    harness.control("clock/", json!({ "advance_seconds": 200 })).await;
    assert_eq!(harness.send_text(GUEST).await.1, Some(131056), "some borrowed time is left");
    harness.control("clock/", json!({ "advance_seconds": 71 })).await;
    assert_eq!(harness.send_text(GUEST).await, (200, None));
    harness.control("settings/", json!({ "throughput": 1 })).await;
    let others = join_all((1..9).map(|n| harness.send(text_message(&format!("+44770090020{n}"))))).await;
    assert!(others.into_iter().any(|it| it.unwrap().1["error"]["code"] == 130429));
}

#[tokio::test]
async fn files_are_uploaded_and_downloaded_with_the_token_before_expiry() {
    let harness = SimulatorHarness::immediate();
    harness.open_window(GUEST).await;
    let base = harness.simulator.url();
    let upload = |mime: &'static str, bytes: Vec<u8>| {
        let part = Part::bytes(bytes).file_name("a").mime_str(mime).unwrap();
        let form = Form::new().text("messaging_product", "whatsapp").text("type", mime).part("file", part);
        let url = format!("{base}/v25.0/105000000000001/media");
        let request = harness.http.post(url).bearer_auth("development-access-token").multipart(form);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let id = upload("image/png", b"picture".to_vec()).await["id"].as_str().unwrap().to_owned();
    assert_eq!(upload("image/gif", b"x".to_vec()).await["error"]["code"], 100);
    assert_eq!(upload("image/png", vec![0; 6 * 1024 * 1024]).await["error"]["code"], 131053);
    let image = |id: &str, kind: &str| json!({ "to": GUEST, "type": kind, kind: { "id": id } });
    assert_eq!(harness.send(image(&id, "image")).await.unwrap().0, 200);
    assert_eq!(harness.send(image("1", "image")).await.unwrap().1["error"]["code"], 131009);
    let wrong = harness.send(image(&id, "audio")).await.unwrap().1["messages"][0]["id"].clone();
    harness.wait_for("the receipt failed", |it| it.receipts(&wrong) == ["failed"]).await;

    let get = |url: &str, token: &str| harness.http.get(url).bearer_auth(token).send();
    let info: Value =
        get(&format!("{base}/v25.0/{id}"), "development-access-token").await.unwrap().json().await.unwrap();
    let url = info["url"].as_str().unwrap();
    assert_eq!((&info["mime_type"], &info["file_size"]), (&json!("image/png"), &json!("7")));
    assert_eq!(get(url, "wrong").await.unwrap().status(), 401);
    assert_eq!(get(url, "development-access-token").await.unwrap().bytes().await.unwrap(), "picture");
    harness.control("clock/", json!({ "advance_seconds": 300 })).await;
    assert_eq!(get(url, "development-access-token").await.unwrap().status(), 404);
    harness.control("faults/", json!({ "on": "media", "status": 503 })).await;
    harness.control("faults/", json!({ "on": "upload", "code": 131000 })).await;
    let lookup = format!("{base}/v25.0/{id}");
    assert_eq!(get(&lookup, "development-access-token").await.unwrap().status(), 503);
    assert_eq!(get(&lookup, "development-access-token").await.unwrap().status(), 200);
    assert_eq!(upload("image/png", b"x".to_vec()).await["error"]["code"], 131000);
    let delete = || harness.http.delete(format!("{base}/v25.0/{id}")).bearer_auth("development-access-token").send();
    assert_eq!(delete().await.unwrap().status(), 200);
    assert_eq!(delete().await.unwrap().status(), 404);
}

#[tokio::test]
async fn the_parameters_of_an_upload_may_be_in_the_query() {
    let harness = SimulatorHarness::immediate();
    let upload = |query: &'static str, with_type: bool| {
        let mut part = Part::bytes(b"picture".to_vec()).file_name("a");
        if with_type {
            part = part.mime_str("image/jpeg").unwrap();
        }
        let url = format!("{}/v25.0/105000000000001/media{query}", harness.simulator.url());
        let form = Form::new().part("file", part);
        let request = harness.http.post(url).bearer_auth("development-access-token").multipart(form);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    assert!(upload("?messaging_product=whatsapp&type=image/png", true).await["id"].is_string());
    assert!(upload("?messaging_product=whatsapp", true).await["id"].is_string());
    // The type of the query precedes that of the part of the form.
    let types: Vec<Value> = harness.transcript("upload").await.iter().map(|it| it["type"].clone()).collect();
    assert_eq!(types, ["image/png", "image/jpeg"]);
    for query in ["", "?messaging_product=sms", "?type=image/png"] {
        assert_eq!(upload(query, true).await["error"]["code"], 100, "{query}");
    }
    assert_eq!(upload("?messaging_product=whatsapp", false).await["error"]["code"], 131008);
}

#[tokio::test]
async fn a_read_mark_needs_a_guest_message_and_causes_no_receipt() {
    let harness = SimulatorHarness::immediate();
    let written = harness.control("guest/", json!({ "from": GUEST, "text": "Hello" })).await;
    let mark = |id: &Value| json!({ "status": "read", "message_id": id, "typing_indicator": { "type": "text" } });
    assert_eq!(harness.send(mark(&written["ids"][0])).await.unwrap(), (200, json!({ "success": true })));
    assert_eq!(harness.send(mark(&json!("wamid.NONE"))).await.unwrap().1["error"]["code"], 131009);
    assert_eq!(harness.transcript("mark_read").await[0]["typing"], true);
    harness.wait_until_delivered().await;
    assert!(harness.received("statuses").is_empty());
}

#[tokio::test]
async fn wa_ids_of_some_countries_differ_from_the_number() {
    let harness = SimulatorHarness::immediate();
    for (to, id) in [("+5531987654321", "553187654321"), ("+525512345678", "5215512345678")] {
        harness.open_window(id).await;
        let response = harness.send(text_message(to)).await.unwrap().1;
        assert_eq!(response["contacts"], json!([{ "input": to, "wa_id": id }]));
        let wamid = response["messages"][0]["id"].clone();
        harness.wait_for("all receipts", |it| it.receipts(&wamid).len() == 3).await;
    }
}
