//! Signing in: known browsers, passwords that must be changed, the last manager, lists of sessions, shared computers, and
//! the audit.

use acceptance::{
    ApiClient, ApiResponse, DatabaseKind, GIVEN_PASSWORD, PASSWORD, StaffClient, TestHotel, TestSocket, TestWorld,
    Value, WorldOptions, alone, json, on_both, on_sqlite, unique,
};
use futures_util::future::{join, join_all};

use crate::keys;

const LOGIN: &str = "/api/auth/login/";
const ME: &str = "/api/auth/me/";
const PASSWORD_CHANGE: &str = "/api/auth/password/";
const REFRESH: &str = "/api/auth/refresh/";
const SESSIONS: &str = "/api/auth/sessions/";
const WRONG: &str = "wrong, of course";
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

async fn try_sign_in(client: &ApiClient, username: &str, password: &str) -> ApiResponse {
    client.post(LOGIN, json!({ "username": username, "password": password })).await
}

async fn fail_times(client: &ApiClient, username: &str, times: usize) {
    for _ in 0..times {
        try_sign_in(client, username, WRONG).await.problem(401, "bad_credentials");
    }
}

fn at(world: &std::sync::Arc<TestWorld>, address: &str) -> ApiClient {
    ApiClient::new(world).with("x-forwarded-for", address)
}

fn change(current: &str, new: &str) -> Value {
    json!({ "current_password": current, "new_password": new })
}

/// Waits until the audit log has this number of entries of an action about a staff member: failures are stored in the
/// background.
async fn wait_for_audit(world: &TestWorld, staff: i64, action: &str, address: &str, count: i64) {
    let sql = format!(
        "SELECT count(*) FROM audit WHERE staff_id = {staff} AND action = '{action}' AND address = '{address}'"
    );
    for _ in 0..200 {
        if world.number(&sql) == count {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{action}: {} audit entries instead of {count}", world.number(&sql));
}

on_both!(a_known_browser_is_not_locked_out_by_others, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (name, colleague) = (hotel.member_of(0).username, hotel.member_of(1).username);
    let lobby = at(&world, "10.31.0.1");
    let known = StaffClient::sign_in(&lobby, &name, PASSWORD).await;
    let browser = lobby.with("cookie", &known.device);
    // Guests on the same network use up the counts of the name and of the address.
    fail_times(&lobby, &name, 5).await;
    join_all((0..19).map(|n| {
        let lobby = lobby.clone();
        async move { fail_times(&lobby, &format!("nobody {n}"), 5).await }
    })).await;
    try_sign_in(&lobby, &name, PASSWORD).await.problem(429, "rate_limited");
    try_sign_in(&lobby, &colleague, PASSWORD).await.problem(429, "rate_limited");
    // The browser that the person has used before signs in; its own failures are counted, and by its device alone.
    let again = StaffClient::sign_in(&browser, &name, PASSWORD).await;
    assert_eq!(again.device, known.device);
    fail_times(&browser, &name, 5).await;
    try_sign_in(&browser, &name, PASSWORD).await.problem(429, "rate_limited");
    let elsewhere = at(&world, "10.31.0.2");
    try_sign_in(&elsewhere.with("cookie", &known.device), &name, PASSWORD).await.problem(429, "rate_limited");
    StaffClient::sign_in(&elsewhere, &name, PASSWORD).await;
    // The cookie is bound to the person. The success has cleared the count of the name here.
    fail_times(&lobby, "one more nobody", 5).await;
    try_sign_in(&browser, &colleague, PASSWORD).await.problem(429, "rate_limited");
    world.advance(15 * MINUTE + 5);
    StaffClient::sign_in(&browser, &name, PASSWORD).await;
});

on_both!(a_browser_can_know_several_people, |hotel| {
    let client = hotel.anonymous();
    let first = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    let second =
        StaffClient::sign_in(&client.with("cookie", &first.device), &hotel.member_of(1).username, PASSWORD).await;
    // A cookie planted by another person does not become a known device of this person.
    assert_ne!(second.device, first.device);
    let new = |staff: i64| {
        hotel.world.number(&format!("SELECT count(*) FROM audit WHERE action = 'new_device' AND staff_id = {staff}"))
    };
    assert_eq!((new(first.id), new(second.id)), (1, 1));
    let shared = client.with("cookie", &second.device);
    for staff in [&first, &second] {
        let again = StaffClient::sign_in(&shared, &staff.username, PASSWORD).await;
        assert_eq!((again.device.as_str(), new(staff.id)), (second.device.as_str(), 1));
        // It stays when the person signs out.
        let response = again.post_empty("/api/auth/logout/").await;
        assert_eq!((response.status, response.set_cookie("mm_device")), (204, None));
    }
    let response = try_sign_in(&client, &first.username, PASSWORD).await;
    let cookie = response.set_cookie("mm_device").unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=15552000"] {
        assert!(cookie.split("; ").any(|it| it == attribute), "{cookie}");
    }
    let digests = hotel.world.number(&format!(
        "SELECT count(*) FROM sign_in_devices WHERE digest = '{}'",
        cookie.split(['=', ';']).nth(1).unwrap()
    ));
    assert_eq!(digests, 0, "only the digest is stored");
});

