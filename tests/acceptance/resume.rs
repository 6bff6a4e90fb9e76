//! Resuming: what was missed is told, once and in order, and then what happens.

use std::collections::BTreeMap;

use acceptance::{Hotel, Options, PASSWORD, Socket, Staff, Stay, Value, json, on_both, unique};

use crate::told::{in_order, one, only, said, seqs, words};

/// What a socket resumes with that has seen all up to here.
fn from(welcome: &Value, seq: impl Into<Value>, more: Value) -> Value {
    let mut all = json!({ "epoch": welcome["epoch"], "after_seq": seq.into() });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

/// The epoch and the place that REST tells beside a page.
pub async fn cursor(staff: &Staff) -> Value {
    let list = staff.get("conversations/").await;
    let seq: i64 = list.header("x-event-seq").unwrap().parse().unwrap();
    json!({ "epoch": list.header("x-event-epoch").unwrap(), "seq": seq })
}

/// Events as a replay may give them: of the changes of a conversation only the newest.
fn newest_changes(events: Vec<Value>) -> Vec<Value> {
    let mut newest = BTreeMap::new();
    for event in events.iter().filter(|it| it["type"] == "conversation_updated") {
        newest.insert(event["conversation_id"].as_i64(), event["seq"].clone());
    }
    let is_old =
        |it: &Value| it["type"] == "conversation_updated" && newest[&it["conversation_id"].as_i64()] != it["seq"];
    events.into_iter().filter(|it| !is_old(it)).collect()
}

/// Something of everything, seen from department 0.
pub async fn a_busy_minute(hotel: &Hotel) {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    hotel.guest_says(&stay.phone, "one").await;
    hotel.says(&staff, &stay, "two").await;
    manager.post(stay.path("notes/"), json!({ "text": "a note" })).await.is(201);
    hotel.guest_says(&hotel.new_phone(), "somebody new").await;
    hotel.guest_says(&hotel.relay(1).phone, "not for department 0").await;
    hotel.guest_says(&hotel.active(0).phone, "for all").await;
    manager.post_empty(stay.path("close/")).await.is(200);
    manager.post_empty(stay.path("reopen/")).await.is(200);
    let body = json!({ "department_id": hotel.departments[0].id });
    manager.post(hotel.active(1).path("start_relay/"), body).await.is(200);
    hotel.says(&manager, &stay, "three").await;
}

on_both!(what_was_missed_is_what_another_was_told, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut stayed = Socket::open(&staff).await;
    let mut left = Socket::open(&staff).await;
    for socket in [&mut stayed, &mut left] {
        socket.subscribe_to_inbox().await;
        socket.subscribe(stay.id).await;
        socket.subscribe(hotel.active(1).id).await;
    }
    hotel.guest_says(&stay.phone, "before").await;
    let seen = left.so_far(&hotel).await;
    assert_eq!(seqs(&stayed.so_far(&hotel).await), seqs(&seen));
    let last = *seqs(&seen).last().unwrap();
    drop(left);
    a_busy_minute(&hotel).await;
    let told = stayed.so_far(&hotel).await;
    let mut back = Socket::open(&staff).await;
    let named = json!({ "stay_ids": [stay.id], "conversation_ids": [hotel.active(1).conversation], "inbox": true });
    let (replayed, resumed) = back.resume(from(&back.welcome, last, named)).await;
    in_order(&replayed);
    assert_eq!(resumed["replayed"], replayed.len());
    // The fence's events belong to the inbox too.
    let fence = hotel.fence().conversation;
    let replayed: Vec<Value> = replayed.into_iter().filter(|it| it["conversation_id"] != fence).collect();
    assert_eq!(seqs(&newest_changes(replayed.clone())), seqs(&newest_changes(told.clone())));
    for word in ["new_message", "new_note", "new_conversation"] {
        assert_eq!(only(&replayed, word), only(&told, word), "{word}");
    }
    assert_eq!((said(&replayed), only(&replayed, "new_conversation").len()), (vec!["one", "two", "three"], 2));
    // And on it goes, once.
    hotel.guest_says(&stay.phone, "after").await;
    let (stayed, back) = (stayed.so_far(&hotel).await, back.so_far(&hotel).await);
    assert_eq!(stayed, back);
    assert_eq!(words(&back), ["new_message", "conversation_updated"]);
});

on_both!(a_page_and_a_resume_leave_no_gap, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    hotel.guest_says(&stay.phone, "on the page").await;
    let page = staff.get(stay.path("messages/?limit=1")).await;
    let seq: i64 = page.header("x-event-seq").unwrap().parse().unwrap();
    assert_eq!(page.json()[0]["content"], "on the page");
    hotel.guest_says(&stay.phone, "after the page").await;
    let mut socket = Socket::open(&staff).await;
    assert_eq!(page.header("x-event-epoch"), socket.welcome["epoch"].as_str());
    let (replayed, resumed) = socket.resume(from(&socket.welcome, seq, json!({ "stay_ids": [stay.id] }))).await;
    assert_eq!((said(&replayed), &resumed["replayed"]), (vec!["after the page"], &json!(1)));
    assert_eq!(resumed["seq"], cursor(&staff).await["seq"]);
});

