//! The inbox: everything that a client needs at its start, the numbers of conversations, and the version.

use acceptance::{TestHotel, TestSocket, Value, json, on_both, on_sqlite};

use crate::{ids, keys};

/// The conversations of a list, by id.
fn by_id(list: &Value) -> Vec<(i64, &Value)> {
    let mut all: Vec<_> = list.as_array().unwrap().iter().map(|it| (it["id"].as_i64().unwrap(), it)).collect();
    all.sort_unstable_by_key(|(id, _)| *id);
    all
}

on_both!(the_inbox_shows_what_the_lists_show, |hotel| {
    let closed = hotel.active(0);
    hotel.manager().await.post_empty(closed.path("close/")).await.is(200);
    for staff in [hotel.of(0).await, hotel.manager().await] {
        let response = staff.get("inbox/").await;
        let inbox = response.is(200);
        let shown =
            ["conversations", "counts", "departments", "drafts", "hotel", "labels", "settings", "staff", "truncated"];
        assert_eq!(keys(&inbox), shown);
        let list = staff.get("conversations/?status=demo,checkin,active,relay&page_size=100").await;
        assert_eq!(inbox["conversations"], list.is(200)["results"]);
        assert_eq!(inbox["truncated"], false);
        assert_eq!(response.header("x-event-seq"), list.header("x-event-seq"));
        assert_eq!(response.header("x-event-epoch"), list.header("x-event-epoch"));
        assert_eq!(inbox["departments"], staff.get("departments/").await.is(200)["results"]);
        assert_eq!(inbox["labels"], staff.get("labels/").await.is(200)["results"]);
        assert_eq!(inbox["hotel"], staff.get("hotel/").await.is(200));
        assert_eq!(inbox["counts"], staff.get("conversations/counts/").await.is(200));
        let members = hotel.manager().await.get("staff/?page_size=100").await.is(200);
        assert_eq!(ids(&inbox["staff"]), ids(&members["results"]));
        assert_eq!(keys(&inbox["staff"][0]), ["active", "department_ids", "id", "name"]);
    }
    // A conversation of another department is not in the inbox, and its numbers are not in the counts.
    let (staff, hidden) = (hotel.of(0).await, hotel.relay(1));
    let inbox = staff.get("inbox/").await.is(200);
    assert!(!ids(&inbox["conversations"]).contains(&hidden.conversation));
    assert_eq!(ids(&inbox["counts"]["departments"]), [hotel.departments[0].id]);
});

on_both!(the_inbox_contains_the_drafts_and_settings_of_the_caller, |hotel| {
    let (staff, manager) = (hotel.of(0).await, hotel.manager().await);
    let (kept, lost) = (hotel.relay(0), hotel.active(0));
    staff.patch("me/settings/", json!({ "sound": { "volume": 0.5 } })).await.is(200);
    for stay in [&kept, &lost] {
        staff.put(stay.path("draft/"), json!({ "text": " Dear guest, " })).await.is(200);
    }
    let tag = staff.get("inbox/").await.header("etag").unwrap().to_owned();
    let inbox = staff.get("inbox/").await.is(200);
    assert_eq!(inbox["settings"], json!({ "sound": { "volume": 0.5 } }));
    assert_eq!(inbox["drafts"], staff.get("drafts/").await.is(200)["results"]);
    assert_eq!(inbox["drafts"].as_array().unwrap().len(), 2);
    // Another text changes the tag.
    staff.put(kept.path("draft/"), json!({ "text": "Dear Ana, " })).await.is(200);
    staff.with("If-None-Match", &tag).get("inbox/").await.is(200);
    // A draft of a conversation that is closed is contained, of one that became invisible not.
    manager.post_empty(kept.path("close/")).await.is(200);
    manager.post(lost.path("start_relay/"), json!({ "department_id": hotel.departments[1].id })).await.is(200);
    let inbox = staff.get("inbox/").await.is(200);
    let drafts: Vec<_> =
        inbox["drafts"].as_array().unwrap().iter().map(|it| (&it["conversation_id"], &it["text"])).collect();
    assert_eq!(drafts, [(&json!(kept.conversation), &json!("Dear Ana, "))]);
    let of_manager = manager.get("inbox/").await.is(200);
    assert_eq!((&of_manager["drafts"], &of_manager["settings"]), (&json!([]), &json!({})));
});

