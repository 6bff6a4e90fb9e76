//! Many who write at once while others come, go and lose sight: each is told each message once and
//! in order, and nobody what is not theirs.

use std::collections::BTreeMap;

use acceptance::{Hotel, PASSWORD, Socket, Staff, Stay, Value, json, on_both};
use futures_util::future::{join, join_all};
use tokio::sync::Notify;

use crate::told::{in_order, only};

const SENDERS: usize = 8;
const SENDS: usize = 200;

/// Somebody who writes and listens, and what came to them, over all their connections.
struct Listener {
    staff: Staff,
    stays: Vec<Stay>,
    socket: Socket,
    came: Vec<Value>,
}

impl Listener {
    async fn begin(staff: &Staff, stays: &[&Stay]) -> Self {
        let mut socket = Socket::open(staff).await;
        for stay in stays {
            socket.subscribe(stay.id).await;
        }
        let stays = stays.iter().copied().cloned().collect();
        Self { staff: staff.clone(), stays, socket, came: Vec::new() }
    }

    /// Sends its part, turn by turn over its stays; twice on the way the line breaks.
    async fn play(&mut self, name: usize, breaks: bool) {
        for n in 0..SENDS {
            let stay = self.stays[n % self.stays.len()].id;
            let text = format!("{name}/{n}");
            let send = json!({ "command": "send_message", "stay_id": stay, "text": text, "client_ref": text });
            self.socket.ok(send).await;
            self.came.extend(self.socket.waiting());
            if breaks && n % 70 == 69 {
                self.break_off().await;
            }
        }
    }

    async fn break_off(&mut self) {
        let begin = &self.socket.welcome["seq"];
        let seq = self.came.iter().filter_map(|it| it["seq"].as_i64()).max().or(begin.as_i64());
        self.socket = Socket::open(&self.staff).await;
        let stays: Vec<i64> = self.stays.iter().map(|it| it.id).collect();
        let from = json!({ "epoch": self.socket.welcome["epoch"], "after_seq": seq, "stay_ids": stays });
        let (replayed, resumed) = self.socket.resume(from).await;
        assert_eq!(resumed["type"], "resumed");
        self.came.extend(replayed);
    }

    /// What was told of each stay: ids of messages.
    async fn end(mut self, hotel: &Hotel) -> BTreeMap<i64, Vec<i64>> {
        self.came.extend(self.socket.so_far(hotel).await);
        in_order(&self.came);
        let mut told: BTreeMap<i64, Vec<i64>> = self.stays.iter().map(|it| (it.id, Vec::new())).collect();
        for message in only(&self.came, "new_message") {
            let own = message["client_ref"].is_string();
            assert_eq!(own, message["sender_name"] == self.staff.name(), "{message}");
            told.get_mut(&message["stay_id"].as_i64().unwrap()).unwrap().push(message["id"].as_i64().unwrap());
        }
        told
    }
}

/// The newest message of a conversation.
async fn newest(manager: &Staff, stay: &Stay) -> i64 {
    manager.get(stay.path("messages/?limit=1")).await.is(200)[0]["id"].as_i64().unwrap()
}

/// All messages that a conversation has after this one.
async fn stored(manager: &Staff, stay: &Stay, mut after: i64) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let page = manager.get(stay.path(&format!("messages/?limit=1000&after={after}"))).await.is(200);
        let page = page.as_array().unwrap().clone();
        let Some(last) = page.last() else { return all };
        after = last["id"].as_i64().unwrap();
        all.extend(page);
    }
}

/// Transfers a conversation to and fro, and says where it is.
async fn transfer(manager: &Staff, hotel: &Hotel, stay: &Stay, times: usize) {
    for _ in 0..times {
        for department in [2, 1] {
            let body = json!({ "department_id": hotel.departments[department].id });
            manager.post(stay.path("start_relay/"), body).await.is(200);
            let text = format!("in department {department}");
            manager.post(stay.path("send_message/"), json!({ "text": text })).await.is(201);
        }
    }
}

/// A member of department 1 who subscribes again whenever it is theirs again; what they are told,
/// until it is over.
async fn comes_and_goes(socket: &mut Socket, stay: &Stay, over: &Notify) -> Vec<Value> {
    let mut came = Vec::new();
    loop {
        let outcome = socket.ask(json!({ "command": "subscribe_to_conversation", "stay_id": stay.id })).await;
        came.extend(socket.waiting());
        if outcome["type"] == "error" {
            assert_eq!(outcome["code"], "not_found");
            // The last transfer is to them: it will come.
            socket.skip_to("new_conversation").await;
            continue;
        }
        let mut listens = true;
        while listens {
            tokio::select! {
                event = socket.next() => {
                    listens = event["type"] != "unsubscribed";
                    came.push(event);
                }
                () = over.notified() => return came,
            }
        }
    }
}

on_both!(everybody_is_told_everything_once_and_in_order, |hotel| {
    let manager = hotel.manager().await;
    let (one, two) = (hotel.assigned(0).await, hotel.assigned(1).await);
    let elsewhere = hotel.sign_in(&manager.username, PASSWORD).await;
    let colleague = hotel.hire("manager", &[hotel.departments[0].id]).await;
    let newest = newest(&manager, &one).await.max(newest(&manager, &two).await);
    let mut listeners = Vec::new();
    for n in 0..SENDERS {
        listeners.push(match n % 4 {
            0 => Listener::begin(&hotel.of(0).await, &[&one]).await,
            1 => Listener::begin(&manager, &[&one, &two]).await,
            2 => Listener::begin(&colleague, &[&two, &one]).await,
            _ => Listener::begin(&elsewhere, &[&one, &two]).await,
        });
    }
    let playing = listeners.iter_mut().enumerate().map(|(n, it)| it.play(n, n % 2 == 1));
    let routing = async {
        let routed = json!({ "department_id": hotel.departments[2].id });
        for _ in 0..10 {
            manager.post(hotel.relay(2).path("start_relay/"), routed.clone()).await.is(200);
            hotel.guest_says(&one.phone, "a guest").await;
            hotel.guest_says(&two.phone, "another").await;
        }
    };
    join(join_all(playing), routing).await;
    let mut all = BTreeMap::new();
    for stay in [&one, &two] {
        let messages = stored(&manager, stay, newest).await;
        all.insert(stay.id, messages.iter().map(|it| it["id"].as_i64().unwrap()).collect::<Vec<_>>());
    }
    assert_eq!(all.values().map(Vec::len).sum::<usize>(), SENDERS * SENDS + 20);
    for listener in listeners {
        for (stay, ids) in listener.end(&hotel).await {
            assert_eq!(ids, all[&stay], "of stay {stay}");
        }
    }
});

on_both!(transfers_under_way_leak_nothing, |hotel| {
    let (manager, staff, stay) = (hotel.manager().await, hotel.of(1).await, hotel.relay(1));
    let busy = hotel.relay(0);
    let mut socket = Socket::open(&staff).await;
    let over = Notify::new();
    let noise = async {
        for n in 0..100 {
            hotel.guest_says(&busy.phone, &format!("noise {n}")).await;
        }
    };
    let transfers = async {
        transfer(&manager, &hotel, &stay, 10).await;
        over.notify_one();
    };
    let (mut came, (), ()) = tokio::join!(comes_and_goes(&mut socket, &stay, &over), transfers, noise);
    came.extend(socket.so_far(&hotel).await);
    let foreign: Vec<&Value> =
        only(&came, "new_message").into_iter().filter(|it| it["content"] == "in department 2").collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    in_order(&came);
});
