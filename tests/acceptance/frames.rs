//! The WebSocket's own rules: frames, their limits, and how a socket ends.

use std::time::Duration;

use acceptance::{Hotel, Options, Socket, head_of_frame, json, on_both, raw_http};
use tokio_tungstenite::tungstenite::Message;

use crate::told::said;

/// First bytes of frames: whole ones, and (without `FIN`) fragments.
const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;

/// The longest message.
const MOST: usize = 64 * 1024;

/// A ping command of exactly so many bytes.
fn ping_of(bytes: usize) -> String {
    let ping = r#"{"command":"ping","request_id":"long"}"#;
    format!("{ping}{}", " ".repeat(bytes - ping.len()))
}

async fn open(hotel: &Hotel) -> Socket {
    Socket::open(&hotel.of(0).await).await
}

/// Fails unless the server closes with this code, and then ends the line: at once, since the client
/// answers, or is not waited for.
async fn ends_with(mut socket: Socket, code: u16, after: &str) {
    assert_eq!(socket.closed().await, code, "{after}");
    assert!(socket.ends_within(Duration::from_secs(5)).await, "the line stays open after {after}");
}

on_both!(fragments_are_put_together, |hotel| {
    let (stay, staff) = (hotel.assigned(0).await, hotel.of(0).await);
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let command = json!({ "command": "send_message", "stay_id": stay.id, "text": "Señor Müller" }).to_string();
    // Every byte a fragment: characters are split too. A control frame may stand between.
    let bytes = command.as_bytes();
    socket.send_frame(TEXT, &bytes[..1]).await;
    for byte in &bytes[1..bytes.len() - 1] {
        socket.send_frame(CONTINUATION, &[*byte]).await;
        socket.send_frame(FIN | PING, b"between").await;
    }
    socket.send_frame(CONTINUATION, b"").await;
    socket.send_frame(FIN | CONTINUATION, &bytes[bytes.len() - 1..]).await;
    assert_eq!(said(&socket.so_far(&hotel).await), ["Señor Müller"]);
});

on_both!(sixty_four_kibibytes_are_the_most, |hotel| {
    let mut socket = open(&hotel).await;
    let longest = ping_of(MOST);
    socket.send_frame(FIN | TEXT, longest.as_bytes()).await;
    socket.expect("pong").await;
    socket.send_frame(TEXT, &longest.as_bytes()[..MOST - 1]).await;
    socket.send_frame(FIN | CONTINUATION, &longest.as_bytes()[MOST - 1..]).await;
    socket.expect("pong").await;
    let too_long = ping_of(MOST + 1);
    socket.send_frame(FIN | TEXT, too_long.as_bytes()).await;
    ends_with(socket, 1009, "a long message").await;
    let mut socket = open(&hotel).await;
    socket.send_frame(TEXT, &too_long.as_bytes()[..MOST]).await;
    socket.send_frame(FIN | CONTINUATION, &too_long.as_bytes()[MOST..]).await;
    ends_with(socket, 1009, "long fragments").await;
});

on_both!(what_is_too_large_is_not_waited_for, |hotel| {
    for length in [1 << 30, 1 << 62] {
        let mut socket = open(&hotel).await;
        socket.send(json!({ "command": "ping" })).await;
        socket.send_bytes(&head_of_frame(FIN | TEXT, length)).await;
        socket.expect("pong").await;
        assert_eq!(socket.closed().await, 1009, "{length}");
    }
    // What belongs to it is skipped, so that the answer to the close is understood.
    let mut socket = open(&hotel).await;
    socket.send_bytes(&head_of_frame(FIN | TEXT, 1 << 20)).await;
    for _ in 0..16 {
        socket.send_bytes(&vec![b'x'; 1 << 16]).await;
    }
    ends_with(socket, 1009, "a mebibyte").await;
});

