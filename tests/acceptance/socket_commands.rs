//! Commands of a WebSocket: validation, acknowledgements and errors.

use acceptance::{TestHotel, TestSocket, TestStay, Value, json, on_both, on_sqlite, unique};

use crate::{assert_has_keys, event_assertions::single_event, keys};

/// A command that names the stay.
fn command_for(stay: &TestStay, command: &str, more: Value) -> Value {
    let mut all = json!({ "command": command, "stay_id": stay.id });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

/// The same command naming the conversation instead of the stay.
fn by_conversation(stay: &TestStay, mut command: Value) -> Value {
    command.as_object_mut().unwrap().remove("stay_id");
    command["conversation_id"] = stay.conversation.into();
    command
}

async fn newest_message(hotel: &TestHotel, stay: &TestStay) -> Value {
    hotel.manager().await.get(stay.path("messages/?limit=1")).await.is(200)[0].clone()
}

/// Every command about a conversation, in an order in which all succeed.
fn commands_for(stay: &TestStay, message: &Value) -> [Value; 6] {
    [
        command_for(stay, "subscribe_to_conversation", json!({})),
        command_for(stay, "typing", json!({ "typing": true })),
        command_for(stay, "typing", json!({ "typing": false })),
        command_for(stay, "send_message", json!({ "text": "Hello" })),
        command_for(stay, "mark_read", json!({ "message_id": message["id"] })),
        command_for(stay, "unsubscribe_from_conversation", json!({})),
    ]
}

on_sqlite!(every_command_accepts_stay_or_conversation_id, |hotel| {
    let stay = hotel.relay(0);
    let message = newest_message(&hotel, &stay).await;
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    for command in commands_for(&stay, &message) {
        for command in [command.clone(), by_conversation(&stay, command)] {
            let name = command["command"].as_str().unwrap().to_owned();
            let ack = socket.ok(command).await;
            let expected = match name.as_str() {
                "send_message" => vec!["command", "message", "request_id", "type"],
                "typing" | "mark_read" => vec!["command", "request_id", "type"],
                "subscribe_to_conversation" => vec!["command", "request_id", "seq", "type", "viewers"],
                _ => vec!["command", "request_id", "seq", "type"],
            };
            assert_eq!(keys(&ack), expected);
        }
    }
    socket.ok(json!({ "command": "subscribe_to_inbox" })).await;
    socket.ok(json!({ "command": "unsubscribe_from_inbox" })).await;
});

on_sqlite!(without_request_id_only_failures_are_reported, |hotel| {
    let stay = hotel.assigned(0).await;
    let message = newest_message(&hotel, &stay).await;
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    for mut command in commands_for(&stay, &message) {
        // No command gets an acknowledgement. The sender's own typing is not echoed, but the message is delivered to
        // the subscriber.
        command["conversation_id"] = stay.conversation.into();
        socket.send(command).await;
    }
    socket.send(json!({ "command": "subscribe_to_inbox" })).await;
    socket.send(json!({ "command": "unsubscribe_from_inbox" })).await;
    socket.send(json!({ "command": "ping" })).await;
    let events = [socket.next().await, socket.next().await];
    assert_eq!((&events[0]["type"], &events[1]), (&json!("new_message"), &json!({ "type": "pong" })));
    let hidden = hotel.relay(1);
    socket.send(command_for(&hidden, "subscribe_to_conversation", json!({}))).await;
    let error = socket.expect("error").await;
    assert_eq!(keys(&error), ["code", "command", "detail", "type"]);
    assert_eq!((&error["code"], &error["command"]), (&json!("not_found"), &json!("subscribe_to_conversation")));
    socket.nothing(&hotel).await;
});

on_both!(a_stay_and_a_conversation_that_do_not_match_are_refused, |hotel| {
    let (stay, other, hidden) = (hotel.assigned(0).await, hotel.active(0), hotel.relay(1));
    let message = newest_message(&hotel, &stay).await;
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    for command in commands_for(&stay, &message) {
        for wrong in [other.id, hidden.id, 9_000_000_000] {
            let mut pair = by_conversation(&stay, command.clone());
            pair["stay_id"] = wrong.into();
            let error = socket.refused(pair, "invalid").await;
            assert_eq!(keys(&error["errors"]), ["stay_id"], "{error}");
        }
    }
    // Nothing was sent to either conversation.
    for stay in [&stay, &other] {
        assert_ne!(newest_message(&hotel, stay).await["content"], "Hello");
    }
    drop(socket);
    // A hidden conversation is not found, whatever else the command names.
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    for stay_id in [hidden.id, stay.id] {
        let mut pair =
            command_for(&hidden, "send_message", json!({ "text": "Hello", "conversation_id": hidden.conversation }));
        pair["stay_id"] = stay_id.into();
        socket.refused(pair, "not_found").await;
    }
});

on_both!(a_conversation_without_stay_is_named_by_its_id, |hotel| {
    let phone = hotel.unused_phone();
    let made = hotel.send_guest_message(&phone, "Hello?").await;
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    let subscribe =
        json!({ "command": "subscribe_to_conversation", "conversation_id": made["conversation_id"], "stay_id": null });
    socket.ok(subscribe).await;
    hotel.send_guest_message(&phone, "Anybody?").await;
    let event = single_event(socket.events_so_far(&hotel).await, "new_message");
    assert_eq!((&event["conversation_id"], &event["stay_id"]), (&made["conversation_id"], &json!(null)));
    let send = json!({ "command": "send_message", "conversation_id": made["conversation_id"], "text": "Here" });
    assert_eq!(socket.ok(send).await["message"]["content"], "Here");
});

on_sqlite!(the_request_id_has_1_to_64_characters, |hotel| {
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    for good in ["x", &"é".repeat(64), "with \"quotes\" and spaces"] {
        socket.send(json!({ "command": "ping", "request_id": good })).await;
        assert_eq!(socket.next().await, json!({ "type": "pong", "request_id": good }));
    }
    for bad in [json!(""), json!("x".repeat(65)), json!(5), json!(["x"]), json!("a\0b")] {
        socket.send(json!({ "command": "ping", "request_id": bad })).await;
        let error = socket.expect("error").await;
        assert_eq!((&error["code"], keys(&error["errors"])), (&json!("invalid"), vec!["request_id"]), "{bad}");
        assert!(error.get("request_id").is_none(), "{error}");
    }
    socket.ping().await;
});

on_sqlite!(text_that_is_no_json_object_gets_bad_json, |hotel| {
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    let bad = [
        "",
        "ping",
        "{",
        "[]",
        "[{\"command\":\"ping\"}]",
        "\"ping\"",
        "5",
        "null",
        "{\"command\":\"ping\"} x",
        "{\"command\":\"ping\",}",
        r#"{"command":"ping","request_id":"\ud800"}"#,
        r#"{"command":"ping","more":"\udc00\ud800"}"#,
        "{\"command\":\"ping\",\"more\":\"\u{1}\"}",
    ];
    for text in bad {
        socket.send_raw(tokio_tungstenite::tungstenite::Message::text(text)).await;
        let error = socket.expect("error").await;
        assert_eq!((&error["code"], keys(&error)), (&json!("bad_json"), vec!["code", "detail", "type"]), "{text}");
    }
    socket.ping().await;
});

on_sqlite!(unknown_commands_get_unknown_command, |hotel| {
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    for name in ["fly", "Ping", "subscribe", "", " ping"] {
        let error = socket.refused(json!({ "command": name }), "unknown_command").await;
        assert_eq!(error["command"], name);
    }
    for missing in [json!({}), json!({ "command": null }), json!({ "command": 5 }), json!({ "command": ["ping"] })] {
        let error = socket.refused(missing, "unknown_command").await;
        assert!(error.get("command").is_none(), "{error}");
    }
    // Unknown fields are ignored.
    socket.ok(json!({ "command": "subscribe_to_inbox", "colour": "blue", "text": 5 })).await;
});

on_sqlite!(every_invalid_field_is_reported, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let foreign_message = newest_message(&hotel, &hotel.relay(1)).await["id"].clone();
    let send = |more: Value| command_for(&stay, "send_message", more);
    let cases = [
        (json!({ "command": "subscribe_to_conversation" }), vec!["stay_id"]),
        (json!({ "command": "subscribe_to_conversation", "stay_id": "1" }), vec!["stay_id"]),
        (json!({ "command": "subscribe_to_conversation", "stay_id": 0 }), vec!["stay_id"]),
        (json!({ "command": "unsubscribe_from_conversation", "conversation_id": 1.5 }), vec!["conversation_id"]),
        (json!({ "command": "send_message" }), vec!["stay_id", "text"]),
        (send(json!({ "text": null })), vec!["text"]),
        (send(json!({ "text": 5 })), vec!["text"]),
        (send(json!({ "text": " \u{2003}\n" })), vec!["text"]),
        (send(json!({ "text": "x".repeat(4097) })), vec!["text"]),
        (send(json!({ "text": "a\0b" })), vec!["text"]),
        (send(json!({ "text": "x", "client_ref": "" })), vec!["client_ref"]),
        (send(json!({ "text": "x", "client_ref": "x".repeat(129) })), vec!["client_ref"]),
        (send(json!({ "text": "x", "seen_message_id": "x", "client_ref": 5 })), vec!["client_ref", "seen_message_id"]),
        (send(json!({ "text": "x", "seen_message_id": foreign_message })), vec!["seen_message_id"]),
        (command_for(&stay, "typing", json!({ "typing": "yes" })), vec!["typing"]),
        (command_for(&stay, "typing", json!({})), vec!["typing"]),
        (command_for(&stay, "mark_read", json!({})), vec!["message_id"]),
        (command_for(&stay, "mark_read", json!({ "message_id": foreign_message })), vec!["message_id"]),
        (json!({ "command": "resume" }), vec!["after_seq", "epoch"]),
        (json!({ "command": "resume", "epoch": "x", "after_seq": -1 }), vec!["after_seq"]),
        (
            json!({ "command": "resume", "epoch": 1, "after_seq": 1.5, "conversation_ids": 1, "stay_ids": ["1"], "inbox": 1 }),
            vec!["after_seq", "conversation_ids", "epoch", "inbox", "stay_ids"],
        ),
    ];
    // Twenty errors would close a socket.
    for chunk in cases.chunks(15) {
        let mut socket = TestSocket::open(&staff).await;
        for (command, fields) in chunk {
            let error = socket.refused(command.clone(), "invalid").await;
            assert_eq!(&keys(&error["errors"]), fields, "{command}: {error}");
        }
        socket.ping().await;
    }
});

