//! Administration by managers: departments, staff and the hotel.

use acceptance::{ApiClient, GIVEN_PASSWORD, PASSWORD, TestHotel, TestSocket, Value, json, on_both, on_sqlite, unique};

use crate::{ids, keys};

const ME: &str = "/api/auth/me/";
const LOGIN: &str = "/api/auth/login/";

async fn find_in_list(client: &ApiClient, path: &str, id: &Value) -> Value {
    let list = client.get(format!("{path}?page_size=100")).await.is(200);
    let entry = list["results"].as_array().unwrap().iter().find(|it| it["id"] == *id).cloned();
    entry.unwrap_or_else(|| panic!("{id} is not in {path}: {list}"))
}

fn department(hotel: &TestHotel, index: usize) -> i64 {
    hotel.departments[index].id
}

on_both!(departments_are_created_and_renamed, |hotel| {
    let manager = hotel.manager().await;
    let name = unique("Pool");
    let made = manager.post("departments/", json!({ "name": format!(" {name} ") })).await.is(201);
    assert_eq!(
        (keys(&made), &made["name"]),
        (vec!["active", "first_response_minutes", "handles_stays", "id", "name", "opening_hours"], &json!(name))
    );
    assert_eq!(find_in_list(&*hotel.of(0).await, "departments/", &made["id"]).await, made);
    let path = format!("departments/{}/", made["id"]);
    let renamed = manager.patch(&path, json!({ "name": unique("Beach") })).await.is(200);
    assert_eq!(find_in_list(&*hotel.of(0).await, "departments/", &made["id"]).await, renamed);
    // A department may keep its own name. An empty change changes nothing.
    assert_eq!(manager.patch(&path, json!({ "name": renamed["name"] })).await.is(200), renamed);
    assert_eq!(manager.patch(&path, json!({})).await.is(200), renamed);
    // Conversations show the new name.
    let first = unique("Front desk");
    manager.patch(format!("departments/{}/", department(&hotel, 0)), json!({ "name": first })).await.is(200);
    assert_eq!(manager.get(hotel.relay(0).path("")).await.is(200)["department_name"], first);
});

on_both!(department_names_are_unique_within_a_hotel, |hotel| {
    let (manager, other) = (hotel.manager().await, hotel.world.hotel());
    let name = unique("Pool");
    manager.post("departments/", json!({ "name": name })).await.is(201);
    assert_eq!(manager.post("departments/", json!({ "name": name })).await.bad_fields(), ["name"]);
    let path = format!("departments/{}/", department(&hotel, 0));
    assert_eq!(manager.patch(&path, json!({ "name": name })).await.bad_fields(), ["name"]);
    other.manager().await.post("departments/", json!({ "name": name })).await.is(201);
    for bad in [json!(""), json!("  "), json!(null), json!(5), json!("a\0b"), json!("x".repeat(201))] {
        assert_eq!(manager.post("departments/", json!({ "name": bad })).await.bad_fields(), ["name"], "{bad}");
        assert_eq!(manager.patch(&path, json!({ "name": bad })).await.bad_fields(), ["name"], "{bad}");
    }
});

on_both!(hotel_details_are_returned, |hotel| {
    let hotel_details = hotel.of(0).await.get("hotel/").await.is(200);
    let expected = [
        "country",
        "default_department_id",
        "id",
        "name",
        "opener_template_id",
        "quiet_hours",
        "timezone",
        "variables",
        "whatsapp_phone_number_id",
    ];
    assert_eq!(keys(&hotel_details), expected);
    assert_eq!((&hotel_details["country"], &hotel_details["variables"]), (&json!(null), &json!({})));
    assert_eq!((&hotel_details["id"], &hotel_details["timezone"]), (&json!(hotel.id), &json!("UTC")));
    assert_eq!(hotel_details["default_department_id"], department(&hotel, 0));
    assert_eq!(
        (&hotel_details["opener_template_id"], &hotel_details["whatsapp_phone_number_id"]),
        (&json!(null), &json!(null))
    );
});

