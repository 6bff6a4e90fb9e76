//! Conversations: lists, filters, details, routing, assignment, closing, read positions.

use acceptance::{ApiClient, TestHotel, TestStay, Value, json, on_both};

use crate::{assert_has_keys, ids, keys};

const ITEM: [&str; 22] = [
    "assigned_to",
    "department_id",
    "department_name",
    "guest_id",
    "guest_messages",
    "guest_name",
    "has_draft",
    "id",
    "labels",
    "last_guest_message_at",
    "last_message",
    "read_guest_messages",
    "response_due_at",
    "room_number",
    "snoozed_until",
    "status",
    "stay_id",
    "unread_count",
    "unsent",
    "updated_at",
    "waiting_since",
    "window_expires_at",
];

async fn fetch_details(client: &ApiClient, stay: &TestStay) -> Value {
    client.get(stay.path("")).await.is(200)
}

/// Status, department name and assignee id.
fn routing(conversation: &Value) -> (&str, Option<&str>, Option<i64>) {
    (
        conversation["status"].as_str().unwrap(),
        conversation["department_name"].as_str(),
        conversation["assigned_to"]["id"].as_i64(),
    )
}

async fn list_ids(client: &ApiClient, query: &str) -> Vec<i64> {
    let mut found = ids(&client.get(format!("conversations/?{query}")).await.is(200)["results"]);
    found.sort_unstable();
    found
}

fn conversations<'a>(stays: impl IntoIterator<Item = &'a TestStay>) -> Vec<i64> {
    let mut found: Vec<i64> = stays.into_iter().map(|it| it.conversation).collect();
    found.sort_unstable();
    found
}

fn department_name(hotel: &TestHotel, department: usize) -> Option<&str> {
    Some(hotel.departments[department].name.as_str())
}

on_both!(the_default_list_contains_the_relay_conversations_of_the_callers_departments, |hotel| {
    let list = hotel.of(0).await.get("conversations/").await.is(200);
    assert_eq!(ids(&list["results"]), [hotel.relay(0).conversation]);
    let all = list_ids(&*hotel.manager().await, "").await;
    assert_eq!(all, conversations(hotel.stays.iter().filter(|it| it.status == "relay")));
    let item = &list["results"][0];
    assert_eq!(keys(item), ITEM);
    assert_eq!(item["window_expires_at"], json!(null));
    assert_eq!(item["stay_id"], hotel.relay(0).id);
    assert_eq!(item["room_number"], hotel.relay(0).room);
    let last_message = ["content", "delivery", "id", "reactions", "sender_name", "sender_type", "timestamp"];
    assert_eq!(keys(&item["last_message"]), last_message);
});

on_both!(filters_by_status_department_and_assignee, |hotel| {
    let (staff, manager) = (hotel.of(0).await, hotel.manager().await);
    let active = || hotel.stays.iter().filter(|it| it.status == "active");
    let relay = || hotel.stays.iter().filter(|it| it.status == "relay");
    assert_eq!(list_ids(&staff, "status=active").await, conversations(active()));
    let mine = hotel.relay(0);
    assert_eq!(list_ids(&staff, "status=active,relay").await, conversations(active().chain([&mine])));
    assert_eq!(list_ids(&manager, "status=relay").await, conversations(relay()));
    assert_eq!(
        list_ids(&manager, &format!("department={}", hotel.departments[1].id)).await,
        [hotel.relay(1).conversation]
    );
    assert!(list_ids(&staff, &format!("department={}", hotel.departments[1].id)).await.is_empty());
    manager.post(mine.path("assign/"), json!({ "staff_id": staff.id })).await.is(200);
    assert_eq!(list_ids(&staff, "assigned_to=me").await, [mine.conversation]);
    assert_eq!(list_ids(&manager, &format!("assigned_to={}", staff.id)).await, [mine.conversation]);
    assert!(list_ids(&manager, "assigned_to=me").await.is_empty());
    assert!(!list_ids(&manager, "assigned_to=none").await.contains(&mine.conversation));
    staff.post_empty(mine.path("close/")).await.is(200);
    assert_eq!(list_ids(&staff, "status=closed").await, [mine.conversation]);
    assert!(list_ids(&*hotel.of(1).await, "status=closed").await.is_empty());
});

