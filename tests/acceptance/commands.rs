//! What a socket may command, and how the outcome is told.

use acceptance::{Hotel, Socket, Stay, Value, json, on_both, unique};

use crate::{has_keys, keys, told::one};

/// A command about a stay's conversation.
fn about(stay: &Stay, command: &str, more: Value) -> Value {
    let mut all = json!({ "command": command, "stay_id": stay.id });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

/// The same by the conversation's id.
fn by_conversation(stay: &Stay, mut command: Value) -> Value {
    command.as_object_mut().unwrap().remove("stay_id");
    command["conversation_id"] = stay.conversation.into();
    command
}

async fn newest(hotel: &Hotel, stay: &Stay) -> Value {
    hotel.manager().await.get(stay.path("messages/?limit=1")).await.is(200)[0].clone()
}

/// Every command about a conversation, in an order in which all succeed.
fn each_about(stay: &Stay, message: &Value) -> [Value; 6] {
    [
        about(stay, "subscribe_to_conversation", json!({})),
        about(stay, "typing", json!({ "typing": true })),
        about(stay, "typing", json!({ "typing": false })),
        about(stay, "send_message", json!({ "text": "Hello" })),
        about(stay, "mark_read", json!({ "message_id": message["id"] })),
        about(stay, "unsubscribe_from_conversation", json!({})),
    ]
}

on_both!(every_command_takes_either_id, |hotel| {
    let stay = hotel.relay(0);
    let message = newest(&hotel, &stay).await;
    let mut socket = Socket::open(&hotel.of(0).await).await;
    for command in each_about(&stay, &message) {
        for command in [command.clone(), by_conversation(&stay, command)] {
            let word = command["command"].as_str().unwrap().to_owned();
            let ack = socket.ok(command).await;
            let beside = match word.as_str() {
                "send_message" => vec!["command", "message", "request_id", "type"],
                "typing" | "mark_read" => vec!["command", "request_id", "type"],
                _ => vec!["command", "request_id", "seq", "type"],
            };
            assert_eq!(keys(&ack), beside);
        }
    }
    socket.ok(json!({ "command": "subscribe_to_inbox" })).await;
    socket.ok(json!({ "command": "unsubscribe_from_inbox" })).await;
});

on_both!(without_a_request_id_only_failures_are_told, |hotel| {
    let stay = hotel.assigned(0).await;
    let message = newest(&hotel, &stay).await;
    let mut socket = Socket::open(&hotel.of(0).await).await;
    for mut command in each_about(&stay, &message) {
        // Subscribed to or not, what one does oneself is not typing of others; the message is told.
        command["conversation_id"] = stay.conversation.into();
        socket.send(command).await;
    }
    socket.send(json!({ "command": "subscribe_to_inbox" })).await;
    socket.send(json!({ "command": "unsubscribe_from_inbox" })).await;
    socket.send(json!({ "command": "ping" })).await;
    let told = [socket.next().await, socket.next().await];
    assert_eq!((&told[0]["type"], &told[1]), (&json!("new_message"), &json!({ "type": "pong" })));
    let theirs = hotel.relay(1);
    socket.send(about(&theirs, "subscribe_to_conversation", json!({}))).await;
    let error = socket.expect("error").await;
    assert_eq!(keys(&error), ["code", "command", "detail", "type"]);
    assert_eq!((&error["code"], &error["command"]), (&json!("not_found"), &json!("subscribe_to_conversation")));
    socket.nothing(&hotel).await;
});

on_both!(a_stay_and_a_conversation_that_do_not_belong_together_are_refused, |hotel| {
    let (stay, other, theirs) = (hotel.assigned(0).await, hotel.active(0), hotel.relay(1));
    let message = newest(&hotel, &stay).await;
    let mut socket = Socket::open(&hotel.of(0).await).await;
    for command in each_about(&stay, &message) {
        for wrong in [other.id, theirs.id, 9_000_000_000] {
            let mut pair = by_conversation(&stay, command.clone());
            pair["stay_id"] = wrong.into();
            let error = socket.refused(pair, "invalid").await;
            assert_eq!(keys(&error["errors"]), ["stay_id"], "{error}");
        }
    }
    // Nothing was done, in neither of both.
    for stay in [&stay, &other] {
        assert_ne!(newest(&hotel, stay).await["content"], "Hello");
    }
    drop(socket);
    // What is out of sight is not there, whatever is named beside it.
    let mut socket = Socket::open(&hotel.of(0).await).await;
    for named in [theirs.id, stay.id] {
        let mut pair =
            about(&theirs, "send_message", json!({ "text": "Hello", "conversation_id": theirs.conversation }));
        pair["stay_id"] = named.into();
        socket.refused(pair, "not_found").await;
    }
});

on_both!(a_conversation_without_a_stay_is_named_by_itself, |hotel| {
    let phone = hotel.new_phone();
    let made = hotel.guest_says(&phone, "Hello?").await;
    let mut socket = Socket::open(&hotel.of(0).await).await;
    let it =
        json!({ "command": "subscribe_to_conversation", "conversation_id": made["conversation_id"], "stay_id": null });
    socket.ok(it).await;
    hotel.guest_says(&phone, "Anybody?").await;
    let told = one(socket.so_far(&hotel).await, "new_message");
    assert_eq!((&told["conversation_id"], &told["stay_id"]), (&made["conversation_id"], &json!(null)));
    let stay_id = json!({ "command": "send_message", "conversation_id": made["conversation_id"], "text": "Here" });
    assert_eq!(socket.ok(stay_id).await["message"]["content"], "Here");
});

on_both!(the_request_id_is_1_to_64_characters, |hotel| {
    let mut socket = Socket::open(&hotel.of(0).await).await;
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

on_both!(what_is_no_json_object_is_told_so, |hotel| {
    let mut socket = Socket::open(&hotel.of(0).await).await;
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

on_both!(what_is_no_command_is_told_so, |hotel| {
    let mut socket = Socket::open(&hotel.of(0).await).await;
    for word in ["fly", "Ping", "subscribe", "", " ping"] {
        let error = socket.refused(json!({ "command": word }), "unknown_command").await;
        assert_eq!(error["command"], word);
    }
    for none in [json!({}), json!({ "command": null }), json!({ "command": 5 }), json!({ "command": ["ping"] })] {
        let error = socket.refused(none, "unknown_command").await;
        assert!(error.get("command").is_none(), "{error}");
    }
    // What nobody asks for is ignored.
    socket.ok(json!({ "command": "subscribe_to_inbox", "colour": "blue", "text": 5 })).await;
});

on_both!(every_fault_of_a_field_is_told, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let elsewhere = newest(&hotel, &hotel.relay(1)).await["id"].clone();
    let send = |more: Value| about(&stay, "send_message", more);
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
        (send(json!({ "text": "x", "seen_message_id": elsewhere })), vec!["seen_message_id"]),
        (about(&stay, "typing", json!({ "typing": "yes" })), vec!["typing"]),
        (about(&stay, "typing", json!({})), vec!["typing"]),
        (about(&stay, "mark_read", json!({})), vec!["message_id"]),
        (about(&stay, "mark_read", json!({ "message_id": elsewhere })), vec!["message_id"]),
        (json!({ "command": "resume" }), vec!["after_seq", "epoch"]),
        (json!({ "command": "resume", "epoch": "x", "after_seq": -1 }), vec!["after_seq"]),
        (
            json!({ "command": "resume", "epoch": 1, "after_seq": 1.5, "conversation_ids": 1, "stay_ids": ["1"], "inbox": 1 }),
            vec!["after_seq", "conversation_ids", "epoch", "inbox", "stay_ids"],
        ),
    ];
    // Twenty errors on one socket would close it.
    for some in cases.chunks(15) {
        let mut socket = Socket::open(&staff).await;
        for (command, fields) in some {
            let error = socket.refused(command.clone(), "invalid").await;
            assert_eq!(&keys(&error["errors"]), fields, "{command}: {error}");
        }
        socket.ping().await;
    }
});

on_both!(what_is_out_of_sight_is_not_there, |hotel| {
    let mut socket = Socket::open(&hotel.of(0).await).await;
    let nowhere = Stay { id: 9_000_000_000, conversation: 9_000_000_000, ..hotel.relay(1) };
    for stay in [hotel.relay(1), nowhere] {
        let commands = [
            about(&stay, "subscribe_to_conversation", json!({})),
            about(&stay, "typing", json!({ "typing": true })),
            about(&stay, "send_message", json!({ "text": "Hello" })),
            about(&stay, "mark_read", json!({ "message_id": 1 })),
        ];
        for command in commands {
            let told = socket.refused(command.clone(), "not_found").await;
            assert_eq!(keys(&told), ["code", "command", "detail", "request_id", "type"]);
            socket.refused(by_conversation(&stay, command), "not_found").await;
        }
    }
    socket.ping().await;
    let last = newest(&hotel, &hotel.relay(1)).await;
    assert_ne!(last["content"], "Hello");
});

on_both!(a_closed_conversation_takes_no_message, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let message = newest(&hotel, &stay).await;
    let mut socket = Socket::open(&staff).await;
    staff.post_empty(stay.path("close/")).await.is(200);
    socket.refused(about(&stay, "send_message", json!({ "text": "Hello" })), "conversation_closed").await;
    socket.ok(about(&stay, "mark_read", json!({ "message_id": message["id"] }))).await;
    socket.subscribe(stay.id).await;
});

on_both!(a_stale_reply_is_shown_what_is_newer, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let seen = newest(&hotel, &stay).await["id"].clone();
    let mut socket = Socket::open(&staff).await;
    hotel.guest_says(&stay.phone, "Hello?").await;
    // A guest's words make no reply stale.
    socket.ok(about(&stay, "send_message", json!({ "text": "Hello", "seen_message_id": seen }))).await;
    manager.post(stay.path("notes/"), json!({ "text": "careful" })).await.is(201);
    let reply = about(&stay, "send_message", json!({ "text": "Anything else?", "seen_message_id": seen }));
    let error = socket.refused(reply, "stale_reply").await;
    let newer: Vec<&str> =
        error["newer"].as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap()).collect();
    assert_eq!(newer, ["Hello?", "Hello", "careful"]);
    has_keys(&error["newer"][2], &["id", "content", "sender_type", "sender_name", "timestamp", "delivery", "internal"]);
    assert_eq!(error["newer"][2]["internal"], true);
    assert_eq!(newest(&hotel, &stay).await["content"], "Hello");
    let seen = error["newer"][2]["id"].clone();
    socket.ok(about(&stay, "send_message", json!({ "text": "Anything else?", "seen_message_id": seen }))).await;
});

