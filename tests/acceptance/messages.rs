//! Messages and notes: pages, fields and validation.

use acceptance::{
    ApiClient, ApiResponse, StaffClient, TestHotel, TestStay, Value, WorldOptions, json, on_both, on_sqlite,
};
use futures_util::future::join_all;

use crate::{ids, is_time, keys};

const MESSAGE_FIELDS: [&str; 15] = [
    "attachments",
    "content",
    "conversation_id",
    "delivery",
    "failure",
    "id",
    "internal",
    "reactions",
    "reply_to",
    "send_at",
    "sender_id",
    "sender_name",
    "sender_type",
    "stay_id",
    "timestamp",
];

/// Sends `number` messages; returns their ids, ascending.
async fn send_messages(hotel: &TestHotel, staff: &StaffClient, stay: &TestStay, number: usize) -> Vec<i64> {
    let sends = (0..number)
        .map(|it| async move { hotel.send_message(staff, stay, &format!("number {it}")).await["id"].clone() });
    let mut made: Vec<i64> = join_all(sends).await.iter().map(|id| id.as_i64().unwrap()).collect();
    made.sort_unstable();
    made
}

/// Whether older and newer pages are linked.
fn has_previous_and_next(response: &ApiResponse) -> (bool, bool) {
    (response.link("prev").is_some(), response.link("next").is_some())
}

async fn fetch_page(client: &ApiClient, stay: &TestStay, query: &str) -> ApiResponse {
    client.get(stay.path(&format!("messages/?{query}"))).await
}

on_both!(without_parameters_the_newest_200_messages_are_returned_oldest_first, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let first = ids(&fetch_page(&staff, &stay, "").await.is(200));
    let all = [first, send_messages(&hotel, &staff, &stay, 205).await].concat();
    let newest = fetch_page(&staff, &stay, "").await;
    assert_eq!(ids(&newest.is(200)), all[all.len() - 200..]);
    assert_eq!(has_previous_and_next(&newest), (true, false));
    let rest = staff.follow(&newest.link("prev").unwrap()).await;
    assert_eq!(ids(&rest.is(200)), all[..all.len() - 200]);
    assert_eq!(has_previous_and_next(&rest), (false, true));
    let whole = fetch_page(&staff, &stay, "limit=1000").await;
    assert_eq!((ids(&whole.is(200)), has_previous_and_next(&whole)), (all, (false, false)));
});

on_both!(pages_go_both_ways_and_link_to_the_rest, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let all = ids(&fetch_page(&staff, &stay, "").await.is(200));
    let all = [all, send_messages(&hotel, &staff, &stay, 4).await].concat();
    // In a new database the first message of all may be one of these.
    let around_first = if all[0] == 1 { &all[..2] } else { &all[..1] };
    let cases = [
        ("limit=3".to_owned(), &all[5..], (true, false)),
        (format!("limit=3&before={}", all[5]), &all[2..5], (true, true)),
        (format!("limit=9&before={}", all[2]), &all[..2], (false, true)),
        (format!("limit=3&after={}", all[0]), &all[1..4], (true, true)),
        (format!("limit=9&after={}", all[5]), &all[6..], (true, false)),
        (format!("after={}&before={}", all[1], all[4]), &all[2..4], (true, true)),
        // Between two ids, the oldest messages.
        (format!("limit=1&after={}&before={}", all[1], all[4]), &all[2..3], (true, true)),
        (format!("after={}", all[7]), &[], (false, false)),
        (format!("before={}", all[0]), &[], (false, false)),
        // The id may belong to another conversation.
        ("after=9000000000".into(), &[], (false, false)),
        ("before=9000000000&limit=2".into(), &all[6..], (true, false)),
        // The named message is in the middle, if there are enough messages on both sides.
        (format!("limit=3&around={}", all[4]), &all[3..6], (true, true)),
        (format!("limit=4&around={}", all[4]), &all[3..7], (true, true)),
        (format!("limit=1&around={}", all[4]), &all[4..5], (true, true)),
        (format!("limit=3&around={}", all[0]), &all[..2], (false, true)),
        (format!("limit=3&around={}", all[7]), &all[5..], (true, false)),
        (format!("around={}", all[3]), &all[..], (false, false)),
        ("around=9000000000&limit=2".into(), &all[6..], (true, false)),
        ("around=1&limit=2".into(), around_first, (false, true)),
    ];
    for (query, expected, links) in cases {
        let response = fetch_page(&staff, &stay, &query).await;
        assert_eq!((ids(&response.is(200)).as_slice(), has_previous_and_next(&response)), (expected, links), "{query}");
    }
    let middle = fetch_page(&staff, &stay, &format!("limit=2&around={}", all[4])).await;
    assert_eq!(ids(&staff.follow(&middle.link("prev").unwrap()).await.is(200)), all[2..4]);
    assert_eq!(ids(&staff.follow(&middle.link("next").unwrap()).await.is(200)), all[6..8]);
    let both = fetch_page(&staff, &stay, &format!("around={}&after={}", all[4], all[1])).await;
    assert_eq!(both.bad_fields(), ["around"]);
    let hidden = hotel.of(1).await.get(stay.path(&format!("messages/?around={}", all[4]))).await;
    hidden.problem(404, "not_found");
});