on_both!(the_unread_filter_uses_the_callers_read_position, |hotel| {
    let staff = hotel.of(0).await;
    let stay = hotel.relay(0);
    hotel.send_guest_message(&stay.phone, "hello?").await;
    assert_eq!(list_ids(&staff, "unread=true").await, [stay.conversation]);
    hotel.send_message(&staff, &stay, "yes").await;
    assert!(list_ids(&staff, "unread=true").await.is_empty());
    // Each staff member has a read position of their own.
    assert!(list_ids(&*hotel.manager().await, "unread=true").await.contains(&stay.conversation));
});

on_both!(search_finds_name_room_and_phone, |hotel| {
    let manager = hotel.manager().await;
    let phone = hotel.unused_phone();
    let code = acceptance::unique("R");
    let csv = format!(
        "reservation_code,guest_name,guest_phone,room_number,check_in,check_out\n\
        {code},Zoë Ångström-Müller,{phone},Suite 9Q,2020-01-01,2099-01-01\n"
    );
    hotel.import(&csv);
    let made = hotel.send_guest_message(&phone, "hi").await["conversation_id"].as_i64().unwrap();
    for words in ["zoe", "ZO%C3%8B", "angstrom", "ngstr", "9q", &phone[1..], "suite%209"] {
        let query = format!("status=active&search={words}");
        assert_eq!(list_ids(&manager, &query).await, [made], "{words}");
    }
    for words in ["zoey", "%25", "_", "suite%20_"] {
        assert!(!list_ids(&manager, &format!("status=active&search={words}")).await.contains(&made), "{words}");
    }
});

on_both!(lists_are_ordered_by_the_newest_change, |hotel| {
    let manager = hotel.manager().await;
    for stay in [hotel.relay(1), hotel.relay(0), hotel.relay(2)] {
        hotel.send_guest_message(&stay.phone, "me now").await;
        let list = manager.get("conversations/").await.is(200);
        assert_eq!(list["results"][0]["id"], stay.conversation);
    }
    let list = manager.get("conversations/").await.is(200);
    let times: Vec<&str> =
        list["results"].as_array().unwrap().iter().map(|it| it["updated_at"].as_str().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "{times:?}");
    // A note moves the conversation to the top too, but is not its last message.
    manager.post(hotel.relay(1).path("notes/"), json!({ "text": "psst" })).await.is(201);
    let first = manager.get("conversations/").await.is(200)["results"][0].clone();
    assert_eq!(
        (&first["id"], &first["last_message"]["content"]),
        (&json!(hotel.relay(1).conversation), &json!("me now"))
    );
});

on_both!(active_conversations_are_a_plain_array, |hotel| {
    let stay = hotel.active(1);
    hotel.send_guest_message(&stay.phone, "the newest").await;
    let list = hotel.of(0).await.get("conversations/active_conversations/").await.is(200);
    let mut found = ids(&list);
    assert_eq!(found[0], stay.conversation);
    found.sort_unstable();
    assert_eq!(found, conversations(hotel.stays.iter().filter(|it| it.status == "active")));
    assert_eq!(keys(&list[0]), ITEM);
    assert_eq!(list[0]["department_name"], json!(null));
});

on_both!(details_add_fields_to_the_list_item, |hotel| {
    let stay = hotel.relay(0);
    let details = fetch_details(&*hotel.of(0).await, &stay).await;
    assert_has_keys(&details, &ITEM);
    assert_has_keys(&details, &["guest_phone", "context_data", "created_at", "current_step", "check_in", "check_out"]);
    assert_eq!((&details["guest_phone"], &details["context_data"]), (&json!(stay.phone), &json!({})));
    assert!(details["check_in"].as_str().is_some_and(|day| day.len() == 10), "{details}");
    assert_eq!(details["status"], "relay");
});

on_both!(a_reply_takes_over_an_unrouted_conversation, |hotel| {
    let (staff, stay) = (hotel.of(1).await, hotel.active(0));
    hotel.send_message(&staff, &stay, "I am on it").await;
    assert_eq!(routing(&fetch_details(&staff, &stay).await), ("relay", department_name(&hotel, 1), Some(staff.id)));
    hotel.of(0).await.get(stay.path("")).await.problem(404, "not_found");
    // In a routed conversation without assignee only the first reply assigns.
    let (manager, routed) = (hotel.manager().await, hotel.relay(0));
    manager.post(routed.path("assign/"), json!({ "staff_id": null })).await.is(200);
    let colleague = hotel.of(0).await;
    hotel.send_message(&colleague, &routed, "first").await;
    hotel.send_message(&manager, &routed, "second").await;
    assert_eq!(
        fetch_details(&manager, &routed).await["assigned_to"],
        json!({ "id": colleague.id, "name": colleague.name() })
    );
});

