//! Resuming: `resume` replays the missed events once and in order, then live events follow.

use std::collections::BTreeMap;

use acceptance::{PASSWORD, StaffClient, TestHotel, TestSocket, TestStay, Value, WorldOptions, json, on_both, unique};

use crate::event_assertions::{assert_in_order, event_types, message_texts, of_type, seqs, single_event};

/// A resume from a sequence number, with the names of subscriptions.
fn resume_from(welcome: &Value, seq: impl Into<Value>, names: Value) -> Value {
    let mut all = json!({ "epoch": welcome["epoch"], "after_seq": seq.into() });
    all.as_object_mut().unwrap().extend(names.as_object().unwrap().clone());
    all
}

/// Epoch and log head from the response headers of a list.
pub async fn read_cursor(staff: &StaffClient) -> Value {
    let list = staff.get("conversations/").await;
    let seq: i64 = list.header("x-event-seq").unwrap().parse().unwrap();
    json!({ "epoch": list.header("x-event-epoch").unwrap(), "seq": seq })
}

/// Keeps only the newest `conversation_updated` of each conversation, as a replay may do.
fn newest_changes(events: Vec<Value>) -> Vec<Value> {
    let mut newest = BTreeMap::new();
    for event in events.iter().filter(|it| it["type"] == "conversation_updated") {
        newest.insert(event["conversation_id"].as_i64(), event["seq"].clone());
    }
    let is_old =
        |it: &Value| it["type"] == "conversation_updated" && newest[&it["conversation_id"].as_i64()] != it["seq"];
    events.into_iter().filter(|it| !is_old(it)).collect()
}

/// Causes events of every type, seen from department 0.
pub async fn record_varied_events(hotel: &TestHotel) {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    hotel.send_guest_message(&stay.phone, "one").await;
    hotel.send_message(&staff, &stay, "two").await;
    manager.post(stay.path("notes/"), json!({ "text": "a note" })).await.is(201);
    hotel.send_guest_message(&hotel.unused_phone(), "somebody new").await;
    hotel.send_guest_message(&hotel.relay(1).phone, "not for department 0").await;
    hotel.send_guest_message(&hotel.active(0).phone, "for all").await;
    manager.post_empty(stay.path("close/")).await.is(200);
    manager.post_empty(stay.path("reopen/")).await.is(200);
    let body = json!({ "department_id": hotel.departments[0].id });
    manager.post(hotel.active(1).path("start_relay/"), body).await.is(200);
    hotel.send_message(&manager, &stay, "three").await;
}

on_both!(a_replay_equals_the_live_events_of_another_socket, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut connected = TestSocket::open(&staff).await.with_side_events();
    let mut disconnected = TestSocket::open(&staff).await.with_side_events();
    for socket in [&mut connected, &mut disconnected] {
        socket.subscribe_to_inbox().await;
        socket.subscribe(stay.id).await;
        socket.subscribe(hotel.active(1).id).await;
    }
    hotel.send_guest_message(&stay.phone, "before").await;
    let seen = disconnected.events_so_far(&hotel).await;
    assert_eq!(seqs(&connected.events_so_far(&hotel).await), seqs(&seen));
    let last = *seqs(&seen).last().unwrap();
    drop(disconnected);
    record_varied_events(&hotel).await;
    let live = connected.events_so_far(&hotel).await;
    let mut resuming = TestSocket::open(&staff).await.with_side_events();
    let named = json!({ "stay_ids": [stay.id], "conversation_ids": [hotel.active(1).conversation], "inbox": true });
    let (replayed, resumed) = resuming.resume(resume_from(&resuming.welcome, last, named)).await;
    assert_in_order(&replayed);
    assert_eq!(resumed["replayed"], replayed.len());
    // The inbox also receives the events of the fence conversation.
    let fence = hotel.fence().conversation;
    let replayed: Vec<Value> = replayed.into_iter().filter(|it| it["conversation_id"] != fence).collect();
    assert_eq!(seqs(&newest_changes(replayed.clone())), seqs(&newest_changes(live.clone())));
    for event_type in ["new_message", "new_note", "new_conversation", "history_added"] {
        assert_eq!(of_type(&replayed, event_type), of_type(&live, event_type), "{event_type}");
    }
    assert_eq!(
        (message_texts(&replayed), of_type(&replayed, "new_conversation").len()),
        (vec!["one", "two", "three"], 2)
    );
    // Live events follow once.
    hotel.send_guest_message(&stay.phone, "after").await;
    let (connected, resuming) = (connected.events_so_far(&hotel).await, resuming.events_so_far(&hotel).await);
    assert_eq!(connected, resuming);
    assert_eq!(event_types(&resuming), ["new_message", "conversation_updated"]);
});