on_both!(a_manager_changes_the_hotel, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(0).await);
    let before = staff.get("hotel/").await.is(200);
    assert_eq!(manager.patch("hotel/", json!({})).await.is(200), before);
    let name = unique("Grand");
    let body = json!({
        "name": format!(" {name} "), "timezone": "Europe/Madrid", "default_department_id": department(&hotel, 2),
        "whatsapp_phone_number_id": "123",
    });
    let changed = manager.patch("hotel/", body).await.is(200);
    let mut expected = before.clone();
    (expected["name"], expected["timezone"]) = (json!(name), json!("Europe/Madrid"));
    expected["default_department_id"] = department(&hotel, 2).into();
    assert_eq!((&changed, &staff.get("hotel/").await.is(200)), (&expected, &expected));
    assert_eq!(staff.get(ME).await.is(200)["hotel"]["name"], name);
    // A manager's reply now routes to this department.
    hotel.send_message(&manager, &hotel.active(0), "I will see to it").await;
    let taken_over = manager.get(hotel.active(0).path("")).await.is(200);
    assert_eq!(taken_over["department_name"], hotel.departments[2].name);
    // Without a default department it is the first one created.
    let unset = manager.patch("hotel/", json!({ "default_department_id": null })).await.is(200);
    assert_eq!(unset["default_department_id"], department(&hotel, 0));
    staff.patch("hotel/", json!({ "name": "x" })).await.problem(403, "forbidden");
});

on_sqlite!(invalid_hotel_fields_are_reported, |hotel| {
    let (manager, other) = (hotel.manager().await, hotel.world.hotel());
    let before = manager.get("hotel/").await.is(200);
    let bad = [
        ("name", json!("")),
        ("name", json!(null)),
        ("timezone", json!("Mars/Olympus")),
        ("timezone", json!("europe/madrid\0")),
        ("timezone", json!(null)),
        ("timezone", json!(1)),
        ("country", json!("Spain")),
        ("country", json!("ZZ")),
        ("default_department_id", json!(department(&other, 0))),
        ("default_department_id", json!(0)),
        ("opener_template_id", json!(9_000_000_000_i64)),
        ("opener_template_id", json!("1")),
        ("name", json!("a\u{202e}b")),
        ("variables", json!({ "wi-fi": "x" })),
        ("variables", json!({ "guest_name": "x" })),
        ("variables", json!({ "wifi": "" })),
        ("variables", json!({ "wifi": 7 })),
        ("variables", json!({ "wifi": "x".repeat(1025) })),
        ("variables", (0..51).map(|it| (format!("v{it}"), json!("x"))).collect()),
    ];
    for (field, value) in bad {
        let body = json!({ "name": "Not this", field: value });
        assert_eq!(manager.patch("hotel/", body).await.bad_fields(), [field], "{value}");
    }
    assert_eq!(manager.get("hotel/").await.is(200), before);
});

on_both!(staff_are_created, |hotel| {
    let manager = hotel.manager().await;
    let username = unique("new");
    let body = json!({
        "username": username, "name": "Zoë New", "role": "staff", "password": GIVEN_PASSWORD,
        "department_ids": [department(&hotel, 2), department(&hotel, 0)],
    });
    let made = manager.post("staff/", body).await.is(201);
    assert_eq!(keys(&made), ["active", "department_ids", "id", "name", "role", "username"]);
    let expected = json!({
        "id": made["id"], "username": username, "name": "Zoë New", "role": "staff", "active": true,
        "department_ids": [department(&hotel, 2), department(&hotel, 0)],
    });
    assert_eq!(made, expected);
    assert_eq!(find_in_list(&*hotel.of(0).await, "staff/", &made["id"]).await, made);
    let staff = hotel.first_sign_in(&username, GIVEN_PASSWORD).await;
    // A reply routes the conversation to the staff member's first department.
    hotel.send_message(&staff, &hotel.active(0), "mine").await;
    let taken_over = staff.get(hotel.active(0).path("")).await.is(200);
    assert_eq!(taken_over["department_name"], hotel.departments[2].name);
    let deactivated = json!({
        "username": unique("not.yet"), "name": "Not Yet", "role": "manager", "password": PASSWORD, "active": false,
    });
    let made = manager.post("staff/", deactivated).await.is(201);
    assert_eq!((&made["active"], &made["department_ids"]), (&json!(false), &json!([])));
    let credentials = json!({ "username": made["username"], "password": PASSWORD });
    hotel.anonymous().post(LOGIN, credentials).await.problem(401, "bad_credentials");
});

