//! Departments, staff and the hotel, as managers keep them.

use acceptance::{Client, Hotel, PASSWORD, Socket, Value, json, on_both, unique};

use crate::{ids, keys};

const ME: &str = "/api/auth/me/";
const LOGIN: &str = "/api/auth/login/";

async fn found(client: &Client, path: &str, id: &Value) -> Value {
    let list = client.get(format!("{path}?page_size=100")).await.is(200);
    let found = list["results"].as_array().unwrap().iter().find(|it| it["id"] == *id).cloned();
    found.unwrap_or_else(|| panic!("{id} is not in {path}: {list}"))
}

fn department(hotel: &Hotel, index: usize) -> i64 {
    hotel.departments[index].id
}

on_both!(departments_are_made_and_renamed, |hotel| {
    let manager = hotel.manager().await;
    let name = unique("Pool");
    let made = manager.post("departments/", json!({ "name": format!(" {name} ") })).await.is(201);
    assert_eq!((keys(&made), &made["name"]), (vec!["id", "name"], &json!(name)));
    assert_eq!(found(&*hotel.of(0).await, "departments/", &made["id"]).await, made);
    let path = format!("departments/{}/", made["id"]);
    let renamed = manager.patch(&path, json!({ "name": unique("Beach") })).await.is(200);
    assert_eq!(found(&*hotel.of(0).await, "departments/", &made["id"]).await, renamed);
    // Its own name is no other's; nothing said is nothing changed.
    assert_eq!(manager.patch(&path, json!({ "name": renamed["name"] })).await.is(200), renamed);
    assert_eq!(manager.patch(&path, json!({})).await.is(200), renamed);
    // Where the name stands, it is the new one.
    let first = unique("Front desk");
    manager.patch(format!("departments/{}/", department(&hotel, 0)), json!({ "name": first })).await.is(200);
    assert_eq!(manager.get(hotel.relay(0).path("")).await.is(200)["department_name"], first);
});

on_both!(a_department_s_name_is_one_in_its_hotel, |hotel| {
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

on_both!(the_hotel_is_shown, |hotel| {
    let it = hotel.of(0).await.get("hotel/").await.is(200);
    let wanted = [
        "country",
        "default_department_id",
        "id",
        "name",
        "opener_template_id",
        "timezone",
        "whatsapp_phone_number_id",
    ];
    assert_eq!(keys(&it), wanted);
    assert_eq!(it["country"], json!(null));
    assert_eq!((&it["id"], &it["timezone"]), (&json!(hotel.id), &json!("UTC")));
    assert_eq!(it["default_department_id"], department(&hotel, 0));
    assert_eq!((&it["opener_template_id"], &it["whatsapp_phone_number_id"]), (&json!(null), &json!(null)));
});

on_both!(the_hotel_is_changed, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(0).await);
    let before = staff.get("hotel/").await.is(200);
    assert_eq!(manager.patch("hotel/", json!({})).await.is(200), before);
    let name = unique("Grand");
    let body = json!({
        "name": format!(" {name} "), "timezone": "Europe/Madrid", "default_department_id": department(&hotel, 2),
        "whatsapp_phone_number_id": "123",
    });
    let changed = manager.patch("hotel/", body).await.is(200);
    let mut wanted = before.clone();
    (wanted["name"], wanted["timezone"]) = (json!(name), json!("Europe/Madrid"));
    wanted["default_department_id"] = department(&hotel, 2).into();
    assert_eq!((&changed, &staff.get("hotel/").await.is(200)), (&wanted, &wanted));
    assert_eq!(staff.get(ME).await.is(200)["hotel"]["name"], name);
    // A manager's take-over goes there.
    hotel.says(&manager, &hotel.active(0), "I will see to it").await;
    let taken = manager.get(hotel.active(0).path("")).await.is(200);
    assert_eq!(taken["department_name"], hotel.departments[2].name);
    // Unset, it is the department made first again.
    let unset = manager.patch("hotel/", json!({ "default_department_id": null })).await.is(200);
    assert_eq!(unset["default_department_id"], department(&hotel, 0));
    staff.patch("hotel/", json!({ "name": 5 })).await.problem(403, "forbidden");
});