on_both!(a_device_is_forgotten_after_180_days, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let known = hotel.of(0).await;
    world.advance(181 * 24 * HOUR);
    let browser = hotel.anonymous().with("cookie", &known.device);
    assert_ne!(StaffClient::sign_in(&browser, &known.username, PASSWORD).await.device, known.device);
});

#[test]
fn a_flood_of_sign_ins_is_refused_and_a_known_browser_gets_through() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), async |world: std::sync::Arc<TestWorld>| {
        let hotel = world.hotel();
        let known = hotel.of(0).await;
        let flood = (0..300).map(|n| {
            let client = at(&world, &format!("10.32.{}.{}", n / 200, n % 200 + 1));
            async move { try_sign_in(&client, &format!("somebody {n}"), WRONG).await }
        });
        let browser = hotel.anonymous().with("cookie", &known.device);
        let honest = async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            try_sign_in(&browser, &known.username, PASSWORD).await
        };
        let (answers, honest) = join(join_all(flood), honest).await;
        honest.is(200);
        let refused: Vec<&ApiResponse> = answers.iter().filter(|it| it.status == 429).collect();
        assert!(refused.len() > 100, "{} of 300 were refused", refused.len());
        for answer in refused {
            answer.problem(429, "rate_limited");
            assert_eq!(answer.header("retry-after"), Some("2"));
        }
        // Who was refused was not counted.
        let counted = answers.iter().filter(|it| it.status == 401).count() as i64;
        assert_eq!(world.number("SELECT count(*) FROM login_attempts"), counted);
    });
}

on_both!(a_given_password_must_be_changed_first, |hotel| {
    let manager = hotel.manager().await;
    let body = json!({
        "username": unique("new"), "name": "Nora New", "role": "manager", "department_ids": [],
        "password": GIVEN_PASSWORD,
    });
    let made = manager.post("staff/", body.clone()).await.is(201);
    let username = body["username"].as_str().unwrap();
    let login = try_sign_in(&hotel.anonymous(), username, GIVEN_PASSWORD).await;
    assert_eq!(login.is(200)["must_change_password"], true);
    let staff = hotel.sign_in(username, GIVEN_PASSWORD).await;
    assert_eq!(
        hotel.anonymous().post(REFRESH, json!({ "refresh": staff.refresh })).await.is(200)["must_change_password"],
        true
    );
    // Refused directly after 401: before 404, 405, 400, and the check of the role.
    let (conversation, messages) = (hotel.relay(0).path(""), hotel.relay(0).path("messages/"));
    for (method, path) in [
        ("GET", "conversations/"),
        ("GET", "inbox/"),
        ("GET", "events/"),
        ("GET", "me/settings/"),
        ("GET", conversation.as_str()),
        ("GET", messages.as_str()),
        ("GET", "no/such/path/"),
        ("DELETE", "conversations/"),
        ("GET", "attachments/1/"),
        ("GET", "stays/"),
        ("GET", "staff/1/sessions/"),
    ] {
        staff.send(method, path, None).await.problem(403, "password_change_required");
    }
    for path in ["labels/", &hotel.relay(0).path("send_message/")] {
        staff.post(path, json!({ "nothing": "valid" })).await.problem(403, "password_change_required");
    }
    hotel.anonymous().bearer("x").get("conversations/").await.problem(401, "unauthenticated");
    let bearer = format!("Bearer {}", staff.access);
    let base = hotel.world.base();
    for headers in [vec![("authorization", bearer.as_str())], vec![("cookie", &staff.cookie), ("origin", &base)]] {
        let refused = TestSocket::try_open(&hotel.world, &headers).await.err().expect("a socket");
        assert_eq!((refused.status, &refused.problem["code"]), (403, &json!("password_change_required")));
    }
    // The calls of the sign-in are served.
    staff.get(ME).await.is(200);
    assert_eq!(staff.get(SESSIONS).await.is(200)["results"].as_array().unwrap().len(), 2);
    assert_eq!(staff.post(PASSWORD_CHANGE, json!({})).await.bad_fields(), ["current_password", "new_password"]);
    assert_eq!(
        staff.post(PASSWORD_CHANGE, change(GIVEN_PASSWORD, GIVEN_PASSWORD)).await.bad_fields(),
        ["new_password"]
    );
    staff.post(PASSWORD_CHANGE, change(GIVEN_PASSWORD, PASSWORD)).await.is(204);
    staff.get("conversations/").await.is(200);
    TestSocket::open(&staff).await.ping().await;
    assert_eq!(try_sign_in(&hotel.anonymous(), username, PASSWORD).await.is(200)["must_change_password"], false);
    // The same for a password that a manager sets later, and not for one's own.
    manager.patch(format!("staff/{}/", made["id"]), json!({ "password": GIVEN_PASSWORD })).await.is(200);
    let staff = hotel.sign_in(username, GIVEN_PASSWORD).await;
    staff.get("conversations/").await.problem(403, "password_change_required");
    staff.post_empty("/api/auth/logout/").await.is(204);
});

