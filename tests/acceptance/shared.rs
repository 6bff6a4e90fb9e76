//! Two servers on one PostgreSQL: whoever comes to the one next after the other notices nothing.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use acceptance::{
    APP_SECRET, Answer, Backend, Client, Hotel, Options, PASSWORD, Refused, Socket, Staff, Stay, Value, Whatsapp,
    World, alone, by_whatsapp, in_hotel, json, signature, unique, whatsapp::text,
};
use futures_util::future::{join, join_all};

/// How long it may take until what a killed server had open counts no more: its lease, and the rest until
/// another server looks; and more than enough on top.
const LEASE: Duration = Duration::from_secs(90);
const ME: &str = "/api/auth/me/";
const LOGIN: &str = "/api/auth/login/";
const REFRESH: &str = "/api/auth/refresh/";

/// Makes a test in a hotel that two servers share.
macro_rules! on_two {
    ($name:ident, |$hotel:ident, $other:ident| $body:block) => {
        #[test]
        fn $name() {
            in_hotel(Backend::Postgres, async |$hotel: Hotel| {
                let $other = other();
                $body
            });
        }
    };
}

/// Another server beside that of the shared world.
fn other() -> Arc<World> {
    static OTHER: OnceLock<Arc<World>> = OnceLock::new();
    OTHER.get_or_init(|| World::shared(Backend::Postgres).another_node()).clone()
}

/// Somebody who asks one of the servers.
fn at(node: &Arc<World>, staff: &Staff) -> Client {
    Client::new(node).bearer(&staff.access)
}

async fn open(node: &World, staff: &Staff) -> Result<Socket, Refused> {
    Socket::try_open(node, &[("authorization", &format!("Bearer {}", staff.access))]).await
}

#[track_caller]
fn is_one_too_many(opened: Result<Socket, Refused>) {
    let Err(refused) = opened else { panic!("a socket too many") };
    assert_eq!((refused.status, &refused.problem["code"]), (429, &json!("too_many_sockets")), "{refused:?}");
}

async fn refreshed(client: &Client, token: &str) -> String {
    let told = client.post(REFRESH, json!({ "refresh": token })).await.is(200);
    told["refresh"].as_str().unwrap().to_owned()
}

on_two!(a_session_is_one_on_all_servers, |hotel, other| {
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    at(&other, &staff).get(ME).await.is(200);
    let mut socket = open(&other, &staff).await.unwrap();
    let (here, there) = (hotel.nobody(), Client::new(&other));
    let second = refreshed(&here, &staff.refresh).await;
    // Two tabs, on two servers.
    assert_eq!(refreshed(&there, &staff.refresh).await, second);
    let third = refreshed(&there, &second).await;
    assert_eq!(refreshed(&here, &second).await, third);
    at(&hotel.world, &staff).get(ME).await.is(200);
    // Older than the last is a thief.
    there.post(REFRESH, json!({ "refresh": staff.refresh })).await.problem(401, "unauthenticated");
    for node in [&hotel.world, &other] {
        at(node, &staff).get(ME).await.problem(401, "unauthenticated");
        Client::new(node).post(REFRESH, json!({ "refresh": third })).await.problem(401, "unauthenticated");
    }
    assert_eq!(socket.closed().await, 4401);
});

on_two!(two_refreshes_of_a_token_at_once_get_the_same_pair, |hotel, other| {
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    let (here, there, mut token) = (hotel.nobody(), Client::new(&other), staff.refresh.clone());
    for _ in 0..40 {
        let asked = [&here, &there, &here, &there].map(|node| refreshed(node, &token));
        let next = join_all(asked).await;
        assert!(next.iter().all(|it| *it == next[0] && *it != token), "{next:?}");
        token.clone_from(&next[0]);
    }
    at(&other, &staff).get(ME).await.is(200);
});

