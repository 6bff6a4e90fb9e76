//! Several nodes on one database with a cluster bus: PostgreSQL `LISTEN/NOTIFY`, or Redis.
//!
//! Tests of the bus switch off the comparison with the log once a second, so that events can arrive through the bus
//! only.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use acceptance::{
    ApiClient, DatabaseKind, StaffClient, TestHotel, TestRedis, TestSocket, TestStay, TestWorld, Value, WorldOptions,
    alone, json, unique,
};
use tokio::time::{Instant, sleep};

use crate::metrics::{metric, wait_for_metric};

/// Longest wait until nodes have recovered from an outage.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(20);

/// Two nodes on one database, and a hotel.
struct TwoNodeCluster {
    first_node: Arc<TestWorld>,
    second_node: Arc<TestWorld>,
    hotel: TestHotel,
    redis: Option<TestRedis>,
}

/// Runs a test on two nodes that learn of commits through the bus only.
fn with_bus_only<F: Future<Output = ()>>(
    backend: DatabaseKind,
    redis: Option<TestRedis>,
    body: impl FnOnce(TwoNodeCluster) -> F,
) {
    run_on_two_nodes(backend, WorldOptions::default().set("TEST_COMPARE_SECONDS", 3600), redis, body);
}

fn run_on_two_nodes<F: Future<Output = ()>>(
    backend: DatabaseKind,
    mut options: WorldOptions,
    redis: Option<TestRedis>,
    body: impl FnOnce(TwoNodeCluster) -> F,
) {
    if let Some(redis) = &redis {
        options = options.set("REDIS_URL", redis.url());
    }
    alone(backend, options, async |first_node| {
        let (second_node, hotel) = (first_node.another_node(), first_node.hotel());
        body(TwoNodeCluster { first_node, second_node, hotel, redis }).await;
    });
}

/// Generates a test with PostgreSQL `LISTEN/NOTIFY` and a test with Redis.
macro_rules! on_both_buses {
    ($name:ident, |$cluster:ident| $body:block) => {
        mod $name {
            #[allow(unused_imports, reason = "not every body needs what its file needs")]
            use super::*;
            async fn body($cluster: TwoNodeCluster) $body
            #[test]
            fn postgres() {
                with_bus_only(DatabaseKind::Postgres, None, body);
            }
            #[test]
            fn redis() {
                if TestRedis::is_available() {
                    with_bus_only(DatabaseKind::Postgres, Some(TestRedis::start()), body);
                }
            }
        }
    };
}

async fn open(node: &TestWorld, staff: &StaffClient) -> TestSocket {
    let bearer = format!("Bearer {}", staff.access);
    TestSocket::try_open(node, &[("authorization", &bearer)]).await.expect("the upgrade was refused")
}

/// A client of this node with the staff member's token.
fn client_at(node: &Arc<TestWorld>, staff: &StaffClient) -> ApiClient {
    ApiClient::new(node).bearer(&staff.access)
}

async fn send_text(client: &ApiClient, stay: &TestStay, words: &str) {
    client.post(stay.path("send_message/"), json!({ "text": words })).await.is(201);
}

/// The texts of the `new_message` events; fails if events are out of order.
fn message_texts_in_order(events: &[Value]) -> Vec<&str> {
    let seqs: Vec<i64> = events.iter().filter_map(|it| it["seq"].as_i64()).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
    let received = events.iter().filter(|it| it["type"] == "new_message");
    received.map(|it| it["content"].as_str().unwrap()).collect()
}

/// Sends a message through one node and waits for it on a socket of another: then that node listens to the hotel's
/// signals.
async fn wait_until_listening(from: &ApiClient, stay: &TestStay, socket: &mut TestSocket) {
    let words = unique("listening");
    send_text(from, stay, &words).await;
    while socket.skip_to("new_message").await["content"] != words.as_str() {}
}

