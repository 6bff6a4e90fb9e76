//! The 24-hour window of free text.

use std::{sync::Arc, time::Duration};

use acceptance::{
    DatabaseKind, Port, TestSocket, WhatsappHotel, WhatsappWorld, WorldOptions, json, on_both, with_simulator,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::*;
use crate::metrics::wait_for_metric;

on_both!(queued_messages_fail_after_the_window, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let conversation = GuestThread::with(&line, "+447700900470").await;
    let before = conversation.say(&unique_text()).await;
    conversation.wait_for_delivery(before, "read").await;
    // A queued message waits for the account until the window is over.
    whatsapp.meta.post("account/", json!({ "error": 131042 })).await;
    let text = unique_text();
    let late = conversation.say(&text).await;
    // From this log line on the account is probed every five minutes.
    let log_line = format!("hotel {}: sender suspended", line.id);
    line.until(&log_line, async || whatsapp.world.log_text().contains(&log_line).then_some(())).await;
    whatsapp.advance(24 * 3600 + 60).await;
    whatsapp.meta.post("account/", json!({ "error": -1 })).await;
    let conversation = conversation.back().await;
    conversation.try_say("too late").await.problem(409, "window_closed");
    let failed = conversation.wait_for_delivery(late, "failed").await;
    assert_sentence(&failed["failure"]);
    assert!(failed["failure"].as_str().unwrap().contains("24 hours"), "{failed}");
    assert_eq!(count_accepted(&line, &text).await, 0);
});

#[test]
fn queued_messages_of_a_restored_backup_become_unknown() {
    with_simulator(DatabaseKind::Sqlite, WorldOptions::default(), async |whatsapp: Arc<WhatsappWorld>| {
        let conversation = GuestThread::with(&whatsapp.line(), "+447700900471").await;
        whatsapp.meta.post("account/", json!({ "error": 131042 })).await;
        let (text, after) = (unique_text(), unique_text());
        let id = conversation.say(&text).await;
        wait_for_metric(&whatsapp.world, "whatsapp_stopped ", Duration::from_secs(10), |n| n == 1.0).await;
        whatsapp.world.run(&["backup", "copy.db"]).json();
        whatsapp.meta.post("account/", json!({ "error": -1 })).await;
        whatsapp.world.advance(301);
        conversation.wait_for_delivery(id, "read").await;
        whatsapp.world.kill();
        whatsapp.world.run(&["restore", "copy.db"]).json();
        whatsapp.world.serve();
        let conversation = conversation.back().await;
        assert_sentence(&conversation.message(id).await["failure"]);
        assert_eq!(conversation.message(id).await["delivery"], "unknown");
        // The sender is also suspended in the backup; it is probed five minutes after the restart has noticed that.
        let next = conversation.say(&after).await;
        sleep(Duration::from_secs(2)).await;
        whatsapp.world.advance(301);
        conversation.wait_for_delivery(next, "read").await;
        assert_eq!(
            (count_accepted(&conversation.line, &text).await, count_accepted(&conversation.line, &after).await),
            (1, 1)
        );
    });
}

#[test]
fn an_unreachable_api_is_retried_until_the_message_is_sent_once() {
    for backend in [DatabaseKind::Sqlite, DatabaseKind::Postgres] {
        let port = Port::free();
        let options = WorldOptions::default().set("WHATSAPP_API_URL", format!("http://{}", port.address()));
        with_simulator(backend, options, async |whatsapp: Arc<WhatsappWorld>| {
            let conversation = GuestThread::with(&whatsapp.line(), "+447700900472").await;
            let text = unique_text();
            let id = conversation.say(&text).await;
            sleep(Duration::from_secs(3)).await;
            assert_eq!(conversation.message(id).await["delivery"], "queued");
            let listener = TcpListener::bind(port.address()).await.unwrap();
            let meta = whatsapp.meta.base.trim_start_matches("http://").to_owned();
            tokio::spawn(async move {
                while let Ok((mut near, _)) = listener.accept().await {
                    let mut far = TcpStream::connect(&meta).await.unwrap();
                    tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
                }
            });
            conversation.wait_for_delivery(id, "read").await;
            assert_eq!(count_accepted(&conversation.line, &text).await, 1);
        });
    }
}