on_two!(a_sign_in_under_way_does_not_outlive_a_change, |hotel, other| {
    let manager = at(&other, &hotel.manager().await);
    for round in 0..12 {
        let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
        let nobody = hotel.nobody().with("x-forwarded-for", &format!("10.6.0.{round}"));
        let body = json!({ "username": staff.username, "password": PASSWORD });
        let sign_ins = join_all((0..4).map(|_| nobody.post(LOGIN, body.clone())));
        let path = format!("staff/{}/", staff.id);
        let own = at(&other, &staff);
        let change = async {
            match round % 3 {
                0 => manager.patch(path, json!({ "password": "another pass phrase" })).await.is(200),
                1 => manager.patch(path, json!({ "active": false })).await.is(200),
                _ => {
                    let body = json!({ "current_password": PASSWORD, "new_password": "another pass phrase" });
                    own.post("/api/auth/password/", body).await.is(204)
                }
            };
        };
        let (sign_ins, ()) = join(sign_ins, change).await;
        for answer in sign_ins {
            if answer.status == 200 {
                let access = answer.json()["access"].as_str().unwrap().to_owned();
                hotel.nobody().bearer(&access).get(ME).await.problem(401, "unauthenticated");
            } else {
                answer.problem(401, "bad_credentials");
            }
        }
    }
});

on_two!(of_two_new_passwords_at_once_one_is_set, |hotel, other| {
    for round in 0..6 {
        let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
        let second = hotel.sign_in(&staff.username, PASSWORD).await;
        let passwords = ["one new pass phrase", "another pass phrase"];
        // In every other round both come from one session.
        let sessions = [&staff, if round % 2 == 0 { &second } else { &staff }];
        let set = |n: usize, node: &Arc<World>| {
            let body = json!({ "current_password": PASSWORD, "new_password": passwords[n] });
            let client = at(node, sessions[n]);
            async move { client.post("/api/auth/password/", body).await.status }
        };
        let (here, there) = join(set(0, &hotel.world), set(1, &other)).await;
        let statuses = [here, there];
        assert_eq!(statuses.iter().filter(|it| **it == 204).count(), 1, "{statuses:?}");
        for (status, password) in statuses.into_iter().zip(passwords) {
            let body = json!({ "username": staff.username, "password": password });
            let expected = if status == 204 { 200 } else { 401 };
            hotel.nobody().post(LOGIN, body).await.is(expected);
        }
    }
});

on_two!(what_ends_a_session_closes_its_sockets_on_all_servers, |hotel, other| {
    let manager = hotel.manager().await;
    let deeds: [(&str, &str, &str); 4] = [
        ("logout", "POST", "/api/auth/logout/"),
        ("logout of all", "POST", "/api/auth/logout/?all=true"),
        ("password", "POST", "/api/auth/password/"),
        ("deactivation", "PATCH", ""),
    ];
    for (deed, method, path) in deeds {
        let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
        let second = hotel.sign_in(&staff.username, PASSWORD).await;
        let mut own = open(&other, &staff).await.unwrap();
        let mut sibling = open(&other, &second).await.unwrap();
        let (ends_own, ends_sibling) = (deed != "password", deed != "logout");
        let answer = match deed {
            "password" => {
                let body = json!({ "current_password": PASSWORD, "new_password": "another pass phrase" });
                staff.post(path, body).await
            }
            "deactivation" => manager.patch(format!("staff/{}/", staff.id), json!({ "active": false })).await,
            _ => staff.send(method, path, None).await,
        };
        assert!([200, 204].contains(&answer.status), "{deed}: {}", answer.text());
        for (socket, staff, ends) in [(&mut own, &staff, ends_own), (&mut sibling, &second, ends_sibling)] {
            if ends {
                at(&other, staff).get(ME).await.problem(401, "unauthenticated");
                assert_eq!(socket.closed().await, 4401, "{deed}");
            } else {
                at(&other, staff).get(ME).await.is(200);
                socket.ping().await;
            }
        }
    }
});