on_both!(the_inbox_has_a_tag, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let first = staff.get("inbox/").await;
    first.is(200);
    let tag = first.header("etag").unwrap().to_owned();
    let again = staff.with("If-None-Match", &tag).get("inbox/").await;
    assert_eq!((again.status, again.text()), (304, String::new()));
    assert_eq!(again.header("x-event-seq"), first.header("x-event-seq"));
    // The compressed body has the same tag.
    let compressed = staff.with("accept-encoding", "gzip, br").get("inbox/").await;
    assert_eq!((compressed.status, compressed.header("content-encoding")), (200, Some("br")));
    assert_eq!(compressed.header("etag"), Some(tag.as_str()));
    // A read position is no event, but it changes the content.
    let newest = staff.get(stay.path("messages/?limit=1")).await.is(200)[0]["id"].clone();
    staff.post(stay.path("read/"), json!({ "message_id": newest })).await.is(204);
    let changed = staff.with("If-None-Match", &tag).get("inbox/").await;
    changed.is(200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
});

/// The counts that follow from the conversations of an inbox.
fn counted(hotel: &TestHotel, inbox: &Value, me: i64, departments: &[usize]) -> Value {
    let (snoozed, all): (Vec<&Value>, Vec<&Value>) =
        by_id(&inbox["conversations"]).into_iter().map(|it| it.1).partition(|it| !it["snoozed_until"].is_null());
    let count = |matches: &dyn Fn(&Value) -> bool| all.iter().filter(|it| matches(it)).count();
    let of_department = |department: usize| {
        let id = hotel.departments[department].id;
        json!({
            "id": id,
            "name": hotel.departments[department].name,
            "open": count(&|it| it["department_id"] == id && it["status"] == "relay"),
            "waiting": count(&|it| it["department_id"] == id && !it["waiting_since"].is_null()),
            "unread": count(&|it| it["department_id"] == id && it["unread_count"] != 0),
        })
    };
    json!({
        "mine": count(&|it| it["status"] == "relay" && it["assigned_to"]["id"] == me),
        "unassigned": count(&|it| it["status"] == "relay" && it["assigned_to"].is_null()),
        "waiting": count(&|it| !it["waiting_since"].is_null()),
        "overdue": 0,
        "needs_review": 0,
        "snoozed": snoozed.len(),
        "unrouted": count(&|it| it["status"] == "active" || it["status"] == "demo"),
        "unread": count(&|it| it["unread_count"] != 0),
        "departments": departments.iter().map(|it| of_department(*it)).collect::<Vec<_>>(),
    })
}

on_both!(counts_are_those_of_the_conversations, |hotel| {
    let (staff, manager) = (hotel.of(0).await, hotel.manager().await);
    let (mine, theirs, unrouted) = (hotel.assigned(0).await, hotel.relay(1), hotel.active(0));
    for stay in [&mine, &theirs, &unrouted] {
        hotel.send_guest_message(&stay.phone, "hello?").await;
    }
    hotel.send_message(&manager, &theirs, "yes?").await;
    crate::snooze::snooze(&staff, &unrouted, 3600).await;
    // It is closed because the guest has left, and still waits for an answer.
    manager.post_empty(format!("stays/{}/check_out/", mine.id)).await.is(200);
    for (client, departments) in [(&staff, vec![0]), (&manager, vec![0, 1, 2])] {
        let inbox = client.get("inbox/").await.is(200);
        assert!(ids(&inbox["conversations"]).contains(&mine.conversation));
        assert_eq!(inbox["counts"], counted(&hotel, &inbox, client.id, &departments));
    }
    let closed = staff.get(mine.path("")).await.is(200);
    assert_eq!((&closed["status"], closed["waiting_since"].is_null()), (&json!("closed"), false));
    staff.post_empty(mine.path("handled/")).await.is(200);
    let inbox = staff.get("inbox/").await.is(200);
    assert!(!ids(&inbox["conversations"]).contains(&mine.conversation));
    assert_eq!(inbox["counts"], counted(&hotel, &inbox, staff.id, &[0]));
});