on_both!(a_page_and_a_resume_leave_no_gap, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    hotel.send_guest_message(&stay.phone, "on the page").await;
    let page = staff.get(stay.path("messages/?limit=1")).await;
    let seq: i64 = page.header("x-event-seq").unwrap().parse().unwrap();
    assert_eq!(page.json()[0]["content"], "on the page");
    hotel.send_guest_message(&stay.phone, "after the page").await;
    let mut socket = TestSocket::open(&staff).await;
    assert_eq!(page.header("x-event-epoch"), socket.welcome["epoch"].as_str());
    let (replayed, resumed) = socket.resume(resume_from(&socket.welcome, seq, json!({ "stay_ids": [stay.id] }))).await;
    assert_eq!((message_texts(&replayed), &resumed["replayed"]), (vec!["after the page"], &json!(1)));
    assert_eq!(resumed["seq"], read_cursor(&staff).await["seq"]);
});

on_both!(a_resume_from_the_log_head_replays_nothing, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    hotel.send_guest_message(&stay.phone, "before").await;
    let mut socket = TestSocket::open(&staff).await;
    let seq = socket.welcome["seq"].clone();
    let ids = json!({ "stay_ids": [stay.id, stay.id], "conversation_ids": [stay.conversation], "inbox": true });
    let mut resume = resume_from(&socket.welcome, seq.clone(), ids);
    resume["command"] = "resume".into();
    // With a `request_id` the ack follows `resumed`.
    let ack = socket.ok(resume).await;
    assert_eq!(ack["seq"], seq);
    assert_eq!(socket.waiting(), [json!({ "type": "resumed", "seq": seq, "replayed": 0 })]);
    hotel.send_guest_message(&stay.phone, "after").await;
    assert_eq!(event_types(&socket.events_so_far(&hotel).await), ["new_message", "conversation_updated"]);
});

on_both!(a_resume_without_subscriptions_replays_new_conversations, |hotel| {
    let staff = hotel.of(0).await;
    let before = read_cursor(&staff).await["seq"].clone();
    let made = hotel.send_guest_message(&hotel.unused_phone(), "Hello?").await;
    let mut socket = TestSocket::open(&staff).await;
    let (replayed, _) = socket.resume(resume_from(&socket.welcome, before, json!({}))).await;
    assert_eq!(single_event(replayed, "new_conversation")["conversation_id"], made["conversation_id"]);
});

on_both!(a_resume_reports_hidden_conversations_and_continues, |hotel| {
    let (staff, stay, hidden) = (hotel.of(0).await, hotel.relay(0), hotel.relay(1));
    let before = read_cursor(&staff).await["seq"].clone();
    for stay in [&stay, &hidden] {
        hotel.send_guest_message(&stay.phone, "Hello").await;
    }
    let mut socket = TestSocket::open(&staff).await;
    let named =
        json!({ "conversation_ids": [hidden.conversation, 9_000_000_000_i64], "stay_ids": [hidden.id, stay.id] });
    let (events, resumed) = socket.resume(resume_from(&socket.welcome, before, named)).await;
    let mut unsubscribed: Vec<(Option<i64>, Option<i64>)> = of_type(&events, "unsubscribed")
        .iter()
        .map(|it| (it["conversation_id"].as_i64(), it["stay_id"].as_i64()))
        .collect();
    unsubscribed.sort_unstable();
    let expected = [(None, Some(hidden.id)), (Some(hidden.conversation), None), (Some(9_000_000_000), None)];
    assert_eq!(unsubscribed, expected);
    assert_eq!((message_texts(&events), &resumed["replayed"]), (vec!["Hello"], &json!(1)));
    hotel.send_guest_message(&hidden.phone, "not for you").await;
    hotel.send_guest_message(&stay.phone, "for you").await;
    assert_eq!(message_texts(&socket.events_so_far(&hotel).await), ["for you"]);
});

