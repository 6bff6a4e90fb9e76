//! What must survive: power cuts, a database that goes away, a writer that keeps it locked,
//! another process that writes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use acceptance::{
    Answer, Backend, Client, Hotel, Options, PASSWORD, Socket, Staff, Stay, Value, World, alone, json, on_both, unique,
};
use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use tokio::time::{Instant, timeout};

/// How long may pass until a change of another process is known, or a database that is back used.
const SOON: Duration = Duration::from_secs(10);

/// Sends words under a key; no answer where the server is gone.
async fn send(client: &Client, stay: &Stay, words: &str) -> Option<Answer> {
    let body = json!({ "text": words }).to_string().into_bytes();
    client.key(words).try_send("POST", &stay.path("send_message/"), Some(body)).await.ok()
}

/// The same until it is acknowledged: while the database is away the server says so.
async fn send_at_last(client: &Client, stay: &Stay, words: &str) -> Answer {
    let start = Instant::now();
    loop {
        let answer = send(client, stay, words).await.expect("the server is gone");
        if answer.status != 503 {
            return answer;
        }
        answer.problem(503, "unavailable");
        assert!(start.elapsed() < SOON, "the database is not found again");
    }
}

/// How often each text is stored in a conversation.
async fn stored(client: &Client, stay: &Stay) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for message in client.get(stay.path("messages/?limit=1000")).await.is(200).as_array().unwrap() {
        *counts.entry(message["content"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    counts
}

/// The texts of the messages among events.
fn said(events: &[Value]) -> Vec<&str> {
    let of = |event: &'_ Value| event["type"] == "new_message";
    events.iter().filter(|it| of(it)).map(|it| it["content"].as_str().unwrap()).collect()
}

/// A new client, since the old one's connections have died.
async fn back(hotel: &Hotel, staff: &Staff) -> Staff {
    hotel.sign_in(&staff.username, PASSWORD).await
}

on_both!(after_a_power_cut_what_was_acknowledged_is_there_once, Options::default() => |world| {
    let hotel = world.hotel();
    let (staff, stays) = (hotel.of(0).await, [hotel.relay(0), hotel.active(0)]);
    let mut socket = Socket::open(&staff).await;
    let (epoch, mut after) = (socket.welcome["epoch"].clone(), socket.welcome["seq"].as_i64().unwrap());
    socket.subscribe(stays[0].id).await;
    for _ in 0..3 {
        let client = back(&hotel, &staff).await;
        let acknowledged = send_until_the_cut(&world, &client, &stays).await;
        world.serve();
        let client = back(&hotel, &staff).await;
        // Whoever got no answer asks again under the same key.
        for (words, id) in &acknowledged {
            let stay = &stays[words.ends_with("!0") as usize];
            let again = send(&client, stay, words).await.unwrap();
            match id {
                Some(id) => assert_eq!(&again.is(200)["id"], id, "{words}"),
                None => assert!([200, 201].contains(&again.status), "{}", again.text()),
            }
            assert_eq!(send(&client, stay, words).await.unwrap().is(200)["id"], again.json()["id"]);
        }
        let counts = [stored(&client, &stays[0]).await, stored(&client, &stays[1]).await];
        for words in acknowledged.keys() {
            assert_eq!(counts[words.ends_with("!0") as usize].get(words), Some(&1), "{words}");
        }
        // The log has each of them once as well, and no gap.
        let mut socket = Socket::open(&client).await;
        let named = json!({ "epoch": epoch, "after_seq": after, "stay_ids": [stays[0].id, stays[1].id] });
        let (replayed, resumed) = socket.resume(named).await;
        let mut told = said(&replayed);
        told.sort_unstable();
        assert_eq!(told, acknowledged.keys().map(String::as_str).collect::<Vec<_>>());
        after = resumed["seq"].as_i64().unwrap();
    }
});

/// Sends many at once, and kills the server while some are answered and others are not. What was
/// sent, and the id where it was acknowledged.
async fn send_until_the_cut(world: &World, client: &Client, stays: &[Stay; 2]) -> BTreeMap<String, Option<Value>> {
    let mut sends: FuturesUnordered<_> = (0..80)
        .map(|n| {
            let (words, stay) = (format!("{}!{}", unique("cut"), n % 2), &stays[usize::from(n % 2 == 0)]);
            async move {
                let answer = send(client, stay, &words).await;
                (words, answer)
            }
        })
        .collect();
    let mut told = BTreeMap::new();
    while let Some((words, answer)) = sends.next().await {
        let id = answer.map(|answer| answer.is(201)["id"].clone());
        told.insert(words, id);
        if told.len() == 25 {
            world.kill();
        }
    }
    assert!(told.values().filter(|id| id.is_some()).count() >= 25);
    told
}

#[test]
fn when_postgresql_restarts_nothing_is_lost_and_nothing_doubled() {
    alone(Backend::Postgres, Options::default(), async |world: Arc<World>| {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
        let mut socket = Socket::open(&staff).await;
        socket.subscribe(stay.id).await;
        let mut sent = Vec::new();
        for round in 0..3 {
            if round > 0 {
                world.cut_connections();
            }
            let words: Vec<String> = (0..8).map(|_| unique("restart")).collect();
            let answers = join_all(words.iter().map(|words| send_at_last(&staff, &stay, words))).await;
            assert!(answers.iter().all(|it| [200, 201].contains(&it.status)));
            sent.extend(words);
        }
        check_delivered(&hotel, &staff, &mut socket, &stay, sent).await;
    });
}

#[test]
fn while_postgresql_is_away_that_is_told_and_afterwards_all_goes_on() {
    alone(Backend::Postgres, Options::default(), async |world: Arc<World>| {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
        let mut socket = Socket::open(&staff).await;
        socket.subscribe(stay.id).await;
        world.let_in(false);
        let words = unique("meanwhile");
        let refused = send(&staff, &stay, &words).await.unwrap();
        refused.problem(503, "unavailable");
        staff.get("conversations/").await.problem(503, "unavailable");
        let login = json!({ "username": staff.username, "password": PASSWORD });
        hotel.nobody().post("/api/auth/login/", login).await.problem(503, "unavailable");
        let command = json!({ "command": "send_message", "stay_id": stay.id, "text": words, "client_ref": words });
        socket.refused(command.clone(), "unavailable").await;
        // The socket stays open meanwhile.
        socket.ping().await;
        world.let_in(true);
        let start = Instant::now();
        let mut told = socket.ask(command.clone()).await;
        while told["code"] == "unavailable" && start.elapsed() < SOON {
            told = socket.ask(command.clone()).await;
        }
        assert_eq!(told["type"], "ack", "{told}");
        let again = send_at_last(&staff, &stay, &words).await;
        assert_eq!(again.is(200)["id"], told["message"]["id"]);
        let others = [unique("after"), unique("after")];
        for words in &others {
            send_at_last(&staff, &stay, words).await.is(201);
        }
        let sent = std::iter::once(words).chain(others).collect();
        check_delivered(&hotel, &staff, &mut socket, &stay, sent).await;
    });
}

/// Fails unless all that was sent is stored once, and came once.
async fn check_delivered(hotel: &Hotel, staff: &Staff, socket: &mut Socket, stay: &Stay, mut sent: Vec<String>) {
    let counts = stored(staff, stay).await;
    assert!(sent.iter().all(|words| counts.get(words) == Some(&1)), "{sent:?}: {counts:?}");
    let came = socket.so_far(hotel).await;
    let seqs: Vec<i64> = came.iter().filter_map(|it| it["seq"].as_i64()).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
    let mut told = said(&came);
    told.sort_unstable();
    sent.sort_unstable();
    assert_eq!(told, sent);
}

#[test]
fn a_locked_sqlite_is_waited_for_and_nothing_is_done_by_halves() {
    alone(Backend::Sqlite, Options::default(), async |world: Arc<World>| {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.active(0));
        let mut socket = Socket::open(&staff).await;
        socket.subscribe(stay.id).await;
        let before = staff.get(stay.path("")).await.is(200);
        let other = world.sqlite();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let words = unique("locked");
        // Reading goes on while it waits.
        let (refused, read) = tokio::join!(send(&staff, &stay, &words), staff.get(stay.path("")));
        refused.unwrap().problem(503, "unavailable");
        assert_eq!(read.is(200), before);
        other.execute_batch("ROLLBACK").unwrap();
        // Sending would have taken it over as well: none of it has happened.
        assert_eq!(staff.get(stay.path("")).await.is(200), before);
        assert_eq!(stored(&staff, &stay).await.get(&words), None);
        // A lock that is short is not noticed.
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let release = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            other.execute_batch("COMMIT").unwrap();
        };
        let (sent, ()) = tokio::join!(send(&staff, &stay, &words), release);
        sent.unwrap().is(201);
        check_delivered(&hotel, &staff, &mut socket, &stay, vec![words]).await;
    });
}

