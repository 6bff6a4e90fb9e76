//! Search for messages: `GET search/`.

mod unfinished;

use std::{
    thread,
    time::{Duration, Instant},
};

use acceptance::{
    ApiClient, DatabaseKind, StaffClient, TestHotel, TestStay, Value, WorldOptions, alone, json, on_both, unique,
};
use tokio::time::sleep;

use crate::keys;

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn search(client: &ApiClient, q: &str, rest: &str) -> Value {
    client.get(format!("search/?q={}{rest}", encoded(q))).await.is(200)
}

/// The texts of the messages that a search finds, in its order.
async fn texts(client: &ApiClient, q: &str, rest: &str) -> Vec<String> {
    let found = search(client, q, &format!("&page_size=100{rest}")).await;
    let text = |hit: &Value| hit["message"]["content"].as_str().unwrap().to_owned();
    found["results"].as_array().unwrap().iter().map(text).collect()
}

/// A word that no other test uses, without a separator.
fn word(start: &str) -> String {
    unique(start).replace('-', "x")
}

on_both!(words_are_found_in_any_order_without_case_and_accents, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let (one, other) = (word("Café"), word("Ömür"));
    hotel.send_message(&staff, &stay, &format!("The {one} beside the {other}")).await;
    hotel.send_guest_message(&stay.phone, &format!("{one}s")).await;
    let text = format!("The {one} beside the {other}");
    for q in [
        one.to_uppercase(),
        format!("{other} {one}"),
        one.replace('é', "e"),
        one.replace('é', "e\u{301}"),
        format!("  {}\t{}  ", other.replace('Ö', "o").replace('ü', "u"), one),
        format!("\"{one} beside the\""),
        format!("“{one} BESIDE” the"),
    ] {
        assert_eq!(texts(&staff, &q, "").await, [text.as_str()], "{q}");
    }
    for q in [
        format!("{one} nowhere"),
        format!("\"{other} beside\""),
        format!("\"beside {one}\""),
        format!("\"{}\"", one.chars().take(4).collect::<String>()),
        format!("{} {other}", one.chars().take(4).collect::<String>()),
    ] {
        assert_eq!(texts(&staff, &q, "").await, Vec::<String>::new(), "{q}");
    }
});

on_both!(a_hit_has_conversation_message_and_excerpt, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let word = word("towels");
    let sent = hotel.send_message(&staff, &stay, &format!("<b>{word}</b> & \"soap\"\nnow")).await;
    let found = search(&staff, &word, "").await;
    assert_eq!(keys(&found), ["count", "indexing", "next", "previous", "results"]);
    assert_eq!((&found["count"], &found["indexing"]), (&json!(1), &json!(false)));
    let hit = &found["results"][0];
    assert_eq!(keys(hit), ["conversation_id", "excerpt", "guest_name", "message", "room_number", "stay_id"]);
    let details = staff.get(stay.path("")).await.is(200);
    for key in ["stay_id", "guest_name", "room_number"] {
        assert_eq!(hit[key], details[key], "{key}");
    }
    assert_eq!(hit["conversation_id"], stay.conversation);
    assert_eq!((&hit["message"]["id"], &hit["message"]["content"]), (&sent["id"], &sent["content"]));
    assert_eq!(keys(&hit["message"]), keys(&sent));
    assert_eq!(hit["excerpt"], format!("&lt;b&gt;<mark>{word}</mark>&lt;/b&gt; &amp; &quot;soap&quot; now"));
    assert!(staff.get(format!("search/?q={word}")).await.header("x-event-seq").is_some());
});

on_both!(notes_removed_and_changed_texts_are_not_found, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let (noted, sent) = (word("noted"), word("sent"));
    staff.post(stay.path("notes/"), json!({ "text": noted })).await.is(201);
    staff
        .post(stay.path("start_relay/"), json!({ "department_id": hotel.departments[0].id, "note": noted }))
        .await
        .is(200);
    assert_eq!(texts(&staff, &noted, "").await, Vec::<String>::new());
    hotel.send_message(&staff, &stay, &sent).await;
    assert_eq!(texts(&staff, &sent, "").await, [sent.as_str()]);
});

