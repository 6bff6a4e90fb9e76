//! Live events of a WebSocket: which sockets receive messages, notes and conversation changes.

use acceptance::{PASSWORD, TestHotel, TestSocket, TestStay, Value, json, on_both, unique};

use crate::{
    assert_has_keys,
    event_assertions::{assert_in_order, event_types, message_texts, of_type, seqs, single_event},
    is_time, keys,
};

/// Opens a socket that subscribes to a stay.
async fn open_subscribed(staff: &acceptance::StaffClient, stay: &TestStay) -> TestSocket {
    let mut socket = TestSocket::open(staff).await;
    socket.subscribe(stay.id).await;
    socket
}

async fn route_to(client: &acceptance::ApiClient, hotel: &TestHotel, stay: &TestStay, department: usize) {
    let body = json!({ "department_id": hotel.departments[department].id });
    client.post(stay.path("start_relay/"), body).await.is(200);
}

on_both!(a_client_written_from_the_specification_works, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let mut socket = TestSocket::open(&staff).await;
    let command = |name: &str| json!({ "command": name, "stay_id": stay.id });
    socket.send(command("subscribe_to_conversation")).await;
    // Commands run in order, so the subscription holds after the pong.
    socket.ping().await;
    hotel.send_guest_message(&stay.phone, "Where is the pool?").await;
    let guest_message = socket.expect("new_message").await;
    assert_has_keys(&guest_message, &["type", "stay_id", "content", "sender_type", "sender_name", "timestamp"]);
    assert_eq!((&guest_message["stay_id"], &guest_message["content"]), (&json!(stay.id), &json!("Where is the pool?")));
    let details = staff.get(stay.path("")).await.is(200);
    assert_eq!(
        (&guest_message["sender_type"], &guest_message["sender_name"]),
        (&json!("guest"), &details["guest_name"])
    );
    assert!(is_time(&guest_message["timestamp"]), "{guest_message}");
    let mut reply = command("send_message");
    reply["text"] = "On the roof".into();
    socket.send(reply).await;
    let own_message = socket.expect("new_message").await;
    assert_eq!((&own_message["content"], &own_message["sender_type"]), (&json!("On the roof"), &json!("staff")));
    assert_eq!(own_message["sender_name"], staff.name());
    socket.send(command("unsubscribe_from_conversation")).await;
    socket.ping().await;
    hotel.send_guest_message(&stay.phone, "Thank you").await;
    socket.nothing(&hotel).await;
});

on_both!(a_message_is_sent_once_to_every_subscriber, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let mut sender = open_subscribed(&staff, &stay).await;
    let mut other_tab = open_subscribed(&staff, &stay).await;
    let mut colleague = open_subscribed(&hotel.manager().await, &stay).await;
    // A repeated subscription does not deliver events twice.
    colleague.ok(json!({ "command": "subscribe_to_conversation", "conversation_id": stay.conversation })).await;
    let mut bystander = TestSocket::open(&staff).await;
    let client_ref = unique("ref");
    let ack = sender
        .ok(json!({ "command": "send_message", "stay_id": stay.id, "text": " Hello \n", "client_ref": client_ref }))
        .await;
    assert_eq!((&ack["message"]["content"], &ack["client_ref"]), (&json!("Hello"), &json!(client_ref)));
    for (socket, is_own) in [(&mut sender, true), (&mut other_tab, true), (&mut colleague, false)] {
        let event = single_event(socket.events_so_far(&hotel).await, "new_message");
        // Besides the keys of the message, which are the same everywhere, the event has its own.
        let mut expected = ack["message"].clone();
        (expected["type"], expected["seq"]) = (json!("new_message"), event["seq"].clone());
        if is_own {
            expected["client_ref"] = json!(client_ref);
        }
        assert_eq!(event, expected);
        assert_eq!((&event["stay_id"], &event["conversation_id"]), (&json!(stay.id), &json!(stay.conversation)));
        assert_eq!((&event["delivery"], &event["attachments"]), (&json!("sent"), &json!([])));
    }
    bystander.nothing(&hotel).await;
});

on_both!(a_sender_without_subscription_gets_only_the_ack, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = TestSocket::open(&staff).await;
    let ack = socket.ok(json!({ "command": "send_message", "stay_id": stay.id, "text": "Hello" })).await;
    assert_eq!(ack["message"]["content"], "Hello");
    socket.nothing(&hotel).await;
});

