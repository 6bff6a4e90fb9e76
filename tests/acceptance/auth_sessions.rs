//! Sessions over time, restarts, and the brakes on guessing.

use std::time::Duration;

use acceptance::{Backend, Client, Options, PASSWORD, Socket, Staff, World, alone, json, on_both};

const DAY: i64 = 24 * 60 * 60;
const LOGIN: &str = "/api/auth/login/";
const REFRESH: &str = "/api/auth/refresh/";
const ME: &str = "/api/auth/me/";

async fn refreshed(client: &Client, token: &str) -> (String, String) {
    let told = client.post(REFRESH, json!({ "refresh": token })).await.is(200);
    (told["access"].as_str().unwrap().to_owned(), told["refresh"].as_str().unwrap().to_owned())
}

on_both!(a_superseded_token_is_good_for_a_minute, Options::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    let (_, second) = refreshed(&hotel.nobody(), &staff.refresh).await;
    world.advance(58);
    assert_eq!(refreshed(&hotel.nobody(), &staff.refresh).await.1, second);
    world.advance(5);
    let mut socket = Socket::open(&staff).await;
    hotel.nobody().post(REFRESH, json!({ "refresh": staff.refresh })).await.problem(401, "unauthenticated");
    // Later it was a thief: the whole session is over.
    hotel.nobody().post(REFRESH, json!({ "refresh": second })).await.problem(401, "unauthenticated");
    staff.get(ME).await.problem(401, "unauthenticated");
    assert_eq!(socket.closed().await, 4401);
});

on_both!(a_token_lives_a_quarter_of_an_hour_and_a_socket_longer, Options::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(hotel.relay(0).id).await;
    world.advance(14 * 60);
    staff.get(ME).await.is(200);
    world.advance(2 * 60);
    staff.get(ME).await.problem(401, "unauthenticated");
    socket.ping().await;
    hotel.guest_says(&hotel.relay(0).phone, "Are you still there?").await;
    socket.expect("new_message").await;
    let (access, _) = refreshed(&hotel.nobody(), &staff.refresh).await;
    hotel.nobody().bearer(&access).get(ME).await.is(200);
});

on_both!(a_session_ends_thirty_days_after_its_last_use, Options::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    world.advance(29 * DAY);
    let (_, second) = refreshed(&hotel.nobody(), &staff.refresh).await;
    world.advance(29 * DAY);
    let (access, third) = refreshed(&hotel.nobody(), &second).await;
    let bearer = format!("Bearer {access}");
    let mut socket = Socket::try_open(&world, &[("authorization", &bearer)]).await.unwrap();
    // An open socket is no use of the session.
    world.advance(30 * DAY + 60);
    assert_eq!(socket.closed().await, 4401);
    hotel.nobody().post(REFRESH, json!({ "refresh": third })).await.problem(401, "unauthenticated");
    let browser = hotel.nobody().with("cookie", &staff.cookie).with("origin", &world.base());
    browser.post_empty(REFRESH).await.problem(401, "unauthenticated");
});

on_both!(a_session_ends_ninety_days_after_login, Options::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    let mut token = staff.refresh.clone();
    let mut access = String::new();
    for _ in 0..4 {
        world.advance(22 * DAY);
        (access, token) = refreshed(&hotel.nobody(), &token).await;
    }
    let bearer = format!("Bearer {access}");
    let mut socket = Socket::try_open(&world, &[("authorization", &bearer)]).await.unwrap();
    world.advance(2 * DAY + 60);
    assert_eq!(socket.closed().await, 4401);
    hotel.nobody().post(REFRESH, json!({ "refresh": token })).await.problem(401, "unauthenticated");
});

on_both!(the_days_are_settings, Options::default().set("SESSION_IDLE_DAYS", 1).set("SESSION_MAX_DAYS", 2) => |world| {
    let hotel = world.hotel();
    let (idle, busy) = (hotel.of(0).await, hotel.of(1).await);
    world.advance(DAY - 60);
    let (_, token) = refreshed(&hotel.nobody(), &busy.refresh).await;
    world.advance(120);
    hotel.nobody().post(REFRESH, json!({ "refresh": idle.refresh })).await.problem(401, "unauthenticated");
    let (_, token) = refreshed(&hotel.nobody(), &token).await;
    world.advance(DAY - 30);
    hotel.nobody().post(REFRESH, json!({ "refresh": token })).await.problem(401, "unauthenticated");
});

on_both!(sessions_survive_a_restart, Options::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    let gone = hotel.of(1).await;
    gone.post_empty("/api/auth/logout/").await.is(204);
    world.kill();
    world.serve();
    let again = Client::new(&world).bearer(&staff.access);
    again.get(ME).await.is(200);
    refreshed(&Client::new(&world), &staff.refresh).await;
    let browser = Client::new(&world).with("cookie", &staff.cookie).with("origin", &world.base());
    browser.post_empty(REFRESH).await.is(200);
    Client::new(&world).bearer(&gone.access).get(ME).await.problem(401, "unauthenticated");
});

