//! What one socket, and one staff member, may ask for.

use acceptance::{Hotel, Options, PASSWORD, Refused, Socket, Staff, Stay, Value, json, on_both};

use crate::told::{only, said};

fn subscribe(stay: &Stay) -> Value {
    json!({ "command": "subscribe_to_conversation", "stay_id": stay.id })
}

/// The next so many outcomes.
async fn outcomes(socket: &mut Socket, count: usize) -> Vec<Value> {
    let mut all = Vec::new();
    while all.len() < count {
        all.push(socket.next().await);
    }
    all
}

on_both!(commands_beyond_the_burst_are_refused, |hotel| {
    let mut socket = Socket::open(&hotel.of(0).await).await;
    // What is no command counts like one, and beyond the limit is told nothing else.
    let flood = 1000;
    for n in 0..flood {
        let word = if n < 300 || n % 2 == 0 { "unsubscribe_from_inbox" } else { "fly" };
        let request = if n < 300 { "burst" } else { "x" };
        socket.send(json!({ "command": word, "request_id": request })).await;
    }
    let told = outcomes(&mut socket, flood).await;
    let of_the_burst = only(&told, "ack").into_iter().filter(|it| it["request_id"] == "burst");
    assert_eq!(of_the_burst.count(), 300);
    let refused: Vec<&Value> = only(&told, "error").into_iter().filter(|it| it["code"] == "rate_limited").collect();
    assert!(refused.len() >= 100, "{} were refused", refused.len());
    for it in refused {
        assert_eq!((&it["request_id"], it.get("errors")), (&json!("x"), None), "{it}");
    }
    // Pings are no commands in this sense.
    for n in 0..400 {
        socket.send(json!({ "command": "ping", "request_id": format!("p{n}") })).await;
    }
    let told = outcomes(&mut socket, 400).await;
    assert_eq!(only(&told, "pong").len(), 400, "{told:?}");
    // Many more than twenty errors, and it lives: within the limit it goes on.
    while socket.ask(subscribe(&hotel.relay(0))).await["type"] != "ack" {}
    hotel.guest_says(&hotel.relay(0).phone, "Hello").await;
    assert_eq!(socket.skip_to("new_message").await["content"], "Hello");
});

on_both!(twenty_errors_within_a_minute_end_the_socket, |hotel| {
    let staff = hotel.of(0).await;
    let (mut socket, mut other) = (Socket::open(&staff).await, Socket::open(&staff).await);
    let theirs = hotel.relay(1);
    let of_all_kinds = [json!({}), json!({ "command": "fly" }), json!({ "command": "typing" }), subscribe(&theirs)];
    for n in 0..19 {
        let error = socket.ask(of_all_kinds[n % 4].clone()).await;
        assert_eq!(error["type"], "error");
    }
    socket.subscribe(hotel.relay(0).id).await;
    // Each is told before the end, the last as well.
    socket.refused(json!({ "command": "fly" }), "unknown_command").await;
    assert_eq!(socket.closed().await, 1008);
    other.refused(json!({ "command": "fly" }), "unknown_command").await;
    other.ping().await;
});

on_both!(a_thousand_subscriptions_are_the_most, Options::default().hotels(1).stays(1004) => |world| {
    let hotel = world.hotel();
    let mut socket = Socket::open(&hotel.manager().await).await;
    let (epoch, seq) = (socket.welcome["epoch"].clone(), socket.welcome["seq"].clone());
    let resume = |stays: &[Stay], inbox: bool| {
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
    // One that is there is not one more, nor is one that is out of sight, nor the inbox.
    socket.ok(subscribe(&first[0])).await;
    let (_, resumed) = socket.resume(resume(&first[..500], true)).await;
    assert_eq!(resumed["type"], "resumed");
    socket.ok(json!({ "command": "unsubscribe_from_inbox" })).await;
    socket.ok(json!({ "command": "unsubscribe_from_conversation", "stay_id": first[0].id })).await;
    socket.ok(subscribe(&more[0])).await;
    for stay in [&first[0], &first[999], &more[0], &more[1]] {
        hotel.guest_says(&stay.phone, &format!("of {}", stay.id)).await;
    }
    let last = json!({ "command": "unsubscribe_from_conversation", "stay_id": first[1].id });
    socket.ok(last).await;
    let told = socket.so_far(&hotel).await;
    assert_eq!(said(&told), [format!("of {}", first[999].id), format!("of {}", more[0].id)]);
});

on_both!(more_than_a_thousand_names_are_refused_and_do_not_close_the_socket, |hotel| {
    let mut socket = Socket::open(&hotel.of(0).await).await;
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
    // As many as may be, all of them out of sight.
    socket.ok(resume(500, 500)).await;
    let told = socket.waiting();
    assert_eq!(only(&told, "unsubscribed").len(), 1_000);
    assert_eq!(told.last().map(|it| &it["type"]), Some(&json!("resumed")));
    socket.subscribe(hotel.relay(0).id).await;
});

async fn opened(hotel: &Hotel, staff: &Staff) -> Result<Socket, Refused> {
    Socket::try_open(&hotel.world, &[("authorization", &format!("Bearer {}", staff.access))]).await
}

on_both!(twenty_sockets_are_the_most_of_one, |hotel| {
    let staff = hotel.of(0).await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(opened(&hotel, &staff).await.unwrap());
    }
    // Another session is the same person.
    let elsewhere = hotel.sign_in(&staff.username, PASSWORD).await;
    for session in [&staff, &elsewhere] {
        let Err(refused) = opened(&hotel, session).await else { panic!("a socket too many") };
        assert_eq!((refused.status, &refused.problem["code"]), (429, &json!("too_many_sockets")));
        assert!(refused.retry_after.unwrap().parse::<u32>().unwrap() >= 1);
    }
    opened(&hotel, &hotel.of(1).await).await.unwrap();
    for socket in &mut sockets {
        socket.ping().await;
    }
    // As soon as the server knows that one is gone, there is room.
    drop(sockets.pop());
    while opened(&hotel, &elsewhere).await.is_err() {}
});