on_both!(an_invalid_cursor_gets_resync_required, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    hotel.send_guest_message(&stay.phone, "live").await;
    socket.expect("new_message").await;
    let head = read_cursor(&staff).await;
    let other_epoch = json!({ "epoch": "another", "after_seq": head["seq"], "inbox": true });
    let ahead = resume_from(&head, head["seq"].as_i64().unwrap() + 1, json!({ "stay_ids": [hotel.active(0).id] }));
    for invalid in [other_epoch, ahead] {
        let (replayed, event) = socket.resume(invalid).await;
        assert_eq!((replayed.len(), &event["type"]), (0, &json!("resync_required")));
        assert_eq!((&event["epoch"], &event["seq"]), (&head["epoch"], &head["seq"]));
    }
    // The old subscription stays; the requested one was not added.
    hotel.send_guest_message(&hotel.active(0).phone, "not subscribed to").await;
    hotel.send_guest_message(&stay.phone, "still live").await;
    assert_eq!(message_texts(&socket.events_so_far(&hotel).await), ["still live"]);
    let (replayed, resumed) = socket.resume(resume_from(&head, head["seq"].clone(), json!({}))).await;
    assert_eq!((replayed.len(), &resumed["type"]), (0, &json!("resumed")));
});

on_both!(a_cursor_older_than_the_retention_gets_resync_required, WorldOptions::default().set("EVENT_RETENTION_DAYS", 1) => |world| {
    let hotel = world.hotel();
    let stay = hotel.relay(0);
    let old = read_cursor(&hotel.of(0).await).await;
    for words in ["long ago", "long ago as well"] {
        hotel.send_guest_message(&stay.phone, words).await;
    }
    let young = read_cursor(&hotel.of(0).await).await;
    world.advance(2 * 86_400);
    // Maintenance runs at the start.
    world.kill();
    world.serve();
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    hotel.send_guest_message(&stay.phone, "now").await;
    let named = json!({ "stay_ids": [stay.id] });
    let mut socket = TestSocket::open(&staff).await;
    let event = loop {
        let (_, event) = socket.resume(resume_from(&old, old["seq"].clone(), named.clone())).await;
        if event["type"] == "resync_required" {
            break event;
        }
        // Maintenance has not finished; the next attempt needs a new socket, because this one has received live events.
        socket = TestSocket::open(&staff).await;
    };
    assert_eq!((&event["epoch"], &event["seq"]), (&old["epoch"], &read_cursor(&staff).await["seq"]));
    // The sequence number before the first stored event is still a valid cursor.
    let (replayed, _) = socket.resume(resume_from(&young, young["seq"].clone(), named)).await;
    assert_eq!(message_texts(&replayed), ["now"]);
});

on_both!(events_sent_live_are_not_replayed, |hotel| {
    let (staff, stay, other) = (hotel.of(0).await, hotel.relay(0), hotel.active(0));
    let mut socket = TestSocket::open(&staff).await;
    let begin = socket.welcome["seq"].clone();
    hotel.send_guest_message(&stay.phone, "before it subscribed").await;
    socket.subscribe(stay.id).await;
    hotel.send_guest_message(&stay.phone, "live").await;
    hotel.send_guest_message(&other.phone, "of the other").await;
    hotel.send_guest_message(&hotel.unused_phone(), "somebody new").await;
    staff.post_empty(stay.path("close/")).await.is(200);
    let live = socket.events_so_far(&hotel).await;
    assert_eq!(event_types(&live), ["new_message", "new_conversation", "conversation_updated"]);
    let named = json!({ "stay_ids": [stay.id, other.id], "inbox": true });
    let (replayed, resumed) = socket.resume(resume_from(&socket.welcome, begin, named.clone())).await;
    assert_eq!(message_texts(&replayed), ["before it subscribed", "of the other"]);
    assert!(of_type(&replayed, "new_conversation").is_empty(), "{replayed:?}");
    let twice: Vec<i64> = seqs(&replayed).into_iter().filter(|it| seqs(&live).contains(it)).collect();
    assert!(twice.is_empty(), "received twice: {twice:?}");
    assert_in_order(&replayed);
    assert_eq!(resumed["replayed"], replayed.len());
    // From `resumed` on, its `seq` is a cursor.
    let (replayed, _) = socket.resume(resume_from(&socket.welcome, resumed["seq"].clone(), named)).await;
    assert!(replayed.is_empty(), "{replayed:?}");
});

