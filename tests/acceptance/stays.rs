//! Stays over REST: create, list, change, validate.

mod check_in;
mod imports;

use acceptance::{ApiClient, TestHotel, TestSocket, Value, json, on_both, on_sqlite, unique};

use crate::{ids, keys};

/// A valid booking of a stay that has begun long ago and ends in the far future.
fn booking(hotel: &TestHotel) -> Value {
    json!({
        "reservation_code": unique("R"), "guest_name": "Zoë Booked", "guest_phone": hotel.unused_phone(),
        "room_number": "12", "check_in": "2020-01-01", "check_out": "2099-01-01",
    })
}

fn with_fields(booking: &Value, fields: &Value) -> Value {
    let mut other = booking.clone();
    other.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    other
}

/// Creates the stay.
async fn create_stay(client: &ApiClient, booking: &Value) -> Value {
    client.post("stays/", booking.clone()).await.is(201)
}

fn stay_path(stay: &Value, rest: &str) -> String {
    format!("stays/{}/{rest}", stay["id"])
}

/// Lets the guest write; returns the details of the conversation that the message went to.
async fn conversation_of(hotel: &TestHotel, client: &ApiClient, phone: &Value) -> Value {
    let received = hotel.send_guest_message(phone.as_str().unwrap(), "where does this go?").await;
    client.get(format!("conversations/{}/", received["conversation_id"])).await.is(200)
}

on_both!(a_stay_is_created_listed_and_changed, |hotel| {
    let (manager, body) = (hotel.manager().await, booking(&hotel));
    let made = create_stay(&manager, &with_fields(&body, &json!({ "guest_name": " Zoë Booked " }))).await;
    let expected = [
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
    assert_eq!(keys(&made), expected);
    let nothing_yet = json!({ "id": made["id"], "checked_in_at": null, "checked_out_at": null });
    assert_eq!(made, with_fields(&body, &nothing_yet));
    // Last created first.
    assert_eq!(manager.get("stays/").await.is(200)["results"][0], made);
    let changed = manager.patch(stay_path(&made, ""), json!({ "room_number": "14", "check_out": "2099-02-01" })).await;
    assert_eq!(changed.is(200), with_fields(&made, &json!({ "room_number": "14", "check_out": "2099-02-01" })));
    // A stay may keep its own reservation code. An empty change changes nothing.
    let same =
        manager.patch(stay_path(&made, ""), json!({ "reservation_code": made["reservation_code"] })).await.is(200);
    assert_eq!(
        (&same, &manager.patch(stay_path(&made, ""), json!({})).await.is(200)),
        (&changed.json(), &changed.json())
    );
    assert_eq!(manager.get("stays/").await.is(200)["results"][0], same);
});

on_both!(invalid_stay_fields_are_reported, |hotel| {
    let (manager, other) = (hotel.manager().await, hotel.world.hotel());
    let (one, two) = (create_stay(&manager, &booking(&hotel)).await, create_stay(&manager, &booking(&hotel)).await);
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
        assert_eq!(manager.post("stays/", with_fields(&good, &change)).await.bad_fields(), [field], "{value}");
        assert_eq!(manager.patch(stay_path(&two, ""), change).await.bad_fields(), [field], "{value}");
    }
    // Invalid only in combination with the stored check-out.
    assert_eq!(
        manager.patch(stay_path(&two, ""), json!({ "check_in": "2099-01-02" })).await.bad_fields(),
        ["check_out"]
    );
    let all = ["check_in", "check_out", "guest_name", "guest_phone", "reservation_code", "room_number"];
    assert_eq!(manager.post("stays/", json!({})).await.bad_fields(), all);
    assert_eq!(manager.get("stays/").await.is(200)["results"][0], two);
    // Reservation codes are unique within a hotel, and stays belong to one hotel.
    let other_manager = other.manager().await;
    create_stay(&other_manager, &with_fields(&good, &json!({ "reservation_code": one["reservation_code"] }))).await;
    other_manager.patch(stay_path(&one, ""), json!({ "room_number": "5" })).await.problem(404, "not_found");
    manager.patch("stays/9000000000/", json!({})).await.problem(404, "not_found");
});

