//! The numbers of the inbox: `conversations/counts/` against filtered lists, and the event `counts`.

use std::time::{Duration, Instant};

use acceptance::{StaffClient, TestHotel, TestSocket, TestStay, Value, json, on_both, on_sqlite};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{sleep, timeout};

use crate::{keys, snooze::seconds_ahead};

const ALL_KEYS: [&str; 9] =
    ["departments", "mine", "needs_review", "overdue", "snoozed", "unassigned", "unread", "unrouted", "waiting"];
/// Longer than any event `counts` is delayed on a busy machine.
const QUIET: Duration = Duration::from_millis(2500);

async fn counts(staff: &StaffClient) -> Value {
    staff.get("conversations/counts/").await.is(200)
}

/// The number of conversations in lists with these filters.
async fn listed(staff: &StaffClient, queries: &[&str]) -> i64 {
    let mut sum = 0;
    for query in queries {
        sum += staff.get(format!("conversations/?page_size=1&{query}")).await.is(200)["count"].as_i64().unwrap();
    }
    sum
}

/// Compares the numbers of a staff member with the lists that they can fetch.
async fn check_against_lists(staff: &StaffClient, step: &str) {
    const AWAKE: &str = "status=demo,checkin,active,relay&snoozed=false";
    const LEFT: &str = "status=closed&waiting=true";
    let counts = counts(staff).await;
    assert_eq!(keys(&counts), ALL_KEYS);
    let check = async |key: &str, queries: &[&str]| {
        assert_eq!(counts[key], listed(staff, queries).await, "{key} of {} after {step}: {counts}", staff.username);
    };
    check("mine", &["status=relay&assigned_to=me&snoozed=false"]).await;
    check("unassigned", &["status=relay&assigned_to=none&snoozed=false"]).await;
    check("unrouted", &["status=demo,checkin,active&snoozed=false"]).await;
    check("waiting", &[&format!("{AWAKE}&waiting=true"), LEFT]).await;
    check("unread", &[&format!("{AWAKE}&unread=true"), &format!("{LEFT}&unread=true")]).await;
    check("snoozed", &["status=demo,checkin,active,relay,closed&snoozed=true"]).await;
    for department in counts["departments"].as_array().unwrap() {
        let id = &department["id"];
        for (key, query) in [("open", "status=relay"), ("waiting", "status=relay&waiting=true")] {
            let left = format!("{LEFT}&department={id}");
            let mut queries = vec![format!("{query}&snoozed=false&department={id}")];
            queries.extend((key == "waiting").then_some(left));
            let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
            assert_eq!(department[key], listed(staff, &queries).await, "{key} of {department} after {step}");
        }
    }
}

/// Makes a random move. Refusals are part of the game.
async fn make_move(hotel: &TestHotel, staff: &StaffClient, stay: &TestStay, random: &mut StdRng) -> String {
    let department = hotel.departments[random.random_range(0..3)].id;
    let (path, body) = match random.random_range(0..14) {
        0..3 => ("snooze/", json!({ "until": seconds_ahead(3600) })),
        3 => ("unsnooze/", json!({})),
        4 => ("assign/", json!({ "staff_id": staff.id })),
        5 => ("assign/", json!({ "staff_id": null })),
        6 => ("start_relay/", json!({ "department_id": department })),
        7 => ("end_relay/", json!({})),
        8 => ("close/", json!({})),
        9 => ("reopen/", json!({})),
        10 => ("handled/", json!({})),
        11 => ("send_message/", json!({ "text": "an answer" })),
        _ => {
            hotel.send_guest_message(&stay.phone, "a question").await;
            return format!("a message of guest {}", stay.conversation);
        }
    };
    let status = staff.post(stay.path(path), body).await.status;
    assert!(matches!(status, 200 | 201 | 400 | 404 | 409), "{path}: {status}");
    format!("{path} of {}: {status}", stay.conversation)
}

on_both!(counts_are_those_of_filtered_lists, |hotel| {
    let (manager, staff) = (hotel.manager().await, [hotel.of(0).await, hotel.of(1).await]);
    let everybody = [&manager, &staff[0], &staff[1]];
    let mut random = StdRng::seed_from_u64(18);
    let mut steps = String::new();
    for n in 0..60 {
        let stay = hotel.stays[random.random_range(0..hotel.stays.len())].clone();
        let actor = everybody[random.random_range(0..3)];
        steps += &format!("\n{}: {}", actor.username, make_move(&hotel, actor, &stay, &mut random).await);
        if n % 6 == 5 {
            for staff in everybody {
                check_against_lists(staff, &steps).await;
            }
        }
    }
    // A guest who has left and still waits.
    let left = hotel.active(0);
    hotel.send_guest_message(&left.phone, "my umbrella?").await;
    manager.post_empty(format!("stays/{}/check_out/", left.id)).await.is(200);
    for staff in everybody {
        check_against_lists(staff, "the check-out").await;
    }
});

