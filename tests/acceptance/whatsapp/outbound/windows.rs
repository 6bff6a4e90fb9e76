//! The 24 hours after a guest's message.

use std::{sync::Arc, time::Duration};

use acceptance::{Backend, Line, Options, Port, Socket, Whatsapp, by_whatsapp, json, on_both};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::*;
use crate::figures::figure_is;

on_both!(outside_of_them_nothing_goes, whatsapp Options::default() => |it| {
    let line = it.line();
    let talk = Talk::with(&line, "+447700900470").await;
    let before = talk.say(&words()).await;
    talk.comes_to(before, "read").await;
    // One waits for the account, longer than the guest's hours last.
    it.meta.post("account/", json!({ "error": 131042 })).await;
    let words = words();
    let late = talk.say(&words).await;
    // From then on it is tried every five minutes.
    let told = format!("nothing is sent for hotel {}", line.id);
    line.until(&told, async || it.world.log_text().contains(&told).then_some(())).await;
    it.advance(24 * 3600 + 60).await;
    it.meta.post("account/", json!({ "error": -1 })).await;
    let talk = talk.back().await;
    talk.try_say("too late").await.problem(409, "window_closed");
    let failed = talk.comes_to(late, "failed").await;
    is_sentence(&failed["failure"]);
    assert!(failed["failure"].as_str().unwrap().contains("24 hours"), "{failed}");
    assert_eq!(times(&line, &words).await, 0);
});

#[test]
fn what_waited_in_a_restored_backup_is_not_sent_again() {
    by_whatsapp(Backend::Sqlite, Options::default(), async |it: Arc<Whatsapp>| {
        let talk = Talk::with(&it.line(), "+447700900471").await;
        it.meta.post("account/", json!({ "error": 131042 })).await;
        let (words, after) = (words(), words());
        let id = talk.say(&words).await;
        figure_is(&it.world, "whatsapp_stopped ", Duration::from_secs(10), |n| n == 1.0).await;
        it.world.run(&["backup", "copy.db"]).json();
        it.meta.post("account/", json!({ "error": -1 })).await;
        it.world.advance(301);
        talk.comes_to(id, "read").await;
        it.world.kill();
        it.world.run(&["restore", "copy.db"]).json();
        it.world.serve();
        let talk = talk.back().await;
        is_sentence(&talk.message(id).await["failure"]);
        assert_eq!(talk.message(id).await["delivery"], "unknown");
        // The backup's channel is stopped as well: it is tried five minutes after that is found.
        let next = talk.say(&after).await;
        sleep(Duration::from_secs(2)).await;
        it.world.advance(301);
        talk.comes_to(next, "read").await;
        assert_eq!((times(&talk.line, &words).await, times(&talk.line, &after).await), (1, 1));
    });
}

#[test]
fn what_cannot_be_reached_is_tried_until_it_can_and_then_sent_once() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let port = Port::free();
        let options = Options::default().set("WHATSAPP_API_URL", format!("http://{}", port.address()));
        by_whatsapp(backend, options, async |it: Arc<Whatsapp>| {
            let talk = Talk::with(&it.line(), "+447700900472").await;
            let words = words();
            let id = talk.say(&words).await;
            sleep(Duration::from_secs(3)).await;
            assert_eq!(talk.message(id).await["delivery"], "queued");
            let listener = TcpListener::bind(port.address()).await.unwrap();
            let meta = it.meta.base.trim_start_matches("http://").to_owned();
            tokio::spawn(async move {
                while let Ok((mut near, _)) = listener.accept().await {
                    let mut far = TcpStream::connect(&meta).await.unwrap();
                    tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
                }
            });
            talk.comes_to(id, "read").await;
            assert_eq!(times(&talk.line, &words).await, 1);
        });
    }
}

/// The texts that were accepted among these, in order.
async fn in_order(line: &Line, of: &[&str]) -> Vec<String> {
    accepted(line).await.into_iter().filter(|it| of.contains(&it.as_str())).collect()
}

on_both!(it_belongs_to_the_guest_in_whatever_conversation, whatsapp Options::default() => |it| {
    let line = it.line();
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
    line.meta.has_told().await;
    let second = manager.post("stays/", second).await.is(201)["id"].as_i64().unwrap();
    // Both have begun, so the guest's next message belongs where the guest wrote last.
    for stay in [second, stay.id] {
        manager.post_empty(format!("stays/{stay}/check_in/")).await.is(200);
    }
    let found = manager.get("conversations/?search=second&status=active").await.is(200);
    let id = found["results"][0]["id"].as_i64().unwrap();
    let here = Talk { line: line.clone(), manager: manager.clone(), id: stay.conversation, phone: stay.phone.clone() };
    let there = Talk { id, ..here.clone() };
    let (a, b, c) = (words(), words(), words());
    let sent = there.say(&a).await;
    there.comes_to(sent, "read").await;
    let window = async |talk: &Talk| talk.manager.get(talk.path("")).await.is(200)["window_expires_at"].clone();
    let before = window(&there).await;
    assert_eq!((&before, before.is_string()), (&window(&here).await, true));
    // Who follows the one hears of it when the guest writes in the other.
    let mut socket = Socket::open(&manager).await;
    socket.ok(json!({ "command": "subscribe_to_conversation", "conversation_id": there.id })).await;
    // WhatsApp's times are whole seconds: one of the same second moves no window.
    sleep(Duration::from_millis(1100)).await;
    line.says(guest, "And now?").await;
    let told = socket.skip_to("conversation_updated").await;
    assert_eq!(told["conversation"]["id"], there.id);
    assert_eq!(told["conversation"]["window_expires_at"], window(&here).await);

    it.advance(24 * 3600 + 60).await;
    let (here, there) = (here.back().await, there.back().await);
    let opener = json!({
        "name": "opener", "content": "We have an answer for you.", "template_type": "whatsapp", "language": "en",
    });
    let opener = here.manager.post("templates/", opener).await.is(201)["id"].clone();
    here.manager.patch("hotel/", json!({ "opener_template_id": opener })).await.is(200);
    let hold = async |talk: &Talk, words: &str| {
        let held = json!({ "text": words, "hold": true });
        let held = talk.manager.post(talk.path("send_message/"), held).await.is(201);
        assert_eq!(held["delivery"], "held");
    };
    hold(&there, &b).await;
    hold(&here, &c).await;
    there.manager.post_empty(there.path("close/")).await.is(200);
    line.guest(json!({ "from": stay.phone, "text": "Yes?" })).await;
    line.until("both are sent", async || (in_order(&line, &[&b, &c]).await.len() == 2).then_some(())).await;
    assert_eq!(in_order(&line, &[&b, &c]).await, [b.clone(), c.clone()]);
    let openers = line.transcript("send").await.into_iter().filter(|it| it["body"]["template"]["name"] == "opener");
    assert_eq!(openers.count(), 1, "the guest is asked once");
    // Another number of the hotel begins without windows.
    here.try_say("still open").await.is(201);
    line.hotel.world.run(&["hotel", "set", &line.id.to_string(), "--whatsapp-phone-number-id", "999000111"]).json();
    here.try_say("to the other number").await.problem(409, "window_closed");
    assert!(window(&here).await.is_null());
});
