//! Stays that another system booked, and what changes with them.

use acceptance::{Hotel, Socket, Value, json, on_both, unique};

use super::{Booking, about, shown};

const HEADER: &str = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";

/// What came of each row.
fn results(answer: &Value) -> Vec<&str> {
    answer["rows"].as_array().unwrap().iter().map(|row| row["result"].as_str().unwrap()).collect()
}

/// A stay whose guest has written.
async fn begun(hotel: &Hotel) -> (Booking, Value) {
    let booking = Booking::of(&hotel.new_phone());
    booking.import(hotel);
    let told = hotel.guest_says(&booking.phone, "hello").await;
    (booking, told)
}

on_both!(each_row_says_what_came_of_it, |hotel| {
    let [one, two] = [(); 2].map(|()| Booking::of(&hotel.new_phone()));
    let table = |rows: &[&Booking]| {
        let rows: Vec<String> = rows.iter().map(|it| it.row()).collect();
        format!("{HEADER}\n{}\n", rows.join("\n"))
    };
    let answer = hotel.import(&table(&[&one, &two]));
    let wanted = json!({ "rows": [
        { "row": 1, "reservation_code": one.code, "result": "created" },
        { "row": 2, "reservation_code": two.code, "result": "created" },
    ] });
    assert_eq!(answer, wanted);
    let moved = Booking { room: "14".into(), ..two.clone() };
    assert_eq!(results(&hotel.import(&table(&[&one, &moved]))), ["unchanged", "updated"]);
    assert_eq!(results(&hotel.import(&table(&[&two, &two]))), ["updated", "unchanged"]);
    // Which of them is right, nobody knows.
    assert_eq!(results(&hotel.import(&table(&[&moved, &two, &two]))), ["failed"; 3]);
    // A code is one in its hotel only.
    assert_eq!(one.import(&hotel.world.hotel()), "created");
});

on_both!(a_failed_row_stops_no_other, |hotel| {
    let [good, late] = [(); 2].map(|()| Booking::of(&hotel.new_phone()));
    let bad = Booking { name: "".into(), phone: "600".into(), first: "soon".into(), ..good.clone() };
    let backwards = Booking { code: unique("R"), last: "2019-12-31".into(), ..good.clone() };
    let rows = [&bad, &good, &backwards, &late].map(Booking::row);
    let answer = hotel.import(&format!("{HEADER}\n{}\n", rows.join("\n")));
    assert_eq!(results(&answer), ["failed", "created", "failed", "created"]);
    let errors = answer["rows"][0]["errors"].as_object().unwrap();
    assert_eq!(errors.keys().collect::<Vec<_>>(), ["check_in", "guest_name", "guest_phone"]);
    assert!(errors.values().all(|it| it[0].is_string()), "{errors:?}");
    assert!(answer["rows"][2]["errors"]["check_out"][0].is_string(), "{answer}");
    assert!(answer["rows"][1].get("errors").is_none(), "{answer}");
    assert!(hotel.guest_says(&late.phone, "am I booked?").await["stay_id"].is_i64());
});

on_both!(tables_are_written_in_more_than_one_way, |hotel| {
    let phones = [(); 2].map(|()| hotel.new_phone());
    let codes = [(); 2].map(|()| unique("R"));
    // As spreadsheets write them: a byte order mark, semicolons, other columns in another order.
    let csv = format!(
        "\u{feff}check_out;guest_name;colour;guest_phone;room_number;check_in;reservation_code\r\n\
         2099-01-01;\"Ångström; Zoë \"\"Z\"\"\";red;{};7;2020-01-01;{}\r\n\
         2099-01-01; Ana ;;{};8;2020-01-01;{}\r\n",
        phones[0], codes[0], phones[1], codes[1]
    );
    assert_eq!(results(&hotel.import(&csv)), ["created", "created"]);
    let staff = hotel.of(0).await;
    for (phone, name) in [(&phones[0], "Ångström; Zoë \"Z\""), (&phones[1], "Ana")] {
        let id = hotel.guest_says(phone, "who am I?").await["conversation_id"].clone();
        assert_eq!(shown(&staff, &id).await["guest_name"], name);
    }
    assert_eq!(hotel.import(&format!("{HEADER}\n")), json!({ "rows": [] }));
});

