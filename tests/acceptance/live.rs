//! Who is told what as it happens: messages, notes, conversations.

use acceptance::{Hotel, PASSWORD, Socket, Stay, Value, json, on_both, unique};

use crate::{
    has_keys, is_time, keys,
    told::{in_order, one, only, said, seqs, words},
};

/// A socket of a staff member that subscribes to a stay.
async fn listening(staff: &acceptance::Staff, stay: &Stay) -> Socket {
    let mut socket = Socket::open(staff).await;
    socket.subscribe(stay.id).await;
    socket
}

async fn route(client: &acceptance::Client, hotel: &Hotel, stay: &Stay, department: usize) {
    let body = json!({ "department_id": hotel.departments[department].id });
    client.post(stay.path("start_relay/"), body).await.is(200);
}

on_both!(a_client_written_from_the_seed_works, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let mut socket = Socket::open(&staff).await;
    let command = |word: &str| json!({ "command": word, "stay_id": stay.id });
    socket.send(command("subscribe_to_conversation")).await;
    // Commands are done in their order: after the pong it holds.
    socket.ping().await;
    hotel.guest_says(&stay.phone, "Where is the pool?").await;
    let heard = socket.expect("new_message").await;
    has_keys(&heard, &["type", "stay_id", "content", "sender_type", "sender_name", "timestamp"]);
    assert_eq!((&heard["stay_id"], &heard["content"]), (&json!(stay.id), &json!("Where is the pool?")));
    let shown = staff.get(stay.path("")).await.is(200);
    assert_eq!((&heard["sender_type"], &heard["sender_name"]), (&json!("guest"), &shown["guest_name"]));
    assert!(is_time(&heard["timestamp"]), "{heard}");
    let mut answer = command("send_message");
    answer["text"] = "On the roof".into();
    socket.send(answer).await;
    let own = socket.expect("new_message").await;
    assert_eq!((&own["content"], &own["sender_type"]), (&json!("On the roof"), &json!("staff")));
    assert_eq!(own["sender_name"], staff.name());
    socket.send(command("unsubscribe_from_conversation")).await;
    socket.ping().await;
    hotel.guest_says(&stay.phone, "Thank you").await;
    socket.nothing(&hotel).await;
});

on_both!(a_message_is_told_once_to_every_subscriber, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let mut sender = listening(&staff, &stay).await;
    let mut other_tab = listening(&staff, &stay).await;
    let mut colleague = listening(&hotel.manager().await, &stay).await;
    // A subscription that is there already does not count twice.
    colleague.ok(json!({ "command": "subscribe_to_conversation", "conversation_id": stay.conversation })).await;
    let mut bystander = Socket::open(&staff).await;
    let name = unique("ref");
    let ack = sender
        .ok(json!({ "command": "send_message", "stay_id": stay.id, "text": " Hello \n", "client_ref": name }))
        .await;
    assert_eq!((&ack["message"]["content"], &ack["client_ref"]), (&json!("Hello"), &json!(name)));
    for (socket, is_own) in [(&mut sender, true), (&mut other_tab, true), (&mut colleague, false)] {
        let told = one(socket.so_far(&hotel).await, "new_message");
        let mut expected = vec![
            "attachments",
            "content",
            "conversation_id",
            "delivery",
            "id",
            "sender_name",
            "sender_type",
            "seq",
            "stay_id",
            "timestamp",
            "type",
        ];
        if is_own {
            expected.insert(1, "client_ref");
            assert_eq!(told["client_ref"], name);
        }
        assert_eq!(keys(&told), expected);
        for field in ["id", "content", "sender_type", "sender_name", "timestamp", "delivery", "attachments"] {
            assert_eq!(told[field], ack["message"][field], "{field}");
        }
        assert_eq!((&told["stay_id"], &told["conversation_id"]), (&json!(stay.id), &json!(stay.conversation)));
        assert_eq!((&told["delivery"], &told["attachments"]), (&json!("sent"), &json!([])));
    }
    bystander.nothing(&hotel).await;
});

on_both!(a_sender_who_has_not_subscribed_gets_the_ack_only, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = Socket::open(&staff).await;
    let ack = socket.ok(json!({ "command": "send_message", "stay_id": stay.id, "text": "Hello" })).await;
    assert_eq!(ack["message"]["content"], "Hello");
    socket.nothing(&hotel).await;
});

