//! Conversations: lists, details, and their moves.

use acceptance::{Client, Hotel, Stay, Value, json, on_both};

use crate::{has_keys, ids, keys};

const ITEM: [&str; 12] = [
    "assigned_to",
    "department_name",
    "guest_name",
    "id",
    "last_guest_message_at",
    "last_message",
    "room_number",
    "status",
    "stay_id",
    "unread_count",
    "updated_at",
    "window_expires_at",
];

async fn shown(client: &Client, stay: &Stay) -> Value {
    client.get(stay.path("")).await.is(200)
}

/// Status, name of the department, id of the assignee.
fn place(it: &Value) -> (&str, Option<&str>, Option<i64>) {
    (it["status"].as_str().unwrap(), it["department_name"].as_str(), it["assigned_to"]["id"].as_i64())
}

async fn listed(client: &Client, query: &str) -> Vec<i64> {
    let mut found = ids(&client.get(format!("conversations/?{query}")).await.is(200)["results"]);
    found.sort_unstable();
    found
}

fn conversations<'a>(stays: impl IntoIterator<Item = &'a Stay>) -> Vec<i64> {
    let mut found: Vec<i64> = stays.into_iter().map(|it| it.conversation).collect();
    found.sort_unstable();
    found
}

fn name(hotel: &Hotel, department: usize) -> Option<&str> {
    Some(hotel.departments[department].name.as_str())
}

on_both!(the_list_is_what_is_in_relay_with_ones_departments, |hotel| {
    let list = hotel.of(0).await.get("conversations/").await.is(200);
    assert_eq!(ids(&list["results"]), [hotel.relay(0).conversation]);
    let all = listed(&*hotel.manager().await, "").await;
    assert_eq!(all, conversations(hotel.stays.iter().filter(|it| it.status == "relay")));
    let item = &list["results"][0];
    assert_eq!(keys(item), ITEM);
    assert_eq!(item["window_expires_at"], json!(null));
    assert_eq!(item["stay_id"], hotel.relay(0).id);
    assert_eq!(item["room_number"], hotel.relay(0).room);
    assert_eq!(keys(&item["last_message"]), ["content", "sender_type", "timestamp"]);
});

on_both!(filters_widen_and_narrow, |hotel| {
    let (staff, manager) = (hotel.of(0).await, hotel.manager().await);
    let active = || hotel.stays.iter().filter(|it| it.status == "active");
    let relay = || hotel.stays.iter().filter(|it| it.status == "relay");
    assert_eq!(listed(&staff, "status=active").await, conversations(active()));
    let mine = hotel.relay(0);
    assert_eq!(listed(&staff, "status=active,relay").await, conversations(active().chain([&mine])));
    assert_eq!(listed(&manager, "status=relay").await, conversations(relay()));
    assert_eq!(
        listed(&manager, &format!("department={}", hotel.departments[1].id)).await,
        [hotel.relay(1).conversation]
    );
    assert!(listed(&staff, &format!("department={}", hotel.departments[1].id)).await.is_empty());
    manager.post(mine.path("assign/"), json!({ "staff_id": staff.id })).await.is(200);
    assert_eq!(listed(&staff, "assigned_to=me").await, [mine.conversation]);
    assert_eq!(listed(&manager, &format!("assigned_to={}", staff.id)).await, [mine.conversation]);
    assert!(listed(&manager, "assigned_to=me").await.is_empty());
    assert!(!listed(&manager, "assigned_to=none").await.contains(&mine.conversation));
    staff.post_empty(mine.path("close/")).await.is(200);
    assert_eq!(listed(&staff, "status=closed").await, [mine.conversation]);
    assert!(listed(&*hotel.of(1).await, "status=closed").await.is_empty());
});

on_both!(unread_narrows, |hotel| {
    let staff = hotel.of(0).await;
    let stay = hotel.relay(0);
    hotel.guest_says(&stay.phone, "hello?").await;
    assert_eq!(listed(&staff, "unread=true").await, [stay.conversation]);
    hotel.says(&staff, &stay, "yes").await;
    assert!(listed(&staff, "unread=true").await.is_empty());
    // Read marks are each one's own.
    assert!(listed(&*hotel.manager().await, "unread=true").await.contains(&stay.conversation));
});

