//! Authentication: login, refresh, logout, cookie, bearer token and WebSocket upgrade.

use acceptance::{
    ApiClient, ApiResponse, PASSWORD, StaffClient, TestHotel, TestSocket, TestWorld, UpgradeRefusal, Value, json,
    on_both, on_sqlite, unique,
};
use base64::Engine;

use crate::keys;

const LOGIN: &str = "/api/auth/login/";
const REFRESH: &str = "/api/auth/refresh/";
const LOGOUT: &str = "/api/auth/logout/";
const PASSWORD_CHANGE: &str = "/api/auth/password/";
const ME: &str = "/api/auth/me/";
const ALLOWED: &str = "http://console.example";

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("no JWT");
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn credentials(username: &str, password: &str) -> Value {
    json!({ "username": username, "password": password })
}

fn by_cookie(client: &ApiClient, staff: &StaffClient, origin: &str) -> ApiClient {
    client.with("cookie", &staff.cookie).with("origin", origin)
}

async fn refused_upgrade(world: &TestWorld, headers: &[(&str, &str)]) -> UpgradeRefusal {
    match TestSocket::try_open(world, headers).await {
        Ok(_) => panic!("the upgrade was accepted with {headers:?}"),
        Err(refused) => refused,
    }
}

on_both!(login_returns_tokens_staff_and_cookie, |hotel| {
    let member = hotel.member_of(1);
    let response = hotel.anonymous().post(LOGIN, credentials(&member.username, PASSWORD)).await;
    let login = response.is(200);
    assert_eq!(keys(&login), ["access", "expires_in", "must_change_password", "refresh", "staff", "token_type"]);
    assert_eq!((&login["token_type"], &login["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(login["must_change_password"], false);
    let cookie = response.set_cookie("mm_session").unwrap();
    let attributes: Vec<&str> = cookie.split(';').map(str::trim).collect();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(attributes.contains(&attribute), "{cookie}");
    }
    assert!(!attributes.contains(&"Secure"), "{cookie}");
    let claims = claims(login["access"].as_str().unwrap());
    assert_eq!(keys(&claims), ["exp", "iat", "iss", "sid", "sub"]);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    let me = hotel.anonymous().bearer(login["access"].as_str().unwrap()).get(ME).await.is(200);
    assert_eq!(me, login["staff"]);
    assert_eq!(keys(&me), ["departments", "hotel", "id", "name", "role", "username"]);
    assert_eq!((&me["id"], &me["username"]), (&json!(member.id), &json!(member.username)));
    assert_eq!((&me["role"], &me["hotel"]["id"]), (&json!("staff"), &json!(hotel.id)));
    assert!(me["hotel"]["name"].is_string());
    let department = &hotel.departments[1];
    assert_eq!(me["departments"], json!([{ "id": department.id, "name": department.name }]));
});

on_both!(wrong_name_and_wrong_password_get_the_same_response, |hotel| {
    let mut problems = Vec::new();
    for (name, password) in [(hotel.member_of(0).username.as_str(), "not the password"), ("nobody at all", PASSWORD)] {
        let response = hotel.anonymous().post(LOGIN, credentials(name, password)).await;
        problems.push(response.problem(401, "bad_credentials"));
        assert!(response.header("set-cookie").is_none());
    }
    assert_eq!(problems[0], problems[1]);
});

on_sqlite!(login_requires_both_fields, |hotel| {
    let anonymous = hotel.anonymous();
    assert_eq!(anonymous.post(LOGIN, json!({})).await.bad_fields(), ["password", "username"]);
    assert_eq!(anonymous.post(LOGIN, json!({ "username": "x", "password": 5 })).await.bad_fields(), ["password"]);
    anonymous.send("POST", LOGIN, Some(b"{".to_vec())).await.problem(400, "bad_json");
    assert_eq!(anonymous.post(LOGIN, credentials("a\0", "b")).await.bad_fields(), ["username"]);
});

on_both!(refresh_rotates_the_token_and_accepts_the_superseded_one, |hotel| {
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    let refresh = |token: &str| {
        let (anonymous, token) = (hotel.anonymous(), token.to_owned());
        async move { anonymous.post(REFRESH, json!({ "refresh": token })).await }
    };
    let second = refresh(&staff.refresh).await.is(200);
    assert_eq!(keys(&second), ["access", "expires_in", "must_change_password", "refresh", "staff", "token_type"]);
    let second = second["refresh"].as_str().unwrap().to_owned();
    assert_ne!(second, staff.refresh);
    // The token superseded last returns the current pair, because two tabs may refresh at once, or a response may be
    // lost.
    let again = refresh(&staff.refresh).await.is(200);
    assert_eq!(again["refresh"], second);
    hotel.anonymous().bearer(again["access"].as_str().unwrap()).get(ME).await.is(200);
    // An older token was stolen, so the whole session ends.
    let third = refresh(&second).await.is(200);
    let third = third["refresh"].as_str().unwrap();
    refresh(&staff.refresh).await.problem(401, "unauthenticated");
    refresh(third).await.problem(401, "unauthenticated");
    staff.get(ME).await.problem(401, "unauthenticated");
});

on_sqlite!(refresh_rejects_unknown_tokens, |hotel| {
    let anonymous = hotel.anonymous();
    for token in ["", "x", "a.b.c", &"y".repeat(500)] {
        let response = anonymous.post(REFRESH, json!({ "refresh": token })).await;
        assert_eq!(response.status, 401, "{token}: {}", response.text());
    }
    assert_eq!(anonymous.post(REFRESH, json!({ "refresh": 5 })).await.bad_fields(), ["refresh"]);
    anonymous.post_empty(REFRESH).await.problem(401, "unauthenticated");
    let staff = hotel.of(0).await;
    anonymous.post(REFRESH, json!({ "refresh": staff.access })).await.problem(401, "unauthenticated");
    // A valid cookie does not replace an invalid token in the body.
    let both = by_cookie(&anonymous, &staff, &hotel.world.base());
    both.post(REFRESH, json!({ "refresh": "x" })).await.problem(401, "unauthenticated");
});

on_both!(refresh_by_cookie_does_not_revoke_the_session, |hotel| {
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    let browser = by_cookie(&hotel.anonymous(), &staff, &hotel.world.base());
    let first = browser.post_empty(REFRESH).await.is(200);
    let second = browser.post_empty(REFRESH).await.is(200);
    assert_ne!(first["refresh"], second["refresh"]);
    // A refresh by cookie replaces the former token without revoking the session.
    hotel.anonymous().post(REFRESH, json!({ "refresh": first["refresh"] })).await.problem(401, "unauthenticated");
    hotel.anonymous().post(REFRESH, json!({ "refresh": second["refresh"] })).await.is(200);
    staff.get(ME).await.is(200);
});

on_sqlite!(the_cookie_requires_an_allowed_origin, |hotel| {
    let staff = hotel.of(0).await;
    let base = hotel.world.base();
    let port = base.rsplit(':').next().unwrap();
    let own = [base.clone(), format!("http://localhost:{port}"), ALLOWED.to_owned(), "https://other.example".into()];
    for origin in &own {
        by_cookie(&hotel.anonymous(), &staff, origin).post_empty(REFRESH).await.is(200);
    }
    let foreign = [
        "http://evil.example".to_owned(),
        "null".into(),
        format!("https://127.0.0.1:{port}"),
        "http://127.0.0.1:1".into(),
        "http://console.example.evil.example".into(),
        "https://console.example".into(),
    ];
    for origin in &foreign {
        let browser = by_cookie(&hotel.anonymous(), &staff, origin);
        browser.post_empty(REFRESH).await.problem(403, "bad_origin");
        browser.post_empty(LOGOUT).await.problem(403, "bad_origin");
        let headers = [("cookie", staff.cookie.as_str()), ("origin", origin)];
        assert_eq!(refused_upgrade(&hotel.world, &headers).await.status, 403, "{origin}");
    }
    let without = hotel.anonymous().with("cookie", &staff.cookie);
    without.post_empty(REFRESH).await.problem(403, "bad_origin");
    assert_eq!(refused_upgrade(&hotel.world, &[("cookie", &staff.cookie)]).await.problem["code"], "bad_origin");
    staff.get(ME).await.is(200);
});

on_sqlite!(the_cookie_does_not_authorize_rest_calls, |hotel| {
    let staff = hotel.of(0).await;
    let browser = by_cookie(&hotel.anonymous(), &staff, &hotel.world.base());
    browser.get(ME).await.problem(401, "unauthenticated");
    browser.get("conversations/").await.problem(401, "unauthenticated");
    let path = hotel.relay(0).path("send_message/");
    browser.post(path, json!({ "text": "no" })).await.problem(401, "unauthenticated");
});

on_both!(logout_ends_the_session_and_its_sockets, |hotel| {
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    let other = hotel.sign_in(&staff.username, PASSWORD).await;
    let mut socket = TestSocket::open(&staff).await;
    let mut others = TestSocket::open(&other).await;
    let response = staff.post_empty(LOGOUT).await;
    assert_eq!((response.status, response.body.len()), (204, 0));
    assert_eq!(socket.closed().await, 4401);
    staff.get(ME).await.problem(401, "unauthenticated");
    hotel.anonymous().post(REFRESH, json!({ "refresh": staff.refresh })).await.problem(401, "unauthenticated");
    let browser = by_cookie(&hotel.anonymous(), &staff, &hotel.world.base());
    browser.post_empty(REFRESH).await.problem(401, "unauthenticated");
    assert_eq!(
        refused_upgrade(&hotel.world, &[("authorization", &format!("Bearer {}", staff.access))]).await.status,
        401
    );
    // A repeated logout succeeds.
    staff.post_empty(LOGOUT).await.is(204);
    browser.post_empty(LOGOUT).await.is(204);
    others.ping().await;
    other.get(ME).await.is(200);
});

on_both!(logout_works_by_cookie_and_for_all_sessions, |hotel| {
    let username = hotel.member_of(0).username;
    let one = hotel.sign_in(&username, PASSWORD).await;
    let two = hotel.sign_in(&username, PASSWORD).await;
    let three = hotel.sign_in(&username, PASSWORD).await;
    let stranger = hotel.of(1).await;
    let response = by_cookie(&hotel.anonymous(), &one, ALLOWED).post_empty(LOGOUT).await;
    assert_eq!(response.status, 204);
    one.get(ME).await.problem(401, "unauthenticated");
    two.get(ME).await.is(200);
    let mut socket = TestSocket::open(&three).await;
    two.post_empty(format!("{LOGOUT}?all=true")).await.is(204);
    assert_eq!(socket.closed().await, 4401);
    three.get(ME).await.problem(401, "unauthenticated");
    stranger.get(ME).await.is(200);
    hotel.anonymous().post_empty(LOGOUT).await.problem(401, "unauthenticated");
});

on_both!(a_password_change_ends_the_other_sessions, |hotel| {
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    let other = hotel.sign_in(&staff.username, PASSWORD).await;
    let mut socket = TestSocket::open(&other).await;
    let change = |old: &str, new: &str| json!({ "current_password": old, "new_password": new });
    let wrong = staff.post(PASSWORD_CHANGE, change("wrong", "long enough now")).await;
    assert_eq!(wrong.bad_fields(), ["current_password"]);
    assert_eq!(staff.post(PASSWORD_CHANGE, change(PASSWORD, "too short")).await.bad_fields(), ["new_password"]);
    assert_eq!(staff.post(PASSWORD_CHANGE, json!({})).await.bad_fields(), ["current_password", "new_password"]);
    other.get(ME).await.is(200);
    staff.post(PASSWORD_CHANGE, change(PASSWORD, "four other words now")).await.is(204);
    assert_eq!(socket.closed().await, 4401);
    other.get(ME).await.problem(401, "unauthenticated");
    staff.get(ME).await.is(200);
    hotel.anonymous().post(LOGIN, credentials(&staff.username, PASSWORD)).await.problem(401, "bad_credentials");
    hotel.sign_in(&staff.username, "four other words now").await;
});

on_sqlite!(forged_tokens_are_rejected, |hotel| {
    let staff = hotel.of(0).await;
    let other = hotel.of(1).await;
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let parts: Vec<&str> = staff.access.split('.').collect();
    let other_parts: Vec<&str> = other.access.split('.').collect();
    let none = engine.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let forged = [
        format!("{}.{}.{}", parts[0], other_parts[1], parts[2]),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}", parts[0], parts[1]),
        staff.refresh.clone(),
        format!("{} ", &staff.access[..staff.access.len() - 2]),
        "x".into(),
    ];
    for token in &forged {
        hotel.anonymous().bearer(token).get(ME).await.problem(401, "unauthenticated");
    }
    for header in ["Bearer", "Basic YTpi", &format!("Token {}", staff.access), &staff.access] {
        hotel.anonymous().with("authorization", header).get(ME).await.problem(401, "unauthenticated");
    }
    // The name of the authentication scheme is case-insensitive.
    hotel.anonymous().with("authorization", &format!("bearer {}", staff.access)).get(ME).await.is(200);
});

on_sqlite!(the_upgrade_accepts_token_subprotocol_and_cookie, |hotel| {
    let staff = hotel.of(0).await;
    let world = &hotel.world;
    let base = world.base();
    let bearer = format!("Bearer {}", staff.access);
    let pair = format!("bearer, {}", staff.access);
    let by_pair = TestSocket::try_open(world, &[("sec-websocket-protocol", &pair)]).await.unwrap();
    assert_eq!(by_pair.protocol.as_deref(), Some("bearer"));
    // Explicit credentials ignore Origin.
    let foreign = ("origin", "http://evil.example");
    TestSocket::try_open(world, &[("sec-websocket-protocol", &pair), foreign]).await.unwrap();
    TestSocket::try_open(world, &[("authorization", &bearer), foreign]).await.unwrap();
    for origin in [base.as_str(), ALLOWED] {
        TestSocket::try_open(world, &[("cookie", &staff.cookie), ("origin", origin)]).await.unwrap();
    }
});

on_sqlite!(the_upgrade_rejects_missing_and_invalid_credentials, |hotel| {
    let staff = hotel.of(0).await;
    let world = &hotel.world;
    let base = world.base();
    let without_credentials = refused_upgrade(world, &[]).await;
    assert_eq!((without_credentials.status, &without_credentials.problem["code"]), (401, &json!("unauthenticated")));
    let cookie = [("cookie", staff.cookie.as_str()), ("origin", base.as_str())];
    // A valid cookie does not replace invalid explicit credentials.
    for bad in [("authorization", "Bearer x"), ("sec-websocket-protocol", "bearer, x")] {
        assert_eq!(refused_upgrade(world, &[bad]).await.status, 401);
        assert_eq!(refused_upgrade(world, &[bad, cookie[0], cookie[1]]).await.status, 401);
    }
    assert_eq!(refused_upgrade(world, &[("cookie", "session=x; other=y"), ("origin", &base)]).await.status, 401);
    let plain = staff.get("/ws/staff/").await;
    assert!([400, 426].contains(&plain.status), "{}", plain.text());
});

async fn sign_in_after_deactivation(hotel: &TestHotel, how: impl AsyncFnOnce(&StaffClient)) -> ApiResponse {
    let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(hotel.relay(0).id).await;
    how(&staff).await;
    staff.get(ME).await.problem(401, "unauthenticated");
    let code = socket.closed_within(std::time::Duration::from_secs(5)).await;
    assert_eq!(code, 4401);
    hotel.anonymous().post(REFRESH, json!({ "refresh": staff.refresh })).await.problem(401, "unauthenticated");
    hotel.anonymous().post(LOGIN, credentials(&staff.username, PASSWORD)).await
}

on_both!(deactivation_ends_sessions_at_once, |hotel| {
    let manager = hotel.manager().await;
    let by_http = sign_in_after_deactivation(&hotel, async |staff: &StaffClient| {
        manager.patch(format!("staff/{}/", staff.id), json!({ "active": false })).await.is(200);
    });
    by_http.await.problem(401, "bad_credentials");
    let by_command = sign_in_after_deactivation(&hotel, async |staff: &StaffClient| {
        assert_eq!(hotel.world.run(&["staff", "deactivate", &staff.username]).code, Some(0));
    });
    by_command.await.problem(401, "bad_credentials");
});

on_both!(a_password_set_on_the_command_line_ends_every_session, |hotel| {
    let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
    let mut socket = TestSocket::open(&staff).await;
    let arguments = ["staff", "passwd", &staff.username, "--password-stdin"];
    let new = unique("a fresh password");
    assert_eq!(hotel.world.program.run_with_input(&arguments, &format!("{new}\n")).code, Some(0));
    staff.get(ME).await.problem(401, "unauthenticated");
    assert_eq!(socket.closed_within(std::time::Duration::from_secs(5)).await, 4401);
    hotel.sign_in(&staff.username, &new).await;
});

on_sqlite!(auth_responses_are_not_cached, |hotel| {
    let response = hotel.anonymous().post(LOGIN, credentials(&hotel.member_of(0).username, PASSWORD)).await;
    let control = response.header("cache-control").unwrap_or_default().to_owned();
    assert!(control.contains("no-store"), "{control}");
});
