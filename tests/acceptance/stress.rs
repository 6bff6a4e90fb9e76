//! Concurrent senders while other clients connect, disconnect and lose access: each client receives each visible
//! message once and in order, and no other.

use std::collections::BTreeMap;

use acceptance::{PASSWORD, StaffClient, TestHotel, TestSocket, TestStay, Value, json, on_both};
use futures_util::future::{join, join_all};
use tokio::sync::Notify;

use crate::event_assertions::{assert_in_order, of_type};

const SENDERS: usize = 8;
const SENDS: usize = 200;

/// A staff member who sends and receives over several connections, with all received events.
struct StressClient {
    staff: StaffClient,
    stays: Vec<TestStay>,
    socket: TestSocket,
    received: Vec<Value>,
}

impl StressClient {
    async fn connect(staff: &StaffClient, stays: &[&TestStay]) -> Self {
        let mut socket = TestSocket::open(staff).await;
        for stay in stays {
            socket.subscribe(stay.id).await;
        }
        let stays = stays.iter().copied().cloned().collect();
        Self { staff: staff.clone(), stays, socket, received: Vec::new() }
    }

    /// Sends messages to its stays in turn; with `reconnects`, disconnects and resumes every 70 messages.
    async fn send_all(&mut self, name: usize, reconnects: bool) {
        for n in 0..SENDS {
            let stay = self.stays[n % self.stays.len()].id;
            let text = format!("{name}/{n}");
            let send = json!({ "command": "send_message", "stay_id": stay, "text": text, "client_ref": text });
            self.socket.ok(send).await;
            self.received.extend(self.socket.waiting());
            if reconnects && n % 70 == 69 {
                self.reconnect().await;
            }
        }
    }

    async fn reconnect(&mut self) {
        let begin = &self.socket.welcome["seq"];
        let seq = self.received.iter().filter_map(|it| it["seq"].as_i64()).max().or(begin.as_i64());
        self.socket = TestSocket::open(&self.staff).await;
        let stays: Vec<i64> = self.stays.iter().map(|it| it.id).collect();
        let from = json!({ "epoch": self.socket.welcome["epoch"], "after_seq": seq, "stay_ids": stays });
        let (replayed, resumed) = self.socket.resume(from).await;
        assert_eq!(resumed["type"], "resumed");
        self.received.extend(replayed);
    }

    /// The received message ids of each stay.
    async fn received_ids(mut self, hotel: &TestHotel) -> BTreeMap<i64, Vec<i64>> {
        self.received.extend(self.socket.events_so_far(hotel).await);
        assert_in_order(&self.received);
        let mut ids: BTreeMap<i64, Vec<i64>> = self.stays.iter().map(|it| (it.id, Vec::new())).collect();
        for message in of_type(&self.received, "new_message") {
            let own = message["client_ref"].is_string();
            assert_eq!(own, message["sender_name"] == self.staff.name(), "{message}");
            ids.get_mut(&message["stay_id"].as_i64().unwrap()).unwrap().push(message["id"].as_i64().unwrap());
        }
        ids
    }
}

async fn newest_message_id(manager: &StaffClient, stay: &TestStay) -> i64 {
    manager.get(stay.path("messages/?limit=1")).await.is(200)[0]["id"].as_i64().unwrap()
}

/// The messages of a conversation after a message id.
async fn messages_after(manager: &StaffClient, stay: &TestStay, mut after: i64) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let page = manager.get(stay.path(&format!("messages/?limit=1000&after={after}"))).await.is(200);
        let page = page.as_array().unwrap().clone();
        let Some(last) = page.last() else { return all };
        after = last["id"].as_i64().unwrap();
        all.extend(page);
    }
}

/// Transfers a conversation to department 2 and back, and sends the department's number as text.
async fn transfer(manager: &StaffClient, hotel: &TestHotel, stay: &TestStay, times: usize) {
    for _ in 0..times {
        for department in [2, 1] {
            let body = json!({ "department_id": hotel.departments[department].id });
            manager.post(stay.path("start_relay/"), body).await.is(200);
            let text = format!("in department {department}");
            manager.post(stay.path("send_message/"), json!({ "text": text })).await.is(201);
        }
    }
}

