//! Clients who mean no good: what they take is counted and ended, and nobody else waits for it.

use std::{fs, time::Duration};

use acceptance::{Backend, Options, Socket, World, alone, json};
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{
    figures::{figure, figure_is},
    told::only,
};

/// Connections that never send a whole head.
const HALF_OPEN: usize = 400;
/// Those that send it a byte at a time.
const SLOW: usize = 50;
/// How long a head is waited for, and by how much that may be shorter.
const HEAD: Duration = Duration::from_secs(10);
const ABOUT: Duration = Duration::from_secs(1);
/// How soon who means well is answered, on a machine that does other things as well.
const SOON: Duration = Duration::from_secs(2);
/// By how much the server may grow.
const MEBIBYTES: u64 = 64;

/// A connection that sends nothing, or a part of a head, and when it began.
async fn half_open(world: &World, n: usize) -> (Instant, TcpStream) {
    let parts = ["", "GET /ws/staff/ HTT", "GET /ws/staff/ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnec"];
    let (began, mut stream) = (Instant::now(), TcpStream::connect(world.address()).await.unwrap());
    stream.write_all(parts[n % parts.len()].as_bytes()).await.unwrap();
    (began, stream)
}

/// Waits until the server ends it: how long that took, and what it said.
async fn ended((began, mut stream): (Instant, TcpStream)) -> (Duration, String) {
    let mut told = Vec::new();
    let read = timeout(2 * HEAD, stream.read_to_end(&mut told)).await;
    read.expect("it is not ended").unwrap();
    (began.elapsed(), String::from_utf8(told).unwrap())
}

/// Sends a head byte by byte, and fails unless the server gives it up in time.
async fn drip(world: &World) {
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    let (began, mut answer) = (Instant::now(), [0; 12]);
    for byte in b"GET /healthz HTTP/1.1\r\nHost: ".iter().chain(std::iter::repeat(&b'a')) {
        stream.write_all(&[*byte]).await.unwrap();
        if let Ok(read) = timeout(Duration::from_millis(200), stream.read_exact(&mut answer)).await {
            read.unwrap();
            break;
        }
        assert!(began.elapsed() < 2 * HEAD, "it is not ended");
    }
    assert_eq!(&answer, b"HTTP/1.1 408");
}

/// Mebibytes that the server has in memory.
pub fn resident(world: &World) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", world.process_id())).unwrap();
    let kibibytes = |line: &str| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok();
    status.lines().find_map(kibibytes).unwrap() / 1024
}

#[test]
fn heads_that_do_not_come_are_counted_and_ended_and_nobody_waits_for_them() {
    alone(Backend::Sqlite, Options::default(), async |world| {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
        let mut socket = Socket::open(&staff).await;
        socket.subscribe(stay.id).await;
        let before = resident(&world);
        let half_open = join_all((0..HALF_OPEN).map(|n| half_open(&world, n))).await;
        figure_is(&world, "http_connections_waiting ", SOON, |it| it == HALF_OPEN as f64).await;
        assert!(figure(&world, "http_connections ").await > HALF_OPEN as f64);
        let works = async {
            for n in 0..50 {
                let words = format!("message {n}");
                let sent = async {
                    staff.post(stay.path("send_message/"), json!({ "text": words })).await.is(201);
                    assert_eq!(socket.skip_to("new_message").await["content"], words.as_str());
                };
                timeout(SOON, sent).await.expect("who means well waits");
                sleep(Duration::from_millis(200)).await;
            }
        };
        let drips = join_all((0..SLOW).map(|_| drip(&world)));
        let (all, _, ()) = tokio::join!(join_all(half_open.into_iter().map(ended)), drips, works);
        for (took, told) in all {
            assert!(took + ABOUT > HEAD, "ended after {took:?}");
            assert!(told.starts_with("HTTP/1.1 408 Request Timeout\r\n") && told.ends_with("\r\n\r\n"), "{told}");
        }
        assert_eq!(figure(&world, "http_connections_ended_total ").await, (HALF_OPEN + SLOW) as f64);
        figure_is(&world, "http_connections_waiting ", SOON, |it| it == 0.0).await;
        let after = resident(&world);
        assert!(after <= before + MEBIBYTES, "{before} MiB before, {after} after");
    });
}

