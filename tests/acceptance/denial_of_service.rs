//! Denial of service: half-open connections, slow request heads and command floods are bounded and counted, and do not
//! delay other clients.

use std::{fs, time::Duration};

use acceptance::{DatabaseKind, TestSocket, TestWorld, WorldOptions, alone, json};
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{
    event_assertions::of_type,
    metrics::{metric, wait_for_metric},
};

/// Connections that never send a complete request head.
const HALF_OPEN_CONNECTIONS: usize = 400;
/// Connections that send a request head byte by byte.
const SLOW_CONNECTIONS: usize = 50;
/// The server's timeout for a request head, and the tolerance.
const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const TOLERANCE: Duration = Duration::from_secs(1);
/// Longest response time for well-behaved clients, on a busy machine.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Largest allowed growth of the server's memory.
const MAX_GROWTH_MEBIBYTES: u64 = 64;

/// Opens a connection that sends nothing, or a part of a request head. Returns it with the time of opening.
async fn open_half_open(world: &TestWorld, n: usize) -> (Instant, TcpStream) {
    let parts = ["", "GET /ws/staff/ HTT", "GET /ws/staff/ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnec"];
    let (began, mut stream) = (Instant::now(), TcpStream::connect(world.address()).await.unwrap());
    stream.write_all(parts[n % parts.len()].as_bytes()).await.unwrap();
    (began, stream)
}

/// Waits until the server closes the connection. Returns the time since opening and the response.
async fn wait_for_close((opened_at, mut stream): (Instant, TcpStream)) -> (Duration, String) {
    let mut response = Vec::new();
    let read = timeout(2 * REQUEST_HEAD_TIMEOUT, stream.read_to_end(&mut response)).await;
    read.expect("the connection is not closed").unwrap();
    (opened_at.elapsed(), String::from_utf8(response).unwrap())
}

/// Sends a request head byte by byte; fails unless the server closes with 408 in time.
async fn send_head_byte_by_byte(world: &TestWorld) {
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    let (began, mut response) = (Instant::now(), [0; 12]);
    for byte in b"GET /healthz HTTP/1.1\r\nHost: ".iter().chain(std::iter::repeat(&b'a')) {
        stream.write_all(&[*byte]).await.unwrap();
        if let Ok(read) = timeout(Duration::from_millis(200), stream.read_exact(&mut response)).await {
            read.unwrap();
            break;
        }
        assert!(began.elapsed() < 2 * REQUEST_HEAD_TIMEOUT, "the connection is not closed");
    }
    assert_eq!(&response, b"HTTP/1.1 408");
}

/// Resident memory of the server.
pub fn resident_mebibytes(world: &TestWorld) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", world.process_id())).unwrap();
    let kibibytes = |line: &str| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok();
    status.lines().find_map(kibibytes).unwrap() / 1024
}

#[test]
fn incomplete_request_heads_time_out_and_delay_nobody() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), async |world| {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
        let mut socket = TestSocket::open(&staff).await;
        socket.subscribe(stay.id).await;
        let before = resident_mebibytes(&world);
        let half_open = join_all((0..HALF_OPEN_CONNECTIONS).map(|n| open_half_open(&world, n))).await;
        wait_for_metric(&world, "http_connections_waiting ", RESPONSE_TIMEOUT, |it| it == HALF_OPEN_CONNECTIONS as f64)
            .await;
        assert!(metric(&world, "http_connections ").await > HALF_OPEN_CONNECTIONS as f64);
        let sending = async {
            for n in 0..50 {
                let words = format!("message {n}");
                let sent = async {
                    staff.post(stay.path("send_message/"), json!({ "text": words })).await.is(201);
                    assert_eq!(socket.skip_to("new_message").await["content"], words.as_str());
                };
                timeout(RESPONSE_TIMEOUT, sent).await.expect("a well-behaved client waits");
                sleep(Duration::from_millis(200)).await;
            }
        };
        let drips = join_all((0..SLOW_CONNECTIONS).map(|_| send_head_byte_by_byte(&world)));
        let (all, _, ()) = tokio::join!(join_all(half_open.into_iter().map(wait_for_close)), drips, sending);
        for (took, response) in all {
            assert!(took + TOLERANCE > REQUEST_HEAD_TIMEOUT, "ended after {took:?}");
            assert!(
                response.starts_with("HTTP/1.1 408 Request Timeout\r\n") && response.ends_with("\r\n\r\n"),
                "{response}"
            );
        }
        assert_eq!(
            metric(&world, "http_connections_ended_total ").await,
            (HALF_OPEN_CONNECTIONS + SLOW_CONNECTIONS) as f64
        );
        wait_for_metric(&world, "http_connections_waiting ", RESPONSE_TIMEOUT, |it| it == 0.0).await;
        let after = resident_mebibytes(&world);
        assert!(after <= before + MAX_GROWTH_MEBIBYTES, "{before} MiB before, {after} after");
    });
}

