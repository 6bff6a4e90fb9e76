//! Limits per socket and per staff member: commands per second, errors, subscriptions, open sockets.

use acceptance::{
    PASSWORD, StaffClient, TestHotel, TestSocket, TestStay, UpgradeRefusal, Value, WorldOptions, json, on_both,
    on_sqlite,
};

use crate::event_assertions::{message_texts, of_type};

fn subscribe(stay: &TestStay) -> Value {
    json!({ "command": "subscribe_to_conversation", "stay_id": stay.id })
}

async fn receive_outcomes(socket: &mut TestSocket, count: usize) -> Vec<Value> {
    let mut all = Vec::new();
    while all.len() < count {
        all.push(socket.next().await);
    }
    all
}

on_sqlite!(commands_beyond_the_burst_are_rate_limited, |hotel| {
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    // Unknown commands count too; beyond the limit they get `rate_limited` only.
    let flood = 1000;
    for n in 0..flood {
        let name = if n < 300 || n % 2 == 0 { "unsubscribe_from_inbox" } else { "fly" };
        let request = if n < 300 { "burst" } else { "x" };
        socket.send(json!({ "command": name, "request_id": request })).await;
    }
    let received = receive_outcomes(&mut socket, flood).await;
    let acknowledged = of_type(&received, "ack").into_iter().filter(|it| it["request_id"] == "burst");
    assert_eq!(acknowledged.count(), 300);
    let refused: Vec<&Value> =
        of_type(&received, "error").into_iter().filter(|it| it["code"] == "rate_limited").collect();
    assert!(refused.len() >= 100, "{} were refused", refused.len());
    for it in refused {
        assert_eq!((&it["request_id"], it.get("errors")), (&json!("x"), None), "{it}");
    }
    // Pings do not count.
    for n in 0..400 {
        socket.send(json!({ "command": "ping", "request_id": format!("p{n}") })).await;
    }
    let received = receive_outcomes(&mut socket, 400).await;
    assert_eq!(of_type(&received, "pong").len(), 400, "{received:?}");
    // `rate_limited` errors do not close the socket. Within the limit commands work again.
    while socket.ask(subscribe(&hotel.relay(0))).await["type"] != "ack" {}
    hotel.send_guest_message(&hotel.relay(0).phone, "Hello").await;
    assert_eq!(socket.skip_to("new_message").await["content"], "Hello");
});

on_sqlite!(twenty_errors_within_a_minute_close_the_socket, |hotel| {
    let staff = hotel.of(0).await;
    let (mut socket, mut other) = (TestSocket::open(&staff).await, TestSocket::open(&staff).await);
    let hidden = hotel.relay(1);
    let invalid_commands = [json!({}), json!({ "command": "fly" }), json!({ "command": "typing" }), subscribe(&hidden)];
    for n in 0..19 {
        let error = socket.ask(invalid_commands[n % 4].clone()).await;
        assert_eq!(error["type"], "error");
    }
    socket.subscribe(hotel.relay(0).id).await;
    // The twentieth error is still sent before the close.
    socket.refused(json!({ "command": "fly" }), "unknown_command").await;
    assert_eq!(socket.closed().await, 1008);
    other.refused(json!({ "command": "fly" }), "unknown_command").await;
    other.ping().await;
});

