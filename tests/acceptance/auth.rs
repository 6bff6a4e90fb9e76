//! Signing in: the calls, the cookie, the ways to prove who one is.

use acceptance::{Answer, Client, Hotel, PASSWORD, Refused, Socket, Staff, Value, World, json, on_both, unique};
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

fn by_cookie(client: &Client, staff: &Staff, origin: &str) -> Client {
    client.with("cookie", &staff.cookie).with("origin", origin)
}

async fn refused(world: &World, headers: &[(&str, &str)]) -> Refused {
    match Socket::try_open(world, headers).await {
        Ok(_) => panic!("it was let in with {headers:?}"),
        Err(refused) => refused,
    }
}

on_both!(login_answers_as_described, |hotel| {
    let member = hotel.member_of(1);
    let answer = hotel.nobody().post(LOGIN, credentials(&member.username, PASSWORD)).await;
    let told = answer.is(200);
    assert_eq!(keys(&told), ["access", "expires_in", "refresh", "staff", "token_type"]);
    assert_eq!((&told["token_type"], &told["expires_in"]), (&json!("Bearer"), &json!(900)));
    let cookie = answer.header("set-cookie").unwrap();
    let words: Vec<&str> = cookie.split(';').map(str::trim).collect();
    for wanted in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(words.contains(&wanted), "{cookie}");
    }
    assert!(!words.contains(&"Secure"), "{cookie}");
    let claims = claims(told["access"].as_str().unwrap());
    assert_eq!(keys(&claims), ["exp", "iat", "iss", "sid", "sub"]);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    let me = hotel.nobody().bearer(told["access"].as_str().unwrap()).get(ME).await.is(200);
    assert_eq!(me, told["staff"]);
    assert_eq!(keys(&me), ["departments", "hotel", "id", "name", "role", "username"]);
    assert_eq!((&me["id"], &me["username"]), (&json!(member.id), &json!(member.username)));
    assert_eq!((&me["role"], &me["hotel"]["id"]), (&json!("staff"), &json!(hotel.id)));
    assert!(me["hotel"]["name"].is_string());
    let department = &hotel.departments[1];
    assert_eq!(me["departments"], json!([{ "id": department.id, "name": department.name }]));
});

on_both!(wrong_name_and_wrong_password_are_told_alike, |hotel| {
    let mut told = Vec::new();
    for (name, word) in [(hotel.member_of(0).username.as_str(), "not the password"), ("nobody at all", PASSWORD)] {
        let answer = hotel.nobody().post(LOGIN, credentials(name, word)).await;
        told.push(answer.problem(401, "bad_credentials"));
        assert!(answer.header("set-cookie").is_none());
    }
    assert_eq!(told[0], told[1]);
});

on_both!(login_wants_both_fields, |hotel| {
    let nobody = hotel.nobody();
    assert_eq!(nobody.post(LOGIN, json!({})).await.bad_fields(), ["password", "username"]);
    assert_eq!(nobody.post(LOGIN, json!({ "username": "x", "password": 5 })).await.bad_fields(), ["password"]);
    nobody.send("POST", LOGIN, Some(b"{".to_vec())).await.problem(400, "bad_json");
    assert_eq!(nobody.post(LOGIN, credentials("a\0", "b")).await.bad_fields(), ["username"]);
});

on_both!(refresh_rotates_and_forgives_the_last, |hotel| {
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    let refresh = |token: &str| {
        let (nobody, token) = (hotel.nobody(), token.to_owned());
        async move { nobody.post(REFRESH, json!({ "refresh": token })).await }
    };
    let second = refresh(&staff.refresh).await.is(200);
    assert_eq!(keys(&second), ["access", "expires_in", "refresh", "staff", "token_type"]);
    let second = second["refresh"].as_str().unwrap().to_owned();
    assert_ne!(second, staff.refresh);
    // Two tabs, or a lost answer: the last one again gives the current pair.
    let again = refresh(&staff.refresh).await.is(200);
    assert_eq!(again["refresh"], second);
    hotel.nobody().bearer(again["access"].as_str().unwrap()).get(ME).await.is(200);
    // An older one was stolen, or this one was: the session ends.
    let third = refresh(&second).await.is(200);
    let third = third["refresh"].as_str().unwrap();
    refresh(&staff.refresh).await.problem(401, "unauthenticated");
    refresh(third).await.problem(401, "unauthenticated");
    staff.get(ME).await.problem(401, "unauthenticated");
});