/// The unavailable parts by `/readyz`; `None` if the node is ready.
async fn unavailable_parts(node: &Arc<TestWorld>) -> Option<BTreeMap<String, String>> {
    let response = ApiClient::new(node).get("/readyz").await;
    if response.status == 200 {
        return None;
    }
    let problem = response.problem(503, "unavailable");
    let part = |(name, part): (&String, &Value)| (name.clone(), part.as_str().unwrap().to_owned());
    Some(problem["parts"].as_object().unwrap().iter().map(part).collect())
}

/// Waits until the node is not ready, because `/readyz` may be a second old. Returns the unavailable parts.
async fn wait_until_not_ready(node: &Arc<TestWorld>) -> BTreeMap<String, String> {
    ApiClient::new(node).get_until("/readyz", 503).await;
    unavailable_parts(node).await.expect("the node is ready again")
}

async fn wait_until_ready(node: &Arc<TestWorld>) {
    let start = Instant::now();
    while let Some(parts) = unavailable_parts(node).await {
        assert!(start.elapsed() < RECOVERY_TIMEOUT, "the node does not become ready again: {parts:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn assert_delivered_on_every_node(cluster: TwoNodeCluster) {
    let TwoNodeCluster { first_node, second_node, hotel, .. } = cluster;
    let third_node = first_node.another_node();
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let nodes = [&first_node, &second_node, &third_node];
    let mut sockets = Vec::new();
    for node in nodes {
        let mut socket = open(node, &staff).await;
        socket.subscribe(stay.id).await;
        sockets.push(socket);
    }
    let mut sent = Vec::new();
    for round in 0..10 {
        for node in [0, 1, 2, 0] {
            let words = unique(&format!("round {round} from {node}"));
            send_text(&client_at(nodes[node], &staff), &stay, &words).await;
            sent.push(words);
        }
    }
    // Concurrent messages come in the order of the log, which is the same for all sockets.
    let at_once: Vec<String> = (0..12).map(|_| unique("at once")).collect();
    let clients = nodes.map(|node| client_at(node, &staff));
    let sends = at_once.iter().enumerate().map(|(n, words)| send_text(&clients[n % 3], &stay, words));
    futures_util::future::join_all(sends).await;
    let mut received = Vec::new();
    for socket in &mut sockets {
        received.push(socket.events_so_far(&hotel).await);
    }
    let texts = message_texts_in_order(&received[0]);
    assert_eq!(texts[..sent.len()], sent);
    let (mut last, mut wanted) = (texts[sent.len()..].to_vec(), at_once.iter().map(String::as_str).collect::<Vec<_>>());
    last.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(last, wanted);
    assert!(received.iter().all(|it| message_texts_in_order(it) == texts));
    for node in nodes {
        assert_eq!(metric(node, "bus_up ").await, 1.0);
        // Signals are coalesced, so the counters have only a lower bound.
        assert!(metric(node, "bus_published_total ").await >= 1.0 && metric(node, "bus_received_total ").await >= 1.0);
        assert!(metric(node, "feed_log_reads_total ").await >= 1.0);
        assert_eq!(metric(node, "bus_failed_total ").await, 0.0);
    }
}

on_both_buses!(messages_reach_the_sockets_of_every_node, |cluster| {
    assert_delivered_on_every_node(cluster).await;
});

#[test]
fn processes_on_one_sqlite_file_receive_signals_through_redis() {
    if TestRedis::is_available() {
        with_bus_only(DatabaseKind::Sqlite, Some(TestRedis::start()), assert_delivered_on_every_node);
    }
}

#[test]
fn a_single_node_publishes_nothing() {
    alone(DatabaseKind::Postgres, WorldOptions::default().set("TEST_COMPARE_SECONDS", 3600), async |first_node| {
        let hotel = first_node.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
        let client = client_at(&first_node, &staff);
        send_text(&client, &stay, "to nobody").await;
        sleep(Duration::from_millis(200)).await;
        assert_eq!(metric(&first_node, "bus_published_total ").await, 0.0);
        let second_node = first_node.another_node();
        let mut socket = open(&second_node, &staff).await;
        socket.subscribe(stay.id).await;
        wait_until_listening(&client, &stay, &mut socket).await;
        assert!(metric(&first_node, "bus_published_total ").await >= 1.0);
    });
}

on_both_buses!(viewers_on_one_node_are_shown_on_the_other, |cluster| {
    let TwoNodeCluster { first_node, second_node, hotel, .. } = cluster;
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.assigned(0).await);
    let mut viewer = open(&first_node, &staff).await;
    let mut second_tab = open(&second_node, &staff).await;
    let mut colleague = open(&second_node, &manager).await;
    for socket in [&mut viewer, &mut second_tab, &mut colleague] {
        socket.subscribe(stay.id).await;
    }
    wait_until_listening(&client_at(&first_node, &staff), &stay, &mut colleague).await;
    let viewing = |viewing: bool| json!({ "command": "viewing", "stay_id": stay.id, "viewing": viewing });
    viewer.ok(viewing(true)).await;
    assert_eq!(colleague.skip_to("viewing").await["viewing"], true);
    assert_eq!(colleague.subscribe(stay.id).await["viewers"], json!([{ "id": staff.id, "name": staff.name() }]));
    // The person still views it on the other node.
    second_tab.ok(viewing(true)).await;
    assert_eq!(colleague.skip_to("viewing").await["viewing"], true);
    drop(second_tab);
    drop(viewer);
    assert_eq!(colleague.skip_to("viewing").await["viewing"], false);
    assert_eq!(colleague.subscribe(stay.id).await["viewers"], json!([]));
});

on_both_buses!(a_changed_draft_reaches_the_writers_sockets_on_every_node, |cluster| {
    let TwoNodeCluster { first_node, second_node, hotel, .. } = cluster;
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let mut sender = open(&first_node, &staff).await;
    let mut other = open(&second_node, &staff).await;
    for socket in [&mut sender, &mut other] {
        socket.subscribe(stay.id).await;
    }
    wait_until_listening(&client_at(&first_node, &staff), &stay, &mut other).await;
    wait_until_listening(&client_at(&second_node, &staff), &stay, &mut sender).await;
    let draft = client_at(&first_node, &staff).put(stay.path("draft/"), json!({ "text": "begun" })).await.is(200);
    for socket in [&mut sender, &mut other] {
        assert_eq!(socket.skip_to("draft_updated").await["draft"], draft);
    }
    let send = json!({ "command": "send_message", "stay_id": stay.id, "text": "x", "clears_draft": true });
    sender.ok(send).await;
    assert_eq!(other.skip_to("draft_updated").await["draft"], Value::Null);
    let received = sender.events_so_far(&hotel).await;
    assert!(received.iter().all(|it| it["type"] != "draft_updated"), "{received:?}");
});

on_both_buses!(typing_and_read_signals_reach_every_node_once, |cluster| {
    let TwoNodeCluster { first_node, second_node, hotel, .. } = cluster;
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.assigned(0).await);
    let mut typist = open(&first_node, &staff).await;
    let mut own_tab = open(&second_node, &staff).await;
    let mut colleague = open(&second_node, &manager).await;
    let mut bystander = open(&second_node, &hotel.of(1).await).await;
    for socket in [&mut typist, &mut colleague] {
        socket.subscribe(stay.id).await;
    }
    wait_until_listening(&client_at(&first_node, &staff), &stay, &mut colleague).await;
    wait_until_listening(&client_at(&second_node, &staff), &stay, &mut typist).await;
    colleague.expect("new_message").await;
    let event = |mut more: Value| {
        let reader = json!({
            "stay_id": stay.id, "conversation_id": stay.conversation,
            "staff_id": staff.id, "staff_name": staff.name(),
        });
        more.as_object_mut().unwrap().extend(reader.as_object().unwrap().clone());
        more
    };
    for typing in [true, false] {
        typist.ok(json!({ "command": "typing", "stay_id": stay.id, "typing": typing })).await;
        assert_eq!(colleague.next().await, event(json!({ "type": "typing", "typing": typing })));
    }
    let mut message_ids = Vec::new();
    for words in ["one", "two"] {
        message_ids.push(hotel.send_guest_message(&stay.phone, words).await["message_id"].clone());
        typist.expect("new_message").await;
        colleague.expect("new_message").await;
    }
    typist.ok(json!({ "command": "mark_read", "stay_id": stay.id, "message_id": message_ids[0] })).await;
    // The reader's own sockets receive it on every node, even without a subscription.
    let all = staff.get(stay.path("")).await.is(200)["guest_messages"].as_i64().unwrap();
    let own = |message: &Value, read: i64| {
        event(json!({ "type": "read", "message_id": message, "read_guest_messages": read }))
    };
    assert_eq!(own_tab.next().await, own(&message_ids[0], all - 1));
    assert_eq!(colleague.next().await, event(json!({ "type": "read", "message_id": message_ids[0] })));
    // The same over REST, on a node without sockets.
    let third_node = first_node.another_node();
    client_at(&third_node, &staff).post(stay.path("read/"), json!({ "message_id": message_ids[1] })).await.is(204);
    for socket in [&mut typist, &mut own_tab] {
        assert_eq!(socket.next().await, own(&message_ids[1], all));
    }
    assert_eq!(colleague.next().await, event(json!({ "type": "read", "message_id": message_ids[1] })));
    for socket in [&mut typist, &mut own_tab, &mut colleague, &mut bystander] {
        socket.nothing(&hotel).await;
    }
});

