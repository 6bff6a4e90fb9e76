//! Guests who wait for an answer, and messages of staff that they have not got.

use acceptance::{StaffClient, TestSocket, TestStay, Value, json, on_both, on_sqlite};

use crate::{event_assertions::of_type, ids};

async fn waiting_since(staff: &StaffClient, stay: &TestStay) -> Value {
    staff.get(stay.path("")).await.is(200)["waiting_since"].clone()
}

on_both!(a_guest_waits_until_staff_answer, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    hotel.send_message(&staff, &stay, "hello").await;
    assert_eq!(waiting_since(&staff, &stay).await, Value::Null);
    hotel.send_guest_message(&stay.phone, "towels?").await;
    let since = waiting_since(&staff, &stay).await;
    let newest = staff.get(stay.path("messages/?limit=1")).await.is(200)[0].clone();
    assert_eq!(since, newest["timestamp"]);
    // The oldest message counts; notes, reading, transfers and the flow are no answers.
    hotel.send_guest_message(&stay.phone, "please!").await;
    staff.post(stay.path("notes/"), json!({ "text": "who?" })).await.is(201);
    staff.post(stay.path("read/"), json!({ "message_id": newest["id"] })).await.is(204);
    staff.post(stay.path("assign/"), json!({ "staff_id": staff.id })).await.is(200);
    staff.post_empty(stay.path("end_relay/")).await.is(200);
    assert_eq!(waiting_since(&staff, &stay).await, since);
    hotel.send_message(&staff, &stay, "on their way").await;
    assert_eq!(waiting_since(&staff, &stay).await, Value::Null);
    // Closing by staff is an answer.
    hotel.send_guest_message(&stay.phone, "thanks").await;
    assert_ne!(waiting_since(&staff, &stay).await, Value::Null);
    assert_eq!(staff.post_empty(stay.path("close/")).await.is(200)["waiting_since"], Value::Null);
    hotel.send_guest_message(&stay.phone, "one more thing").await;
    assert_ne!(waiting_since(&staff, &stay).await, Value::Null);
});

on_both!(a_message_can_be_handled_without_an_answer, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    hotel.send_guest_message(&stay.phone, "thanks!").await;
    let mut subscriber = TestSocket::open(&staff).await;
    subscriber.subscribe(stay.id).await;
    let mut inbox = TestSocket::open(&hotel.manager().await).await;
    inbox.subscribe_to_inbox().await;
    let handled = staff.post_empty(stay.path("handled/")).await.is(200);
    assert_eq!((&handled["id"], &handled["waiting_since"]), (&json!(stay.conversation), &Value::Null));
    for socket in [&mut subscriber, &mut inbox] {
        let event = socket.expect("conversation_updated").await;
        assert_eq!(event["conversation"]["waiting_since"], Value::Null);
        assert_eq!(event["conversation_id"], stay.conversation);
    }
    // Nothing is left to handle: no event.
    staff.post_empty(stay.path("handled/")).await.is(200);
    subscriber.nothing(&hotel).await;
    inbox.nothing(&hotel).await;
    // A new message waits again; the subscriber of the inbox learns it.
    hotel.send_guest_message(&stay.phone, "wait, one question").await;
    let events = inbox.events_so_far(&hotel).await;
    let mut updated = of_type(&events, "conversation_updated").into_iter();
    let event = updated.find(|it| it["conversation_id"] == stay.conversation).unwrap();
    assert_ne!(event["conversation"]["waiting_since"], Value::Null);
    hotel.of(1).await.post_empty(stay.path("handled/")).await.problem(404, "not_found");
});

on_both!(waiting_conversations_are_filtered_and_ordered, |hotel| {
    let manager = hotel.manager().await;
    let relay: Vec<TestStay> = (0..3).map(|department| hotel.relay(department)).collect();
    for stay in &relay {
        hotel.send_message(&manager, stay, "hello").await;
    }
    for stay in [&relay[2], &relay[0]] {
        hotel.send_guest_message(&stay.phone, "hello?").await;
    }
    hotel.send_guest_message(&relay[2].phone, "anybody?").await;
    let list = async |query: &str| ids(&manager.get(format!("conversations/?{query}")).await.is(200)["results"]);
    let id = |index: usize| relay[index].conversation;
    assert_eq!(list("waiting=true&order=waiting").await, [id(2), id(0)]);
    assert_eq!(list("waiting=true").await, [id(2), id(0)]);
    assert_eq!(list("waiting=false").await, [id(1)]);
    assert_eq!(list("order=waiting").await, [id(2), id(0), id(1)]);
    hotel.send_guest_message(&relay[0].phone, "please").await;
    assert_eq!(list("order=updated").await, [id(0), id(2), id(1)]);
    assert_eq!(list("order=waiting&page_size=2").await, [id(2), id(0)]);
    assert_eq!(list("order=waiting&page_size=2&page=2").await, [id(1)]);
    assert!(list("unsent=true").await.is_empty());
    for bad in ["waiting=1", "order=oldest", "unsent=x"] {
        manager.get(format!("conversations/?{bad}")).await.problem(400, "invalid");
    }
});

on_sqlite!(a_replay_shows_the_waiting, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let start = staff.get("inbox/").await;
    let cursor = |name: &str| start.header(name).unwrap().to_owned();
    hotel.send_guest_message(&stay.phone, "hello?").await;
    let mut socket = TestSocket::open(&staff).await;
    let after_seq: i64 = cursor("x-event-seq").parse().unwrap();
    let command = json!({ "epoch": cursor("x-event-epoch"), "after_seq": after_seq, "inbox": true });
    let (events, _) = socket.resume(command).await;
    let updated = of_type(&events, "conversation_updated");
    assert_ne!(updated.last().unwrap()["conversation"]["waiting_since"], Value::Null);
});