on_both!(what_is_wrong_with_a_hotel_is_told, |hotel| {
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
    ];
    for (field, value) in bad {
        let body = json!({ "name": "Not this", field: value });
        assert_eq!(manager.patch("hotel/", body).await.bad_fields(), [field], "{value}");
    }
    assert_eq!(manager.get("hotel/").await.is(200), before);
});

on_both!(staff_are_made, |hotel| {
    let manager = hotel.manager().await;
    let username = unique("new");
    let body = json!({
        "username": username, "name": "Zoë New", "role": "staff", "password": "ten letters",
        "department_ids": [department(&hotel, 2), department(&hotel, 0)],
    });
    let made = manager.post("staff/", body).await.is(201);
    assert_eq!(keys(&made), ["active", "department_ids", "id", "name", "role", "username"]);
    let named = json!({
        "id": made["id"], "username": username, "name": "Zoë New", "role": "staff", "active": true,
        "department_ids": [department(&hotel, 2), department(&hotel, 0)],
    });
    assert_eq!(made, named);
    assert_eq!(found(&*hotel.of(0).await, "staff/", &made["id"]).await, made);
    let staff = hotel.sign_in(&username, "ten letters").await;
    // Their first department is where they take a conversation over to.
    hotel.says(&staff, &hotel.active(0), "mine").await;
    let taken = staff.get(hotel.active(0).path("")).await.is(200);
    assert_eq!(taken["department_name"], hotel.departments[2].name);
    let shut_out = json!({
        "username": unique("not yet"), "name": "Not Yet", "role": "manager", "password": PASSWORD, "active": false,
    });
    let made = manager.post("staff/", shut_out).await.is(201);
    assert_eq!((&made["active"], &made["department_ids"]), (&json!(false), &json!([])));
    let credentials = json!({ "username": made["username"], "password": PASSWORD });
    hotel.nobody().post(LOGIN, credentials).await.problem(401, "bad_credentials");
});