on_both!(invalid_staff_fields_are_reported, |hotel| {
    let (manager, other) = (hotel.manager().await, hotel.world.hotel());
    let good = json!({
        "username": unique("good"), "name": "Good", "role": "staff", "password": PASSWORD, "department_ids": [],
    });
    let (own, theirs) = (department(&hotel, 0), department(&other, 0));
    let bad = [
        ("username", json!(hotel.staff[1].username)),
        // User names are unique over all hotels.
        ("username", json!(other.staff[1].username)),
        ("username", json!(other.staff[1].username.to_uppercase())),
        ("username", json!("")),
        ("username", json!("a b")),
        ("username", json!("ana\u{200b}")),
        ("username", json!("x".repeat(65))),
        ("name", json!("a\0")),
        ("name", json!("a\u{202e}b")),
        ("name", json!("x".repeat(201))),
        ("role", json!("boss")),
        ("role", json!(null)),
        ("password", json!("too short")),
        ("password", json!("password1234")),
        ("password", json!(1_234_567_890)),
        ("department_ids", json!([theirs])),
        ("department_ids", json!([own, own])),
        ("department_ids", json!(["1"])),
        ("department_ids", json!(own)),
        ("active", json!("yes")),
    ];
    let path = format!("staff/{}/", hotel.member_of(2).id);
    for (field, value) in bad {
        let mut body = good.clone();
        body[field] = value.clone();
        assert_eq!(manager.post("staff/", body).await.bad_fields(), [field], "{value}");
        assert_eq!(manager.patch(&path, json!({ field: value })).await.bad_fields(), [field], "{value}");
    }
    let missing = manager.post("staff/", json!({})).await.bad_fields();
    assert_eq!(missing, ["name", "password", "role", "username"]);
    manager.post("staff/", good).await.is(201);
});

on_both!(a_patch_changes_only_the_named_fields, |hotel| {
    let manager = hotel.manager().await;
    let staff = hotel.hire("staff", &[department(&hotel, 0)]).await;
    let path = format!("staff/{}/", staff.id);
    let before = find_in_list(&manager, "staff/", &json!(staff.id)).await;
    assert_eq!(manager.patch(&path, json!({})).await.is(200), before);
    let renamed = manager.patch(&path, json!({ "name": "Another Name" })).await.is(200);
    let mut expected = before.clone();
    expected["name"] = "Another Name".into();
    assert_eq!(renamed, expected);
    // The session stays valid and shows the new name.
    assert_eq!(staff.get(ME).await.is(200)["name"], "Another Name");
    let username = unique("renamed");
    manager.patch(&path, json!({ "username": username })).await.is(200);
    hotel.sign_in(&username, PASSWORD).await;
    let former = json!({ "username": staff.username, "password": PASSWORD });
    hotel.anonymous().post(LOGIN, former).await.problem(401, "bad_credentials");
});

on_both!(a_password_set_by_a_manager_ends_every_session, |hotel| {
    let manager = hotel.manager().await;
    let staff = hotel.hire("staff", &[department(&hotel, 0)]).await;
    let mut socket = TestSocket::open(&staff).await;
    let path = format!("staff/{}/", staff.id);
    manager.patch(&path, json!({ "password": "another set of words" })).await.is(200);
    assert_eq!(socket.closed().await, 4401);
    staff.get(ME).await.problem(401, "unauthenticated");
    hotel.sign_in(&staff.username, "another set of words").await;
});

