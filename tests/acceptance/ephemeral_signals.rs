//! Typing, read and viewing signals: delivered live, never logged.

use acceptance::{TestSocket, Value, json, on_both};

on_both!(typing_is_sent_to_the_other_subscribers, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut typist = TestSocket::open(&staff).await;
    let mut other_tab = TestSocket::open(&staff).await;
    let mut colleague = TestSocket::open(&hotel.manager().await).await;
    for socket in [&mut typist, &mut other_tab, &mut colleague] {
        socket.subscribe(stay.id).await;
    }
    let mut bystander = TestSocket::open(&hotel.manager().await).await;
    bystander.subscribe_to_inbox().await;
    for typing in [true, false] {
        typist.ok(json!({ "command": "typing", "stay_id": stay.id, "typing": typing })).await;
        let expected = json!({
            "type": "typing", "stay_id": stay.id, "conversation_id": stay.conversation,
            "staff_id": staff.id, "staff_name": staff.name(), "typing": typing,
        });
        assert_eq!(colleague.next().await, expected);
    }
    // Typing is sent to no socket of the staff member who types.
    typist.nothing(&hotel).await;
    other_tab.nothing(&hotel).await;
    bystander.nothing(&hotel).await;
    // Sending typing signals needs access but no subscription.
    bystander.ok(json!({ "command": "typing", "stay_id": stay.id, "typing": true })).await;
    for socket in [&mut typist, &mut other_tab] {
        assert_eq!(socket.skip_to("typing").await["staff_id"], hotel.manager().await.id);
    }
    // The bystander and the colleague are sockets of the same staff member.
    colleague.nothing(&hotel).await;
});

on_both!(read_signals_reach_subscribers_and_the_readers_own_sockets, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut reader = TestSocket::open(&staff).await;
    let mut colleague = TestSocket::open(&hotel.manager().await).await;
    for socket in [&mut reader, &mut colleague] {
        socket.subscribe(stay.id).await;
    }
    let mut other_tab = TestSocket::open(&staff).await;
    let mut bystander = TestSocket::open(&hotel.manager().await).await;
    let mut message_ids = Vec::new();
    for words in ["one", "two"] {
        message_ids.push(hotel.send_guest_message(&stay.phone, words).await["message_id"].clone());
        reader.expect("new_message").await;
        colleague.expect("new_message").await;
    }
    let read = |message: &Value| {
        json!({
            "type": "read", "stay_id": stay.id, "conversation_id": stay.conversation,
            "staff_id": staff.id, "staff_name": staff.name(), "message_id": message,
        })
    };
    let all = staff.get(stay.path("")).await.is(200)["guest_messages"].as_i64().unwrap();
    let own = |message: &Value, guest_messages: i64| {
        let mut read = read(message);
        read["read_guest_messages"] = guest_messages.into();
        read
    };
    reader.ok(json!({ "command": "mark_read", "stay_id": stay.id, "message_id": message_ids[0] })).await;
    assert_eq!(other_tab.next().await, own(&message_ids[0], all - 1));
    assert_eq!(colleague.next().await, read(&message_ids[0]));
    // Over REST there is no sending socket to leave out.
    staff.post(stay.path("read/"), json!({ "message_id": message_ids[1] })).await.is(204);
    for socket in [&mut reader, &mut other_tab] {
        assert_eq!(socket.next().await, own(&message_ids[1], all));
    }
    assert_eq!(colleague.next().await, read(&message_ids[1]));
    // Back to before both, and before the first message of the conversation.
    staff.post(stay.path("read/"), json!({ "unread_from": message_ids[0] })).await.is(204);
    let earlier = staff.get(stay.path(&format!("messages/?limit=1&before={}", message_ids[0]))).await.is(200);
    let first = staff.get(stay.path("messages/?limit=1&after=1")).await.is(200);
    for socket in [&mut reader, &mut other_tab] {
        assert_eq!(socket.next().await, own(&earlier[0]["id"], all - 2));
    }
    assert_eq!(colleague.next().await, read(&earlier[0]["id"]));
    staff.post(stay.path("read/"), json!({ "unread_from": first[0]["id"] })).await.is(204);
    for socket in [&mut reader, &mut other_tab] {
        assert_eq!(socket.next().await, own(&Value::Null, 0));
    }
    assert_eq!(colleague.next().await, read(&Value::Null));
    for socket in [&mut reader, &mut other_tab, &mut colleague, &mut bystander] {
        socket.nothing(&hotel).await;
    }
});