on_both!(search_finds_name_room_and_phone, |hotel| {
    let manager = hotel.manager().await;
    let phone = hotel.new_phone();
    let code = acceptance::unique("R");
    let csv = format!(
        "reservation_code,guest_name,guest_phone,room_number,check_in,check_out\n\
        {code},Zoë Ångström-Müller,{phone},Suite 9Q,2020-01-01,2099-01-01\n"
    );
    hotel.import(&csv);
    let made = hotel.guest_says(&phone, "hi").await["conversation_id"].as_i64().unwrap();
    for words in ["zoe", "ZO%C3%8B", "angstrom", "ngstr", "9q", &phone[1..], "suite%209"] {
        let query = format!("status=active&search={words}");
        assert_eq!(listed(&manager, &query).await, [made], "{words}");
    }
    for words in ["zoey", "%25", "_", "suite%20_"] {
        assert!(!listed(&manager, &format!("status=active&search={words}")).await.contains(&made), "{words}");
    }
});

on_both!(the_newest_change_is_first, |hotel| {
    let manager = hotel.manager().await;
    for stay in [hotel.relay(1), hotel.relay(0), hotel.relay(2)] {
        hotel.guest_says(&stay.phone, "me now").await;
        let list = manager.get("conversations/").await.is(200);
        assert_eq!(list["results"][0]["id"], stay.conversation);
    }
    let list = manager.get("conversations/").await.is(200);
    let times: Vec<&str> =
        list["results"].as_array().unwrap().iter().map(|it| it["updated_at"].as_str().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "{times:?}");
    // A note moves it as well, without being its last message.
    manager.post(hotel.relay(1).path("notes/"), json!({ "text": "psst" })).await.is(201);
    let first = manager.get("conversations/").await.is(200)["results"][0].clone();
    assert_eq!(
        (&first["id"], &first["last_message"]["content"]),
        (&json!(hotel.relay(1).conversation), &json!("me now"))
    );
});

on_both!(active_conversations_are_a_plain_list, |hotel| {
    let stay = hotel.active(1);
    hotel.guest_says(&stay.phone, "the newest").await;
    let list = hotel.of(0).await.get("conversations/active_conversations/").await.is(200);
    let mut found = ids(&list);
    assert_eq!(found[0], stay.conversation);
    found.sort_unstable();
    assert_eq!(found, conversations(hotel.stays.iter().filter(|it| it.status == "active")));
    assert_eq!(keys(&list[0]), ITEM);
    assert_eq!(list[0]["department_name"], json!(null));
});

on_both!(details_say_more, |hotel| {
    let stay = hotel.relay(0);
    let it = shown(&*hotel.of(0).await, &stay).await;
    has_keys(&it, &ITEM);
    has_keys(&it, &["guest_phone", "context_data", "created_at", "current_step", "check_in", "check_out"]);
    assert_eq!((&it["guest_phone"], &it["context_data"]), (&json!(stay.phone), &json!({})));
    assert!(it["check_in"].as_str().is_some_and(|day| day.len() == 10), "{it}");
    assert_eq!(it["status"], "relay");
});

on_both!(an_answer_takes_an_unrouted_one_over, |hotel| {
    let (staff, stay) = (hotel.of(1).await, hotel.active(0));
    hotel.says(&staff, &stay, "I am on it").await;
    assert_eq!(place(&shown(&staff, &stay).await), ("relay", name(&hotel, 1), Some(staff.id)));
    hotel.of(0).await.get(stay.path("")).await.problem(404, "not_found");
    // On a routed one the first answer assigns, later ones do not.
    let (manager, routed) = (hotel.manager().await, hotel.relay(0));
    manager.post(routed.path("assign/"), json!({ "staff_id": null })).await.is(200);
    let colleague = hotel.of(0).await;
    hotel.says(&colleague, &routed, "first").await;
    hotel.says(&manager, &routed, "second").await;
    assert_eq!(shown(&manager, &routed).await["assigned_to"], json!({ "id": colleague.id, "name": colleague.name() }));
});

on_both!(a_manager_takes_over_to_the_default_department, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.active(0));
    assert_eq!(manager.me["departments"], json!([]));
    let default = manager.get("hotel/").await.is(200)["default_department_id"].clone();
    assert_eq!(default, hotel.departments.iter().map(|it| it.id).min().unwrap());
    hotel.says(&manager, &stay, "I am on it").await;
    let it = shown(&manager, &stay).await;
    let first = hotel.departments.iter().min_by_key(|it| it.id).unwrap();
    assert_eq!(place(&it), ("relay", Some(first.name.as_str()), Some(manager.id)));
});