on_both!(what_is_wrong_with_a_staff_member_is_told, |hotel| {
    let (manager, other) = (hotel.manager().await, hotel.world.hotel());
    let good = json!({
        "username": unique("good"), "name": "Good", "role": "staff", "password": PASSWORD, "department_ids": [],
    });
    let (own, theirs) = (department(&hotel, 0), department(&other, 0));
    let bad = [
        ("username", json!(hotel.staff[1].username)),
        // User names are one over all hotels.
        ("username", json!(other.staff[1].username)),
        ("username", json!("")),
        ("name", json!("a\0")),
        ("role", json!("boss")),
        ("role", json!(null)),
        ("password", json!("too short")),
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

on_both!(a_change_names_only_what_it_changes, |hotel| {
    let manager = hotel.manager().await;
    let staff = hotel.hire("staff", &[department(&hotel, 0)]).await;
    let path = format!("staff/{}/", staff.id);
    let before = found(&manager, "staff/", &json!(staff.id)).await;
    assert_eq!(manager.patch(&path, json!({})).await.is(200), before);
    let renamed = manager.patch(&path, json!({ "name": "Another Name" })).await.is(200);
    let mut wanted = before.clone();
    wanted["name"] = "Another Name".into();
    assert_eq!(renamed, wanted);
    // Their session goes on, under the new name.
    assert_eq!(staff.get(ME).await.is(200)["name"], "Another Name");
    let username = unique("renamed");
    manager.patch(&path, json!({ "username": username })).await.is(200);
    hotel.sign_in(&username, PASSWORD).await;
    let former = json!({ "username": staff.username, "password": PASSWORD });
    hotel.nobody().post(LOGIN, former).await.problem(401, "bad_credentials");
});

on_both!(a_new_password_from_the_manager_ends_every_session, |hotel| {
    let manager = hotel.manager().await;
    let staff = hotel.hire("staff", &[department(&hotel, 0)]).await;
    let mut socket = Socket::open(&staff).await;
    let path = format!("staff/{}/", staff.id);
    manager.patch(&path, json!({ "password": "another password" })).await.is(200);
    assert_eq!(socket.closed().await, 4401);
    staff.get(ME).await.problem(401, "unauthenticated");
    hotel.sign_in(&staff.username, "another password").await;
});

on_both!(who_is_let_in_again_signs_in_anew, |hotel| {
    let manager = hotel.manager().await;
    let staff = hotel.hire("staff", &[department(&hotel, 0)]).await;
    let path = format!("staff/{}/", staff.id);
    manager.patch(&path, json!({ "active": false })).await.is(200);
    assert_eq!(found(&manager, "staff/", &json!(staff.id)).await["active"], false);
    manager.patch(&path, json!({ "active": true })).await.is(200);
    staff.get(ME).await.problem(401, "unauthenticated");
    let again = hotel.sign_in(&staff.username, PASSWORD).await;
    assert_eq!(ids(&again.get("conversations/").await.is(200)["results"]), [hotel.relay(0).conversation]);
});

on_both!(subscriptions_end_where_sight_ends_and_only_there, |hotel| {
    let manager = hotel.manager().await;
    let staff = hotel.hire("staff", &[department(&hotel, 0), department(&hotel, 1)]).await;
    let mut socket = Socket::open(&staff).await;
    let (lost, kept, unrouted) = (hotel.relay(0), hotel.relay(1), hotel.active(0));
    for stay in [&lost, &kept, &unrouted] {
        socket.subscribe(stay.id).await;
    }
    let body = json!({ "department_ids": [department(&hotel, 1)] });
    manager.patch(format!("staff/{}/", staff.id), body).await.is(200);
    let ended = socket.expect("unsubscribed").await;
    assert_eq!((&ended["stay_id"], &ended["reason"]), (&json!(lost.id), &json!("reach_changed")));
    for stay in [&lost, &kept, &unrouted] {
        hotel.guest_says(&stay.phone, "who hears me?").await;
    }
    let came = socket.so_far(&hotel).await;
    let heard: Vec<i64> = came.iter().map(|it| it["stay_id"].as_i64().unwrap()).collect();
    assert_eq!(heard, [kept.id, unrouted.id], "{came:?}");
    staff.get(lost.path("")).await.problem(404, "not_found");
});

on_both!(another_role_is_another_reach, |hotel| {
    let manager = hotel.manager().await;
    let staff = hotel.hire("manager", &[department(&hotel, 0)]).await;
    let path = format!("staff/{}/", staff.id);
    let mut socket = Socket::open(&staff).await;
    socket.subscribe_to_inbox().await;
    socket.subscribe(hotel.relay(2).id).await;
    manager.patch(&path, json!({ "role": "staff" })).await.is(200);
    let came = socket.so_far(&hotel).await;
    let mut removed: Vec<i64> = came
        .iter()
        .filter(|it| it["type"] == "conversation_removed")
        .map(|it| it["stay_id"].as_i64().unwrap())
        .collect();
    removed.sort_unstable();
    let mut out_of_sight = [hotel.relay(1).id, hotel.relay(2).id];
    out_of_sight.sort_unstable();
    assert_eq!(removed, out_of_sight, "{came:?}");
    assert!(came.iter().any(|it| it["type"] == "unsubscribed" && it["stay_id"] == hotel.relay(2).id), "{came:?}");
    staff.post("departments/", json!({ "name": "Mine" })).await.problem(403, "forbidden");
    hotel.guest_says(&hotel.relay(2).phone, "not for them").await;
    socket.nothing(&hotel).await;
    manager.patch(&path, json!({ "role": "manager" })).await.is(200);
    staff.get(hotel.relay(2).path("")).await.is(200);
    hotel.guest_says(&hotel.relay(2).phone, "for them again").await;
    let came = socket.so_far(&hotel).await;
    assert!(came.iter().any(|it| it["stay_id"] == hotel.relay(2).id), "{came:?}");
});
