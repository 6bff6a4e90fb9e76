//! Typing and read signals: delivered live, never logged.

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
    reader.ok(json!({ "command": "mark_read", "stay_id": stay.id, "message_id": message_ids[0] })).await;
    for socket in [&mut other_tab, &mut colleague] {
        assert_eq!(socket.next().await, read(&message_ids[0]));
    }
    // Over REST there is no sending socket to leave out.
    staff.post(stay.path("read/"), json!({ "message_id": message_ids[1] })).await.is(204);
    for socket in [&mut reader, &mut other_tab, &mut colleague] {
        assert_eq!(socket.next().await, read(&message_ids[1]));
    }
    for socket in [&mut reader, &mut other_tab, &mut colleague, &mut bystander] {
        socket.nothing(&hotel).await;
    }
});