on_both!(binary_messages_are_not_supported, |hotel| {
    for first in [FIN | BINARY, BINARY] {
        let mut socket = open(&hotel).await;
        socket.send_frame(first, br#"{"command":"ping"}"#).await;
        ends_with(socket, 1003, "a binary message").await;
    }
});

on_both!(text_is_utf_8, |hotel| {
    let mut socket = open(&hotel).await;
    socket.send_frame(FIN | TEXT, b"{\"command\":\"ping\",\"x\":\"\xff\"}").await;
    ends_with(socket, 1007, "a bad byte").await;
    let mut socket = open(&hotel).await;
    socket.send_frame(TEXT, b"{\"command\":\"ping\",\"x\":\"\xc3").await;
    socket.send_frame(FIN | CONTINUATION, b"\"}").await;
    ends_with(socket, 1007, "half a character").await;
    // A surrogate is none, in UTF-8.
    let mut socket = open(&hotel).await;
    socket.send_frame(FIN | TEXT, b"\"\xed\xa0\x80\"").await;
    ends_with(socket, 1007, "a surrogate").await;
});

on_both!(what_breaks_the_protocol_ends_the_socket, |hotel| {
    let ping = br#"{"command":"ping"}"#;
    let mut unmasked = vec![FIN | TEXT, ping.len() as u8];
    unmasked.extend_from_slice(ping);
    let frame = |first: u8, payload: &[u8]| [&head_of_frame(first, payload.len() as u64), payload].concat();
    let cases = [
        ("an unmasked frame", unmasked),
        ("RSV1", frame(FIN | 0x40 | TEXT, ping)),
        ("RSV2", frame(FIN | 0x20 | TEXT, ping)),
        ("RSV3", frame(FIN | 0x10 | TEXT, ping)),
        ("an opcode that is none", frame(FIN | 0x3, ping)),
        ("a control opcode that is none", frame(FIN | 0xB, b"")),
        ("a continuation of nothing", frame(FIN | CONTINUATION, ping)),
        ("a continuation of nothing that goes on", frame(CONTINUATION, ping)),
        ("a message between fragments", [frame(TEXT, b"{"), frame(FIN | TEXT, ping)].concat()),
        ("a second beginning", [frame(TEXT, b"{"), frame(TEXT, ping)].concat()),
        ("a long ping", frame(FIN | PING, &[b'x'; 126])),
        ("a fragmented ping", frame(PING, b"x")),
        ("half a close code", frame(FIN | CLOSE, &[3])),
        ("a close code that is none", frame(FIN | CLOSE, &[3, 237])),
    ];
    for (what, bytes) in cases {
        let mut socket = open(&hotel).await;
        socket.send_bytes(&bytes).await;
        ends_with(socket, 1002, what).await;
    }
});

on_both!(a_ping_is_answered_with_what_it_said, |hotel| {
    let mut socket = open(&hotel).await;
    for payload in [&b""[..], b"are you there?", &[b'x'; 125]] {
        socket.send_raw(Message::Ping(payload.to_vec().into())).await;
        assert_eq!(socket.pong().await, payload);
    }
});

on_both!(a_close_is_answered, |hotel| {
    let stay = hotel.relay(0);
    for code in [1000_u16, 1001, 4000] {
        let mut socket = open(&hotel).await;
        socket.subscribe(stay.id).await;
        socket.send_frame(FIN | CLOSE, &code.to_be_bytes()).await;
        ends_with(socket, code, "a close").await;
    }
    let mut socket = open(&hotel).await;
    socket.send_frame(FIN | CLOSE, b"").await;
    ends_with(socket, 1005, "a close without a code").await;
});

on_both!(a_restart_is_told_to_every_socket, Options::default() => |world| {
    let hotel = world.hotel();
    let stay = hotel.relay(0);
    let mut sockets = Vec::new();
    for staff in [hotel.manager().await, hotel.of(0).await, hotel.of(0).await] {
        let mut socket = Socket::open(&staff).await;
        socket.subscribe(stay.id).await;
        sockets.push(socket);
    }
    hotel.guest_says(&stay.phone, "the last words").await;
    world.signal("TERM");
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, 1012);
        assert_eq!(said(&socket.waiting()), ["the last words"]);
    }
    assert_eq!(world.ended(Duration::from_secs(10)).await, Some(0));
    // The session goes on where the server does.
    world.serve();
    Socket::open(&hotel.of(0).await).await.nothing(&hotel).await;
});

on_both!(another_http_or_another_websocket_is_refused_with_426, |hotel| {
    let token = hotel.of(0).await.access;
    let ask = async |http: &str, version: &str, authorization: &str| {
        let head = format!(
            "GET /ws/staff/ {http}\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: {version}\r\n{authorization}\r\n"
        );
        raw_http(&hotel.world, head.as_bytes()).await
    };
    let signed_in = format!("Authorization: Bearer {token}\r\n");
    for (http, version) in [("HTTP/1.0", "13"), ("HTTP/1.1", "8"), ("HTTP/1.1", "14"), ("HTTP/1.1", "thirteen")] {
        let (_, told) = ask(http, version, &signed_in).await;
        assert!(told.starts_with(&format!("{http} 426 ")), "{version}: {told}");
        let headers = told.to_lowercase();
        assert!(headers.contains("\r\nsec-websocket-version: 13\r\n"), "{told}");
        assert!(headers.contains("\r\nupgrade: websocket\r\n"), "{told}");
        assert!(told.contains("\"upgrade_required\"") && headers.contains("application/problem+json"), "{told}");
        assert!(ask(http, version, "").await.1.starts_with(&format!("{http} 401 ")));
    }
});
