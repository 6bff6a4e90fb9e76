//! Crash recovery: a killed server, an unavailable or locked database, writes of another process.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use acceptance::{
    ApiClient, ApiResponse, DatabaseKind, PASSWORD, StaffClient, TestHotel, TestSocket, TestStay, TestWorld, Value,
    WorldOptions, alone, json, on_both, unique,
};
use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use tokio::time::{Instant, timeout};

use crate::event_assertions::{assert_in_order, message_texts};

/// Longest time until a change of another process is noticed, or a recovered database is used again.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends a text with itself as idempotency key. Returns `None` if the server is gone.
async fn send_with_key(client: &ApiClient, stay: &TestStay, words: &str) -> Option<ApiResponse> {
    let body = json!({ "text": words }).to_string().into_bytes();
    client.key(words).try_send("POST", &stay.path("send_message/"), Some(body)).await.ok()
}

/// Retries while the database is unavailable (503).
async fn send_until_acknowledged(client: &ApiClient, stay: &TestStay, words: &str) -> ApiResponse {
    let start = Instant::now();
    loop {
        let response = send_with_key(client, stay, words).await.expect("the server is gone");
        if response.status != 503 {
            return response;
        }
        response.problem(503, "unavailable");
        assert!(start.elapsed() < RECOVERY_TIMEOUT, "the database does not become available again");
    }
}

/// How often each text is stored in a conversation.
async fn count_texts(client: &ApiClient, stay: &TestStay) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for message in client.get(stay.path("messages/?limit=1000")).await.is(200).as_array().unwrap() {
        *counts.entry(message["content"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    counts
}

/// Signs in with a new client, because the connections of the old one are broken.
async fn sign_in_again(hotel: &TestHotel, staff: &StaffClient) -> StaffClient {
    hotel.sign_in(&staff.username, PASSWORD).await
}

on_both!(acknowledged_messages_are_stored_once_after_a_crash, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (staff, stays) = (hotel.of(0).await, [hotel.relay(0), hotel.active(0)]);
    let mut socket = TestSocket::open(&staff).await;
    let (epoch, mut after) = (socket.welcome["epoch"].clone(), socket.welcome["seq"].as_i64().unwrap());
    socket.subscribe(stays[0].id).await;
    for _ in 0..3 {
        let client = sign_in_again(&hotel, &staff).await;
        let acknowledged = send_until_killed(&world, &client, &stays).await;
        world.serve();
        let client = sign_in_again(&hotel, &staff).await;
        // Repeats every send with its key, as a client without a response does.
        for (text, id) in &acknowledged {
            let stay = &stays[text.ends_with("!0") as usize];
            let again = send_with_key(&client, stay, text).await.unwrap();
            match id {
                Some(id) => assert_eq!(&again.is(200)["id"], id, "{text}"),
                None => assert!([200, 201].contains(&again.status), "{}", again.text()),
            }
            assert_eq!(send_with_key(&client, stay, text).await.unwrap().is(200)["id"], again.json()["id"]);
        }
        let counts = [count_texts(&client, &stays[0]).await, count_texts(&client, &stays[1]).await];
        for text in acknowledged.keys() {
            assert_eq!(counts[text.ends_with("!0") as usize].get(text), Some(&1), "{text}");
        }
        // The log has each event once, without a gap.
        let mut socket = TestSocket::open(&client).await;
        let named = json!({ "epoch": epoch, "after_seq": after, "stay_ids": [stays[0].id, stays[1].id] });
        let (replayed, resumed) = socket.resume(named).await;
        let mut received = message_texts(&replayed);
        received.sort_unstable();
        assert_eq!(received, acknowledged.keys().map(String::as_str).collect::<Vec<_>>());
        after = resumed["seq"].as_i64().unwrap();
    }
});

/// Sends 80 messages concurrently and kills the server after 25 responses. Returns each text with the id of its
/// message, if acknowledged.
async fn send_until_killed(
    world: &TestWorld,
    client: &ApiClient,
    stays: &[TestStay; 2],
) -> BTreeMap<String, Option<Value>> {
    let mut sends: FuturesUnordered<_> = (0..80)
        .map(|n| {
            let (words, stay) = (format!("{}!{}", unique("cut"), n % 2), &stays[usize::from(n % 2 == 0)]);
            async move {
                let response = send_with_key(client, stay, &words).await;
                (words, response)
            }
        })
        .collect();
    let mut outcomes = BTreeMap::new();
    while let Some((words, response)) = sends.next().await {
        let id = response.map(|response| response.is(201)["id"].clone());
        outcomes.insert(words, id);
        if outcomes.len() == 25 {
            world.kill();
        }
    }
    assert!(outcomes.values().filter(|id| id.is_some()).count() >= 25);
    outcomes
}

#[test]
fn a_postgresql_restart_loses_and_duplicates_nothing() {
    alone(DatabaseKind::Postgres, WorldOptions::default(), async |world: Arc<TestWorld>| {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
        let mut socket = TestSocket::open(&staff).await;
        socket.subscribe(stay.id).await;
        let mut sent = Vec::new();
        for round in 0..3 {
            if round > 0 {
                world.cut_connections();
            }
            let words: Vec<String> = (0..8).map(|_| unique("restart")).collect();
            let responses = join_all(words.iter().map(|words| send_until_acknowledged(&staff, &stay, words))).await;
            assert!(responses.iter().all(|it| [200, 201].contains(&it.status)));
            sent.extend(words);
        }
        assert_delivered_once(&hotel, &staff, &mut socket, &stay, sent).await;
    });
}

#[test]
fn an_unavailable_postgresql_is_503_and_sockets_recover() {
    alone(DatabaseKind::Postgres, WorldOptions::default(), async |world: Arc<TestWorld>| {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
        let mut socket = TestSocket::open(&staff).await;
        socket.subscribe(stay.id).await;
        world.set_reachable(false);
        let words = unique("meanwhile");
        let refused = send_with_key(&staff, &stay, &words).await.unwrap();
        refused.problem(503, "unavailable");
        staff.get("conversations/").await.problem(503, "unavailable");
        let login = json!({ "username": staff.username, "password": PASSWORD });
        hotel.anonymous().post("/api/auth/login/", login).await.problem(503, "unavailable");
        let command = json!({ "command": "send_message", "stay_id": stay.id, "text": words, "client_ref": words });
        socket.refused(command.clone(), "unavailable").await;
        // The socket stays open during the outage.
        socket.ping().await;
        world.set_reachable(true);
        let start = Instant::now();
        let mut outcome = socket.ask(command.clone()).await;
        while outcome["code"] == "unavailable" && start.elapsed() < RECOVERY_TIMEOUT {
            outcome = socket.ask(command.clone()).await;
        }
        assert_eq!(outcome["type"], "ack", "{outcome}");
        let again = send_until_acknowledged(&staff, &stay, &words).await;
        assert_eq!(again.is(200)["id"], outcome["message"]["id"]);
        let others = [unique("after"), unique("after")];
        for words in &others {
            send_until_acknowledged(&staff, &stay, words).await.is(201);
        }
        let sent = std::iter::once(words).chain(others).collect();
        assert_delivered_once(&hotel, &staff, &mut socket, &stay, sent).await;
    });
}

/// Fails unless each text is stored once and was delivered once.
async fn assert_delivered_once(
    hotel: &TestHotel,
    staff: &StaffClient,
    socket: &mut TestSocket,
    stay: &TestStay,
    mut sent: Vec<String>,
) {
    let counts = count_texts(staff, stay).await;
    assert!(sent.iter().all(|words| counts.get(words) == Some(&1)), "{sent:?}: {counts:?}");
    let events = socket.events_so_far(hotel).await;
    assert_in_order(&events);
    let mut received = message_texts(&events);
    received.sort_unstable();
    sent.sort_unstable();
    assert_eq!(received, sent);
}

#[test]
fn a_locked_sqlite_delays_or_refuses_whole_writes() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), async |world: Arc<TestWorld>| {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.active(0));
        let mut socket = TestSocket::open(&staff).await;
        socket.subscribe(stay.id).await;
        let before = staff.get(stay.path("")).await.is(200);
        let other = world.sqlite();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let words = unique("locked");
        // Reads work during the lock.
        let (refused, read) = tokio::join!(send_with_key(&staff, &stay, &words), staff.get(stay.path("")));
        refused.unwrap().problem(503, "unavailable");
        assert_eq!(read.is(200), before);
        other.execute_batch("ROLLBACK").unwrap();
        // The send would also have taken over the conversation: nothing of it was stored.
        assert_eq!(staff.get(stay.path("")).await.is(200), before);
        assert_eq!(count_texts(&staff, &stay).await.get(&words), None);
        // A short lock only delays the write.
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let release = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            other.execute_batch("COMMIT").unwrap();
        };
        let (sent, ()) = tokio::join!(send_with_key(&staff, &stay, &words), release);
        sent.unwrap().is(201);
        assert_delivered_once(&hotel, &staff, &mut socket, &stay, vec![words]).await;
    });
}

