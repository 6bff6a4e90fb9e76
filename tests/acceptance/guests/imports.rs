//! Imported stays, and the effect of changed bookings on guests and conversations.

use acceptance::{TestHotel, TestSocket, Value, json, on_both, unique};

use super::{TestBooking, conversations_of, fetch_conversation};

const HEADER: &str = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";

/// The result of each row.
fn results(response: &Value) -> Vec<&str> {
    response["rows"].as_array().unwrap().iter().map(|row| row["result"].as_str().unwrap()).collect()
}

/// A stay whose guest has written, and the response to the message.
async fn stay_with_conversation(hotel: &TestHotel) -> (TestBooking, Value) {
    let booking = TestBooking::of(&hotel.unused_phone());
    booking.import(hotel);
    let received = hotel.send_guest_message(&booking.phone, "hello").await;
    (booking, received)
}

on_both!(each_row_reports_its_result, |hotel| {
    let [one, two] = [(); 2].map(|()| TestBooking::of(&hotel.unused_phone()));
    let table = |rows: &[&TestBooking]| {
        let rows: Vec<String> = rows.iter().map(|it| it.row()).collect();
        format!("{HEADER}\n{}\n", rows.join("\n"))
    };
    let response = hotel.import(&table(&[&one, &two]));
    let manager = hotel.manager().await;
    let mut ids = Vec::new();
    for booking in [&one, &two] {
        let found = manager.get(format!("stays/?reservation_code={}", booking.code)).await.is(200);
        ids.push(found["results"][0]["id"].clone());
    }
    let wanted = json!({ "rows": [
        { "row": 1, "reservation_code": one.code, "result": "created", "id": ids[0] },
        { "row": 2, "reservation_code": two.code, "result": "created", "id": ids[1] },
    ] });
    assert_eq!(response, wanted);
    let moved = TestBooking { room: "14".into(), ..two.clone() };
    assert_eq!(results(&hotel.import(&table(&[&one, &moved]))), ["unchanged", "updated"]);
    assert_eq!(results(&hotel.import(&table(&[&two, &two]))), ["updated", "unchanged"]);
    // Rows of one room and guest that contradict each other all fail.
    let shorter = TestBooking { last: "2098-12-31".into(), ..two.clone() };
    assert_eq!(results(&hotel.import(&table(&[&shorter, &two, &two]))), ["failed"; 3]);
    // Reservation codes are unique within a hotel.
    assert_eq!(one.import(&hotel.world.hotel()), "created");
});

on_both!(a_failed_row_does_not_stop_the_others, |hotel| {
    let [good, late] = [(); 2].map(|()| TestBooking::of(&hotel.unused_phone()));
    let bad = TestBooking { name: "".into(), phone: "600".into(), first: "soon".into(), ..good.clone() };
    let backwards = TestBooking { code: unique("R"), last: "2019-12-31".into(), ..good.clone() };
    let rows = [&bad, &good, &backwards, &late].map(TestBooking::row);
    let response = hotel.import(&format!("{HEADER}\n{}\n", rows.join("\n")));
    assert_eq!(results(&response), ["failed", "created", "failed", "created"]);
    let errors = response["rows"][0]["errors"].as_object().unwrap();
    assert_eq!(errors.keys().collect::<Vec<_>>(), ["check_in", "guest_name", "guest_phone"]);
    assert!(errors.values().all(|it| it[0].is_string()), "{errors:?}");
    assert!(response["rows"][2]["errors"]["check_out"][0].is_string(), "{response}");
    assert!(response["rows"][1].get("errors").is_none(), "{response}");
    assert!(hotel.send_guest_message(&late.phone, "am I booked?").await["stay_id"].is_i64());
});

on_both!(csv_dialects_are_accepted, |hotel| {
    let phones = [(); 2].map(|()| hotel.unused_phone());
    let codes = [(); 2].map(|()| unique("R"));
    // As spreadsheets export it: a byte order mark, semicolons, other columns, another order.
    let csv = format!(
        "\u{feff}check_out;guest_name;colour;guest_phone;room_number;check_in;reservation_code\r\n\
         2099-01-01;\"Ångström; Zoë \"\"Z\"\"\";red;{};7;2020-01-01;{}\r\n\
         2099-01-01; Ana ;;{};8;2020-01-01;{}\r\n",
        phones[0], codes[0], phones[1], codes[1]
    );
    assert_eq!(results(&hotel.import(&csv)), ["created", "created"]);
    let staff = hotel.of(0).await;
    for (phone, name) in [(&phones[0], "Ångström; Zoë \"Z\""), (&phones[1], "Ana")] {
        let id = hotel.send_guest_message(phone, "who am I?").await["conversation_id"].clone();
        assert_eq!(fetch_conversation(&staff, &id).await["guest_name"], name);
    }
    assert_eq!(hotel.import(&format!("{HEADER}\n")), json!({ "rows": [] }));
});

