//! Scheduled messages to guests on WhatsApp: the 24-hour window at their time, approved templates.

use acceptance::{PASSWORD, StaffClient, WhatsappHotel, WhatsappWorld, WorldOptions};

use super::*;

const DAY: i64 = 24 * 3600;

/// The time in so many seconds by the clock of the server.
fn at(whatsapp: &WhatsappWorld, seconds: i64) -> String {
    let at = DateTime::from_timestamp(whatsapp.now() + seconds, 0).unwrap();
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A guest without stay writes. Returns the conversation.
async fn guest_writes(line: &WhatsappHotel, phone: &str) -> Value {
    line.guest(json!({ "from": phone, "text": "Hello" })).await;
    let (manager, digits) = (line.manager().await, phone.trim_start_matches('+').to_owned());
    let path = format!("conversations/?search={digits}&status=demo,active,relay");
    line.until("the conversation", async || {
        let found = manager.get(&path).await.is(200)["results"][0].clone();
        (!found.is_null()).then_some(found)
    })
    .await
}

async fn schedule_in(client: &ApiClient, conversation: &Value, body: Value) -> Value {
    client.post(format!("conversations/{}/scheduled/", conversation["id"]), body).await.is(201)
}

/// Signs in again, after the token has expired.
async fn sign_in_again(line: &WhatsappHotel, staff: &StaffClient) -> StaffClient {
    line.hotel.sign_in(&staff.username, PASSWORD).await
}

async fn delivered(line: &WhatsappHotel, client: &ApiClient, message: &Value) -> Value {
    let path = format!("conversations/{}/messages/", message["conversation_id"]);
    line.until("the delivery", async || {
        let all = client.get(&path).await.is(200);
        let found = all.as_array().unwrap().iter().find(|it| it["id"] == message["id"]).cloned();
        found.filter(|it| ["sent", "delivered", "read"].contains(&it["delivery"].as_str().unwrap_or_default()))
    })
    .await
}

on_both!(the_window_counts_that_is_open_at_their_time, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    line.hotel.world.run(&["hotel", "set", &line.id.to_string(), "--flow", "off"]).json();
    let manager = line.manager().await;
    let template = |name: &str, content: &str| {
        json!({ "name": name, "content": content, "template_type": "whatsapp", "language": "en" })
    };
    let opener = manager.post("templates/", template("opener", "Please write to us.")).await.is(201);
    let text = "Dear {{guest_name}}, {{word}}.";
    let approved = manager.post("templates/", template("pre_arrival", text)).await.is(201);
    manager.patch("hotel/", json!({ "opener_template_id": opener["id"] })).await.is(200);
    let fails = guest_writes(&line, "+447700900480").await;
    let held = guest_writes(&line, "+447700900481").await;
    let sends = guest_writes(&line, "+447700900482").await;
    let send_at = at(&whatsapp, DAY + 600);
    let (lost, kept) = (unique("not held"), unique("held"));
    let first = schedule_in(&manager, &fails, json!({ "text": lost, "send_at": send_at })).await;
    let second = schedule_in(&manager, &held, json!({ "text": kept, "send_at": send_at, "hold": true })).await;
    assert_eq!(second["hold"], true);
    let body = json!({ "template_id": approved["id"], "variables": { "guest_name": "Ada", "word": "hello" }, "send_at": send_at });
    let third = schedule_in(&manager, &sends, body).await;
    whatsapp.advance(DAY).await;
    let manager = sign_in_again(&line, &manager).await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(now(&manager, &first).await["status"], "pending");
    whatsapp.advance(605).await;
    // Without `hold` it becomes a failed message, and the guest waits for an answer again.
    let message = sent(&manager, &first).await;
    assert_eq!(message["delivery"], "failed", "{message}");
    assert!(message["failure"].as_str().unwrap().contains("24 hours"), "{message}");
    let conversation = manager.get(format!("conversations/{}/", fails["id"])).await.is(200);
    assert_eq!(conversation["unsent"], json!({ "failed": 1, "unknown": 0, "held": 0 }));
    assert_eq!(conversation["waiting_since"], fails["waiting_since"]);
    // With `hold` it waits until the guest writes.
    let message = sent(&manager, &second).await;
    assert_eq!((&message["delivery"], &message["send_at"]), (&json!("held"), &second["send_at"]));
    let texts = manager.get(format!("conversations/{}/messages/", held["id"])).await.is(200);
    assert!(texts.as_array().unwrap().iter().any(|it| it["content"] == "Please write to us."), "{texts}");
    line.guest(json!({ "from": "+447700900481", "text": "I am here" })).await;
    delivered(&line, &manager, &message).await;
    // An approved template is sent at any time, filled then.
    let message = sent(&manager, &third).await;
    assert_eq!(message["content"], "Dear Ada, hello.");
    delivered(&line, &manager, &message).await;
    let accepted = line.transcript("send").await;
    let count = |text: &str| accepted.iter().filter(|it| it["body"]["text"]["body"] == text).count();
    assert_eq!((count(&lost), count(&kept)), (0, 1));
});

on_both!(a_guest_who_writes_in_another_room_is_heard, line => |line| {
    let (manager, stay) = (line.manager().await, line.relay(0));
    line.hotel.world.run(&["hotel", "set", &line.id.to_string(), "--flow", "off"]).json();
    let guest = stay.phone.trim_start_matches('+');
    line.guest(json!({ "from": stay.phone, "text": "Hello" })).await;
    line.meta.wait_until_delivered().await;
    let today = Utc::now().date_naive();
    let second = json!({
        "reservation_code": unique("second"), "guest_name": "Ada", "guest_phone": stay.phone, "room_number": "second",
        "check_in": today.to_string(), "check_out": (today + chrono::Days::new(3)).to_string(),
    });
    let second = manager.post("stays/", second).await.is(201);
    let scheduled = schedule(&manager, &stay, "Your car is ready", 600).await;
    let other = manager.post_empty(format!("stays/{}/conversation/", second["id"])).await.is(201);
    // A guest sees one chat; the message is filed in the conversation of the quoted one.
    let body = json!({ "text": "Welcome" });
    let welcome = manager.post(format!("conversations/{}/send_message/", other["id"]), body).await.is(201);
    let welcome = delivered(&line, &manager, &welcome).await;
    let found = line.transcript("send").await;
    let name = found.iter().find(|it| it["body"]["text"]["body"] == "Welcome").expect("not sent")["wamid"].clone();
    let mut quoting = acceptance::whatsapp::text(guest, "thanks");
    quoting["context"] = json!({ "from": line.number, "id": name });
    line.deliver_messages(&[quoting]).await;
    let texts = line.messages(other["id"].as_i64().unwrap()).await;
    assert_eq!(texts.last().unwrap()["content"], "thanks", "{welcome}");
    needs_review(&manager, &scheduled, "guest_wrote").await;
});