on_both!(passwords_of_the_command_line_must_be_changed_unless_permanent, |hotel| {
    let id = hotel.id.to_string();
    for permanent in [false, true] {
        let username = unique("cli");
        let more = ["--permanent"];
        let more = if permanent { &more[..] } else { &[] };
        let create = ["staff", "create", "--hotel", &id, "--username", &username, "--name", "C", "--role", "staff"];
        let made = hotel.world.run(&[&create[..], more].concat()).json();
        let login = |password: Value| {
            let client = hotel.anonymous();
            let body = json!({ "username": username, "password": password });
            async move { client.post(LOGIN, body).await.is(200)["must_change_password"].clone() }
        };
        assert_eq!(login(made["password"].clone()).await, !permanent);
        let set = hotel.world.run(&[&["staff", "passwd", &username][..], more].concat()).json();
        assert_eq!(login(set["password"].clone()).await, !permanent);
    }
});

on_both!(an_inactive_person_is_reported_and_activated_again, |hotel| {
    let staff = hotel.hire("staff", &[]).await;
    let run = |arguments: &[&str]| hotel.world.run(arguments).json();
    run(&["staff", "deactivate", &staff.username]);
    let set = run(&["staff", "passwd", &staff.username, "--permanent"]);
    assert_eq!(set["active"], false);
    assert!(set["note"].as_str().unwrap().contains(&format!("staff activate {}", staff.username)), "{set}");
    let password = set["password"].as_str().unwrap();
    try_sign_in(&hotel.anonymous(), &staff.username, password).await.problem(401, "bad_credentials");
    assert_eq!(keys(&run(&["staff", "activate", &staff.username])), ["id", "username"]);
    hotel.sign_in(&staff.username, password).await.get("conversations/").await.is(200);
});

on_both!(guessable_passwords_are_refused_with_the_reason, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.hire("staff", &[]).await);
    let name = hotel.manager().await.get("hotel/").await.is(200)["name"].as_str().unwrap().to_owned();
    let of_hotel = format!("{name}{name}1");
    for bad in ["password1234", "qwertyuiop12", "111111111111", &staff.username, &of_hotel, "short", &"x".repeat(129)] {
        let refused = staff.post(PASSWORD_CHANGE, change(PASSWORD, bad)).await;
        assert_eq!(refused.bad_fields(), ["new_password"], "{bad}");
        assert!(refused.json()["errors"]["new_password"][0].as_str().unwrap().ends_with('.'));
        let set = manager.patch(format!("staff/{}/", staff.id), json!({ "password": bad })).await;
        assert_eq!(set.bad_fields(), ["password"], "{bad}");
    }
    let passwd = ["staff", "passwd", &staff.username, "--password-stdin"];
    let refused = hotel.world.program.run_with_input(&passwd, "password1234\n");
    assert!(refused.fails(1).contains("easy to guess"), "{refused:?}");
    staff.get(ME).await.is(200);
});