on_both!(nothing_missed_is_nothing_told, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    hotel.guest_says(&stay.phone, "before").await;
    let mut socket = Socket::open(&staff).await;
    let seq = socket.welcome["seq"].clone();
    let ids = json!({ "stay_ids": [stay.id, stay.id], "conversation_ids": [stay.conversation], "inbox": true });
    let mut resume = from(&socket.welcome, seq.clone(), ids);
    resume["command"] = "resume".into();
    // With a `request_id` its outcome is told as well as that it is over.
    let ack = socket.ok(resume).await;
    assert_eq!(ack["seq"], seq);
    assert_eq!(socket.waiting(), [json!({ "type": "resumed", "seq": seq, "replayed": 0 })]);
    hotel.guest_says(&stay.phone, "after").await;
    assert_eq!(words(&socket.so_far(&hotel).await), ["new_message", "conversation_updated"]);
});

on_both!(who_subscribes_to_nothing_is_told_of_new_conversations, |hotel| {
    let staff = hotel.of(0).await;
    let before = cursor(&staff).await["seq"].clone();
    let made = hotel.guest_says(&hotel.new_phone(), "Hello?").await;
    let mut socket = Socket::open(&staff).await;
    let (replayed, _) = socket.resume(from(&socket.welcome, before, json!({}))).await;
    assert_eq!(one(replayed, "new_conversation")["conversation_id"], made["conversation_id"]);
});

on_both!(what_is_out_of_sight_is_said_and_the_rest_goes_on, |hotel| {
    let (staff, stay, theirs) = (hotel.of(0).await, hotel.relay(0), hotel.relay(1));
    let before = cursor(&staff).await["seq"].clone();
    for stay in [&stay, &theirs] {
        hotel.guest_says(&stay.phone, "Hello").await;
    }
    let mut socket = Socket::open(&staff).await;
    let named =
        json!({ "conversation_ids": [theirs.conversation, 9_000_000_000_i64], "stay_ids": [theirs.id, stay.id] });
    let (told, resumed) = socket.resume(from(&socket.welcome, before, named)).await;
    let mut lost: Vec<(Option<i64>, Option<i64>)> =
        only(&told, "unsubscribed").iter().map(|it| (it["conversation_id"].as_i64(), it["stay_id"].as_i64())).collect();
    lost.sort_unstable();
    let expected = [(None, Some(theirs.id)), (Some(theirs.conversation), None), (Some(9_000_000_000), None)];
    assert_eq!(lost, expected);
    assert_eq!((said(&told), &resumed["replayed"]), (vec!["Hello"], &json!(1)));
    hotel.guest_says(&theirs.phone, "not for you").await;
    hotel.guest_says(&stay.phone, "for you").await;
    assert_eq!(said(&socket.so_far(&hotel).await), ["for you"]);
});

on_both!(a_worthless_cursor_is_said_to_be_so, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(stay.id).await;
    hotel.guest_says(&stay.phone, "live").await;
    socket.expect("new_message").await;
    let head = cursor(&staff).await;
    let other_epoch = json!({ "epoch": "another", "after_seq": head["seq"], "inbox": true });
    let ahead = from(&head, head["seq"].as_i64().unwrap() + 1, json!({ "stay_ids": [hotel.active(0).id] }));
    for worthless in [other_epoch, ahead] {
        let (replayed, told) = socket.resume(worthless).await;
        assert_eq!((replayed.len(), &told["type"]), (0, &json!("resync_required")));
        assert_eq!((&told["epoch"], &told["seq"]), (&head["epoch"], &head["seq"]));
    }
    // What it had it keeps; what it asked for it has not got.
    hotel.guest_says(&hotel.active(0).phone, "not subscribed to").await;
    hotel.guest_says(&stay.phone, "still live").await;
    assert_eq!(said(&socket.so_far(&hotel).await), ["still live"]);
    let (replayed, resumed) = socket.resume(from(&head, head["seq"].clone(), json!({}))).await;
    assert_eq!((replayed.len(), &resumed["type"]), (0, &json!("resumed")));
});

on_both!(the_log_goes_back_as_far_as_it_is_kept, Options::default().set("EVENT_RETENTION_DAYS", 1) => |world| {
    let hotel = world.hotel();
    let stay = hotel.relay(0);
    let old = cursor(&hotel.of(0).await).await;
    for words in ["long ago", "long ago as well"] {
        hotel.guest_says(&stay.phone, words).await;
    }
    let young = cursor(&hotel.of(0).await).await;
    world.advance(2 * 86_400);
    // It forgets as it starts.
    world.kill();
    world.serve();
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    hotel.guest_says(&stay.phone, "now").await;
    let named = json!({ "stay_ids": [stay.id] });
    let mut socket = Socket::open(&staff).await;
    let told = loop {
        let (_, told) = socket.resume(from(&old, old["seq"].clone(), named.clone())).await;
        if told["type"] == "resync_required" {
            break told;
        }
        // Forgetting is under way; what was told now is not told again here.
        socket = Socket::open(&staff).await;
    };
    assert_eq!((&told["epoch"], &told["seq"]), (&old["epoch"], &cursor(&staff).await["seq"]));
    // The place before the first that is kept is good.
    let (replayed, _) = socket.resume(from(&young, young["seq"].clone(), named)).await;
    assert_eq!(said(&replayed), ["now"]);
});

