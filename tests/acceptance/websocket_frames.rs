//! WebSocket protocol (RFC 6455): frames, fragments, size limit, protocol errors, close codes.

use std::time::Duration;

use acceptance::{TestHotel, TestSocket, WorldOptions, head_of_frame, json, on_both, on_sqlite, raw_http};
use tokio_tungstenite::tungstenite::Message;

use crate::event_assertions::message_texts;

/// The first byte of a frame. Without `FIN` the frame is a fragment.
const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;

/// Maximum size of a message.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// A ping command padded to this size.
fn ping_of(bytes: usize) -> String {
    let ping = r#"{"command":"ping","request_id":"long"}"#;
    format!("{ping}{}", " ".repeat(bytes - ping.len()))
}

async fn open_socket(hotel: &TestHotel) -> TestSocket {
    TestSocket::open(&hotel.of(0).await).await
}

/// Fails unless the server closes with this code and then ends the connection at once, whether or not the client
/// answers the close.
async fn assert_closed(mut socket: TestSocket, code: u16, after: &str) {
    assert_eq!(socket.closed().await, code, "{after}");
    assert!(socket.ends_within(Duration::from_secs(5)).await, "the connection stays open after {after}");
}

on_sqlite!(fragments_are_joined, |hotel| {
    let (stay, staff) = (hotel.assigned(0).await, hotel.of(0).await);
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let command = json!({ "command": "send_message", "stay_id": stay.id, "text": "Señor Müller" }).to_string();
    // Each byte is a fragment, which also splits characters. Control frames may come in between.
    let bytes = command.as_bytes();
    socket.send_frame(TEXT, &bytes[..1]).await;
    for byte in &bytes[1..bytes.len() - 1] {
        socket.send_frame(CONTINUATION, &[*byte]).await;
        socket.send_frame(FIN | PING, b"between").await;
    }
    socket.send_frame(CONTINUATION, b"").await;
    socket.send_frame(FIN | CONTINUATION, &bytes[bytes.len() - 1..]).await;
    assert_eq!(message_texts(&socket.events_so_far(&hotel).await), ["Señor Müller"]);
});

on_sqlite!(messages_over_64_kib_are_closed_with_1009, |hotel| {
    let mut socket = open_socket(&hotel).await;
    let longest = ping_of(MAX_MESSAGE_BYTES);
    socket.send_frame(FIN | TEXT, longest.as_bytes()).await;
    socket.expect("pong").await;
    socket.send_frame(TEXT, &longest.as_bytes()[..MAX_MESSAGE_BYTES - 1]).await;
    socket.send_frame(FIN | CONTINUATION, &longest.as_bytes()[MAX_MESSAGE_BYTES - 1..]).await;
    socket.expect("pong").await;
    let too_long = ping_of(MAX_MESSAGE_BYTES + 1);
    socket.send_frame(FIN | TEXT, too_long.as_bytes()).await;
    assert_closed(socket, 1009, "a long message").await;
    let mut socket = open_socket(&hotel).await;
    socket.send_frame(TEXT, &too_long.as_bytes()[..MAX_MESSAGE_BYTES]).await;
    socket.send_frame(FIN | CONTINUATION, &too_long.as_bytes()[MAX_MESSAGE_BYTES..]).await;
    assert_closed(socket, 1009, "long fragments").await;
});

on_sqlite!(too_large_frames_are_rejected_by_their_header, |hotel| {
    for length in [1 << 30, 1 << 62] {
        let mut socket = open_socket(&hotel).await;
        socket.send(json!({ "command": "ping" })).await;
        socket.send_bytes(&head_of_frame(FIN | TEXT, length)).await;
        socket.expect("pong").await;
        assert_eq!(socket.closed().await, 1009, "{length}");
    }
    // The rest of the large frame is skipped, so that the server can read the client's close frame.
    let mut socket = open_socket(&hotel).await;
    socket.send_bytes(&head_of_frame(FIN | TEXT, 1 << 20)).await;
    for _ in 0..16 {
        socket.send_bytes(&vec![b'x'; 1 << 16]).await;
    }
    assert_closed(socket, 1009, "a mebibyte").await;
});

