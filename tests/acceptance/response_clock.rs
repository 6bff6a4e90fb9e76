//! By when staff should answer a guest, the alarm that nobody has, and opening hours.

use std::time::Duration;

use acceptance::{
    DatabaseKind, StaffClient, TestHotel, TestSocket, TestStay, TestWorld, Value, WorldOptions, json, on_both,
    on_sqlite, unique,
};

use futures_util::future::join_all;

use crate::{event_assertions::of_type, ids, resume::read_cursor};

fn department(hotel: &TestHotel, index: usize) -> String {
    format!("departments/{}/", hotel.departments[index].id)
}

async fn set_target(hotel: &TestHotel, index: usize, minutes: impl Into<Value>) -> Value {
    let body = json!({ "first_response_minutes": minutes.into() });
    hotel.manager().await.patch(department(hotel, index), body).await.is(200)
}

/// `waiting_since` and `response_due_at` of a conversation.
async fn clock(staff: &StaffClient, stay: &TestStay) -> (Value, Value) {
    let shown = staff.get(stay.path("")).await.is(200);
    (shown["waiting_since"].clone(), shown["response_due_at"].clone())
}

fn plus_minutes(time: &Value, minutes: i64) -> Value {
    let at: chrono::DateTime<chrono::Utc> = time.as_str().unwrap().parse().unwrap();
    let at = at + chrono::TimeDelta::minutes(minutes);
    json!(at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

fn is_same_time(one: &Value, other: &Value) -> bool {
    let parse = |it: &Value| it.as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    parse(one) == parse(other)
}

#[track_caller]
fn assert_due(of: &(Value, Value), minutes: i64) {
    assert!(is_same_time(&of.1, &plus_minutes(&of.0, minutes)), "{of:?} is not {minutes} minutes");
}

on_both!(the_target_of_a_department_sets_the_clock, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    hotel.send_message(&manager, &stay, "hello").await;
    let changed = set_target(&hotel, 0, 15).await;
    assert_eq!((&changed["first_response_minutes"], &changed["opening_hours"]), (&json!(15), &Value::Null));
    let inbox = manager.get("inbox/").await.is(200);
    assert_eq!(inbox["departments"][0]["first_response_minutes"], 15);
    assert_eq!(clock(&manager, &stay).await, (Value::Null, Value::Null));
    hotel.send_guest_message(&stay.phone, "towels?").await;
    let of_first = clock(&manager, &stay).await;
    assert_due(&of_first, 15);
    // A second message and a note leave it as it is; the list shows it, too.
    hotel.send_guest_message(&stay.phone, "please!").await;
    manager.post(stay.path("notes/"), json!({ "text": "who?" })).await.is(201);
    assert_eq!(clock(&manager, &stay).await, of_first);
    let listed = manager.get("conversations/?waiting=true").await.is(200);
    let of_stay = listed["results"].as_array().unwrap().iter().find(|it| it["id"] == stay.conversation).unwrap();
    assert_eq!(of_stay["response_due_at"], of_first.1);
    // Another department has no target at first.
    let transfer = json!({ "department_id": hotel.departments[1].id });
    assert_eq!(manager.post(stay.path("start_relay/"), transfer).await.is(200)["response_due_at"], Value::Null);
    let mut inbox = TestSocket::open(&manager).await;
    inbox.subscribe_to_inbox().await;
    set_target(&hotel, 1, 30).await;
    assert_due(&clock(&manager, &stay).await, 30);
    let updated = inbox.skip_to("conversation_updated").await;
    assert_eq!(
        (&updated["conversation_id"], &updated["conversation"]["waiting_since"]),
        (&json!(stay.conversation), &of_first.0)
    );
    assert_due(&(of_first.0.clone(), updated["conversation"]["response_due_at"].clone()), 30);
    set_target(&hotel, 1, Value::Null).await;
    assert_eq!(clock(&manager, &stay).await, (of_first.0.clone(), Value::Null));
    // Unrouted, it has the clock of the default department.
    manager.post_empty(stay.path("end_relay/")).await.is(200);
    assert_due(&clock(&manager, &stay).await, 15);
    set_target(&hotel, 2, 45).await;
    manager.patch("hotel/", json!({ "default_department_id": hotel.departments[2].id })).await.is(200);
    assert_due(&clock(&manager, &stay).await, 45);
    // An answer stops the clock; a new message starts it.
    hotel.send_message(&manager, &stay, "on their way").await;
    assert_eq!(clock(&manager, &stay).await, (Value::Null, Value::Null));
    hotel.send_guest_message(&stay.phone, "thanks").await;
    assert!(clock(&manager, &stay).await.0.is_string());
    assert_eq!(manager.post_empty(stay.path("handled/")).await.is(200)["response_due_at"], Value::Null);
    hotel.send_guest_message(&stay.phone, "thanks again").await;
    assert_eq!(manager.post_empty(stay.path("close/")).await.is(200)["response_due_at"], Value::Null);
});

on_both!(the_clock_runs_in_opening_hours_only, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    hotel.send_message(&manager, &stay, "hello").await;
    let all_day = json!([["00:00", "24:00"]]);
    let always = json!({ "mon": all_day, "tue": all_day, "wed": all_day, "thu": all_day, "fri": all_day, "sat": all_day, "sun": all_day });
    let set = async |hours: &Value| {
        let body = json!({ "opening_hours": hours, "first_response_minutes": 10 });
        let changed = manager.patch(department(&hotel, 0), body).await.is(200);
        assert_eq!(&changed["opening_hours"], hours);
    };
    set(&always).await;
    hotel.send_guest_message(&stay.phone, "hello?").await;
    assert_due(&clock(&manager, &stay).await, 10);
    // A department that is never open has no time by which to answer.
    set(&json!({ "mon": [] })).await;
    assert_eq!(clock(&manager, &stay).await.1, Value::Null);
    // One hour in the week after tomorrow: the answer is due ten minutes after the opening, in the hotel's zone.
    let now: chrono::DateTime<chrono::Utc> = clock(&manager, &stay).await.0.as_str().unwrap().parse().unwrap();
    let day = now.date_naive() + chrono::Days::new(2);
    set(&json!({ day.format("%a").to_string().to_lowercase(): [["10:00", "11:00"]] })).await;
    for (zone, opening) in [("UTC", "10:10"), ("Asia/Kolkata", "04:40"), ("America/Los_Angeles", "1")] {
        manager.patch("hotel/", json!({ "timezone": zone })).await.is(200);
        let due = clock(&manager, &stay).await.1;
        let due = due.as_str().unwrap();
        assert!(due.starts_with(&format!("{day}T{opening}")), "{zone}: {due}");
    }
    set(&Value::Null).await;
    assert_due(&clock(&manager, &stay).await, 10);
});

