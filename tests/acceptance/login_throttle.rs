//! Sign-in throttle: failed sign-ins are counted by name and address for 15 minutes.

use acceptance::{ApiClient, DatabaseKind, PASSWORD, StaffClient, TestWorld, WorldOptions, alone, json, on_both};

const LOGIN: &str = "/api/auth/login/";

async fn fail_sign_in(client: &ApiClient, address: &str, username: &str) -> u16 {
    let body = json!({ "username": username, "password": "wrong, of course" });
    let response = client.with("x-forwarded-for", address).post(LOGIN, body).await;
    if response.status == 429 {
        response.problem(429, "rate_limited");
        let seconds: i64 = response.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=15 * 60).contains(&seconds), "{seconds}");
    } else {
        response.problem(401, "bad_credentials");
    }
    response.status
}

async fn fail_five_times(client: &ApiClient, address: &str, username: &str) {
    for _ in 0..5 {
        assert_eq!(fail_sign_in(client, address, username).await, 401);
    }
}

on_both!(five_failures_per_name_and_address_are_allowed, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (name, other) = (hotel.member_of(0).username, hotel.member_of(1).username);
    let anonymous = ApiClient::new(&world);
    // Whether or not the user name exists.
    fail_five_times(&anonymous, "10.9.0.1", "nobody at all").await;
    assert_eq!(fail_sign_in(&anonymous, "10.9.0.1", "nobody at all").await, 429);
    fail_five_times(&anonymous, "10.9.0.2", &name).await;
    assert_eq!(fail_sign_in(&anonymous, "10.9.0.2", &name).await, 429);
    // All forms of a user name share one count.
    assert_eq!(fail_sign_in(&anonymous, "10.9.0.2", &format!(" {} ", name.to_uppercase())).await, 429);
    // The right password is refused too; from another address it is accepted.
    let same_address = anonymous.with("x-forwarded-for", "10.9.0.2");
    same_address.post(LOGIN, json!({ "username": name, "password": PASSWORD })).await.problem(429, "rate_limited");
    StaffClient::sign_in(&anonymous.with("x-forwarded-for", "10.9.0.3"), &name, PASSWORD).await;
    StaffClient::sign_in(&same_address, &other, PASSWORD).await;
    world.advance(15 * 60 + 5);
    StaffClient::sign_in(&same_address, &name, PASSWORD).await;
});

on_both!(a_success_clears_the_count, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let name = hotel.member_of(0).username;
    let client = ApiClient::new(&world).with("x-forwarded-for", "10.9.1.1");
    for _ in 0..2 {
        for _ in 0..4 {
            assert_eq!(fail_sign_in(&client, "10.9.1.1", &name).await, 401);
        }
        StaffClient::sign_in(&client, &name, PASSWORD).await;
    }
});

on_both!(a_hundred_failures_per_address_are_allowed, WorldOptions::default() => |world| {
    let anonymous = ApiClient::new(&world);
    for number in 0..100 {
        // Addresses of one /64 network.
        let address = format!("2001:db8:0:1::{}", number + 1);
        assert_eq!(fail_sign_in(&anonymous, &address, &format!("name {number}")).await, 401);
    }
    assert_eq!(fail_sign_in(&anonymous, "2001:db8:0:1:ffff::1", "another name").await, 429);
    assert_eq!(fail_sign_in(&anonymous, "2001:db8:0:2::1", "another name").await, 401);
});

#[test]
fn fifty_failures_per_name_are_allowed() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), async |world: std::sync::Arc<TestWorld>| {
        let hotel = world.hotel();
        let (name, anonymous) = (hotel.member_of(0).username, ApiClient::new(&world));
        for number in 0..50 {
            assert_eq!(fail_sign_in(&anonymous, &format!("10.8.{number}.1"), &name).await, 401);
        }
        assert_eq!(fail_sign_in(&anonymous, "10.8.99.1", &name).await, 429);
    });
}

on_both!(x_forwarded_for_counts_only_from_a_trusted_proxy, WorldOptions::default().set("TRUSTED_PROXIES", "192.0.2.1") => |world| {
    let anonymous = ApiClient::new(&world);
    for number in 0..5 {
        assert_eq!(fail_sign_in(&anonymous, &format!("10.7.0.{number}"), "somebody").await, 401);
    }
    assert_eq!(fail_sign_in(&anonymous, "10.7.0.99", "somebody").await, 429);
});

on_both!(failed_sign_ins_are_counted_across_a_restart, WorldOptions::default() => |world| {
    let anonymous = ApiClient::new(&world);
    fail_five_times(&anonymous, "10.6.0.1", "somebody").await;
    world.kill();
    world.serve();
    assert_eq!(fail_sign_in(&ApiClient::new(&world), "10.6.0.1", "somebody").await, 429);
});