on_both!(without_a_department_nothing_is_taken_over, |hotel| {
    let (loner, stay) = (hotel.hire("staff", &[]).await, hotel.active(0));
    let body = json!({ "text": "I would like to" });
    loner.post(stay.path("send_message/"), body).await.problem(409, "no_department");
    assert_eq!(place(&shown(&loner, &stay).await), ("active", None, None));
    loner.get(hotel.relay(0).path("")).await.problem(404, "not_found");
});

on_both!(end_relay_gives_back, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    assert_eq!(staff.post_empty(stay.path("end_relay/")).await.is(200), json!({ "status": "relay ended" }));
    assert_eq!(place(&shown(&staff, &stay).await), ("active", None, None));
    staff.post_empty(stay.path("end_relay/")).await.problem(409, "not_in_relay");
    // Every colleague sees it now.
    shown(&*hotel.of(2).await, &stay).await;
    staff.post_empty(stay.path("close/")).await.is(200);
    staff.post_empty(stay.path("end_relay/")).await.problem(409, "not_in_relay");
});

on_both!(start_relay_routes_and_transfers, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.active(0));
    let to = |department: usize| json!({ "department_id": hotel.departments[department].id, "note": "please look" });
    let routed = staff.post(stay.path("start_relay/"), to(0)).await.is(200);
    assert_eq!(place(&routed), ("relay", name(&hotel, 0), None));
    let notes = staff.get(stay.path("messages/?include=notes&limit=1")).await.is(200);
    assert_eq!((&notes[0]["content"], &notes[0]["internal"]), (&json!("please look"), &json!(true)));
    hotel.says(&staff, &stay, "mine").await;
    // The one who transfers it away is shown where it went, and sees it no more.
    let gone = staff.post(stay.path("start_relay/"), to(1)).await.is(200);
    assert_eq!(place(&gone), ("relay", name(&hotel, 1), None));
    staff.get(stay.path("")).await.problem(404, "not_found");
    let note = hotel.of(1).await.get(stay.path("messages/?include=notes&limit=1")).await.is(200);
    assert_eq!(note[0]["content"], "please look");
});

on_both!(a_transfer_keeps_an_assignee_who_still_sees, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    manager.post(stay.path("assign/"), json!({ "staff_id": manager.id })).await.is(200);
    let body = json!({ "department_id": hotel.departments[2].id });
    let moved = manager.post(stay.path("start_relay/"), body).await.is(200);
    assert_eq!(place(&moved), ("relay", name(&hotel, 2), Some(manager.id)));
});

on_both!(start_relay_wants_a_department_of_the_hotel, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.active(0));
    let theirs = hotel.world.generated["hotels"].as_array().unwrap().last().unwrap()["departments"][0]["id"].clone();
    let bad = [
        json!({}),
        json!({ "department_id": theirs }),
        json!({ "department_id": 0 }),
        json!({ "department_id": "1" }),
        json!({ "department_id": null }),
        json!({ "department_id": 1.5 }),
        json!({ "department_id": 9_000_000_000_i64 }),
    ];
    for body in bad {
        assert_eq!(staff.post(stay.path("start_relay/"), body.clone()).await.bad_fields(), ["department_id"], "{body}");
    }
    let long = json!({ "department_id": hotel.departments[0].id, "note": "x".repeat(4097) });
    assert_eq!(staff.post(stay.path("start_relay/"), long).await.bad_fields(), ["note"]);
    assert_eq!(place(&shown(&staff, &stay).await), ("active", None, None));
});

on_both!(assign_wants_one_who_sees_it, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let assign = |body: Value| {
        let (client, path) = (manager.clone(), stay.path("assign/"));
        async move { client.post(path, body).await }
    };
    let member = hotel.member_of(0).id;
    assert_eq!(place(&assign(json!({ "staff_id": member })).await.is(200)).2, Some(member));
    assert_eq!(place(&assign(json!({ "staff_id": null })).await.is(200)).2, None);
    let theirs = hotel.world.generated["hotels"].as_array().unwrap().last().unwrap()["staff"][0]["id"].clone();
    for bad in [json!(hotel.member_of(1).id), theirs, json!(9_000_000_000_i64), json!("1"), json!(0)] {
        assert_eq!(assign(json!({ "staff_id": bad })).await.bad_fields(), ["staff_id"], "{bad}");
    }
    assert_eq!(assign(json!({})).await.bad_fields(), ["staff_id"]);
    // Everybody of the hotel sees an unrouted one.
    let unrouted = hotel.active(0);
    let body = json!({ "staff_id": hotel.member_of(2).id });
    let it = manager.post(unrouted.path("assign/"), body).await.is(200);
    assert_eq!(place(&it), ("active", None, Some(hotel.member_of(2).id)));
});