on_both!(changes_by_a_command_reach_the_sockets, |hotel| {
    let manager = hotel.manager().await;
    let (phone, code) = (hotel.unused_phone(), unique("R"));
    let booking = |room: &str| {
        format!(
            "reservation_code,guest_name,guest_phone,room_number,check_in,check_out\n\
            {code},Ana,{phone},{room},2020-01-01,2099-01-01\n"
        )
    };
    hotel.import(&booking("101"));
    let stay = hotel.send_guest_message(&phone, "hello").await["stay_id"].clone();
    let mut socket = TestSocket::open(&manager).await;
    socket.subscribe_to_inbox().await;
    hotel.import(&booking("202"));
    let event = timeout(RECOVERY_TIMEOUT, socket.expect("conversation_updated")).await.expect("no event was received");
    assert_eq!((&event["stay_id"], &event["conversation"]["room_number"]), (&stay, &json!("202")));
});

on_both!(messages_of_a_killed_node_reach_the_sockets_of_another, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let mut sent = Vec::new();
    let mut client;
    for _ in 0..3 {
        let node = world.another_node();
        client = ApiClient::new(&node).bearer(&staff.access);
        let words: Vec<String> = (0..5).map(|_| unique("elsewhere")).collect();
        for words in &words {
            send_with_key(&client, &stay, words).await.unwrap().is(201);
        }
        // The node dies right after the acknowledgement, whether or not it has published.
        node.kill();
        sent.extend(words);
        let words = unique("here");
        send_with_key(&staff, &stay, &words).await.unwrap().is(201);
        sent.push(words);
    }
    let events = socket.events_so_far(&hotel).await;
    assert_eq!(message_texts(&events), sent.iter().map(String::as_str).collect::<Vec<_>>());
});

on_both!(an_idle_server_notices_commits_of_another_node, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let node = world.another_node();
    let words = unique("elsewhere");
    send_with_key(&ApiClient::new(&node).bearer(&staff.access), &stay, &words).await.unwrap().is(201);
    node.kill();
    let event = timeout(RECOVERY_TIMEOUT, socket.skip_to("new_message")).await.expect("no event was received");
    assert_eq!(event["content"], words.as_str());
});