on_both!(an_unusable_table_is_reported_in_one_line, |hotel| {
    let world = &hotel.world;
    let run = |bytes: &[u8], id: &str| {
        let file = world.folder().join(format!("{}.csv", unique("bad")));
        std::fs::write(&file, bytes).unwrap();
        world.run(&["import-stays", &file.display().to_string(), "--hotel", id])
    };
    let id = hotel.id.to_string();
    let error = run(b"guest_name,room_number\nAna,1\n", &id).fails(1).to_owned();
    assert!(error.contains("reservation_code") && error.contains("check_out") && error.lines().count() == 1, "{error}");
    for (bytes, id) in [(&b"\xff\xfe"[..], id.as_str()), (HEADER.as_bytes(), "9000000000")] {
        assert_eq!(run(bytes, id).fails(1).lines().count(), 1);
    }
    let missing = world.run(&["import-stays", "no/such/file.csv", "--hotel", &id]);
    assert!(missing.fails(1).contains("no/such/file.csv"), "{missing:?}");
});

on_both!(a_changed_booking_is_sent_to_subscribers, |hotel| {
    let staff = hotel.of(0).await;
    let (booking, received) = stay_with_conversation(&hotel).await;
    let mut subscriber = TestSocket::open(&staff).await;
    subscriber.subscribe(received["stay_id"].as_i64().unwrap()).await;
    let mut inbox = TestSocket::open(&hotel.of(1).await).await;
    inbox.subscribe_to_inbox().await;
    let changed = TestBooking { name: "Renamed Guest".into(), room: "Suite 9".into(), ..booking };
    assert_eq!(changed.import(&hotel), "updated");
    for socket in [&mut subscriber, &mut inbox] {
        let updated = socket.expect("conversation_updated").await;
        let card = &updated["conversation"];
        assert_eq!(updated["conversation_id"], received["conversation_id"]);
        assert_eq!((&card["guest_name"], &card["room_number"]), (&json!("Renamed Guest"), &json!("Suite 9")));
    }
    let count = async |words: &str| {
        let query = format!("conversations/?status=active&search={words}%20{}", &changed.phone[1..]);
        staff.get(query).await.is(200)["count"].clone()
    };
    assert_eq!((count("renamed").await, count("booked").await), (json!(1), json!(0)));
    // The same row again changes nothing.
    assert_eq!(changed.import(&hotel), "unchanged");
    subscriber.nothing(&hotel).await;
    inbox.nothing(&hotel).await;
});

on_both!(a_stay_can_move_to_another_guest, |hotel| {
    let staff = hotel.of(0).await;
    let (booking, received) = stay_with_conversation(&hotel).await;
    let (id, stay) = (&received["conversation_id"], received["stay_id"].as_i64().unwrap());
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay).await;
    let moved = TestBooking { phone: hotel.unused_phone(), ..booking.clone() };
    assert_eq!(moved.import(&hotel), "updated");
    assert_eq!(&socket.expect("conversation_updated").await["conversation_id"], id);
    assert_eq!(fetch_conversation(&staff, id).await["guest_phone"], moved.phone);
    let now = hotel.send_guest_message(&moved.phone, "it is my stay now").await;
    assert_eq!((&now["conversation_id"], &now["stay_id"]), (id, &json!(stay)));
    assert_eq!(socket.expect("new_message").await["content"], "it is my stay now");
    // The former guest has no stay any more.
    let former = hotel.send_guest_message(&booking.phone, "and I?").await;
    assert_eq!(former["stay_id"], json!(null));
    let events = socket.events_so_far(&hotel).await;
    assert!(conversations_of(&events, "new_message").is_empty(), "{events:?}");
});

on_both!(a_corrected_number_adopts_the_guests_demo_conversation, |hotel| {
    let staff = hotel.of(0).await;
    let booking = TestBooking::of(&hotel.unused_phone());
    let demo = hotel.send_guest_message(&booking.phone, "I have booked").await["conversation_id"].clone();
    // Booked under a wrong number, later corrected.
    let mistaken = TestBooking { phone: hotel.unused_phone(), ..booking.clone() };
    assert_eq!(mistaken.import(&hotel), "created");
    assert_eq!(fetch_conversation(&staff, &demo).await["status"], "demo");
    assert_eq!(booking.import(&hotel), "updated");
    let conversation = fetch_conversation(&staff, &demo).await;
    assert_eq!((&conversation["status"], &conversation["room_number"]), (&json!("active"), &json!("12")));
    assert_eq!(hotel.send_guest_message(&booking.phone, "thanks").await["conversation_id"], demo);
});