on_both!(what_rest_sends_is_told_the_same, |hotel| {
    let (staff, stay, key) = (hotel.of(0).await, hotel.assigned(0).await, unique("key"));
    let mut own = listening(&staff, &stay).await;
    let mut colleague = listening(&hotel.manager().await, &stay).await;
    for status in [201, 200] {
        staff.key(&key).post(stay.path("send_message/"), json!({ "text": "by REST" })).await.is(status);
    }
    let told = one(own.so_far(&hotel).await, "new_message");
    assert_eq!((&told["content"], &told["client_ref"]), (&json!("by REST"), &json!(key)));
    let told = one(colleague.so_far(&hotel).await, "new_message");
    assert!(told.get("client_ref").is_none(), "{told}");
});

on_both!(a_note_is_told_as_a_note, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = listening(&hotel.manager().await, &stay).await;
    let stored = staff.post(stay.path("notes/"), json!({ "text": "between us" })).await.is(201);
    let told = one(socket.so_far(&hotel).await, "new_note");
    assert_eq!((&told["id"], &told["content"]), (&stored["id"], &json!("between us")));
    assert_eq!((&told["sender_name"], &told["delivery"]), (&json!(staff.name()), &json!(null)));
    assert_eq!((&told["stay_id"], &told["conversation_id"]), (&json!(stay.id), &json!(stay.conversation)));
});

on_both!(a_conversation_that_comes_into_being_is_told_to_all_who_see_it, |hotel| {
    let mut everyone = Vec::new();
    for staff in [hotel.manager().await, hotel.of(0).await, hotel.of(2).await, hotel.hire("staff", &[]).await] {
        everyone.push(Socket::open(&staff).await);
    }
    let phone = hotel.new_phone();
    let made = hotel.guest_says(&phone, "Hello?").await;
    hotel.guest_says(&phone, "Anybody?").await;
    for socket in &mut everyone {
        let told = one(socket.so_far(&hotel).await, "new_conversation");
        let expected =
            ["conversation_id", "department_name", "guest_name", "message", "seq", "stay_id", "timestamp", "type"];
        assert_eq!(keys(&told), expected);
        assert_eq!((&told["conversation_id"], &told["stay_id"]), (&made["conversation_id"], &json!(null)));
        assert_eq!((&told["message"], &told["department_name"]), (&json!("New conversation initiated"), &json!(null)));
        assert_eq!(told["guest_name"], phone);
        assert!(is_time(&told["timestamp"]), "{told}");
    }
});

on_both!(the_first_message_of_a_stay_begins_its_conversation, |hotel| {
    let mut socket = Socket::open(&hotel.of(1).await).await;
    let (phone, code) = (hotel.new_phone(), unique("R"));
    let head = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
    hotel.import(&format!("{head}\n{code},Ana,{phone},12,2020-01-01,2099-01-01\n"));
    let made = hotel.guest_says(&phone, "Hello?").await;
    let told = one(socket.so_far(&hotel).await, "new_conversation");
    assert_eq!((&told["stay_id"], &told["guest_name"]), (&made["stay_id"], &json!("Ana")));
    assert!(told["stay_id"].is_i64(), "{told}");
});

on_both!(what_is_routed_from_outside_is_told_to_the_departments_members, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.active(0));
    let mut sockets = Vec::new();
    for staff in [manager.clone(), hotel.of(0).await, hotel.of(1).await] {
        sockets.push(Socket::open(&staff).await);
    }
    for department in [0, 1] {
        route(&manager, &hotel, &stay, department).await;
        let told = one(sockets[department + 1].so_far(&hotel).await, "new_conversation");
        assert_eq!((&told["stay_id"], &told["conversation_id"]), (&json!(stay.id), &json!(stay.conversation)));
        assert_eq!(told["department_name"], hotel.departments[department].name);
    }
    // None of this comes from outside.
    route(&manager, &hotel, &stay, 1).await;
    hotel.of(1).await.post_empty(stay.path("close/")).await.is(200);
    hotel.of(1).await.post_empty(stay.path("reopen/")).await.is(200);
    for socket in &mut sockets {
        socket.nothing(&hotel).await;
    }
    // An answer routes as well, here to the sender's own department.
    manager.post_empty(stay.path("end_relay/")).await.is(200);
    hotel.says(&hotel.of(0).await, &stay, "I am on it").await;
    one(sockets[1].so_far(&hotel).await, "new_conversation");
    sockets[0].nothing(&hotel).await;
    sockets[2].nothing(&hotel).await;
});