async fn open(staff: &StaffClient) -> TestSocket {
    let mut socket = TestSocket::open(staff).await;
    socket.ok(json!({ "command": "subscribe_to_inbox", "counts": true })).await;
    socket
}

/// The next event `counts`, without its type.
async fn next_counts(socket: &mut TestSocket) -> Value {
    let mut event = socket.skip_to("counts").await;
    event.as_object_mut().unwrap().remove("type");
    event
}

/// Waits until no further event `counts` can be on its way. Returns the last one, without its type.
async fn last_counts(socket: &mut TestSocket) -> Option<Value> {
    sleep(QUIET).await;
    socket.ping().await;
    let mut last = socket.waiting().into_iter().rfind(|it| it["type"] == "counts")?;
    last.as_object_mut().unwrap().remove("type");
    Some(last)
}

on_both!(the_event_follows_each_change_that_concerns_the_caller, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let (mut own, mut of_manager) = (open(&staff).await, open(&manager).await);
    // Without a change there is no event.
    assert_eq!(last_counts(&mut own).await, None);
    hotel.send_guest_message(&stay.phone, "hello?").await;
    assert_eq!(next_counts(&mut own).await, counts(&staff).await);
    assert_eq!(next_counts(&mut of_manager).await, counts(&manager).await);
    let changes: [(&str, Value); 4] = [
        ("snooze/", json!({ "until": seconds_ahead(3600) })),
        ("unsnooze/", json!({})),
        ("assign/", json!({ "staff_id": staff.id })),
        ("close/", json!({})),
    ];
    for (path, body) in changes {
        manager.post(stay.path(path), body).await.is(200);
        let expected = counts(&staff).await;
        assert_eq!(keys(&expected), ALL_KEYS);
        assert_eq!(next_counts(&mut own).await, expected, "{path}");
    }
    // What the caller may not see causes no event, on either of the two databases and for any number of changes.
    let hidden = hotel.relay(1);
    last_counts(&mut own).await;
    last_counts(&mut of_manager).await;
    hotel.send_guest_message(&hidden.phone, "hidden").await;
    manager.post(hidden.path("snooze/"), json!({ "until": seconds_ahead(3600) })).await.is(200);
    manager.post(hidden.path("start_relay/"), json!({ "department_id": hotel.departments[2].id })).await.is(200);
    assert_eq!(last_counts(&mut of_manager).await, Some(counts(&manager).await));
    own.ping().await;
    assert!(own.waiting().iter().all(|it| it["type"] != "counts"));
    // A conversation that comes or goes changes the numbers of both sides.
    for department in [0, 1] {
        let body = json!({ "department_id": hotel.departments[department].id });
        manager.post(hidden.path("start_relay/"), body).await.is(200);
        assert_eq!(next_counts(&mut own).await, counts(&staff).await);
    }
});

on_both!(reading_changes_only_the_numbers_of_the_reader, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let newest = hotel.send_guest_message(&stay.phone, "hello?").await["message_id"].clone();
    let (mut own, mut colleague) = (open(&staff).await, open(&manager).await);
    let before = counts(&staff).await;
    own.ok(json!({ "command": "mark_read", "stay_id": stay.id, "message_id": newest })).await;
    let after = next_counts(&mut own).await;
    assert_eq!(after["unread"].as_i64().unwrap(), before["unread"].as_i64().unwrap() - 1);
    assert_eq!(after, counts(&staff).await);
    assert_eq!(last_counts(&mut colleague).await, None);
    // Over REST, and back.
    staff.post(stay.path("read/"), json!({ "unread_from": newest })).await.is(204);
    assert_eq!(next_counts(&mut own).await, before);
});

on_both!(the_event_comes_at_most_once_a_second, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = open(&staff).await;
    let writing = async {
        let begin = Instant::now();
        let mut messages = 0;
        while begin.elapsed() < Duration::from_secs(4) {
            hotel.send_guest_message(&stay.phone, "again").await;
            messages += 1;
            sleep(Duration::from_millis(20)).await;
        }
        messages
    };
    let reading = async {
        let mut arrivals = Vec::new();
        while let Ok(event) = timeout(QUIET, socket.next()).await {
            if event["type"] == "counts" {
                arrivals.push(Instant::now());
            }
        }
        arrivals
    };
    let (messages, arrivals) = tokio::join!(writing, reading);
    assert!(messages > 20, "the machine is too slow: {messages}");
    assert!((2..=6).contains(&arrivals.len()), "{} events", arrivals.len());
    let gaps: Vec<Duration> = arrivals.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // An event may wait a little for the test; then the next one seems to come early.
    assert!(gaps.iter().sum::<Duration>() >= Duration::from_millis(950) * gaps.len() as u32, "{gaps:?}");
});