on_both!(a_reactivated_staff_member_has_to_sign_in_again, |hotel| {
    let manager = hotel.manager().await;
    let staff = hotel.hire("staff", &[department(&hotel, 0)]).await;
    let path = format!("staff/{}/", staff.id);
    manager.patch(&path, json!({ "active": false })).await.is(200);
    assert_eq!(find_in_list(&manager, "staff/", &json!(staff.id)).await["active"], false);
    manager.patch(&path, json!({ "active": true })).await.is(200);
    staff.get(ME).await.problem(401, "unauthenticated");
    let again = hotel.sign_in(&staff.username, PASSWORD).await;
    assert_eq!(ids(&again.get("conversations/").await.is(200)["results"]), [hotel.relay(0).conversation]);
});

on_both!(a_staff_change_ends_only_subscriptions_without_access, |hotel| {
    let manager = hotel.manager().await;
    let staff = hotel.hire("staff", &[department(&hotel, 0), department(&hotel, 1)]).await;
    let mut socket = TestSocket::open(&staff).await;
    let (lost, kept, unrouted) = (hotel.relay(0), hotel.relay(1), hotel.active(0));
    for stay in [&lost, &kept, &unrouted] {
        socket.subscribe(stay.id).await;
    }
    let body = json!({ "department_ids": [department(&hotel, 1)] });
    manager.patch(format!("staff/{}/", staff.id), body).await.is(200);
    let ended = socket.expect("unsubscribed").await;
    assert_eq!((&ended["stay_id"], &ended["reason"]), (&json!(lost.id), &json!("reach_changed")));
    for stay in [&lost, &kept, &unrouted] {
        hotel.send_guest_message(&stay.phone, "who hears me?").await;
    }
    let events = socket.events_so_far(&hotel).await;
    let stays_with_events: Vec<i64> = events.iter().map(|it| it["stay_id"].as_i64().unwrap()).collect();
    assert_eq!(stays_with_events, [kept.id, unrouted.id], "{events:?}");
    staff.get(lost.path("")).await.problem(404, "not_found");
});

on_both!(a_role_change_changes_the_visible_conversations, |hotel| {
    let manager = hotel.manager().await;
    let staff = hotel.hire("manager", &[department(&hotel, 0)]).await;
    let path = format!("staff/{}/", staff.id);
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe_to_inbox().await;
    socket.subscribe(hotel.relay(2).id).await;
    manager.patch(&path, json!({ "role": "staff" })).await.is(200);
    let events = socket.events_so_far(&hotel).await;
    let mut removed: Vec<i64> = events
        .iter()
        .filter(|it| it["type"] == "conversation_removed")
        .map(|it| it["stay_id"].as_i64().unwrap())
        .collect();
    removed.sort_unstable();
    let mut no_longer_visible = [hotel.relay(1).id, hotel.relay(2).id];
    no_longer_visible.sort_unstable();
    assert_eq!(removed, no_longer_visible, "{events:?}");
    assert!(events.iter().any(|it| it["type"] == "unsubscribed" && it["stay_id"] == hotel.relay(2).id), "{events:?}");
    staff.post("departments/", json!({ "name": "Mine" })).await.problem(403, "forbidden");
    hotel.send_guest_message(&hotel.relay(2).phone, "not for them").await;
    socket.nothing(&hotel).await;
    manager.patch(&path, json!({ "role": "manager" })).await.is(200);
    staff.get(hotel.relay(2).path("")).await.is(200);
    hotel.send_guest_message(&hotel.relay(2).phone, "for them again").await;
    let events = socket.events_so_far(&hotel).await;
    assert!(events.iter().any(|it| it["stay_id"] == hotel.relay(2).id), "{events:?}");
});