on_both_buses!(a_transfer_on_one_node_ends_the_subscription_on_another, |cluster| {
    let TwoNodeCluster { first_node, second_node, hotel, .. } = cluster;
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.assigned(0).await);
    let mut socket = open(&second_node, &staff).await;
    socket.subscribe(stay.id).await;
    wait_until_listening(&client_at(&first_node, &staff), &stay, &mut socket).await;
    let to = json!({ "department_id": hotel.departments[1].id });
    client_at(&first_node, &manager).post(stay.path("start_relay/"), to).await.is(200);
    assert_eq!(socket.expect("unsubscribed").await["reason"], "routed_away");
    hotel.send_guest_message(&stay.phone, "not for them").await;
    socket.nothing(&hotel).await;
});

on_both_buses!(a_logout_on_one_node_closes_the_sockets_on_another, |cluster| {
    let TwoNodeCluster { first_node, second_node, hotel, .. } = cluster;
    let staff = hotel.of(0).await;
    let mut socket = open(&second_node, &staff).await;
    let mut colleague = open(&second_node, &hotel.manager().await).await;
    client_at(&first_node, &staff).post_empty("/api/auth/logout/").await.is(204);
    assert_eq!(socket.closed().await, 4401);
    colleague.ping().await;
});

on_both_buses!(a_client_disconnected_from_one_node_resumes_on_another, |cluster| {
    let TwoNodeCluster { first_node, second_node, hotel, .. } = cluster;
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let mut socket = open(&first_node, &staff).await;
    let epoch = socket.welcome["epoch"].clone();
    socket.subscribe(stay.id).await;
    let (first, missed, last) = (unique("first"), [unique("missed"), unique("missed")], unique("last"));
    send_text(&client_at(&second_node, &staff), &stay, &first).await;
    let received = socket.skip_to("new_message").await;
    assert_eq!(received["content"], first.as_str());
    drop(socket);
    send_text(&client_at(&first_node, &staff), &stay, &missed[0]).await;
    send_text(&client_at(&second_node, &staff), &stay, &missed[1]).await;
    let mut socket = open(&second_node, &staff).await;
    let (replayed, resumed) =
        socket.resume(json!({ "epoch": epoch, "after_seq": received["seq"], "stay_ids": [stay.id] })).await;
    assert_eq!(resumed["type"], "resumed", "{resumed}");
    assert_eq!(message_texts_in_order(&replayed), missed.each_ref().map(String::as_str));
    send_text(&client_at(&first_node, &staff), &stay, &last).await;
    assert_eq!(message_texts_in_order(&socket.events_so_far(&hotel).await), [last.as_str()]);
});