on_sqlite!(a_socket_has_at_most_a_thousand_subscriptions, WorldOptions::default().hotels(1).stays(1004) => |world| {
    let hotel = world.hotel();
    let mut socket = TestSocket::open(&hotel.manager().await).await;
    let (epoch, seq) = (socket.welcome["epoch"].clone(), socket.welcome["seq"].clone());
    let resume = |stays: &[TestStay], inbox: bool| {
        let named: Vec<i64> = stays.iter().map(|it| it.conversation).collect();
        json!({ "epoch": epoch, "after_seq": seq, "conversation_ids": named, "inbox": inbox })
    };
    let (first, more) = hotel.stays.split_at(1000);
    let (replayed, resumed) = socket.resume(resume(&first[..998], false)).await;
    assert_eq!((replayed.len(), &resumed["replayed"]), (0, &json!(0)));
    let mut one_too_many = resume(&more[..3], false);
    one_too_many["command"] = "resume".into();
    socket.refused(one_too_many, "too_many_subscriptions").await;
    for stay in &first[998..] {
        socket.ok(subscribe(stay)).await;
    }
    socket.refused(subscribe(&more[0]), "too_many_subscriptions").await;
    // Existing subscriptions, hidden conversations and the inbox do not count as additional subscriptions.
    socket.ok(subscribe(&first[0])).await;
    let (_, resumed) = socket.resume(resume(&first[..500], true)).await;
    assert_eq!(resumed["type"], "resumed");
    socket.ok(json!({ "command": "unsubscribe_from_inbox" })).await;
    socket.ok(json!({ "command": "unsubscribe_from_conversation", "stay_id": first[0].id })).await;
    socket.ok(subscribe(&more[0])).await;
    for stay in [&first[0], &first[999], &more[0], &more[1]] {
        hotel.send_guest_message(&stay.phone, &format!("of {}", stay.id)).await;
    }
    let last = json!({ "command": "unsubscribe_from_conversation", "stay_id": first[1].id });
    socket.ok(last).await;
    let events = socket.events_so_far(&hotel).await;
    assert_eq!(message_texts(&events), [format!("of {}", first[999].id), format!("of {}", more[0].id)]);
});

on_sqlite!(a_resume_with_more_than_a_thousand_names_is_refused, |hotel| {
    let mut socket = TestSocket::open(&hotel.of(0).await).await;
    let (epoch, seq) = (socket.welcome["epoch"].clone(), socket.welcome["seq"].clone());
    let names = |from: i64, count: i64| (0..count).map(|n| 9_000_000_000 + from + n).collect::<Vec<i64>>();
    let resume = |conversations: i64, stays: i64| {
        json!({
            "command": "resume", "epoch": epoch, "after_seq": seq,
            "conversation_ids": names(0, conversations), "stay_ids": names(5_000, stays),
        })
    };
    for (conversations, stays) in [(1_001, 0), (0, 1_001), (501, 500), (2_500, 0)] {
        socket.refused(resume(conversations, stays), "too_many_subscriptions").await;
    }
    // The maximum number of names, all of hidden conversations.
    socket.ok(resume(500, 500)).await;
    let events = socket.waiting();
    assert_eq!(of_type(&events, "unsubscribed").len(), 1_000);
    assert_eq!(events.last().map(|it| &it["type"]), Some(&json!("resumed")));
    socket.subscribe(hotel.relay(0).id).await;
});

async fn try_open(hotel: &TestHotel, staff: &StaffClient) -> Result<TestSocket, UpgradeRefusal> {
    TestSocket::try_open(&hotel.world, &[("authorization", &format!("Bearer {}", staff.access))]).await
}

on_both!(a_staff_member_has_at_most_twenty_sockets, |hotel| {
    let staff = hotel.of(0).await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(try_open(&hotel, &staff).await.unwrap());
    }
    // Another session of the same staff member.
    let another_session = hotel.sign_in(&staff.username, PASSWORD).await;
    for session in [&staff, &another_session] {
        let Err(refused) = try_open(&hotel, session).await else { panic!("the socket limit is exceeded") };
        assert_eq!((refused.status, &refused.problem["code"]), (429, &json!("too_many_sockets")));
        assert!(refused.retry_after.unwrap().parse::<u32>().unwrap() >= 1);
    }
    try_open(&hotel, &hotel.of(1).await).await.unwrap();
    for socket in &mut sockets {
        socket.ping().await;
    }
    // A slot is free as soon as the server has noticed the disconnect.
    drop(sockets.pop());
    while try_open(&hotel, &another_session).await.is_err() {}
});