/// The accepted texts among the given ones, in order.
async fn accepted_of(line: &WhatsappHotel, of: &[&str]) -> Vec<String> {
    accepted_texts(line).await.into_iter().filter(|it| of.contains(&it.as_str())).collect()
}

on_both!(the_window_belongs_to_guest_and_number, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    line.hotel.world.run(&["hotel", "set", &line.id.to_string(), "--flow", "off"]).json();
    let (stay, manager) = (line.relay(0), line.manager().await);
    let guest = stay.phone.trim_start_matches('+');
    let today = chrono::Utc::now().date_naive();
    // A second room of the same guest.
    let second = json!({
        "reservation_code": "second", "guest_name": "Ada", "guest_phone": stay.phone, "room_number": "second",
        "check_in": today.to_string(), "check_out": (today + chrono::Days::new(3)).to_string(),
    });
    line.guest(json!({ "from": stay.phone, "text": "Hello" })).await;
    line.meta.wait_until_delivered().await;
    let second = manager.post("stays/", second).await.is(201)["id"].as_i64().unwrap();
    // Both stays have begun, so the next message goes to the conversation of the last one.
    for stay in [second, stay.id] {
        manager.post_empty(format!("stays/{stay}/check_in/")).await.is(200);
    }
    let found = manager.get("conversations/?search=second&status=active").await.is(200);
    let id = found["results"][0]["id"].as_i64().unwrap();
    let first_room = GuestThread { line: line.clone(), manager: manager.clone(), id: stay.conversation, phone: stay.phone.clone() };
    let second_room = GuestThread { id, ..first_room.clone() };
    let (a, b, c) = (unique_text(), unique_text(), unique_text());
    let sent = second_room.say(&a).await;
    second_room.wait_for_delivery(sent, "read").await;
    let window = async |conversation: &GuestThread| conversation.manager.get(conversation.path("")).await.is(200)["window_expires_at"].clone();
    let before = window(&second_room).await;
    assert_eq!((&before, before.is_string()), (&window(&first_room).await, true));
    // Subscribers of one conversation get an update if the guest writes in another.
    let mut socket = TestSocket::open(&manager).await;
    socket.ok(json!({ "command": "subscribe_to_conversation", "conversation_id": second_room.id })).await;
    // WhatsApp's timestamps are whole seconds; a message in the same second would not move the window.
    sleep(Duration::from_millis(1100)).await;
    line.send_guest_text(guest, "And now?").await;
    let event = socket.skip_to("conversation_updated").await;
    assert_eq!(event["conversation"]["id"], second_room.id);
    assert_eq!(event["conversation"]["window_expires_at"], window(&first_room).await);

    whatsapp.advance(24 * 3600 + 60).await;
    let (first_room, second_room) = (first_room.back().await, second_room.back().await);
    let opener = json!({
        "name": "opener", "content": "We have an answer for you.", "template_type": "whatsapp", "language": "en",
    });
    let opener = first_room.manager.post("templates/", opener).await.is(201)["id"].clone();
    first_room.manager.patch("hotel/", json!({ "opener_template_id": opener })).await.is(200);
    let hold = async |conversation: &GuestThread, text: &str| {
        let held = json!({ "text": text, "hold": true });
        let held = conversation.manager.post(conversation.path("send_message/"), held).await.is(201);
        assert_eq!(held["delivery"], "held");
    };
    hold(&second_room, &b).await;
    hold(&first_room, &c).await;
    second_room.manager.post_empty(second_room.path("close/")).await.is(200);
    line.guest(json!({ "from": stay.phone, "text": "Yes?" })).await;
    line.until("both messages are sent", async || (accepted_of(&line, &[&b, &c]).await.len() == 2).then_some(())).await;
    assert_eq!(accepted_of(&line, &[&b, &c]).await, [b.clone(), c.clone()]);
    let openers = line.transcript("send").await.into_iter().filter(|it| it["body"]["template"]["name"] == "opener");
    assert_eq!(openers.count(), 1, "the opener is sent once");
    // Another number of the hotel starts without windows.
    first_room.try_say("still open").await.is(201);
    line.hotel.world.run(&["hotel", "set", &line.id.to_string(), "--whatsapp-phone-number-id", "999000111"]).json();
    first_room.try_say("to the other number").await.problem(409, "window_closed");
    assert!(window(&first_room).await.is_null());
});