on_both!(viewing_is_shown_to_the_other_subscribers, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0));
    let (mut viewer, mut other_tab) = (TestSocket::open(&staff).await, TestSocket::open(&staff).await);
    let mut colleague = TestSocket::open(&manager).await;
    let command =
        |viewing: bool| json!({ "command": "viewing", "conversation_id": stay.conversation, "viewing": viewing });
    let event = |viewing: bool| {
        json!({
            "type": "viewing", "stay_id": stay.id, "conversation_id": stay.conversation,
            "staff_id": staff.id, "staff_name": staff.name(), "viewing": viewing,
        })
    };
    // A subscription is needed.
    let refused = viewer.refused(command(true), "invalid").await;
    assert!(refused["errors"]["conversation_id"].is_array(), "{refused}");
    for socket in [&mut viewer, &mut other_tab, &mut colleague] {
        assert_eq!(socket.subscribe(stay.id).await["viewers"], json!([]));
    }
    viewer.ok(command(true)).await;
    assert_eq!(colleague.next().await, event(true));
    // A repetition is sent as well, since clients let the signal expire, too.
    viewer.ok(command(true)).await;
    assert_eq!(colleague.next().await, event(true));
    // The ack of a subscription names the others who view the conversation.
    let person = json!([{ "id": staff.id, "name": staff.name() }]);
    assert_eq!(colleague.subscribe(stay.id).await["viewers"], person);
    assert_eq!(other_tab.subscribe(stay.id).await["viewers"], json!([]));
    // The person views it until the last socket stops.
    other_tab.ok(command(true)).await;
    assert_eq!(colleague.next().await, event(true));
    viewer.ok(command(false)).await;
    colleague.nothing(&hotel).await;
    let unsubscribe = json!({ "command": "unsubscribe_from_conversation", "stay_id": stay.id });
    other_tab.ok(unsubscribe).await;
    assert_eq!(colleague.next().await, event(false));
    // Nothing is sent if the person was not viewing it.
    viewer.ok(command(false)).await;
    colleague.nothing(&hotel).await;
    // It ends with the socket.
    viewer.ok(command(true)).await;
    assert_eq!(colleague.next().await, event(true));
    drop(viewer);
    assert_eq!(colleague.next().await, event(false));
    assert_eq!(colleague.subscribe(stay.id).await["viewers"], json!([]));
    // No socket of the person who views it gets the signal.
    other_tab.nothing(&hotel).await;
});

on_both!(viewing_ends_if_the_conversation_is_routed_away, |hotel| {
    let (staff, manager, stay) = (hotel.of(0).await, hotel.manager().await, hotel.assigned(0).await);
    let (mut viewer, mut colleague) = (TestSocket::open(&staff).await, TestSocket::open(&manager).await);
    for socket in [&mut viewer, &mut colleague] {
        socket.subscribe(stay.id).await;
    }
    viewer.ok(json!({ "command": "viewing", "stay_id": stay.id, "viewing": true })).await;
    colleague.expect("viewing").await;
    let body = json!({ "department_id": hotel.departments[1].id });
    manager.post(stay.path("start_relay/"), body).await.is(200);
    viewer.skip_to("unsubscribed").await;
    assert_eq!(colleague.skip_to("viewing").await["viewing"], false);
    viewer.refused(json!({ "command": "viewing", "stay_id": stay.id, "viewing": true }), "not_found").await;
});