/// A member of department 1 who subscribes whenever the conversation is visible again. Returns the received events when
/// the transfers are over.
async fn resubscribe_after_transfers(socket: &mut TestSocket, stay: &TestStay, finished: &Notify) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let outcome = socket.ask(json!({ "command": "subscribe_to_conversation", "stay_id": stay.id })).await;
        events.extend(socket.waiting());
        if outcome["type"] == "error" {
            assert_eq!(outcome["code"], "not_found");
            // The last transfer goes to department 1, so this event will arrive.
            socket.skip_to("new_conversation").await;
            continue;
        }
        let mut is_subscribed = true;
        while is_subscribed {
            tokio::select! {
                event = socket.next() => {
                    is_subscribed = event["type"] != "unsubscribed";
                    events.push(event);
                }
                () = finished.notified() => return events,
            }
        }
    }
}

on_both!(every_client_receives_every_message_once_and_in_order, |hotel| {
    let manager = hotel.manager().await;
    let (one, two) = (hotel.assigned(0).await, hotel.assigned(1).await);
    let another_session = hotel.sign_in(&manager.username, PASSWORD).await;
    let colleague = hotel.hire("manager", &[hotel.departments[0].id]).await;
    let newest = newest_message_id(&manager, &one).await.max(newest_message_id(&manager, &two).await);
    let mut clients = Vec::new();
    for n in 0..SENDERS {
        clients.push(match n % 4 {
            0 => StressClient::connect(&hotel.of(0).await, &[&one]).await,
            1 => StressClient::connect(&manager, &[&one, &two]).await,
            2 => StressClient::connect(&colleague, &[&two, &one]).await,
            _ => StressClient::connect(&another_session, &[&one, &two]).await,
        });
    }
    let sending = clients.iter_mut().enumerate().map(|(n, it)| it.send_all(n, n % 2 == 1));
    let routing = async {
        let routed = json!({ "department_id": hotel.departments[2].id });
        for _ in 0..10 {
            manager.post(hotel.relay(2).path("start_relay/"), routed.clone()).await.is(200);
            hotel.send_guest_message(&one.phone, "a guest").await;
            hotel.send_guest_message(&two.phone, "another").await;
        }
    };
    join(join_all(sending), routing).await;
    let mut all = BTreeMap::new();
    for stay in [&one, &two] {
        let messages = messages_after(&manager, stay, newest).await;
        all.insert(stay.id, messages.iter().map(|it| it["id"].as_i64().unwrap()).collect::<Vec<_>>());
    }
    assert_eq!(all.values().map(Vec::len).sum::<usize>(), SENDERS * SENDS + 20);
    for client in clients {
        for (stay, ids) in client.received_ids(&hotel).await {
            assert_eq!(ids, all[&stay], "of stay {stay}");
        }
    }
});

on_both!(concurrent_transfers_reveal_no_message, |hotel| {
    let (manager, staff, stay) = (hotel.manager().await, hotel.of(1).await, hotel.relay(1));
    let busy = hotel.relay(0);
    let mut socket = TestSocket::open(&staff).await;
    let finished = Notify::new();
    let noise = async {
        for n in 0..100 {
            hotel.send_guest_message(&busy.phone, &format!("noise {n}")).await;
        }
    };
    let transfers = async {
        transfer(&manager, &hotel, &stay, 10).await;
        finished.notify_one();
    };
    let (mut events, (), ()) =
        tokio::join!(resubscribe_after_transfers(&mut socket, &stay, &finished), transfers, noise);
    events.extend(socket.events_so_far(&hotel).await);
    let foreign: Vec<&Value> =
        of_type(&events, "new_message").into_iter().filter(|it| it["content"] == "in department 2").collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert_in_order(&events);
});
