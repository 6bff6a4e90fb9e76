//! Guests who write to a department outside its opening hours.

use acceptance::{StaffClient, TestSocket, Value, WhatsappHotel, WorldOptions, json, on_both, whatsapp::text};

use super::{digits, id};
use crate::event_assertions::of_type;

/// The texts of system messages in a conversation, in order.
async fn away_texts(line: &WhatsappHotel, conversation: &Value) -> Vec<String> {
    let all = line.messages(id(conversation)).await;
    let by_system =
        all.iter().filter(|it| it["sender_type"] == "system" && it["content"].as_str().unwrap().contains("closed"));
    by_system.map(|it| it["content"].as_str().unwrap().to_owned()).collect()
}

/// A department that is closed all week.
async fn close_department(line: &WhatsappHotel, manager: &StaffClient, index: usize) {
    let path = format!("departments/{}/", line.departments[index].id);
    manager.patch(path, json!({ "opening_hours": {} })).await.is(200);
}

on_both!(a_guest_learns_once_per_closing_that_the_department_is_closed, line => |line| {
    let (manager, stay) = (line.manager().await, line.relay(0));
    let from = digits(&stay.phone);
    line.send_guest_text(from, "are you there?").await;
    let conversation = line.conversation(from).await;
    manager.post(stay.path("start_relay/"), json!({ "department_id": line.departments[0].id })).await.is(200);
    assert!(away_texts(&line, &conversation).await.is_empty(), "it is open");
    close_department(&line, &manager, 0).await;
    // The text of the hotel, and that of the department, which precedes it.
    let template = |department: Option<i64>, words: &str| {
        json!({ "name": "flow.away", "content": format!("{words}: {{{{department_name}}}} is closed, {{{{guest_name}}}}."), "department_id": department })
    };
    manager.post("templates/", template(None, "Hotel")).await.is(201);
    let own = manager.post("templates/", template(Some(line.departments[0].id), "Own")).await.is(201);
    for taken in [template(None, "x"), template(Some(line.departments[0].id), "x")] {
        assert_eq!(manager.post("templates/", taken).await.bad_fields(), ["name"]);
    }
    manager.post("templates/", template(Some(line.departments[1].id), "Other")).await.is(201);
    let mut inbox = TestSocket::open(&manager).await;
    inbox.subscribe_to_inbox().await;
    line.send_guest_text(from, "hello?").await;
    let name = &line.departments[0].name;
    let texts = away_texts(&line, &conversation).await;
    assert!(matches!(texts.as_slice(), [one] if one.starts_with(&format!("Own: {name} is closed, "))), "{texts:?}");
    // It is sent to the guest, and no answer: the guest still waits.
    line.until("the guest gets it", async || {
        let sends = line.transcript("send").await;
        sends.iter().any(|it| it["body"]["text"]["body"] == texts[0].as_str()).then_some(())
    })
    .await;
    let shown = manager.get(stay.path("")).await.is(200);
    assert!(shown["waiting_since"].is_string() && shown["last_message"]["sender_type"] == "system");
    assert!(!of_type(&inbox.events_so_far(&line).await, "conversation_updated").is_empty());
    // Once per closing, in whatever number of messages, and whether or not they come at once.
    let messages: Vec<Value> = (0..4).map(|nth| text(from, &format!("please {nth}"))).collect();
    line.deliver_messages(&messages).await;
    assert_eq!(away_texts(&line, &conversation).await.len(), 1);
    // A department that was open in between closes anew; without its own text it has that of the hotel.
    manager.send("DELETE", format!("templates/{}/", own["id"]), None).await.is(204);
    let path = format!("departments/{}/", line.departments[0].id);
    let now = chrono::Utc::now();
    let minute = |ago: i64| (now - chrono::TimeDelta::minutes(ago)).format("%H:%M").to_string();
    manager.patch("hotel/", json!({ "timezone": "UTC" })).await.is(200);
    let day = (now - chrono::TimeDelta::minutes(2)).format("%a").to_string().to_lowercase();
    manager.patch(&path, json!({ "opening_hours": { day: [[minute(2), minute(1)]] } })).await.is(200);
    line.send_guest_text(from, "and now?").await;
    assert_eq!(away_texts(&line, &conversation).await.len(), 1, "the message was sent after the closing a minute ago");
    // Another department answers for itself.
    close_department(&line, &manager, 2).await;
    manager.post(stay.path("start_relay/"), json!({ "department_id": line.departments[2].id })).await.is(200);
    line.send_guest_text(from, "restaurant?").await;
    let texts = away_texts(&line, &conversation).await;
    assert_eq!(texts.len(), 2);
    assert!(texts[1].starts_with(&format!("Hotel: {} is closed", line.departments[2].name)), "{texts:?}");
});

on_both!(each_closing_has_its_message, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let manager = line.manager().await;
    let phone = line.unused_phone();
    manager.patch("hotel/", json!({ "timezone": "UTC" })).await.is(200);
    // The flow is off: the guest's message goes to the default department.
    line.world.run(&["hotel", "set", &line.id.to_string(), "--flow", "off"]);
    let default = manager.get("hotel/").await.is(200)["default_department_id"].clone();
    let path = format!("departments/{default}/");
    // Open for a minute of each day, five minutes from now.
    let minute = |from_now: i64| (chrono::Utc::now() + chrono::TimeDelta::minutes(from_now)).format("%H:%M").to_string();
    let span = json!([[minute(5), minute(6)]]);
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|day| (day.to_owned(), span.clone()));
    manager.patch(&path, json!({ "opening_hours": days.into_iter().collect::<Value>() })).await.is(200);
    let write = async |words: &str| {
        let mut message = text(digits(&phone), words);
        message["timestamp"] = whatsapp.now().to_string().into();
        line.deliver_messages(&[message]).await;
    };
    let count = || {
        whatsapp.world.number("SELECT count(*) FROM messages WHERE sender_type = 'system' AND content LIKE '%is closed at the moment%'")
    };
    write("hello").await;
    assert_eq!(count(), 1);
    write("hello again").await;
    assert_eq!(count(), 1);
    whatsapp.advance(7 * 60).await;
    write("after the next closing").await;
    assert_eq!(count(), 2);
    write("once more").await;
    assert_eq!(count(), 2);
});
