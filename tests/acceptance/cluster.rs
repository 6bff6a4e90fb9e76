//! Several servers on one database, which wake each other: through PostgreSQL, or through Redis.
//!
//! Where a test is about that, the servers do not compare with the log once a second: what comes then has
//! come by the bus.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use acceptance::{Backend, Client, Hotel, Options, Redis, Socket, Staff, Stay, Value, World, alone, json, unique};
use tokio::time::{Instant, sleep};

use crate::figures::{figure, figure_is};

/// How long it may take until all is well again.
const SOON: Duration = Duration::from_secs(20);

/// Two servers on one database, with a hotel.
struct Cluster {
    here: Arc<World>,
    there: Arc<World>,
    hotel: Hotel,
    redis: Option<Redis>,
}

/// Runs a test on two servers that hear of each other by the bus alone.
fn by_bus_alone<F: Future<Output = ()>>(backend: Backend, redis: Option<Redis>, body: impl FnOnce(Cluster) -> F) {
    run(backend, Options::default().set("TEST_COMPARE_SECONDS", 3600), redis, body);
}

fn run<F: Future<Output = ()>>(
    backend: Backend,
    mut options: Options,
    redis: Option<Redis>,
    body: impl FnOnce(Cluster) -> F,
) {
    if let Some(redis) = &redis {
        options = options.set("REDIS_URL", redis.url());
    }
    alone(backend, options, async |here| {
        let (there, hotel) = (here.another_node(), here.hotel());
        body(Cluster { here, there, hotel, redis }).await;
    });
}

/// Makes a test on PostgreSQL's own notices, and one with Redis.
macro_rules! on_both_buses {
    ($name:ident, |$cluster:ident| $body:block) => {
        mod $name {
            #[allow(unused_imports, reason = "not every body needs what its file needs")]
            use super::*;
            async fn body($cluster: Cluster) $body
            #[test]
            fn postgres() {
                by_bus_alone(Backend::Postgres, None, body);
            }
            #[test]
            fn redis() {
                if Redis::is_there() {
                    by_bus_alone(Backend::Postgres, Some(Redis::start()), body);
                }
            }
        }
    };
}

/// A socket on that server.
async fn open(node: &World, staff: &Staff) -> Socket {
    let bearer = format!("Bearer {}", staff.access);
    Socket::try_open(node, &[("authorization", &bearer)]).await.expect("the upgrade was refused")
}

/// The staff member, asking that server.
fn asking(node: &Arc<World>, staff: &Staff) -> Client {
    Client::new(node).bearer(&staff.access)
}

async fn says(client: &Client, stay: &Stay, words: &str) {
    client.post(stay.path("send_message/"), json!({ "text": words })).await.is(201);
}

/// The messages among events, having come in order.
fn said(events: &[Value]) -> Vec<&str> {
    let seqs: Vec<i64> = events.iter().filter_map(|it| it["seq"].as_i64()).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
    let messages = events.iter().filter(|it| it["type"] == "new_message");
    messages.map(|it| it["content"].as_str().unwrap()).collect()
}

/// A message from one server has come to a socket on another: so that server listens.
async fn heard(from: &Client, stay: &Stay, socket: &mut Socket) {
    let words = unique("listening");
    says(from, stay, &words).await;
    while socket.skip_to("new_message").await["content"] != words.as_str() {}
}

/// What a server that is not ready says of its parts; `None` where it is.
async fn parts_away(node: &Arc<World>) -> Option<BTreeMap<String, String>> {
    let answer = Client::new(node).get("/readyz").await;
    if answer.status == 200 {
        return None;
    }
    let problem = answer.problem(503, "unavailable");
    let word = |(name, word): (&String, &Value)| (name.clone(), word.as_str().unwrap().to_owned());
    Some(problem["parts"].as_object().unwrap().iter().map(word).collect())
}

/// What is away, once it is found to be: the answer may be a second old.
async fn not_ready(node: &Arc<World>) -> BTreeMap<String, String> {
    Client::new(node).get_until("/readyz", 503).await;
    parts_away(node).await.expect("it is ready again")
}

