//! Readers who are slow, and who do not read at all.

use acceptance::{Hotel, Socket, Staff, Stay, Value, json, on_both};
use futures_util::future::join_all;

use crate::told::{in_order, said, seqs, words};

/// So many of the longest messages, each marked; sent side by side, so in no order.
async fn flood(staff: &Staff, stay: &Stay, mark: &str, count: usize) {
    // Four bytes a character: 16 KiB.
    let filler = "🛎".repeat(4000);
    let sends = (0..count).map(|n| {
        let body = json!({ "text": format!("{mark} {n} {filler}") });
        async move { staff.post(stay.path("send_message/"), body).await.is(201) }
    });
    for some in sends.collect::<Vec<_>>().into_iter().fold(vec![Vec::new()], in_tens) {
        join_all(some).await;
    }
}

fn in_tens<T>(mut all: Vec<Vec<T>>, next: T) -> Vec<Vec<T>> {
    match all.last_mut() {
        Some(last) if last.len() < 10 => last.push(next),
        _ => all.push(vec![next]),
    }
    all
}

/// All messages of a conversation that the manager finds, as ids.
async fn stored(hotel: &Hotel, stay: &Stay) -> Vec<i64> {
    let page = hotel.manager().await.get(stay.path("messages/?limit=1000")).await.is(200);
    page.as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()).collect()
}

/// The next so many events.
async fn next_of(socket: &mut Socket, count: usize) -> Vec<Value> {
    let mut all = Vec::new();
    while all.len() < count {
        all.push(socket.next().await);
    }
    all
}

fn ids(events: &[Value]) -> Vec<i64> {
    events.iter().filter(|it| it["type"] == "new_message").map(|it| it["id"].as_i64().unwrap()).collect()
}

on_both!(who_stops_reading_is_closed_and_the_others_are_not, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let old = stored(&hotel, &stay).await.len();
    let mut slow = Socket::open_narrow(&staff).await;
    let mut healthy = Socket::open(&hotel.manager().await).await;
    let begin = slow.welcome["seq"].clone();
    for socket in [&mut slow, &mut healthy] {
        socket.subscribe(stay.id).await;
    }
    // A mebibyte may wait, and what the line holds.
    let ((), told) = tokio::join!(flood(&staff, &stay, "flood", 100), next_of(&mut healthy, 100));
    let all = stored(&hotel, &stay).await.split_off(old);
    assert_eq!((all.len(), ids(&told)), (100, all.clone()));
    assert_eq!(slow.closed().await, 4408);
    let came = slow.waiting();
    in_order(&came);
    assert_eq!(ids(&came), all[..came.len()]);
    assert!(came.len() < 100, "nothing was dropped");
    // It resumes like any other.
    let after = seqs(&came).last().map_or(begin, |seq| json!(seq));
    let mut back = Socket::open(&staff).await;
    let (replayed, _) =
        back.resume(json!({ "epoch": back.welcome["epoch"], "after_seq": after, "stay_ids": [stay.id] })).await;
    assert_eq!(ids(&replayed), all[came.len()..]);
    healthy.nothing(&hotel).await;
});

on_both!(a_replay_waits_for_its_reader, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let old = stored(&hotel, &stay).await.len();
    let begin = Socket::open(&staff).await.welcome["seq"].clone();
    flood(&staff, &stay, "before", 90).await;
    let mut slow = Socket::open_narrow(&staff).await;
    let resume =
        json!({ "command": "resume", "epoch": slow.welcome["epoch"], "after_seq": begin, "stay_ids": [stay.id] });
    slow.send(resume).await;
    // The replay has begun, and what happens now it has not read yet.
    let mut came = vec![slow.next().await];
    flood(&staff, &stay, "meanwhile", 90).await;
    while came.last().unwrap()["type"] != "resumed" {
        came.push(slow.next().await);
    }
    let all = stored(&hotel, &stay).await.split_off(old);
    assert_eq!((all.len(), ids(&came)), (180, all));
    assert_eq!(came.last().unwrap()["replayed"], 180);
    in_order(&came);
    hotel.guest_says(&stay.phone, "live").await;
    assert_eq!(said(&slow.so_far(&hotel).await), ["live"]);
});

on_both!(what_is_routed_away_during_a_replay_is_said_to_be_so, |hotel| {
    let (staff, stay, other) = (hotel.of(0).await, hotel.assigned(0).await, hotel.active(0));
    let begin = Socket::open(&staff).await.welcome["seq"].clone();
    flood(&staff, &stay, "before", 90).await;
    let mut slow = Socket::open_narrow(&staff).await;
    slow.subscribe(other.id).await;
    let resume =
        json!({ "command": "resume", "epoch": slow.welcome["epoch"], "after_seq": begin, "stay_ids": [stay.id] });
    slow.send(resume).await;
    slow.expect("new_message").await;
    let body = json!({ "department_id": hotel.departments[1].id });
    hotel.manager().await.post(other.path("start_relay/"), body).await.is(200);
    hotel.guest_says(&other.phone, "not for you any more").await;
    let ended = slow.skip_to("unsubscribed").await;
    assert_eq!((&ended["stay_id"], &ended["reason"]), (&json!(other.id), &json!("routed_away")));
    assert_eq!(slow.expect("resumed").await["replayed"], 90);
    slow.nothing(&hotel).await;
});

on_both!(a_replay_of_more_than_may_wait_is_no_slow_reader, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let begin = Socket::open(&staff).await.welcome["seq"].clone();
    let senders = (0..4).map(|_| async {
        let mut socket = Socket::open(&staff).await;
        for n in 0..280 {
            let send = json!({ "command": "send_message", "stay_id": stay.id, "text": format!("message {n}") });
            if n % 40 == 39 { drop(socket.ok(send).await) } else { socket.send(send).await }
        }
        socket.ping().await;
    });
    join_all(senders).await;
    let mut slow = Socket::open_narrow(&staff).await;
    let named = json!({ "epoch": slow.welcome["epoch"], "after_seq": begin, "stay_ids": [stay.id] });
    let (replayed, resumed) = slow.resume(named).await;
    assert_eq!((words(&replayed), &resumed["replayed"]), (vec!["new_message"; 1120], &json!(1120)));
    in_order(&replayed);
    slow.nothing(&hotel).await;
});