on_sqlite!(binary_messages_are_closed_with_1003, |hotel| {
    for first in [FIN | BINARY, BINARY] {
        let mut socket = open_socket(&hotel).await;
        socket.send_frame(first, br#"{"command":"ping"}"#).await;
        assert_closed(socket, 1003, "a binary message").await;
    }
});

on_sqlite!(invalid_utf8_is_closed_with_1007, |hotel| {
    let mut socket = open_socket(&hotel).await;
    socket.send_frame(FIN | TEXT, b"{\"command\":\"ping\",\"x\":\"\xff\"}").await;
    assert_closed(socket, 1007, "a bad byte").await;
    let mut socket = open_socket(&hotel).await;
    socket.send_frame(TEXT, b"{\"command\":\"ping\",\"x\":\"\xc3").await;
    socket.send_frame(FIN | CONTINUATION, b"\"}").await;
    assert_closed(socket, 1007, "half a character").await;
    // UTF-8 has no surrogates.
    let mut socket = open_socket(&hotel).await;
    socket.send_frame(FIN | TEXT, b"\"\xed\xa0\x80\"").await;
    assert_closed(socket, 1007, "a surrogate").await;
});

on_sqlite!(protocol_errors_are_closed_with_1002, |hotel| {
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
    for (violation, bytes) in cases {
        let mut socket = open_socket(&hotel).await;
        socket.send_bytes(&bytes).await;
        assert_closed(socket, 1002, violation).await;
    }
});

on_sqlite!(a_ping_is_answered_with_its_payload, |hotel| {
    let mut socket = open_socket(&hotel).await;
    for payload in [&b""[..], b"are you there?", &[b'x'; 125]] {
        socket.send_raw(Message::Ping(payload.to_vec().into())).await;
        assert_eq!(socket.pong().await, payload);
    }
});

on_sqlite!(a_close_frame_is_answered, |hotel| {
    let stay = hotel.relay(0);
    for code in [1000_u16, 1001, 4000] {
        let mut socket = open_socket(&hotel).await;
        socket.subscribe(stay.id).await;
        socket.send_frame(FIN | CLOSE, &code.to_be_bytes()).await;
        assert_closed(socket, code, "a close").await;
    }
    let mut socket = open_socket(&hotel).await;
    socket.send_frame(FIN | CLOSE, b"").await;
    assert_closed(socket, 1005, "a close without a code").await;
});

on_both!(a_restart_closes_every_socket_with_1012, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let stay = hotel.relay(0);
    let mut sockets = Vec::new();
    for staff in [hotel.manager().await, hotel.of(0).await, hotel.of(0).await] {
        let mut socket = TestSocket::open(&staff).await;
        socket.subscribe(stay.id).await;
        sockets.push(socket);
    }
    hotel.send_guest_message(&stay.phone, "the last words").await;
    world.signal("TERM");
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, 1012);
        assert_eq!(message_texts(&socket.waiting()), ["the last words"]);
    }
    assert_eq!(world.wait_for_exit(Duration::from_secs(10)).await, Some(0));
    // The sign-in session continues after the restart.
    world.serve();
    TestSocket::open(&hotel.of(0).await).await.nothing(&hotel).await;
});

on_sqlite!(unsupported_http_or_websocket_versions_get_426, |hotel| {
    let token = hotel.of(0).await.access;
    let upgrade = async |http: &str, version: &str, authorization: &str| {
        let head = format!(
            "GET /ws/staff/ {http}\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: {version}\r\n{authorization}\r\n"
        );
        raw_http(&hotel.world, head.as_bytes()).await
    };
    let signed_in = format!("Authorization: Bearer {token}\r\n");
    for (http, version) in [("HTTP/1.0", "13"), ("HTTP/1.1", "8"), ("HTTP/1.1", "14"), ("HTTP/1.1", "thirteen")] {
        let (_, response) = upgrade(http, version, &signed_in).await;
        assert!(response.starts_with(&format!("{http} 426 ")), "{version}: {response}");
        let headers = response.to_lowercase();
        assert!(headers.contains("\r\nsec-websocket-version: 13\r\n"), "{response}");
        assert!(headers.contains("\r\nupgrade: websocket\r\n"), "{response}");
        assert!(
            response.contains("\"upgrade_required\"") && headers.contains("application/problem+json"),
            "{response}"
        );
        assert!(upgrade(http, version, "").await.1.starts_with(&format!("{http} 401 ")));
    }
});