on_both!(subscribers_are_told_of_moves_and_not_of_each_message_again, |hotel| {
    let (manager, staff, stay) = (hotel.manager().await, hotel.of(0).await, hotel.relay(0));
    manager.post(stay.path("assign/"), json!({ "staff_id": staff.id })).await.is(200);
    let mut socket = listening(&manager, &stay).await;
    let mut moved = async |path: &str, body: Value| {
        staff.post(stay.path(path), body).await.is(200);
        one(socket.so_far(&hotel).await, "conversation_updated")
    };
    let told = moved("close/", json!({})).await;
    assert_eq!(keys(&told), ["conversation", "conversation_id", "seq", "stay_id", "type"]);
    assert_eq!((&told["stay_id"], &told["conversation_id"]), (&json!(stay.id), &json!(stay.conversation)));
    let mut item = staff.get("conversations/?status=closed").await.is(200)["results"][0].clone();
    item.as_object_mut().unwrap().remove("unread_count");
    assert_eq!(told["conversation"], item);
    assert_eq!(moved("reopen/", json!({})).await["conversation"]["status"], "relay");
    let told = moved("assign/", json!({ "staff_id": null })).await;
    assert_eq!(told["conversation"]["assigned_to"], json!(null));
    let told = moved("end_relay/", json!({})).await;
    assert_eq!(
        (&told["conversation"]["status"], &told["conversation"]["department_name"]),
        (&json!("active"), &json!(null))
    );
    // The answer moves it: the first is a change, the second only a message.
    hotel.says(&staff, &stay, "one").await;
    hotel.says(&staff, &stay, "two").await;
    let told = socket.so_far(&hotel).await;
    assert_eq!(words(&told), ["conversation_updated", "new_message", "new_message"]);
    assert_eq!(told[0]["conversation"]["assigned_to"]["id"], staff.id);
    in_order(&told);
});

on_both!(an_inbox_is_told_of_everything_in_sight, |hotel| {
    let (staff, stay, theirs, unrouted) = (hotel.of(0).await, hotel.relay(0), hotel.relay(1), hotel.active(0));
    let mut socket = Socket::open(&staff).await;
    let ack = socket.subscribe_to_inbox().await;
    assert!(ack["seq"].is_i64(), "{ack}");
    for words in ["one", "two"] {
        hotel.guest_says(&stay.phone, words).await;
        let told = one(socket.so_far(&hotel).await, "conversation_updated");
        assert_eq!(told["conversation"]["last_message"]["content"], words);
        assert!(told["conversation"].get("unread_count").is_none(), "{told}");
    }
    staff.post(stay.path("notes/"), json!({ "text": "a note" })).await.is(201);
    let told = one(socket.so_far(&hotel).await, "conversation_updated");
    assert_eq!(told["conversation"]["last_message"]["content"], "two");
    hotel.guest_says(&theirs.phone, "not for you").await;
    socket.nothing(&hotel).await;
    hotel.guest_says(&unrouted.phone, "for all").await;
    let told = one(socket.so_far(&hotel).await, "conversation_updated");
    assert_eq!((&told["stay_id"], &told["conversation"]["id"]), (&json!(unrouted.id), &json!(unrouted.conversation)));
    // With a subscription beside it, each event comes once all the same.
    socket.subscribe(stay.id).await;
    hotel.guest_says(&stay.phone, "three").await;
    staff.post_empty(stay.path("close/")).await.is(200);
    let told = socket.so_far(&hotel).await;
    assert_eq!(words(&told), ["new_message", "conversation_updated", "conversation_updated"]);
    in_order(&told);
    socket.ok(json!({ "command": "unsubscribe_from_inbox" })).await;
    hotel.guest_says(&unrouted.phone, "who listens?").await;
    socket.nothing(&hotel).await;
});

on_both!(what_leaves_sight_leaves_the_inbox, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let mut inboxes = Vec::new();
    for staff in [manager.clone(), hotel.of(0).await, hotel.of(1).await, hotel.of(2).await] {
        let mut socket = Socket::open(&staff).await;
        socket.subscribe_to_inbox().await;
        inboxes.push(socket);
    }
    route(&manager, &hotel, &stay, 1).await;
    let seen = one(inboxes[0].so_far(&hotel).await, "conversation_updated");
    assert_eq!(seen["conversation"]["department_name"], hotel.departments[1].name);
    let removed = one(inboxes[1].so_far(&hotel).await, "conversation_removed");
    assert_eq!(keys(&removed), ["conversation_id", "seq", "stay_id", "type"]);
    assert_eq!((&removed["conversation_id"], &removed["stay_id"]), (&json!(stay.conversation), &json!(stay.id)));
    assert_eq!(removed["seq"], seen["seq"]);
    let come = inboxes[2].so_far(&hotel).await;
    assert_eq!(words(&come), ["new_conversation", "conversation_updated"]);
    inboxes[3].nothing(&hotel).await;
    // Back with everybody.
    manager.post_empty(stay.path("end_relay/")).await.is(200);
    for socket in &mut inboxes {
        assert_eq!(one(socket.so_far(&hotel).await, "conversation_updated")["conversation"]["status"], "active");
    }
});

