//! Who may do what: every address and every command, for everyone who may come to the door.

mod callers;
mod commands;
mod routes;

use acceptance::{Socket, json, on_both};

use self::callers::{Callers, INSIDE, Place};
use crate::ids;

on_both!(lists_hold_what_one_sees_and_no_more, acceptance::Options::default() => |world| {
    let callers = Callers::gather(&world).await;
    for place in Place::ALL {
        let it = callers.put(place).await;
        for who in INSIDE {
            let client = callers.client(who);
            let all = client.get("conversations/?status=demo,checkin,active,relay,closed&page_size=100").await.is(200);
            assert_eq!(ids(&all["results"]).contains(&it.id), place.is_seen_by(who), "{place:?} {who:?}");
            let active = client.get("conversations/active_conversations/").await.is(200);
            let is_there = place == Place::Unrouted && place.is_seen_by(who);
            assert_eq!(ids(&active).contains(&it.id), is_there, "{place:?} {who:?}");
        }
    }
});

on_both!(what_a_hotel_has_stays_there, acceptance::Options::default() => |world| {
    let callers = Callers::gather(&world).await;
    for who in INSIDE {
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

on_both!(no_event_reaches_who_may_not_see_it, |hotel| {
    let (stay, other) = (hotel.relay(0), hotel.world.hotel());
    let (member, manager) = (hotel.of(0).await, hotel.manager().await);
    let mut sighted = [Socket::open(&member).await, Socket::open(&manager).await];
    let loner = hotel.hire("staff", &[]).await;
    let mut blind = [Socket::open(&hotel.of(1).await).await, Socket::open(&loner).await];
    let mut foreign = [Socket::open(&other.of(0).await).await, Socket::open(&other.manager().await).await];
    for socket in sighted.iter_mut().chain(&mut blind).chain(&mut foreign) {
        socket.subscribe_to_inbox().await;
    }
    hotel.guest_says(&stay.phone, "only for the department").await;
    hotel.says(&member, &stay, "an answer").await;
    member.post(stay.path("notes/"), json!({ "text": "between us" })).await.is(201);
    manager.post(stay.path("assign/"), json!({ "staff_id": manager.id })).await.is(200);
    member.post_empty(stay.path("close/")).await.is(200);
    member.post(stay.path("notes/"), json!({ "text": "after closing" })).await.is(201);
    member.post_empty(stay.path("reopen/")).await.is(200);
    for socket in &mut sighted {
        let came = socket.so_far(&hotel).await;
        assert!(came.iter().any(|it| it["conversation_id"] == stay.conversation), "{came:?}");
    }
    for socket in &mut blind {
        socket.nothing(&hotel).await;
    }
    for socket in &mut foreign {
        socket.nothing(&other).await;
    }
});
