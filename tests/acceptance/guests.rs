//! Whose words go where: guests, their stays, and the conversations of both.

mod imports;
mod stays;

use acceptance::{Backend, Client, Hotel, Options, Socket, Value, http, json, on_both, unique};
use futures_util::future::join_all;

use crate::has_keys;

const SIMULATOR: &str = "/api/demo/guest_message/";

/// A stay, as another system books it.
#[derive(Clone)]
struct Booking {
    code: String,
    name: String,
    phone: String,
    room: String,
    first: String,
    last: String,
}

impl Booking {
    /// One that has begun long ago and is not over for long.
    fn of(phone: &str) -> Self {
        let text = str::to_owned;
        let (name, room) = (text("Zoë Booked"), text("12"));
        Self { code: unique("R"), name, phone: text(phone), room, first: text("2020-01-01"), last: text("2099-01-01") }
    }

    fn row(&self) -> String {
        [&self.code, &self.name, &self.phone, &self.room, &self.first, &self.last].map(String::as_str).join(",")
    }

    /// Books it, or changes what is booked; what came of it.
    fn import(&self, hotel: &Hotel) -> Value {
        let header = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
        hotel.import(&format!("{header}\n{}\n", self.row()))["rows"][0]["result"].clone()
    }
}

/// A conversation, in full.
async fn shown(client: &Client, id: &Value) -> Value {
    client.get(format!("conversations/{id}/")).await.is(200)
}

/// Of what came, the events of one type, as the conversations they are about.
fn about<'a>(came: &'a [Value], word: &str) -> Vec<&'a Value> {
    came.iter().filter(|it| it["type"] == word).map(|it| &it["conversation_id"]).collect()
}

/// Plays a guest who says their name.
async fn introduces(hotel: &Hotel, phone: &str, name: &str) -> Value {
    let body = json!({ "phone": phone, "text": "it is me", "name": name, "hotel_id": hotel.id });
    hotel.nobody().post(SIMULATOR, body).await.is(201)
}

on_both!(an_unknown_number_gets_a_demo_conversation, |hotel| {
    let (staff, phone) = (hotel.of(0).await, hotel.new_phone());
    let told = hotel.guest_says(&phone, "is this the hotel?").await;
    assert_eq!((&told["stay_id"], &told["hotel_id"]), (&json!(null), &json!(hotel.id)));
    let it = shown(&staff, &told["conversation_id"]).await;
    let wanted = json!({
        "status": "demo", "stay_id": null, "room_number": null, "check_in": null, "check_out": null,
        "guest_name": phone, "guest_phone": phone, "department_name": null, "assigned_to": null, "unread_count": 1,
    });
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(it[name], *value, "{name}: {it}");
    }
    // Everybody of the hotel may take it, and it is not among those of stays.
    shown(&*hotel.hire("staff", &[]).await, &told["conversation_id"]).await;
    let active = staff.get("conversations/active_conversations/").await.is(200);
    assert!(!active.to_string().contains(&phone), "{active}");
    let again = hotel.guest_says(&phone, "hello?").await;
    assert_eq!(again["conversation_id"], told["conversation_id"]);
});

on_both!(a_guest_is_called_what_they_call_themselves, |hotel| {
    let (staff, phone) = (hotel.of(0).await, hotel.new_phone());
    let told = introduces(&hotel, &phone, " Ana ").await;
    let id = &told["conversation_id"];
    assert_eq!(shown(&staff, id).await["guest_name"], "Ana");
    // Who says nothing of their name keeps it.
    hotel.guest_says(&phone, "without a name").await;
    assert_eq!(shown(&staff, id).await["guest_name"], "Ana");
    introduces(&hotel, &phone, "Ana María").await;
    assert_eq!(shown(&staff, id).await["guest_name"], "Ana María");
    let messages = staff.get(format!("conversations/{id}/messages/")).await.is(200);
    assert_eq!(messages[2]["sender_name"], "Ana María");
    let found = staff.get("conversations/?status=demo&search=maria").await.is(200);
    assert_eq!((&found["count"], &found["results"][0]["id"]), (&json!(1), id));
    // A booking knows better.
    Booking::of(&phone).import(&hotel);
    assert_eq!(shown(&staff, id).await["guest_name"], "Zoë Booked");
    introduces(&hotel, &phone, "Anita").await;
    assert_eq!(shown(&staff, id).await["guest_name"], "Zoë Booked");
});