async fn ready_again(node: &Arc<World>) {
    let start = Instant::now();
    while let Some(parts) = parts_away(node).await {
        assert!(start.elapsed() < SOON, "it does not become ready again: {parts:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn everybody_hears_everything_in_order(cluster: Cluster) {
    let Cluster { here, there, hotel, .. } = cluster;
    let elsewhere = here.another_node();
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let nodes = [&here, &there, &elsewhere];
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
            says(&asking(nodes[node], &staff), &stay, &words).await;
            sent.push(words);
        }
    }
    // At once as well: the order is then the log's, the same for all.
    let at_once: Vec<String> = (0..12).map(|_| unique("at once")).collect();
    let clients = nodes.map(|node| asking(node, &staff));
    let sends = at_once.iter().enumerate().map(|(n, words)| says(&clients[n % 3], &stay, words));
    futures_util::future::join_all(sends).await;
    let mut told = Vec::new();
    for socket in &mut sockets {
        told.push(socket.so_far(&hotel).await);
    }
    let texts = said(&told[0]);
    assert_eq!(texts[..sent.len()], sent);
    let (mut last, mut wanted) = (texts[sent.len()..].to_vec(), at_once.iter().map(String::as_str).collect::<Vec<_>>());
    last.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(last, wanted);
    assert!(told.iter().all(|it| said(it) == texts));
    for node in nodes {
        assert_eq!(figure(node, "bus_up ").await, 1.0);
        // Some are told and heard at once, and so count for one.
        assert!(figure(node, "bus_told_total ").await >= 1.0 && figure(node, "bus_heard_total ").await >= 1.0);
        assert!(figure(node, "feed_log_reads_total ").await >= 1.0);
        assert_eq!(figure(node, "bus_failed_total ").await, 0.0);
    }
}

on_both_buses!(what_is_sent_on_one_reaches_the_sockets_of_all, |cluster| {
    everybody_hears_everything_in_order(cluster).await;
});

#[test]
fn processes_on_one_sqlite_hear_each_other_by_redis() {
    if Redis::is_there() {
        by_bus_alone(Backend::Sqlite, Some(Redis::start()), everybody_hears_everything_in_order);
    }
}

#[test]
fn who_is_alone_tells_nobody() {
    alone(Backend::Postgres, Options::default().set("TEST_COMPARE_SECONDS", 3600), async |here| {
        let hotel = here.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
        let client = asking(&here, &staff);
        says(&client, &stay, "to nobody").await;
        sleep(Duration::from_millis(200)).await;
        assert_eq!(figure(&here, "bus_told_total ").await, 0.0);
        let there = here.another_node();
        let mut socket = open(&there, &staff).await;
        socket.subscribe(stay.id).await;
        heard(&client, &stay, &mut socket).await;
        assert!(figure(&here, "bus_told_total ").await >= 1.0);
    });
}

on_both_buses!(who_types_and_who_has_read_is_told_everywhere_once, |cluster| {
    let Cluster { here, there, hotel, .. } = cluster;
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.assigned(0).await);
    let mut typist = open(&here, &staff).await;
    let mut own_tab = open(&there, &staff).await;
    let mut colleague = open(&there, &manager).await;
    let mut bystander = open(&there, &hotel.of(1).await).await;
    for socket in [&mut typist, &mut colleague] {
        socket.subscribe(stay.id).await;
    }
    heard(&asking(&here, &staff), &stay, &mut colleague).await;
    heard(&asking(&there, &staff), &stay, &mut typist).await;
    colleague.expect("new_message").await;
    let event = |mut more: Value| {
        let whose = json!({
            "stay_id": stay.id, "conversation_id": stay.conversation,
            "staff_id": staff.id, "staff_name": staff.name(),
        });
        more.as_object_mut().unwrap().extend(whose.as_object().unwrap().clone());
        more
    };
    for typing in [true, false] {
        typist.ok(json!({ "command": "typing", "stay_id": stay.id, "typing": typing })).await;
        assert_eq!(colleague.next().await, event(json!({ "type": "typing", "typing": typing })));
    }
    let mut heard = Vec::new();
    for words in ["one", "two"] {
        heard.push(hotel.guest_says(&stay.phone, words).await["message_id"].clone());
        typist.expect("new_message").await;
        colleague.expect("new_message").await;
    }
    typist.ok(json!({ "command": "mark_read", "stay_id": stay.id, "message_id": heard[0] })).await;
    // The reader's own sockets are told wherever they are, and without a subscription.
    for socket in [&mut own_tab, &mut colleague] {
        assert_eq!(socket.next().await, event(json!({ "type": "read", "message_id": heard[0] })));
    }
    // By REST, on a server that has no sockets at all.
    let elsewhere = here.another_node();
    asking(&elsewhere, &staff).post(stay.path("read/"), json!({ "message_id": heard[1] })).await.is(204);
    for socket in [&mut typist, &mut own_tab, &mut colleague] {
        assert_eq!(socket.next().await, event(json!({ "type": "read", "message_id": heard[1] })));
    }
    for socket in [&mut typist, &mut own_tab, &mut colleague, &mut bystander] {
        socket.nothing(&hotel).await;
    }
});

