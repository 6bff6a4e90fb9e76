//! Fuzz tests: random requests, frames and commands never crash the server or cause a 500.
//!
//! The input follows from a seed, which is printed. `FUZZ_SEED=7 FUZZ_CASES=5000` runs other and more cases.

mod generators;
mod webhook;

use std::{sync::Arc, time::Duration};

use acceptance::{ApiClient, StaffClient, TestSocket, TestWorld, WorldOptions, json, on_both, on_sqlite};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

use generators::{GeneratedRequest, KnownValues};

const DEFAULT_CASES: u64 = 400;
/// Timeout for one response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().unwrap())
}

/// Generates cases; the same seed gives the same cases.
struct CaseGenerator {
    runner: TestRunner,
    left: u64,
}

impl CaseGenerator {
    fn new() -> Self {
        let seed = setting("FUZZ_SEED", 1);
        println!("FUZZ_SEED={seed}");
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Self { runner: TestRunner::new_with_rng(Config::default(), rng), left: setting("FUZZ_CASES", DEFAULT_CASES) }
    }

    fn make<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        strategy.new_tree(&mut self.runner).unwrap().current()
    }

    /// Returns `None` after the configured number of cases.
    fn next<S: Strategy>(&mut self, strategy: &S) -> Option<S::Value> {
        self.left = self.left.checked_sub(1)?;
        Some(self.make(strategy))
    }
}

/// Sends bytes and reads the response until the server closes the connection.
async fn exchange(world: &TestWorld, bytes: &[u8], finish: bool) -> String {
    let mut stream = TcpStream::connect(world.address()).await.expect("the server is gone");
    // The server may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    if finish {
        let _ = stream.shutdown().await;
    }
    let mut response = Vec::new();
    let _ = timeout(RESPONSE_TIMEOUT, stream.read_to_end(&mut response)).await.expect("the response does not end");
    String::from_utf8_lossy(&response).into_owned()
}

