//! The current stay of a guest: which stay a message belongs to, and when a stay begins and ends.

use acceptance::{PASSWORD, StaffClient, TestHotel, TestSocket, TestWorld, Value, WorldOptions, json, on_both};
use chrono::{DateTime, Days, TimeDelta, Utc};

use super::{GUEST_MESSAGE, TestBooking, conversations_of, fetch_conversation};

const DAY: i64 = 24 * 60 * 60;

/// The UTC date some hours after a moment.
fn date_after(now: DateTime<Utc>, hours: i64) -> String {
    (now + TimeDelta::hours(hours)).date_naive().to_string()
}

/// Lets a guest write; returns the stay and the conversation that the message went to.
async fn write_message(hotel: &TestHotel, phone: &str) -> Value {
    hotel.send_guest_message(phone, "where does this go?").await
}

on_both!(the_first_message_creates_the_conversation_of_a_stay, |hotel| {
    let phone = hotel.unused_phone();
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    assert_eq!(TestBooking::of(&phone).import(&hotel), "created");
    socket.nothing(&hotel).await;
    let received = write_message(&hotel, &phone).await;
    assert!(received["stay_id"].is_i64(), "{received}");
    let events = socket.events_so_far(&hotel).await;
    assert_eq!(conversations_of(&events, "new_conversation"), [&received["conversation_id"]]);
    assert_eq!((&events[0]["stay_id"], &events[0]["guest_name"]), (&received["stay_id"], &json!("Zoë Booked")));
    let conversation = fetch_conversation(&*hotel.of(0).await, &received["conversation_id"]).await;
    let expected = json!({
        "status": "active", "stay_id": received["stay_id"], "guest_name": "Zoë Booked", "room_number": "12",
        "guest_phone": phone, "check_in": "2020-01-01", "check_out": "2099-01-01",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(conversation[name], *value, "{name}: {conversation}");
    }
});

on_both!(the_first_stay_adopts_the_demo_conversation, |hotel| {
    let (staff, phone) = (hotel.of(0).await, hotel.unused_phone());
    let id = write_message(&hotel, &phone).await["conversation_id"].clone();
    let mut socket = TestSocket::open(&staff).await;
    socket.ok(json!({ "command": "subscribe_to_conversation", "conversation_id": id })).await;
    assert_eq!(TestBooking::of(&phone).import(&hotel), "created");
    let updated = socket.expect("conversation_updated").await;
    let (stay, card) = (updated["stay_id"].clone(), &updated["conversation"]);
    assert_eq!((&updated["conversation_id"], stay.is_i64()), (&id, true));
    assert_eq!((&card["stay_id"], &card["status"], &card["room_number"]), (&stay, &json!("active"), &json!("12")));
    // Later events carry the stay id, and commands may use it.
    let received = write_message(&hotel, &phone).await;
    assert_eq!((&received["conversation_id"], &received["stay_id"]), (&id, &stay));
    assert_eq!(socket.expect("new_message").await["stay_id"], stay);
    socket.ok(json!({ "command": "unsubscribe_from_conversation", "stay_id": stay })).await;
    write_message(&hotel, &phone).await;
    socket.nothing(&hotel).await;
    // A later stay gets a conversation of its own.
    assert_eq!(TestBooking::of(&phone).import(&hotel), "created");
    assert_eq!(fetch_conversation(&staff, &id).await["stay_id"], stay);
});

on_both!(an_adopted_conversation_keeps_its_routing, |hotel| {
    let (staff, phone) = (hotel.of(0).await, hotel.unused_phone());
    let id = write_message(&hotel, &phone).await["conversation_id"].clone();
    staff.post(format!("conversations/{id}/send_message/"), json!({ "text": "Your name, please?" })).await.is(201);
    TestBooking::of(&phone).import(&hotel);
    let conversation = fetch_conversation(&staff, &id).await;
    assert_eq!((&conversation["status"], &conversation["guest_name"]), (&json!("relay"), &json!("Zoë Booked")));
    assert_eq!(
        (&conversation["department_name"], &conversation["assigned_to"]["id"]),
        (&json!(hotel.departments[0].name), &json!(staff.id))
    );
    staff.post_empty(format!("conversations/{id}/end_relay/")).await.is(200);
    assert_eq!(fetch_conversation(&staff, &id).await["status"], "active");
});

on_both!(of_several_current_stays_the_last_used_or_newest_one_counts, |hotel| {
    let phone = hotel.unused_phone();
    for _ in 0..2 {
        TestBooking::of(&phone).import(&hotel);
    }
    let newest = write_message(&hotel, &phone).await;
    let another = hotel.unused_phone();
    TestBooking::of(&another).import(&hotel);
    let first = write_message(&hotel, &another).await;
    TestBooking::of(&another).import(&hotel);
    assert_eq!(write_message(&hotel, &another).await["stay_id"], first["stay_id"]);
    // The older of the first guest's two stays has no conversation.
    let staff = hotel.of(0).await;
    let all = staff.get(format!("conversations/?status=active&search={}", &phone[1..])).await.is(200);
    assert_eq!((&all["count"], &all["results"][0]["id"]), (&json!(1), &newest["conversation_id"]));
    let elder = newest["stay_id"].as_i64().unwrap() - 1;
    let mut socket = TestSocket::open(&staff).await;
    socket.refused(json!({ "command": "subscribe_to_conversation", "stay_id": elder }), "not_found").await;
});

on_both!(a_past_stay_is_not_current, |hotel| {
    let phone = hotel.unused_phone();
    let past_stay = TestBooking { last: "2020-02-01".into(), ..TestBooking::of(&phone) };
    assert_eq!(past_stay.import(&hotel), "created");
    let received = write_message(&hotel, &phone).await;
    assert_eq!(received["stay_id"], json!(null));
    assert_eq!(fetch_conversation(&*hotel.of(0).await, &received["conversation_id"]).await["status"], "demo");
    // The guest had a stay before, so the later stay gets a conversation of its own.
    TestBooking::of(&phone).import(&hotel);
    let later = write_message(&hotel, &phone).await;
    assert!(later["stay_id"].is_i64() && later["conversation_id"] != received["conversation_id"], "{later}");
});

on_both!(a_stay_begins_and_ends_with_its_dates, WorldOptions::default() => |world| {
    let (hotel, now) = (world.hotel(), Utc::now());
    let phone = hotel.unused_phone();
    let booking = TestBooking { first: date_after(now, 48), last: date_after(now, 72), ..TestBooking::of(&phone) };
    booking.import(&hotel);
    let received = write_message(&hotel, &phone).await;
    let status = async |after: i64| {
        world.advance(after);
        let received = write_message(&hotel, &phone).await;
        let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
        let conversation = fetch_conversation(&staff, &received["conversation_id"]).await;
        (conversation["status"].as_str().unwrap().to_owned(), received["conversation_id"].clone())
    };
    let own = received["conversation_id"].clone();
    // The stay begins at midnight of its first day.
    let seconds = i64::from(86_400 - chrono::Timelike::num_seconds_from_midnight(&now.time()));
    assert_eq!(status(seconds).await, ("checkin".to_owned(), own.clone()));
    assert_eq!(status(DAY).await, ("active".to_owned(), own.clone()));
    // The stay includes its last day.
    assert_eq!(status(DAY).await, ("active".to_owned(), own.clone()));
    // For 14 days after that the guest still writes into this conversation.
    assert_eq!(status(DAY).await, ("active".to_owned(), own.clone()));
    assert_eq!(status(13 * DAY).await, ("active".to_owned(), own.clone()));
    let (last_status, after) = status(DAY).await;
    assert_eq!((last_status.as_str(), after != own), ("demo", true));
});

/// Creates a hotel in a time zone and its manager.
async fn create_hotel_in(world: &std::sync::Arc<TestWorld>, timezone: &str) -> (i64, StaffClient) {
    let made = world.run(&["hotel", "create", "--name", timezone, "--timezone", timezone]).json();
    let (id, username) = (made["id"].as_i64().unwrap(), acceptance::unique("manager"));
    let hotel = id.to_string();
    let arguments = ["staff", "create", "--hotel", &hotel, "--username", &username, "--name", "M", "--role", "manager"];
    let arguments = [&arguments[..], &["--password-stdin", "--permanent"]].concat();
    assert_eq!(world.program.run_with_input(&arguments, PASSWORD).code, Some(0));
    let anonymous =
        acceptance::ApiClient::new(world).with("x-forwarded-for", &format!("10.2.{}.{}", id / 250, id % 250));
    (id, StaffClient::sign_in(&anonymous, &username, PASSWORD).await)
}

/// The status of the conversation after a guest with a stay of these dates writes to a hotel in this time zone.
async fn status_in_time_zone(
    world: &std::sync::Arc<TestWorld>,
    timezone: &str,
    first: &str,
    last: &str,
    phone: &str,
) -> String {
    let (id, manager) = create_hotel_in(world, timezone).await;
    let file = world.folder().join(format!("{}.csv", acceptance::unique("stays")));
    let header = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
    std::fs::write(&file, format!("{header}\nR-1,Ana,{phone},1,{first},{last}\n")).unwrap();
    let file = file.display().to_string();
    world.run(&["import-stays", &file, "--hotel", &id.to_string()]).json();
    let body = json!({ "phone": phone, "text": "what day is it?", "hotel_id": id });
    let received = manager.post(GUEST_MESSAGE, body).await.is(201);
    fetch_conversation(&manager, &received["conversation_id"]).await["status"].as_str().unwrap().to_owned()
}

on_both!(dates_are_those_of_the_hotels_time_zone, |hotel| {
    // These time zones are 25 hours apart, so their dates always differ.
    let (early, late) = ("Pacific/Kiritimati", "Pacific/Pago_Pago");
    let (world, now) = (&hotel.world, Utc::now());
    let (early_day, late_day) = (date_after(now, 14), date_after(now, -11));
    let far = (now + Days::new(30)).date_naive().to_string();
    let two_weeks_before = (late_day.parse::<chrono::NaiveDate>().unwrap() - Days::new(14)).to_string();
    let phones = [(); 5].map(|()| hotel.unused_phone());
    assert_eq!(status_in_time_zone(world, early, &early_day, &far, &phones[0]).await, "active");
    assert_eq!(status_in_time_zone(world, late, &early_day, &far, &phones[1]).await, "checkin");
    assert_eq!(status_in_time_zone(world, late, "2020-01-01", &late_day, &phones[2]).await, "active");
    assert_eq!(status_in_time_zone(world, late, "2020-01-01", &two_weeks_before, &phones[3]).await, "active");
    assert_eq!(status_in_time_zone(world, early, "2020-01-01", &two_weeks_before, &phones[4]).await, "demo");
});