on_both!(a_replay_removes_conversations_that_became_hidden, |hotel| {
    let departments = [hotel.departments[0].id, hotel.departments[1].id];
    let staff = hotel.hire("staff", &departments).await;
    let manager = hotel.manager().await;
    let before = read_cursor(&staff).await["seq"].clone();
    // One conversation is transferred, another is lost with a department.
    let body = json!({ "department_id": hotel.departments[2].id });
    manager.post(hotel.relay(0).path("start_relay/"), body).await.is(200);
    let body = json!({ "department_ids": [hotel.departments[0].id] });
    manager.patch(format!("staff/{}/", staff.id), body).await.is(200);
    hotel.send_guest_message(&hotel.relay(1).phone, "not for you").await;
    let mut socket = TestSocket::open(&staff).await;
    let (replayed, _) = socket.resume(resume_from(&socket.welcome, before, json!({ "inbox": true }))).await;
    assert_eq!(event_types(&replayed), ["conversation_removed"; 2]);
    let removed: Vec<Option<i64>> = replayed.iter().map(|it| it["stay_id"].as_i64()).collect();
    assert_eq!(removed, [Some(hotel.relay(0).id), Some(hotel.relay(1).id)]);
});

on_both!(a_replay_shows_the_client_ref_to_its_sender_only, |hotel| {
    let (staff, stay, name) = (hotel.of(0).await, hotel.relay(0), unique("ref"));
    let before = read_cursor(&staff).await["seq"].clone();
    let mut socket = TestSocket::open(&staff).await;
    socket.ok(json!({ "command": "send_message", "stay_id": stay.id, "text": "Hi", "client_ref": name })).await;
    for (reader, expected) in [(staff, json!(name)), (hotel.manager().await, json!(null))] {
        let mut socket = TestSocket::open(&reader).await;
        let named = json!({ "stay_ids": [stay.id] });
        let (replayed, _) = socket.resume(resume_from(&socket.welcome, before.clone(), named)).await;
        let messages = of_type(&replayed, "new_message");
        assert_eq!((messages.len(), &messages[0]["client_ref"]), (1, &expected));
    }
});

/// The events that a socket receives if it resumes from here.
async fn replay_after(staff: &StaffClient, stay: &TestStay, seq: &Value) -> Vec<Value> {
    let mut socket = TestSocket::open(staff).await;
    let (replayed, resumed) =
        socket.resume(resume_from(&socket.welcome, seq.clone(), json!({ "stay_ids": [stay.id] }))).await;
    assert_eq!(resumed["type"], "resumed");
    replayed
}

on_both!(acknowledged_messages_are_replayed_after_a_crash, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let before = read_cursor(&staff).await;
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let mut acknowledged = Vec::new();
    for n in 0..20 {
        let send = json!({ "command": "send_message", "stay_id": stay.id, "text": format!("message {n}") });
        acknowledged.push(socket.ok(send).await["message"]["content"].clone());
    }
    world.kill();
    assert_eq!(socket.closed().await, 1006);
    world.serve();
    assert_eq!(read_cursor(&staff).await["epoch"], before["epoch"]);
    let replayed = replay_after(&staff, &stay, &before["seq"]).await;
    assert_eq!(json!(message_texts(&replayed)), json!(acknowledged));
});
