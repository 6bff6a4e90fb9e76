//! Access rules: every route and every command with every kind of caller.

mod callers;
mod commands;
mod routes;

use acceptance::{TestSocket, json, on_both};

use self::callers::{Callers, STAFF, ThreadState};
use crate::ids;

on_both!(lists_contain_exactly_the_visible_conversations, acceptance::WorldOptions::default() => |world| {
    let callers = Callers::create(&world).await;
    for state in ThreadState::ALL {
        let thread = callers.set_state(state).await;
        for who in STAFF {
            let client = callers.client(who);
            let all = client.get("conversations/?status=demo,checkin,active,relay,closed&page_size=100").await.is(200);
            assert_eq!(ids(&all["results"]).contains(&thread.id), state.is_visible_to(who), "{state:?} {who:?}");
            let active = client.get("conversations/active_conversations/").await.is(200);
            let is_active = state == ThreadState::Unrouted && state.is_visible_to(who);
            assert_eq!(ids(&active).contains(&thread.id), is_active, "{state:?} {who:?}");
        }
    }
});

on_both!(a_hotel_sees_only_its_own_departments_and_staff, acceptance::WorldOptions::default() => |world| {
    let callers = Callers::create(&world).await;
    for who in STAFF {
        let (client, hotel) = (callers.client(who), callers.hotel_of(who));
        let mine: Vec<i64> = hotel.departments.iter().map(|it| it.id).collect();
        assert_eq!(ids(&client.get("departments/").await.is(200)["results"]), mine, "{who:?}");
        let staff = ids(&client.get("staff/?page_size=100").await.is(200)["results"]);
        assert_eq!(staff.contains(&callers.hotel.staff[0].id), hotel.id == callers.hotel.id, "{who:?}");
        assert_eq!(staff.contains(&callers.other.staff[0].id), hotel.id == callers.other.id, "{who:?}");
        assert_eq!(client.get("hotel/").await.is(200)["id"], hotel.id, "{who:?}");
        assert_eq!(client.get("/api/auth/me/").await.is(200)["hotel"]["id"], hotel.id, "{who:?}");
    }
});

on_both!(events_reach_only_callers_who_see_the_conversation, |hotel| {
    let (stay, other) = (hotel.relay(0), hotel.world.hotel());
    let (member, manager) = (hotel.of(0).await, hotel.manager().await);
    let mut with_access = [TestSocket::open(&member).await, TestSocket::open(&manager).await];
    let loner = hotel.hire("staff", &[]).await;
    let mut without_access = [TestSocket::open(&hotel.of(1).await).await, TestSocket::open(&loner).await];
    let mut foreign = [TestSocket::open(&other.of(0).await).await, TestSocket::open(&other.manager().await).await];
    for socket in with_access.iter_mut().chain(&mut without_access).chain(&mut foreign) {
        socket.subscribe_to_inbox().await;
    }
    hotel.send_guest_message(&stay.phone, "only for the department").await;
    hotel.send_message(&member, &stay, "an answer").await;
    member.post(stay.path("notes/"), json!({ "text": "between us" })).await.is(201);
    manager.post(stay.path("assign/"), json!({ "staff_id": manager.id })).await.is(200);
    member.post_empty(stay.path("close/")).await.is(200);
    member.post(stay.path("notes/"), json!({ "text": "after closing" })).await.is(201);
    member.post_empty(stay.path("reopen/")).await.is(200);
    for socket in &mut with_access {
        let events = socket.events_so_far(&hotel).await;
        assert!(events.iter().any(|it| it["conversation_id"] == stay.conversation), "{events:?}");
    }
    for socket in &mut without_access {
        socket.nothing(&hotel).await;
    }
    for socket in &mut foreign {
        socket.nothing(&other).await;
    }
});