on_both!(messages_sent_over_rest_are_delivered_live, |hotel| {
    let (staff, stay, key) = (hotel.of(0).await, hotel.assigned(0).await, unique("key"));
    let mut own = open_subscribed(&staff, &stay).await;
    let mut colleague = open_subscribed(&hotel.manager().await, &stay).await;
    for status in [201, 200] {
        staff.key(&key).post(stay.path("send_message/"), json!({ "text": "by REST" })).await.is(status);
    }
    let event = single_event(own.events_so_far(&hotel).await, "new_message");
    assert_eq!((&event["content"], &event["client_ref"]), (&json!("by REST"), &json!(key)));
    let event = single_event(colleague.events_so_far(&hotel).await, "new_message");
    assert!(event.get("client_ref").is_none(), "{event}");
});

on_both!(a_note_is_sent_as_new_note, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = open_subscribed(&hotel.manager().await, &stay).await;
    let stored = staff.post(stay.path("notes/"), json!({ "text": "between us" })).await.is(201);
    let event = single_event(socket.events_so_far(&hotel).await, "new_note");
    assert_eq!((&event["id"], &event["content"]), (&stored["id"], &json!("between us")));
    assert_eq!((&event["sender_name"], &event["delivery"]), (&json!(staff.name()), &json!(null)));
    assert_eq!((&event["stay_id"], &event["conversation_id"]), (&json!(stay.id), &json!(stay.conversation)));
});

on_both!(a_new_conversation_is_sent_to_all_staff_with_access, |hotel| {
    let mut everyone = Vec::new();
    for staff in [hotel.manager().await, hotel.of(0).await, hotel.of(2).await, hotel.hire("staff", &[]).await] {
        everyone.push(TestSocket::open(&staff).await);
    }
    let phone = hotel.unused_phone();
    let made = hotel.send_guest_message(&phone, "Hello?").await;
    hotel.send_guest_message(&phone, "Anybody?").await;
    for socket in &mut everyone {
        let event = single_event(socket.events_so_far(&hotel).await, "new_conversation");
        let expected =
            ["conversation_id", "department_name", "guest_name", "message", "seq", "stay_id", "timestamp", "type"];
        assert_eq!(keys(&event), expected);
        assert_eq!((&event["conversation_id"], &event["stay_id"]), (&made["conversation_id"], &json!(null)));
        assert_eq!(
            (&event["message"], &event["department_name"]),
            (&json!("New conversation initiated"), &json!(null))
        );
        assert_eq!(event["guest_name"], phone);
        assert!(is_time(&event["timestamp"]), "{event}");
    }
});

on_both!(the_first_message_of_a_stay_announces_its_conversation, |hotel| {
    let mut socket = TestSocket::open(&hotel.of(1).await).await;
    let (phone, code) = (hotel.unused_phone(), unique("R"));
    let head = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
    hotel.import(&format!("{head}\n{code},Ana,{phone},12,2020-01-01,2099-01-01\n"));
    let made = hotel.send_guest_message(&phone, "Hello?").await;
    let event = single_event(socket.events_so_far(&hotel).await, "new_conversation");
    assert_eq!((&event["stay_id"], &event["guest_name"]), (&made["stay_id"], &json!("Ana")));
    assert!(event["stay_id"].is_i64(), "{event}");
});

on_both!(a_routed_conversation_is_announced_to_the_members_of_the_department, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.active(0));
    let mut sockets = Vec::new();
    for staff in [manager.clone(), hotel.of(0).await, hotel.of(1).await] {
        sockets.push(TestSocket::open(&staff).await);
    }
    for department in [0, 1] {
        route_to(&manager, &hotel, &stay, department).await;
        let event = single_event(sockets[department + 1].events_so_far(&hotel).await, "new_conversation");
        assert_eq!((&event["stay_id"], &event["conversation_id"]), (&json!(stay.id), &json!(stay.conversation)));
        assert_eq!(event["department_name"], hotel.departments[department].name);
    }
    // None of these changes routes the conversation to another department.
    route_to(&manager, &hotel, &stay, 1).await;
    hotel.of(1).await.post_empty(stay.path("close/")).await.is(200);
    hotel.of(1).await.post_empty(stay.path("reopen/")).await.is(200);
    for socket in &mut sockets {
        socket.nothing(&hotel).await;
    }
    // A reply also routes the conversation, here to the sender's own department.
    manager.post_empty(stay.path("end_relay/")).await.is(200);
    hotel.send_message(&hotel.of(0).await, &stay, "I am on it").await;
    single_event(sockets[1].events_so_far(&hotel).await, "new_conversation");
    sockets[0].nothing(&hotel).await;
    sockets[2].nothing(&hotel).await;
});

