//! A system clock that jumps back.

use acceptance::{PASSWORD, StaffClient, TestSocket, TestStay, Value, WorldOptions, json, on_both};

use crate::{
    database_failures::{send_with_key, stored_texts},
    event_assertions::{assert_in_order, message_texts},
    resume::read_cursor,
};

on_both!(a_clock_that_jumps_back_does_not_change_the_order, WorldOptions::default() => |world| {
    let hotel = world.hotel();
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let before = read_cursor(&staff).await;
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    send_with_key(&staff, &stay, "one").await.is(201);
    world.advance(-3600);
    // The session, the idempotency key and the refresh token stay valid.
    send_with_key(&staff, &stay, "one").await.is(200);
    hotel.send_guest_message(&stay.phone, "two").await;
    let refreshed = hotel.anonymous().post("/api/auth/refresh/", json!({ "refresh": staff.refresh })).await.is(200);
    let again = hotel.anonymous().bearer(refreshed["access"].as_str().unwrap());
    again.get("/api/auth/me/").await.is(200);
    let staff = hotel.sign_in(&staff.username, PASSWORD).await;
    send_with_key(&staff, &stay, "three").await.is(201);
    let stale = json!({ "text": "four", "seen_message_id": oldest_message_id(&staff, &stay).await });
    hotel.manager().await.post(stay.path("send_message/"), stale).await.problem(409, "stale_reply");
    let all = stored_texts(&staff, &stay).await;
    assert_eq!(all[all.len() - 3..], ["one", "two", "three"]);
    let details = staff.get(stay.path("")).await.is(200);
    assert_eq!((&details["last_message"]["content"], &details["unread_count"]), (&json!("three"), &json!(0)));
    let events = socket.events_so_far(&hotel).await;
    assert_in_order(&events);
    assert_eq!(message_texts(&events), ["one", "two", "three"]);
    let missed = staff.get(format!("events/?after_seq={}", before["seq"])).await.is(200);
    let missed: Vec<Value> = missed["results"].as_array().unwrap().clone();
    assert_in_order(&missed);
    assert_eq!(message_texts(&missed), ["one", "two", "three"]);
});

async fn oldest_message_id(staff: &StaffClient, stay: &TestStay) -> Value {
    staff.get(stay.path("messages/")).await.is(200)[0]["id"].clone()
}