on_both!(what_a_command_changes_reaches_the_sockets, |hotel| {
    let manager = hotel.manager().await;
    let (phone, code) = (hotel.new_phone(), unique("R"));
    let booking = |room: &str| {
        format!(
            "reservation_code,guest_name,guest_phone,room_number,check_in,check_out\n\
            {code},Ana,{phone},{room},2020-01-01,2099-01-01\n"
        )
    };
    hotel.import(&booking("101"));
    let stay = hotel.guest_says(&phone, "hello").await["stay_id"].clone();
    let mut socket = Socket::open(&manager).await;
    socket.subscribe_to_inbox().await;
    hotel.import(&booking("202"));
    let told = timeout(SOON, socket.expect("conversation_updated")).await.expect("nobody was told");
    assert_eq!((&told["stay_id"], &told["conversation"]["room_number"]), (&stay, &json!("202")));
});

on_both!(what_one_server_stores_reaches_the_sockets_of_another, Options::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut here = Socket::open(&staff).await;
    here.subscribe(stay.id).await;
    let mut sent = Vec::new();
    let mut client;
    for _ in 0..3 {
        let node = world.another_node();
        client = Client::new(&node).bearer(&staff.access);
        let words: Vec<String> = (0..5).map(|_| unique("elsewhere")).collect();
        for words in &words {
            send(&client, &stay, words).await.unwrap().is(201);
        }
        // It dies as soon as it has acknowledged the last, whether or not it told anybody.
        node.kill();
        sent.extend(words);
        let words = unique("here");
        send(&staff, &stay, &words).await.unwrap().is(201);
        sent.push(words);
    }
    let came = here.so_far(&hotel).await;
    assert_eq!(said(&came), sent.iter().map(String::as_str).collect::<Vec<_>>());
});

on_both!(a_server_that_only_listens_is_told_within_seconds, Options::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut here = Socket::open(&staff).await;
    here.subscribe(stay.id).await;
    let node = world.another_node();
    let words = unique("elsewhere");
    send(&Client::new(&node).bearer(&staff.access), &stay, &words).await.unwrap().is(201);
    node.kill();
    let told = timeout(SOON, here.skip_to("new_message")).await.expect("nobody was told");
    assert_eq!(told["content"], words.as_str());
});