on_both!(a_managers_reply_routes_to_the_default_department, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.active(0));
    assert_eq!(manager.me["departments"], json!([]));
    let default = manager.get("hotel/").await.is(200)["default_department_id"].clone();
    assert_eq!(default, hotel.departments.iter().map(|details| details.id).min().unwrap());
    hotel.send_message(&manager, &stay, "I am on it").await;
    let details = fetch_details(&manager, &stay).await;
    let first = hotel.departments.iter().min_by_key(|details| details.id).unwrap();
    assert_eq!(routing(&details), ("relay", Some(first.name.as_str()), Some(manager.id)));
});

on_both!(staff_without_department_cannot_take_over, |hotel| {
    let (staff, stay) = (hotel.hire("staff", &[]).await, hotel.active(0));
    let body = json!({ "text": "I would like to" });
    staff.post(stay.path("send_message/"), body).await.problem(409, "no_department");
    assert_eq!(routing(&fetch_details(&staff, &stay).await), ("active", None, None));
    staff.get(hotel.relay(0).path("")).await.problem(404, "not_found");
});

on_both!(end_relay_clears_department_and_assignee, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    assert_eq!(staff.post_empty(stay.path("end_relay/")).await.is(200), json!({ "status": "relay ended" }));
    assert_eq!(routing(&fetch_details(&staff, &stay).await), ("active", None, None));
    staff.post_empty(stay.path("end_relay/")).await.problem(409, "not_in_relay");
    // All staff of the hotel see it now.
    fetch_details(&*hotel.of(2).await, &stay).await;
    staff.post_empty(stay.path("close/")).await.is(200);
    staff.post_empty(stay.path("end_relay/")).await.problem(409, "not_in_relay");
});

on_both!(start_relay_routes_and_transfers, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.active(0));
    let to = |department: usize| json!({ "department_id": hotel.departments[department].id, "note": "please look" });
    let routed = staff.post(stay.path("start_relay/"), to(0)).await.is(200);
    assert_eq!(routing(&routed), ("relay", department_name(&hotel, 0), None));
    let notes = staff.get(stay.path("messages/?include=notes&limit=1")).await.is(200);
    assert_eq!((&notes[0]["content"], &notes[0]["internal"]), (&json!("please look"), &json!(true)));
    hotel.send_message(&staff, &stay, "mine").await;
    // The response shows the new department, although the sender has lost access.
    let transferred = staff.post(stay.path("start_relay/"), to(1)).await.is(200);
    assert_eq!(routing(&transferred), ("relay", department_name(&hotel, 1), None));
    staff.get(stay.path("")).await.problem(404, "not_found");
    let note = hotel.of(1).await.get(stay.path("messages/?include=notes&limit=1")).await.is(200);
    assert_eq!(note[0]["content"], "please look");
});

on_both!(a_transfer_keeps_an_assignee_with_access, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    manager.post(stay.path("assign/"), json!({ "staff_id": manager.id })).await.is(200);
    let body = json!({ "department_id": hotel.departments[2].id });
    let moved = manager.post(stay.path("start_relay/"), body).await.is(200);
    assert_eq!(routing(&moved), ("relay", department_name(&hotel, 2), Some(manager.id)));
});

on_both!(start_relay_requires_a_department_of_the_hotel, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.active(0));
    let foreign_department =
        hotel.world.generated["hotels"].as_array().unwrap().last().unwrap()["departments"][0]["id"].clone();
    let bad = [
        json!({}),
        json!({ "department_id": foreign_department }),
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
    assert_eq!(routing(&fetch_details(&staff, &stay).await), ("active", None, None));
});