on_both!(only_visible_conversations_are_searched, |hotel| {
    let word = word("secret");
    let (relay, unrouted) = (hotel.assigned(0).await, hotel.active(0));
    let (member, manager) = (hotel.of(0).await, hotel.manager().await);
    hotel.send_message(&member, &relay, &format!("{word} routed")).await;
    hotel.send_guest_message(&unrouted.phone, &format!("{word} unrouted")).await;
    let (routed, unrouted) = (format!("{word} routed"), format!("{word} unrouted"));
    for (staff, visible) in [
        (&member, vec![&unrouted, &routed]),
        (&manager, vec![&unrouted, &routed]),
        (&hotel.of(1).await, vec![&unrouted]),
        (&hotel.hire("staff", &[]).await, vec![&unrouted]),
        (&hotel.world.hotel().manager().await, vec![]),
    ] {
        let visible: Vec<&str> = visible.into_iter().map(String::as_str).collect();
        assert_eq!(texts(staff, &word, "").await, visible);
        assert_eq!(search(staff, &word, "").await["count"], visible.len());
    }
    // A conversation that is routed away is not found any more.
    let body = json!({ "department_id": hotel.departments[1].id });
    manager.post(relay.path("start_relay/"), body).await.is(200);
    assert_eq!(texts(&member, &word, "").await, [unrouted.as_str()]);
    let receiver = hotel.of(1).await;
    assert_eq!(texts(&receiver, &word, "").await, [unrouted.as_str(), routed.as_str()]);
    let of_invisible = format!("&conversation_id={}", relay.conversation);
    assert_eq!(search(&member, &word, &of_invisible).await["count"], 0);
    hotel.system().get("search/?q=x").await.problem(403, "forbidden");
    hotel.anonymous().get("search/?q=x").await.problem(401, "unauthenticated");
});

async fn two_conversations(hotel: &TestHotel, word: &str) -> (StaffClient, TestStay, TestStay) {
    let (manager, one, other) = (hotel.manager().await, hotel.assigned(0).await, hotel.active(0));
    hotel.send_guest_message(&one.phone, &format!("{word} by one")).await;
    hotel.send_guest_message(&other.phone, &format!("{word} by other")).await;
    hotel.send_message(&hotel.of(0).await, &one, &format!("{word} by staff")).await;
    (manager, one, other)
}

on_both!(filters_narrow_a_search, |hotel| {
    let word = word("narrow");
    let (manager, one, other) = two_conversations(&hotel, &word).await;
    let found = async |rest: String| {
        let all = texts(&manager, &word, &rest).await;
        all.iter().map(|text| text.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(String::new()).await, ["staff", "other", "one"]);
    assert_eq!(found(format!("&conversation_id={}", one.conversation)).await, ["staff", "one"]);
    assert_eq!(found(format!("&conversation_id={}", other.conversation)).await, ["other"]);
    assert_eq!(found("&conversation_id=9223372036854775807".into()).await, Vec::<String>::new());
    assert_eq!(found(format!("&room={}", other.room)).await, ["other"]);
    assert_eq!(found("&room=none".into()).await, Vec::<String>::new());
    assert_eq!(found("&sender_type=guest".into()).await, ["other", "one"]);
    assert_eq!(found(format!("&sender_type=guest&conversation_id={}", one.conversation)).await, ["one"]);
    assert_eq!(found("&sender_type=system".into()).await, Vec::<String>::new());
    for (name, value) in [
        ("conversation_id", "x"),
        ("sender_type", "robot"),
        ("from", "yesterday"),
        ("to", "2026-13-01"),
        ("room", "%00"),
    ] {
        assert_eq!(manager.get(format!("search/?q={word}&{name}={value}")).await.bad_fields(), [name]);
    }
});

on_both!(days_are_those_of_the_hotel, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.active(0));
    let word = word("day");
    let stored = hotel.send_guest_message(&stay.phone, &word).await;
    let at = "2026-06-01T22:30:00Z";
    let set = match hotel.world.backend {
        DatabaseKind::Sqlite => "1780353000000000".to_owned(),
        DatabaseKind::Postgres => format!("'{at}'"),
    };
    hotel.world.sql(&format!("UPDATE messages SET timestamp = {set} WHERE id = {}", stored["message_id"])).unwrap();
    for (zone, day) in [("Europe/Madrid", "2026-06-02"), ("America/Lima", "2026-06-01")] {
        manager.patch("hotel/", json!({ "timezone": zone })).await.is(200);
        assert_eq!(texts(&manager, &word, &format!("&from={day}&to={day}")).await, [word.as_str()], "{zone}");
        let (before, after) =
            if day.ends_with('2') { ("2026-06-01", "2026-06-03") } else { ("2026-05-31", "2026-06-02") };
        assert_eq!(texts(&manager, &word, &format!("&to={before}")).await.len(), 0, "{zone}");
        assert_eq!(texts(&manager, &word, &format!("&from={after}")).await.len(), 0, "{zone}");
    }
    assert_eq!(texts(&manager, &word, "&from=0000-01-01&to=9999-12-31").await.len(), 1);
    assert_eq!(texts(&manager, &word, "&from=2026-06-03&to=2026-06-01").await.len(), 0);
});

