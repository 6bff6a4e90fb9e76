//! Snooze: `snooze/`, `unsnooze/`, what ends a snooze, and `?snoozed=`.

use std::time::Duration;

use acceptance::{
    ApiClient, DatabaseKind, PASSWORD, StaffClient, TestHotel, TestSocket, TestStay, Value, WorldOptions, alone, json,
    on_both, on_sqlite,
};
use chrono::{SecondsFormat, TimeDelta, Utc};
use futures_util::future::join;
use tokio::time::{sleep, timeout};

use crate::{
    event_assertions::{expect_about, of_type},
    ids, is_time,
};

/// A timer acts within this time.
const TIMER: Duration = Duration::from_secs(5);

/// The time in some seconds, as a request writes it.
pub fn seconds_ahead(seconds: i64) -> String {
    (Utc::now() + TimeDelta::seconds(seconds)).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Snoozes a conversation for some seconds. Returns it.
pub async fn snooze(client: &ApiClient, stay: &TestStay, seconds: i64) -> Value {
    client.post(stay.path("snooze/"), json!({ "until": seconds_ahead(seconds) })).await.is(200)
}

async fn snoozed_until(client: &ApiClient, stay: &TestStay) -> Value {
    client.get(stay.path("")).await.is(200)["snoozed_until"].clone()
}

on_both!(a_snooze_holds_for_all_staff_until_it_is_ended, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    assert_eq!(snoozed_until(&staff, &stay).await, Value::Null);
    let mut subscriber = TestSocket::open(&staff).await.with_side_events();
    subscriber.subscribe(stay.id).await;
    let mut inbox = TestSocket::open(&manager).await;
    inbox.subscribe_to_inbox().await;
    let mut elsewhere = TestSocket::open(&hotel.of(1).await).await;
    elsewhere.subscribe_to_inbox().await;
    let until = seconds_ahead(3600);
    let shown = staff.post(stay.path("snooze/"), json!({ "until": until })).await.is(200);
    assert_eq!((&shown["id"], &shown["snoozed_until"]), (&json!(stay.conversation), &json!(until)));
    assert!(is_time(&shown["snoozed_until"]));
    // Subscribers of the conversation and of the inbox get the change, and the history names who did it.
    for socket in [&mut subscriber, &mut inbox] {
        let event = expect_about(socket, stay.conversation, "conversation_updated").await;
        assert_eq!(event["conversation"]["snoozed_until"], until.as_str());
    }
    let entry = expect_about(&mut subscriber, stay.conversation, "history_added").await["entry"].clone();
    let by = json!({ "id": staff.id, "name": staff.name() });
    assert_eq!((&entry["kind"], &entry["by"], &entry["to"]), (&json!("snoozed"), &by, &Value::Null));
    // The same time again is no change; another time is one.
    manager.post(stay.path("snooze/"), json!({ "until": until })).await.is(200);
    let later = seconds_ahead(7200);
    manager.post(stay.path("snooze/"), json!({ "until": later })).await.is(200);
    let event = expect_about(&mut inbox, stay.conversation, "conversation_updated").await;
    assert_eq!(event["conversation"]["snoozed_until"], later.as_str());
    // Staff other than the one who snoozed it end it, once.
    assert_eq!(manager.post_empty(stay.path("unsnooze/")).await.is(200)["snoozed_until"], Value::Null);
    manager.post_empty(stay.path("unsnooze/")).await.is(200);
    let event = expect_about(&mut inbox, stay.conversation, "conversation_updated").await;
    assert_eq!(event["conversation"]["snoozed_until"], Value::Null);
    inbox.nothing(&hotel).await;
    elsewhere.nothing(&hotel).await;
    // Each of the three changes is in the audit, with the time before and after.
    let audited = |condition: &str| {
        let of = format!("SELECT count(*) FROM audit WHERE conversation_id = {} AND {condition}", stay.conversation);
        hotel.world.number(&of)
    };
    let (first, second) = (staff.id, manager.id);
    assert_eq!(audited(&format!("action = 'snoozed' AND actor = {first} AND before IS NULL AND after = '{until}'")), 1);
    assert_eq!(audited(&format!("action = 'snoozed' AND actor = {second} AND after = '{later}'")), 1);
    assert_eq!(audited(&format!("action = 'unsnoozed' AND actor = {second} AND before = '{later}'")), 1);
    assert_eq!(audited("action IN ('snoozed', 'unsnoozed')"), 3);
});

