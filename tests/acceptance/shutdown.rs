//! Graceful shutdown on SIGTERM and SIGINT: requests in flight finish, sockets get 1012, the process ends within 10 s.

use std::time::Duration;

use acceptance::{ApiClient, TestSocket, WorldOptions, json, on_both, on_sqlite, unique};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

/// Longest allowed shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

on_both!(shutdown_finishes_requests_and_closes_sockets_with_1012, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay, text) = (hotel.of(0).await, hotel.relay(0), unique("the last words"));
    let mut socket = TestSocket::open(&staff).await;
    let body = json!({ "text": text }).to_string();
    let head = format!(
        "POST /api/message_manager/{} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        stay.path("send_message/"), staff.access, body.len()
    );
    let mut request = TcpStream::connect(world.address()).await.unwrap();
    request.write_all(head.as_bytes()).await.unwrap();
    // The request has started as soon as two requests are in progress: this one and the metrics request.
    let has_started = async || ApiClient::new(&world).get("/metrics").await.text().contains("http_requests_in_flight 2");
    while !has_started().await {}
    let began = Instant::now();
    world.signal("TERM");
    assert_eq!(socket.closed().await, 1012);
    let refused = async {
        while TcpStream::connect(world.address()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SHUTDOWN_TIMEOUT, refused).await.expect("the server still accepts connections");
    request.write_all(body.as_bytes()).await.unwrap();
    let mut response = vec![0; 4096];
    let length = timeout(SHUTDOWN_TIMEOUT, request.read(&mut response)).await.expect("no response").unwrap();
    assert!(String::from_utf8_lossy(&response[..length]).starts_with("HTTP/1.1 201"), "{response:?}");
    drop(request);
    assert_eq!(world.wait_for_exit(SHUTDOWN_TIMEOUT).await, Some(0));
    assert!(began.elapsed() < SHUTDOWN_TIMEOUT);
    let stored = format!("SELECT count(*) FROM messages WHERE content = '{text}'");
    assert_eq!(world.number(&stored), 1);
});

on_sqlite!(stalled_clients_do_not_delay_the_shutdown, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    // A request without its body, an incomplete request head, and a socket whose client never answers.
    let mut request = TcpStream::connect(world.address()).await.unwrap();
    let head = format!(
        "POST /api/message_manager/{} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n",
        hotel.relay(0).path("send_message/"), staff.access
    );
    request.write_all(head.as_bytes()).await.unwrap();
    let mut other = TcpStream::connect(world.address()).await.unwrap();
    other.write_all(b"GET /healthz HTT").await.unwrap();
    let _silent = TestSocket::open(&staff).await;
    let began = Instant::now();
    world.signal("TERM");
    assert_eq!(world.wait_for_exit(SHUTDOWN_TIMEOUT).await, Some(0));
    assert!(began.elapsed() < SHUTDOWN_TIMEOUT);
});

on_sqlite!(sigint_stops_the_server, WorldOptions::default().hotels(0) => |world| {
    world.signal("INT");
    assert_eq!(world.wait_for_exit(SHUTDOWN_TIMEOUT).await, Some(0));
});