on_both!(the_best_come_first_then_the_newest, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let (one, two) = (word("late"), word("checkout"));
    let in_order = [format!("first {one} {two}"), format!("second {one}, {two}")];
    let apart = format!("{one} {} {two}", "and ".repeat(30));
    let near = format!("{two} and {one}");
    for text in [&in_order[0], &in_order[1], &near, &apart] {
        hotel.send_message(&staff, &stay, text).await;
    }
    let expected = [in_order[1].as_str(), &in_order[0], &near, apart.trim()];
    assert_eq!(texts(&staff, &format!("{one} {two}"), "").await, expected);
});

on_both!(results_are_paged, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let word = word("paged");
    for number in 0..5 {
        hotel.send_message(&staff, &stay, &format!("{word} {number}")).await;
    }
    let first = search(&staff, &word, "&page_size=2").await;
    assert_eq!((&first["count"], first["results"].as_array().unwrap().len()), (&json!(5), 2));
    assert!(first["previous"].is_null(), "{first}");
    let mut seen = 2;
    let mut next = first["next"].clone();
    while let Some(url) = next.as_str() {
        let path = url.split_once("/search/").unwrap().1;
        let page = staff.get(format!("search/{path}")).await.is(200);
        seen += page["results"].as_array().unwrap().len();
        assert!(page["previous"].is_string(), "{page}");
        next = page["next"].clone();
    }
    assert_eq!(seen, 5);
    staff.get(format!("search/?q={word}&page=4&page_size=2")).await.problem(404, "not_found");
    staff.get(format!("search/?q={word}&page=0")).await.problem(404, "not_found");
    assert_eq!(staff.get(format!("search/?q={word}&page_size=101")).await.bad_fields(), ["page_size"]);
});

on_both!(any_text_is_a_search, |hotel| {
    let staff = hotel.of(0).await;
    let ten_kb = "x".repeat(10_000);
    for q in ["", " ", "\u{3000}", "\0", "a\0b", ten_kb.as_str()] {
        assert_eq!(staff.get(format!("search/?q={}", encoded(q))).await.bad_fields(), ["q"], "{q:?}");
    }
    assert_eq!(staff.get("search/").await.bad_fields(), ["q"]);
    let long = "ab ".repeat(160);
    for q in [
        "\"",
        "\"\"",
        "'",
        "''",
        "\\",
        "qa\" OR \"qb",
        "NEAR(qa qb)",
        "qa AND NOT qb",
        "words:x",
        "qa*",
        "^qa",
        "-qa",
        "(",
        "qa & !qb",
        "qa <-> qb",
        "'; DROP TABLE messages; --",
        "%_",
        "👍🏽",
        "🇩🇪",
        "\u{202e}שלום\u{202c}",
        "مرحبا",
        "早餐",
        "\u{1}",
        "·",
        "12·x",
        long.trim(),
        "\u{fffd}\u{10ffff}",
        "! ? .",
        "qa:qb",
        "{x}",
        "$1",
        "?1",
    ] {
        assert_eq!(search(&staff, q, "").await["count"], 0, "{q:?}");
    }
    // Bytes that are no UTF-8 are read as U+FFFD.
    assert_eq!(staff.get("search/?q=%ff%fe").await.is(200)["count"], 0);
});

on_both!(scripts_without_spaces_emoji_and_other_directions_are_found, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    for (text, found, missed) in [
        ("请明天早上送早餐到房间", "早餐", "餐早"),
        ("朝食は何時からですか", "何時", "時何"),
        ("ขออาหารเช้าด้วยครับ", "อาหารเช้า", "เช้าอาหาร"),
        ("수건을 두 장 주세요", "수건", "건수"),
        ("שָׁלוֹם, יש מגבות?", "שלום מגבות", "שלומות"),
        ("أريد منشفةً", "منشفة", "منشفات"),
        ("gracias 👍🏽🎉", "🎉 👍", "🎈"),
        ("Übergröße für Łukasz", "ubergrosse lukasz", "uebergrosse"),
    ] {
        hotel.send_message(&staff, &stay, text).await;
        assert_eq!(texts(&staff, found, "").await, [text], "{found}");
        assert_eq!(texts(&staff, missed, "").await, Vec::<String>::new(), "{missed}");
    }
});