on_both!(a_managers_own_password_needs_the_current_one, |hotel| {
    let manager = hotel.hire("manager", &[]).await;
    let path = format!("staff/{}/", manager.id);
    let body = |current: Option<&str>| match current {
        Some(current) => json!({ "password": "my own new words", "current_password": current }),
        None => json!({ "password": "my own new words" }),
    };
    assert_eq!(manager.patch(&path, body(None)).await.bad_fields(), ["current_password"]);
    assert_eq!(manager.patch(&path, body(Some(WRONG))).await.bad_fields(), ["current_password"]);
    let keyed = manager.key(&unique("own"));
    keyed.patch(&path, body(Some(PASSWORD))).await.is(200);
    // A repetition returns the first result, although the current password is another one now.
    let repeated = keyed.patch(&path, body(Some(PASSWORD))).await;
    assert_eq!((repeated.status, repeated.header("idempotent-replay")), (200, Some("true")));
    manager.get("conversations/").await.is(200);
    let login = try_sign_in(&hotel.anonymous(), &manager.username, "my own new words").await;
    assert_eq!(login.is(200)["must_change_password"], false);
    // The name needs no password.
    manager.patch(&path, json!({ "name": "Still Me" })).await.is(200);
});

on_both!(checks_of_the_current_password_count_as_sign_ins, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.hire("staff", &[]).await;
    for _ in 0..5 {
        assert_eq!(staff.post(PASSWORD_CHANGE, change(WRONG, "four other words")).await.bad_fields(), ["current_password"]);
    }
    let refused = staff.post(PASSWORD_CHANGE, change(PASSWORD, "four other words")).await;
    refused.problem(429, "rate_limited");
    try_sign_in(&hotel.anonymous(), &staff.username, PASSWORD).await.problem(429, "rate_limited");
    world.advance(15 * MINUTE + 5);
    let staff = hotel.sign_in(&staff.username, PASSWORD).await;
    staff.post(PASSWORD_CHANGE, change(PASSWORD, "four other words")).await.is(204);
});

on_both!(the_last_manager_stays, |hotel| {
    let manager = hotel.manager().await;
    let others: Vec<i64> = hotel.staff[1..].iter().filter(|it| it.role == "manager").map(|it| it.id).collect();
    for id in others {
        manager.patch(format!("staff/{id}/"), json!({ "role": "staff" })).await.is(200);
    }
    let path = format!("staff/{}/", manager.id);
    for body in [json!({ "active": false }), json!({ "role": "staff" })] {
        manager.patch(&path, body).await.problem(409, "last_manager");
    }
    for command in
        [&["staff", "deactivate", &manager.username][..], &["staff", "set", &manager.username, "--role", "staff"]]
    {
        assert!(hotel.world.run(command).fails(1).contains("last active manager"));
    }
    manager.patch(&path, json!({ "role": "manager", "active": true, "name": "Mona" })).await.is(200);
    // An inactive manager does not count.
    let second = hotel.hire("manager", &[]).await;
    manager.patch(format!("staff/{}/", second.id), json!({ "active": false })).await.is(200);
    manager.patch(&path, json!({ "active": false })).await.problem(409, "last_manager");
    manager.patch(format!("staff/{}/", second.id), json!({ "active": true })).await.is(200);
    manager.patch(&path, json!({ "role": "staff" })).await.is(200);
    manager.get("conversations/").await.is(200);
});

on_both!(two_managers_cannot_remove_each_other_at_once, |hotel| {
    let first = hotel.manager().await;
    for it in hotel.staff[1..].iter().filter(|it| it.role == "manager") {
        first.patch(format!("staff/{}/", it.id), json!({ "role": "staff" })).await.is(200);
    }
    for round in 0..6 {
        let second = hotel.hire("manager", &[]).await;
        let deactivate = |by: &StaffClient, whom: i64| {
            let (client, path) = (by.clone(), format!("staff/{whom}/"));
            async move { client.patch(path, json!({ "active": false })).await.status }
        };
        // Each the other one, or both at once by the command line and by themselves.
        let statuses = match round % 2 {
            0 => join(deactivate(&first, second.id), deactivate(&second, first.id)).await,
            _ => join(deactivate(&first, first.id), deactivate(&second, second.id)).await,
        };
        let active =
            format!("SELECT count(*) FROM staff WHERE hotel_id = {} AND role = 'manager' AND active", hotel.id);
        assert_eq!(hotel.world.number(&active), 1, "{statuses:?}");
        // Go on with the first one.
        let _ = hotel.world.run(&["staff", "activate", &first.username]);
        let _ = hotel.world.run(&["staff", "deactivate", &second.username]);
        if first.get(ME).await.status == 401 {
            return;
        }
    }
});

