//! The event log over REST (`GET events/`): a client without a socket catches up page by page.

use acceptance::{PASSWORD, StaffClient, TestHotel, TestSocket, Value, WorldOptions, json, on_both, on_sqlite, unique};
use futures_util::future::join_all;

use crate::{
    event_assertions::{assert_in_order, event_types, message_texts, of_type, seqs},
    keys,
    resume::{read_cursor, record_varied_events},
};

/// A page covers at most this many events of the log.
const PAGE_SIZE: i64 = 1000;

async fn fetch_page(staff: &StaffClient, after_seq: i64) -> Value {
    let page = staff.get(format!("events/?after_seq={after_seq}")).await.is(200);
    assert_eq!(keys(&page), ["epoch", "results", "seq"]);
    page
}

fn events_of(page: &Value) -> Vec<Value> {
    page["results"].as_array().unwrap().clone()
}

/// All pages after a sequence number, up to the page that does not move `seq`.
async fn fetch_all_pages(staff: &StaffClient, mut after: i64) -> Vec<Value> {
    let mut pages = Vec::new();
    loop {
        let next = fetch_page(staff, after).await;
        let seq = next["seq"].as_i64().unwrap();
        if seq == after {
            assert!(events_of(&next).is_empty(), "{next}");
            return pages;
        }
        let reached = seqs(&events_of(&next));
        assert!(reached.iter().all(|it| (after + 1..=seq).contains(it)), "{after}, {seq}: {reached:?}");
        pages.push(next);
        after = seq;
    }
}

async fn log_head(staff: &StaffClient) -> i64 {
    read_cursor(staff).await["seq"].as_i64().unwrap()
}

/// The events that a socket receives if it resumes from here and follows everything visible.
async fn replay_by_socket(staff: &StaffClient, after: i64) -> Vec<Value> {
    let list = staff.get("conversations/?status=demo,checkin,active,relay,closed&page_size=100").await.is(200);
    let mut socket = TestSocket::open(staff).await.with_side_events();
    let conversation_ids = crate::ids(&list["results"]);
    let epoch = socket.welcome["epoch"].clone();
    let cursor = json!({ "epoch": epoch, "after_seq": after, "conversation_ids": conversation_ids, "inbox": true });
    socket.resume(cursor).await.0
}

/// Transfers a conversation from department 0 to department 1; its guest then writes again.
async fn transfer_with_note(hotel: &TestHotel) {
    let (stay, manager) = (hotel.relay(0), hotel.manager().await);
    let body = json!({ "department_id": hotel.departments[1].id, "note": "not for department 0" });
    manager.post(stay.path("start_relay/"), body).await.is(200);
    hotel.send_guest_message(&stay.phone, "to department 1").await;
}

on_both!(events_over_rest_equal_the_replay_of_a_socket, |hotel| {
    let manager = hotel.manager().await;
    let all_staff = [hotel.of(0).await, hotel.of(1).await, hotel.of(2).await, manager.clone()];
    let before = log_head(&manager).await;
    record_varied_events(&hotel).await;
    let name = unique("key");
    all_staff[0].key(&name).post(hotel.relay(0).path("send_message/"), json!({ "text": "mine" })).await.is(201);
    for transferred in [false, true] {
        if transferred {
            transfer_with_note(&hotel).await;
        }
        for staff in &all_staff {
            let read = fetch_page(staff, before).await;
            let events = events_of(&read);
            assert_in_order(&events);
            assert_eq!(events, replay_by_socket(staff, before).await, "{}", staff.username);
            assert_eq!(
                (&read["epoch"], &read["seq"]),
                (&read_cursor(staff).await["epoch"], &read_cursor(staff).await["seq"])
            );
        }
    }
    // Staff who lost the conversation get only its removal, the new department gets all events, and others get none.
    let conversation = hotel.relay(0).conversation;
    let of_conversation = |page: Value| -> Vec<Value> {
        events_of(&page).into_iter().filter(|it| it["conversation_id"] == conversation).collect()
    };
    let all = ["one", "two", "three", "mine", "to department 1"];
    assert_eq!(event_types(&of_conversation(fetch_page(&all_staff[0], before).await)), ["conversation_removed"]);
    assert_eq!(of_conversation(fetch_page(&all_staff[2], before).await), Vec::<Value>::new());
    let (new_department, by_manager) =
        (of_conversation(fetch_page(&all_staff[1], before).await), of_conversation(fetch_page(&manager, before).await));
    assert_eq!((message_texts(&new_department), message_texts(&by_manager)), (all.to_vec(), all.to_vec()));
    let notes: Vec<&Value> = of_type(&new_department, "new_note").iter().map(|it| &it["content"]).collect();
    assert_eq!(notes, ["a note", "not for department 0"]);
    // The conversation was routed from outside, so the department's members get `new_conversation`. The manager is a
    // member of no department.
    assert_eq!(
        (of_type(&new_department, "new_conversation").len(), of_type(&by_manager, "new_conversation").len()),
        (1, 0)
    );
});

on_both!(the_client_ref_is_shown_to_its_sender_only, |hotel| {
    let (staff, stay, name) = (hotel.of(0).await, hotel.relay(0), unique("key"));
    let before = log_head(&staff).await;
    staff.key(&name).post(stay.path("send_message/"), json!({ "text": "mine" })).await.is(201);
    for (reader, expected) in [(staff, json!(name)), (hotel.manager().await, json!(null))] {
        let events = events_of(&fetch_page(&reader, before).await);
        assert_eq!(of_type(&events, "new_message")[0]["client_ref"], expected);
    }
});