on_both!(hidden_conversations_are_not_found, |hotel| {
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    let missing = TestStay { id: 9_000_000_000, conversation: 9_000_000_000, ..hotel.relay(1) };
    for stay in [hotel.relay(1), missing] {
        let commands = [
            command_for(&stay, "subscribe_to_conversation", json!({})),
            command_for(&stay, "typing", json!({ "typing": true })),
            command_for(&stay, "send_message", json!({ "text": "Hello" })),
            command_for(&stay, "mark_read", json!({ "message_id": 1 })),
        ];
        for command in commands {
            let error = socket.refused(command.clone(), "not_found").await;
            assert_eq!(keys(&error), ["code", "command", "detail", "request_id", "type"]);
            socket.refused(by_conversation(&stay, command), "not_found").await;
        }
    }
    socket.ping().await;
    let last = newest_message(&hotel, &hotel.relay(1)).await;
    assert_ne!(last["content"], "Hello");
});

on_both!(a_closed_conversation_refuses_messages, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let message = newest_message(&hotel, &stay).await;
    let mut socket = TestSocket::open(&staff).await;
    staff.post_empty(stay.path("close/")).await.is(200);
    socket.refused(command_for(&stay, "send_message", json!({ "text": "Hello" })), "conversation_closed").await;
    socket.ok(command_for(&stay, "mark_read", json!({ "message_id": message["id"] }))).await;
    socket.subscribe(stay.id).await;
});