on_both!(the_cookie_is_secure_where_the_public_url_is, Options::default().set("PUBLIC_URL", "https://mm.example") => |world| {
    let hotel = world.hotel();
    let body = json!({ "username": hotel.member_of(0).username, "password": PASSWORD });
    let answer = hotel.nobody().post(LOGIN, body).await;
    answer.is(200);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.split("; ").any(|word| word == "Secure"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let browser = |origin: &str| hotel.nobody().with("cookie", cookie).with("origin", origin);
    browser("https://mm.example").post_empty(REFRESH).await.is(200);
    // With a public URL the loopback names are no longer the server's own.
    browser(&world.base()).post_empty(REFRESH).await.problem(403, "bad_origin");
});

async fn fails(client: &Client, address: &str, username: &str) -> u16 {
    let body = json!({ "username": username, "password": "wrong, of course" });
    let answer = client.with("x-forwarded-for", address).post(LOGIN, body).await;
    if answer.status == 429 {
        answer.problem(429, "rate_limited");
        let seconds: i64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=15 * 60).contains(&seconds), "{seconds}");
    } else {
        answer.problem(401, "bad_credentials");
    }
    answer.status
}

async fn five_failures(client: &Client, address: &str, username: &str) {
    for _ in 0..5 {
        assert_eq!(fails(client, address, username).await, 401);
    }
}

on_both!(five_failures_of_a_name_from_an_address, Options::default() => |world| {
    let hotel = world.hotel();
    let (name, other) = (hotel.member_of(0).username, hotel.member_of(1).username);
    let nobody = Client::new(&world);
    // Whether or not the name exists.
    five_failures(&nobody, "10.9.0.1", "nobody at all").await;
    assert_eq!(fails(&nobody, "10.9.0.1", "nobody at all").await, 429);
    five_failures(&nobody, "10.9.0.2", &name).await;
    assert_eq!(fails(&nobody, "10.9.0.2", &name).await, 429);
    // The right password is refused as well, and elsewhere it is not.
    let there = nobody.with("x-forwarded-for", "10.9.0.2");
    there.post(LOGIN, json!({ "username": name, "password": PASSWORD })).await.problem(429, "rate_limited");
    Staff::sign_in(&nobody.with("x-forwarded-for", "10.9.0.3"), &name, PASSWORD).await;
    Staff::sign_in(&there, &other, PASSWORD).await;
    world.advance(15 * 60 + 5);
    Staff::sign_in(&there, &name, PASSWORD).await;
});

on_both!(a_success_clears_the_count, Options::default() => |world| {
    let hotel = world.hotel();
    let name = hotel.member_of(0).username;
    let there = Client::new(&world).with("x-forwarded-for", "10.9.1.1");
    for _ in 0..2 {
        for _ in 0..4 {
            assert_eq!(fails(&there, "10.9.1.1", &name).await, 401);
        }
        Staff::sign_in(&there, &name, PASSWORD).await;
    }
});

on_both!(twenty_failures_from_an_address, Options::default() => |world| {
    let nobody = Client::new(&world);
    for number in 0..20 {
        // All of one /64.
        let address = format!("2001:db8:0:1::{}", number + 1);
        assert_eq!(fails(&nobody, &address, &format!("name {number}")).await, 401);
    }
    assert_eq!(fails(&nobody, "2001:db8:0:1:ffff::1", "another name").await, 429);
    assert_eq!(fails(&nobody, "2001:db8:0:2::1", "another name").await, 401);
});

#[test]
fn fifty_failures_of_a_name_from_anywhere() {
    alone(Backend::Sqlite, Options::default(), async |world: std::sync::Arc<World>| {
        let hotel = world.hotel();
        let (name, nobody) = (hotel.member_of(0).username, Client::new(&world));
        for number in 0..50 {
            assert_eq!(fails(&nobody, &format!("10.8.{number}.1"), &name).await, 401);
        }
        assert_eq!(fails(&nobody, "10.8.99.1", &name).await, 429);
    });
}

on_both!(a_forwarded_address_is_believed_only_from_a_proxy, Options::default().set("TRUSTED_PROXIES", "192.0.2.1") => |world| {
    let nobody = Client::new(&world);
    for number in 0..5 {
        assert_eq!(fails(&nobody, &format!("10.7.0.{number}"), "somebody").await, 401);
    }
    assert_eq!(fails(&nobody, "10.7.0.99", "somebody").await, 429);
});

on_both!(the_brakes_survive_a_restart, Options::default() => |world| {
    let nobody = Client::new(&world);
    five_failures(&nobody, "10.6.0.1", "somebody").await;
    world.kill();
    world.serve();
    assert_eq!(fails(&Client::new(&world), "10.6.0.1", "somebody").await, 429);
});

on_both!(deactivated_while_the_server_was_away, Options::default() => |world| {
    let hotel = world.hotel();
    let staff = hotel.of(0).await;
    world.signal("TERM");
    assert_eq!(world.ended(Duration::from_secs(10)).await, Some(0));
    assert_eq!(world.run(&["staff", "deactivate", &staff.username]).code, Some(0));
    world.serve();
    Client::new(&world).bearer(&staff.access).get(ME).await.problem(401, "unauthenticated");
});
