//! The examples of the specification, copied to `specification_examples/`: in the same situation the server returns the
//! same keys and values.

use acceptance::{
    GIVEN_PASSWORD, PASSWORD, StaffClient, TestHotel, TestSocket, TestStay, Value, json, on_both, unique,
};

use crate::is_time;

/// Loads an example.
macro_rules! example {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("specification_examples/", $name, ".json"))).unwrap()
    };
}

/// Compares a response with an example: every key of the example, and its values except ids and times, which only need
/// the same type.
#[track_caller]
fn assert_like_example(actual: &Value, example: &Value) {
    match (actual, example) {
        (Value::Object(fields), Value::Object(expected)) => {
            for (name, value) in expected {
                assert_like_example(fields.get(name).unwrap_or_else(|| panic!("no {name}: {actual}")), value);
            }
        }
        (Value::Array(actual), Value::Array(expected)) => {
            assert_eq!(actual.len(), expected.len(), "{actual:?}");
            actual.iter().zip(expected).for_each(|(actual, expected)| assert_like_example(actual, expected));
        }
        (Value::Number(_), Value::Number(_)) => assert!(actual.as_i64() > Some(0), "{actual}"),
        _ if is_time(example) => assert!(is_time(actual), "{actual}"),
        _ => assert_eq!(actual, example),
    }
}

/// The people of the examples: the guest John Doe in room 101, and a staff member of the Reception.
struct ExampleScene {
    hotel: TestHotel,
    staff: StaffClient,
    stay: TestStay,
}

const PHONE: &str = "+1234567890";

/// Lets the guest write a first text, which the Reception takes over.
async fn set_up_scene(hotel: &TestHotel, first_text: &str) -> ExampleScene {
    assert_eq!(hotel.departments[0].name, "Reception");
    // The Reception must have no other conversation.
    hotel.of(0).await.post_empty(hotel.relay(0).path("end_relay/")).await.is(200);
    let username = unique("reception");
    let body = json!({
        "username": username, "name": "Reception Staff", "role": "staff", "password": GIVEN_PASSWORD,
        "department_ids": [hotel.departments[0].id],
    });
    hotel.manager().await.post("staff/", body).await.is(201);
    let staff = hotel.first_sign_in(&username, GIVEN_PASSWORD).await;
    book(hotel, "John Doe", "101", PHONE);
    let received = hotel.send_guest_message(PHONE, first_text).await;
    let id = |name: &str| received[name].as_i64().unwrap();
    let stay = TestStay { id: id("stay_id"), conversation: id("conversation_id"), ..hotel.relay(0) };
    let route = json!({ "department_id": hotel.departments[0].id });
    staff.post(stay.path("start_relay/"), route).await.is(200);
    ExampleScene { hotel: hotel.clone(), staff, stay }
}

fn book(hotel: &TestHotel, name: &str, room: &str, phone: &str) {
    let header = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
    let booked = hotel.import(&format!("{header}\n{},{name},{phone},{room},2020-01-01,2099-01-01\n", unique("R")));
    assert_eq!(booked["rows"][0]["result"], "created");
}

on_both!(conversation_examples_match, |hotel| {
    let ExampleScene { staff, stay, .. } = set_up_scene(&hotel, "Hello, I need help with...").await;
    let list = staff.get("conversations/").await.is(200);
    assert_like_example(&list, &example!("conversations"));
    assert_eq!((&list["count"], &list["results"][0]["stay_id"]), (&json!(1), &json!(stay.id)));
    let details = staff.get(stay.path("")).await.is(200);
    assert_like_example(&details, &example!("conversation"));
    assert_eq!((&details["id"], &details["stay_id"]), (&json!(stay.conversation), &json!(stay.id)));
});

on_both!(the_example_of_an_active_conversation_without_messages_matches, |hotel| {
    let sizes = ["--hotels", "1", "--departments", "1", "--staff", "1", "--stays", "2", "--messages", "0"];
    let made = hotel.world.run(&[&["generate"][..], &sizes, &["--password", PASSWORD]].concat()).json();
    let other = &made["hotels"][0];
    let staff = hotel.sign_in(other["staff"][0]["username"].as_str().unwrap(), PASSWORD).await;
    let list = staff.get("conversations/active_conversations/").await.is(200);
    // Generated names differ from those of the example.
    let mut expected = example!("active_conversations");
    let stay = other["stays"].as_array().unwrap().iter().find(|it| it["status"] == "active").unwrap();
    expected[0]["guest_name"] =
        staff.get(format!("conversations/{}/", stay["conversation_id"])).await.is(200)["guest_name"].clone();
    expected[0]["room_number"] = stay["room_number"].clone();
    assert_like_example(&list, &expected);
    assert_eq!((&list[0]["id"], &list[0]["stay_id"]), (&stay["conversation_id"], &stay["id"]));
});

on_both!(message_examples_match, |hotel| {
    let expected = example!("messages");
    let text = |index: usize| expected[index]["content"].as_str().unwrap().to_owned();
    let ExampleScene { hotel, staff, stay } = set_up_scene(&hotel, &text(0)).await;
    hotel.send_message(&staff, &stay, &text(1)).await;
    assert_like_example(&staff.get(stay.path("messages/")).await.is(200), &expected);
    let sent = staff.post(stay.path("send_message/"), example!("send_message.request")).await.is(201);
    assert_like_example(&sent, &example!("send_message"));
    assert_eq!(staff.post_empty(stay.path("end_relay/")).await.is(200), example!("end_relay"));
});

on_both!(socket_examples_match, |hotel| {
    let ExampleScene { hotel, staff, stay } = set_up_scene(&hotel, "Hello").await;
    let command = |mut example_command: Value| {
        example_command["stay_id"] = stay.id.into();
        example_command
    };
    let mut socket = TestSocket::open(&staff).await;
    socket.send(command(example!("command.subscribe_to_conversation"))).await;
    // A command without `request_id` gets no ack; the pong of a later command shows that it was executed.
    socket.ping().await;
    let guest_message = example!("event.new_message");
    hotel.send_guest_message(PHONE, guest_message["content"].as_str().unwrap()).await;
    let event = socket.expect("new_message").await;
    assert_like_example(&event, &guest_message);
    assert_eq!(event["stay_id"], stay.id);
    socket.send(command(example!("command.send_message"))).await;
    let own_message = socket.skip_to("new_message").await;
    assert_eq!(
        (&own_message["content"], &own_message["stay_id"]),
        (&example!("send_message.request")["text"], &json!(stay.id))
    );
    assert_eq!(
        (&own_message["sender_type"], &own_message["sender_name"]),
        (&json!("staff"), &json!("Reception Staff"))
    );
    let phone = hotel.unused_phone();
    book(&hotel, "Jane Smith", "102", &phone);
    let received = hotel.send_guest_message(&phone, "Hello").await;
    let event = socket.skip_to("new_conversation").await;
    assert_like_example(&event, &example!("event.new_conversation"));
    let ids = [&event["stay_id"], &event["conversation_id"]];
    assert_eq!(ids, [&received["stay_id"], &received["conversation_id"]]);
    socket.send(command(example!("command.unsubscribe_from_conversation"))).await;
    socket.ping().await;
    hotel.send_guest_message(PHONE, "Is anybody there?").await;
    socket.nothing(&hotel).await;
});
