//! What is told and not kept: who types, who has read.

use acceptance::{Socket, Value, json, on_both};

on_both!(typing_is_told_to_the_others, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut typist = Socket::open(&staff).await;
    let mut other_tab = Socket::open(&staff).await;
    let mut colleague = Socket::open(&hotel.manager().await).await;
    for socket in [&mut typist, &mut other_tab, &mut colleague] {
        socket.subscribe(stay.id).await;
    }
    let mut bystander = Socket::open(&hotel.manager().await).await;
    bystander.subscribe_to_inbox().await;
    for typing in [true, false] {
        typist.ok(json!({ "command": "typing", "stay_id": stay.id, "typing": typing })).await;
        let expected = json!({
            "type": "typing", "stay_id": stay.id, "conversation_id": stay.conversation,
            "staff_id": staff.id, "staff_name": staff.name(), "typing": typing,
        });
        assert_eq!(colleague.next().await, expected);
    }
    // Who types knows, in every tab.
    typist.nothing(&hotel).await;
    other_tab.nothing(&hotel).await;
    bystander.nothing(&hotel).await;
    // It needs no subscription of one's own, but sight.
    bystander.ok(json!({ "command": "typing", "stay_id": stay.id, "typing": true })).await;
    for socket in [&mut typist, &mut other_tab] {
        assert_eq!(socket.skip_to("typing").await["staff_id"], hotel.manager().await.id);
    }
    // The bystander is the same person as the colleague.
    colleague.nothing(&hotel).await;
});

on_both!(reading_is_told_to_the_others_and_ones_own_sockets, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut reader = Socket::open(&staff).await;
    let mut colleague = Socket::open(&hotel.manager().await).await;
    for socket in [&mut reader, &mut colleague] {
        socket.subscribe(stay.id).await;
    }
    let mut other_tab = Socket::open(&staff).await;
    let mut bystander = Socket::open(&hotel.manager().await).await;
    let mut heard = Vec::new();
    for words in ["one", "two"] {
        heard.push(hotel.guest_says(&stay.phone, words).await["message_id"].clone());
        reader.expect("new_message").await;
        colleague.expect("new_message").await;
    }
    let read = |message: &Value| {
        json!({
            "type": "read", "stay_id": stay.id, "conversation_id": stay.conversation,
            "staff_id": staff.id, "staff_name": staff.name(), "message_id": message,
        })
    };
    reader.ok(json!({ "command": "mark_read", "stay_id": stay.id, "message_id": heard[0] })).await;
    for socket in [&mut other_tab, &mut colleague] {
        assert_eq!(socket.next().await, read(&heard[0]));
    }
    // By REST there is no socket that knows already.
    staff.post(stay.path("read/"), json!({ "message_id": heard[1] })).await.is(204);
    for socket in [&mut reader, &mut other_tab, &mut colleague] {
        assert_eq!(socket.next().await, read(&heard[1]));
    }
    for socket in [&mut reader, &mut other_tab, &mut colleague, &mut bystander] {
        socket.nothing(&hotel).await;
    }
});
