//! Guests and their conversations: which conversation a message belongs to.

mod current_stay;
mod imports;

use std::sync::Arc;

use acceptance::{
    ApiClient, DatabaseKind, TestHotel, TestSocket, TestWorld, Value, WorldOptions, alone, http, json, on_both,
    on_sqlite, unique,
};
use futures_util::future::join_all;

use crate::assert_has_keys;

const GUEST_MESSAGE: &str = "/api/demo/guest_message/";

/// A stay as a booking system exports it.
#[derive(Clone)]
struct TestBooking {
    code: String,
    name: String,
    phone: String,
    room: String,
    first: String,
    last: String,
}

impl TestBooking {
    /// A stay that has begun long ago and ends in the far future.
    fn of(phone: &str) -> Self {
        let text = str::to_owned;
        let (name, room) = (text("Zoë Booked"), text("12"));
        Self { code: unique("R"), name, phone: text(phone), room, first: text("2020-01-01"), last: text("2099-01-01") }
    }

    fn row(&self) -> String {
        [&self.code, &self.name, &self.phone, &self.room, &self.first, &self.last].map(String::as_str).join(",")
    }

    /// Imports the stay; returns the result of its row.
    fn import(&self, hotel: &TestHotel) -> Value {
        let header = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
        hotel.import(&format!("{header}\n{}\n", self.row()))["rows"][0]["result"].clone()
    }
}

async fn fetch_conversation(client: &ApiClient, id: &Value) -> Value {
    client.get(format!("conversations/{id}/")).await.is(200)
}

/// The conversation ids of the events of one type.
fn conversations_of<'a>(events: &'a [Value], event_type: &str) -> Vec<&'a Value> {
    events.iter().filter(|it| it["type"] == event_type).map(|it| &it["conversation_id"]).collect()
}

/// A guest message with a profile name.
async fn write_with_name(hotel: &TestHotel, phone: &str, name: &str) -> Value {
    let body = json!({ "phone": phone, "text": "it is me", "name": name, "hotel_id": hotel.id });
    hotel.anonymous().post(GUEST_MESSAGE, body).await.is(201)
}

