//! Sign-ins, sessions, passwords and transfers across two nodes.

use std::sync::Arc;

use acceptance::{ApiClient, DatabaseKind, PASSWORD, TestHotel, TestWorld, in_hotel, json};
use futures_util::future::{join, join_all};

use super::{client_at, open_at, second_node};

const ME: &str = "/api/auth/me/";
const LOGIN: &str = "/api/auth/login/";
const REFRESH: &str = "/api/auth/refresh/";

async fn refresh(client: &ApiClient, token: &str) -> String {
    let tokens = client.post(REFRESH, json!({ "refresh": token })).await.is(200);
    tokens["refresh"].as_str().unwrap().to_owned()
}

on_two_nodes!(a_session_is_valid_on_both_nodes, |hotel, other| {
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    client_at(&other, &staff).get(ME).await.is(200);
    let mut socket = open_at(&other, &staff).await.unwrap();
    let (here, there) = (hotel.anonymous(), ApiClient::new(&other));
    let second = refresh(&here, &staff.refresh).await;
    // Two tabs refresh on two nodes.
    assert_eq!(refresh(&there, &staff.refresh).await, second);
    let third = refresh(&there, &second).await;
    assert_eq!(refresh(&here, &second).await, third);
    client_at(&hotel.world, &staff).get(ME).await.is(200);
    // A token older than the superseded one counts as stolen.
    there.post(REFRESH, json!({ "refresh": staff.refresh })).await.problem(401, "unauthenticated");
    for node in [&hotel.world, &other] {
        client_at(node, &staff).get(ME).await.problem(401, "unauthenticated");
        ApiClient::new(node).post(REFRESH, json!({ "refresh": third })).await.problem(401, "unauthenticated");
    }
    assert_eq!(socket.closed().await, 4401);
});

on_two_nodes!(concurrent_refreshes_of_a_token_get_the_same_pair, |hotel, other| {
    let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
    let (here, there, mut token) = (hotel.anonymous(), ApiClient::new(&other), staff.refresh.clone());
    for _ in 0..40 {
        let refreshes = [&here, &there, &here, &there].map(|node| refresh(node, &token));
        let next = join_all(refreshes).await;
        assert!(next.iter().all(|it| *it == next[0] && *it != token), "{next:?}");
        token.clone_from(&next[0]);
    }
    client_at(&other, &staff).get(ME).await.is(200);
});

on_two_nodes!(a_sign_in_in_progress_does_not_survive_a_password_change, |hotel, other| {
    let manager = client_at(&other, &hotel.manager().await);
    for round in 0..12 {
        let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
        let anonymous = hotel.anonymous().with("x-forwarded-for", &format!("10.6.0.{round}"));
        let body = json!({ "username": staff.username, "password": PASSWORD });
        let sign_ins = join_all((0..4).map(|_| anonymous.post(LOGIN, body.clone())));
        let path = format!("staff/{}/", staff.id);
        let own = client_at(&other, &staff);
        let change = async {
            match round % 3 {
                0 => manager.patch(path, json!({ "password": "another pass phrase" })).await.is(200),
                1 => manager.patch(path, json!({ "active": false })).await.is(200),
                _ => {
                    let body = json!({ "current_password": PASSWORD, "new_password": "another pass phrase" });
                    own.post("/api/auth/password/", body).await.is(204)
                }
            };
        };
        let (sign_ins, ()) = join(sign_ins, change).await;
        for answer in sign_ins {
            if answer.status == 200 {
                let access = answer.json()["access"].as_str().unwrap().to_owned();
                hotel.anonymous().bearer(&access).get(ME).await.problem(401, "unauthenticated");
            } else {
                answer.problem(401, "bad_credentials");
            }
        }
    }
});

