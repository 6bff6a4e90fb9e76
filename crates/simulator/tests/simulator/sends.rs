//! What the product sends: answers, the window, limits, media.

use futures_util::future::join_all;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use simulator::Settings;

use crate::product::{GUEST, World, text};

#[tokio::test]
async fn an_accepted_text_is_answered_and_its_ticks_turn() {
    let world = World::immediate();
    world.open(GUEST).await;
    let (status, first) = world.send(text(GUEST)).await.unwrap();
    let (_, second) = world.send(text(GUEST)).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(first["messaging_product"], "whatsapp");
    assert_eq!(first["contacts"], json!([{ "input": GUEST, "wa_id": "447700900123" }]));
    let id = first["messages"][0]["id"].clone();
    assert!(id.as_str().unwrap().starts_with("wamid.") && id != second["messages"][0]["id"], "equal ones are two");
    assert!(first["messages"][0].get("message_status").is_none());
    world.until("all ticks", |it| it.statuses(&id).len() == 3).await;
    let mut statuses = world.statuses(&id);
    statuses.sort();
    assert_eq!(statuses, ["delivered", "read", "sent"], "in whatever order");
    for told in world.told("statuses").iter().filter(|it| it["id"] == id) {
        assert_eq!(
            (&told["recipient_id"], &told["biz_opaque_callback_data"]),
            (&json!("447700900123"), &json!("out_1"))
        );
        assert!(told["timestamp"].as_str().unwrap().parse::<u64>().is_ok());
    }
    let sends = world.transcript("send").await;
    assert_eq!(sends[0]["body"]["text"]["body"], "Yes, until 22:00.");
    assert_eq!((sends.len(), &sends[0]["callback_data"]), (2, &json!("out_1")));
}