on_both!(lost_access_is_reported_as_conversation_removed, |hotel| {
    let departments = [hotel.departments[0].id, hotel.departments[1].id];
    let (staff, manager) = (hotel.hire("staff", &departments).await, hotel.manager().await);
    let before = log_head(&staff).await;
    hotel.send_guest_message(&hotel.relay(1).phone, "still yours").await;
    assert_eq!(message_texts(&events_of(&fetch_page(&staff, before).await)), ["still yours"]);
    let body = json!({ "department_ids": [hotel.departments[0].id] });
    manager.patch(format!("staff/{}/", staff.id), body).await.is(200);
    let events = events_of(&fetch_page(&staff, before).await);
    assert_eq!(event_types(&events), ["conversation_removed", "directory_updated"]);
    assert_eq!(events[0]["stay_id"], hotel.relay(1).id);
    assert!(events_of(&fetch_page(&manager, before).await).iter().all(|it| it["type"] != "conversation_removed"));
});

on_both!(a_long_log_is_read_in_pages, |hotel| {
    let (staff, manager, other_department) = (hotel.of(0).await, hotel.manager().await, hotel.relay(1));
    let before = log_head(&manager).await;
    let texts: Vec<String> = (0..550).map(|n| format!("message {n}")).collect();
    for chunk in texts.chunks(50) {
        join_all(chunk.iter().map(|words| hotel.send_guest_message(&other_department.phone, words))).await;
    }
    hotel.send_guest_message(&hotel.relay(0).phone, "for both").await;
    let end = log_head(&manager).await;
    assert!(end - before > PAGE_SIZE);
    // The first page contains no visible event, but its `seq` leads on.
    let first = fetch_page(&staff, before).await;
    assert_eq!((events_of(&first).len(), &first["seq"]), (0, &json!(before + PAGE_SIZE)));
    let pages_of_staff = fetch_all_pages(&staff, before).await;
    assert_eq!(message_texts(&pages_of_staff.iter().flat_map(events_of).collect::<Vec<_>>()), ["for both"]);
    let pages = fetch_all_pages(&manager, before).await;
    assert_eq!((pages.len(), &pages[0]["seq"], &pages[1]["seq"]), (2, &json!(before + PAGE_SIZE), &json!(end)));
    let all: Vec<Value> = pages.iter().flat_map(events_of).collect();
    assert_in_order(&all);
    let mut received = message_texts(&all);
    assert_eq!(received.pop(), Some("for both"));
    let (mut received, mut sent) = (received, texts.iter().map(String::as_str).collect::<Vec<_>>());
    received.sort_unstable();
    sent.sort_unstable();
    assert_eq!(received, sent);
});

on_both!(an_invalid_cursor_gets_resync_required, |hotel| {
    let staff = hotel.of(0).await;
    hotel.send_guest_message(&hotel.relay(0).phone, "hello").await;
    let cursor = read_cursor(&staff).await;
    let (epoch, seq) = (cursor["epoch"].as_str().unwrap(), cursor["seq"].as_i64().unwrap());
    for valid in [format!("after_seq={seq}"), format!("after_seq={seq}&epoch={epoch}")] {
        let read = staff.get(format!("events/?{valid}")).await.is(200);
        assert_eq!(read, json!({ "epoch": epoch, "seq": seq, "results": [] }));
    }
    for invalid in [
        format!("after_seq={}", seq + 1),
        format!("after_seq={}", i64::MAX),
        format!("after_seq={seq}&epoch=another"),
        format!("after_seq={seq}&epoch="),
    ] {
        staff.get(format!("events/?{invalid}")).await.problem(409, "resync_required");
    }
});

on_sqlite!(malformed_cursors_are_rejected, |hotel| {
    let staff = hotel.of(0).await;
    for bad in ["", "?", "?after_seq=", "?after_seq=-1", "?after_seq=x", "?after_seq=9223372036854775808", "?seq=1"] {
        assert_eq!(staff.get(format!("events/{bad}")).await.bad_fields(), ["after_seq"], "{bad}");
    }
    assert_eq!(staff.get("events/?epoch=a%00b&after_seq=x").await.bad_fields(), ["after_seq", "epoch"]);
    staff.with("accept", "text/html").get("events/").await.problem(406, "not_acceptable");
    staff.post("events/?after_seq=0", json!({})).await.problem(405, "method_not_allowed");
    let session = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    session.post_empty("/api/auth/logout/").await.is(204);
    session.get("events/").await.problem(401, "unauthenticated");
});

on_both!(a_cursor_older_than_the_retention_gets_resync_required, WorldOptions::default().set("EVENT_RETENTION_DAYS", 1) => |world| {
    let hotel = world.hotel();
    let stay = hotel.relay(0);
    let old = log_head(&hotel.of(0).await).await;
    hotel.send_guest_message(&stay.phone, "long ago").await;
    let young = log_head(&hotel.of(0).await).await;
    world.advance(2 * 86_400);
    // Maintenance runs at the start.
    world.kill();
    world.serve();
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    hotel.send_guest_message(&stay.phone, "now").await;
    while world.number(&format!("SELECT min(seq) FROM events WHERE hotel_id = {}", hotel.id)) <= young {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    staff.get(format!("events/?after_seq={old}")).await.problem(409, "resync_required");
    // The sequence number before the first stored event is still a valid cursor.
    assert_eq!(message_texts(&events_of(&fetch_page(&staff, young).await)), ["now"]);
});
