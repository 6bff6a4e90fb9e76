//! Which of a guest's stays is meant, and when it begins and ends.

use acceptance::{Hotel, Options, PASSWORD, Socket, Staff, Value, World, json, on_both};
use chrono::{DateTime, Days, TimeDelta, Utc};

use super::{Booking, SIMULATOR, about, shown};

const DAY: i64 = 24 * 60 * 60;

/// A day, seen from a moment.
fn day(now: DateTime<Utc>, hours: i64) -> String {
    (now + TimeDelta::hours(hours)).date_naive().to_string()
}

/// A stay's own conversation, which a first message makes.
async fn heard(hotel: &Hotel, phone: &str) -> Value {
    hotel.guest_says(phone, "where does this go?").await
}

on_both!(a_stay_s_conversation_is_made_by_the_first_words, |hotel| {
    let phone = hotel.new_phone();
    let mut socket = Socket::open(&hotel.of(0).await).await;
    assert_eq!(Booking::of(&phone).import(&hotel), "created");
    socket.nothing(&hotel).await;
    let told = heard(&hotel, &phone).await;
    assert!(told["stay_id"].is_i64(), "{told}");
    let came = socket.so_far(&hotel).await;
    assert_eq!(about(&came, "new_conversation"), [&told["conversation_id"]]);
    assert_eq!((&came[0]["stay_id"], &came[0]["guest_name"]), (&told["stay_id"], &json!("Zoë Booked")));
    let it = shown(&*hotel.of(0).await, &told["conversation_id"]).await;
    let wanted = json!({
        "status": "active", "stay_id": told["stay_id"], "guest_name": "Zoë Booked", "room_number": "12",
        "guest_phone": phone, "check_in": "2020-01-01", "check_out": "2099-01-01",
    });
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(it[name], *value, "{name}: {it}");
    }
});

on_both!(the_first_stay_adopts_the_demo_conversation, |hotel| {
    let (staff, phone) = (hotel.of(0).await, hotel.new_phone());
    let id = heard(&hotel, &phone).await["conversation_id"].clone();
    let mut socket = Socket::open(&staff).await;
    socket.ok(json!({ "command": "subscribe_to_conversation", "conversation_id": id })).await;
    assert_eq!(Booking::of(&phone).import(&hotel), "created");
    let updated = socket.expect("conversation_updated").await;
    let (stay, card) = (updated["stay_id"].clone(), &updated["conversation"]);
    assert_eq!((&updated["conversation_id"], stay.is_i64()), (&id, true));
    assert_eq!((&card["stay_id"], &card["status"], &card["room_number"]), (&stay, &json!("active"), &json!("12")));
    // What follows carries the stay, and is found by it.
    let told = heard(&hotel, &phone).await;
    assert_eq!((&told["conversation_id"], &told["stay_id"]), (&id, &stay));
    assert_eq!(socket.expect("new_message").await["stay_id"], stay);
    socket.ok(json!({ "command": "unsubscribe_from_conversation", "stay_id": stay })).await;
    heard(&hotel, &phone).await;
    socket.nothing(&hotel).await;
    // A later stay has a conversation of its own.
    assert_eq!(Booking::of(&phone).import(&hotel), "created");
    assert_eq!(shown(&staff, &id).await["stay_id"], stay);
});

on_both!(a_routed_demo_conversation_stays_where_it_is, |hotel| {
    let (staff, phone) = (hotel.of(0).await, hotel.new_phone());
    let id = heard(&hotel, &phone).await["conversation_id"].clone();
    staff.post(format!("conversations/{id}/send_message/"), json!({ "text": "Your name, please?" })).await.is(201);
    Booking::of(&phone).import(&hotel);
    let it = shown(&staff, &id).await;
    assert_eq!((&it["status"], &it["guest_name"]), (&json!("relay"), &json!("Zoë Booked")));
    assert_eq!(
        (&it["department_name"], &it["assigned_to"]["id"]),
        (&json!(hotel.departments[0].name), &json!(staff.id))
    );
    staff.post_empty(format!("conversations/{id}/end_relay/")).await.is(200);
    assert_eq!(shown(&staff, &id).await["status"], "active");
});

on_both!(of_several_current_stays_it_is_the_one_last_written_in_else_the_newest, |hotel| {
    let phone = hotel.new_phone();
    for _ in 0..2 {
        Booking::of(&phone).import(&hotel);
    }
    let newest = heard(&hotel, &phone).await;
    let another = hotel.new_phone();
    Booking::of(&another).import(&hotel);
    let first = heard(&hotel, &another).await;
    Booking::of(&another).import(&hotel);
    assert_eq!(heard(&hotel, &another).await["stay_id"], first["stay_id"]);
    // Of the first guest's two, the elder has no conversation.
    let staff = hotel.of(0).await;
    let all = staff.get(format!("conversations/?status=active&search={}", &phone[1..])).await.is(200);
    assert_eq!((&all["count"], &all["results"][0]["id"]), (&json!(1), &newest["conversation_id"]));
    let elder = newest["stay_id"].as_i64().unwrap() - 1;
    let mut socket = Socket::open(&staff).await;
    socket.refused(json!({ "command": "subscribe_to_conversation", "stay_id": elder }), "not_found").await;
});