on_sqlite!(the_end_of_a_snooze_has_bounds, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let path = stay.path("snooze/");
    let day = 86_400;
    for bad in [
        json!({}),
        json!({ "until": null }),
        json!({ "until": "tomorrow" }),
        json!({ "until": 1_893_456_000 }),
        json!({ "until": "2026-12-01" }),
        json!({ "until": seconds_ahead(-1) }),
        json!({ "until": seconds_ahead(0) }),
        json!({ "until": seconds_ahead(90 * day + 60) }),
        json!({ "until": "9999-12-31T23:59:59Z" }),
    ] {
        assert_eq!(staff.post(&path, bad.clone()).await.bad_fields(), ["until"], "{bad}");
    }
    assert_eq!(snoozed_until(&staff, &stay).await, Value::Null);
    // Any offset and fraction is understood; the response is in UTC.
    let at = Utc::now() + TimeDelta::days(1);
    let written = at.with_timezone(&chrono::FixedOffset::east_opt(7200).unwrap());
    let shown = staff.post(&path, json!({ "until": written.to_rfc3339_opts(SecondsFormat::Nanos, false) })).await;
    assert_eq!(shown.is(200)["snoozed_until"], at.to_rfc3339_opts(SecondsFormat::Micros, true));
    snooze(&staff, &stay, 90 * day - 60).await;
    // A repetition with its key returns the first result and changes nothing.
    let body = json!({ "until": seconds_ahead(3600) });
    let keyed = staff.with("Idempotency-Key", "nap");
    let first = keyed.post(&path, body.clone()).await.is(200);
    staff.post_empty(stay.path("unsnooze/")).await.is(200);
    assert_eq!(keyed.post(&path, body).await.is(200), first);
    assert_eq!(snoozed_until(&staff, &stay).await, Value::Null);
    keyed.post(&path, json!({ "until": seconds_ahead(60) })).await.problem(409, "idempotency_mismatch");
});

on_both!(only_an_open_and_visible_conversation_can_be_snoozed, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let body = json!({ "until": seconds_ahead(3600) });
    for path in ["snooze/", "unsnooze/"] {
        hotel.of(1).await.post(stay.path(path), body.clone()).await.problem(404, "not_found");
        hotel.anonymous().post(stay.path(path), body.clone()).await.problem(401, "unauthenticated");
        hotel.system().post(stay.path(path), body.clone()).await.problem(403, "forbidden");
    }
    manager.post_empty(stay.path("close/")).await.is(200);
    hotel.of(0).await.post(stay.path("snooze/"), body.clone()).await.problem(409, "conversation_closed");
    hotel.of(1).await.post(stay.path("snooze/"), body.clone()).await.problem(404, "not_found");
    // There is no snooze to end: no effect.
    manager.post_empty(stay.path("unsnooze/")).await.is(200);
    // Unrouted conversations are snoozed like all others.
    let unrouted = hotel.active(0);
    hotel.of(1).await.post(unrouted.path("snooze/"), body).await.is(200);
    let staff = hotel.of(0).await;
    assert_ne!(snoozed_until(&staff, &unrouted).await, Value::Null);
});

on_both!(nobody_is_handed_a_snoozed_conversation, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let department = hotel.departments[0].id;
    let asleep = async || {
        snooze(&staff, &stay, 3600).await;
    };
    // An answer, a note and reading keep the snooze.
    asleep().await;
    let sent = hotel.send_message(&staff, &stay, "I will ask tomorrow").await;
    staff.post(stay.path("notes/"), json!({ "text": "ask tomorrow" })).await.is(201);
    staff.post(stay.path("read/"), json!({ "message_id": sent["id"] })).await.is(204);
    staff.post_empty(stay.path("handled/")).await.is(200);
    staff.post_empty(stay.path("reopen/")).await.is(200);
    assert_ne!(snoozed_until(&staff, &stay).await, Value::Null);
    // Each of these ends it, even if nothing else changes.
    for (path, body) in [
        ("assign/", json!({ "staff_id": staff.id })),
        ("assign/", json!({ "staff_id": staff.id })),
        ("assign/", json!({ "staff_id": null })),
        ("start_relay/", json!({ "department_id": department })),
        ("start_relay/", json!({ "department_id": hotel.departments[1].id })),
    ] {
        asleep().await;
        let shown = staff.post(stay.path(path), body.clone()).await.is(200);
        assert_eq!(shown["snoozed_until"], Value::Null, "{path} {body}");
        manager.post(stay.path("start_relay/"), json!({ "department_id": department })).await.is(200);
    }
    asleep().await;
    staff.post_empty(stay.path("end_relay/")).await.is(200);
    assert_eq!(snoozed_until(&staff, &stay).await, Value::Null);
    asleep().await;
    assert_eq!(staff.post_empty(stay.path("close/")).await.is(200)["snoozed_until"], Value::Null);
    assert_eq!(staff.post_empty(stay.path("reopen/")).await.is(200)["snoozed_until"], Value::Null);
    // A check-out closes the conversation.
    asleep().await;
    manager.post_empty(format!("stays/{}/check_out/", stay.id)).await.is(200);
    assert_eq!(snoozed_until(&staff, &stay).await, Value::Null);
});