on_both!(a_new_name_is_told, |hotel| {
    let (staff, phone) = (hotel.of(0).await, hotel.new_phone());
    let told = hotel.guest_says(&phone, "no name yet").await;
    let mut socket = Socket::open(&staff).await;
    let conversation = told["conversation_id"].clone();
    let subscribe = json!({ "command": "subscribe_to_conversation", "conversation_id": conversation });
    socket.ok(subscribe).await;
    introduces(&hotel, &phone, "Ana").await;
    let updated = socket.skip_to("conversation_updated").await;
    assert_eq!((&updated["conversation_id"], &updated["conversation"]["guest_name"]), (&conversation, &json!("Ana")));
    // The same name again is no change.
    socket.so_far(&hotel).await;
    introduces(&hotel, &phone, "Ana").await;
    let came = socket.so_far(&hotel).await;
    assert_eq!((about(&came, "new_message").len(), about(&came, "conversation_updated").len()), (1, 0), "{came:?}");
});

on_both!(a_number_is_the_same_however_it_is_written, |hotel| {
    let phone = hotel.new_phone();
    let told = hotel.guest_says(&phone, "plain").await;
    for written in [
        format!("{} {} ({}) {}", &phone[..3], &phone[3..5], &phone[5..8], &phone[8..]),
        format!("{}-{}.{}", &phone[..3], &phone[3..6], &phone[6..]),
        format!(" {phone} "),
    ] {
        let again = hotel.guest_says(&written, "otherwise").await;
        assert_eq!(again["conversation_id"], told["conversation_id"], "{written}");
    }
    let booked = Booking::of(&format!("{} {}", &phone[..3], &phone[3..]));
    assert_eq!(booked.import(&hotel), "created");
    assert_eq!(hotel.guest_says(&phone, "my stay").await["conversation_id"], told["conversation_id"]);
    let it = shown(&*hotel.of(0).await, &told["conversation_id"]).await;
    assert_eq!((&it["guest_phone"], it["stay_id"].is_i64()), (&json!(phone), true));
});

on_both!(a_number_is_another_guest_in_another_hotel, |hotel| {
    let (other, phone) = (hotel.world.hotel(), hotel.new_phone());
    let here = hotel.guest_says(&phone, "here").await;
    let there = other.guest_says(&phone, "there").await;
    assert_ne!(here["conversation_id"], there["conversation_id"]);
    assert_eq!(Booking::of(&phone).import(&other), "created");
    assert_eq!(hotel.guest_says(&phone, "here again").await, {
        let mut same = here.clone();
        same["message_id"] = hotel_s_last(&hotel, &here).await;
        same
    });
    // Where no hotel is named it is the one of the number's stay.
    let unnamed = hotel.nobody().post(SIMULATOR, json!({ "phone": phone, "text": "where?" })).await.is(201);
    assert_eq!((&unnamed["hotel_id"], &unnamed["conversation_id"]), (&json!(other.id), &there["conversation_id"]));
    // Without a stay, the first.
    let nobody_s = json!({ "phone": hotel.new_phone(), "text": "where?" });
    let unnamed = hotel.nobody().post(SIMULATOR, nobody_s).await.is(201);
    let first = hotel.world.generated["hotels"].as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()).min();
    assert_eq!(unnamed["hotel_id"].as_i64(), first);
});

async fn hotel_s_last(hotel: &Hotel, told: &Value) -> Value {
    let path = format!("conversations/{}/messages/?limit=1", told["conversation_id"]);
    hotel.of(0).await.get(path).await.is(200)[0]["id"].clone()
}

on_both!(what_the_simulator_cannot_use_is_told, |hotel| {
    let say = |body: Value| {
        let nobody = hotel.nobody();
        async move { nobody.post(SIMULATOR, body).await.bad_fields() }
    };
    for bad in ["", "600000001", "+34 abc", "+12", "+34 600"] {
        assert_eq!(say(json!({ "phone": bad, "text": "x", "hotel_id": hotel.id })).await, ["phone"], "{bad}");
    }
    let phone = hotel.new_phone();
    assert_eq!(say(json!({ "phone": phone, "text": " ", "name": "" })).await, ["name", "text"]);
    assert_eq!(say(json!({ "phone": phone, "text": "x", "hotel_id": 9_000_000_000_i64 })).await, ["hotel_id"]);
    assert_eq!(say(json!({})).await, ["phone", "text"]);
});