on_both!(a_stay_that_is_over_or_of_another_is_not_current, |hotel| {
    let phone = hotel.new_phone();
    let over = Booking { last: "2020-02-01".into(), ..Booking::of(&phone) };
    assert_eq!(over.import(&hotel), "created");
    let told = heard(&hotel, &phone).await;
    assert_eq!(told["stay_id"], json!(null));
    assert_eq!(shown(&*hotel.of(0).await, &told["conversation_id"]).await["status"], "demo");
    // It was no first stay any more: what appears later has its own conversation.
    Booking::of(&phone).import(&hotel);
    let later = heard(&hotel, &phone).await;
    assert!(later["stay_id"].is_i64() && later["conversation_id"] != told["conversation_id"], "{later}");
});

on_both!(a_stay_begins_and_ends_by_the_days, Options::default() => |world| {
    let (hotel, now) = (world.hotel(), Utc::now());
    let phone = hotel.new_phone();
    let booking = Booking { first: day(now, 48), last: day(now, 72), ..Booking::of(&phone) };
    booking.import(&hotel);
    let told = heard(&hotel, &phone).await;
    let status = async |after: i64| {
        world.advance(after);
        let told = heard(&hotel, &phone).await;
        let staff = hotel.sign_in(&hotel.member_of(0).username, PASSWORD).await;
        let it = shown(&staff, &told["conversation_id"]).await;
        (it["status"].as_str().unwrap().to_owned(), told["conversation_id"].clone())
    };
    let own = told["conversation_id"].clone();
    // Until midnight of the second day it has not begun.
    let seconds = i64::from(86_400 - chrono::Timelike::num_seconds_from_midnight(&now.time()));
    assert_eq!(status(seconds).await, ("checkin".to_owned(), own.clone()));
    assert_eq!(status(DAY).await, ("active".to_owned(), own.clone()));
    // The last day is one of it.
    assert_eq!(status(DAY).await, ("active".to_owned(), own.clone()));
    // And for 14 days after that it is still the guest's.
    assert_eq!(status(DAY).await, ("active".to_owned(), own.clone()));
    assert_eq!(status(13 * DAY).await, ("active".to_owned(), own.clone()));
    let (word, after) = status(DAY).await;
    assert_eq!((word.as_str(), after != own), ("demo", true));
});

/// A hotel made on the command line, and its manager.
async fn hotel_in(world: &std::sync::Arc<World>, timezone: &str) -> (i64, Staff) {
    let made = world.run(&["hotel", "create", "--name", timezone, "--timezone", timezone]).json();
    let (id, username) = (made["id"].as_i64().unwrap(), acceptance::unique("manager"));
    let hotel = id.to_string();
    let arguments = ["staff", "create", "--hotel", &hotel, "--username", &username, "--name", "M", "--role", "manager"];
    let arguments = [&arguments[..], &["--password-stdin"]].concat();
    assert_eq!(world.program.run_with_input(&arguments, PASSWORD).code, Some(0));
    let nobody = acceptance::Client::new(world).with("x-forwarded-for", &format!("10.2.{}.{}", id / 250, id % 250));
    (id, Staff::sign_in(&nobody, &username, PASSWORD).await)
}

/// Where a stay of these days, which starts now, is in a hotel: its conversation's status.
async fn status_in(world: &std::sync::Arc<World>, timezone: &str, first: &str, last: &str, phone: &str) -> String {
    let (id, manager) = hotel_in(world, timezone).await;
    let file = world.folder().join(format!("{}.csv", acceptance::unique("stays")));
    let header = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
    std::fs::write(&file, format!("{header}\nR-1,Ana,{phone},1,{first},{last}\n")).unwrap();
    let file = file.display().to_string();
    world.run(&["import-stays", &file, "--hotel", &id.to_string()]).json();
    let words = json!({ "phone": phone, "text": "what day is it?", "hotel_id": id });
    let told = manager.post(SIMULATOR, words).await.is(201);
    shown(&manager, &told["conversation_id"]).await["status"].as_str().unwrap().to_owned()
}

on_both!(the_day_is_the_hotel_s, |hotel| {
    // The ends of the earth are 25 hours apart: their days always differ.
    let (early, late) = ("Pacific/Kiritimati", "Pacific/Pago_Pago");
    let (world, now) = (&hotel.world, Utc::now());
    let (early_day, late_day) = (day(now, 14), day(now, -11));
    let far = (now + Days::new(30)).date_naive().to_string();
    let two_weeks_before = (late_day.parse::<chrono::NaiveDate>().unwrap() - Days::new(14)).to_string();
    let phones = [(); 5].map(|()| hotel.new_phone());
    assert_eq!(status_in(world, early, &early_day, &far, &phones[0]).await, "active");
    assert_eq!(status_in(world, late, &early_day, &far, &phones[1]).await, "checkin");
    assert_eq!(status_in(world, late, "2020-01-01", &late_day, &phones[2]).await, "active");
    assert_eq!(status_in(world, late, "2020-01-01", &two_weeks_before, &phones[3]).await, "active");
    assert_eq!(status_in(world, early, "2020-01-01", &two_weeks_before, &phones[4]).await, "demo");
});