on_both_buses!(events_of_a_killed_node_are_delivered_by_the_others, |cluster| {
    let TwoNodeCluster { first_node, second_node, hotel, .. } = cluster;
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let mut socket = open(&first_node, &staff).await;
    socket.subscribe(stay.id).await;
    let mut sent = Vec::new();
    for _ in 0..3 {
        let doomed = first_node.another_node();
        let client = client_at(&doomed, &staff);
        for _ in 0..5 {
            let words = unique("doomed");
            send_text(&client, &stay, &words).await;
            sent.push(words);
        }
        // The node dies right after the acknowledgement, whether or not it has published.
        doomed.kill();
        let words = unique("alive");
        send_text(&client_at(&second_node, &staff), &stay, &words).await;
        sent.push(words);
    }
    assert_eq!(message_texts_in_order(&socket.events_so_far(&hotel).await), sent);
});

on_both_buses!(nodes_recover_after_a_postgresql_outage, |cluster| {
    let TwoNodeCluster { first_node, second_node, hotel, redis } = cluster;
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let mut socket = open(&second_node, &staff).await;
    socket.subscribe(stay.id).await;
    wait_until_listening(&client_at(&first_node, &staff), &stay, &mut socket).await;
    let mut sent = Vec::new();
    for _ in 0..2 {
        first_node.set_reachable(false);
        for node in [&first_node, &second_node] {
            let parts = wait_until_not_ready(node).await;
            assert_eq!(parts["database"], "away");
            assert_eq!(parts.get("redis").map(String::as_str), redis.as_ref().map(|_| "ok"));
        }
        first_node.set_reachable(true);
        for node in [&first_node, &second_node] {
            wait_until_ready(node).await;
        }
        let words = unique("after");
        // Pooled connections may be the broken ones of before.
        let start = Instant::now();
        let client = client_at(&first_node, &staff).key(&words);
        while ![200, 201].contains(&client.post(stay.path("send_message/"), json!({ "text": words })).await.status) {
            assert!(start.elapsed() < RECOVERY_TIMEOUT, "the database does not become available again");
        }
        sent.push(words);
    }
    assert_eq!(message_texts_in_order(&socket.events_so_far(&hotel).await), sent);
    wait_for_metric(&second_node, "bus_up ", RECOVERY_TIMEOUT, |it| it == 1.0).await;
});

