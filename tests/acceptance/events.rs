//! The event log over REST: what who has no socket is told, page by page.

use acceptance::{Hotel, Options, PASSWORD, Socket, Staff, Value, json, on_both, unique};
use futures_util::future::join_all;

use crate::{
    keys,
    resume::{a_busy_minute, cursor},
    told::{in_order, only, said, seqs, words},
};

/// So many events an answer looks at, and holds at most.
const PAGE: i64 = 1000;

/// A page of the log.
async fn page(staff: &Staff, after: i64) -> Value {
    let page = staff.get(format!("events/?after_seq={after}")).await.is(200);
    assert_eq!(keys(&page), ["epoch", "results", "seq"]);
    page
}

/// The events of a page.
fn events(page: &Value) -> Vec<Value> {
    page["results"].as_array().unwrap().clone()
}

/// All pages from here to the end, which is where `seq` stands still.
async fn all_pages(staff: &Staff, mut after: i64) -> Vec<Value> {
    let mut pages = Vec::new();
    loop {
        let next = page(staff, after).await;
        let seq = next["seq"].as_i64().unwrap();
        if seq == after {
            assert!(events(&next).is_empty(), "{next}");
            return pages;
        }
        let reached = seqs(&events(&next));
        assert!(reached.iter().all(|it| (after + 1..=seq).contains(it)), "{after}, {seq}: {reached:?}");
        pages.push(next);
        after = seq;
    }
}

async fn head(staff: &Staff) -> i64 {
    cursor(staff).await["seq"].as_i64().unwrap()
}

/// What a socket is told that resumes from here with all that its staff member sees.
async fn resumed(staff: &Staff, after: i64) -> Vec<Value> {
    let list = staff.get("conversations/?status=demo,checkin,active,relay,closed&page_size=100").await.is(200);
    let mut socket = Socket::open(staff).await;
    let all = crate::ids(&list["results"]);
    let epoch = socket.welcome["epoch"].clone();
    let what = json!({ "epoch": epoch, "after_seq": after, "conversation_ids": all, "inbox": true });
    socket.resume(what).await.0
}

/// A conversation of department 0 goes to department 1, where it goes on.
async fn a_transfer(hotel: &Hotel) {
    let (stay, manager) = (hotel.relay(0), hotel.manager().await);
    let body = json!({ "department_id": hotel.departments[1].id, "note": "not for department 0" });
    manager.post(stay.path("start_relay/"), body).await.is(200);
    hotel.guest_says(&stay.phone, "to department 1").await;
}

on_both!(what_is_read_is_what_a_socket_is_told, |hotel| {
    let manager = hotel.manager().await;
    let everybody = [hotel.of(0).await, hotel.of(1).await, hotel.of(2).await, manager.clone()];
    let before = head(&manager).await;
    a_busy_minute(&hotel).await;
    let name = unique("key");
    everybody[0].key(&name).post(hotel.relay(0).path("send_message/"), json!({ "text": "mine" })).await.is(201);
    for transferred in [false, true] {
        if transferred {
            a_transfer(&hotel).await;
        }
        for staff in &everybody {
            let read = page(staff, before).await;
            let told = events(&read);
            in_order(&told);
            assert_eq!(told, resumed(staff, before).await, "{}", staff.username);
            assert_eq!((&read["epoch"], &read["seq"]), (&cursor(staff).await["epoch"], &cursor(staff).await["seq"]));
        }
    }
    // Who has lost a conversation is told just that of it, who has it now all, and the others nothing.
    let conversation = hotel.relay(0).conversation;
    let of_it = |page: Value| -> Vec<Value> {
        events(&page).into_iter().filter(|it| it["conversation_id"] == conversation).collect()
    };
    let all = ["one", "two", "three", "mine", "to department 1"];
    assert_eq!(words(&of_it(page(&everybody[0], before).await)), ["conversation_removed"]);
    assert_eq!(of_it(page(&everybody[2], before).await), Vec::<Value>::new());
    let (has_it, managed) = (of_it(page(&everybody[1], before).await), of_it(page(&manager, before).await));
    assert_eq!((said(&has_it), said(&managed)), (all.to_vec(), all.to_vec()));
    let notes: Vec<&Value> = only(&has_it, "new_note").iter().map(|it| &it["content"]).collect();
    assert_eq!(notes, ["a note", "not for department 0"]);
    // It came to a department: its members are told, and the manager, who is in none, is not.
    assert_eq!((only(&has_it, "new_conversation").len(), only(&managed, "new_conversation").len()), (1, 0));
});