on_two!(failed_sign_ins_are_counted_together, |hotel, other| {
    let name = hotel.member_of(0).username;
    let there = Client::new(&other).with("x-forwarded-for", "10.5.0.1");
    let here = hotel.nobody().with("x-forwarded-for", "10.5.0.1");
    let wrong = json!({ "username": name, "password": "wrong, of course" });
    for client in [&here, &there, &here, &there, &there] {
        client.post(LOGIN, wrong.clone()).await.problem(401, "bad_credentials");
    }
    let right = json!({ "username": name, "password": PASSWORD });
    let mut waits = Vec::new();
    for client in [&here, &there] {
        client.post(LOGIN, right.clone()).await.problem(429, "rate_limited");
        let refused = client.post(LOGIN, wrong.clone()).await;
        refused.problem(429, "rate_limited");
        waits.push(refused.header("retry-after").unwrap().parse::<i64>().unwrap());
    }
    // It is one window, which ends for both at once.
    assert!((waits[0] - waits[1]).abs() <= 10, "{waits:?}");
});

async fn stored(staff: &Client, stay: &Stay, words: &str) -> usize {
    let all = staff.get(stay.path("messages/?include=notes")).await.is(200);
    all.as_array().unwrap().iter().filter(|it| it["content"] == words).count()
}

on_two!(a_key_sent_to_both_at_once_is_one_deed, |hotel, other| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    for (rest, words) in [("send_message/", "to both at once"), ("notes/", "a note to both at once")] {
        let key = unique("k");
        let asked = (0..12).map(|n| {
            let client = at(if n % 2 == 0 { &hotel.world } else { &other }, &staff).key(&key);
            let path = stay.path(rest);
            async move { client.post(path, json!({ "text": words })).await }
        });
        let answers: Vec<Answer> = join_all(asked).await;
        let done: Vec<&Answer> = answers.iter().filter(|it| it.status == 201).collect();
        assert_eq!(done.len(), 1, "{answers:?}");
        for it in answers.iter().filter(|it| it.status != 201) {
            assert_eq!(it.is(200)["id"], done[0].json()["id"]);
            assert_eq!(it.header("idempotent-replay"), Some("true"));
        }
        assert_eq!(stored(&staff, &stay, words).await, 1);
    }
});

on_two!(a_client_ref_on_one_and_a_key_on_the_other_are_one_message, |hotel, other| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = Socket::open(&staff).await;
    let there = at(&other, &staff);
    for _ in 0..5 {
        let (key, words) = (unique("k"), unique("by both doors"));
        let by_socket =
            json!({ "command": "send_message", "stay_id": stay.id, "text": words.clone(), "client_ref": key.clone() });
        let by_rest = there.key(&key);
        let (ack, answer) =
            join(socket.ok(by_socket), by_rest.post(stay.path("send_message/"), json!({ "text": words.clone() })))
                .await;
        assert!([200, 201].contains(&answer.status), "{}", answer.text());
        assert_eq!(answer.json()["id"], ack["message"]["id"]);
        assert_eq!(stored(&staff, &stay, &words).await, 1);
    }
});

on_two!(a_transfer_on_one_ends_subscriptions_on_the_other, |hotel, other| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let mut socket = open(&other, &staff).await.unwrap();
    socket.subscribe(stay.id).await;
    manager.post(stay.path("start_relay/"), json!({ "department_id": hotel.departments[1].id })).await.is(200);
    manager.post(stay.path("send_message/"), json!({ "text": "not for them" })).await.is(201);
    let told = socket.so_far(&hotel).await;
    let words: Vec<&str> = told.iter().filter_map(|it| it["type"].as_str()).collect();
    assert_eq!(words, ["unsubscribed"], "{told:?}");
    assert_eq!(told[0]["reason"], "routed_away");
    at(&other, &staff).get(stay.path("")).await.problem(404, "not_found");
});