on_both!(user_names_are_compared_without_case_and_form, |hotel| {
    let manager = hotel.manager().await;
    let username = unique("Zoë");
    let member = |username: &str| json!({ "username": username, "name": "Zoë", "role": "staff", "password": "a password of theirs" });
    let made = manager.post("staff/", member(&format!(" {username} "))).await.is(201);
    assert_eq!(made["username"], username);
    // The same letters, decomposed and in full width.
    let same = username.replace("Zoë", "ＺＯE\u{308}");
    for taken in [username.to_uppercase(), same.clone()] {
        assert_eq!(manager.post("staff/", member(&taken)).await.bad_fields(), ["username"], "{taken}");
    }
    for known in [username.to_lowercase(), format!(" {same}\n")] {
        assert_eq!(hotel.sign_in(&known, "a password of theirs").await.me["id"], made["id"]);
    }
    // A member may change the case of the own user name.
    let path = format!("staff/{}/", made["id"]);
    let shouted = username.to_uppercase();
    assert_eq!(manager.patch(&path, json!({ "username": shouted })).await.is(200)["username"], shouted);
    hotel.sign_in(&username, "a password of theirs").await;
});

on_sqlite!(names_with_invisible_characters_are_refused, |hotel| {
    let manager = hotel.manager().await;
    let stay = |name: &str| {
        json!({
            "reservation_code": unique("R"), "guest_name": name, "guest_phone": hotel.unused_phone(),
            "room_number": "1", "check_in": "2030-05-01", "check_out": "2030-05-02",
        })
    };
    let department = format!("departments/{}/", department(&hotel, 1));
    for name in ["a\u{202e}b", "a\nb", "\u{feff}a", "a\u{7}"] {
        assert_eq!(manager.post("departments/", json!({ "name": name })).await.bad_fields(), ["name"]);
        assert_eq!(manager.patch(&department, json!({ "name": name })).await.bad_fields(), ["name"]);
        assert_eq!(manager.post("stays/", stay(name)).await.bad_fields(), ["guest_name"], "{name:?}");
    }
    manager.post("stays/", stay("محمد O'Neil-Ñandú")).await.is(201);
    // A booking system is not refused for it: the name is cleaned, and the same table changes nothing.
    let code = unique("R");
    let header = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
    let table = format!("{header}\n{code},A\u{202e}na\u{200b} Lee,{},1,2030-05-01,2030-05-02\n", hotel.unused_phone());
    assert_eq!(hotel.import(&table)["rows"][0]["result"], "created");
    assert_eq!(hotel.import(&table)["rows"][0]["result"], "unchanged");
    let found = manager.get(format!("stays/?reservation_code={code}")).await.is(200);
    assert_eq!(found["results"][0]["guest_name"], "Ana Lee");
});

on_both!(variables_of_the_hotel_fill_templates, |hotel| {
    let (manager, staff, stay) = (hotel.manager().await, hotel.of(0).await, hotel.relay(0));
    let variables = json!({ "wifi": "sea & {{sun}}", "pool_until": "22:00" });
    let changed = manager.patch("hotel/", json!({ "variables": variables })).await.is(200);
    assert_eq!(
        (&changed["variables"], &staff.get("inbox/").await.is(200)["hotel"]["variables"]),
        (&variables, &variables)
    );
    let body = json!({ "name": unique("t"), "content": "Wi-Fi: {{wifi}}, pool until {{pool_until}}, {{bar}}" });
    let template = manager.post("templates/", body).await.is(201)["id"].clone();
    let render = |variables: Value| {
        staff.post(stay.path("render_template/"), json!({ "template_id": template, "variables": variables }))
    };
    let rendered = render(json!({ "pool_until": "23:00" })).await.is(200);
    assert_eq!(rendered, json!({ "text": "Wi-Fi: sea & {{sun}}, pool until 23:00, {{bar}}", "missing": ["bar"] }));
    assert_eq!(manager.patch("hotel/", json!({ "variables": null })).await.is(200)["variables"], json!({}));
    assert_eq!(render(json!({})).await.is(200)["missing"], json!(["wifi", "pool_until", "bar"]));
});