on_sqlite!(bad_hours_are_refused_with_a_sentence, |hotel| {
    let manager = hotel.manager().await;
    let path = department(&hotel, 0);
    for bad in [
        json!("always"),
        json!([["08:00", "22:00"]]),
        json!({ "monday": [["08:00", "22:00"]] }),
        json!({ "mon": ["08:00", "22:00"] }),
        json!({ "mon": [["08:00"]] }),
        json!({ "mon": [["08:00", "22:00", "23:00"]] }),
        json!({ "mon": [["8:00", "22:00"]] }),
        json!({ "mon": [["08:00", "25:00"]] }),
        json!({ "mon": [["08:00", "08:00"]] }),
        json!({ "mon": [["08:00", "12:00"], ["11:00", "14:00"]] }),
        json!({ "sun": [["20:00", "04:00"]], "mon": [["03:00", "14:00"]] }),
        json!({ "mon": null }),
        json!({ "mon": [["08:00\u{0}", "12:00"]] }),
    ] {
        let refused = manager.patch(&path, json!({ "opening_hours": bad })).await;
        assert_eq!(refused.bad_fields(), ["opening_hours"], "{bad}");
    }
    for bad in [json!(0), json!(1441), json!(-5), json!(1.5), json!("15"), json!(true)] {
        let refused = manager.patch(&path, json!({ "first_response_minutes": bad })).await;
        assert_eq!(refused.bad_fields(), ["first_response_minutes"], "{bad}");
    }
    for bad in [json!("22:00"), json!(["22:00"]), json!(["22:00", "22:00"]), json!(["22", "08"]), json!({})] {
        let refused = manager.patch("hotel/", json!({ "quiet_hours": bad })).await;
        assert_eq!(refused.bad_fields(), ["quiet_hours"], "{bad}");
    }
    let both = json!({ "name": unique("Night"), "opening_hours": { "fri": [["18:00", "02:00"]] }, "first_response_minutes": 1440 });
    let made = manager.post("departments/", both.clone()).await.is(201);
    assert_eq!((&made["opening_hours"], &made["first_response_minutes"]), (&both["opening_hours"], &json!(1440)));
    let mut socket = open_inbox(&hotel.of(0).await).await.with_side_events();
    let quiet = manager.patch("hotel/", json!({ "quiet_hours": ["22:00", "08:00"] })).await.is(200);
    assert_eq!(quiet["quiet_hours"], json!(["22:00", "08:00"]));
    assert_eq!(socket.expect("directory_updated").await["what"], "hotel");
    assert_eq!(manager.get("inbox/").await.is(200)["hotel"]["quiet_hours"], json!(["22:00", "08:00"]));
    let staff = hotel.of(0).await;
    staff.patch(&path, json!({ "first_response_minutes": 5 })).await.problem(403, "forbidden");
    staff.patch("hotel/", json!({ "quiet_hours": null })).await.problem(403, "forbidden");
    assert_eq!(manager.patch("hotel/", json!({ "quiet_hours": null })).await.is(200)["quiet_hours"], Value::Null);
});