on_both!(a_stale_reply_is_refused_with_the_newer_messages, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let seen = newest_message(&hotel, &stay).await["id"].clone();
    let mut socket = TestSocket::open(&staff).await;
    hotel.send_guest_message(&stay.phone, "Hello?").await;
    // Guest messages do not make a reply stale.
    socket.ok(command_for(&stay, "send_message", json!({ "text": "Hello", "seen_message_id": seen }))).await;
    manager.post(stay.path("notes/"), json!({ "text": "careful" })).await.is(201);
    let reply = command_for(&stay, "send_message", json!({ "text": "Anything else?", "seen_message_id": seen }));
    let error = socket.refused(reply, "stale_reply").await;
    let newer: Vec<&str> =
        error["newer"].as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap()).collect();
    assert_eq!(newer, ["Hello?", "Hello", "careful"]);
    assert_has_keys(
        &error["newer"][2],
        &["id", "content", "sender_type", "sender_name", "timestamp", "delivery", "internal"],
    );
    assert_eq!(error["newer"][2]["internal"], true);
    assert_eq!(newest_message(&hotel, &stay).await["content"], "Hello");
    let seen = error["newer"][2]["id"].clone();
    socket.ok(command_for(&stay, "send_message", json!({ "text": "Anything else?", "seen_message_id": seen }))).await;
});