on_both!(a_table_of_no_use_is_told_in_one_line, |hotel| {
    let world = &hotel.world;
    let run = |bytes: &[u8], id: &str| {
        let file = world.folder().join(format!("{}.csv", unique("bad")));
        std::fs::write(&file, bytes).unwrap();
        world.run(&["import-stays", &file.display().to_string(), "--hotel", id])
    };
    let id = hotel.id.to_string();
    let told = run(b"guest_name,room_number\nAna,1\n", &id).fails(1).to_owned();
    assert!(told.contains("reservation_code") && told.contains("check_out") && told.lines().count() == 1, "{told}");
    for (bytes, id) in [(&b"\xff\xfe"[..], id.as_str()), (HEADER.as_bytes(), "9000000000")] {
        assert_eq!(run(bytes, id).fails(1).lines().count(), 1);
    }
    let missing = world.run(&["import-stays", "no/such/file.csv", "--hotel", &id]);
    assert!(missing.fails(1).contains("no/such/file.csv"), "{missing:?}");
});

on_both!(a_changed_booking_is_told, |hotel| {
    let staff = hotel.of(0).await;
    let (booking, told) = begun(&hotel).await;
    let mut subscriber = Socket::open(&staff).await;
    subscriber.subscribe(told["stay_id"].as_i64().unwrap()).await;
    let mut inbox = Socket::open(&hotel.of(1).await).await;
    inbox.subscribe_to_inbox().await;
    let changed = Booking { name: "Renamed Guest".into(), room: "Suite 9".into(), ..booking };
    assert_eq!(changed.import(&hotel), "updated");
    for socket in [&mut subscriber, &mut inbox] {
        let updated = socket.expect("conversation_updated").await;
        let card = &updated["conversation"];
        assert_eq!(updated["conversation_id"], told["conversation_id"]);
        assert_eq!((&card["guest_name"], &card["room_number"]), (&json!("Renamed Guest"), &json!("Suite 9")));
    }
    let count = async |words: &str| {
        let query = format!("conversations/?status=active&search={words}%20{}", &changed.phone[1..]);
        staff.get(query).await.is(200)["count"].clone()
    };
    assert_eq!((count("renamed").await, count("booked").await), (json!(1), json!(0)));
    // The same again is nothing.
    assert_eq!(changed.import(&hotel), "unchanged");
    subscriber.nothing(&hotel).await;
    inbox.nothing(&hotel).await;
});

on_both!(a_stay_may_become_another_guest_s, |hotel| {
    let staff = hotel.of(0).await;
    let (booking, told) = begun(&hotel).await;
    let (id, stay) = (&told["conversation_id"], told["stay_id"].as_i64().unwrap());
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(stay).await;
    let moved = Booking { phone: hotel.new_phone(), ..booking.clone() };
    assert_eq!(moved.import(&hotel), "updated");
    assert_eq!(&socket.expect("conversation_updated").await["conversation_id"], id);
    assert_eq!(shown(&staff, id).await["guest_phone"], moved.phone);
    let now = hotel.guest_says(&moved.phone, "it is my stay now").await;
    assert_eq!((&now["conversation_id"], &now["stay_id"]), (id, &json!(stay)));
    assert_eq!(socket.expect("new_message").await["content"], "it is my stay now");
    // The former guest has none any more.
    let former = hotel.guest_says(&booking.phone, "and I?").await;
    assert_eq!(former["stay_id"], json!(null));
    let came = socket.so_far(&hotel).await;
    assert!(about(&came, "new_message").is_empty(), "{came:?}");
});

on_both!(a_stay_that_moves_to_its_guest_adopts_their_conversation, |hotel| {
    let staff = hotel.of(0).await;
    let written = Booking::of(&hotel.new_phone());
    let demo = hotel.guest_says(&written.phone, "I have booked").await["conversation_id"].clone();
    // Booked under a number that nobody writes from, and corrected.
    let mistaken = Booking { phone: hotel.new_phone(), ..written.clone() };
    assert_eq!(mistaken.import(&hotel), "created");
    assert_eq!(shown(&staff, &demo).await["status"], "demo");
    assert_eq!(written.import(&hotel), "updated");
    let it = shown(&staff, &demo).await;
    assert_eq!((&it["status"], &it["room_number"]), (&json!("active"), &json!("12")));
    assert_eq!(hotel.guest_says(&written.phone, "thanks").await["conversation_id"], demo);
});