on_both!(own_sessions_are_listed_and_ended, |hotel| {
    let username = hotel.member_of(0).username;
    let phone = hotel.anonymous().with("user-agent", &format!("Phone/1.0 {}", "x".repeat(500)));
    let one = StaffClient::sign_in(&phone, &username, PASSWORD).await;
    let two = hotel.sign_in(&username, PASSWORD).await;
    let listed = two.get(SESSIONS).await.is(200);
    assert_eq!(keys(&listed), ["results"]);
    let rows = listed["results"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let address = two.headers()["x-forwarded-for"].to_str().unwrap();
    for row in rows {
        assert_eq!(keys(row), ["address", "created_at", "current", "id", "last_used_at", "user_agent"]);
        assert_eq!(row["address"], address);
    }
    // Last used first.
    assert_eq!((&rows[0]["current"], &rows[1]["current"]), (&json!(true), &json!(false)));
    let agent = rows[1]["user_agent"].as_str().unwrap();
    assert!(agent.starts_with("Phone/1.0") && agent.len() == 200, "{agent}");
    let mut socket = TestSocket::open(&one).await;
    let path = format!("{SESSIONS}{}/", rows[1]["id"]);
    // Other people's sessions do not exist.
    hotel.of(1).await.send("DELETE", &path, None).await.problem(404, "not_found");
    two.send("DELETE", &path, None).await.is(204);
    assert_eq!(socket.closed().await, 4401);
    one.get(ME).await.problem(401, "unauthenticated");
    two.send("DELETE", &path, None).await.is(204);
    two.send("DELETE", format!("{SESSIONS}1/"), None).await.problem(404, "not_found");
    assert_eq!(two.get(SESSIONS).await.is(200)["results"].as_array().unwrap().len(), 1);
    let own = two.send("DELETE", format!("{SESSIONS}{}/", rows[0]["id"]), None).await;
    assert_eq!(own.status, 204);
    assert!(own.set_cookie("mm_session").unwrap().contains("Max-Age=0"));
    two.get(ME).await.problem(401, "unauthenticated");
});

on_both!(managers_end_sessions_of_colleagues, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.hire("staff", &[hotel.departments[0].id]).await);
    let second = hotel.sign_in(&staff.username, PASSWORD).await;
    let path = format!("staff/{}/sessions/", staff.id);
    staff.get(&path).await.problem(403, "forbidden");
    hotel.world.hotel().manager().await.get(&path).await.problem(404, "not_found");
    let listed = manager.get(&path).await.is(200);
    let rows = listed["results"].as_array().unwrap();
    assert!(rows.len() == 2 && rows.iter().all(|it| it["current"] == false), "{listed}");
    let of_second = format!("{path}{}/", rows[0]["id"]);
    staff.send("DELETE", &of_second, None).await.problem(403, "forbidden");
    manager
        .send("DELETE", format!("staff/{}/sessions/{}/", manager.id, rows[0]["id"]), None)
        .await
        .problem(404, "not_found");
    manager.send("DELETE", &of_second, None).await.is(204);
    second.get(ME).await.problem(401, "unauthenticated");
    let mut socket = TestSocket::open(&staff).await;
    manager.send("DELETE", &path, None).await.is(204);
    assert_eq!(socket.closed().await, 4401);
    staff.get(ME).await.problem(401, "unauthenticated");
    assert_eq!(manager.get(&path).await.is(200)["results"], json!([]));
    let ended = format!("SELECT count(*) FROM audit WHERE action = 'sessions_ended' AND staff_id = {}", staff.id);
    assert_eq!(hotel.world.number(&ended), 2);
    hotel.sign_in(&staff.username, PASSWORD).await;
});