on_both!(an_unknown_number_gets_a_demo_conversation, |hotel| {
    let (staff, phone) = (hotel.of(0).await, hotel.unused_phone());
    let received = hotel.send_guest_message(&phone, "is this the hotel?").await;
    assert_eq!((&received["stay_id"], &received["hotel_id"]), (&json!(null), &json!(hotel.id)));
    let conversation = fetch_conversation(&staff, &received["conversation_id"]).await;
    let expected = json!({
        "status": "demo", "stay_id": null, "room_number": null, "check_in": null, "check_out": null,
        "guest_name": phone, "guest_phone": phone, "department_name": null, "assigned_to": null, "unread_count": 1,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(conversation[name], *value, "{name}: {conversation}");
    }
    // All staff may take over the conversation. It is not listed among the active ones of stays.
    fetch_conversation(&*hotel.hire("staff", &[]).await, &received["conversation_id"]).await;
    let active = staff.get("conversations/active_conversations/").await.is(200);
    assert!(!active.to_string().contains(&phone), "{active}");
    let again = hotel.send_guest_message(&phone, "hello?").await;
    assert_eq!(again["conversation_id"], received["conversation_id"]);
});

on_both!(the_profile_name_is_shown_until_a_booking_names_the_guest, |hotel| {
    let (staff, phone) = (hotel.of(0).await, hotel.unused_phone());
    let received = write_with_name(&hotel, &phone, " Ana ").await;
    let id = &received["conversation_id"];
    assert_eq!(fetch_conversation(&staff, id).await["guest_name"], "Ana");
    // A message without a profile name keeps the known name.
    hotel.send_guest_message(&phone, "without a name").await;
    assert_eq!(fetch_conversation(&staff, id).await["guest_name"], "Ana");
    write_with_name(&hotel, &phone, "Ana María").await;
    assert_eq!(fetch_conversation(&staff, id).await["guest_name"], "Ana María");
    let messages = staff.get(format!("conversations/{id}/messages/")).await.is(200);
    assert_eq!(messages[2]["sender_name"], "Ana María");
    let found = staff.get("conversations/?status=demo&search=maria").await.is(200);
    assert_eq!((&found["count"], &found["results"][0]["id"]), (&json!(1), id));
    // The name of a booking has precedence over the profile name.
    TestBooking::of(&phone).import(&hotel);
    assert_eq!(fetch_conversation(&staff, id).await["guest_name"], "Zoë Booked");
    write_with_name(&hotel, &phone, "Anita").await;
    assert_eq!(fetch_conversation(&staff, id).await["guest_name"], "Zoë Booked");
});

on_both!(a_new_profile_name_is_sent_to_subscribers, |hotel| {
    let (staff, phone) = (hotel.of(0).await, hotel.unused_phone());
    let received = hotel.send_guest_message(&phone, "no name yet").await;
    let mut socket = TestSocket::open(&staff).await;
    let conversation = received["conversation_id"].clone();
    let subscribe = json!({ "command": "subscribe_to_conversation", "conversation_id": conversation });
    socket.ok(subscribe).await;
    write_with_name(&hotel, &phone, "Ana").await;
    let updated = socket.skip_to("conversation_updated").await;
    assert_eq!((&updated["conversation_id"], &updated["conversation"]["guest_name"]), (&conversation, &json!("Ana")));
    // The same name again is no change.
    socket.events_so_far(&hotel).await;
    write_with_name(&hotel, &phone, "Ana").await;
    let events = socket.events_so_far(&hotel).await;
    assert_eq!(
        (conversations_of(&events, "new_message").len(), conversations_of(&events, "conversation_updated").len()),
        (1, 0),
        "{events:?}"
    );
});

on_both!(a_phone_number_matches_in_any_notation, |hotel| {
    let phone = hotel.unused_phone();
    let received = hotel.send_guest_message(&phone, "plain").await;
    for written in [
        format!("{} {} ({}) {}", &phone[..3], &phone[3..5], &phone[5..8], &phone[8..]),
        format!("{}-{}.{}", &phone[..3], &phone[3..6], &phone[6..]),
        format!(" {phone} "),
    ] {
        let again = hotel.send_guest_message(&written, "otherwise").await;
        assert_eq!(again["conversation_id"], received["conversation_id"], "{written}");
    }
    let booked = TestBooking::of(&format!("{} {}", &phone[..3], &phone[3..]));
    assert_eq!(booked.import(&hotel), "created");
    assert_eq!(hotel.send_guest_message(&phone, "my stay").await["conversation_id"], received["conversation_id"]);
    let conversation = fetch_conversation(&*hotel.of(0).await, &received["conversation_id"]).await;
    assert_eq!((&conversation["guest_phone"], conversation["stay_id"].is_i64()), (&json!(phone), true));
});

on_both!(the_same_number_is_another_guest_in_another_hotel, |hotel| {
    let (other, phone) = (hotel.world.hotel(), hotel.unused_phone());
    let here = hotel.send_guest_message(&phone, "here").await;
    let there = other.send_guest_message(&phone, "there").await;
    assert_ne!(here["conversation_id"], there["conversation_id"]);
    assert_eq!(TestBooking::of(&phone).import(&other), "created");
    assert_eq!(hotel.send_guest_message(&phone, "here again").await, {
        let mut same = here.clone();
        same["message_id"] = newest_message_id(&hotel, &here).await;
        same
    });
    // Without `hotel_id` the message goes to the hotel of the number's stay.
    let unnamed = hotel.anonymous().post(GUEST_MESSAGE, json!({ "phone": phone, "text": "where?" })).await.is(201);
    assert_eq!((&unnamed["hotel_id"], &unnamed["conversation_id"]), (&json!(other.id), &there["conversation_id"]));
    // Without a stay it goes to the first hotel.
    let unknown_guest = json!({ "phone": hotel.unused_phone(), "text": "where?" });
    let unnamed = hotel.anonymous().post(GUEST_MESSAGE, unknown_guest).await.is(201);
    let first = hotel.world.generated["hotels"].as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()).min();
    assert_eq!(unnamed["hotel_id"].as_i64(), first);
});

async fn newest_message_id(hotel: &TestHotel, received: &Value) -> Value {
    let path = format!("conversations/{}/messages/?limit=1", received["conversation_id"]);
    hotel.of(0).await.get(path).await.is(200)[0]["id"].clone()
}

on_sqlite!(invalid_guest_messages_of_the_demo_are_rejected, |hotel| {
    let faults = |body: Value| {
        let anonymous = hotel.anonymous();
        async move { anonymous.post(GUEST_MESSAGE, body).await.bad_fields() }
    };
    for bad in ["", "600000001", "+34 abc", "+12", "+34 600"] {
        assert_eq!(faults(json!({ "phone": bad, "text": "x", "hotel_id": hotel.id })).await, ["phone"], "{bad}");
    }
    let phone = hotel.unused_phone();
    assert_eq!(faults(json!({ "phone": phone, "text": " ", "name": "" })).await, ["name", "text"]);
    assert_eq!(faults(json!({ "phone": phone, "text": "x", "hotel_id": 9_000_000_000_i64 })).await, ["hotel_id"]);
    assert_eq!(faults(json!({})).await, ["phone", "text"]);
});

