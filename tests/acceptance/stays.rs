//! Stays over REST: create, list, change, validate.

mod check_in;
mod imports;
mod links;
mod status;
mod tables;

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
        "conversation_id",
        "email",
        "guest_id",
        "guest_name",
        "guest_phone",
        "id",
        "language",
        "linked",
        "note",
        "part",
        "reservation_code",
        "room_number",
        "status",
    ];
    assert_eq!(keys(&made), expected);
    let nothing_yet = json!({
        "id": made["id"], "checked_in_at": null, "checked_out_at": null, "guest_id": made["guest_id"],
        "conversation_id": null, "status": "booked", "part": 1, "email": null, "language": null, "note": null,
        "linked": false,
    });
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
        ("part", json!(0)),
        ("part", json!(10_000)),
        ("email", json!("ana")),
        ("language", json!("english")),
        ("note", json!("x".repeat(2001))),
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
    let all = ["check_in", "check_out", "guest_name", "reservation_code"];
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

on_both!(all_staff_read_stays_and_stay_handlers_change_them, |hotel| {
    let (manager, handler, reader) = (hotel.manager().await, hotel.of(0).await, hotel.of(1).await);
    let loner = hotel.hire("staff", &[]).await;
    let made = create_stay(&handler, &booking(&hotel)).await;
    handler.patch(stay_path(&made, ""), json!({ "room_number": "5" })).await.is(200);
    for client in [&reader, &loner] {
        let shown = client.get(stay_path(&made, "")).await.is(200);
        assert_eq!((&shown["room_number"], &shown["status"]), (&json!("5"), &json!("booked")));
        assert_eq!(client.get("stays/").await.is(200)["results"][0], shown);
        client.post("stays/", booking(&hotel)).await.problem(403, "forbidden");
        client.patch(stay_path(&made, ""), json!({ "room_number": "6" })).await.problem(403, "forbidden");
        client.post_empty(stay_path(&made, "check_in/")).await.problem(403, "forbidden");
        let csv = client.with("content-type", "text/csv");
        csv.send("POST", "stays/import/", Some(b"x".to_vec())).await.problem(403, "forbidden");
        csv.send("POST", "stays/import/?dry_run=true", Some(b"x".to_vec())).await.problem(403, "forbidden");
    }
    assert_eq!(hotel.system().get(stay_path(&made, "")).await.is(200)["conversation_id"], Value::Null);
    hotel.world.hotel().system().get(stay_path(&made, "")).await.problem(404, "not_found");
    // The right belongs to the department, and counts only while the department is active.
    let path = format!("departments/{}/", hotel.departments[1].id);
    manager.patch(&path, json!({ "handles_stays": true })).await.is(200);
    let checked_in = reader.post_empty(stay_path(&made, "check_in/")).await.is(200);
    assert_eq!(checked_in["status"], "checked_in");
    assert_eq!(reader.post_empty(stay_path(&made, "check_out/")).await.is(200)["status"], "checked_out");
    let body = json!({ "active": false, "move_to": hotel.departments[0].id });
    manager.patch(&path, body).await.is(200);
    reader.patch(stay_path(&made, ""), json!({ "room_number": "7" })).await.problem(403, "forbidden");
});

on_both!(stays_are_filtered, |hotel| {
    let manager = hotel.manager().await;
    let day = |days: i64| (chrono::Utc::now().date_naive() + chrono::TimeDelta::days(days)).to_string();
    let stay = async |name: &str, room: &str, from: i64, to: i64| {
        let fields = json!({ "guest_name": name, "room_number": room, "check_in": day(from), "check_out": day(to) });
        create_stay(&manager, &with_fields(&booking(&hotel), &fields)).await
    };
    let past = stay("Zoë Gone", "F-1", -9, -3).await;
    let here = stay("Zoë Here", "F-1", -2, 0).await;
    let soon = stay("Max Soon", "F-2", 0, 4).await;
    // The stays of both rooms that match.
    let found = async |query: &str| {
        let mut all = Vec::new();
        for room in ["F-2", "F-1"] {
            let list = manager.get(format!("stays/?page_size=100&room={room}&{query}")).await.is(200);
            assert_eq!(list["count"], ids(&list["results"]).len(), "{query}");
            all.extend(ids(&list["results"]));
        }
        all
    };
    let id = |stay: &Value| stay["id"].as_i64().unwrap();
    assert_eq!(found("").await, [id(&soon), id(&here), id(&past)]);
    assert_eq!(found("current=true").await, [id(&soon), id(&here)]);
    assert_eq!(found("arriving=true").await, [id(&soon)]);
    assert_eq!(found("leaving=true").await, [id(&here)]);
    assert_eq!(found("search=zoe").await, [id(&here), id(&past)]);
    assert_eq!(found("search=ZO%C3%8B%20here").await, [id(&here)]);
    assert_eq!(found("search=f-2").await, [id(&soon)]);
    let code = soon["reservation_code"].as_str().unwrap();
    assert_eq!(found(&format!("search={}", code.to_lowercase())).await, [id(&soon)]);
    assert_eq!(found(&format!("reservation_code={code}")).await, [id(&soon)]);
    let phone = soon["guest_phone"].as_str().unwrap();
    assert_eq!(found(&format!("search=00{}", &phone[1..])).await, [id(&soon)]);
    assert_eq!(found("search=nobody").await, Vec::<i64>::new());
    // A guest who stays longer than booked is current until the check-out.
    manager.post_empty(stay_path(&past, "check_in/")).await.is(200);
    assert_eq!(found("current=true&search=zoe").await, [id(&here), id(&past)]);
    manager.post_empty(stay_path(&past, "check_out/")).await.is(200);
    assert_eq!(found("current=true&search=zoe").await, [id(&here)]);
    let second = manager.get("stays/?room=F-1&search=zoe&page_size=1&page=2").await.is(200);
    assert_eq!((ids(&second["results"]), second["count"].as_i64()), (vec![id(&past)], Some(2)));
    assert_eq!(manager.get("stays/?current=maybe").await.bad_fields(), ["current"]);
});

