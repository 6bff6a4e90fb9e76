//! Stays, as managers keep them.

mod arrivals;
mod imports;

use acceptance::{Client, Hotel, Socket, Value, json, on_both, unique};

use crate::{ids, keys};

/// A good booking: one that has begun, and is not over for long.
fn booking(hotel: &Hotel) -> Value {
    json!({
        "reservation_code": unique("R"), "guest_name": "Zoë Booked", "guest_phone": hotel.new_phone(),
        "room_number": "12", "check_in": "2020-01-01", "check_out": "2099-01-01",
    })
}

/// The same with other fields.
fn with(booking: &Value, fields: &Value) -> Value {
    let mut other = booking.clone();
    other.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    other
}

/// Books it; the stay.
async fn booked(client: &Client, booking: &Value) -> Value {
    client.post("stays/", booking.clone()).await.is(201)
}

fn path(stay: &Value, rest: &str) -> String {
    format!("stays/{}/{rest}", stay["id"])
}

/// The conversation of a guest's newest words, in full.
async fn conversation_of(hotel: &Hotel, client: &Client, phone: &Value) -> Value {
    let told = hotel.guest_says(phone.as_str().unwrap(), "where does this go?").await;
    client.get(format!("conversations/{}/", told["conversation_id"])).await.is(200)
}

on_both!(a_stay_is_booked_listed_and_changed, |hotel| {
    let (manager, body) = (hotel.manager().await, booking(&hotel));
    let made = booked(&manager, &with(&body, &json!({ "guest_name": " Zoë Booked " }))).await;
    let wanted = [
        "check_in",
        "check_out",
        "checked_in_at",
        "checked_out_at",
        "guest_name",
        "guest_phone",
        "id",
        "reservation_code",
        "room_number",
    ];
    assert_eq!(keys(&made), wanted);
    let nothing_yet = json!({ "id": made["id"], "checked_in_at": null, "checked_out_at": null });
    assert_eq!(made, with(&body, &nothing_yet));
    // The last made comes first.
    assert_eq!(manager.get("stays/").await.is(200)["results"][0], made);
    let changed = manager.patch(path(&made, ""), json!({ "room_number": "14", "check_out": "2099-02-01" })).await;
    assert_eq!(changed.is(200), with(&made, &json!({ "room_number": "14", "check_out": "2099-02-01" })));
    // Its own code is no other's; nothing said is nothing changed.
    let same = manager.patch(path(&made, ""), json!({ "reservation_code": made["reservation_code"] })).await.is(200);
    assert_eq!((&same, &manager.patch(path(&made, ""), json!({})).await.is(200)), (&changed.json(), &changed.json()));
    assert_eq!(manager.get("stays/").await.is(200)["results"][0], same);
});

on_both!(what_is_wrong_with_a_stay_is_told, |hotel| {
    let (manager, other) = (hotel.manager().await, hotel.world.hotel());
    let (one, two) = (booked(&manager, &booking(&hotel)).await, booked(&manager, &booking(&hotel)).await);
    let bad = [
        ("reservation_code", json!(one["reservation_code"])),
        ("reservation_code", json!(" ")),
        ("guest_name", json!("a\0")),
        ("guest_phone", json!("600 000 001")),
        ("guest_phone", json!("+34")),
        ("room_number", json!("x".repeat(201))),
        ("room_number", json!(12)),
        ("check_in", json!("1.5.2030")),
        ("check_in", json!("2030-02-30")),
        ("check_in", json!(null)),
        ("check_out", json!("2019-12-31")),
    ];
    let good = booking(&hotel);
    for (field, value) in bad {
        let change = json!({ field: value });
        assert_eq!(manager.post("stays/", with(&good, &change)).await.bad_fields(), [field], "{value}");
        assert_eq!(manager.patch(path(&two, ""), change).await.bad_fields(), [field], "{value}");
    }
    // Only together with what is there already it cannot be.
    assert_eq!(manager.patch(path(&two, ""), json!({ "check_in": "2099-01-02" })).await.bad_fields(), ["check_out"]);
    let all = ["check_in", "check_out", "guest_name", "guest_phone", "reservation_code", "room_number"];
    assert_eq!(manager.post("stays/", json!({})).await.bad_fields(), all);
    assert_eq!(manager.get("stays/").await.is(200)["results"][0], two);
    // A code is one in its hotel only, and a stay is its hotel's.
    let theirs = other.manager().await;
    booked(&theirs, &with(&good, &json!({ "reservation_code": one["reservation_code"] }))).await;
    theirs.patch(path(&one, ""), json!({ "room_number": 5 })).await.problem(404, "not_found");
    manager.patch("stays/9000000000/", json!({})).await.problem(404, "not_found");
});