on_both!(ones_own_names_come_back_to_oneself, |hotel| {
    let (staff, stay, name) = (hotel.of(0).await, hotel.relay(0), unique("key"));
    let before = head(&staff).await;
    staff.key(&name).post(stay.path("send_message/"), json!({ "text": "mine" })).await.is(201);
    for (who, shown) in [(staff, json!(name)), (hotel.manager().await, json!(null))] {
        let told = events(&page(&who, before).await);
        assert_eq!(only(&told, "new_message")[0]["client_ref"], shown);
    }
});

on_both!(what_reach_has_lost_is_told_as_lost, |hotel| {
    let departments = [hotel.departments[0].id, hotel.departments[1].id];
    let (staff, manager) = (hotel.hire("staff", &departments).await, hotel.manager().await);
    let before = head(&staff).await;
    hotel.guest_says(&hotel.relay(1).phone, "still yours").await;
    assert_eq!(said(&events(&page(&staff, before).await)), ["still yours"]);
    let body = json!({ "department_ids": [hotel.departments[0].id] });
    manager.patch(format!("staff/{}/", staff.id), body).await.is(200);
    let told = events(&page(&staff, before).await);
    assert_eq!(words(&told), ["conversation_removed"]);
    assert_eq!(told[0]["stay_id"], hotel.relay(1).id);
    assert!(events(&page(&manager, before).await).iter().all(|it| it["type"] != "conversation_removed"));
});

on_both!(a_long_log_is_read_page_by_page, |hotel| {
    let (staff, manager, theirs) = (hotel.of(0).await, hotel.manager().await, hotel.relay(1));
    let before = head(&manager).await;
    let texts: Vec<String> = (0..550).map(|n| format!("message {n}")).collect();
    for some in texts.chunks(50) {
        join_all(some.iter().map(|words| hotel.guest_says(&theirs.phone, words))).await;
    }
    hotel.guest_says(&hotel.relay(0).phone, "for both").await;
    let end = head(&manager).await;
    assert!(end - before > PAGE);
    // Of the first page nothing concerns them: it leads on all the same.
    let first = page(&staff, before).await;
    assert_eq!((events(&first).len(), &first["seq"]), (0, &json!(before + PAGE)));
    let told = all_pages(&staff, before).await;
    assert_eq!(said(&told.iter().flat_map(events).collect::<Vec<_>>()), ["for both"]);
    let pages = all_pages(&manager, before).await;
    assert_eq!((pages.len(), &pages[0]["seq"], &pages[1]["seq"]), (2, &json!(before + PAGE), &json!(end)));
    let all: Vec<Value> = pages.iter().flat_map(events).collect();
    in_order(&all);
    let mut came = said(&all);
    assert_eq!(came.pop(), Some("for both"));
    let (mut came, mut sent) = (came, texts.iter().map(String::as_str).collect::<Vec<_>>());
    came.sort_unstable();
    sent.sort_unstable();
    assert_eq!(came, sent);
});

on_both!(a_worthless_cursor_is_a_conflict, |hotel| {
    let staff = hotel.of(0).await;
    hotel.guest_says(&hotel.relay(0).phone, "hello").await;
    let cursor = cursor(&staff).await;
    let (epoch, seq) = (cursor["epoch"].as_str().unwrap(), cursor["seq"].as_i64().unwrap());
    for good in [format!("after_seq={seq}"), format!("after_seq={seq}&epoch={epoch}")] {
        let read = staff.get(format!("events/?{good}")).await.is(200);
        assert_eq!(read, json!({ "epoch": epoch, "seq": seq, "results": [] }));
    }
    for worthless in [
        format!("after_seq={}", seq + 1),
        format!("after_seq={}", i64::MAX),
        format!("after_seq={seq}&epoch=another"),
        format!("after_seq={seq}&epoch="),
    ] {
        staff.get(format!("events/?{worthless}")).await.problem(409, "resync_required");
    }
});

on_both!(a_cursor_has_to_be_one, |hotel| {
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

on_both!(what_is_forgotten_is_told_to_be, Options::default().set("EVENT_RETENTION_DAYS", 1) => |world| {
    let hotel = world.hotel();
    let stay = hotel.relay(0);
    let old = head(&hotel.of(0).await).await;
    hotel.guest_says(&stay.phone, "long ago").await;
    let young = head(&hotel.of(0).await).await;
    world.advance(2 * 86_400);
    // It forgets as it starts.
    world.kill();
    world.serve();
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    hotel.guest_says(&stay.phone, "now").await;
    while world.number(&format!("SELECT min(seq) FROM events WHERE hotel_id = {}", hotel.id)) <= young {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    staff.get(format!("events/?after_seq={old}")).await.problem(409, "resync_required");
    // The place before the first that is kept is good.
    assert_eq!(said(&events(&page(&staff, young).await)), ["now"]);
});
