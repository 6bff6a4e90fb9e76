//! Messages and notes: reading them page by page, and what each says.

use acceptance::{Answer, Client, Hotel, Options, Staff, Stay, Value, json, on_both};
use futures_util::future::join_all;

use crate::{ids, is_time, keys};

const MESSAGE: [&str; 9] =
    ["attachments", "content", "delivery", "failure", "id", "internal", "sender_name", "sender_type", "timestamp"];

/// Sends so many messages; their ids, ascending.
async fn fill(hotel: &Hotel, staff: &Staff, stay: &Stay, number: usize) -> Vec<i64> {
    let sends =
        (0..number).map(|it| async move { hotel.says(staff, stay, &format!("number {it}")).await["id"].clone() });
    let mut made: Vec<i64> = join_all(sends).await.iter().map(|id| id.as_i64().unwrap()).collect();
    made.sort_unstable();
    made
}

/// Both of them, as whether there is something.
fn left(answer: &Answer) -> (bool, bool) {
    (answer.link("prev").is_some(), answer.link("next").is_some())
}

async fn page(client: &Client, stay: &Stay, query: &str) -> Answer {
    client.get(stay.path(&format!("messages/?{query}"))).await
}

on_both!(without_parameters_the_newest_200_come_oldest_first, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let first = ids(&page(&staff, &stay, "").await.is(200));
    let all = [first, fill(&hotel, &staff, &stay, 205).await].concat();
    let newest = page(&staff, &stay, "").await;
    assert_eq!(ids(&newest.is(200)), all[all.len() - 200..]);
    assert_eq!(left(&newest), (true, false));
    let rest = staff.follow(&newest.link("prev").unwrap()).await;
    assert_eq!(ids(&rest.is(200)), all[..all.len() - 200]);
    assert_eq!(left(&rest), (false, true));
    let whole = page(&staff, &stay, "limit=1000").await;
    assert_eq!((ids(&whole.is(200)), left(&whole)), (all, (false, false)));
});

on_both!(pages_go_both_ways_and_say_what_is_left, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let all = ids(&page(&staff, &stay, "").await.is(200));
    let all = [all, fill(&hotel, &staff, &stay, 4).await].concat();
    let cases = [
        ("limit=3".to_owned(), &all[5..], (true, false)),
        (format!("limit=3&before={}", all[5]), &all[2..5], (true, true)),
        (format!("limit=9&before={}", all[2]), &all[..2], (false, true)),
        (format!("limit=3&after={}", all[0]), &all[1..4], (true, true)),
        (format!("limit=9&after={}", all[5]), &all[6..], (true, false)),
        (format!("after={}&before={}", all[1], all[4]), &all[2..4], (true, true)),
        // Of what lies between, the oldest.
        (format!("limit=1&after={}&before={}", all[1], all[4]), &all[2..3], (true, true)),
        (format!("after={}", all[7]), &[], (false, false)),
        (format!("before={}", all[0]), &[], (false, false)),
        // An id need not be one of this conversation's.
        ("after=9000000000".into(), &[], (false, false)),
        ("before=9000000000&limit=2".into(), &all[6..], (true, false)),
    ];
    for (query, wanted, more) in cases {
        let answer = page(&staff, &stay, &query).await;
        assert_eq!((ids(&answer.is(200)).as_slice(), left(&answer)), (wanted, more), "{query}");
    }
});

on_both!(following_links_meets_every_message_once, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    fill(&hotel, &staff, &stay, 3).await;
    staff.post(stay.path("notes/"), json!({ "text": "in between" })).await.is(201);
    fill(&hotel, &staff, &stay, 3).await;
    let all = ids(&page(&staff, &stay, "include=notes").await.is(200));
    assert_eq!(all.len(), 11);
    for direction in ["prev", "next"] {
        let start = if direction == "prev" { "".to_owned() } else { format!("&after={}", all[0]) };
        let mut answer = page(&staff, &stay, &format!("limit=2&include=notes{start}")).await;
        let mut met = ids(&answer.is(200));
        while let Some(url) = answer.link(direction) {
            answer = staff.follow(&url).await;
            let more = ids(&answer.is(200));
            met = if direction == "prev" { [more, met].concat() } else { [met, more].concat() };
        }
        let wanted = if direction == "prev" { &all[..] } else { &all[1..] };
        assert_eq!(met, wanted, "{direction}");
    }
});

on_both!(notes_are_there_for_who_asks, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let sent = hotel.says(&staff, &stay, "to the guest").await;
    let note = staff.post(stay.path("notes/"), json!({ "text": " to colleagues " })).await.is(201);
    assert_eq!(keys(&note), MESSAGE);
    assert_eq!((&note["content"], &note["internal"]), (&json!("to colleagues"), &json!(true)));
    assert_eq!((&note["delivery"], &note["sender_type"]), (&json!(null), &json!("staff")));
    assert_eq!(note["sender_name"], staff.name());
    let with = page(&staff, &stay, "include=notes&limit=2").await;
    assert_eq!(with.is(200), json!([sent, note]));
    // Without them a note is not what is left, either.
    let without = page(&staff, &stay, "limit=1").await;
    assert_eq!(without.is(200), json!([sent]));
    assert_eq!(left(&without), (true, false));
    for bad in ["include=all", "include=", "include=notes,all"] {
        assert_eq!(page(&staff, &stay, bad).await.bad_fields(), ["include"], "{bad}");
    }
});