on_both!(without_a_department_nobody_takes_over, |hotel| {
    let mut socket = Socket::open(&hotel.hire("staff", &[]).await).await;
    let stay = hotel.active(0);
    socket.refused(about(&stay, "send_message", json!({ "text": "Hello" })), "no_department").await;
    socket.subscribe(stay.id).await;
    socket.nothing(&hotel).await;
});

on_both!(a_client_ref_names_one_message, |hotel| {
    let (staff, stay, name) = (hotel.of(0).await, hotel.assigned(0).await, unique("ref"));
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let send = about(&stay, "send_message", json!({ "text": "once", "client_ref": name }));
    let first = socket.ok(send.clone()).await;
    let again = socket.ok(by_conversation(&stay, send)).await;
    assert_eq!((&first["message"], &first["client_ref"]), (&again["message"], &json!(name)));
    let other = about(&stay, "send_message", json!({ "text": "twice", "client_ref": name }));
    socket.refused(other, "idempotency_mismatch").await;
    // One namespace with the key of REST, per staff member and conversation.
    let by_rest = staff.key(&name).post(stay.path("send_message/"), json!({ "text": "once" })).await.is(200);
    assert_eq!(by_rest["id"], first["message"]["id"]);
    one(socket.so_far(&hotel).await, "new_message");
    let elsewhere = about(&hotel.active(0), "send_message", json!({ "text": "once", "client_ref": name }));
    assert_ne!(socket.ok(elsewhere).await["message"]["id"], first["message"]["id"]);
    let mut colleague = Socket::open(&hotel.manager().await).await;
    let theirs = about(&stay, "send_message", json!({ "text": "once", "client_ref": name }));
    assert_ne!(colleague.ok(theirs).await["message"]["id"], first["message"]["id"]);
});