/// Asks for something on a connection, and reads the whole answer.
async fn ask(stream: &mut TcpStream) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let (mut answer, end) = (Vec::new(), b"{\"status\":\"ok\"}");
    while !answer.ends_with(end) {
        let mut some = [0; 1024];
        let read = timeout(SOON, stream.read(&mut some)).await.expect("no answer").unwrap();
        assert!(read > 0, "it is closed: {}", String::from_utf8_lossy(&answer));
        answer.extend(&some[..read]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
}

#[test]
fn every_head_of_a_connection_has_ten_seconds_and_an_idle_connection_is_no_slow_head() {
    alone(Backend::Sqlite, Options::default().hotels(0), async |world| {
        let mut idle = TcpStream::connect(world.address()).await.unwrap();
        ask(&mut idle).await;
        let slow = (1..4).map(async |requests| {
            let mut stream = TcpStream::connect(world.address()).await.unwrap();
            for _ in 0..requests {
                ask(&mut stream).await;
            }
            let began = Instant::now();
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHos").await.unwrap();
            // A byte now and then changes nothing.
            sleep(HEAD / 2).await;
            stream.write_all(b"t").await.unwrap();
            ended((began, stream)).await
        });
        for (took, told) in join_all(slow).await {
            assert!(took + ABOUT > HEAD && took < HEAD + SOON, "ended after {took:?}");
            assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
        }
        sleep(2 * ABOUT).await;
        ask(&mut idle).await;
        assert_eq!(figure(&world, "http_connections_ended_total ").await, 3.0);
    });
}

#[test]
fn where_connections_are_scarce_who_sends_nothing_makes_room() {
    // Enough for 168 connections.
    let through = ["sh", "-c", r#"ulimit -n 400 && exec "$0" "$@""#].map(String::from).to_vec();
    alone(Backend::Sqlite, Options { through, ..Options::default() }, async |world| {
        let hotel = world.hotel();
        let staff = hotel.of(0).await;
        let mut before = Socket::open(&staff).await;
        let (began, mut first) = half_open(&world, 0).await;
        let _others = join_all((1..HALF_OPEN).map(|n| half_open(&world, n))).await;
        let mut beside = Socket::open(&hotel.of(1).await).await;
        before.ping().await;
        beside.ping().await;
        let mut answer = [0; 12];
        timeout(SOON, first.read_exact(&mut answer)).await.expect("it has not made room").unwrap();
        assert_eq!(&answer, b"HTTP/1.1 408");
        assert!(figure(&world, "http_connections ").await <= 168.0);
        assert!(began.elapsed() < HEAD - ABOUT, "it may have ended because of its age");
    });
}

#[test]
fn floods_of_commands_are_refused_then_the_socket_is_closed_and_both_are_counted() {
    alone(Backend::Sqlite, Options::default(), async |world| {
        let hotel = world.hotel();
        let mut beside = Socket::open(&hotel.of(1).await).await;
        let mut socket = Socket::open(&hotel.of(0).await).await;
        let mut told = Vec::new();
        for _ in 0..1000 {
            socket.send(json!({ "command": "unsubscribe_from_inbox", "request_id": "1" })).await;
        }
        while told.len() < 1000 {
            told.push(socket.next().await);
        }
        let (let_through, refused) = (only(&told, "ack").len() as f64, only(&told, "error"));
        assert!(!refused.is_empty() && refused.iter().all(|it| it["code"] == "rate_limited"), "{refused:?}");
        let refused = refused.len() as f64;
        assert_eq!(figure(&world, "websocket_commands_total ").await, let_through);
        assert_eq!(figure(&world, "websocket_commands_refused_total ").await, refused);
        beside.ping().await;
        // Within the limit again, it offends until it is closed.
        sleep(Duration::from_secs(1)).await;
        for _ in 0..20 {
            socket.send(json!({ "command": "fly" })).await;
        }
        assert_eq!(socket.closed().await, 1008);
        assert_eq!(figure(&world, "websocket_violations_total ").await, 1.0);
        assert_eq!(figure(&world, "websocket_commands_refused_total ").await, refused);
        beside.ping().await;
    });
}
