//! Tests of a feed, and of a subscription actor, that panics.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use actix::{Actor, ActorContext, Addr, AsyncContext};
use chrono::{DateTime, Utc};
use desk::{
    Clock, PageRequest,
    conversations::ConversationFilter,
    feed_query::{FeedQuery, SessionQuery, SessionView, ShownObjects},
};
use domain::{Conversation, ConversationId, ConversationRef, HotelId, Seq};

use super::fixture::{DemoNode, close_cause};
use crate::{
    feed::{
        requests::{FeedRequest, SocketRequest},
        state::Feed,
        subscription::{Broadcast, StaySubscription},
    },
    socket::{SocketState, send_queue::CloseCause, wake_list::WakeList},
};

/// A clock that panics at its next reading once it is armed.
#[derive(Default)]
struct PanickingClock {
    is_armed: AtomicBool,
}

impl Clock for PanickingClock {
    fn now(&self) -> DateTime<Utc> {
        assert!(!self.is_armed.swap(false, SeqCst), "on purpose");
        Utc::now()
    }
}

async fn wait_until(is_true: impl Fn() -> bool) {
    let wait = async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("timeout");
}

/// Loads the newest conversation of the demo hotel, and the session that sees it.
async fn load_conversation(node: &DemoNode) -> (SessionView, Conversation) {
    let listed = node
        .desk
        .list_conversations(node.caller, ConversationFilter::default(), PageRequest { number: 1, size: 1 })
        .await
        .unwrap();
    let which = ConversationRef::Conversation(listed.value.page[0].conversation.id());
    let looks = vec![SessionQuery { caller: node.caller, conversations: vec![which] }];
    let query = FeedQuery { hotel: node.caller.hotel, sessions: looks, log: None, shown: ShownObjects::default() };
    let seen = node.desk.query_feed(query).await.unwrap().sessions.remove(0).unwrap();
    let conversation = seen.conversations[0].clone().unwrap();
    (seen, conversation)
}

/// Starts a subscription actor that has already stopped when this returns, as after a panic.
async fn stopped_actor(hotel: HotelId, conversation: ConversationId) -> Addr<StaySubscription> {
    let actor = StaySubscription::create(|context| {
        context.run_later(Duration::ZERO, |_, context| context.terminate());
        StaySubscription::new(hotel, conversation, WakeList::default())
    });
    wait_until(|| !actor.connected()).await;
    actor
}

fn broadcast() -> Broadcast {
    Broadcast::Ephemeral { frame: "frame".into(), except: domain::StaffId(0) }
}

#[actix_web::test]
async fn a_feed_that_panics_closes_its_sockets_and_the_next_socket_gets_a_new_feed() {
    let clock = Arc::new(PanickingClock::default());
    let node = DemoNode::new("manager", clock.clone()).await;
    let first = node.connect();
    wait_until(|| first.state().is_some()).await;
    clock.is_armed.store(true, SeqCst);
    // The feed panics while it handles the join of this socket.
    let second = node.connect();
    wait_until(|| first.send_queue.closing_since().is_some() && second.send_queue.closing_since().is_some()).await;
    assert_eq!((close_cause(&first), close_cause(&second)), (Some(CloseCause::Restart), Some(CloseCause::Restart)));
    assert!(node.feed().is_none());
    let third = node.connect();
    wait_until(|| third.state().is_some()).await;
    assert_eq!(close_cause(&third), None);
}

#[actix_web::test]
async fn a_feed_that_retires_closes_no_socket() {
    let node = DemoNode::new("manager", Arc::new(PanickingClock::default())).await;
    let first = node.connect();
    wait_until(|| first.state().is_some()).await;
    node.feed().unwrap().request(FeedRequest::Socket(first.clone(), SocketRequest::Leave));
    wait_until(|| node.feed().is_none()).await;
    let second = node.connect();
    wait_until(|| second.state().is_some()).await;
    assert_eq!((close_cause(&first), close_cause(&second)), (None, None));
}

#[actix_web::test]
async fn subscribers_of_an_actor_that_panicked_are_closed_to_resume() {
    let node = DemoNode::new("manager", Arc::new(PanickingClock::default())).await;
    let (seen, conversation) = load_conversation(&node).await;
    let mut feed = Feed::new(node.caller.hotel, node.hub.feed_context().unwrap());
    let sockets = [(); 2].map(|()| node.hub.create_test_socket(node.caller));
    for socket in &sockets {
        *socket.state() = Some(SocketState::new(&seen.live, Seq(0)));
        feed.sockets.insert(socket.id, socket.clone());
    }
    feed.subscribe(&sockets[0], &conversation).await;
    feed.subscriptions.insert(conversation.id(), stopped_actor(node.caller.hotel, conversation.id()).await);
    feed.broadcast(conversation.id(), broadcast()).await;
    assert_eq!((close_cause(&sockets[0]), close_cause(&sockets[1])), (Some(CloseCause::Restart), None));
    // The next subscriber of the conversation gets a new subscription actor.
    feed.subscribe(&sockets[1], &conversation).await;
    feed.broadcast(conversation.id(), broadcast()).await;
    let batch = sockets[1].send_queue.take(usize::MAX);
    assert_eq!((batch.frames.len(), batch.close_cause), (1, None));
}