on_both_buses!(a_transfer_on_one_ends_the_subscription_on_another, |cluster| {
    let Cluster { here, there, hotel, .. } = cluster;
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.assigned(0).await);
    let mut socket = open(&there, &staff).await;
    socket.subscribe(stay.id).await;
    heard(&asking(&here, &staff), &stay, &mut socket).await;
    let to = json!({ "department_id": hotel.departments[1].id });
    asking(&here, &manager).post(stay.path("start_relay/"), to).await.is(200);
    assert_eq!(socket.expect("unsubscribed").await["reason"], "routed_away");
    hotel.guest_says(&stay.phone, "not for them").await;
    socket.nothing(&hotel).await;
});

on_both_buses!(a_logout_on_one_closes_the_sockets_on_another, |cluster| {
    let Cluster { here, there, hotel, .. } = cluster;
    let staff = hotel.of(0).await;
    let mut socket = open(&there, &staff).await;
    let mut colleague = open(&there, &hotel.manager().await).await;
    asking(&here, &staff).post_empty("/api/auth/logout/").await.is(204);
    assert_eq!(socket.closed().await, 4401);
    colleague.ping().await;
});

on_both_buses!(cut_on_one_a_client_resumes_on_another, |cluster| {
    let Cluster { here, there, hotel, .. } = cluster;
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let mut socket = open(&here, &staff).await;
    let epoch = socket.welcome["epoch"].clone();
    socket.subscribe(stay.id).await;
    let (first, missed, last) = (unique("first"), [unique("missed"), unique("missed")], unique("last"));
    says(&asking(&there, &staff), &stay, &first).await;
    let came = socket.skip_to("new_message").await;
    assert_eq!(came["content"], first.as_str());
    drop(socket);
    says(&asking(&here, &staff), &stay, &missed[0]).await;
    says(&asking(&there, &staff), &stay, &missed[1]).await;
    let mut socket = open(&there, &staff).await;
    let (replayed, resumed) =
        socket.resume(json!({ "epoch": epoch, "after_seq": came["seq"], "stay_ids": [stay.id] })).await;
    assert_eq!(resumed["type"], "resumed", "{resumed}");
    assert_eq!(said(&replayed), missed.each_ref().map(String::as_str));
    says(&asking(&here, &staff), &stay, &last).await;
    assert_eq!(said(&socket.so_far(&hotel).await), [last.as_str()]);
});

on_both_buses!(when_one_is_killed_the_others_go_on, |cluster| {
    let Cluster { here, there, hotel, .. } = cluster;
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let mut socket = open(&here, &staff).await;
    socket.subscribe(stay.id).await;
    let mut sent = Vec::new();
    for _ in 0..3 {
        let doomed = here.another_node();
        let client = asking(&doomed, &staff);
        for _ in 0..5 {
            let words = unique("doomed");
            says(&client, &stay, &words).await;
            sent.push(words);
        }
        // As soon as it has acknowledged the last, whether or not it told anybody.
        doomed.kill();
        let words = unique("alive");
        says(&asking(&there, &staff), &stay, &words).await;
        sent.push(words);
    }
    assert_eq!(said(&socket.so_far(&hotel).await), sent);
});

on_both_buses!(when_postgresql_is_back_so_are_they, |cluster| {
    let Cluster { here, there, hotel, redis } = cluster;
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let mut socket = open(&there, &staff).await;
    socket.subscribe(stay.id).await;
    heard(&asking(&here, &staff), &stay, &mut socket).await;
    let mut sent = Vec::new();
    for _ in 0..2 {
        here.let_in(false);
        for node in [&here, &there] {
            let parts = not_ready(node).await;
            assert_eq!(parts["database"], "away");
            assert_eq!(parts.get("redis").map(String::as_str), redis.as_ref().map(|_| "ok"));
        }
        here.let_in(true);
        for node in [&here, &there] {
            ready_again(node).await;
        }
        let words = unique("after");
        // The first connections that are tried may still be those of before.
        let start = Instant::now();
        let client = asking(&here, &staff).key(&words);
        while ![200, 201].contains(&client.post(stay.path("send_message/"), json!({ "text": words })).await.status) {
            assert!(start.elapsed() < SOON, "the database is not found again");
        }
        sent.push(words);
    }
    assert_eq!(said(&socket.so_far(&hotel).await), sent);
    figure_is(&there, "bus_up ", SOON, |it| it == 1.0).await;
});