on_two!(twenty_sockets_are_the_most_on_all_servers_together, |hotel, other| {
    let staff = hotel.of(0).await;
    let mut sockets = Vec::new();
    for n in 0..20 {
        sockets.push(open(if n % 3 == 0 { &hotel.world } else { &other }, &staff).await.unwrap());
    }
    is_one_too_many(open(&hotel.world, &staff).await);
    is_one_too_many(open(&other, &staff).await);
    open(&other, &hotel.of(1).await).await.unwrap();
    for socket in &mut sockets {
        socket.ping().await;
    }
    // What is given back on the one is free on the other, and not more.
    drop(sockets.remove(0));
    let start = Instant::now();
    loop {
        match open(&other, &staff).await {
            Ok(socket) => break sockets.push(socket),
            Err(_) => assert!(start.elapsed() < LEASE, "the place does not come free"),
        }
    }
    is_one_too_many(open(&hotel.world, &staff).await);
});

on_two!(never_more_than_twenty_however_many_come_at_once, |hotel, other| {
    let staff = hotel.of(0).await;
    let asked = (0..60).map(|n| open(if n % 2 == 0 { &hotel.world } else { &other }, &staff));
    let mut sockets: Vec<Socket> = join_all(asked).await.into_iter().filter_map(Result::ok).collect();
    assert!(sockets.len() <= 20, "{} are open", sockets.len());
    // Of those who came at once some may have been refused in vain: they come again.
    let start = Instant::now();
    while sockets.len() < 20 {
        sockets.extend(open(&other, &staff).await);
        assert!(start.elapsed() < LEASE, "only {} could be opened", sockets.len());
    }
    is_one_too_many(open(&hotel.world, &staff).await);
    is_one_too_many(open(&other, &staff).await);
    for socket in &mut sockets {
        socket.ping().await;
    }
});

/// Opens all that one may have.
async fn open_twenty(node: &World, staff: &Staff) -> Vec<Socket> {
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(open(node, staff).await.unwrap());
    }
    sockets
}

#[test]
fn a_server_that_stops_gives_its_places_back_at_once() {
    alone(Backend::Postgres, Options::default(), async |world: Arc<World>| {
        let (staff, node) = (world.hotel().of(0).await, world.another_node());
        let mut sockets = open_twenty(&node, &staff).await;
        is_one_too_many(open(&world, &staff).await);
        node.signal("TERM");
        for socket in &mut sockets {
            assert_eq!(socket.closed().await, 1012);
        }
        assert_eq!(node.ended(Duration::from_secs(10)).await, Some(0));
        let _all = open_twenty(&world, &staff).await;
        is_one_too_many(open(&world, &staff).await);
    });
}