/// Runs a test on two nodes with Redis, with the usual comparison with the log once a second.
fn with_redis<F: Future<Output = ()>>(redis: fn() -> TestRedis, body: impl FnOnce(TwoNodeCluster) -> F) {
    if TestRedis::is_available() {
        run_on_two_nodes(DatabaseKind::Postgres, WorldOptions::default(), Some(redis()), body);
    }
}

/// How often a text occurs in a node's log.
fn count_in_log(node: &TestWorld, words: &str) -> usize {
    node.log_text().matches(words).count()
}

#[test]
fn messages_arrive_without_redis_and_the_bus_reconnects() {
    with_redis(TestRedis::start, async |cluster| {
        let TwoNodeCluster { first_node, second_node, hotel, redis } = cluster;
        let (mut redis, staff, stay) = (redis.unwrap(), hotel.of(0).await, hotel.assigned(0).await);
        let mut socket = open(&second_node, &staff).await;
        socket.subscribe(stay.id).await;
        wait_until_listening(&client_at(&first_node, &staff), &stay, &mut socket).await;
        for outage in 1..=2 {
            redis.stop();
            let parts = wait_until_not_ready(&second_node).await;
            assert_eq!((parts["database"].as_str(), parts["redis"].as_str()), ("ok", "away"));
            wait_for_metric(&second_node, "bus_up ", RECOVERY_TIMEOUT, |it| it == 0.0).await;
            let words = [unique("meanwhile"), unique("meanwhile")];
            for words in &words {
                send_text(&client_at(&first_node, &staff), &stay, words).await;
            }
            assert_eq!(
                message_texts_in_order(&socket.events_so_far(&hotel).await),
                words.each_ref().map(String::as_str)
            );
            wait_for_metric(&first_node, "bus_failed_total ", RECOVERY_TIMEOUT, |it| it > 0.0).await;
            // Redis restarts empty, without subscriptions.
            redis.start_again();
            for node in [&first_node, &second_node] {
                wait_until_ready(node).await;
                wait_for_metric(node, "bus_up ", RECOVERY_TIMEOUT, |it| it == 1.0).await;
            }
            let before = metric(&second_node, "bus_received_total ").await;
            wait_until_listening(&client_at(&first_node, &staff), &stay, &mut socket).await;
            wait_for_metric(&second_node, "bus_received_total ", RECOVERY_TIMEOUT, |it| it > before).await;
            socket.events_so_far(&hotel).await;
            for node in [&first_node, &second_node] {
                assert_eq!(
                    (
                        count_in_log(node, "the cluster bus is unavailable"),
                        count_in_log(node, "the cluster bus is available again")
                    ),
                    (outage, outage)
                );
            }
        }
    });
}