on_both!(close_keeps_and_reopen_gives_back, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    hotel.says(&staff, &stay, "mine").await;
    for _ in 0..2 {
        let closed = staff.post_empty(stay.path("close/")).await.is(200);
        assert_eq!(place(&closed), ("closed", name(&hotel, 0), Some(staff.id)));
    }
    hotel.of(1).await.get(stay.path("")).await.problem(404, "not_found");
    for _ in 0..2 {
        let open = staff.post_empty(stay.path("reopen/")).await.is(200);
        assert_eq!(place(&open), ("relay", name(&hotel, 0), Some(staff.id)));
    }
    let unrouted = hotel.active(0);
    staff.post_empty(unrouted.path("close/")).await.is(200);
    assert_eq!(place(&staff.post_empty(unrouted.path("reopen/")).await.is(200)), ("active", None, None));
});

on_both!(a_closed_one_refuses_all_but_reading_and_notes, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    staff.post_empty(stay.path("close/")).await.is(200);
    staff.post(stay.path("send_message/"), json!({ "text": "x" })).await.problem(409, "conversation_closed");
    let route = json!({ "department_id": hotel.departments[1].id });
    staff.post(stay.path("start_relay/"), route).await.problem(409, "conversation_closed");
    staff.post(stay.path("assign/"), json!({ "staff_id": staff.id })).await.problem(409, "conversation_closed");
    staff.post_empty(stay.path("end_relay/")).await.problem(409, "not_in_relay");
    staff.post(stay.path("notes/"), json!({ "text": "for the record" })).await.is(201);
    let last = staff.get(stay.path("messages/?limit=1")).await.is(200)[0]["id"].clone();
    staff.post(stay.path("read/"), json!({ "message_id": last })).await.is(204);
    assert_eq!(shown(&staff, &stay).await["status"], "closed");
});

on_both!(a_reply_to_what_is_stale_is_held_back, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let seen = hotel.guest_says(&stay.phone, "is there a pool?").await["message_id"].clone();
    let theirs = hotel.says(&manager, &stay, "there is").await;
    let note = manager.post(stay.path("notes/"), json!({ "text": "closed at 9" })).await.is(201);
    let more = hotel.guest_says(&stay.phone, "thanks").await["message_id"].clone();
    let body = json!({ "text": "yes, a pool", "seen_message_id": seen });
    let stale = staff.post(stay.path("send_message/"), body).await.problem(409, "stale_reply");
    assert_eq!(ids(&stale["newer"]), [&theirs["id"], &note["id"], &more].map(|it| it.as_i64().unwrap()));
    assert_eq!(stale["newer"][1]["internal"], true);
    assert_eq!(keys(&stale["newer"][0]), keys(&theirs));
    let unsent = staff.get(stay.path("messages/?limit=1")).await.is(200);
    assert_eq!(unsent[0]["id"], more);
    // Up to date again, it goes; what the guest wrote since does not hold it back.
    let body = json!({ "text": "anything else?", "seen_message_id": note["id"] });
    staff.post(stay.path("send_message/"), body).await.is(201);
});

on_both!(ones_own_words_make_no_reply_stale, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let seen = hotel.guest_says(&stay.phone, "hello").await["message_id"].clone();
    hotel.says(&staff, &stay, "one").await;
    hotel.guest_says(&stay.phone, "hello?").await;
    let body = json!({ "text": "two", "seen_message_id": seen });
    staff.post(stay.path("send_message/"), body).await.is(201);
    let elsewhere = hotel.guest_says(&hotel.active(0).phone, "me too").await["message_id"].clone();
    for bad in [elsewhere, json!(9_000_000_000_i64), json!("x"), json!(-1)] {
        let body = json!({ "text": "three", "seen_message_id": bad });
        assert_eq!(staff.post(stay.path("send_message/"), body).await.bad_fields(), ["seen_message_id"]);
    }
});