on_both!(refresh_refuses_what_it_never_gave, |hotel| {
    let nobody = hotel.nobody();
    for token in ["", "x", "a.b.c", &"y".repeat(500)] {
        let answer = nobody.post(REFRESH, json!({ "refresh": token })).await;
        assert_eq!(answer.status, 401, "{token}: {}", answer.text());
    }
    assert_eq!(nobody.post(REFRESH, json!({ "refresh": 5 })).await.bad_fields(), ["refresh"]);
    nobody.post_empty(REFRESH).await.problem(401, "unauthenticated");
    let staff = hotel.of(0).await;
    nobody.post(REFRESH, json!({ "refresh": staff.access })).await.problem(401, "unauthenticated");
    // A bad token is not made good by a cookie.
    let both = by_cookie(&nobody, &staff, &hotel.world.base());
    both.post(REFRESH, json!({ "refresh": "x" })).await.problem(401, "unauthenticated");
});

on_both!(refresh_by_cookie_is_no_reuse, |hotel| {
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    let browser = by_cookie(&hotel.nobody(), &staff, &hotel.world.base());
    let first = browser.post_empty(REFRESH).await.is(200);
    let second = browser.post_empty(REFRESH).await.is(200);
    assert_ne!(first["refresh"], second["refresh"]);
    // The former token is merely no good any more.
    hotel.nobody().post(REFRESH, json!({ "refresh": first["refresh"] })).await.problem(401, "unauthenticated");
    hotel.nobody().post(REFRESH, json!({ "refresh": second["refresh"] })).await.is(200);
    staff.get(ME).await.is(200);
});

on_both!(the_cookie_needs_a_good_origin, |hotel| {
    let staff = hotel.of(0).await;
    let base = hotel.world.base();
    let port = base.rsplit(':').next().unwrap();
    let own = [base.clone(), format!("http://localhost:{port}"), ALLOWED.to_owned(), "https://other.example".into()];
    for origin in &own {
        by_cookie(&hotel.nobody(), &staff, origin).post_empty(REFRESH).await.is(200);
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
        let browser = by_cookie(&hotel.nobody(), &staff, origin);
        browser.post_empty(REFRESH).await.problem(403, "bad_origin");
        browser.post_empty(LOGOUT).await.problem(403, "bad_origin");
        let headers = [("cookie", staff.cookie.as_str()), ("origin", origin)];
        assert_eq!(refused(&hotel.world, &headers).await.status, 403, "{origin}");
    }
    let without = hotel.nobody().with("cookie", &staff.cookie);
    without.post_empty(REFRESH).await.problem(403, "bad_origin");
    assert_eq!(refused(&hotel.world, &[("cookie", &staff.cookie)]).await.problem["code"], "bad_origin");
    staff.get(ME).await.is(200);
});

on_both!(the_cookie_authorises_nothing_else, |hotel| {
    let staff = hotel.of(0).await;
    let browser = by_cookie(&hotel.nobody(), &staff, &hotel.world.base());
    browser.get(ME).await.problem(401, "unauthenticated");
    browser.get("conversations/").await.problem(401, "unauthenticated");
    let path = hotel.relay(0).path("send_message/");
    browser.post(path, json!({ "text": "no" })).await.problem(401, "unauthenticated");
});