on_both!(what_was_told_live_is_not_told_again, |hotel| {
    let (staff, stay, other) = (hotel.of(0).await, hotel.relay(0), hotel.active(0));
    let mut socket = Socket::open(&staff).await;
    let begin = socket.welcome["seq"].clone();
    hotel.guest_says(&stay.phone, "before it subscribed").await;
    socket.subscribe(stay.id).await;
    hotel.guest_says(&stay.phone, "live").await;
    hotel.guest_says(&other.phone, "of the other").await;
    hotel.guest_says(&hotel.new_phone(), "somebody new").await;
    staff.post_empty(stay.path("close/")).await.is(200);
    let live = socket.so_far(&hotel).await;
    assert_eq!(words(&live), ["new_message", "new_conversation", "conversation_updated"]);
    let named = json!({ "stay_ids": [stay.id, other.id], "inbox": true });
    let (replayed, resumed) = socket.resume(from(&socket.welcome, begin, named.clone())).await;
    assert_eq!(said(&replayed), ["before it subscribed", "of the other"]);
    assert!(only(&replayed, "new_conversation").is_empty(), "{replayed:?}");
    let twice: Vec<i64> = seqs(&replayed).into_iter().filter(|it| seqs(&live).contains(it)).collect();
    assert!(twice.is_empty(), "told twice: {twice:?}");
    in_order(&replayed);
    assert_eq!(resumed["replayed"], replayed.len());
    // From here its `seq` is a cursor.
    let (replayed, _) = socket.resume(from(&socket.welcome, resumed["seq"].clone(), named)).await;
    assert!(replayed.is_empty(), "{replayed:?}");
});

on_both!(what_left_sight_meanwhile_leaves_the_inbox, |hotel| {
    let departments = [hotel.departments[0].id, hotel.departments[1].id];
    let staff = hotel.hire("staff", &departments).await;
    let manager = hotel.manager().await;
    let before = cursor(&staff).await["seq"].clone();
    // Routed away, and taken away with a department.
    let body = json!({ "department_id": hotel.departments[2].id });
    manager.post(hotel.relay(0).path("start_relay/"), body).await.is(200);
    let body = json!({ "department_ids": [hotel.departments[0].id] });
    manager.patch(format!("staff/{}/", staff.id), body).await.is(200);
    hotel.guest_says(&hotel.relay(1).phone, "not for you").await;
    let mut socket = Socket::open(&staff).await;
    let (replayed, _) = socket.resume(from(&socket.welcome, before, json!({ "inbox": true }))).await;
    assert_eq!(words(&replayed), ["conversation_removed"; 2]);
    let removed: Vec<Option<i64>> = replayed.iter().map(|it| it["stay_id"].as_i64()).collect();
    assert_eq!(removed, [Some(hotel.relay(0).id), Some(hotel.relay(1).id)]);
});

on_both!(ones_own_names_come_back_in_a_replay, |hotel| {
    let (staff, stay, name) = (hotel.of(0).await, hotel.relay(0), unique("ref"));
    let before = cursor(&staff).await["seq"].clone();
    let mut socket = Socket::open(&staff).await;
    socket.ok(json!({ "command": "send_message", "stay_id": stay.id, "text": "Hi", "client_ref": name })).await;
    for (who, shown) in [(staff, json!(name)), (hotel.manager().await, json!(null))] {
        let mut socket = Socket::open(&who).await;
        let named = json!({ "stay_ids": [stay.id] });
        let (replayed, _) = socket.resume(from(&socket.welcome, before.clone(), named)).await;
        let told = only(&replayed, "new_message");
        assert_eq!((told.len(), &told[0]["client_ref"]), (1, &shown));
    }
});

/// What a socket is told that resumes from here.
async fn missed(staff: &Staff, stay: &Stay, seq: &Value) -> Vec<Value> {
    let mut socket = Socket::open(staff).await;
    let (replayed, resumed) = socket.resume(from(&socket.welcome, seq.clone(), json!({ "stay_ids": [stay.id] }))).await;
    assert_eq!(resumed["type"], "resumed");
    replayed
}

on_both!(a_power_cut_loses_nothing, Options::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let before = cursor(&staff).await;
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let mut acknowledged = Vec::new();
    for n in 0..20 {
        let send = json!({ "command": "send_message", "stay_id": stay.id, "text": format!("message {n}") });
        acknowledged.push(socket.ok(send).await["message"]["content"].clone());
    }
    world.kill();
    assert_eq!(socket.closed().await, 1006);
    world.serve();
    assert_eq!(cursor(&staff).await["epoch"], before["epoch"]);
    let replayed = missed(&staff, &stay, &before["seq"]).await;
    assert_eq!(json!(said(&replayed)), json!(acknowledged));
});