#[test]
fn the_places_of_a_killed_server_come_free() {
    alone(Backend::Postgres, Options::default(), async |world: Arc<World>| {
        let (staff, node) = (world.hotel().of(0).await, world.another_node());
        let _gone = open_twenty(&node, &staff).await;
        node.kill();
        is_one_too_many(open(&world, &staff).await);
        let start = Instant::now();
        while open(&world, &staff).await.is_err() {
            assert!(start.elapsed() < LEASE, "the places do not come free");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(world.number("SELECT count(*) FROM nodes"), 1);
    });
}

#[test]
fn the_only_server_does_not_count_what_was_open_before_it_was_killed() {
    alone(Backend::Sqlite, Options::default(), async |world: Arc<World>| {
        let staff = world.hotel().of(0).await;
        for _ in 0..3 {
            let _gone = open_twenty(&world, &staff).await;
            is_one_too_many(open(&world, &staff).await);
            world.kill();
            world.serve();
        }
    });
}

#[test]
fn a_server_that_was_given_up_writes_its_sockets_down_anew() {
    alone(Backend::Postgres, Options::default(), async |world: Arc<World>| {
        let (staff, node) = (world.hotel().of(0).await, world.another_node());
        let mut sockets = open_twenty(&node, &staff).await;
        // As the others do where its lease ran out: it slept, or did not reach the database.
        world.sql("DELETE FROM nodes").unwrap();
        let start = Instant::now();
        while world.number("SELECT COALESCE(sum(sockets), 0) FROM socket_places") != 20 {
            assert!(start.elapsed() < LEASE, "they are not written down");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for socket in &mut sockets {
            socket.ping().await;
        }
        is_one_too_many(open(&node, &staff).await);
        // It may have to begin anew itself first.
        while open(&world, &staff).await.is_err_and(|it| it.status == 503) {}
        is_one_too_many(open(&world, &staff).await);
    });
}

/// A transaction of somebody else that holds rows.
struct Holding {
    psql: Child,
    input: ChildStdin,
    pid: i64,
}

impl Holding {
    fn rows(world: &World, query: &str) -> Self {
        let program = std::env::var("MM_TEST_PSQL").unwrap_or_else(|_| "psql".into());
        let url = &world.program.settings["DATABASE_URL"];
        let mut psql = Command::new(program)
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = psql.stdin.take().unwrap();
        writeln!(input, "BEGIN; {query} FOR UPDATE; SELECT 'held by ' || pg_backend_pid();").unwrap();
        let mut lines = BufReader::new(psql.stdout.take().unwrap()).lines().map_while(Result::ok);
        let pid = lines.find_map(|line| line.strip_prefix("held by ")?.parse().ok());
        let pid = pid.unwrap_or_else(|| panic!("{query} holds nothing"));
        Self { psql, input, pid }
    }

    /// Waits until so many transactions wait for this one, or for one that waits for it. What else
    /// waits in this database, as what servers do by themselves does, is not of them.
    async fn holds_up(&self, world: &World, count: i64) {
        let behind = format!(
            "WITH RECURSIVE behind(pid) AS (SELECT {} UNION SELECT waits.pid FROM pg_stat_activity waits \
             JOIN behind ON behind.pid = ANY(pg_blocking_pids(waits.pid))) SELECT count(*) - 1 FROM behind",
            self.pid
        );
        let start = Instant::now();
        while world.number(&behind) < count {
            assert!(start.elapsed() < Duration::from_secs(8), "nothing waits");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn let_go(mut self) {
        writeln!(self.input, "COMMIT;").unwrap();
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        // Its connection ends with it, and with that its transaction.
        let _ = writeln!(self.input, "\\q");
        let _ = self.psql.wait();
    }
}

/// Has one server do something up to its commit, which is held up, then lets the other begin to do
/// something, and then both go on; what the two answered.
async fn one_within_the_other<A: Future, B: Future>(hotel: &Hotel, first: A, second: B) -> (A::Output, B::Output) {
    // A commit comes after the hotel's counter was moved on.
    let world = &hotel.world;
    let held = Holding::rows(world, &format!("SELECT seq FROM hotel_counters WHERE hotel_id = {}", hotel.id));
    let second = async {
        held.holds_up(world, 1).await;
        let go_on = async {
            held.holds_up(world, 2).await;
            held.let_go();
        };
        join(second, go_on).await.0
    };
    join(first, second).await
}

#[test]
fn who_loses_sight_on_one_server_while_they_are_assigned_on_the_other_is_not_left_assigned() {
    alone(Backend::Postgres, Options::default().hotels(4), async |world: Arc<World>| {
        let node = world.another_node();
        for (assigned_by_manager, loses_first) in [(true, false), (true, true), (false, false), (false, true)] {
            let hotel = world.hotel();
            let (manager, staff, stay) = (hotel.manager().await, hotel.of(0).await, hotel.relay(0));
            let loses = async {
                let other = json!({ "department_ids": [hotel.departments[1].id] });
                manager.patch(format!("staff/{}/", staff.id), other).await
            };
            let becomes_theirs = async {
                if assigned_by_manager {
                    at(&node, &manager).post(stay.path("assign/"), json!({ "staff_id": staff.id })).await
                } else {
                    // Who answers first is assigned.
                    at(&node, &staff).post(stay.path("send_message/"), json!({ "text": "I am on it" })).await
                }
            };
            if loses_first {
                let (lost, assigned) = one_within_the_other(&hotel, loses, becomes_theirs).await;
                lost.is(200);
                if assigned_by_manager {
                    assert_eq!(assigned.bad_fields(), ["staff_id"]);
                } else {
                    assigned.problem(404, "not_found");
                }
            } else {
                let (assigned, lost) = one_within_the_other(&hotel, becomes_theirs, loses).await;
                assert!([200, 201].contains(&assigned.status), "{}", assigned.text());
                lost.is(200);
            }
            let shown = manager.get(stay.path("")).await.is(200);
            assert!(shown["assigned_to"].is_null(), "{loses_first}: {shown}");
            staff.get(stay.path("")).await.problem(404, "not_found");
        }
        // They waited for each other in one direction only.
        assert_eq!(deadlocks(&world, &node).await, 0);
    });
}

/// How often transactions waited for each other in a circle. Ends both servers: PostgreSQL counts what a connection did
/// once that is at its end.
async fn deadlocks(world: &World, node: &World) -> i64 {
    world.kill();
    node.kill();
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let start = Instant::now();
    while world.number(others) > 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "connections stay open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
}

/// Posts a webhook's body to one of the servers.
async fn deliver(node: &Arc<World>, body: &Value) -> Answer {
    let body = body.to_string().into_bytes();
    let client = Client::new(node).with("x-hub-signature-256", &signature(APP_SECRET, &body));
    client.send("POST", "/webhooks/whatsapp/", Some(body)).await
}

#[test]
fn guests_write_to_one_server_while_their_stays_are_imported_and_changed_on_the_other() {
    by_whatsapp(Backend::Postgres, Options::default(), async |it: Arc<Whatsapp>| {
        const GUESTS: usize = 24;
        const ROUNDS: usize = 12;
        let (line, world, node) = (it.line(), it.world.clone(), it.world.another_node());
        let manager = line.manager().await;
        let phones: Vec<String> = (0..GUESTS).map(|_| line.new_phone()).collect();
        let guests_messages = "SELECT count(*) FROM messages WHERE sender_type = 'guest'";
        let before = world.number(guests_messages);
        let days = "2020-01-01,2099-01-01";
        let table = |round: usize| {
            let header = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
            let row = |n: usize| format!("L{n},Guest {n},{},{round}-{n},{days}", phones[n]);
            let rows: Vec<String> = (0..GUESTS).map(row).collect();
            format!("{header}\n{}\n", rows.join("\n"))
        };
        let writes = |round: usize, backwards: bool| {
            let order: Vec<usize> = if backwards { (0..GUESTS).rev().collect() } else { (0..GUESTS).collect() };
            let said = order.iter().map(|n| text(phones[*n].trim_start_matches('+'), &format!("{round} {backwards}")));
            line.body(&said.collect::<Vec<_>>())
        };
        for round in 0..ROUNDS {
            let (here, there) = if round % 2 == 0 { (&world, &node) } else { (&node, &world) };
            let by_manager = at(there, &manager);
            let import = async {
                let client = by_manager.with("content-type", "text/csv");
                client.send("POST", "stays/import/", Some(table(round).into_bytes())).await.is(200)
            };
            let (forward, backward) = (writes(round, false), writes(round, true));
            let found = at(here, &manager).get("stays/?page_size=100").await.is(200);
            let stays: Vec<i64> =
                found["results"].as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()).collect();
            let change = join_all(stays.iter().map(|id| {
                let client = at(there, &manager);
                let path = format!("stays/{id}/");
                async move { client.patch(path, json!({ "guest_name": format!("Round {round}") })).await.is(200) }
            }));
            let (first, second, _, _) = tokio::join!(deliver(here, &forward), deliver(here, &backward), import, change);
            first.is(200);
            second.is(200);
        }
        assert_eq!(world.number(guests_messages) - before, (ROUNDS * GUESTS * 2) as i64);
        assert_eq!(world.number("SELECT count(*) FROM parked"), 0);
        assert_eq!(world.number(MISCOUNTED), 0);
        assert_eq!(deadlocks(&world, &node).await, 0);
    });
}

/// Conversations whose guest's messages are not counted as they are stored.
const MISCOUNTED: &str = "SELECT count(*) FROM conversations c WHERE guest_messages <> \
    (SELECT count(*) FROM messages m WHERE m.conversation_id = c.id AND m.sender_type = 'guest')";

#[test]
fn first_messages_of_a_new_guest_that_reach_two_servers_at_once_are_all_counted() {
    by_whatsapp(Backend::Postgres, Options::default(), async |it: Arc<Whatsapp>| {
        let (line, world, node) = (it.line(), it.world.clone(), it.world.another_node());
        let manager = line.manager().await;
        for round in 0..15 {
            let phone = line.new_phone();
            let said = (0..6).map(|n| line.body(&[text(phone.trim_start_matches('+'), &format!("{round} {n}"))]));
            let bodies: Vec<Value> = said.collect();
            let both = [&world, &node];
            let delivered = join_all(bodies.iter().enumerate().map(|(n, body)| deliver(both[n % 2], body))).await;
            delivered.iter().for_each(|it| drop(it.is(200)));
            let path = format!("conversations/?search={}&status=demo,active,relay", phone.trim_start_matches('+'));
            let found = manager.get(path).await.is(200);
            let unread: Vec<&Value> =
                found["results"].as_array().unwrap().iter().map(|it| &it["unread_count"]).collect();
            assert_eq!(unread, [&json!(6)], "{found}");
        }
        assert_eq!(world.number(MISCOUNTED), 0);
        assert_eq!(world.number("SELECT count(*) FROM parked"), 0);
        assert_eq!(deadlocks(&world, &node).await, 0);
    });
}

on_two!(two_changes_of_one_thing_at_once_both_survive, |hotel, other| {
    let manager = hotel.manager().await;
    let (here, there) = (at(&hotel.world, &manager), at(&other, &manager));
    let stay = json!({
        "reservation_code": unique("R"), "guest_name": "Zoë", "guest_phone": hotel.new_phone(),
        "room_number": "12", "check_in": "2020-01-01", "check_out": "2099-01-01",
    });
    let stay = manager.post("stays/", stay).await.is(201);
    let template = json!({ "name": unique("T"), "content": "Hello", "template_type": "text" });
    let template = manager.post("templates/", template).await.is(201);
    let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
    let things = [
        (format!("stays/{}/", stay["id"]), "guest_name", "room_number"),
        (format!("templates/{}/", template["id"]), "name", "content"),
        ("hotel/".to_owned(), "name", "timezone"),
        (format!("staff/{}/", staff.id), "name", "role"),
    ];
    for n in 0..40 {
        for (path, one, two) in &things {
            let second = match *two {
                "timezone" => ["UTC", "Europe/Madrid"][n % 2].to_owned(),
                "role" => ["staff", "manager"][n % 2].to_owned(),
                _ => unique("second"),
            };
            let (first, second) = (json!({ *one: unique("first") }), json!({ *two: second }));
            let (a, b) = join(here.patch(path, first.clone()), there.patch(path, second.clone())).await;
            a.is(200);
            b.is(200);
            let now = here.patch(path, json!({})).await.is(200);
            assert_eq!((&now[*one], &now[*two]), (&first[*one], &second[*two]), "{path} {n}");
        }
    }
});
