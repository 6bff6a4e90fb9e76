//! Tests that feed requests take effect exactly at the log position of their snapshot.

use std::sync::Arc;

use chrono::Utc;
use desk::{
    Committed, SystemClock,
    feed_query::{FeedQuery, SessionQuery, ShownObjects},
};
use domain::{
    ConversationId, ConversationRef, DepartmentId, Event, EventKind, Seq, StayId, event::ConversationChange,
    text::RequestId,
};
use serde_json::Value;
use tokio::sync::oneshot;

use super::fixture::{DemoNode, close_cause, join_request};
use crate::{
    feed::{
        requests::{FeedRequest, HeadSnapshot, ReplayEnd, SocketRequest},
        state::Feed,
    },
    socket::{SocketHandle, frames::ReplyTo, send_queue::CloseCause},
};

/// A conversation of the demo that is routed to reception.
const CONVERSATION: ConversationId = ConversationId(1);
const STAY: StayId = StayId(1);
const RECEPTION: DepartmentId = DepartmentId(1);
const HOUSEKEEPING: DepartmentId = DepartmentId(2);

/// Test fixture: a feed that is driven by hand, and a joined socket of a staff member of reception.
struct ReceptionFeed {
    node: DemoNode,
    feed: Feed,
    socket: Arc<SocketHandle>,
}

impl ReceptionFeed {
    async fn new() -> Self {
        let node = DemoNode::new("reception", Arc::new(SystemClock)).await;
        let socket = node.hub.create_test_socket(node.caller);
        let mut feed = Feed::new(node.caller.hotel, node.hub.feed_context().unwrap());
        feed.serve_requests(vec![join_request(&socket)]).await;
        let fixture = Self { node, feed, socket };
        assert_eq!(fixture.received_types(), ["welcome"]);
        fixture
    }

    fn change_event(&self, seq: Seq, after: DepartmentId) -> Event {
        let change = ConversationChange {
            conversation: CONVERSATION,
            stay: Some(STAY),
            before: Some(RECEPTION),
            after: Some(after),
            only_message: false,
        };
        Event { hotel: self.feed.hotel, seq, at: Utc::now(), kind: EventKind::ConversationUpdated(change) }
    }

    /// Puts events into the commit inbox. The database does not contain them.
    fn push_events(&self, events: Vec<Event>) {
        let head = events.last().unwrap().seq;
        self.feed.inbox.push(
            &Committed { events: events.into(), has_more: false, has_other_nodes: false },
            head,
            false,
        );
    }

    /// Puts a transfer to housekeeping into the commit inbox, directly after the feed's position.
    fn push_transfer(&self) {
        self.push_events(vec![self.change_event(self.feed.position.next(), HOUSEKEEPING)]);
    }