on_both!(subscribers_get_conversation_updated_for_changes_but_not_for_messages, |hotel| {
    let (manager, staff, stay) = (hotel.manager().await, hotel.of(0).await, hotel.relay(0));
    manager.post(stay.path("assign/"), json!({ "staff_id": staff.id })).await.is(200);
    let mut socket = open_subscribed(&manager, &stay).await;
    let mut update_after = async |path: &str, body: Value| {
        staff.post(stay.path(path), body).await.is(200);
        single_event(socket.events_so_far(&hotel).await, "conversation_updated")
    };
    let received = update_after("close/", json!({})).await;
    assert_eq!(keys(&received), ["conversation", "conversation_id", "seq", "stay_id", "type"]);
    assert_eq!((&received["stay_id"], &received["conversation_id"]), (&json!(stay.id), &json!(stay.conversation)));
    let mut item = staff.get("conversations/?status=closed").await.is(200)["results"][0].clone();
    for of_reader in ["unread_count", "read_guest_messages", "has_draft"] {
        item.as_object_mut().unwrap().remove(of_reader);
    }
    assert_eq!(received["conversation"], item);
    assert_eq!(update_after("reopen/", json!({})).await["conversation"]["status"], "relay");
    let received = update_after("assign/", json!({ "staff_id": null })).await;
    assert_eq!(received["conversation"]["assigned_to"], json!(null));
    let received = update_after("end_relay/", json!({})).await;
    assert_eq!(
        (&received["conversation"]["status"], &received["conversation"]["department_name"]),
        (&json!("active"), &json!(null))
    );
    // The first reply assigns the sender, which is a change; the second is only a message.
    hotel.send_message(&staff, &stay, "one").await;
    hotel.send_message(&staff, &stay, "two").await;
    let received = socket.events_so_far(&hotel).await;
    assert_eq!(event_types(&received), ["conversation_updated", "new_message", "new_message"]);
    assert_eq!(received[0]["conversation"]["assigned_to"]["id"], staff.id);
    assert_in_order(&received);
});

on_both!(the_inbox_gets_updates_of_every_visible_conversation, |hotel| {
    let (staff, stay, hidden, unrouted) = (hotel.of(0).await, hotel.relay(0), hotel.relay(1), hotel.active(0));
    let mut socket = TestSocket::open(&staff).await;
    let ack = socket.subscribe_to_inbox().await;
    assert!(ack["seq"].is_i64(), "{ack}");
    for text in ["one", "two"] {
        hotel.send_guest_message(&stay.phone, text).await;
        let received = single_event(socket.events_so_far(&hotel).await, "conversation_updated");
        assert_eq!(received["conversation"]["last_message"]["content"], text);
        assert!(received["conversation"].get("unread_count").is_none(), "{received}");
    }
    staff.post(stay.path("notes/"), json!({ "text": "a note" })).await.is(201);
    let received = single_event(socket.events_so_far(&hotel).await, "conversation_updated");
    assert_eq!(received["conversation"]["last_message"]["content"], "two");
    hotel.send_guest_message(&hidden.phone, "not for you").await;
    socket.nothing(&hotel).await;
    hotel.send_guest_message(&unrouted.phone, "for all").await;
    let received = single_event(socket.events_so_far(&hotel).await, "conversation_updated");
    assert_eq!(
        (&received["stay_id"], &received["conversation"]["id"]),
        (&json!(unrouted.id), &json!(unrouted.conversation))
    );
    // With an additional subscription each event is still delivered once.
    socket.subscribe(stay.id).await;
    hotel.send_guest_message(&stay.phone, "three").await;
    staff.post_empty(stay.path("close/")).await.is(200);
    let received = socket.events_so_far(&hotel).await;
    assert_eq!(event_types(&received), ["new_message", "conversation_updated", "conversation_updated"]);
    assert_in_order(&received);
    socket.ok(json!({ "command": "unsubscribe_from_inbox" })).await;
    hotel.send_guest_message(&unrouted.phone, "who listens?").await;
    socket.nothing(&hotel).await;
});

on_both!(the_inbox_gets_conversation_removed_when_access_ends, |hotel| {
    let (manager, stay) = (hotel.manager().await, hotel.relay(0));
    let mut inboxes = Vec::new();
    for staff in [manager.clone(), hotel.of(0).await, hotel.of(1).await, hotel.of(2).await] {
        let mut socket = TestSocket::open(&staff).await;
        socket.subscribe_to_inbox().await;
        inboxes.push(socket);
    }
    route_to(&manager, &hotel, &stay, 1).await;
    let updated = single_event(inboxes[0].events_so_far(&hotel).await, "conversation_updated");
    assert_eq!(updated["conversation"]["department_name"], hotel.departments[1].name);
    let removed = single_event(inboxes[1].events_so_far(&hotel).await, "conversation_removed");
    assert_eq!(keys(&removed), ["conversation_id", "seq", "stay_id", "type"]);
    assert_eq!((&removed["conversation_id"], &removed["stay_id"]), (&json!(stay.conversation), &json!(stay.id)));
    assert_eq!(removed["seq"], updated["seq"]);
    let events = inboxes[2].events_so_far(&hotel).await;
    assert_eq!(event_types(&events), ["new_conversation", "conversation_updated"]);
    inboxes[3].nothing(&hotel).await;
    // All staff see the unrouted conversation again.
    manager.post_empty(stay.path("end_relay/")).await.is(200);
    for socket in &mut inboxes {
        assert_eq!(
            single_event(socket.events_so_far(&hotel).await, "conversation_updated")["conversation"]["status"],
            "active"
        );
    }
});