fn status(response: &str) -> Option<u16> {
    response.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// Fails if the server is not ready, or if the log contains a panic or a 5xx.
async fn assert_healthy(world: &Arc<TestWorld>) {
    ApiClient::new(world).get("/readyz").await.is(200);
    let log = world.log_text();
    let wrong = log.lines().find(|line| line.contains("panicked") || line.contains(" status=5"));
    assert!(wrong.is_none(), "{wrong:?}");
}

async fn known_values(world: &Arc<TestWorld>) -> (KnownValues, [StaffClient; 2]) {
    let hotel = world.hotel();
    let (staff, manager) = (hotel.of(0).await, hotel.manager().await);
    let ids =
        hotel.stays.iter().flat_map(|it| [it.id, it.conversation]).chain(hotel.departments.iter().map(|it| it.id));
    let system = hotel.system().headers()["authorization"].to_str().unwrap().trim_start_matches("Bearer ").to_owned();
    let known = KnownValues {
        ids: ids.collect(),
        tokens: vec![staff.access.clone(), manager.access.clone(), system],
        cookie: staff.cookie.clone(),
    };
    (known, [staff, manager])
}

on_both!(random_requests_get_valid_responses, WorldOptions::default() => |world| {
    let (known, [staff, _]) = known_values(&world).await;
    let (requests, mut cases) = (generators::request(&known), CaseGenerator::new());
    let mut statuses = std::collections::BTreeMap::new();
    while let Some(request) = cases.next(&requests) {
        let request: GeneratedRequest = request;
        let response = exchange(&world, &request.bytes(), false).await;
        let status = status(&response).unwrap_or_else(|| panic!("no response to {request:?}: {response:?}"));
        assert!((200..500).contains(&status), "{request:?}: {response}");
        if status >= 400 && request.path.starts_with("/api/") {
            assert!(response.contains("application/problem+json"), "{request:?}: {response}");
        }
        *statuses.entry(status).or_insert(0) += 1;
    }
    println!("{statuses:?}");
    // Some requests must get past the authentication.
    assert!(statuses.contains_key(&200) && statuses.contains_key(&400) && statuses.contains_key(&404), "{statuses:?}");
    staff.get("/api/auth/me/").await.is(200);
    assert_healthy(&world).await;
});

on_sqlite!(random_bytes_do_not_crash_the_server, WorldOptions::default() => |world| {
    let (known, [staff, _]) = known_values(&world).await;
    let (requests, mut cases) = (generators::broken(&known), CaseGenerator::new());
    while let Some(bytes) = cases.next(&requests) {
        let response = exchange(&world, &bytes, true).await;
        let is_valid = status(&response).is_none_or(|status| (100..500).contains(&status));
        assert!(is_valid, "{}: {response}", String::from_utf8_lossy(&bytes));
    }
    staff.get("/api/auth/me/").await.is(200);
    assert_healthy(&world).await;
});

on_sqlite!(altered_tokens_are_rejected, WorldOptions::default() => |world| {
    let (_, [staff, _]) = known_values(&world).await;
    let token = staff.access.as_str();
    let refused = async |token: &str| {
        staff.bearer(token).get("/api/auth/me/").await.problem(401, "unauthenticated");
    };
    for at in (0..token.len()).filter(|at| token.as_bytes()[*at] != b'.') {
        let mut other = token.as_bytes().to_vec();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        refused(std::str::from_utf8(&other).unwrap()).await;
    }
    let parts: Vec<&str> = token.split('.').collect();
    let unsigned = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    refused(&format!("{unsigned}.{}.", parts[1])).await;
    refused(&format!("{unsigned}.{}.{}", parts[1], parts[2])).await;
    refused(&format!("{}.{}.", parts[0], parts[1])).await;
    refused(&format!("{}.{}", parts[0], parts[1])).await;
    refused(&format!("{token}.{token}")).await;
    refused(&format!("{token}A")).await;
    let other_server = TestWorld::start(world.backend, WorldOptions::default().set("JWT_SECRET", "x".repeat(40)));
    refused(&known_values(&other_server).await.1[0].access).await;
    staff.get("/api/auth/me/").await.is(200);
    assert_healthy(&world).await;
});

/// The close codes for client errors, and for a close by the client.
fn is_valid_close_code(code: u16) -> bool {
    [1000, 1002, 1003, 1005, 1007, 1008, 1009].contains(&code)
}

/// Returns `true` if the socket still responds. If it was closed, fails unless the close code is a valid one.
async fn is_responsive(socket: &mut TestSocket, mark: u64, sent: &str) -> bool {
    let id = format!("fence{mark}");
    socket.send(json!({ "command": "ping", "request_id": id })).await;
    loop {
        match socket.next_or_closed().await {
            Ok(event) if event["request_id"] == id.as_str() => return true,
            Ok(event) => assert_ne!(event["code"], "internal", "{sent}: {event}"),
            Err(code) => {
                assert!(is_valid_close_code(code), "closed with {code} after {sent}");
                return false;
            }
        }
    }
}

on_both!(random_commands_do_not_break_other_sockets, WorldOptions::default() => |world| {
    let (known, [staff, _]) = known_values(&world).await;
    let (commands, mut cases) = (generators::command(&known), CaseGenerator::new());
    let mut watcher = TestSocket::open(&staff).await;
    let mut socket = TestSocket::open(&staff).await;
    while let Some(text) = cases.next(&commands) {
        socket.send_raw(Message::text(text.clone())).await;
        if !is_responsive(&mut socket, cases.left, &text).await {
            socket = TestSocket::open(&staff).await;
        }
        // Other sockets are not affected.
        watcher.ping().await;
    }
    assert_healthy(&world).await;
});

on_sqlite!(random_frames_do_not_break_other_sockets, WorldOptions::default() => |world| {
    let (_, [staff, _]) = known_values(&world).await;
    let (frames, mut cases) = (generators::frame(), CaseGenerator::new());
    let mut watcher = TestSocket::open(&staff).await;
    let mut socket = TestSocket::open(&staff).await;
    while let Some(frame) = cases.next(&frames) {
        // The server may have closed the socket after the previous frame.
        let _ = socket.stream().write_all(&frame).await;
        if !is_responsive(&mut socket, cases.left, &format!("{frame:02x?}")).await {
            socket = TestSocket::open(&staff).await;
        }
        // Other sockets are not affected.
        watcher.ping().await;
    }
    assert_healthy(&world).await;
});

on_sqlite!(random_handshakes_get_valid_responses, WorldOptions::default() => |world| {
    let (known, [staff, _]) = known_values(&world).await;
    let (requests, mut cases) = (generators::handshake(&known), CaseGenerator::new());
    while let Some(request) = cases.next(&requests) {
        let response = exchange(&world, &request.bytes(), true).await;
        let is_valid = status(&response).is_none_or(|status| status == 101 || (400..500).contains(&status));
        assert!(is_valid, "{request:?}: {response}");
    }
    TestSocket::open(&staff).await.ping().await;
    assert_healthy(&world).await;
});