/// Runs a test on two servers with that Redis, which compare with the log once a second as ever.
fn with_redis<F: Future<Output = ()>>(redis: fn() -> Redis, body: impl FnOnce(Cluster) -> F) {
    if Redis::is_there() {
        run(Backend::Postgres, Options::default(), Some(redis()), body);
    }
}

/// How often a server's log says something.
fn logged(node: &World, words: &str) -> usize {
    node.log_text().matches(words).count()
}

#[test]
fn while_redis_is_stopped_messages_come_and_afterwards_it_is_used_again() {
    with_redis(Redis::start, async |cluster| {
        let Cluster { here, there, hotel, redis } = cluster;
        let (mut redis, staff, stay) = (redis.unwrap(), hotel.of(0).await, hotel.assigned(0).await);
        let mut socket = open(&there, &staff).await;
        socket.subscribe(stay.id).await;
        heard(&asking(&here, &staff), &stay, &mut socket).await;
        for outage in 1..=2 {
            redis.stop();
            let parts = not_ready(&there).await;
            assert_eq!((parts["database"].as_str(), parts["redis"].as_str()), ("ok", "away"));
            figure_is(&there, "bus_up ", SOON, |it| it == 0.0).await;
            let words = [unique("meanwhile"), unique("meanwhile")];
            for words in &words {
                says(&asking(&here, &staff), &stay, words).await;
            }
            assert_eq!(said(&socket.so_far(&hotel).await), words.each_ref().map(String::as_str));
            figure_is(&here, "bus_failed_total ", SOON, |it| it > 0.0).await;
            // It comes back empty, and knows of no subscription.
            redis.start_again();
            for node in [&here, &there] {
                ready_again(node).await;
                figure_is(node, "bus_up ", SOON, |it| it == 1.0).await;
            }
            let before = figure(&there, "bus_heard_total ").await;
            heard(&asking(&here, &staff), &stay, &mut socket).await;
            figure_is(&there, "bus_heard_total ", SOON, |it| it > before).await;
            socket.so_far(&hotel).await;
            for node in [&here, &there] {
                assert_eq!((logged(node, "the bus is away"), logged(node, "the bus is back")), (outage, outage));
            }
        }
    });
}

#[test]
fn a_redis_that_does_not_answer_holds_nobody_up() {
    with_redis(Redis::start, async |cluster| {
        let Cluster { here, there, hotel, redis } = cluster;
        let (redis, staff, stay) = (redis.unwrap(), hotel.of(0).await, hotel.assigned(0).await);
        let mut socket = open(&there, &staff).await;
        socket.subscribe(stay.id).await;
        redis.signal("STOP");
        let words: Vec<String> = (0..20).map(|_| unique("hanging")).collect();
        for words in &words {
            says(&asking(&here, &staff), &stay, words).await;
        }
        assert_eq!(said(&socket.so_far(&hotel).await), words);
        let parts = not_ready(&here).await;
        assert_eq!(parts["redis"], "away");
        figure_is(&here, "bus_up ", SOON, |it| it == 0.0).await;
        redis.signal("CONT");
        ready_again(&here).await;
        figure_is(&here, "bus_up ", SOON, |it| it == 1.0).await;
    });
}

#[test]
fn without_its_redis_a_server_starts_and_serves() {
    with_redis(Redis::stopped, async |cluster| {
        let Cluster { here, there, hotel, redis } = cluster;
        let (mut redis, staff, stay) = (redis.unwrap(), hotel.of(0).await, hotel.assigned(0).await);
        let mut socket = open(&there, &staff).await;
        socket.subscribe(stay.id).await;
        let words = unique("alone");
        says(&asking(&here, &staff), &stay, &words).await;
        assert_eq!(said(&socket.so_far(&hotel).await), [words.as_str()]);
        assert_eq!(not_ready(&there).await["redis"], "away");
        assert_eq!((logged(&there, "the bus is away"), logged(&there, "the bus is back")), (1, 0));
        redis.start_again();
        ready_again(&there).await;
        figure_is(&there, "bus_up ", SOON, |it| it == 1.0).await;
    });
}