on_both!(events_of_all_subscriptions_are_in_seq_order_without_gap, |hotel| {
    let (manager, staff) = (hotel.manager().await, hotel.of(1).await);
    let mut socket = TestSocket::open(&manager).await.with_side_events();
    let begin = socket.subscribe_to_inbox().await["seq"].as_i64().unwrap();
    let stays = [hotel.relay(0), hotel.relay(1), hotel.relay(2), hotel.active(0)];
    for stay in &stays {
        assert_eq!(socket.subscribe(stay.id).await["seq"], begin);
    }
    for round in 0..5 {
        for stay in &stays {
            hotel.send_guest_message(&stay.phone, &format!("guest {round}")).await;
        }
        hotel.send_message(&staff, &stays[1], &format!("staff {round}")).await;
        staff.post(stays[1].path("notes/"), json!({ "text": "a note" })).await.is(201);
        staff.post_empty(stays[1].path("close/")).await.is(200);
        staff.post_empty(stays[1].path("reopen/")).await.is(200);
    }
    let events = socket.events_so_far(&hotel).await;
    let expected: Vec<i64> = (begin + 1..).take(seqs(&events).len()).collect();
    assert_eq!(seqs(&events), expected);
    assert_eq!((message_texts(&events).len(), of_type(&events, "new_note").len()), (25, 5));
});

on_both!(events_never_cross_hotels, |hotel| {
    let other = hotel.world.hotel();
    let (stranger, stay) = (other.manager().await, hotel.relay(0));
    let mut socket = TestSocket::open(&stranger).await;
    socket.subscribe_to_inbox().await;
    for id in [json!({ "stay_id": stay.id }), json!({ "conversation_id": stay.conversation })] {
        let with_id = |more: Value| {
            let mut all = id.clone();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        socket.refused(with_id(json!({ "command": "subscribe_to_conversation" })), "not_found").await;
        socket.refused(with_id(json!({ "command": "send_message", "text": "x" })), "not_found").await;
        socket.refused(with_id(json!({ "command": "typing", "typing": true })), "not_found").await;
        socket.refused(with_id(json!({ "command": "mark_read", "message_id": 1 })), "not_found").await;
    }
    let mut own = TestSocket::open(&hotel.manager().await).await;
    own.subscribe_to_inbox().await;
    hotel.send_guest_message(&stay.phone, "Hello").await;
    hotel.send_guest_message(&hotel.unused_phone(), "Hello").await;
    assert_eq!(own.events_so_far(&hotel).await.len(), 3);
    socket.nothing(&other).await;
    // The same phone number is another guest in each hotel.
    let phone = hotel.unused_phone();
    hotel.send_guest_message(&phone, "to one").await;
    other.send_guest_message(&phone, "to the other").await;
    assert_eq!(event_types(&own.events_so_far(&hotel).await), ["new_conversation", "conversation_updated"]);
    assert_eq!(event_types(&socket.events_so_far(&other).await), ["new_conversation", "conversation_updated"]);
});

on_both!(the_welcome_contains_epoch_and_log_head, |hotel| {
    let staff = hotel.of(0).await;
    hotel.send_guest_message(&hotel.relay(0).phone, "Hello").await;
    let socket = TestSocket::open(&staff).await;
    assert_eq!(keys(&socket.welcome), ["epoch", "heartbeat_seconds", "seq", "session_id", "type", "version"]);
    assert_eq!(socket.welcome["heartbeat_seconds"], 25);
    let list = staff.get("conversations/").await;
    assert_eq!(list.header("x-event-epoch"), socket.welcome["epoch"].as_str());
    assert_eq!(list.header("x-event-seq"), Some(socket.welcome["seq"].to_string().as_str()));
    // `session_id` names the sign-in session, which several sockets share.
    let other_tab = TestSocket::open(&staff).await;
    assert_eq!(other_tab.welcome["session_id"], socket.welcome["session_id"]);
    let another_session = hotel.sign_in(&staff.username, PASSWORD).await;
    assert_ne!(TestSocket::open(&another_session).await.welcome["session_id"], socket.welcome["session_id"]);
});