#[tokio::test]
async fn callers_and_bodies_must_be_right() {
    let world = World::immediate();
    assert_eq!(world.send_with("wrong", text(GUEST)).await.unwrap().0, 401);
    let post = |path: &str, body: &'static str| {
        let request =
            world.http.post(format!("{}{path}", world.simulator.url())).bearer_auth("development-access-token");
        async move {
            let answer = request.body(body).send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["error"].clone())
        }
    };
    let (status, error) = post("/v25.0/7/messages", "{}").await;
    assert_eq!((status, &error["code"], &error["error_subcode"]), (400, &json!(100), &json!(33)));
    assert_eq!(post("/v25.0/105000000000001/messages", "{").await.1["code"], 100);
    assert_eq!(post("/v25.0/105000000000001/messages", "{}").await.1["code"], 100);
    assert_eq!(post("/v25.0/104000000000001/subscribed_apps", "{}").await.0, 501);
    assert_eq!(post("/105000000000001/messages", "{}").await.0, 501);
    let url = format!("{}/control/", world.simulator.url());
    assert_eq!(world.http.get(url).header("host", "evil.example").send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn outside_the_window_only_templates_go() {
    let world = World::immediate();
    let sent = world.send(text(GUEST)).await.unwrap().1;
    let id = sent["messages"][0]["id"].clone();
    world.until("it fails", |it| it.statuses(&id) == ["failed"]).await;
    assert_eq!(world.told("statuses")[0]["errors"][0]["code"], 131047);
    world.control("settings/", json!({ "window": "http" })).await;
    assert_eq!(world.text(GUEST).await, (400, Some(131047)));
    let template = |name: &str, parameters: Value| {
        let template = json!({ "name": name, "language": { "code": "en" }, "components": parameters });
        json!({ "to": GUEST, "type": "template", "template": template })
    };
    let (status, sent) = world.send(template("opener", json!([]))).await.unwrap();
    assert_eq!((status, &sent["messages"][0]["message_status"]), (200, &json!("accepted")));
    assert_eq!(world.send(template("none", json!([]))).await.unwrap().1["error"]["code"], 132001);
    assert_eq!(world.send(template("pre_arrival", json!([]))).await.unwrap().1["error"]["code"], 132000);
    assert_eq!(world.text(GUEST).await.1, Some(131047), "a template does not open it");
    world.open(GUEST).await;
    assert_eq!(world.text(GUEST).await, (200, None));
    world.control("clock/", json!({ "advance_seconds": 24 * 3600 })).await;
    assert_eq!(world.text(GUEST).await.1, Some(131047));
}

#[tokio::test]
async fn a_pair_has_a_burst_and_a_number_a_rate() {
    let world = World::new(Settings { throughput: 60, ..Settings::immediate() });
    world.open(GUEST).await;
    for _ in 0..45 {
        assert_eq!(world.text(GUEST).await, (200, None));
    }
    assert_eq!(world.text(GUEST).await, (400, Some(131056)));
    world.control("clock/", json!({ "advance_seconds": 200 })).await;
    assert_eq!(world.text(GUEST).await.1, Some(131056), "what was borrowed is not given back yet");
    world.control("clock/", json!({ "advance_seconds": 71 })).await;
    assert_eq!(world.text(GUEST).await, (200, None));
    world.control("settings/", json!({ "throughput": 1 })).await;
    let others = join_all((1..9).map(|n| world.send(text(&format!("+44770090020{n}"))))).await;
    assert!(others.into_iter().any(|it| it.unwrap().1["error"]["code"] == 130429));
}

#[tokio::test]
async fn files_go_up_and_come_down_with_the_token_and_in_time() {
    let world = World::immediate();
    world.open(GUEST).await;
    let base = world.simulator.url();
    let upload = |mime: &'static str, bytes: Vec<u8>| {
        let part = Part::bytes(bytes).file_name("a").mime_str(mime).unwrap();
        let form = Form::new().text("messaging_product", "whatsapp").text("type", mime).part("file", part);
        let url = format!("{base}/v25.0/105000000000001/media");
        let request = world.http.post(url).bearer_auth("development-access-token").multipart(form);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let id = upload("image/png", b"picture".to_vec()).await["id"].as_str().unwrap().to_owned();
    assert_eq!(upload("image/gif", b"x".to_vec()).await["error"]["code"], 100);
    assert_eq!(upload("image/png", vec![0; 6 * 1024 * 1024]).await["error"]["code"], 131053);
    let image = |id: &str, kind: &str| json!({ "to": GUEST, "type": kind, kind: { "id": id } });
    assert_eq!(world.send(image(&id, "image")).await.unwrap().0, 200);
    assert_eq!(world.send(image("1", "image")).await.unwrap().1["error"]["code"], 131009);
    let wrong = world.send(image(&id, "audio")).await.unwrap().1["messages"][0]["id"].clone();
    world.until("it fails", |it| it.statuses(&wrong) == ["failed"]).await;

    let get = |url: &str, token: &str| world.http.get(url).bearer_auth(token).send();
    let told: Value =
        get(&format!("{base}/v25.0/{id}"), "development-access-token").await.unwrap().json().await.unwrap();
    let url = told["url"].as_str().unwrap();
    assert_eq!((&told["mime_type"], &told["file_size"]), (&json!("image/png"), &json!("7")));
    assert_eq!(get(url, "wrong").await.unwrap().status(), 401);
    assert_eq!(get(url, "development-access-token").await.unwrap().bytes().await.unwrap(), "picture");
    world.control("clock/", json!({ "advance_seconds": 300 })).await;
    assert_eq!(get(url, "development-access-token").await.unwrap().status(), 404);
    world.control("faults/", json!({ "on": "media", "status": 503 })).await;
    world.control("faults/", json!({ "on": "upload", "code": 131000 })).await;
    let lookup = format!("{base}/v25.0/{id}");
    assert_eq!(get(&lookup, "development-access-token").await.unwrap().status(), 503);
    assert_eq!(get(&lookup, "development-access-token").await.unwrap().status(), 200);
    assert_eq!(upload("image/png", b"x".to_vec()).await["error"]["code"], 131000);
    let delete = || world.http.delete(format!("{base}/v25.0/{id}")).bearer_auth("development-access-token").send();
    assert_eq!(delete().await.unwrap().status(), 200);
    assert_eq!(delete().await.unwrap().status(), 404);
}

#[tokio::test]
async fn marking_read_needs_a_guests_message_and_tells_nothing() {
    let world = World::immediate();
    let asked = world.control("guest/", json!({ "from": GUEST, "text": "Hello" })).await;
    let mark = |id: &Value| json!({ "status": "read", "message_id": id, "typing_indicator": { "type": "text" } });
    assert_eq!(world.send(mark(&asked["ids"][0])).await.unwrap(), (200, json!({ "success": true })));
    assert_eq!(world.send(mark(&json!("wamid.NONE"))).await.unwrap().1["error"]["code"], 131009);
    assert_eq!(world.transcript("mark_read").await[0]["typing"], true);
    world.until_quiet().await;
    assert!(world.told("statuses").is_empty());
}

#[tokio::test]
async fn numbers_of_some_countries_are_answered_with_other_ids() {
    let world = World::immediate();
    for (to, id) in [("+5531987654321", "553187654321"), ("+525512345678", "5215512345678")] {
        world.open(id).await;
        let answer = world.send(text(to)).await.unwrap().1;
        assert_eq!(answer["contacts"], json!([{ "input": to, "wa_id": id }]));
        let wamid = answer["messages"][0]["id"].clone();
        world.until("its ticks", |it| it.statuses(&wamid).len() == 3).await;
    }
}