on_both!(read_marks_count, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let unread = || {
        let (client, stay) = (staff.clone(), stay.clone());
        async move { shown(&client, &stay).await["unread_count"].as_i64().unwrap() }
    };
    let guests = staff.get(stay.path("messages/")).await.is(200);
    let guests = guests.as_array().unwrap().iter().filter(|it| it["sender_type"] == "guest").count();
    // Without a mark all of the guest's messages are unread.
    let fresh = hotel.hire("staff", &[hotel.departments[0].id]).await;
    assert_eq!(shown(&fresh, &stay).await["unread_count"], guests);
    hotel.says(&staff, &stay, "all read").await;
    assert_eq!(unread().await, 0);
    let first = hotel.guest_says(&stay.phone, "one").await["message_id"].clone();
    let second = hotel.guest_says(&stay.phone, "two").await["message_id"].clone();
    staff.post(stay.path("notes/"), json!({ "text": "a note is not unread" })).await.is(201);
    hotel.says(&hotel.manager().await, &stay, "nor is a colleague's").await;
    assert_eq!(unread().await, 2);
    let read = |id: Value| {
        let (client, path) = (staff.clone(), stay.path("read/"));
        async move { client.post(path, json!({ "message_id": id })).await }
    };
    assert!(read(first.clone()).await.body.is_empty());
    assert_eq!(unread().await, 1);
    read(second).await.is(204);
    assert_eq!(unread().await, 0);
    // Never backwards.
    read(first).await.is(204);
    assert_eq!(unread().await, 0);
    let elsewhere = hotel.guest_says(&hotel.active(0).phone, "me too").await["message_id"].clone();
    for bad in [elsewhere, json!(0), json!(null), json!("1")] {
        assert_eq!(read(bad).await.bad_fields(), ["message_id"]);
    }
});

on_both!(a_staff_change_ends_an_assignment_out_of_sight, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let hired = hotel.hire("staff", &[hotel.departments[0].id]).await;
    let path = format!("staff/{}/", hired.id);
    manager.post(stay.path("assign/"), json!({ "staff_id": hired.id })).await.is(200);
    let both = [hotel.departments[1].id, hotel.departments[0].id];
    manager.patch(&path, json!({ "department_ids": both })).await.is(200);
    assert_eq!(shown(&manager, &stay).await["assigned_to"]["id"], hired.id);
    manager.patch(&path, json!({ "department_ids": [hotel.departments[1].id] })).await.is(200);
    assert_eq!(place(&shown(&manager, &stay).await), ("relay", name(&hotel, 0), None));
    hired.get(stay.path("")).await.problem(404, "not_found");
    let other = hotel.relay(1);
    manager.post(other.path("assign/"), json!({ "staff_id": hired.id })).await.is(200);
    manager.patch(&path, json!({ "active": false })).await.is(200);
    assert_eq!(place(&shown(&manager, &other).await).2, None);
    assert_eq!(manager.post(other.path("assign/"), json!({ "staff_id": hired.id })).await.bad_fields(), ["staff_id"]);
});

on_both!(moves_leave_an_audit_row, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    manager.post(stay.path("start_relay/"), json!({ "department_id": hotel.departments[1].id })).await.is(200);
    manager.post(stay.path("assign/"), json!({ "staff_id": manager.id })).await.is(200);
    manager.post_empty(stay.path("close/")).await.is(200);
    if hotel.world.backend == acceptance::Backend::Postgres {
        let sql = format!("SELECT count(*) FROM audit WHERE conversation_id = {}", stay.conversation);
        let rows: i64 = hotel.world.psql(&sql).unwrap().parse().unwrap();
        assert!(rows >= 3, "{rows}");
    }
});

on_both!(what_is_sent_at_once_is_in_order, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let sends = (0..20).map(|number| {
        let (client, path) = (staff.clone(), stay.path("send_message/"));
        async move { client.post(path, json!({ "text": format!("number {number}") })).await.is(201) }
    });
    let sent = futures_util::future::join_all(sends).await;
    let list = staff.get(stay.path("messages/?limit=20")).await.is(200);
    let mut wanted: Vec<i64> = sent.iter().map(|it| it["id"].as_i64().unwrap()).collect();
    wanted.sort_unstable();
    assert_eq!(ids(&list), wanted);
    let last = shown(&staff, &stay).await["last_message"]["content"].clone();
    assert_eq!(last, list[19]["content"]);
});
