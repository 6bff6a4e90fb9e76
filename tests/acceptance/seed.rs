//! The examples of the interface's first description, as they stand there (`seed/`): in the
//! situations that they show, the program says the same, key by key.

use acceptance::{Hotel, PASSWORD, Socket, Staff, Stay, Value, json, on_both, unique};

use crate::is_time;

/// An example, as it was written.
macro_rules! example {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("seed/", $name, ".json"))).unwrap()
    };
}

/// Fails where what was said is not what the example shows: all of its keys (more may be there),
/// and its values but for ids and times, which only are of the same kind.
#[track_caller]
fn is_like(said: &Value, example: &Value) {
    match (said, example) {
        (Value::Object(fields), Value::Object(wanted)) => {
            for (name, value) in wanted {
                is_like(fields.get(name).unwrap_or_else(|| panic!("no {name}: {said}")), value);
            }
        }
        (Value::Array(said), Value::Array(wanted)) => {
            assert_eq!(said.len(), wanted.len(), "{said:?}");
            said.iter().zip(wanted).for_each(|(said, wanted)| is_like(said, wanted));
        }
        (Value::Number(_), Value::Number(_)) => assert!(said.as_i64() > Some(0), "{said}"),
        _ if is_time(example) => assert!(is_time(said), "{said}"),
        _ => assert_eq!(said, example),
    }
}

/// The people of the examples: the guest John Doe in room 101, and somebody at the Reception.
struct Scene {
    hotel: Hotel,
    staff: Staff,
    stay: Stay,
}

const PHONE: &str = "+1234567890";

/// What the guest begins with is given; the Reception then takes over.
async fn scene(hotel: &Hotel, first_words: &str) -> Scene {
    assert_eq!(hotel.departments[0].name, "Reception");
    // The only conversation of the Reception is to be the guest's.
    hotel.of(0).await.post_empty(hotel.relay(0).path("end_relay/")).await.is(200);
    let username = unique("reception");
    let body = json!({
        "username": username, "name": "Reception Staff", "role": "staff", "password": PASSWORD,
        "department_ids": [hotel.departments[0].id],
    });
    hotel.manager().await.post("staff/", body).await.is(201);
    let staff = hotel.sign_in(&username, PASSWORD).await;
    book(hotel, "John Doe", "101", PHONE);
    let told = hotel.guest_says(PHONE, first_words).await;
    let id = |name: &str| told[name].as_i64().unwrap();
    let stay = Stay { id: id("stay_id"), conversation: id("conversation_id"), ..hotel.relay(0) };
    let route = json!({ "department_id": hotel.departments[0].id });
    staff.post(stay.path("start_relay/"), route).await.is(200);
    Scene { hotel: hotel.clone(), staff, stay }
}

fn book(hotel: &Hotel, name: &str, room: &str, phone: &str) {
    let header = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
    let booked = hotel.import(&format!("{header}\n{},{name},{phone},{room},2020-01-01,2099-01-01\n", unique("R")));
    assert_eq!(booked["rows"][0]["result"], "created");
}

on_both!(conversations_are_listed_and_shown, |hotel| {
    let Scene { staff, stay, .. } = scene(&hotel, "Hello, I need help with...").await;
    let list = staff.get("conversations/").await.is(200);
    is_like(&list, &example!("conversations"));
    assert_eq!((&list["count"], &list["results"][0]["stay_id"]), (&json!(1), &json!(stay.id)));
    let shown = staff.get(stay.path("")).await.is(200);
    is_like(&shown, &example!("conversation"));
    assert_eq!((&shown["id"], &shown["stay_id"]), (&json!(stay.conversation), &json!(stay.id)));
});

on_both!(an_active_conversation_may_be_without_words, |hotel| {
    let sizes = ["--hotels", "1", "--departments", "1", "--staff", "1", "--stays", "2", "--messages", "0"];
    let made = hotel.world.run(&[&["generate"][..], &sizes, &["--password", PASSWORD]].concat()).json();
    let other = &made["hotels"][0];
    let staff = hotel.sign_in(other["staff"][0]["username"].as_str().unwrap(), PASSWORD).await;
    let list = staff.get("conversations/active_conversations/").await.is(200);
    // Names are made up there.
    let mut wanted = example!("active_conversations");
    let stay = other["stays"].as_array().unwrap().iter().find(|it| it["status"] == "active").unwrap();
    wanted[0]["guest_name"] =
        staff.get(format!("conversations/{}/", stay["conversation_id"])).await.is(200)["guest_name"].clone();
    wanted[0]["room_number"] = stay["room_number"].clone();
    is_like(&list, &wanted);
    assert_eq!((&list[0]["id"], &list[0]["stay_id"]), (&stay["conversation_id"], &stay["id"]));
});

on_both!(messages_are_listed_and_sent, |hotel| {
    let wanted = example!("messages");
    let words = |index: usize| wanted[index]["content"].as_str().unwrap().to_owned();
    let Scene { hotel, staff, stay } = scene(&hotel, &words(0)).await;
    hotel.says(&staff, &stay, &words(1)).await;
    is_like(&staff.get(stay.path("messages/")).await.is(200), &wanted);
    let sent = staff.post(stay.path("send_message/"), example!("send_message.request")).await.is(201);
    is_like(&sent, &example!("send_message"));
    assert_eq!(staff.post_empty(stay.path("end_relay/")).await.is(200), example!("end_relay"));
});

on_both!(the_socket_takes_its_commands_and_tells_its_events, |hotel| {
    let Scene { hotel, staff, stay } = scene(&hotel, "Hello").await;
    let command = |mut it: Value| {
        it["stay_id"] = stay.id.into();
        it
    };
    let mut socket = Socket::open(&staff).await;
    socket.send(command(example!("command.subscribe_to_conversation"))).await;
    // Nothing is told of a command without request_id: the answer to a later one says that it is done.
    socket.ping().await;
    let heard = example!("event.new_message");
    hotel.guest_says(PHONE, heard["content"].as_str().unwrap()).await;
    let event = socket.expect("new_message").await;
    is_like(&event, &heard);
    assert_eq!(event["stay_id"], stay.id);
    socket.send(command(example!("command.send_message"))).await;
    let own = socket.skip_to("new_message").await;
    assert_eq!((&own["content"], &own["stay_id"]), (&example!("send_message.request")["text"], &json!(stay.id)));
    assert_eq!((&own["sender_type"], &own["sender_name"]), (&json!("staff"), &json!("Reception Staff")));
    let phone = hotel.new_phone();
    book(&hotel, "Jane Smith", "102", &phone);
    let told = hotel.guest_says(&phone, "Hello").await;
    let event = socket.skip_to("new_conversation").await;
    is_like(&event, &example!("event.new_conversation"));
    let ids = [&event["stay_id"], &event["conversation_id"]];
    assert_eq!(ids, [&told["stay_id"], &told["conversation_id"]]);
    socket.send(command(example!("command.unsubscribe_from_conversation"))).await;
    socket.ping().await;
    hotel.guest_says(PHONE, "Is anybody there?").await;
    socket.nothing(&hotel).await;
});