on_both!(assign_requires_a_staff_member_with_access, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let assign = |body: Value| {
        let (client, path) = (manager.clone(), stay.path("assign/"));
        async move { client.post(path, body).await }
    };
    let member = hotel.member_of(0).id;
    assert_eq!(routing(&assign(json!({ "staff_id": member })).await.is(200)).2, Some(member));
    assert_eq!(routing(&assign(json!({ "staff_id": null })).await.is(200)).2, None);
    let foreign_staff = hotel.world.generated["hotels"].as_array().unwrap().last().unwrap()["staff"][0]["id"].clone();
    for bad in [json!(hotel.member_of(1).id), foreign_staff, json!(9_000_000_000_i64), json!("1"), json!(0)] {
        assert_eq!(assign(json!({ "staff_id": bad })).await.bad_fields(), ["staff_id"], "{bad}");
    }
    assert_eq!(assign(json!({})).await.bad_fields(), ["staff_id"]);
    // All staff of the hotel see an unrouted conversation.
    let unrouted = hotel.active(0);
    let body = json!({ "staff_id": hotel.member_of(2).id });
    let assigned = manager.post(unrouted.path("assign/"), body).await.is(200);
    assert_eq!(routing(&assigned), ("active", None, Some(hotel.member_of(2).id)));
});

on_both!(close_and_reopen_keep_department_and_assignee, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    hotel.send_message(&staff, &stay, "mine").await;
    for _ in 0..2 {
        let closed = staff.post_empty(stay.path("close/")).await.is(200);
        assert_eq!(routing(&closed), ("closed", department_name(&hotel, 0), Some(staff.id)));
    }
    hotel.of(1).await.get(stay.path("")).await.problem(404, "not_found");
    for _ in 0..2 {
        let open = staff.post_empty(stay.path("reopen/")).await.is(200);
        assert_eq!(routing(&open), ("relay", department_name(&hotel, 0), Some(staff.id)));
    }
    let unrouted = hotel.active(0);
    staff.post_empty(unrouted.path("close/")).await.is(200);
    assert_eq!(routing(&staff.post_empty(unrouted.path("reopen/")).await.is(200)), ("active", None, None));
});

on_both!(a_closed_conversation_accepts_only_reading_and_notes, |hotel| {
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
    assert_eq!(fetch_details(&staff, &stay).await["status"], "closed");
});

on_both!(a_stale_reply_is_refused_with_the_newer_messages, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let seen = hotel.send_guest_message(&stay.phone, "is there a pool?").await["message_id"].clone();
    let colleague_message = hotel.send_message(&manager, &stay, "there is").await;
    let note = manager.post(stay.path("notes/"), json!({ "text": "closed at 9" })).await.is(201);
    let more = hotel.send_guest_message(&stay.phone, "thanks").await["message_id"].clone();
    let body = json!({ "text": "yes, a pool", "seen_message_id": seen });
    let stale = staff.post(stay.path("send_message/"), body).await.problem(409, "stale_reply");
    assert_eq!(ids(&stale["newer"]), [&colleague_message["id"], &note["id"], &more].map(|it| it.as_i64().unwrap()));
    assert_eq!(stale["newer"][1]["internal"], true);
    assert_eq!(keys(&stale["newer"][0]), keys(&colleague_message));
    let unsent = staff.get(stay.path("messages/?limit=1")).await.is(200);
    assert_eq!(unsent[0]["id"], more);
    // With the current `seen_message_id` the reply is sent. Guest messages since then do not make it stale.
    let body = json!({ "text": "anything else?", "seen_message_id": note["id"] });
    staff.post(stay.path("send_message/"), body).await.is(201);
});

on_both!(own_messages_do_not_make_a_reply_stale, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let seen = hotel.send_guest_message(&stay.phone, "hello").await["message_id"].clone();
    hotel.send_message(&staff, &stay, "one").await;
    hotel.send_guest_message(&stay.phone, "hello?").await;
    let body = json!({ "text": "two", "seen_message_id": seen });
    staff.post(stay.path("send_message/"), body).await.is(201);
    let other_conversation = hotel.send_guest_message(&hotel.active(0).phone, "me too").await["message_id"].clone();
    for bad in [other_conversation, json!(9_000_000_000_i64), json!("x"), json!(-1)] {
        let body = json!({ "text": "three", "seen_message_id": bad });
        assert_eq!(staff.post(stay.path("send_message/"), body).await.bad_fields(), ["seen_message_id"]);
    }
});