on_both!(logout_ends_the_session_and_its_sockets, |hotel| {
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    let other = hotel.sign_in(&staff.username, PASSWORD).await;
    let mut socket = Socket::open(&staff).await;
    let mut others = Socket::open(&other).await;
    let answer = staff.post_empty(LOGOUT).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(socket.closed().await, 4401);
    staff.get(ME).await.problem(401, "unauthenticated");
    hotel.nobody().post(REFRESH, json!({ "refresh": staff.refresh })).await.problem(401, "unauthenticated");
    let browser = by_cookie(&hotel.nobody(), &staff, &hotel.world.base());
    browser.post_empty(REFRESH).await.problem(401, "unauthenticated");
    assert_eq!(refused(&hotel.world, &[("authorization", &format!("Bearer {}", staff.access))]).await.status, 401);
    // Again: nothing to do, and no fault.
    staff.post_empty(LOGOUT).await.is(204);
    browser.post_empty(LOGOUT).await.is(204);
    others.ping().await;
    other.get(ME).await.is(200);
});

on_both!(logout_by_cookie_and_of_all, |hotel| {
    let username = hotel.member_of(0).username;
    let one = hotel.sign_in(&username, PASSWORD).await;
    let two = hotel.sign_in(&username, PASSWORD).await;
    let three = hotel.sign_in(&username, PASSWORD).await;
    let stranger = hotel.of(1).await;
    let answer = by_cookie(&hotel.nobody(), &one, ALLOWED).post_empty(LOGOUT).await;
    assert_eq!(answer.status, 204);
    one.get(ME).await.problem(401, "unauthenticated");
    two.get(ME).await.is(200);
    let mut socket = Socket::open(&three).await;
    two.post_empty(format!("{LOGOUT}?all=true")).await.is(204);
    assert_eq!(socket.closed().await, 4401);
    three.get(ME).await.problem(401, "unauthenticated");
    stranger.get(ME).await.is(200);
    hotel.nobody().post_empty(LOGOUT).await.problem(401, "unauthenticated");
});

on_both!(a_new_password_ends_the_other_sessions, |hotel| {
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    let other = hotel.sign_in(&staff.username, PASSWORD).await;
    let mut socket = Socket::open(&other).await;
    let change = |old: &str, new: &str| json!({ "current_password": old, "new_password": new });
    let wrong = staff.post(PASSWORD_CHANGE, change("wrong", "long enough now")).await;
    assert_eq!(wrong.bad_fields(), ["current_password"]);
    assert_eq!(staff.post(PASSWORD_CHANGE, change(PASSWORD, "too short")).await.bad_fields(), ["new_password"]);
    assert_eq!(staff.post(PASSWORD_CHANGE, json!({})).await.bad_fields(), ["current_password", "new_password"]);
    other.get(ME).await.is(200);
    staff.post(PASSWORD_CHANGE, change(PASSWORD, "1234567890")).await.is(204);
    assert_eq!(socket.closed().await, 4401);
    other.get(ME).await.problem(401, "unauthenticated");
    staff.get(ME).await.is(200);
    hotel.nobody().post(LOGIN, credentials(&staff.username, PASSWORD)).await.problem(401, "bad_credentials");
    hotel.sign_in(&staff.username, "1234567890").await;
});

on_both!(a_forged_token_is_no_token, |hotel| {
    let staff = hotel.of(0).await;
    let other = hotel.of(1).await;
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let parts: Vec<&str> = staff.access.split('.').collect();
    let theirs: Vec<&str> = other.access.split('.').collect();
    let none = engine.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let forged = [
        format!("{}.{}.{}", parts[0], theirs[1], parts[2]),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}", parts[0], parts[1]),
        staff.refresh.clone(),
        format!("{} ", &staff.access[..staff.access.len() - 2]),
        "x".into(),
    ];
    for token in &forged {
        hotel.nobody().bearer(token).get(ME).await.problem(401, "unauthenticated");
    }
    for header in ["Bearer", "Basic YTpi", &format!("Token {}", staff.access), &staff.access] {
        hotel.nobody().with("authorization", header).get(ME).await.problem(401, "unauthenticated");
    }
    // The scheme's name has no case.
    hotel.nobody().with("authorization", &format!("bearer {}", staff.access)).get(ME).await.is(200);
});