on_both!(one_order_over_all_subscriptions_without_a_gap, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(1).await);
    let mut socket = Socket::open(&manager).await;
    let begin = socket.subscribe_to_inbox().await["seq"].as_i64().unwrap();
    let stays = [hotel.relay(0), hotel.relay(1), hotel.relay(2), hotel.active(0)];
    for stay in &stays {
        assert_eq!(socket.subscribe(stay.id).await["seq"], begin);
    }
    for round in 0..5 {
        for stay in &stays {
            hotel.guest_says(&stay.phone, &format!("guest {round}")).await;
        }
        hotel.says(&staff, &stays[1], &format!("staff {round}")).await;
        staff.post(stays[1].path("notes/"), json!({ "text": "a note" })).await.is(201);
        staff.post_empty(stays[1].path("close/")).await.is(200);
        staff.post_empty(stays[1].path("reopen/")).await.is(200);
    }
    let told = socket.so_far(&hotel).await;
    let expected: Vec<i64> = (begin + 1..).take(seqs(&told).len()).collect();
    assert_eq!(seqs(&told), expected);
    assert_eq!((said(&told).len(), only(&told, "new_note").len()), (25, 5));
});

on_both!(hotels_never_cross, |hotel| {
    let other = hotel.world.hotel();
    let (stranger, stay) = (other.manager().await, hotel.relay(0));
    let mut socket = Socket::open(&stranger).await;
    socket.subscribe_to_inbox().await;
    for id in [json!({ "stay_id": stay.id }), json!({ "conversation_id": stay.conversation })] {
        let also = |more: Value| {
            let mut all = id.clone();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        socket.refused(also(json!({ "command": "subscribe_to_conversation" })), "not_found").await;
        socket.refused(also(json!({ "command": "send_message", "text": "x" })), "not_found").await;
        socket.refused(also(json!({ "command": "typing", "typing": true })), "not_found").await;
        socket.refused(also(json!({ "command": "mark_read", "message_id": 1 })), "not_found").await;
    }
    let mut own = Socket::open(&hotel.manager().await).await;
    own.subscribe_to_inbox().await;
    hotel.guest_says(&stay.phone, "Hello").await;
    hotel.guest_says(&hotel.new_phone(), "Hello").await;
    assert_eq!(own.so_far(&hotel).await.len(), 3);
    socket.nothing(&other).await;
    // The same person writes to both: two guests.
    let phone = hotel.new_phone();
    hotel.guest_says(&phone, "to one").await;
    other.guest_says(&phone, "to the other").await;
    assert_eq!(words(&own.so_far(&hotel).await), ["new_conversation", "conversation_updated"]);
    assert_eq!(words(&socket.so_far(&other).await), ["new_conversation", "conversation_updated"]);
});

on_both!(the_welcome_says_where_the_log_stands, |hotel| {
    let staff = hotel.of(0).await;
    hotel.guest_says(&hotel.relay(0).phone, "Hello").await;
    let socket = Socket::open(&staff).await;
    assert_eq!(keys(&socket.welcome), ["epoch", "heartbeat_seconds", "seq", "session_id", "type"]);
    assert_eq!(socket.welcome["heartbeat_seconds"], 25);
    let list = staff.get("conversations/").await;
    assert_eq!(list.header("x-event-epoch"), socket.welcome["epoch"].as_str());
    assert_eq!(list.header("x-event-seq"), Some(socket.welcome["seq"].to_string().as_str()));
    // The session's name is that of the session, not of the socket.
    let other_tab = Socket::open(&staff).await;
    assert_eq!(other_tab.welcome["session_id"], socket.welcome["session_id"]);
    let elsewhere = hotel.sign_in(&staff.username, PASSWORD).await;
    assert_ne!(Socket::open(&elsewhere).await.welcome["session_id"], socket.welcome["session_id"]);
});