on_both!(following_links_returns_every_message_once, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    send_messages(&hotel, &staff, &stay, 3).await;
    staff.post(stay.path("notes/"), json!({ "text": "in between" })).await.is(201);
    send_messages(&hotel, &staff, &stay, 3).await;
    let all = ids(&fetch_page(&staff, &stay, "include=notes").await.is(200));
    assert_eq!(all.len(), 11);
    for direction in ["prev", "next"] {
        let start = if direction == "prev" { "".to_owned() } else { format!("&after={}", all[0]) };
        let mut response = fetch_page(&staff, &stay, &format!("limit=2&include=notes{start}")).await;
        let mut found = ids(&response.is(200));
        while let Some(url) = response.link(direction) {
            response = staff.follow(&url).await;
            let more = ids(&response.is(200));
            found = if direction == "prev" { [more, found].concat() } else { [found, more].concat() };
        }
        let expected = if direction == "prev" { &all[..] } else { &all[1..] };
        assert_eq!(found, expected, "{direction}");
    }
});

on_both!(notes_are_returned_on_request, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let sent = hotel.send_message(&staff, &stay, "to the guest").await;
    let note = staff.post(stay.path("notes/"), json!({ "text": " to colleagues " })).await.is(201);
    assert_eq!(keys(&note), MESSAGE_FIELDS);
    assert_eq!((&note["content"], &note["internal"]), (&json!("to colleagues"), &json!(true)));
    assert_eq!((&note["delivery"], &note["sender_type"]), (&json!(null), &json!("staff")));
    assert_eq!(note["sender_name"], staff.name());
    let with = fetch_page(&staff, &stay, "include=notes&limit=2").await;
    assert_eq!(with.is(200), json!([sent, note]));
    // Without notes, a note does not count as a further message.
    let without = fetch_page(&staff, &stay, "limit=1").await;
    assert_eq!(without.is(200), json!([sent]));
    assert_eq!(has_previous_and_next(&without), (true, false));
    for bad in ["include=all", "include=", "include=notes,all"] {
        assert_eq!(fetch_page(&staff, &stay, bad).await.bad_fields(), ["include"], "{bad}");
    }
});

on_both!(a_message_shows_sender_and_delivery, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let guest = staff.get(stay.path("")).await.is(200)["guest_name"].clone();
    let received = hotel.send_guest_message(&stay.phone, "  good evening ").await;
    let sent = hotel.send_message(&staff, &stay, "good evening to you").await;
    let list = fetch_page(&staff, &stay, "limit=2").await.is(200);
    assert_eq!(keys(&list[0]), MESSAGE_FIELDS);
    assert!(is_time(&list[0]["timestamp"]), "{list}");
    let mut first = list[0].clone();
    first["timestamp"].take();
    let expected = json!({
        "id": received["message_id"], "content": "good evening", "sender_type": "guest", "sender_name": guest,
        "timestamp": null, "delivery": null, "failure": null, "attachments": [], "internal": false,
        "conversation_id": stay.conversation, "stay_id": stay.id, "sender_id": null,
        "reply_to": null, "reactions": [], "send_at": null,
    });
    assert_eq!(first, expected);
    // The list shows the same object as the response to the send.
    assert_eq!(list[1], sent);
    let mut sent = sent.clone();
    sent["id"].take();
    sent["timestamp"].take();
    let expected = json!({
        "id": null, "content": "good evening to you", "sender_type": "staff", "sender_name": staff.name(),
        "timestamp": null, "delivery": "sent", "failure": null, "attachments": [], "internal": false,
        "conversation_id": stay.conversation, "stay_id": stay.id, "sender_id": staff.id,
        "reply_to": null, "reactions": [], "send_at": null,
    });
    assert_eq!(sent, expected);
});

