//! Commands that were received before their socket ended.

use std::time::{Duration, Instant};

use acceptance::{Hotel, Socket, Stay, Value, head_of_frame, json, on_both, unique};
use tokio::{io::AsyncWriteExt, time::sleep};

use crate::told::only;

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const SENDS: usize = 20;

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&head_of_frame(first, payload.len() as u64), payload].concat()
}

/// A subscription, twenty messages and a read position, as frames; and what the messages say.
fn commands(stay: &Stay, heard: &Value) -> (Vec<u8>, Vec<String>) {
    let texts: Vec<String> = (0..SENDS).map(|_| unique("last words")).collect();
    let mut all = vec![json!({ "command": "subscribe_to_conversation", "stay_id": stay.id, "request_id": "first" })];
    all.extend(texts.iter().map(
        |text| json!({ "command": "send_message", "stay_id": stay.id, "text": text, "request_id": text, "client_ref": text.replace(' ', "-") }),
    ));
    all.push(json!({ "command": "mark_read", "stay_id": stay.id, "message_id": heard, "request_id": "last" }));
    (all.iter().flat_map(|command| frame(TEXT, command.to_string().as_bytes())).collect(), texts)
}

/// Those of the texts that are stored, in their order.
async fn stored(hotel: &Hotel, stay: &Stay, texts: &[String]) -> Vec<String> {
    let all = hotel.manager().await.get(stay.path("messages/?limit=100")).await.is(200);
    let all = all.as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap().to_owned());
    all.filter(|it| texts.contains(it)).collect()
}

async fn unread(hotel: &Hotel, stay: &Stay) -> Value {
    hotel.of(0).await.get(stay.path("")).await.is(200)["unread_count"].clone()
}

/// The outcomes that came before the end, by their request ids.
fn acked(came: &[Value]) -> Vec<&str> {
    only(came, "ack").iter().map(|it| it["request_id"].as_str().unwrap()).collect()
}

on_both!(what_was_said_before_a_close_is_done_and_acknowledged_before_it_is_answered, |hotel| {
    let stay = hotel.assigned(0).await;
    let heard = hotel.guest_says(&stay.phone, "Hello?").await["message_id"].clone();
    let mut socket = Socket::open(&hotel.of(0).await).await;
    let (mut bytes, texts) = commands(&stay, &heard);
    bytes.extend(frame(CLOSE, &1000_u16.to_be_bytes()));
    socket.send_bytes(&bytes).await;
    assert_eq!(socket.closed().await, 1000);
    let came = socket.waiting();
    let mut expected: Vec<&str> = vec!["first"];
    expected.extend(texts.iter().map(String::as_str));
    expected.push("last");
    let (mut acks, mut wanted) = (acked(&came), expected);
    assert_eq!((acks.first(), acks.last()), (Some(&"first"), Some(&"last")));
    acks.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(acks, wanted);
    assert_eq!(stored(&hotel, &stay, &texts).await, texts);
    assert_eq!(unread(&hotel, &stay).await, 0);
    assert!(socket.ends_within(Duration::from_secs(5)).await, "the line stays open");
});

on_both!(what_was_said_before_the_client_stopped_writing_is_done_and_acknowledged, |hotel| {
    let stay = hotel.assigned(0).await;
    let heard = hotel.guest_says(&stay.phone, "Hello?").await["message_id"].clone();
    let mut socket = Socket::open(&hotel.of(0).await).await;
    let (bytes, texts) = commands(&stay, &heard);
    socket.send_bytes(&bytes).await;
    socket.stream().shutdown().await.unwrap();
    assert_eq!(socket.closed().await, 1006, "there was no close to be answered");
    assert_eq!(acked(&socket.waiting()).len(), texts.len() + 2);
    assert_eq!(stored(&hotel, &stay, &texts).await, texts);
    assert_eq!(unread(&hotel, &stay).await, 0);
});

on_both!(what_was_said_by_a_client_that_is_gone_is_done, |hotel| {
    // With a close frame or without, and where the kernel resets the connection because of what nobody read.
    for with_close in [true, false] {
        let stay = hotel.assigned(0).await;
        let heard = hotel.guest_says(&stay.phone, "Hello?").await["message_id"].clone();
        let mut socket = Socket::open(&hotel.of(0).await).await;
        // What comes of that is never read.
        socket.send(json!({ "command": "ping" })).await;
        let (mut bytes, texts) = commands(&stay, &heard);
        if with_close {
            bytes.extend(frame(CLOSE, b""));
        }
        socket.send_bytes(&bytes).await;
        drop(socket);
        let begun = Instant::now();
        while stored(&hotel, &stay, &texts).await != texts || unread(&hotel, &stay).await != 0 {
            assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", stored(&hotel, &stay, &texts).await);
            sleep(Duration::from_millis(20)).await;
        }
    }
});