on_both!(numbers_are_understood_as_people_write_them, |hotel| {
    let (manager, good) = (hotel.manager().await, booking(&hotel));
    let tail = hotel.new_phone()[3..].to_owned();
    let (spanish, italian) = (format!("+34{tail}"), "+390612345678".to_owned());
    for (text, number) in [
        (format!("0034 {tail}"), &spanish),
        (format!("\u{202a}+34\u{a0}{tail}\u{202c}"), &spanish),
        (format!("+34 (0){tail} ext. 7"), &spanish),
        ("+39 (0)6 1234 5678".to_owned(), &italian),
    ] {
        let stay =
            booked(&manager, &with(&good, &json!({ "reservation_code": unique("R"), "guest_phone": text }))).await;
        assert_eq!(stay["guest_phone"], json!(number), "{text:?}");
    }
    // Without a country code only where the hotel says in which country it is.
    let national = with(&good, &json!({ "reservation_code": unique("R"), "guest_phone": tail }));
    assert_eq!(manager.post("stays/", national.clone()).await.bad_fields(), ["guest_phone"]);
    assert_eq!(manager.patch("hotel/", json!({ "country": "es" })).await.is(200)["country"], "ES");
    let stay = booked(&manager, &national).await;
    assert_eq!(stay["guest_phone"], json!(spanish));
    // Found however it is written.
    let conversation = conversation_of(&hotel, &manager, &stay["guest_phone"]).await;
    let split = format!("{} {} {}", &tail[..2], &tail[2..5], &tail[5..]);
    for text in [split.clone(), format!("00 34 (0){split}"), format!("+34-{tail}"), format!("0{}", &tail[..7])] {
        let path = format!("conversations/?status=active,checkin,relay&search={}", text.replace('+', "%2B"));
        let found = manager.get(path).await.is(200);
        assert!(ids(&found["results"]).contains(&conversation["id"].as_i64().unwrap()), "{text}: {found}");
    }
    let told = async |phone: &str| {
        let refused = manager.patch(path(&stay, ""), json!({ "guest_phone": phone })).await;
        refused.problem(400, "invalid")["errors"]["guest_phone"][0].as_str().unwrap().to_owned()
    };
    let mut reasons = vec![];
    for phone in ["no phone", "+0 600 000 001", "+34 600", "+34 600 000 001 23", "+34 100 000 001"] {
        reasons.push(told(phone).await);
    }
    let reasons_before = reasons.len();
    reasons.sort();
    reasons.dedup();
    assert_eq!(reasons.len(), reasons_before, "{reasons:?}");
    assert_eq!(manager.patch("hotel/", json!({ "country": null })).await.is(200)["country"], json!(null));
});

on_both!(a_number_that_was_stored_under_former_rules_is_no_change, |hotel| {
    let (manager, old) = (hotel.manager().await, "+34100000001");
    let stay = booked(&manager, &booking(&hotel)).await;
    hotel.world.sql(&format!("UPDATE stays SET guest_phone = '{old}' WHERE id = {}", stay["id"])).unwrap();
    let change = json!({ "guest_phone": old, "room_number": "99" });
    let changed = manager.patch(path(&stay, ""), change).await.is(200);
    assert_eq!((&changed["guest_phone"], &changed["room_number"]), (&json!(old), &json!("99")));
    manager.post("stays/", with(&booking(&hotel), &json!({ "guest_phone": old }))).await.problem(400, "invalid");
});