/// Sends a request on a kept-alive connection and reads the whole response.
async fn request_on(stream: &mut TcpStream) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let (mut response, end) = (Vec::new(), b"{\"status\":\"ok\"}");
    while !response.ends_with(end) {
        let mut some = [0; 1024];
        let read = timeout(RESPONSE_TIMEOUT, stream.read(&mut some)).await.expect("no response").unwrap();
        assert!(read > 0, "the connection is closed: {}", String::from_utf8_lossy(&response));
        response.extend(&some[..read]);
    }
    assert!(response.starts_with(b"HTTP/1.1 200 "));
}

#[test]
fn every_request_head_has_ten_seconds_and_idle_connections_stay_open() {
    alone(DatabaseKind::Sqlite, WorldOptions::default().hotels(0), async |world| {
        let mut idle = TcpStream::connect(world.address()).await.unwrap();
        request_on(&mut idle).await;
        let slow = (1..4).map(async |requests| {
            let mut stream = TcpStream::connect(world.address()).await.unwrap();
            for _ in 0..requests {
                request_on(&mut stream).await;
            }
            let opened_at = Instant::now();
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHos").await.unwrap();
            // A single byte does not extend the timeout.
            sleep(REQUEST_HEAD_TIMEOUT / 2).await;
            stream.write_all(b"t").await.unwrap();
            wait_for_close((opened_at, stream)).await
        });
        for (took, response) in join_all(slow).await {
            assert!(
                took + TOLERANCE > REQUEST_HEAD_TIMEOUT && took < REQUEST_HEAD_TIMEOUT + RESPONSE_TIMEOUT,
                "ended after {took:?}"
            );
            assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
        }
        sleep(2 * TOLERANCE).await;
        request_on(&mut idle).await;
        assert_eq!(metric(&world, "http_connections_ended_total ").await, 3.0);
    });
}

#[test]
fn connections_without_request_are_closed_if_descriptors_are_scarce() {
    // Enough for 168 connections.
    let through = ["sh", "-c", r#"ulimit -n 400 && exec "$0" "$@""#].map(String::from).to_vec();
    alone(DatabaseKind::Sqlite, WorldOptions { through, ..WorldOptions::default() }, async |world| {
        let hotel = world.hotel();
        let staff = hotel.of(0).await;
        let mut first_socket = TestSocket::open(&staff).await;
        let (began, mut first) = open_half_open(&world, 0).await;
        let _others = join_all((1..HALF_OPEN_CONNECTIONS).map(|n| open_half_open(&world, n))).await;
        let mut second = TestSocket::open(&hotel.of(1).await).await;
        first_socket.ping().await;
        second.ping().await;
        let mut response = [0; 12];
        timeout(RESPONSE_TIMEOUT, first.read_exact(&mut response))
            .await
            .expect("the oldest connection is not closed")
            .unwrap();
        assert_eq!(&response, b"HTTP/1.1 408");
        assert!(metric(&world, "http_connections ").await <= 168.0);
        assert!(began.elapsed() < REQUEST_HEAD_TIMEOUT - TOLERANCE, "the connection may have timed out");
    });
}

#[test]
fn command_floods_are_rate_limited_and_errors_close_the_socket() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), async |world| {
        let hotel = world.hotel();
        let mut other_socket = TestSocket::open(&hotel.of(1).await).await;
        let mut socket = TestSocket::open(&hotel.of(0).await).await;
        let mut events = Vec::new();
        for _ in 0..1000 {
            socket.send(json!({ "command": "unsubscribe_from_inbox", "request_id": "1" })).await;
        }
        while events.len() < 1000 {
            events.push(socket.next().await);
        }
        let (allowed, refused) = (of_type(&events, "ack").len() as f64, of_type(&events, "error"));
        assert!(!refused.is_empty() && refused.iter().all(|it| it["code"] == "rate_limited"), "{refused:?}");
        let refused = refused.len() as f64;
        assert_eq!(metric(&world, "websocket_commands_total ").await, allowed);
        assert_eq!(metric(&world, "websocket_commands_refused_total ").await, refused);
        other_socket.ping().await;
        // Within the rate limit again, errors close the socket.
        sleep(Duration::from_secs(1)).await;
        for _ in 0..20 {
            socket.send(json!({ "command": "fly" })).await;
        }
        assert_eq!(socket.closed().await, 1008);
        assert_eq!(metric(&world, "websocket_violations_total ").await, 1.0);
        assert_eq!(metric(&world, "websocket_commands_refused_total ").await, refused);
        other_socket.ping().await;
    });
}