on_both!(an_unanswered_guest_raises_one_alarm, WorldOptions::default().hotels(1) => |world| {
    let hotel = world.hotel();
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let cursor = read_cursor(&manager).await;
    for index in [0, 1] {
        set_target(&hotel, index, 1).await;
    }
    let members = [hotel.of(0).await, hotel.of(1).await];
    let mut sockets = join_all([&members[0], &members[1], &manager].map(open_inbox)).await;
    hotel.send_message(&manager, &stay, "hello").await;
    hotel.send_guest_message(&stay.phone, "towels?").await;
    let (since, _) = clock(&manager, &stay).await;
    assert!(overdue(&manager).await.is_empty());
    world.advance(61);
    assert_eq!(overdue(&manager).await, [stay.conversation]);
    assert_eq!(manager.get("conversations/counts/").await.is(200)["overdue"], 1);
    assert!(overdue(&members[1]).await.is_empty());
    let alarm = |department: usize| {
        json!({ "type": "response_overdue", "conversation_id": stay.conversation, "stay_id": stay.id,
            "department_id": hotel.departments[department].id, "waiting_since": since })
    };
    for socket in [0, 2] {
        assert_eq!(without_seq(sockets[socket].skip_to("response_overdue").await), alarm(0));
    }
    // A second message, and a target that changes, raise no second alarm.
    hotel.send_guest_message(&stay.phone, "please!").await;
    set_target(&hotel, 0, 2).await;
    set_target(&hotel, 0, 1).await;
    pass_timers().await;
    // Another department gets an alarm of its own; the first one none again.
    for department in [1, 0] {
        let transfer = json!({ "department_id": hotel.departments[department].id });
        manager.post(stay.path("start_relay/"), transfer).await.is(200);
        if department == 1 {
            assert_eq!(without_seq(sockets[1].skip_to("response_overdue").await), alarm(1));
        }
    }
    pass_timers().await;
    let mut seen = Vec::new();
    for socket in &mut sockets {
        let events = socket.events_so_far(&hotel).await;
        seen.push(of_type(&events, "response_overdue").len());
    }
    assert_eq!(seen, [0, 0, 1], "the manager has seen the second alarm");
    // A replay and the log contain them.
    let log = manager.get(format!("events/?after_seq={}&epoch={}", cursor["seq"], cursor["epoch"].as_str().unwrap()));
    let log: Vec<Value> = log.await.is(200)["results"].as_array().unwrap().clone();
    let in_log: Vec<Value> = of_type(&log, "response_overdue").into_iter().cloned().map(without_seq).collect();
    assert_eq!(in_log, [alarm(0), alarm(1)]);
    let of_second = read_events(&members[1], &cursor).await;
    assert!(of_type(&of_second, "response_overdue").is_empty(), "the conversation is not theirs now");
    let mut late = TestSocket::open(&members[0]).await;
    let (replayed, _) =
        late.resume(json!({ "epoch": cursor["epoch"], "after_seq": cursor["seq"], "inbox": true })).await;
    assert_eq!(of_type(&replayed, "response_overdue").len(), 2);
    // After an answer the next wait raises the next alarm.
    hotel.send_message(&manager, &stay, "on their way").await;
    hotel.send_guest_message(&stay.phone, "still waiting").await;
    world.advance(61);
    let next = sockets[2].skip_to("response_overdue").await;
    assert_ne!(next["waiting_since"], since);
    assert_eq!(next["department_id"], hotel.departments[0].id);
});