on_both!(a_new_conversation_is_announced_once_to_all_staff_with_access, |hotel| {
    let (other, phone) = (hotel.world.hotel(), hotel.unused_phone());
    let without_department = hotel.hire("staff", &[]).await;
    let mut sockets = [
        TestSocket::open(&hotel.of(0).await).await,
        TestSocket::open(&without_department).await,
        TestSocket::open(&hotel.manager().await).await,
    ];
    let mut foreign = TestSocket::open(&other.manager().await).await;
    let id = hotel.send_guest_message(&phone, "the first words").await["conversation_id"].clone();
    hotel.send_guest_message(&phone, "and more").await;
    for socket in &mut sockets {
        let events = socket.events_so_far(&hotel).await;
        assert_eq!(conversations_of(&events, "new_conversation"), [&id], "{events:?}");
        assert_has_keys(&events[0], &["stay_id", "conversation_id", "message", "timestamp", "seq", "guest_name"]);
        assert_eq!((&events[0]["guest_name"], &events[0]["department_name"]), (&json!(phone), &json!(null)));
    }
    foreign.nothing(&other).await;
});

on_both!(a_guest_message_reopens_a_closed_conversation, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    hotel.send_message(&staff, &stay, "good bye").await;
    staff.post_empty(stay.path("close/")).await.is(200);
    let mut colleague = TestSocket::open(&hotel.of(1).await).await;
    colleague.subscribe_to_inbox().await;
    hotel.send_guest_message(&stay.phone, "one more thing").await;
    let conversation = fetch_conversation(&staff, &json!(stay.conversation)).await;
    let routing = (&conversation["status"], &conversation["department_name"], &conversation["assigned_to"]);
    assert_eq!(routing, (&json!("active"), &json!(null), &json!(null)));
    // All staff of the hotel see the conversation again, so it appears in their inboxes.
    let events = colleague.events_so_far(&hotel).await;
    assert!(conversations_of(&events, "conversation_updated").contains(&&json!(stay.conversation)), "{events:?}");
    fetch_conversation(&*hotel.of(1).await, &json!(stay.conversation)).await;
    // Without a stay the status is `demo`.
    let demo = hotel.send_guest_message(&hotel.unused_phone(), "hello").await["conversation_id"].clone();
    let route = json!({ "department_id": hotel.departments[0].id });
    staff.post(format!("conversations/{demo}/start_relay/"), route).await.is(200);
    let closed = staff.post_empty(format!("conversations/{demo}/close/")).await.is(200);
    hotel.send_guest_message(closed["guest_phone"].as_str().unwrap(), "hello again").await;
    let conversation = fetch_conversation(&staff, &demo).await;
    assert_eq!((&conversation["status"], &conversation["department_name"]), (&json!("demo"), &json!(null)));
});

#[test]
fn two_nodes_receive_messages_of_the_same_guest() {
    alone(DatabaseKind::Postgres, WorldOptions::default(), async |world: Arc<TestWorld>| {
        let (hotel, log) = (world.hotel(), world.log.with_extension("second.log"));
        let second = world.program.serve(&["--demo".to_owned()], &log);
        let (phone, staff) = (hotel.unused_phone(), hotel.of(0).await);
        let id = hotel.send_guest_message(&phone, "the first words").await["conversation_id"].clone();
        let urls = [world.base(), second.base.clone()].map(|base| format!("{base}{GUEST_MESSAGE}"));
        let write_to_node = |phone: &str, number: usize| {
            let body = json!({ "phone": phone, "text": format!("number {number}"), "hotel_id": hotel.id }).to_string();
            let request = http().build().unwrap().post(&urls[number % 2]).header("content-type", "application/json");
            async move {
                let response = request.body(body).send().await.unwrap();
                assert_eq!(response.status(), 201);
                serde_json::from_slice::<Value>(&response.bytes().await.unwrap()).unwrap()["conversation_id"].clone()
            }
        };
        // First let both nodes open their database connections, so that they are equally fast.
        assert_eq!([write_to_node(&phone, 0).await, write_to_node(&phone, 1).await], [id.clone(), id.clone()]);
        join_all((0..60).map(|number| write_to_node(&phone, number))).await;
        assert_eq!(fetch_conversation(&staff, &id).await["unread_count"], 63);
        let messages = staff.get(format!("conversations/{id}/messages/")).await.is(200);
        let last = messages.as_array().unwrap().last().unwrap();
        assert_eq!(fetch_conversation(&staff, &id).await["last_message"]["content"], last["content"]);
        // A new guest gets one conversation, although both nodes receive the first messages at once.
        for _ in 0..5 {
            let phone = hotel.unused_phone();
            let conversations = join_all((0..4).map(|number| write_to_node(&phone, number))).await;
            assert!(conversations.iter().all(|it| *it == conversations[0]), "{conversations:?}");
        }
    });
}
