//! Commands received before a socket ends are executed.

use std::time::{Duration, Instant};

use acceptance::{TestHotel, TestSocket, TestStay, Value, head_of_frame, json, on_sqlite, unique};
use tokio::{io::AsyncWriteExt, time::sleep};

use crate::event_assertions::of_type;

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const SENDS: usize = 20;

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&head_of_frame(first, payload.len() as u64), payload].concat()
}

/// The frames of a subscription, twenty messages and a read position, and the texts of the messages.
fn commands(stay: &TestStay, message: &Value) -> (Vec<u8>, Vec<String>) {
    let texts: Vec<String> = (0..SENDS).map(|_| unique("last words")).collect();
    let mut all = vec![json!({ "command": "subscribe_to_conversation", "stay_id": stay.id, "request_id": "first" })];
    all.extend(texts.iter().map(
        |text| json!({ "command": "send_message", "stay_id": stay.id, "text": text, "request_id": text, "client_ref": text.replace(' ', "-") }),
    ));
    all.push(json!({ "command": "mark_read", "stay_id": stay.id, "message_id": message, "request_id": "last" }));
    (all.iter().flat_map(|command| frame(TEXT, command.to_string().as_bytes())).collect(), texts)
}

/// The stored ones of these texts, in order.
async fn stored_texts(hotel: &TestHotel, stay: &TestStay, texts: &[String]) -> Vec<String> {
    let all = hotel.manager().await.get(stay.path("messages/?limit=100")).await.is(200);
    let all = all.as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap().to_owned());
    all.filter(|it| texts.contains(it)).collect()
}

async fn unread_count(hotel: &TestHotel, stay: &TestStay) -> Value {
    hotel.of(0).await.get(stay.path("")).await.is(200)["unread_count"].clone()
}

/// The request ids of the acknowledgements.
fn acknowledged(events: &[Value]) -> Vec<&str> {
    of_type(events, "ack").iter().map(|it| it["request_id"].as_str().unwrap()).collect()
}

on_sqlite!(commands_before_a_close_frame_are_acknowledged_before_the_close_is_answered, |hotel| {
    let stay = hotel.assigned(0).await;
    let message = hotel.send_guest_message(&stay.phone, "Hello?").await["message_id"].clone();
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    let (mut bytes, texts) = commands(&stay, &message);
    bytes.extend(frame(CLOSE, &1000_u16.to_be_bytes()));
    socket.send_bytes(&bytes).await;
    assert_eq!(socket.closed().await, 1000);
    let events = socket.waiting();
    let mut expected: Vec<&str> = vec!["first"];
    expected.extend(texts.iter().map(String::as_str));
    expected.push("last");
    let (mut acks, mut wanted) = (acknowledged(&events), expected);
    assert_eq!((acks.first(), acks.last()), (Some(&"first"), Some(&"last")));
    acks.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(acks, wanted);
    assert_eq!(stored_texts(&hotel, &stay, &texts).await, texts);
    assert_eq!(unread_count(&hotel, &stay).await, 0);
    assert!(socket.ends_within(Duration::from_secs(5)).await, "the connection stays open");
});

on_sqlite!(commands_before_the_end_of_the_stream_are_acknowledged, |hotel| {
    let stay = hotel.assigned(0).await;
    let message = hotel.send_guest_message(&stay.phone, "Hello?").await["message_id"].clone();
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    let (bytes, texts) = commands(&stay, &message);
    socket.send_bytes(&bytes).await;
    socket.stream().shutdown().await.unwrap();
    assert_eq!(socket.closed().await, 1006, "there was no close to be answered");
    assert_eq!(acknowledged(&socket.waiting()).len(), texts.len() + 2);
    assert_eq!(stored_texts(&hotel, &stay, &texts).await, texts);
    assert_eq!(unread_count(&hotel, &stay).await, 0);
});

on_sqlite!(commands_of_a_disconnected_client_are_executed, |hotel| {
    // With and without a close frame; the kernel resets the connection, because received data was not read.
    for with_close in [true, false] {
        let stay = hotel.assigned(0).await;
        let message = hotel.send_guest_message(&stay.phone, "Hello?").await["message_id"].clone();
        let mut socket = TestSocket::open(&hotel.of(0).await).await;
        // The pong is never read.
        socket.send(json!({ "command": "ping" })).await;
        let (mut bytes, texts) = commands(&stay, &message);
        if with_close {
            bytes.extend(frame(CLOSE, b""));
        }
        socket.send_bytes(&bytes).await;
        drop(socket);
        let start = Instant::now();
        while stored_texts(&hotel, &stay, &texts).await != texts || unread_count(&hotel, &stay).await != 0 {
            assert!(start.elapsed() < Duration::from_secs(10), "{:?}", stored_texts(&hotel, &stay, &texts).await);
            sleep(Duration::from_millis(20)).await;
        }
    }
});
