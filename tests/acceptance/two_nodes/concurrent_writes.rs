//! Row locks between two nodes: concurrent writes lose nothing, count right and never deadlock.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use acceptance::{
    APP_SECRET, ApiClient, ApiResponse, DatabaseKind, TestHotel, TestWorld, Value, WhatsappWorld, WorldOptions, alone,
    in_hotel, json, signature, unique, whatsapp::text, with_simulator,
};
use futures_util::future::{join, join_all};

use super::{client_at, second_node};

/// A transaction of another program that holds row locks.
struct RowLock {
    psql: Child,
    input: ChildStdin,
    pid: i64,
}

impl RowLock {
    fn lock(world: &TestWorld, query: &str) -> Self {
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

    /// Waits until `count` transactions wait for this one, directly or through another. Waiting background tasks of the
    /// servers do not count.
    async fn wait_for_waiters(&self, world: &TestWorld, count: i64) {
        let behind = format!(
            "WITH RECURSIVE behind(pid) AS (SELECT {} UNION SELECT waits.pid FROM pg_stat_activity waits \
             JOIN behind ON behind.pid = ANY(pg_blocking_pids(waits.pid))) SELECT count(*) - 1 FROM behind",
            self.pid
        );
        let start = Instant::now();
        while world.number(&behind) < count {
            assert!(start.elapsed() < Duration::from_secs(8), "no transaction waits");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn release(mut self) {
        writeln!(self.input, "COMMIT;").unwrap();
    }
}

impl Drop for RowLock {
    fn drop(&mut self) {
        // The transaction ends with its connection.
        let _ = writeln!(self.input, "\\q");
        let _ = self.psql.wait();
    }
}

/// Runs `first` until it waits for its commit, then starts `second`, then releases both. Returns both results.
async fn run_overlapping<A: Future, B: Future>(hotel: &TestHotel, first: A, second: B) -> (A::Output, B::Output) {
    // A write updates the hotel's counter right before its commit.
    let world = &hotel.world;
    let lock = RowLock::lock(world, &format!("SELECT seq FROM hotel_counters WHERE hotel_id = {}", hotel.id));
    let second = async {
        lock.wait_for_waiters(world, 1).await;
        let release_both = async {
            lock.wait_for_waiters(world, 2).await;
            lock.release();
        };
        join(second, release_both).await.0
    };
    join(first, second).await
}

#[test]
fn an_assignment_and_a_concurrent_loss_of_access_leave_no_assignee_without_access() {
    alone(DatabaseKind::Postgres, WorldOptions::default().hotels(4), async |world: Arc<TestWorld>| {
        let node = world.another_node();
        for (assigned_by_manager, loses_first) in [(true, false), (true, true), (false, false), (false, true)] {
            let hotel = world.hotel();
            let (manager, staff, stay) = (hotel.manager().await, hotel.of(0).await, hotel.relay(0));
            let lose_access = async {
                let other = json!({ "department_ids": [hotel.departments[1].id] });
                manager.patch(format!("staff/{}/", staff.id), other).await
            };
            let assign = async {
                if assigned_by_manager {
                    client_at(&node, &manager).post(stay.path("assign/"), json!({ "staff_id": staff.id })).await
                } else {
                    // The first reply assigns its sender.
                    client_at(&node, &staff).post(stay.path("send_message/"), json!({ "text": "I am on it" })).await
                }
            };
            if loses_first {
                let (lost, assigned) = run_overlapping(&hotel, lose_access, assign).await;
                lost.is(200);
                // On a busy machine the first transaction may exceed its lock timeout. Then its job runs again, after the
                // second one, and clears the assignment.
                let is_reordered = [200, 201].contains(&assigned.status);
                match assigned_by_manager {
                    _ if is_reordered => {}
                    true => assert_eq!(assigned.bad_fields(), ["staff_id"]),
                    false => drop(assigned.problem(404, "not_found")),
                }
            } else {
                let (assigned, lost) = run_overlapping(&hotel, assign, lose_access).await;
                assert!([200, 201].contains(&assigned.status), "{}", assigned.text());
                lost.is(200);
            }
            let shown = manager.get(stay.path("")).await.is(200);
            assert!(shown["assigned_to"].is_null(), "{loses_first}: {shown}");
            staff.get(stay.path("")).await.problem(404, "not_found");
        }
        // The transactions waited in one direction only.
        assert_eq!(count_deadlocks(&world, &node).await, 0);
    });
}

/// The number of deadlocks. Stops both nodes first, because PostgreSQL counts them when a connection ends.
async fn count_deadlocks(world: &TestWorld, node: &TestWorld) -> i64 {
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

/// Posts a webhook body to one node.
async fn post_webhook(node: &Arc<TestWorld>, body: &Value) -> ApiResponse {
    let body = body.to_string().into_bytes();
    let client = ApiClient::new(node).with("x-hub-signature-256", &signature(APP_SECRET, &body));
    client.send("POST", "/webhooks/whatsapp/", Some(body)).await
}

#[test]
fn webhooks_and_concurrent_imports_neither_lose_messages_nor_deadlock() {
    with_simulator(DatabaseKind::Postgres, WorldOptions::default(), async |whatsapp: Arc<WhatsappWorld>| {
        const GUESTS: usize = 24;
        const ROUNDS: usize = 12;
        let (line, world, node) = (whatsapp.line(), whatsapp.world.clone(), whatsapp.world.another_node());
        let manager = line.manager().await;
        let phones: Vec<String> = (0..GUESTS).map(|_| line.unused_phone()).collect();
        let guests_messages = "SELECT count(*) FROM messages WHERE sender_type = 'guest'";
        let before = world.number(guests_messages);
        let days = "2020-01-01,2099-01-01";
        let table = |round: usize| {
            let header = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
            let row = |n: usize| format!("L{n},Guest {n},{},{round}-{n},{days}", phones[n]);
            let rows: Vec<String> = (0..GUESTS).map(row).collect();
            format!("{header}\n{}\n", rows.join("\n"))
        };
        let webhook_of = |round: usize, backwards: bool| {
            let order: Vec<usize> = if backwards { (0..GUESTS).rev().collect() } else { (0..GUESTS).collect() };
            let messages =
                order.iter().map(|n| text(phones[*n].trim_start_matches('+'), &format!("{round} {backwards}")));
            line.body(&messages.collect::<Vec<_>>())
        };
        for round in 0..ROUNDS {
            let (here, there) = if round % 2 == 0 { (&world, &node) } else { (&node, &world) };
            let by_manager = client_at(there, &manager);
            let import = async {
                let client = by_manager.with("content-type", "text/csv");
                client.send("POST", "stays/import/", Some(table(round).into_bytes())).await.is(200)
            };
            let (forward, backward) = (webhook_of(round, false), webhook_of(round, true));
            let found = client_at(here, &manager).get("stays/?page_size=100").await.is(200);
            let stays: Vec<i64> =
                found["results"].as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()).collect();
            let change = join_all(stays.iter().map(|id| {
                let client = client_at(there, &manager);
                let path = format!("stays/{id}/");
                async move { client.patch(path, json!({ "guest_name": format!("Round {round}") })).await.is(200) }
            }));
            let (first, second, _, _) =
                tokio::join!(post_webhook(here, &forward), post_webhook(here, &backward), import, change);
            first.is(200);
            second.is(200);
        }
        assert_eq!(world.number(guests_messages) - before, (ROUNDS * GUESTS * 2) as i64);
        assert_eq!(world.number("SELECT count(*) FROM parked"), 0);
        assert_eq!(world.number(MISCOUNTED), 0);
        assert_eq!(count_deadlocks(&world, &node).await, 0);
    });
}

#[test]
fn concurrent_first_messages_of_a_guest_are_counted_once_each() {
    with_simulator(DatabaseKind::Postgres, WorldOptions::default(), async |whatsapp: Arc<WhatsappWorld>| {
        let (line, world, node) = (whatsapp.line(), whatsapp.world.clone(), whatsapp.world.another_node());
        let manager = line.manager().await;
        for round in 0..15 {
            let phone = line.unused_phone();
            let webhooks = (0..6).map(|n| line.body(&[text(phone.trim_start_matches('+'), &format!("{round} {n}"))]));
            let bodies: Vec<Value> = webhooks.collect();
            let nodes = [&world, &node];
            let delivered = join_all(bodies.iter().enumerate().map(|(n, body)| post_webhook(nodes[n % 2], body))).await;
            delivered.iter().for_each(|it| drop(it.is(200)));
            let path = format!("conversations/?search={}&status=demo,active,relay", phone.trim_start_matches('+'));
            let found = manager.get(path).await.is(200);
            let unread: Vec<&Value> =
                found["results"].as_array().unwrap().iter().map(|it| &it["unread_count"]).collect();
            assert_eq!(unread, [&json!(6)], "{found}");
        }
        assert_eq!(world.number(MISCOUNTED), 0);
        assert_eq!(world.number("SELECT count(*) FROM parked"), 0);
        assert_eq!(count_deadlocks(&world, &node).await, 0);
    });
}

on_two_nodes!(concurrent_changes_of_different_fields_are_both_stored, |hotel, other| {
    let manager = hotel.manager().await;
    let (here, there) = (client_at(&hotel.world, &manager), client_at(&other, &manager));
    let stay = json!({
        "reservation_code": unique("R"), "guest_name": "Zoë", "guest_phone": hotel.unused_phone(),
        "room_number": "12", "check_in": "2020-01-01", "check_out": "2099-01-01",
    });
    let stay = manager.post("stays/", stay).await.is(201);
    let template = json!({ "name": unique("T"), "content": "Hello", "template_type": "text" });
    let template = manager.post("templates/", template).await.is(201);
    let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
    let objects = [
        (format!("stays/{}/", stay["id"]), "guest_name", "room_number"),
        (format!("templates/{}/", template["id"]), "name", "content"),
        ("hotel/".to_owned(), "name", "timezone"),
        (format!("staff/{}/", staff.id), "name", "role"),
    ];
    for n in 0..40 {
        for (path, one, two) in &objects {
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

/// Conversations whose counter of guest messages is wrong.
const MISCOUNTED: &str = "SELECT count(*) FROM conversations c WHERE guest_messages <> \
    (SELECT count(*) FROM messages m WHERE m.conversation_id = c.id AND m.sender_type = 'guest')";