on_both!(a_snooze_ends_when_the_guest_writes, |hotel| {
    let (staff, stay, other) = (hotel.of(0).await, hotel.relay(0), hotel.active(0));
    let mut socket = TestSocket::open(&staff).await.with_side_events();
    socket.subscribe(stay.id).await;
    snooze(&staff, &stay, 3600).await;
    expect_about(&mut socket, stay.conversation, "conversation_updated").await;
    expect_about(&mut socket, stay.conversation, "history_added").await;
    hotel.send_guest_message(&other.phone, "in another conversation").await;
    assert_ne!(snoozed_until(&staff, &stay).await, Value::Null);
    hotel.send_guest_message(&stay.phone, "are you there?").await;
    let event = expect_about(&mut socket, stay.conversation, "conversation_updated").await;
    assert_eq!(event["conversation"]["snoozed_until"], Value::Null);
    expect_about(&mut socket, stay.conversation, "new_message").await;
    // The end of a snooze is no entry of the history.
    let history = staff.get(stay.path("history/")).await.is(200);
    assert_eq!((&history["count"], &history["results"][0]["kind"]), (&json!(1), &json!("snoozed")));
});

on_both!(lists_filter_snoozed_conversations, |hotel| {
    let (staff, stay, unrouted) = (hotel.of(0).await, hotel.relay(0), hotel.active(0));
    for it in [&stay, &unrouted] {
        snooze(&staff, it, 3600).await;
    }
    let list = async |query: &str| {
        let found = staff.get(format!("conversations/?status=demo,checkin,active,relay&{query}")).await.is(200);
        assert_eq!(found["count"], found["results"].as_array().unwrap().len());
        let mut found = ids(&found["results"]);
        found.sort_unstable();
        found
    };
    let all = list("").await;
    let mut asleep = vec![stay.conversation, unrouted.conversation];
    asleep.sort_unstable();
    assert_eq!(list("snoozed=true").await, asleep);
    assert!(list(&format!("snoozed=true&search={}", stay.room)).await.contains(&stay.conversation));
    assert!(list(&format!("snoozed=false&search={}", stay.phone.trim_start_matches('+'))).await.is_empty());
    assert_eq!(list("snoozed=true&order=waiting").await, asleep);
    let awake: Vec<i64> = all.iter().copied().filter(|id| !asleep.contains(id)).collect();
    assert_eq!(list("snoozed=false").await, awake);
    assert_eq!(list(&format!("snoozed=true&department={}", hotel.departments[0].id)).await, [stay.conversation]);
    // The default list is that of the relay; it contains both.
    assert_eq!(ids(&staff.get("conversations/").await.is(200)["results"]), [stay.conversation]);
    assert!(ids(&staff.get("conversations/?snoozed=false").await.is(200)["results"]).is_empty());
    let cursor = staff.get("conversations/?cursor=&snoozed=true&status=active,relay").await.is(200);
    assert_eq!(ids(&cursor["results"]).len(), 2);
    // The inbox contains both, so that a client knows when they come back.
    let inbox = staff.get("inbox/").await.is(200);
    assert!(asleep.iter().all(|id| ids(&inbox["conversations"]).contains(id)));
    for bad in ["snoozed=1", "snoozed=", "snoozed=yes"] {
        staff.get(format!("conversations/?{bad}")).await.problem(400, "invalid");
    }
});

