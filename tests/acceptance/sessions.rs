//! Session and token lifetimes, and sessions across restarts.

use std::time::Duration;

use acceptance::{ApiClient, PASSWORD, TestSocket, WorldOptions, json, on_both, on_sqlite};

const DAY: i64 = 24 * 60 * 60;
const LOGIN: &str = "/api/auth/login/";
const REFRESH: &str = "/api/auth/refresh/";
const ME: &str = "/api/auth/me/";

async fn refresh(client: &ApiClient, token: &str) -> (String, String) {
    let tokens = client.post(REFRESH, json!({ "refresh": token })).await.is(200);
    (tokens["access"].as_str().unwrap().to_owned(), tokens["refresh"].as_str().unwrap().to_owned())
}

on_both!(a_superseded_token_works_for_a_minute, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    let (_, second) = refresh(&hotel.anonymous(), &staff.refresh).await;
    world.advance(58);
    assert_eq!(refresh(&hotel.anonymous(), &staff.refresh).await.1, second);
    world.advance(5);
    let mut socket = TestSocket::open(&staff).await;
    hotel.anonymous().post(REFRESH, json!({ "refresh": staff.refresh })).await.problem(401, "unauthenticated");
    // After the grace period a superseded token counts as stolen, so the whole session ends.
    hotel.anonymous().post(REFRESH, json!({ "refresh": second })).await.problem(401, "unauthenticated");
    staff.get(ME).await.problem(401, "unauthenticated");
    assert_eq!(socket.closed().await, 4401);
});

on_both!(an_access_token_expires_after_15_minutes_but_the_socket_stays, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(hotel.relay(0).id).await;
    world.advance(14 * 60);
    staff.get(ME).await.is(200);
    world.advance(2 * 60);
    staff.get(ME).await.problem(401, "unauthenticated");
    socket.ping().await;
    hotel.send_guest_message(&hotel.relay(0).phone, "Are you still there?").await;
    socket.expect("new_message").await;
    let (access, _) = refresh(&hotel.anonymous(), &staff.refresh).await;
    hotel.anonymous().bearer(&access).get(ME).await.is(200);
});

on_both!(a_session_ends_30_days_after_its_last_use, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    world.advance(29 * DAY);
    let (_, second) = refresh(&hotel.anonymous(), &staff.refresh).await;
    world.advance(29 * DAY);
    let (access, third) = refresh(&hotel.anonymous(), &second).await;
    let bearer = format!("Bearer {access}");
    let mut socket = TestSocket::try_open(&world, &[("authorization", &bearer)]).await.unwrap();
    // An open socket does not count as use of the session.
    world.advance(30 * DAY + 60);
    assert_eq!(socket.closed().await, 4401);
    hotel.anonymous().post(REFRESH, json!({ "refresh": third })).await.problem(401, "unauthenticated");
    let browser = hotel.anonymous().with("cookie", &staff.cookie).with("origin", &world.base());
    browser.post_empty(REFRESH).await.problem(401, "unauthenticated");
});

on_both!(a_session_ends_90_days_after_login, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    let mut token = staff.refresh.clone();
    let mut access = String::new();
    for _ in 0..4 {
        world.advance(22 * DAY);
        (access, token) = refresh(&hotel.anonymous(), &token).await;
    }
    let bearer = format!("Bearer {access}");
    let mut socket = TestSocket::try_open(&world, &[("authorization", &bearer)]).await.unwrap();
    world.advance(2 * DAY + 60);
    assert_eq!(socket.closed().await, 4401);
    hotel.anonymous().post(REFRESH, json!({ "refresh": token })).await.problem(401, "unauthenticated");
});

on_both!(session_lifetimes_are_settings, WorldOptions::default().set("SESSION_IDLE_DAYS", 1).set("SESSION_MAX_DAYS", 2) => |world| {
    let hotel = world.hotel();
    let (idle, active) = (hotel.of(0).await, hotel.of(1).await);
    world.advance(DAY - 60);
    let (_, token) = refresh(&hotel.anonymous(), &active.refresh).await;
    world.advance(120);
    hotel.anonymous().post(REFRESH, json!({ "refresh": idle.refresh })).await.problem(401, "unauthenticated");
    let (_, token) = refresh(&hotel.anonymous(), &token).await;
    world.advance(DAY - 30);
    hotel.anonymous().post(REFRESH, json!({ "refresh": token })).await.problem(401, "unauthenticated");
});

on_both!(sessions_survive_a_restart, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    let logged_out = hotel.of(1).await;
    logged_out.post_empty("/api/auth/logout/").await.is(204);
    world.kill();
    world.serve();
    let again = ApiClient::new(&world).bearer(&staff.access);
    again.get(ME).await.is(200);
    refresh(&ApiClient::new(&world), &staff.refresh).await;
    let browser = ApiClient::new(&world).with("cookie", &staff.cookie).with("origin", &world.base());
    browser.post_empty(REFRESH).await.is(200);
    ApiClient::new(&world).bearer(&logged_out.access).get(ME).await.problem(401, "unauthenticated");
});

on_sqlite!(the_cookie_is_secure_if_the_public_url_is_https, WorldOptions::default().set("PUBLIC_URL", "https://mm.example") => |world| {
    let hotel = world.hotel();
    let body = json!({ "username": hotel.member_of(0).username, "password": PASSWORD });
    let response = hotel.anonymous().post(LOGIN, body).await;
    response.is(200);
    assert_eq!(response.header("strict-transport-security"), Some("max-age=31536000"));
    for name in ["__Host-mm_session", "__Host-mm_device"] {
        let cookie = response.set_cookie(name).unwrap();
        assert!(cookie.split("; ").any(|attribute| attribute == "Secure"), "{cookie}");
        assert!(cookie.contains("Path=/") && !cookie.contains("Domain"), "{cookie}");
    }
    assert_eq!(response.set_cookie("mm_session"), None);
    let cookie = response.cookie("__Host-mm_session").unwrap();
    // A cookie without the prefix may come from another host of the domain.
    let other = cookie.replace("__Host-", "");
    let planted = hotel.anonymous().with("cookie", &other).with("origin", "https://mm.example");
    planted.post_empty(REFRESH).await.problem(401, "unauthenticated");
    let browser = |origin: &str| hotel.anonymous().with("cookie", &cookie).with("origin", origin);
    browser("https://mm.example").post_empty(REFRESH).await.is(200);
    // With a public URL, loopback origins are no longer the server's own.
    browser(&world.base()).post_empty(REFRESH).await.problem(403, "bad_origin");
});

on_both!(deactivation_while_the_server_is_stopped_ends_sessions, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    world.signal("TERM");
    assert_eq!(world.wait_for_exit(Duration::from_secs(10)).await, Some(0));
    assert_eq!(world.run(&["staff", "deactivate", &staff.username]).code, Some(0));
    world.serve();
    ApiClient::new(&world).bearer(&staff.access).get(ME).await.problem(401, "unauthenticated");
});