on_both!(staff_open_the_conversation_of_a_stay_before_the_guest_writes, |hotel| {
    let (manager, reader) = (hotel.manager().await, hotel.of(1).await);
    let made = create_stay(&manager, &booking(&hotel)).await;
    assert_eq!(made["conversation_id"], Value::Null);
    let opened = reader.post_empty(stay_path(&made, "conversation/")).await.is(201);
    assert_eq!((&opened["stay_id"], &opened["status"]), (&made["id"], &json!("active")));
    assert_eq!(reader.post_empty(stay_path(&made, "conversation/")).await.is(200)["id"], opened["id"]);
    assert_eq!(reader.get(stay_path(&made, "")).await.is(200)["conversation_id"], opened["id"]);
    // Several requests at once open one conversation.
    let other = create_stay(&manager, &booking(&hotel)).await;
    let path = stay_path(&other, "conversation/");
    let all = futures_util::future::join_all((0..4).map(|_| reader.post_empty(&path))).await;
    assert_eq!(all.iter().filter(|it| it.status == 201).count(), 1);
    assert!(all.iter().all(|it| it.json()["id"] == all[0].json()["id"]));
    // It is hidden from staff who may not see it.
    let relay = format!("conversations/{}/start_relay/", opened["id"]);
    manager.post(relay, json!({ "department_id": hotel.departments[0].id })).await.is(200);
    reader.post_empty(stay_path(&made, "conversation/")).await.problem(404, "not_found");
    assert_eq!(reader.get(stay_path(&made, "")).await.is(200)["conversation_id"], Value::Null);
    assert_eq!(manager.get(stay_path(&made, "")).await.is(200)["conversation_id"], opened["id"]);
});

on_both!(a_dry_run_returns_the_result_of_the_import_and_stores_nothing, |hotel| {
    let manager = hotel.manager().await;
    let csv = manager.with("content-type", "text/csv");
    let (same, changed) =
        (create_stay(&manager, &booking(&hotel)).await, create_stay(&manager, &booking(&hotel)).await);
    let row = |code: &str, phone: &str, room: &str| format!("{code},Zoë Booked,{phone},{room},2020-01-01,2099-01-01\n");
    let text = |stay: &Value, key: &str| stay[key].as_str().unwrap().to_owned();
    let new = row(&unique("R"), &hotel.unused_phone(), "1");
    let table = [
        "reservation_code,guest_name,guest_phone,room_number,check_in,check_out\n".to_owned(),
        row(&text(&same, "reservation_code"), &text(&same, "guest_phone"), &text(&same, "room_number")),
        row(&text(&changed, "reservation_code"), &text(&changed, "guest_phone"), "99"),
        new.clone(),
        new,
        row(&unique("R"), "no phone", "1"),
    ]
    .concat();
    let before = manager.get("stays/?page_size=100").await.is(200);
    let key = unique("k");
    let dry = csv.key(&key).send("POST", "stays/import/?dry_run=true", Some(table.clone().into())).await.is(200);
    assert_eq!(manager.get("stays/?page_size=100").await.is(200), before);
    // The key of a dry run is not used up.
    let wet = csv.key(&key).send("POST", "stays/import/", Some(table.clone().into())).await.is(200);
    let results = |rows: &Value| {
        let rows = rows["rows"].as_array().unwrap().iter();
        rows.map(|it| it["result"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(results(&dry), ["unchanged", "updated", "created", "unchanged", "failed"]);
    assert_eq!(results(&wet), results(&dry));
    assert_eq!(dry["rows"][4], wet["rows"][4]);
    assert_eq!((&wet["rows"][0]["id"], &wet["rows"][1]["id"]), (&same["id"], &changed["id"]));
    assert_eq!((&dry["rows"][1]["id"], dry["rows"][2].get("id")), (&changed["id"], None));
    assert_eq!(wet["rows"][2]["id"], wet["rows"][3]["id"]);
    let system = hotel.system().with("content-type", "text/csv");
    let again = system.send("POST", "stays/import/?dry_run=true", Some(table.into())).await.is(200);
    assert_eq!(results(&again), ["unchanged", "unchanged", "unchanged", "unchanged", "failed"]);
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