on_both!(a_snooze_ends_at_its_time, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay, later) = (hotel.of(0).await, hotel.relay(0), hotel.active(0));
    let mut socket = TestSocket::open(&staff).await;
    socket.ok(json!({ "command": "subscribe_to_inbox", "counts": true })).await;
    let snoozed = snooze(&staff, &stay, 600).await;
    snooze(&staff, &later, 900).await;
    socket.skip_to("counts").await;
    sleep(Duration::from_secs(2)).await;
    socket.ping().await;
    socket.waiting();
    world.advance(601);
    let event = timeout(TIMER, expect_about(&mut socket, stay.conversation, "conversation_updated")).await.unwrap();
    let shown = &event["conversation"];
    assert_eq!(shown["snoozed_until"], Value::Null);
    assert!(shown["updated_at"].as_str() > snoozed["snoozed_until"].as_str(), "it is not on top of the list: {shown}");
    // The numbers follow.
    let counts = socket.skip_to("counts").await;
    assert_eq!((&counts["snoozed"], &counts["unassigned"]), (&json!(1), &json!(1)));
    assert_ne!(snoozed_until(&staff, &later).await, Value::Null);
    // A replay shows it, too.
    let after = socket.welcome["seq"].as_i64().unwrap();
    let resume = json!({ "epoch": socket.welcome["epoch"], "after_seq": after, "inbox": true });
    let replayed = TestSocket::open(&staff).await.resume(resume).await.0;
    assert!(of_type(&replayed, "conversation_updated").iter().any(|it| it["conversation_id"] == stay.conversation));
    assert!(of_type(&replayed, "counts").is_empty());
    // What became due while the server was down ends at its start.
    world.kill();
    world.advance(600);
    world.serve();
    let staff = hotel.sign_in(&staff.username, PASSWORD).await;
    let ended = async {
        while snoozed_until(&staff, &later).await != Value::Null {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(TIMER, ended).await.unwrap();
    let audited = "SELECT count(*) FROM audit WHERE action = 'unsnoozed' AND actor IS NULL AND api_key_id IS NULL";
    assert_eq!(world.number(audited), 2);
});

/// Two nodes find the same due snooze: one of them ends it, and the other changes nothing.
#[test]
fn two_nodes_end_a_snooze_once() {
    alone(DatabaseKind::Postgres, WorldOptions::default(), |world| async move {
        let (hotel, _other) = (world.hotel(), world.another_node());
        let staff = hotel.of(0).await;
        let stays = [hotel.relay(0), hotel.active(0), hotel.active(1)];
        for round in 1..=4 {
            let until = seconds_ahead(1);
            for stay in &stays {
                staff.post(stay.path("snooze/"), json!({ "until": until })).await.is(200);
            }
            for stay in &stays {
                let ended = async {
                    while snoozed_until(&staff, stay).await != Value::Null {
                        sleep(Duration::from_millis(20)).await;
                    }
                };
                timeout(TIMER + Duration::from_secs(1), ended).await.unwrap();
                let of = format!("conversation_id = {}", stay.conversation);
                let ends = world.number(&format!("SELECT count(*) FROM audit WHERE action = 'unsnoozed' AND {of}"));
                assert_eq!(ends, round, "{of}");
            }
        }
    });
}

/// The order of a guest message and a snooze decides, whichever is stored first.
async fn check_race(hotel: &TestHotel, staff: &StaffClient, stay: &TestStay, round: i64) {
    let words = format!("round {round}");
    let (message, snoozed) =
        join(hotel.send_guest_message(&stay.phone, &words), snooze(staff, stay, 3600 + round)).await;
    let seq = |condition: &str| {
        let of = format!("SELECT max(seq) FROM events WHERE conversation_id = {} AND {condition}", stay.conversation);
        hotel.world.number(&of)
    };
    let written = seq(&format!("kind = 'message' AND message_id = {}", message["message_id"]));
    let is_snoozed_last = seq("kind = 'history_added'") > written;
    let expected = if is_snoozed_last { snoozed["snoozed_until"].clone() } else { Value::Null };
    assert_eq!(snoozed_until(staff, stay).await, expected, "round {round}");
}

on_both!(a_snooze_and_a_guest_message_at_once, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    for round in 0..25 {
        check_race(&hotel, &staff, &stay, round).await;
    }
});