on_both!(a_message_says_who_spoke_and_how_far_it_came, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let guest = staff.get(stay.path("")).await.is(200)["guest_name"].clone();
    let heard = hotel.guest_says(&stay.phone, "  good evening ").await;
    let sent = hotel.says(&staff, &stay, "good evening to you").await;
    let list = page(&staff, &stay, "limit=2").await.is(200);
    assert_eq!(keys(&list[0]), MESSAGE);
    assert!(is_time(&list[0]["timestamp"]), "{list}");
    let mut first = list[0].clone();
    first["timestamp"].take();
    let wanted = json!({
        "id": heard["message_id"], "content": "good evening", "sender_type": "guest", "sender_name": guest,
        "timestamp": null, "delivery": null, "failure": null, "attachments": [], "internal": false,
    });
    assert_eq!(first, wanted);
    // What was answered is what is listed.
    assert_eq!(list[1], sent);
    let mut sent = sent.clone();
    sent["id"].take();
    sent["timestamp"].take();
    let wanted = json!({
        "id": null, "content": "good evening to you", "sender_type": "staff", "sender_name": staff.name(),
        "timestamp": null, "delivery": "sent", "failure": null, "attachments": [], "internal": false,
    });
    assert_eq!(sent, wanted);
});

on_both!(what_goes_beside_the_text_is_checked, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let before = ids(&page(&staff, &stay, "").await.is(200));
    let send = |body: Value| {
        let (client, path) = (staff.clone(), stay.path("send_message/"));
        async move { client.post(path, body).await }
    };
    for bad in [json!("yes"), json!(1), json!({})] {
        assert_eq!(send(json!({ "text": "x", "hold": bad })).await.bad_fields(), ["hold"], "{bad}");
    }
    let all = send(json!({ "text": "", "hold": 1, "seen_message_id": "1" })).await;
    assert_eq!(all.bad_fields(), ["hold", "seen_message_id", "text"]);
    assert_eq!(ids(&page(&staff, &stay, "").await.is(200)), before);
    // Where no window can be shut, nothing is held.
    assert_eq!(send(json!({ "text": "x", "hold": true })).await.is(201)["delivery"], "sent");
    assert_eq!(send(json!({ "text": "x", "hold": null, "seen_message_id": null })).await.is(201)["delivery"], "sent");
});

on_both!(a_note_neither_takes_over_nor_counts_as_an_answer, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.active(0));
    hotel.guest_says(&stay.phone, "one question").await;
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

on_both!(a_list_item_tells_of_the_last_message_in_full, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let words = "Hello, ".repeat(500).trim().to_owned();
    let item = || async {
        let list = staff.get("conversations/").await.is(200);
        list["results"].as_array().unwrap().iter().find(|it| it["id"] == stay.conversation).unwrap().clone()
    };
    hotel.guest_says(&stay.phone, &words).await;
    let it = item().await;
    let message = page(&staff, &stay, "limit=1").await.is(200)[0].clone();
    let last = json!({ "content": words, "sender_type": "guest", "timestamp": message["timestamp"] });
    assert_eq!(it["last_message"], last);
    assert_eq!((&it["last_guest_message_at"], &it["updated_at"]), (&message["timestamp"], &message["timestamp"]));
    let sent = hotel.says(&staff, &stay, "Yes?").await;
    let it = item().await;
    let last = json!({ "content": "Yes?", "sender_type": "staff", "timestamp": sent["timestamp"] });
    assert_eq!((&it["last_message"], &it["last_guest_message_at"]), (&last, &message["timestamp"]));
});

on_both!(on_whatsapp_there_is_a_window, Options::default() => |world| {
    let hotel = world.hotel();
    let number = acceptance::unique("phone");
    let set = ["hotel", "set", &hotel.id.to_string(), "--whatsapp-phone-number-id", &number];
    assert_eq!(world.run(&set).json()["id"], hotel.id);
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    assert_eq!(staff.get("hotel/").await.is(200)["whatsapp_phone_number_id"], number);
    hotel.guest_says(&stay.phone, "still awake?").await;
    let open = staff.get(stay.path("")).await.is(200);
    let (heard, shut) = (open["last_guest_message_at"].as_str().unwrap(), open["window_expires_at"].as_str().unwrap());
    // The same time of the next day.
    assert_eq!((&heard[10..], heard < shut), (&shut[10..], true));
    assert_eq!(hotel.says(&staff, &stay, "still").await["delivery"], "queued");
    world.advance(24 * 60 * 60);
    let staff = hotel.sign_in(&staff.username, acceptance::PASSWORD).await;
    let body = json!({ "text": "too late" });
    staff.post(stay.path("send_message/"), body.clone()).await.problem(409, "window_closed");
    staff.post(stay.path("notes/"), body.clone()).await.is(201);
    hotel.guest_says(&stay.phone, "good morning").await;
    staff.post(stay.path("send_message/"), body).await.is(201);
    // Without WhatsApp there is none.
    let another = world.hotel();
    assert_eq!(another.of(0).await.get(another.relay(0).path("")).await.is(200)["window_expires_at"], json!(null));
});