    /// Takes the frames out of the socket's send queue. Returns the event types of the frames.
    fn received_types(&self) -> Vec<String> {
        let frames = self.socket.send_queue.take(usize::MAX).frames;
        let events = frames.iter().map(|frame| serde_json::from_str::<Value>(frame).unwrap());
        events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    fn request(&self, request: SocketRequest) -> FeedRequest {
        FeedRequest::Socket(self.socket.clone(), request)
    }

    fn subscribe(&self) -> FeedRequest {
        let which = ConversationRef::Conversation(CONVERSATION);
        self.request(SocketRequest::Subscribe(which, reply_to(), oneshot::channel().0))
    }
}

fn reply_to() -> ReplyTo {
    ReplyTo { request_id: RequestId::parse("1").ok(), command: "subscribe_to_conversation" }
}

#[actix_web::test]
async fn a_transfer_after_the_snapshot_ends_the_new_subscription() {
    let mut fixture = ReceptionFeed::new().await;
    let snapshot_position = fixture.feed.position;
    fixture.push_transfer();
    fixture.feed.serve_requests(vec![fixture.subscribe()]).await;
    assert_eq!(fixture.feed.position, snapshot_position, "an event after the snapshot was fanned out");
    assert_eq!(fixture.received_types(), ["ack"]);
    fixture.feed.catch_up().await;
    assert_eq!(fixture.feed.position, snapshot_position.next());
    assert_eq!(fixture.received_types(), ["unsubscribed"]);
    assert!(fixture.feed.subscriptions.is_empty(), "an actor without subscribers is left");
}

#[actix_web::test]
async fn a_subscription_beside_a_recheck_is_kept() {
    let mut fixture = ReceptionFeed::new().await;
    let recheck = fixture.request(SocketRequest::RecheckAccess);
    fixture.feed.serve_requests(vec![fixture.subscribe(), recheck]).await;
    assert_eq!(fixture.received_types(), ["ack"]);
    assert!(fixture.feed.subscriptions.contains_key(&CONVERSATION));
}

#[actix_web::test]
async fn a_conversation_with_the_stay_of_another_is_refused() {
    let mut fixture = ReceptionFeed::new().await;
    for (stay, expected) in [(STAY, "ack"), (StayId(2), "error")] {
        let which = ConversationRef::Both(CONVERSATION, stay);
        let subscribe = SocketRequest::Subscribe(which, reply_to(), oneshot::channel().0);
        let unsubscribe = SocketRequest::Unsubscribe(which, reply_to(), oneshot::channel().0);
        for request in [subscribe, unsubscribe] {
            fixture.feed.serve_requests(vec![fixture.request(request)]).await;
            assert_eq!(fixture.received_types(), [expected], "{stay:?}");
        }
    }
}

#[actix_web::test]
async fn a_replay_that_ends_at_the_position_of_the_feed_needs_no_query() {
    let mut fixture = ReceptionFeed::new().await;
    let looks = vec![SessionQuery {
        caller: fixture.socket.caller,
        conversations: vec![ConversationRef::Conversation(CONVERSATION)],
    }];
    let query = FeedQuery { hotel: fixture.feed.hotel, sessions: looks, log: None, shown: ShownObjects::default() };
    let snapshot = fixture.node.desk.query_feed(query).await.unwrap();
    // The database does not contain this transfer, so a query would find a head of the log behind the feed.
    fixture.push_transfer();
    fixture.feed.catch_up().await;
    if let Some(state) = fixture.socket.state().as_mut() {
        state.replaying_from = Some(snapshot.head);
    }
    let (is_done, answer) = oneshot::channel();
    let end = ReplayEnd {
        after: snapshot.head.next(),
        named: vec![ConversationRef::Conversation(CONVERSATION)],
        inbox: false,
        at_head: Some(Box::new(HeadSnapshot { epoch: snapshot.epoch, seen: snapshot.sessions[0].clone().unwrap() })),
        replayed: None,
        is_done,
    };
    fixture.feed.serve_requests(vec![fixture.request(SocketRequest::FinishReplay(end))]).await;
    assert_eq!(answer.await, Ok(true));
    assert!(fixture.feed.subscriptions.contains_key(&CONVERSATION));
    assert_eq!(close_cause(&fixture.socket), None);
}

#[actix_web::test]
async fn a_commit_group_is_fanned_out_in_parts_if_a_snapshot_ends_within_it() {
    let mut fixture = ReceptionFeed::new().await;
    fixture.feed.serve_requests(vec![fixture.subscribe()]).await;
    fixture.received_types();
    let start = fixture.feed.position;
    fixture.push_events((1..=3).map(|n| fixture.change_event(Seq(start.0 + n), RECEPTION)).collect());
    fixture.feed.fan_out_to(Seq(start.0 + 2)).await;
    assert_eq!(fixture.received_types(), ["conversation_updated"; 2]);
    fixture.feed.catch_up().await;
    assert_eq!((fixture.received_types().len(), fixture.feed.position), (1, Seq(start.0 + 3)));
}

#[actix_web::test]
async fn after_a_restore_old_sockets_are_closed_and_a_new_one_gets_the_new_epoch() {
    let mut fixture = ReceptionFeed::new().await;
    let (hotel, head) = fixture.node.desk.log_heads(vec![fixture.feed.hotel]).await.unwrap().1[0];
    // The feed's position is beyond the log, as if the log was longer before a backup was restored.
    fixture.feed.set_position(Seq(head.0 + 50));
    fixture.feed.inbox.report_head(Seq(head.0 + 50), true);
    let epoch = fixture.node.desk.start_new_epoch().await.unwrap();
    let late = fixture.node.hub.create_test_socket(fixture.node.caller);
    fixture.feed.serve_requests(vec![join_request(&late)]).await;
    let welcome: Value = serde_json::from_str(&late.send_queue.take(usize::MAX).frames[0]).unwrap();
    assert_eq!((welcome["epoch"].as_str(), welcome["seq"].as_i64()), (Some(&*epoch), Some(head.0)));
    assert_eq!(close_cause(&fixture.socket), Some(CloseCause::Restart));
    // After the restore the feed does not catch up to the old epoch's head of the log.
    fixture.feed.catch_up().await;
    assert_eq!((fixture.feed.hotel, fixture.feed.position), (hotel, head));
    assert_eq!(close_cause(&late), None);
}