on_both!(the_upgrade_takes_each_proof, |hotel| {
    let staff = hotel.of(0).await;
    let world = &hotel.world;
    let base = world.base();
    let bearer = format!("Bearer {}", staff.access);
    let pair = format!("bearer, {}", staff.access);
    let by_pair = Socket::try_open(world, &[("sec-websocket-protocol", &pair)]).await.unwrap();
    assert_eq!(by_pair.protocol.as_deref(), Some("bearer"));
    // Explicit proof ignores the Origin.
    let foreign = ("origin", "http://evil.example");
    Socket::try_open(world, &[("sec-websocket-protocol", &pair), foreign]).await.unwrap();
    Socket::try_open(world, &[("authorization", &bearer), foreign]).await.unwrap();
    for origin in [base.as_str(), ALLOWED] {
        Socket::try_open(world, &[("cookie", &staff.cookie), ("origin", origin)]).await.unwrap();
    }
});

on_both!(the_upgrade_refuses_the_rest, |hotel| {
    let staff = hotel.of(0).await;
    let world = &hotel.world;
    let base = world.base();
    let nothing = refused(world, &[]).await;
    assert_eq!((nothing.status, &nothing.problem["code"]), (401, &json!("unauthenticated")));
    let cookie = [("cookie", staff.cookie.as_str()), ("origin", base.as_str())];
    // Bad explicit proof is not made good by a cookie.
    for bad in [("authorization", "Bearer x"), ("sec-websocket-protocol", "bearer, x")] {
        assert_eq!(refused(world, &[bad]).await.status, 401);
        assert_eq!(refused(world, &[bad, cookie[0], cookie[1]]).await.status, 401);
    }
    assert_eq!(refused(world, &[("cookie", "session=x; other=y"), ("origin", &base)]).await.status, 401);
    let plain = staff.get("/ws/staff/").await;
    assert!([400, 426].contains(&plain.status), "{}", plain.text());
});

async fn deactivated(hotel: &Hotel, how: impl AsyncFnOnce(&Staff)) -> Answer {
    let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(hotel.relay(0).id).await;
    how(&staff).await;
    staff.get(ME).await.problem(401, "unauthenticated");
    let code = socket.closed_within(std::time::Duration::from_secs(5)).await;
    assert_eq!(code, 4401);
    hotel.nobody().post(REFRESH, json!({ "refresh": staff.refresh })).await.problem(401, "unauthenticated");
    hotel.nobody().post(LOGIN, credentials(&staff.username, PASSWORD)).await
}

on_both!(deactivation_bites_at_once, |hotel| {
    let manager = hotel.manager().await;
    let by_http = deactivated(&hotel, async |staff: &Staff| {
        manager.patch(format!("staff/{}/", staff.id), json!({ "active": false })).await.is(200);
    });
    by_http.await.problem(401, "bad_credentials");
    let by_command = deactivated(&hotel, async |staff: &Staff| {
        assert_eq!(hotel.world.run(&["staff", "deactivate", &staff.username]).code, Some(0));
    });
    by_command.await.problem(401, "bad_credentials");
});

on_both!(a_password_from_the_command_line_ends_every_session, |hotel| {
    let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
    let mut socket = Socket::open(&staff).await;
    let arguments = ["staff", "passwd", &staff.username, "--password-stdin"];
    let new = unique("a fresh password");
    assert_eq!(hotel.world.program.run_with_input(&arguments, &format!("{new}\n")).code, Some(0));
    staff.get(ME).await.problem(401, "unauthenticated");
    assert_eq!(socket.closed_within(std::time::Duration::from_secs(5)).await, 4401);
    hotel.sign_in(&staff.username, &new).await;
});

on_both!(what_the_auth_calls_answer_is_not_kept, |hotel| {
    let answer = hotel.nobody().post(LOGIN, credentials(&hotel.member_of(0).username, PASSWORD)).await;
    let control = answer.header("cache-control").unwrap_or_default().to_owned();
    assert!(control.contains("no-store"), "{control}");
});