on_sqlite!(unread_is_exact, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut sent = Vec::new();
    for words in ["one", "two", "three"] {
        sent.push(hotel.send_guest_message(&stay.phone, words).await["message_id"].clone());
    }
    let shown = async || {
        let details = staff.get(stay.path("")).await.is(200);
        let number = |key: &str| details[key].as_i64().unwrap();
        assert_eq!(number("unread_count"), number("guest_messages") - number("read_guest_messages"));
        number("unread_count")
    };
    let read = async |body: Value| staff.post(stay.path("read/"), body).await;
    read(json!({ "message_id": sent[2] })).await.is(204);
    assert_eq!(shown().await, 0);
    // Forward only by `message_id`, back only by `unread_from`.
    read(json!({ "message_id": sent[0] })).await.is(204);
    assert_eq!(shown().await, 0);
    read(json!({ "unread_from": sent[1] })).await.is(204);
    assert_eq!(shown().await, 2);
    // A note or an answer is no guest message.
    staff.post(stay.path("notes/"), json!({ "text": "note" })).await.is(201);
    assert_eq!(shown().await, 2);
    let answer = hotel.send_message(&staff, &stay, "answer").await["id"].clone();
    assert_eq!(shown().await, 0);
    read(json!({ "unread_from": answer })).await.is(204);
    assert_eq!(shown().await, 0);
    hotel.send_guest_message(&stay.phone, "four").await;
    assert_eq!(shown().await, 1);
    for (bad, field) in [
        (json!({}), "message_id"),
        (json!({ "message_id": sent[0], "unread_from": sent[0] }), "unread_from"),
        (json!({ "unread_from": "x" }), "unread_from"),
        (json!({ "unread_from": 999_999_999 }), "unread_from"),
    ] {
        assert_eq!(read(bad.clone()).await.bad_fields(), [field], "{bad}");
    }
    hotel.of(1).await.post(stay.path("read/"), json!({ "unread_from": sent[0] })).await.problem(404, "not_found");
});

on_both!(an_assignment_can_require_that_nobody_has_it, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let take = |staff_id: i64| json!({ "staff_id": staff_id, "if_unassigned": true });
    staff.post(stay.path("assign/"), take(staff.id)).await.is(200);
    // Repeated by the assignee: no effect.
    staff.post(stay.path("assign/"), take(staff.id)).await.is(200);
    let refused = manager.post(stay.path("assign/"), take(manager.id)).await.problem(409, "already_assigned");
    assert_eq!(refused["assigned_to"], json!({ "id": staff.id, "name": staff.name() }));
    let shown = manager.get(stay.path("")).await.is(200);
    assert_eq!(shown["assigned_to"]["id"], staff.id);
    manager.post(stay.path("assign/"), json!({ "staff_id": manager.id })).await.is(200);
});

on_sqlite!(every_response_and_the_welcome_name_the_version, |hotel| {
    let staff = hotel.of(0).await;
    let version = hotel.world.run(&["--version"]).stdout.split_whitespace().nth(1).unwrap().to_owned();
    for response in [staff.get("inbox/").await, hotel.anonymous().get("inbox/").await, staff.get("nowhere/").await] {
        assert_eq!(response.header("x-version"), Some(version.as_str()), "{}", response.status);
    }
    assert_eq!(TestSocket::open(&staff).await.welcome["version"], version);
});