async fn sign_in_on_shared_computer(hotel: &TestHotel) -> (String, String, String) {
    let body = json!({ "username": hotel.member_of(0).username, "password": PASSWORD, "remember": false });
    let response = hotel.anonymous().post(LOGIN, body).await;
    let login = response.is(200);
    let cookie = response.set_cookie("mm_session").unwrap();
    assert!(!cookie.contains("Max-Age") && !cookie.contains("Expires"), "{cookie}");
    let token = |name: &str| login[name].as_str().unwrap().to_owned();
    (token("access"), token("refresh"), cookie.split(';').next().unwrap().to_owned())
}

on_both!(a_session_on_a_shared_computer_is_short, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (access, mut refresh, cookie) = sign_in_on_shared_computer(&hotel).await;
    let bearer = format!("Bearer {access}");
    let mut socket = TestSocket::try_open(&world, &[("authorization", &bearer)]).await.unwrap();
    world.advance(31 * MINUTE);
    assert_eq!(socket.closed().await, 4401);
    hotel.anonymous().post(REFRESH, json!({ "refresh": refresh })).await.problem(401, "unauthenticated");
    let browser = hotel.anonymous().with("cookie", &cookie).with("origin", &world.base());
    browser.post_empty(REFRESH).await.problem(401, "unauthenticated");
    // With use every 29 minutes it ends 12 hours after the sign-in.
    (_, refresh, _) = sign_in_on_shared_computer(&hotel).await;
    for _ in 0..24 {
        world.advance(29 * MINUTE);
        let next = hotel.anonymous().post(REFRESH, json!({ "refresh": refresh })).await.is(200);
        refresh = next["refresh"].as_str().unwrap().to_owned();
    }
    world.advance(25 * MINUTE);
    hotel.anonymous().post(REFRESH, json!({ "refresh": refresh })).await.problem(401, "unauthenticated");
    // Writes are use, too.
    let (access, refresh, _) = sign_in_on_shared_computer(&hotel).await;
    let client = hotel.anonymous().bearer(&access);
    world.advance(10 * MINUTE);
    client.post(hotel.relay(0).path("notes/"), json!({ "text": "still here" })).await.is(201);
    world.advance(25 * MINUTE);
    hotel.anonymous().post(REFRESH, json!({ "refresh": refresh })).await.is(200);
});

on_both!(sign_ins_and_password_changes_are_audited_with_the_address, |hotel| {
    let (world, manager) = (&hotel.world, hotel.manager().await);
    let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
    let address = "10.33.0.7";
    let lobby = at(world, address);
    fail_times(&lobby, &staff.username, 2).await;
    let again = StaffClient::sign_in(&lobby, &staff.username, PASSWORD).await;
    wait_for_audit(world, staff.id, "sign_in_failed", address, 2).await;
    wait_for_audit(world, staff.id, "sign_in", address, 1).await;
    wait_for_audit(world, staff.id, "new_device", address, 1).await;
    again.post(PASSWORD_CHANGE, change(WRONG, "four other words")).await.problem(400, "invalid");
    again.post(PASSWORD_CHANGE, change(PASSWORD, "four other words")).await.is(204);
    wait_for_audit(world, staff.id, "current_password_failed", address, 1).await;
    wait_for_audit(world, staff.id, "password_changed", address, 1).await;
    let from = manager.with("x-forwarded-for", "10.33.0.8");
    let path = format!("staff/{}/", staff.id);
    from.patch(&path, json!({ "role": "manager", "password": GIVEN_PASSWORD })).await.is(200);
    wait_for_audit(world, staff.id, "staff_changed", "10.33.0.8", 1).await;
    wait_for_audit(world, staff.id, "password_set", "10.33.0.8", 1).await;
    let proven = format!(
        "SELECT count(*) FROM audit WHERE staff_id = {} AND action = 'sign_in_failed' AND actor IS NOT NULL",
        staff.id
    );
    assert_eq!(world.number(&proven), 0, "a failure proves nobody");
});

on_sqlite!(the_access_log_contains_the_address, WorldOptions::default() => |world| {
    at(&world, "10.34.0.9").get("/healthz").await.is(200);
    at(&world, "10.34.0.9").get("conversations/").await.problem(401, "unauthenticated");
    let log = world.log_text();
    assert!(log.lines().filter(|it| it.contains("address=10.34.0.9 ")).count() >= 2, "{log}");
});