#[test]
fn a_hanging_redis_delays_nothing() {
    with_redis(TestRedis::start, async |cluster| {
        let TwoNodeCluster { first_node, second_node, hotel, redis } = cluster;
        let (redis, staff, stay) = (redis.unwrap(), hotel.of(0).await, hotel.assigned(0).await);
        let mut socket = open(&second_node, &staff).await;
        socket.subscribe(stay.id).await;
        redis.signal("STOP");
        let words: Vec<String> = (0..20).map(|_| unique("hanging")).collect();
        for words in &words {
            send_text(&client_at(&first_node, &staff), &stay, words).await;
        }
        assert_eq!(message_texts_in_order(&socket.events_so_far(&hotel).await), words);
        let parts = wait_until_not_ready(&first_node).await;
        assert_eq!(parts["redis"], "away");
        wait_for_metric(&first_node, "bus_up ", RECOVERY_TIMEOUT, |it| it == 0.0).await;
        redis.signal("CONT");
        wait_until_ready(&first_node).await;
        wait_for_metric(&first_node, "bus_up ", RECOVERY_TIMEOUT, |it| it == 1.0).await;
    });
}

#[test]
fn a_server_starts_without_redis() {
    with_redis(TestRedis::stopped, async |cluster| {
        let TwoNodeCluster { first_node, second_node, hotel, redis } = cluster;
        let (mut redis, staff, stay) = (redis.unwrap(), hotel.of(0).await, hotel.assigned(0).await);
        let mut socket = open(&second_node, &staff).await;
        socket.subscribe(stay.id).await;
        let words = unique("alone");
        send_text(&client_at(&first_node, &staff), &stay, &words).await;
        assert_eq!(message_texts_in_order(&socket.events_so_far(&hotel).await), [words.as_str()]);
        assert_eq!(wait_until_not_ready(&second_node).await["redis"], "away");
        assert_eq!(
            (
                count_in_log(&second_node, "the cluster bus is unavailable"),
                count_in_log(&second_node, "the cluster bus is available again")
            ),
            (1, 0)
        );
        redis.start_again();
        wait_until_ready(&second_node).await;
        wait_for_metric(&second_node, "bus_up ", RECOVERY_TIMEOUT, |it| it == 1.0).await;
    });
}
