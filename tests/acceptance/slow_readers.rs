//! Slow readers: a full send queue closes the socket with 4408, and a replay waits for its reader.

use acceptance::{StaffClient, TestHotel, TestSocket, TestStay, Value, json, on_both};
use futures_util::future::join_all;

use crate::event_assertions::{assert_in_order, event_types, message_texts, seqs};

/// Sends `count` texts of maximum size, ten at a time, in no particular order.
async fn send_large_texts(staff: &StaffClient, stay: &TestStay, mark: &str, count: usize) {
    // 16 KiB, since each character has four bytes.
    let filler = "🛎".repeat(4000);
    let sends = (0..count).map(|n| {
        let body = json!({ "text": format!("{mark} {n} {filler}") });
        async move { staff.post(stay.path("send_message/"), body).await.is(201) }
    });
    for group in sends.collect::<Vec<_>>().into_iter().fold(vec![Vec::new()], group_by_ten) {
        join_all(group).await;
    }
}

fn group_by_ten<T>(mut all: Vec<Vec<T>>, next: T) -> Vec<Vec<T>> {
    match all.last_mut() {
        Some(last) if last.len() < 10 => last.push(next),
        _ => all.push(vec![next]),
    }
    all
}

/// The ids of all messages of a conversation.
async fn stored_ids(hotel: &TestHotel, stay: &TestStay) -> Vec<i64> {
    let page = hotel.manager().await.get(stay.path("messages/?limit=1000")).await.is(200);
    page.as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()).collect()
}

async fn receive_events(socket: &mut TestSocket, count: usize) -> Vec<Value> {
    let mut all = Vec::new();
    while all.len() < count {
        all.push(socket.next().await);
    }
    all
}

fn message_ids(events: &[Value]) -> Vec<i64> {
    events.iter().filter(|it| it["type"] == "new_message").map(|it| it["id"].as_i64().unwrap()).collect()
}

on_both!(a_socket_that_stops_reading_is_closed_with_4408, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let old = stored_ids(&hotel, &stay).await.len();
    let mut slow = TestSocket::open_narrow(&staff).await;
    let mut healthy = TestSocket::open(&hotel.manager().await).await;
    let begin = slow.welcome["seq"].clone();
    for socket in [&mut slow, &mut healthy] {
        socket.subscribe(stay.id).await;
    }
    // The send queue holds one mebibyte, and the connection buffers more.
    let ((), received_by_healthy) =
        tokio::join!(send_large_texts(&staff, &stay, "flood", 100), receive_events(&mut healthy, 100));
    let all = stored_ids(&hotel, &stay).await.split_off(old);
    assert_eq!((all.len(), message_ids(&received_by_healthy)), (100, all.clone()));
    assert_eq!(slow.closed().await, 4408);
    let received = slow.waiting();
    assert_in_order(&received);
    assert_eq!(message_ids(&received), all[..received.len()]);
    assert!(received.len() < 100, "nothing was dropped");
    // The client resumes as after any disconnect.
    let after = seqs(&received).last().map_or(begin, |seq| json!(seq));
    let mut back = TestSocket::open(&staff).await;
    let (replayed, _) =
        back.resume(json!({ "epoch": back.welcome["epoch"], "after_seq": after, "stay_ids": [stay.id] })).await;
    assert_eq!(message_ids(&replayed), all[received.len()..]);
    healthy.nothing(&hotel).await;
});

on_both!(a_replay_waits_for_its_reader, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let old = stored_ids(&hotel, &stay).await.len();
    let begin = TestSocket::open(&staff).await.welcome["seq"].clone();
    send_large_texts(&staff, &stay, "before", 90).await;
    let mut slow = TestSocket::open_narrow(&staff).await;
    let resume =
        json!({ "command": "resume", "epoch": slow.welcome["epoch"], "after_seq": begin, "stay_ids": [stay.id] });
    slow.send(resume).await;
    // The replay has started; the events of the next messages wait until it has finished.
    let mut received = vec![slow.next().await];
    send_large_texts(&staff, &stay, "meanwhile", 90).await;
    while received.last().unwrap()["type"] != "resumed" {
        received.push(slow.next().await);
    }
    let all = stored_ids(&hotel, &stay).await.split_off(old);
    assert_eq!((all.len(), message_ids(&received)), (180, all));
    assert_eq!(received.last().unwrap()["replayed"], 180);
    assert_in_order(&received);
    hotel.send_guest_message(&stay.phone, "live").await;
    assert_eq!(message_texts(&slow.events_so_far(&hotel).await), ["live"]);
});

on_both!(a_transfer_during_a_replay_ends_the_subscription, |hotel| {
    let (staff, stay, other) = (hotel.of(0).await, hotel.assigned(0).await, hotel.active(0));
    let begin = TestSocket::open(&staff).await.welcome["seq"].clone();
    send_large_texts(&staff, &stay, "before", 90).await;
    let mut slow = TestSocket::open_narrow(&staff).await;
    slow.subscribe(other.id).await;
    let resume =
        json!({ "command": "resume", "epoch": slow.welcome["epoch"], "after_seq": begin, "stay_ids": [stay.id] });
    slow.send(resume).await;
    slow.expect("new_message").await;
    let body = json!({ "department_id": hotel.departments[1].id });
    hotel.manager().await.post(other.path("start_relay/"), body).await.is(200);
    hotel.send_guest_message(&other.phone, "not for you any more").await;
    let unsubscribed = slow.skip_to("unsubscribed").await;
    assert_eq!((&unsubscribed["stay_id"], &unsubscribed["reason"]), (&json!(other.id), &json!("routed_away")));
    assert_eq!(slow.expect("resumed").await["replayed"], 90);
    slow.nothing(&hotel).await;
});

on_both!(a_replay_larger_than_the_send_queue_is_delivered, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let begin = TestSocket::open(&staff).await.welcome["seq"].clone();
    let senders = (0..4).map(|_| async {
        let mut socket = TestSocket::open(&staff).await;
        for n in 0..280 {
            let send = json!({ "command": "send_message", "stay_id": stay.id, "text": format!("message {n}") });
            if n % 40 == 39 { drop(socket.ok(send).await) } else { socket.send(send).await }
        }
        socket.ping().await;
    });
    join_all(senders).await;
    let mut slow = TestSocket::open_narrow(&staff).await;
    let named = json!({ "epoch": slow.welcome["epoch"], "after_seq": begin, "stay_ids": [stay.id] });
    let (replayed, resumed) = slow.resume(named).await;
    assert_eq!((event_types(&replayed), &resumed["replayed"]), (vec!["new_message"; 1120], &json!(1120)));
    assert_in_order(&replayed);
    slow.nothing(&hotel).await;
});