on_both!(phone_numbers_are_accepted_in_common_notations, |hotel| {
    let (manager, good) = (hotel.manager().await, booking(&hotel));
    let tail = hotel.unused_phone()[3..].to_owned();
    let (spanish, italian) = (format!("+34{tail}"), "+390612345678".to_owned());
    for (text, number) in [
        (format!("0034 {tail}"), &spanish),
        (format!("\u{202a}+34\u{a0}{tail}\u{202c}"), &spanish),
        (format!("+34 (0){tail} ext. 7"), &spanish),
        ("+39 (0)6 1234 5678".to_owned(), &italian),
    ] {
        let stay = create_stay(
            &manager,
            &with_fields(&good, &json!({ "reservation_code": unique("R"), "guest_phone": text })),
        )
        .await;
        assert_eq!(stay["guest_phone"], json!(number), "{text:?}");
    }
    // National numbers need the hotel's country.
    let national = with_fields(&good, &json!({ "reservation_code": unique("R"), "guest_phone": tail }));
    assert_eq!(manager.post("stays/", national.clone()).await.bad_fields(), ["guest_phone"]);
    assert_eq!(manager.patch("hotel/", json!({ "country": "es" })).await.is(200)["country"], "ES");
    let stay = create_stay(&manager, &national).await;
    assert_eq!(stay["guest_phone"], json!(spanish));
    // Search finds the number in any notation.
    let conversation = conversation_of(&hotel, &manager, &stay["guest_phone"]).await;
    let spaced = format!("{} {} {}", &tail[..2], &tail[2..5], &tail[5..]);
    for text in [spaced.clone(), format!("00 34 (0){spaced}"), format!("+34-{tail}"), format!("0{}", &tail[..7])] {
        let path = format!("conversations/?status=active,checkin,relay&search={}", text.replace('+', "%2B"));
        let found = manager.get(path).await.is(200);
        assert!(ids(&found["results"]).contains(&conversation["id"].as_i64().unwrap()), "{text}: {found}");
    }
    let refusal_reason = async |phone: &str| {
        let refused = manager.patch(stay_path(&stay, ""), json!({ "guest_phone": phone })).await;
        refused.problem(400, "invalid")["errors"]["guest_phone"][0].as_str().unwrap().to_owned()
    };
    let mut reasons = vec![];
    for phone in ["no phone", "+0 600 000 001", "+34 600", "+34 600 000 001 23", "+34 100 000 001"] {
        reasons.push(refusal_reason(phone).await);
    }
    let reasons_before = reasons.len();
    reasons.sort();
    reasons.dedup();
    assert_eq!(reasons.len(), reasons_before, "{reasons:?}");
    assert_eq!(manager.patch("hotel/", json!({ "country": null })).await.is(200)["country"], json!(null));
});

on_both!(a_stored_number_that_is_now_invalid_may_stay_unchanged, |hotel| {
    let (manager, old) = (hotel.manager().await, "+34100000001");
    let stay = create_stay(&manager, &booking(&hotel)).await;
    hotel.world.sql(&format!("UPDATE stays SET guest_phone = '{old}' WHERE id = {}", stay["id"])).unwrap();
    let change = json!({ "guest_phone": old, "room_number": "99" });
    let changed = manager.patch(stay_path(&stay, ""), change).await.is(200);
    assert_eq!((&changed["guest_phone"], &changed["room_number"]), (&json!(old), &json!("99")));
    manager.post("stays/", with_fields(&booking(&hotel), &json!({ "guest_phone": old }))).await.problem(400, "invalid");
});

on_sqlite!(stays_are_limited_to_managers, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(0).await);
    let made = create_stay(&manager, &booking(&hotel)).await;
    staff.get("stays/").await.problem(403, "forbidden");
    staff.post("stays/", booking(&hotel)).await.problem(403, "forbidden");
    staff.patch(stay_path(&made, ""), json!({ "room_number": "5" })).await.problem(403, "forbidden");
    staff.post_empty(stay_path(&made, "check_in/")).await.problem(403, "forbidden");
    staff
        .with("content-type", "text/csv")
        .send("POST", "stays/import/", Some(b"x".to_vec()))
        .await
        .problem(403, "forbidden");
});