on_sqlite!(the_fields_beside_the_text_are_validated, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let before = ids(&fetch_page(&staff, &stay, "").await.is(200));
    let send = |body: Value| {
        let (client, path) = (staff.clone(), stay.path("send_message/"));
        async move { client.post(path, body).await }
    };
    for bad in [json!("yes"), json!(1), json!({})] {
        assert_eq!(send(json!({ "text": "x", "hold": bad })).await.bad_fields(), ["hold"], "{bad}");
    }
    let all = send(json!({ "text": "", "hold": 1, "seen_message_id": "1" })).await;
    assert_eq!(all.bad_fields(), ["hold", "seen_message_id", "text"]);
    assert_eq!(ids(&fetch_page(&staff, &stay, "").await.is(200)), before);
    // In a hotel without WhatsApp number there is no window, so nothing is held.
    assert_eq!(send(json!({ "text": "x", "hold": true })).await.is(201)["delivery"], "sent");
    assert_eq!(send(json!({ "text": "x", "hold": null, "seen_message_id": null })).await.is(201)["delivery"], "sent");
});

on_both!(a_note_does_not_take_over_or_count_as_a_reply, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.active(0));
    hotel.send_guest_message(&stay.phone, "one question").await;
    let before = staff.get(stay.path("")).await.is(200);
    staff.post(stay.path("notes/"), json!({ "text": "who knows?" })).await.is(201);
    let after = staff.get(stay.path("")).await.is(200);
    for name in ["status", "department_name", "assigned_to", "unread_count", "last_message", "last_guest_message_at"] {
        assert_eq!(after[name], before[name], "{name}");
    }
    assert_ne!(after["updated_at"], before["updated_at"]);
    for text in [json!(""), json!(null), json!("x".repeat(4097))] {
        assert_eq!(staff.post(stay.path("notes/"), json!({ "text": text })).await.bad_fields(), ["text"]);
    }
});

on_both!(the_list_item_contains_the_whole_last_message, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let text = "Hello, ".repeat(500).trim().to_owned();
    let item = || async {
        let list = staff.get("conversations/").await.is(200);
        list["results"].as_array().unwrap().iter().find(|listed| listed["id"] == stay.conversation).unwrap().clone()
    };
    hotel.send_guest_message(&stay.phone, &text).await;
    let listed = item().await;
    let message = fetch_page(&staff, &stay, "limit=1").await.is(200)[0].clone();
    let last = |message: &Value| {
        let keys = ["id", "content", "sender_type", "sender_name", "timestamp", "delivery", "reactions"];
        Value::from_iter(keys.map(|key| (key.to_owned(), message[key].clone())))
    };
    assert_eq!(message["content"], text);
    assert_eq!(listed["last_message"], last(&message));
    assert_eq!(
        (&listed["last_guest_message_at"], &listed["updated_at"]),
        (&message["timestamp"], &message["timestamp"])
    );
    let sent = hotel.send_message(&staff, &stay, "Yes?").await;
    let listed = item().await;
    assert_eq!((&listed["last_message"], &listed["last_guest_message_at"]), (&last(&sent), &message["timestamp"]));
});

on_both!(free_text_needs_an_open_window, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let number = acceptance::unique("1").replace('-', "");
    let set = ["hotel", "set", &hotel.id.to_string(), "--whatsapp-phone-number-id", &number];
    assert_eq!(world.run(&set).json()["id"], hotel.id);
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    assert_eq!(staff.get("hotel/").await.is(200)["whatsapp_phone_number_id"], number);
    hotel.send_guest_message(&stay.phone, "still awake?").await;
    let open = staff.get(stay.path("")).await.is(200);
    let (last_message_at, expires_at) = (open["last_guest_message_at"].as_str().unwrap(), open["window_expires_at"].as_str().unwrap());
    // Exactly one day later.
    assert_eq!((&last_message_at[10..], last_message_at < expires_at), (&expires_at[10..], true));
    assert_eq!(hotel.send_message(&staff, &stay, "still").await["delivery"], "queued");
    world.advance(24 * 60 * 60);
    let staff = hotel.sign_in(&staff.username, acceptance::PASSWORD).await;
    let body = json!({ "text": "too late" });
    staff.post(stay.path("send_message/"), body.clone()).await.problem(409, "window_closed");
    staff.post(stay.path("notes/"), body.clone()).await.is(201);
    hotel.send_guest_message(&stay.phone, "good morning").await;
    staff.post(stay.path("send_message/"), body).await.is(201);
    // A hotel without WhatsApp number has no window.
    let another = world.hotel();
    assert_eq!(another.of(0).await.get(another.relay(0).path("")).await.is(200)["window_expires_at"], json!(null));
});