on_both!(a_new_conversation_is_told_to_all_who_may_see_it_once, |hotel| {
    let (other, phone) = (hotel.world.hotel(), hotel.new_phone());
    let loner = hotel.hire("staff", &[]).await;
    let mut sockets = [
        Socket::open(&hotel.of(0).await).await,
        Socket::open(&loner).await,
        Socket::open(&hotel.manager().await).await,
    ];
    let mut foreign = Socket::open(&other.manager().await).await;
    let id = hotel.guest_says(&phone, "the first words").await["conversation_id"].clone();
    hotel.guest_says(&phone, "and more").await;
    for socket in &mut sockets {
        let came = socket.so_far(&hotel).await;
        assert_eq!(about(&came, "new_conversation"), [&id], "{came:?}");
        has_keys(&came[0], &["stay_id", "conversation_id", "message", "timestamp", "seq", "guest_name"]);
        assert_eq!((&came[0]["guest_name"], &came[0]["department_name"]), (&json!(phone), &json!(null)));
    }
    foreign.nothing(&other).await;
});

on_both!(who_writes_to_a_closed_one_is_with_the_flow_again, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    hotel.says(&staff, &stay, "good bye").await;
    staff.post_empty(stay.path("close/")).await.is(200);
    let mut colleague = Socket::open(&hotel.of(1).await).await;
    colleague.subscribe_to_inbox().await;
    hotel.guest_says(&stay.phone, "one more thing").await;
    let it = shown(&staff, &json!(stay.conversation)).await;
    let place = (&it["status"], &it["department_name"], &it["assigned_to"]);
    assert_eq!(place, (&json!("active"), &json!(null), &json!(null)));
    // Now everybody sees it, and the inbox tells them so.
    let came = colleague.so_far(&hotel).await;
    assert!(about(&came, "conversation_updated").contains(&&json!(stay.conversation)), "{came:?}");
    shown(&*hotel.of(1).await, &json!(stay.conversation)).await;
    // Without a stay the word is another.
    let demo = hotel.guest_says(&hotel.new_phone(), "hello").await["conversation_id"].clone();
    let route = json!({ "department_id": hotel.departments[0].id });
    staff.post(format!("conversations/{demo}/start_relay/"), route).await.is(200);
    let closed = staff.post_empty(format!("conversations/{demo}/close/")).await.is(200);
    hotel.guest_says(closed["guest_phone"].as_str().unwrap(), "hello again").await;
    let it = shown(&staff, &demo).await;
    assert_eq!((&it["status"], &it["department_name"]), (&json!("demo"), &json!(null)));
});

on_both!(two_nodes_hear_the_same_guest, Options::default() => |world| {
    if world.backend == Backend::Sqlite {
        return; // Nodes share a PostgreSQL.
    }
    let (hotel, log) = (world.hotel(), world.log.with_extension("second.log"));
    let second = world.program.serve(&["--demo".to_owned()], &log);
    let (phone, staff) = (hotel.new_phone(), hotel.of(0).await);
    let id = hotel.guest_says(&phone, "the first words").await["conversation_id"].clone();
    let urls = [world.base(), second.base.clone()].map(|base| format!("{base}{SIMULATOR}"));
    let says = |phone: &str, number: usize| {
        let body = json!({ "phone": phone, "text": format!("number {number}"), "hotel_id": hotel.id }).to_string();
        let request = http().build().unwrap().post(&urls[number % 2]).header("content-type", "application/json");
        async move {
            let answer = request.body(body).send().await.unwrap();
            assert_eq!(answer.status(), 201);
            serde_json::from_slice::<Value>(&answer.bytes().await.unwrap()).unwrap()["conversation_id"].clone()
        }
    };
    // Once both have their connections, they are equally fast.
    assert_eq!([says(&phone, 0).await, says(&phone, 1).await], [id.clone(), id.clone()]);
    join_all((0..60).map(|number| says(&phone, number))).await;
    assert_eq!(shown(&staff, &id).await["unread_count"], 63);
    let messages = staff.get(format!("conversations/{id}/messages/")).await.is(200);
    let last = messages.as_array().unwrap().last().unwrap();
    assert_eq!(shown(&staff, &id).await["last_message"]["content"], last["content"]);
    // Whom nobody knew has one conversation, whoever hears them first.
    for _ in 0..5 {
        let phone = hotel.new_phone();
        let went = join_all((0..4).map(|number| says(&phone, number))).await;
        assert!(went.iter().all(|it| *it == went[0]), "{went:?}");
    }
});