on_both!(unread_counts_follow_the_read_position, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let unread = || {
        let (client, stay) = (staff.clone(), stay.clone());
        async move { fetch_details(&client, &stay).await["unread_count"].as_i64().unwrap() }
    };
    let guests = staff.get(stay.path("messages/")).await.is(200);
    let guests = guests.as_array().unwrap().iter().filter(|it| it["sender_type"] == "guest").count();
    // Without a read position all guest messages are unread.
    let new_colleague = hotel.hire("staff", &[hotel.departments[0].id]).await;
    assert_eq!(fetch_details(&new_colleague, &stay).await["unread_count"], guests);
    hotel.send_message(&staff, &stay, "all read").await;
    assert_eq!(unread().await, 0);
    let first = hotel.send_guest_message(&stay.phone, "one").await["message_id"].clone();
    let second = hotel.send_guest_message(&stay.phone, "two").await["message_id"].clone();
    staff.post(stay.path("notes/"), json!({ "text": "a note is not unread" })).await.is(201);
    hotel.send_message(&hotel.manager().await, &stay, "nor is a colleague's").await;
    assert_eq!(unread().await, 2);
    let read = |id: Value| {
        let (client, path) = (staff.clone(), stay.path("read/"));
        async move { client.post(path, json!({ "message_id": id })).await }
    };
    assert!(read(first.clone()).await.body.is_empty());
    assert_eq!(unread().await, 1);
    read(second).await.is(204);
    assert_eq!(unread().await, 0);
    // The read position never moves back.
    read(first).await.is(204);
    assert_eq!(unread().await, 0);
    let other_conversation = hotel.send_guest_message(&hotel.active(0).phone, "me too").await["message_id"].clone();
    for bad in [other_conversation, json!(0), json!(null), json!("1")] {
        assert_eq!(read(bad).await.bad_fields(), ["message_id"]);
    }
});

on_both!(a_staff_change_clears_assignments_without_access, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let hired = hotel.hire("staff", &[hotel.departments[0].id]).await;
    let path = format!("staff/{}/", hired.id);
    manager.post(stay.path("assign/"), json!({ "staff_id": hired.id })).await.is(200);
    let both = [hotel.departments[1].id, hotel.departments[0].id];
    manager.patch(&path, json!({ "department_ids": both })).await.is(200);
    assert_eq!(fetch_details(&manager, &stay).await["assigned_to"]["id"], hired.id);
    manager.patch(&path, json!({ "department_ids": [hotel.departments[1].id] })).await.is(200);
    assert_eq!(routing(&fetch_details(&manager, &stay).await), ("relay", department_name(&hotel, 0), None));
    hired.get(stay.path("")).await.problem(404, "not_found");
    let other = hotel.relay(1);
    manager.post(other.path("assign/"), json!({ "staff_id": hired.id })).await.is(200);
    manager.patch(&path, json!({ "active": false })).await.is(200);
    assert_eq!(routing(&fetch_details(&manager, &other).await).2, None);
    assert_eq!(manager.post(other.path("assign/"), json!({ "staff_id": hired.id })).await.bad_fields(), ["staff_id"]);
});

on_both!(transfers_assignments_and_closings_are_audited, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    manager.post(stay.path("start_relay/"), json!({ "department_id": hotel.departments[1].id })).await.is(200);
    manager.post(stay.path("assign/"), json!({ "staff_id": manager.id })).await.is(200);
    manager.post_empty(stay.path("close/")).await.is(200);
    let audited = format!("SELECT count(*) FROM audit WHERE conversation_id = {}", stay.conversation);
    assert!(hotel.world.number(&audited) >= 3);
});

on_both!(concurrent_messages_are_stored_in_id_order, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let sends = (0..20).map(|number| {
        let (client, path) = (staff.clone(), stay.path("send_message/"));
        async move { client.post(path, json!({ "text": format!("number {number}") })).await.is(201) }
    });
    let sent = futures_util::future::join_all(sends).await;
    let list = staff.get(stay.path("messages/?limit=20")).await.is(200);
    let mut expected: Vec<i64> = sent.iter().map(|it| it["id"].as_i64().unwrap()).collect();
    expected.sort_unstable();
    assert_eq!(ids(&list), expected);
    let last = fetch_details(&staff, &stay).await["last_message"]["content"].clone();
    assert_eq!(last, list[19]["content"]);
});