async fn open_inbox(staff: &StaffClient) -> TestSocket {
    let mut socket = TestSocket::open(staff).await;
    socket.subscribe_to_inbox().await;
    socket
}

async fn overdue(staff: &StaffClient) -> Vec<i64> {
    ids(&staff.get("conversations/?overdue=true").await.is(200)["results"])
}

async fn read_events(staff: &StaffClient, cursor: &Value) -> Vec<Value> {
    let page = staff.get(format!("events/?after_seq={}", cursor["seq"])).await.is(200);
    page["results"].as_array().unwrap().clone()
}

fn without_seq(mut event: Value) -> Value {
    event.as_object_mut().unwrap().remove("seq");
    event
}

/// Waits until every node has run its timers.
async fn pass_timers() {
    tokio::time::sleep(Duration::from_millis(2500)).await;
}

/// The number of alarms in the log.
fn count_alarms(world: &TestWorld) -> i64 {
    world.number("SELECT count(*) FROM events WHERE kind = 'response_overdue'")
}

on_both!(an_alarm_waits_for_the_end_of_a_snooze, WorldOptions::default().hotels(1) => |world| {
    let hotel = world.hotel();
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    set_target(&hotel, 0, 1).await;
    hotel.send_message(&manager, &stay, "hello").await;
    hotel.send_guest_message(&stay.phone, "towels?").await;
    let mut socket = open_inbox(&manager).await;
    let until = (chrono::Utc::now() + chrono::TimeDelta::minutes(5)).to_rfc3339();
    manager.post(stay.path("snooze/"), json!({ "until": until })).await.is(200);
    world.advance(61);
    pass_timers().await;
    assert_eq!(count_alarms(&world), 0);
    manager.post_empty(stay.path("unsnooze/")).await.is(200);
    assert_eq!(socket.skip_to("response_overdue").await["conversation_id"], stay.conversation);
});

on_both!(an_alarm_that_is_due_while_no_node_runs_is_raised_once, WorldOptions::default().hotels(1) => |world| {
    let hotel = world.hotel();
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    set_target(&hotel, 0, 1).await;
    hotel.send_message(&manager, &stay, "hello").await;
    hotel.send_guest_message(&stay.phone, "towels?").await;
    world.kill();
    world.advance(61);
    world.serve();
    while count_alarms(&world) == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.kill();
    world.serve();
    pass_timers().await;
    assert_eq!(count_alarms(&world), 1);
});

#[test]
fn one_of_two_nodes_raises_an_alarm() {
    acceptance::alone(DatabaseKind::Postgres, WorldOptions::default().hotels(1), async |world| {
        let (other, hotel) = (world.another_node(), world.hotel());
        let manager = hotel.manager().await;
        for index in 0..3 {
            set_target(&hotel, index, 1).await;
        }
        let stays: Vec<TestStay> = (0..3).map(|index| hotel.relay(index)).collect();
        for stay in &stays {
            hotel.send_message(&manager, stay, "hello").await;
            hotel.send_guest_message(&stay.phone, "towels?").await;
        }
        let mut socket = open_inbox(&manager).await;
        world.advance(61);
        let mut seen = Vec::new();
        for _ in &stays {
            seen.push(socket.skip_to("response_overdue").await["conversation_id"].as_i64().unwrap());
        }
        pass_timers().await;
        seen.sort_unstable();
        let mut expected: Vec<i64> = stays.iter().map(|it| it.conversation).collect();
        expected.sort_unstable();
        assert_eq!((seen, count_alarms(&world)), (expected, 3));
        // A node that dies at the due moment loses nothing: the other one raises the alarm.
        hotel.send_message(&manager, &stays[0], "on their way").await;
        hotel.send_guest_message(&stays[0].phone, "still waiting").await;
        world.advance(61);
        world.kill();
        let at_other = acceptance::ApiClient::new(&other).bearer(&manager.access);
        while count_alarms(&world) < 4 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        pass_timers().await;
        assert_eq!(count_alarms(&world), 4);
        assert_eq!(ids(&at_other.get("conversations/?overdue=true").await.is(200)["results"]).len(), 3);
    });
}