on_both!(a_phone_number_finds_the_newest_message_of_each_conversation_of_the_guest, |hotel| {
    let (manager, word) = (hotel.manager().await, word("hola"));
    let phone = hotel.unused_phone();
    hotel.send_guest_message(&phone, "before").await;
    hotel.send_guest_message(&phone, &word).await;
    let national = &phone[3..];
    let spaced = format!("+34 {} {}-{}", &national[..3], &national[3..6], &national[6..]);
    for q in [phone.clone(), format!("00{}", &phone[1..]), spaced, format!("(+34) {national}")] {
        assert_eq!(texts(&manager, &q, "").await, [word.as_str()], "{q}");
        let listed = manager.get(format!("conversations/?status=demo&search={}", encoded(&q))).await.is(200);
        assert_eq!(listed["count"], 1, "{q}");
    }
    manager.patch("hotel/", json!({ "country": "ES" })).await.is(200);
    assert_eq!(texts(&manager, national, "").await, [word.as_str()]);
    assert_eq!(texts(&manager, &phone, "&sender_type=staff").await, Vec::<String>::new());
    // A message that mentions the number is found, too, after the guest's.
    let text = format!("call {phone}");
    hotel.send_guest_message(&hotel.unused_phone(), &text).await;
    assert_eq!(texts(&manager, &phone, "").await, [word.as_str(), &text]);
    assert_eq!(search(&manager, &phone, "").await["results"][0]["excerpt"], word);
    // Staff who may not see the conversation do not find it.
    let conversation = search(&manager, &phone, "").await["results"][0]["conversation_id"].clone();
    let body = json!({ "department_id": hotel.departments[0].id });
    manager.post(format!("conversations/{conversation}/start_relay/"), body).await.is(200);
    let other = hotel.of(1).await;
    assert_eq!(texts(&other, &phone, "").await, [text.as_str()]);
});

on_both!(messages_of_a_time_before_the_index_are_added_in_the_background, without_server WorldOptions::default() => |world| {
    let emptied = match world.backend {
        DatabaseKind::Sqlite => "INSERT INTO message_words (message_words) VALUES ('delete-all')",
        DatabaseKind::Postgres => "DELETE FROM message_words",
    };
    world.sql(emptied).unwrap();
    world.sql("UPDATE search_index SET unindexed_below = (SELECT MAX(id) + 1 FROM messages)").unwrap();
    // The server starts at once; searches find old messages when they are in the index.
    world.serve();
    let hotel = world.hotel();
    let (manager, stay) = (hotel.manager().await, hotel.active(0));
    let stored = hotel.send_guest_message(&stay.phone, "unmistakable").await;
    assert_eq!(texts(&manager, "unmistakable", "").await, ["unmistakable"]);
    let all = format!("FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.hotel_id = {}", hotel.id);
    let oldest = world.number(&format!("SELECT MIN(m.id) {all}"));
    assert!(oldest < stored["message_id"].as_i64().unwrap());
    let text = manager.get(stay.path("messages/")).await.is(200)[0]["content"].as_str().unwrap().to_owned();
    let q = format!("\"{text}\"");
    let begin = Instant::now();
    loop {
        let found = search(&manager, &q, "&page_size=1").await;
        if found["indexing"] == false {
            let same = world.number(&format!("SELECT count(*) {all} AND m.content = '{}'", text.replace('\'', "''")));
            assert_eq!(found["count"], same.min(1000), "{found}");
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{found}");
        sleep(Duration::from_millis(50)).await;
    }
});

#[test]
fn a_search_that_takes_too_long_is_stopped() {
    if !DatabaseKind::Postgres.is_available() {
        return;
    }
    alone(DatabaseKind::Postgres, WorldOptions::default(), |world| async move {
        let manager = world.hotel().manager().await;
        let locking = world.clone();
        let lock = thread::spawn(move || {
            locking
                .psql("BEGIN; LOCK TABLE message_words IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(5); COMMIT")
                .unwrap()
        });
        let is_locked = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted \
            AND relation = 'message_words'::regclass";
        while world.number(is_locked) == 0 {
            sleep(Duration::from_millis(20)).await;
        }
        let begin = Instant::now();
        let stopped = manager.get("search/?q=towels").await;
        stopped.problem(503, "search_timeout");
        assert!(stopped.header("retry-after").is_some());
        let took = begin.elapsed();
        assert!(took >= Duration::from_millis(1900) && took < Duration::from_secs(4), "{took:?}");
        // Other calls go on meanwhile.
        manager.get("conversations/").await.is(200);
        lock.join().unwrap();
        search(&manager, "towels", "").await;
    });
}
