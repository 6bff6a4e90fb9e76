//! Templates that are read from the WhatsApp Business Account.

use acceptance::{Meta, StaffClient, Value, WorldOptions, json, on_both};

/// The account of the simulator.
const ACCOUNT: &str = "104000000000001";

async fn add(meta: &Meta, name: &str, fields: Value) {
    let mut template = json!({ "name": name, "language": "en_GB" });
    template.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    meta.post("templates/", template).await;
}

async fn sync(manager: &StaffClient) -> [i64; 3] {
    let counts = manager.post_empty("templates/sync/").await.is(200);
    ["created", "updated", "unavailable"].map(|key| counts[key].as_i64().unwrap())
}

async fn find(manager: &StaffClient, name: &str) -> Value {
    let all = manager.get(format!("templates/?page_size=100&search={name}")).await.is(200);
    all["results"].as_array().unwrap().iter().find(|it| it["name"] == name).cloned().unwrap_or_default()
}

on_both!(approved_templates_are_read_and_marked, whatsapp WorldOptions::default() => |whatsapp| {
    let (line, meta) = (whatsapp.line(), &whatsapp.meta);
    let manager = line.manager().await;
    manager.post_empty("templates/sync/").await.problem(409, "not_allowed_now");
    let id = line.id.to_string();
    line.world.run(&["hotel", "set", &id, "--whatsapp-business-account-id", ACCOUNT]).json();
    for n in 0..120 {
        add(meta, &format!("offer_{n}"), json!({ "body": 0 })).await;
    }
    add(meta, "arrival", json!({ "body": 2, "text": "Dear {{1}}, room {{2}} is ready." })).await;
    add(meta, "late", json!({ "body": 1, "names": ["guest_name"], "text": "Dear {{guest_name}}, see you." })).await;
    add(meta, "picture", json!({ "header": "image" })).await;
    let own = json!({
        "name": "arrival", "content": "Dear {{guest_name}}, room {{room_number}} is ready.", "template_type": "whatsapp",
        "language": "en_GB", "shortcut": "arr",
    });
    let own = manager.post("templates/", own).await.is(201);
    let gone = json!({ "name": "gone", "content": "Bye", "template_type": "whatsapp", "language": "en" });
    let gone = manager.post("templates/", gone).await.is(201);
    // 3 default templates of the simulator, 120 offers, `late`; `arrival` exists, `picture` cannot be sent.
    assert_eq!(sync(&manager).await, [124, 0, 1]);
    assert_eq!(sync(&manager).await, [0, 0, 1]);
    let entries = manager.get("audit/?action=templates_synced").await.is(200);
    assert_eq!((&entries["count"], &entries["results"][0]["after"]), (&json!(1), &json!("124 created, 0 updated, 1 unavailable")));
    assert_eq!(find(&manager, "arrival").await, own);
    let late = find(&manager, "late").await;
    assert_eq!((&late["parameter_format"], &late["content"]), (&json!("named"), &json!("Dear {{guest_name}}, see you.")));
    assert_eq!(find(&manager, "gone").await["available"], false);
    assert!(find(&manager, "picture").await.is_null());
    send(&manager, &late, &gone).await;
    // Meta changes a text: the names of the placeholders stay. Meta pauses a template: it cannot be sent.
    add(meta, "arrival", json!({ "body": 2, "text": "Hello {{1}}! Room {{2}}." })).await;
    add(meta, "late", json!({ "body": 1, "names": ["guest_name"], "status": "paused" })).await;
    assert_eq!(sync(&manager).await, [0, 1, 2]);
    let changed = find(&manager, "arrival").await;
    assert_eq!((&changed["content"], &changed["shortcut"]), (&json!("Hello {{guest_name}}! Room {{room_number}}."), &json!("arr")));
    assert_eq!(find(&manager, "late").await["available"], false);
    add(meta, "late", json!({ "body": 1, "names": ["guest_name"], "text": "Dear {{guest_name}}, see you." })).await;
    assert_eq!(sync(&manager).await, [0, 1, 1]);
    assert_eq!(find(&manager, "late").await["available"], true);
    // Without WhatsApp nothing changes.
    meta.post("account/", json!({ "token_revoked": true })).await;
    manager.post_empty("templates/sync/").await.problem(503, "unavailable");
    assert_eq!(find(&manager, "late").await["available"], true);
    meta.post("account/", json!({ "token_revoked": false })).await;
});

/// Sends a template with named values, which the simulator checks, and one that is not available.
async fn send(manager: &StaffClient, named: &Value, gone: &Value) {
    let stay = json!({
        "reservation_code": "T-1", "guest_name": "Ana Rossi", "guest_phone": "+447700900481", "room_number": "7",
        "check_in": "2020-01-01", "check_out": "2099-01-01",
    });
    let stay = manager.post("stays/", stay).await.is(201);
    let conversation = manager.post_empty(format!("stays/{}/conversation/", stay["id"])).await.is(201)["id"].clone();
    let path = format!("conversations/{conversation}/send_template/");
    manager.post(&path, json!({ "template_id": gone["id"] })).await.problem(409, "template_unavailable");
    let sent = manager.post(&path, json!({ "template_id": named["id"] })).await.is(201);
    assert_eq!(sent["content"], "Dear Ana Rossi, see you.");
    for _ in 0..200 {
        let messages = manager.get(format!("conversations/{conversation}/messages/")).await.is(200);
        let delivery = messages[0]["delivery"].as_str().unwrap().to_owned();
        assert_ne!(delivery, "failed", "{messages}");
        if ["sent", "delivered", "read"].contains(&delivery.as_str()) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the template was not sent");
}