on_both!(staff_without_department_cannot_take_over, |hotel| {
    let mut socket = TestSocket::open(&hotel.hire("staff", &[]).await).await;
    let stay = hotel.active(0);
    socket.refused(command_for(&stay, "send_message", json!({ "text": "Hello" })), "no_department").await;
    socket.subscribe(stay.id).await;
    socket.nothing(&hotel).await;
});

on_both!(a_repeated_client_ref_returns_the_first_message, |hotel| {
    let (staff, stay, client_ref) = (hotel.of(0).await, hotel.assigned(0).await, unique("ref"));
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let send = command_for(&stay, "send_message", json!({ "text": "once", "client_ref": client_ref }));
    let first = socket.ok(send.clone()).await;
    let again = socket.ok(by_conversation(&stay, send)).await;
    assert_eq!((&first["message"], &first["client_ref"]), (&again["message"], &json!(client_ref)));
    let other = command_for(&stay, "send_message", json!({ "text": "twice", "client_ref": client_ref }));
    socket.refused(other, "idempotency_mismatch").await;
    // One namespace with the `Idempotency-Key` of REST, per staff member and conversation.
    let by_rest = staff.key(&client_ref).post(stay.path("send_message/"), json!({ "text": "once" })).await.is(200);
    assert_eq!(by_rest["id"], first["message"]["id"]);
    single_event(socket.events_so_far(&hotel).await, "new_message");
    let to_another = command_for(&hotel.active(0), "send_message", json!({ "text": "once", "client_ref": client_ref }));
    assert_ne!(socket.ok(to_another).await["message"]["id"], first["message"]["id"]);
    let mut colleague = TestSocket::open(&hotel.manager().await).await;
    let by_colleague = command_for(&stay, "send_message", json!({ "text": "once", "client_ref": client_ref }));
    assert_ne!(colleague.ok(by_colleague).await["message"]["id"], first["message"]["id"]);
});

on_sqlite!(a_client_ref_has_1_to_128_characters, |hotel| {
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    for client_ref in ["x", &"x".repeat(128)] {
        let ack = socket
            .ok(command_for(&hotel.relay(0), "send_message", json!({ "text": "Hi", "client_ref": client_ref })))
            .await;
        assert_eq!(ack["client_ref"], client_ref);
    }
});

on_both!(the_read_position_only_moves_forward, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = TestSocket::open(&staff).await;
    let mut messages = Vec::new();
    for words in ["one", "two", "three"] {
        messages.push(hotel.send_guest_message(&stay.phone, words).await["message_id"].clone());
    }
    for (message, unread) in [(1, 1), (0, 1), (2, 0), (1, 0)] {
        socket.ok(command_for(&stay, "mark_read", json!({ "message_id": messages[message] }))).await;
        let list = staff.get("conversations/").await.is(200);
        assert_eq!(list["results"][0]["unread_count"], unread);
    }
});

on_both!(messages_of_one_socket_keep_their_order, |hotel| {
    let stay = hotel.assigned(0).await;
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    let words: Vec<String> = (0..60).map(|n| format!("message {n}")).collect();
    for text in &words {
        socket.send(command_for(&stay, "send_message", json!({ "text": text }))).await;
    }
    // The subscription is acknowledged after the messages before it were stored.
    socket.subscribe(stay.id).await;
    let stored = hotel.manager().await.get(stay.path("messages/?limit=60")).await.is(200);
    let stored: Vec<&str> = stored.as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap()).collect();
    assert_eq!(stored, words);
    socket.nothing(&hotel).await;
});