on_sqlite!(stays_are_paged, |hotel| {
    let manager = hotel.manager().await;
    let made = [create_stay(&manager, &booking(&hotel)).await, create_stay(&manager, &booking(&hotel)).await];
    let count = manager.get("stays/").await.is(200)["count"].as_i64().unwrap();
    let page = manager.get("stays/?page_size=1&page=2").await.is(200);
    assert_eq!((page["count"].as_i64(), ids(&page["results"])), (Some(count), vec![made[0]["id"].as_i64().unwrap()]));
    assert!(page["next"].is_string() && page["previous"].is_string(), "{page}");
    for past in [format!("page_size=1&page={}", count + 1), "page=0".into(), "page=x".into()] {
        manager.get(format!("stays/?{past}")).await.problem(404, "not_found");
    }
    assert_eq!(manager.get("stays/?page_size=101").await.bad_fields(), ["page_size"]);
});

on_both!(a_stay_over_rest_has_the_same_effects_as_an_imported_one, |hotel| {
    let manager = hotel.manager().await;
    let body = booking(&hotel);
    let demo = conversation_of(&hotel, &manager, &body["guest_phone"]).await;
    assert_eq!(demo["status"], "demo");
    // The guest's first stay adopts their demo conversation.
    let stay = create_stay(&manager, &body).await;
    let adopted = conversation_of(&hotel, &manager, &body["guest_phone"]).await;
    assert_eq!((&adopted["id"], &adopted["status"]), (&demo["id"], &json!("active")));
    assert_eq!((&adopted["stay_id"], &adopted["room_number"]), (&stay["id"], &json!("12")));
    let mut socket = TestSocket::open(&manager).await;
    socket.subscribe(stay["id"].as_i64().unwrap()).await;
    // A change is sent to subscribers and found by search; another number is another guest.
    let phone = json!(hotel.unused_phone());
    let change = json!({ "guest_name": "Renamed Guest", "guest_phone": phone });
    manager.patch(stay_path(&stay, ""), change).await.is(200);
    assert_eq!(socket.expect("conversation_updated").await["conversation"]["guest_name"], "Renamed Guest");
    assert_eq!(conversation_of(&hotel, &manager, &phone).await["id"], demo["id"]);
    let found = manager.get("conversations/?status=active&search=renamed").await.is(200);
    assert_eq!(ids(&found["results"]), [demo["id"].as_i64().unwrap()]);
    assert_ne!(conversation_of(&hotel, &manager, &body["guest_phone"]).await["id"], demo["id"]);
    // The same values again are no change.
    let seen = socket.events_so_far(&hotel).await.len();
    manager.patch(stay_path(&stay, ""), json!({ "guest_name": "Renamed Guest" })).await.is(200);
    assert!(seen > 0);
    socket.nothing(&hotel).await;
});

on_both!(a_repeated_idempotency_key_creates_one_stay, |hotel| {
    let (manager, key, body) = (hotel.manager().await, unique("k"), booking(&hotel));
    let first = create_stay(&manager.key(&key), &body).await;
    let again = manager.key(&key).post("stays/", body.clone()).await;
    assert_eq!((again.is(200), again.header("idempotent-replay")), (first.clone(), Some("true")));
    let other = with_fields(&body, &json!({ "room_number": "13" }));
    manager.key(&key).post("stays/", other).await.problem(409, "idempotency_mismatch");
    let change = unique("k");
    let changed = manager.key(&change).patch(stay_path(&first, ""), json!({ "room_number": "1" })).await.is(200);
    manager.patch(stay_path(&first, ""), json!({ "room_number": "2" })).await.is(200);
    assert_eq!(manager.key(&change).patch(stay_path(&first, ""), json!({ "room_number": "1" })).await.is(200), changed);
    assert_eq!(manager.get("stays/").await.is(200)["results"][0]["room_number"], "2");
});