on_both!(stays_are_for_managers, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(0).await);
    let made = booked(&manager, &booking(&hotel)).await;
    staff.get("stays/").await.problem(403, "forbidden");
    staff.get("stays/?page_size=0").await.problem(403, "forbidden");
    staff.post("stays/", json!({})).await.problem(403, "forbidden");
    staff.patch(path(&made, ""), json!({ "room_number": 5 })).await.problem(403, "forbidden");
    staff.post_empty(path(&made, "check_in/")).await.problem(403, "forbidden");
    staff
        .with("content-type", "text/csv")
        .send("POST", "stays/import/", Some(b"x".to_vec()))
        .await
        .problem(403, "forbidden");
});

on_both!(stays_page, |hotel| {
    let manager = hotel.manager().await;
    let made = [booked(&manager, &booking(&hotel)).await, booked(&manager, &booking(&hotel)).await];
    let count = manager.get("stays/").await.is(200)["count"].as_i64().unwrap();
    let page = manager.get("stays/?page_size=1&page=2").await.is(200);
    assert_eq!((page["count"].as_i64(), ids(&page["results"])), (Some(count), vec![made[0]["id"].as_i64().unwrap()]));
    assert!(page["next"].is_string() && page["previous"].is_string(), "{page}");
    for past in [format!("page_size=1&page={}", count + 1), "page=0".into(), "page=x".into()] {
        manager.get(format!("stays/?{past}")).await.problem(404, "not_found");
    }
    assert_eq!(manager.get("stays/?page_size=101").await.bad_fields(), ["page_size"]);
});

on_both!(a_booking_by_hand_does_what_one_by_a_table_does, |hotel| {
    let manager = hotel.manager().await;
    let body = booking(&hotel);
    let demo = conversation_of(&hotel, &manager, &body["guest_phone"]).await;
    assert_eq!(demo["status"], "demo");
    // The first stay adopts what its guest has written.
    let stay = booked(&manager, &body).await;
    let adopted = conversation_of(&hotel, &manager, &body["guest_phone"]).await;
    assert_eq!((&adopted["id"], &adopted["status"]), (&demo["id"], &json!("active")));
    assert_eq!((&adopted["stay_id"], &adopted["room_number"]), (&stay["id"], &json!("12")));
    let mut socket = Socket::open(&manager).await;
    socket.subscribe(stay["id"].as_i64().unwrap()).await;
    // A change is told, and shown; another number is another guest.
    let phone = json!(hotel.new_phone());
    let change = json!({ "guest_name": "Renamed Guest", "guest_phone": phone });
    manager.patch(path(&stay, ""), change).await.is(200);
    assert_eq!(socket.expect("conversation_updated").await["conversation"]["guest_name"], "Renamed Guest");
    assert_eq!(conversation_of(&hotel, &manager, &phone).await["id"], demo["id"]);
    let found = manager.get("conversations/?status=active&search=renamed").await.is(200);
    assert_eq!(ids(&found["results"]), [demo["id"].as_i64().unwrap()]);
    assert_ne!(conversation_of(&hotel, &manager, &body["guest_phone"]).await["id"], demo["id"]);
    // The same again is nothing.
    let seen = socket.so_far(&hotel).await.len();
    manager.patch(path(&stay, ""), json!({ "guest_name": "Renamed Guest" })).await.is(200);
    assert!(seen > 0);
    socket.nothing(&hotel).await;
});

on_both!(a_key_books_once, |hotel| {
    let (manager, key, body) = (hotel.manager().await, unique("k"), booking(&hotel));
    let first = booked(&manager.key(&key), &body).await;
    let again = manager.key(&key).post("stays/", body.clone()).await;
    assert_eq!((again.is(200), again.header("idempotent-replay")), (first.clone(), Some("true")));
    let other = with(&body, &json!({ "room_number": "13" }));
    manager.key(&key).post("stays/", other).await.problem(409, "idempotency_mismatch");
    let change = unique("k");
    let changed = manager.key(&change).patch(path(&first, ""), json!({ "room_number": "1" })).await.is(200);
    manager.patch(path(&first, ""), json!({ "room_number": "2" })).await.is(200);
    assert_eq!(manager.key(&change).patch(path(&first, ""), json!({ "room_number": "1" })).await.is(200), changed);
    assert_eq!(manager.get("stays/").await.is(200)["results"][0]["room_number"], "2");
});