on_both!(only_sockets_that_asked_get_the_event, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let (mut asked, mut plain) = (open(&staff).await, TestSocket::open(&staff).await);
    plain.subscribe_to_inbox().await;
    let change = async || hotel.send_guest_message(&stay.phone, "hello?").await;
    change().await;
    next_counts(&mut asked).await;
    assert_eq!(last_counts(&mut plain).await, None);
    // The last command decides.
    asked.ok(json!({ "command": "subscribe_to_inbox" })).await;
    plain.ok(json!({ "command": "subscribe_to_inbox", "counts": true })).await;
    change().await;
    assert_eq!(next_counts(&mut plain).await, counts(&staff).await);
    assert_eq!(last_counts(&mut asked).await, None);
    plain.ok(json!({ "command": "unsubscribe_from_inbox" })).await;
    change().await;
    assert_eq!(last_counts(&mut plain).await, None);
    plain.refused(json!({ "command": "subscribe_to_inbox", "counts": 5 }), "invalid").await;
});

on_both!(a_replay_contains_no_numbers_and_is_followed_by_them, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = open(&staff).await;
    let (epoch, after) = (socket.welcome["epoch"].clone(), socket.welcome["seq"].clone());
    hotel.send_guest_message(&stay.phone, "hello?").await;
    next_counts(&mut socket).await;
    // Over a new connection: nothing until it asks.
    let mut again = TestSocket::open(&staff).await;
    let resume = json!({ "epoch": epoch, "after_seq": after, "inbox": true });
    let (replayed, _) = again.resume(resume.clone()).await;
    assert!(!replayed.is_empty() && replayed.iter().all(|it| it["type"] != "counts"), "{replayed:?}");
    assert_eq!(last_counts(&mut again).await, None);
    // A replay of a socket that has asked is followed by the present numbers.
    let (replayed, _) = socket.resume(resume).await;
    assert!(replayed.iter().all(|it| it["type"] != "counts"), "{replayed:?}");
    assert_eq!(last_counts(&mut socket).await, Some(counts(&staff).await));
    let logged = staff.get(format!("events/?after_seq={after}")).await.is(200);
    assert!(logged["results"].as_array().unwrap().iter().all(|it| it["type"] != "counts"));
});

on_both!(a_scheduled_message_that_needs_review_counts, |hotel| {
    let (staff, other, stay) = (hotel.of(0).await, hotel.of(1).await, hotel.relay(0));
    let (mut own, mut elsewhere) = (open(&staff).await, open(&other).await);
    let body = json!({ "text": "Good morning!", "send_at": seconds_ahead(3600) });
    let scheduled = staff.post(stay.path("scheduled/"), body).await.is(201);
    hotel.send_guest_message(&stay.phone, "I am leaving already").await;
    assert_eq!(last_counts(&mut own).await, Some(counts(&staff).await));
    let needs_review = async || counts(&staff).await["needs_review"].clone();
    assert_eq!(needs_review().await, 1);
    let path = format!("scheduled/{}/", scheduled["id"]);
    staff.patch(&path, json!({ "confirm": true })).await.is(200);
    assert_eq!(next_counts(&mut own).await["needs_review"], 0);
    hotel.send_guest_message(&stay.phone, "In an hour").await;
    assert_eq!(last_counts(&mut own).await.unwrap()["needs_review"], 1);
    // A snoozed conversation counts in `snoozed` alone.
    staff.post(stay.path("snooze/"), json!({ "until": seconds_ahead(3600) })).await.is(200);
    let snoozed = last_counts(&mut own).await.unwrap();
    assert_eq!((&snoozed["needs_review"], &snoozed["snoozed"]), (&json!(0), &json!(1)));
    staff.post_empty(stay.path("unsnooze/")).await.is(200);
    staff.send("DELETE", &path, None).await.is(204);
    assert_eq!(last_counts(&mut own).await.unwrap()["needs_review"], 0);
    assert_eq!(last_counts(&mut elsewhere).await, None);
});

on_sqlite!(another_reach_has_other_numbers, |hotel| {
    let (staff, manager) = (hotel.of(0).await, hotel.manager().await);
    let mut socket = open(&staff).await;
    let (first, second) = (hotel.departments[0].id, hotel.departments[1].id);
    let body = json!({ "department_ids": [first, second] });
    manager.patch(format!("staff/{}/", staff.id), body).await.is(200);
    let shown = next_counts(&mut socket).await;
    assert_eq!(crate::ids(&shown["departments"]), [first, second]);
    assert_eq!(shown, counts(&staff).await);
    manager.patch(format!("staff/{}/", staff.id), json!({ "department_ids": [second] })).await.is(200);
    let shown = last_counts(&mut socket).await.unwrap();
    assert_eq!(crate::ids(&shown["departments"]), [second]);
    assert_eq!(shown, counts(&staff).await);
    // The names of departments are part of the numbers.
    let renamed = acceptance::unique("Pool");
    manager.patch(format!("departments/{second}/"), json!({ "name": renamed })).await.is(200);
    assert_eq!(next_counts(&mut socket).await["departments"][0]["name"], renamed);
});
