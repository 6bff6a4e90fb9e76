//! Whatever is sent to it, the server answers lawfully and lives on.
//!
//! What is sent follows from a seed, which is printed: `FUZZ_SEED=7 FUZZ_CASES=5000` tries others,
//! and more of them.

mod requests;
mod webhook;

use std::{sync::Arc, time::Duration};

use acceptance::{Client, Options, Socket, Staff, World, json, on_both};
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

use requests::{Known, Request};

const CASES: u64 = 400;
/// How long any one answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().unwrap())
}

/// Makes up one case after another, the same ones each time.
struct Cases {
    runner: TestRunner,
    left: u64,
}

impl Cases {
    fn new() -> Self {
        let seed = setting("FUZZ_SEED", 1);
        println!("FUZZ_SEED={seed}");
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Self { runner: TestRunner::new_with_rng(Config::default(), rng), left: setting("FUZZ_CASES", CASES) }
    }

    fn make<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        strategy.new_tree(&mut self.runner).unwrap().current()
    }

    /// The next case, unless there were enough.
    fn next<S: Strategy>(&mut self, strategy: &S) -> Option<S::Value> {
        self.left = self.left.checked_sub(1)?;
        Some(self.make(strategy))
    }
}

/// Sends bytes, and reads until the server closes: what it answered.
async fn exchange(world: &World, bytes: &[u8], finish: bool) -> String {
    let mut stream = TcpStream::connect(world.address()).await.expect("the server is gone");
    // It may have closed before it has read all of it.
    let _ = stream.write_all(bytes).await;
    if finish {
        let _ = stream.shutdown().await;
    }
    let mut came = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut came)).await.expect("no end of the answer");
    String::from_utf8_lossy(&came).into_owned()
}

fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// Fails where something has gone wrong behind the answers.
async fn lives_on(world: &Arc<World>) {
    Client::new(world).get("/readyz").await.is(200);
    let log = world.log_text();
    let wrong = log.lines().find(|line| line.contains("panicked") || line.contains(" status=5"));
    assert!(wrong.is_none(), "{wrong:?}");
}

async fn people(world: &Arc<World>) -> (Known, [Staff; 2]) {
    let hotel = world.hotel();
    let (staff, manager) = (hotel.of(0).await, hotel.manager().await);
    let ids =
        hotel.stays.iter().flat_map(|it| [it.id, it.conversation]).chain(hotel.departments.iter().map(|it| it.id));
    let system = hotel.system().headers()["authorization"].to_str().unwrap().trim_start_matches("Bearer ").to_owned();
    let known = Known {
        ids: ids.collect(),
        tokens: vec![staff.access.clone(), manager.access.clone(), system],
        cookie: staff.cookie.clone(),
    };
    (known, [staff, manager])
}

on_both!(no_request_makes_it_fail, Options::default() => |world| {
    let (known, [staff, _]) = people(&world).await;
    let (requests, mut cases) = (requests::request(&known), Cases::new());
    let mut statuses = std::collections::BTreeMap::new();
    while let Some(request) = cases.next(&requests) {
        let request: Request = request;
        let answer = exchange(&world, &request.bytes(), false).await;
        let status = status(&answer).unwrap_or_else(|| panic!("no answer to {request:?}: {answer:?}"));
        assert!((200..500).contains(&status), "{request:?}: {answer}");
        if status >= 400 && request.path.starts_with("/api/") {
            assert!(answer.contains("application/problem+json"), "{request:?}: {answer}");
        }
        *statuses.entry(status).or_insert(0) += 1;
    }
    println!("{statuses:?}");
    // It got past the door as well.
    assert!(statuses.contains_key(&200) && statuses.contains_key(&400) && statuses.contains_key(&404), "{statuses:?}");
    staff.get("/api/auth/me/").await.is(200);
    lives_on(&world).await;
});

on_both!(no_bytes_make_it_fail, Options::default() => |world| {
    let (known, [staff, _]) = people(&world).await;
    let (requests, mut cases) = (requests::broken(&known), Cases::new());
    while let Some(bytes) = cases.next(&requests) {
        let answer = exchange(&world, &bytes, true).await;
        let told = status(&answer).is_none_or(|status| (100..500).contains(&status));
        assert!(told, "{}: {answer}", String::from_utf8_lossy(&bytes));
    }
    staff.get("/api/auth/me/").await.is(200);
    lives_on(&world).await;
});

on_both!(no_token_but_the_right_one_opens, Options::default() => |world| {
    let (_, [staff, _]) = people(&world).await;
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
    let of_another = World::start(world.backend, Options::default().set("JWT_SECRET", "x".repeat(40)));
    refused(&people(&of_another).await.1[0].access).await;
    staff.get("/api/auth/me/").await.is(200);
    lives_on(&world).await;
});

/// The codes with which a server may end a conversation that its client has spoilt, or ended.
fn lawful(code: u16) -> bool {
    [1000, 1002, 1003, 1005, 1007, 1008, 1009].contains(&code)
}

/// Whether the socket still answers; if not, it was closed lawfully.
async fn answers(socket: &mut Socket, mark: u64, sent: &str) -> bool {
    let id = format!("fence{mark}");
    socket.send(json!({ "command": "ping", "request_id": id })).await;
    loop {
        match socket.next_or_closed().await {
            Ok(event) if event["request_id"] == id.as_str() => return true,
            Ok(event) => assert_ne!(event["code"], "internal", "{sent}: {event}"),
            Err(code) => {
                assert!(lawful(code), "closed with {code} after {sent}");
                return false;
            }
        }
    }
}

on_both!(no_command_makes_a_socket_fail, Options::default() => |world| {
    let (known, [staff, _]) = people(&world).await;
    let (commands, mut cases) = (requests::command(&known), Cases::new());
    let mut watcher = Socket::open(&staff).await;
    let mut socket = Socket::open(&staff).await;
    while let Some(text) = cases.next(&commands) {
        socket.send_raw(Message::text(text.clone())).await;
        if !answers(&mut socket, cases.left, &text).await {
            socket = Socket::open(&staff).await;
        }
        // Others notice nothing of it.
        watcher.ping().await;
    }
    lives_on(&world).await;
});

on_both!(no_frame_makes_a_socket_fail, Options::default() => |world| {
    let (_, [staff, _]) = people(&world).await;
    let (frames, mut cases) = (requests::frame(), Cases::new());
    let mut watcher = Socket::open(&staff).await;
    let mut socket = Socket::open(&staff).await;
    while let Some(frame) = cases.next(&frames) {
        // The server may have closed after the frame before.
        let _ = socket.stream().write_all(&frame).await;
        if !answers(&mut socket, cases.left, &format!("{frame:02x?}")).await {
            socket = Socket::open(&staff).await;
        }
        // Others notice nothing of it.
        watcher.ping().await;
    }
    lives_on(&world).await;
});

on_both!(no_handshake_makes_it_fail, Options::default() => |world| {
    let (known, [staff, _]) = people(&world).await;
    let (requests, mut cases) = (requests::handshake(&known), Cases::new());
    while let Some(request) = cases.next(&requests) {
        let answer = exchange(&world, &request.bytes(), true).await;
        let told = status(&answer).is_none_or(|status| status == 101 || (400..500).contains(&status));
        assert!(told, "{request:?}: {answer}");
    }
    Socket::open(&staff).await.ping().await;
    lives_on(&world).await;
});