on_two_nodes!(of_two_concurrent_password_changes_one_succeeds, |hotel, other| {
    for round in 0..6 {
        let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
        let second = hotel.sign_in(&staff.username, PASSWORD).await;
        let passwords = ["one new pass phrase", "another pass phrase"];
        // In every other round both requests come from one session.
        let sessions = [&staff, if round % 2 == 0 { &second } else { &staff }];
        let set = |n: usize, node: &Arc<TestWorld>| {
            let body = json!({ "current_password": PASSWORD, "new_password": passwords[n] });
            let client = client_at(node, sessions[n]);
            async move { client.post("/api/auth/password/", body).await.status }
        };
        let (here, there) = join(set(0, &hotel.world), set(1, &other)).await;
        let statuses = [here, there];
        assert_eq!(statuses.iter().filter(|it| **it == 204).count(), 1, "{statuses:?}");
        for (status, password) in statuses.into_iter().zip(passwords) {
            let body = json!({ "username": staff.username, "password": password });
            let expected = if status == 204 { 200 } else { 401 };
            hotel.anonymous().post(LOGIN, body).await.is(expected);
        }
    }
});

on_two_nodes!(ending_a_session_closes_its_sockets_on_both_nodes, |hotel, other| {
    let manager = hotel.manager().await;
    let actions: [(&str, &str, &str); 4] = [
        ("logout", "POST", "/api/auth/logout/"),
        ("logout of all", "POST", "/api/auth/logout/?all=true"),
        ("password", "POST", "/api/auth/password/"),
        ("deactivation", "PATCH", ""),
    ];
    for (action, method, path) in actions {
        let staff = hotel.hire("staff", &[hotel.departments[0].id]).await;
        let second = hotel.sign_in(&staff.username, PASSWORD).await;
        let mut own = open_at(&other, &staff).await.unwrap();
        let mut sibling = open_at(&other, &second).await.unwrap();
        let (ends_own, ends_sibling) = (action != "password", action != "logout");
        let answer = match action {
            "password" => {
                let body = json!({ "current_password": PASSWORD, "new_password": "another pass phrase" });
                staff.post(path, body).await
            }
            "deactivation" => manager.patch(format!("staff/{}/", staff.id), json!({ "active": false })).await,
            _ => staff.send(method, path, None).await,
        };
        assert!([200, 204].contains(&answer.status), "{action}: {}", answer.text());
        for (socket, staff, ends) in [(&mut own, &staff, ends_own), (&mut sibling, &second, ends_sibling)] {
            if ends {
                client_at(&other, staff).get(ME).await.problem(401, "unauthenticated");
                assert_eq!(socket.closed().await, 4401, "{action}");
            } else {
                client_at(&other, staff).get(ME).await.is(200);
                socket.ping().await;
            }
        }
    }
});

on_two_nodes!(failed_sign_ins_are_counted_over_both_nodes, |hotel, other| {
    let name = hotel.member_of(0).username;
    let there = ApiClient::new(&other).with("x-forwarded-for", "10.5.0.1");
    let here = hotel.anonymous().with("x-forwarded-for", "10.5.0.1");
    let wrong = json!({ "username": name, "password": "wrong, of course" });
    for client in [&here, &there, &here, &there, &there] {
        client.post(LOGIN, wrong.clone()).await.problem(401, "bad_credentials");
    }
    let right = json!({ "username": name, "password": PASSWORD });
    let mut waits = Vec::new();
    for client in [&here, &there] {
        client.post(LOGIN, right.clone()).await.problem(429, "rate_limited");
        let refused = client.post(LOGIN, wrong.clone()).await;
        refused.problem(429, "rate_limited");
        waits.push(refused.header("retry-after").unwrap().parse::<i64>().unwrap());
    }
    // Both nodes count in one window, so it ends for both at once.
    assert!((waits[0] - waits[1]).abs() <= 10, "{waits:?}");
});

on_two_nodes!(a_transfer_on_one_node_ends_subscriptions_on_the_other, |hotel, other| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let mut socket = open_at(&other, &staff).await.unwrap();
    socket.subscribe(stay.id).await;
    manager.post(stay.path("start_relay/"), json!({ "department_id": hotel.departments[1].id })).await.is(200);
    manager.post(stay.path("send_message/"), json!({ "text": "not for them" })).await.is(201);
    let events = socket.events_so_far(&hotel).await;
    let types: Vec<&str> = events.iter().filter_map(|it| it["type"].as_str()).collect();
    assert_eq!(types, ["unsubscribed"], "{events:?}");
    assert_eq!(events[0]["reason"], "routed_away");
    client_at(&other, &staff).get(stay.path("")).await.problem(404, "not_found");
});