on_both!(a_client_ref_is_1_to_128_characters, |hotel| {
    let mut socket = Socket::open(&hotel.of(0).await).await;
    for name in ["x", &"x".repeat(128)] {
        let ack = socket.ok(about(&hotel.relay(0), "send_message", json!({ "text": "Hi", "client_ref": name }))).await;
        assert_eq!(ack["client_ref"], name);
    }
});

on_both!(marks_move_forward_only, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = Socket::open(&staff).await;
    let mut messages = Vec::new();
    for words in ["one", "two", "three"] {
        messages.push(hotel.guest_says(&stay.phone, words).await["message_id"].clone());
    }
    for (message, unread) in [(1, 1), (0, 1), (2, 0), (1, 0)] {
        socket.ok(about(&stay, "mark_read", json!({ "message_id": messages[message] }))).await;
        let list = staff.get("conversations/").await.is(200);
        assert_eq!(list["results"][0]["unread_count"], unread);
    }
});

on_both!(sends_of_one_socket_keep_their_order, |hotel| {
    let stay = hotel.assigned(0).await;
    let mut socket = Socket::open(&hotel.of(0).await).await;
    let words: Vec<String> = (0..60).map(|n| format!("message {n}")).collect();
    for text in &words {
        socket.send(about(&stay, "send_message", json!({ "text": text }))).await;
    }
    // The subscription waits for the messages before it.
    socket.subscribe(stay.id).await;
    let stored = hotel.manager().await.get(stay.path("messages/?limit=60")).await.is(200);
    let stored: Vec<&str> = stored.as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap()).collect();
    assert_eq!(stored, words);
    socket.nothing(&hotel).await;
});
