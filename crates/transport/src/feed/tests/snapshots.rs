//! What lies between looking and listening: nothing.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use desk::{Caller, Committed, Credentials, Desk, Lifetimes, SystemClock, Which};
use domain::{ConversationChange, ConversationId, DepartmentId, Event, EventKind, StayId};
use serde_json::Value;

use super::super::*;
use crate::requests::ReplyTo;

/// The demo hotel's feed, and a socket of its reception's that has joined it.
struct Scene {
    _folder: tempfile::TempDir,
    feed: Feed,
    seat: Arc<Seat>,
}

/// A conversation that is routed to reception, and the department that it may be transferred to.
const RECEPTIONS: ConversationId = ConversationId(1);
const HOUSEKEEPING: DepartmentId = DepartmentId(2);

async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let url = desk::DbUrl::Sqlite(folder.path().join("mm.db"));
    let lifetimes = Lifetimes { idle: TimeDelta::days(1), most: TimeDelta::days(1) };
    let desk = Desk::open(&url, &[7; 32], lifetimes, Arc::new(SystemClock), Arc::new(|_| {})).await.unwrap();
    let made = desk.make_demo().await.unwrap();
    let (username, address) = ("reception".to_owned(), [127, 0, 0, 1].into());
    let signed_in = desk.login(Credentials { username, password: made.password, address }).await.unwrap();
    let caller: Caller = desk.caller_of_token(&signed_in.access).unwrap();
    let hub = Hub::new();
    let seat = hub.seat_here(caller);
    let mut feed = Feed::new(made.hotel, desk, hub);
    feed.answer(vec![Request::Of(seat.clone(), Wish::Join(tokio::sync::oneshot::channel().0))]).await;
    Scene { _folder: folder, feed, seat }
}

impl Scene {
    /// An event that is committed and carried, just after whatever snapshot is taken now.
    fn carry_transfer_away(&self) {
        let change = ConversationChange {
            conversation: RECEPTIONS,
            stay: Some(StayId(1)),
            before: Some(DepartmentId(1)),
            after: Some(HOUSEKEEPING),
            only_message: false,
        };
        let (hotel, seq, at) = (self.feed.hotel, self.feed.position.next(), Utc::now());
        let event = Event { hotel, seq, at, kind: EventKind::ConversationUpdated(change) };
        self.feed.news.carry(&Committed { events: vec![event].into(), more: false, others: false }, seq, false);
    }

    /// The types of what was put out for the socket.
    fn told(&self) -> Vec<String> {
        let frames = self.seat.outbox.take(usize::MAX).frames;
        let events = frames.iter().map(|frame| serde_json::from_str::<Value>(frame).unwrap());
        events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    fn subscribe(&self) -> Request {
        let to = ReplyTo { request_id: domain::RequestId::parse("1").ok(), command: "subscribe_to_conversation" };
        let (done, _) = tokio::sync::oneshot::channel();
        Request::Of(self.seat.clone(), Wish::Subscribe(Which::Conversation(RECEPTIONS), to, done))
    }
}

#[actix_web::test]
async fn a_transfer_right_after_the_look_still_ends_the_subscription() {
    let mut it = scene().await;
    assert_eq!(it.told(), ["welcome"]);
    let looked_at = it.feed.position;
    it.carry_transfer_away();
    it.feed.answer(vec![it.subscribe()]).await;
    assert_eq!(it.feed.position, looked_at, "handed out past its snapshot");
    assert_eq!(it.told(), ["ack"]);
    it.feed.catch_up().await;
    assert_eq!(it.feed.position, looked_at.next());
    assert_eq!(it.told(), ["unsubscribed"]);
    assert!(it.feed.stays.is_empty(), "an actor without listeners is left");
}

#[actix_web::test]
async fn what_is_subscribed_to_beside_a_look_at_the_session_stays_subscribed() {
    let mut it = scene().await;
    it.told();
    let look = Request::Of(it.seat.clone(), Wish::LookAgain);
    it.feed.answer(vec![it.subscribe(), look]).await;
    assert_eq!(it.told(), ["ack"]);
    assert!(it.feed.stays.contains_key(&RECEPTIONS));
}

#[actix_web::test]
async fn a_pair_that_does_not_belong_together_is_refused() {
    let mut it = scene().await;
    it.told();
    for (stay, told) in [(StayId(1), "ack"), (StayId(2), "error")] {
        for subscribes in [true, false] {
            let to = ReplyTo { request_id: domain::RequestId::parse("1").ok(), command: "command" };
            let (which, done) = (Which::Both(RECEPTIONS, stay), tokio::sync::oneshot::channel().0);
            let wish = if subscribes { Wish::Subscribe(which, to, done) } else { Wish::Unsubscribe(which, to, done) };
            it.feed.answer(vec![Request::Of(it.seat.clone(), wish)]).await;
            assert_eq!(it.told(), [told], "{stay:?}");
        }
    }
}

#[actix_web::test]
async fn a_replay_that_ends_where_the_feed_is_asks_nothing_again() {
    let mut it = scene().await;
    it.told();
    let caller = it.seat.caller;
    let looks = vec![Look { caller, which: vec![Which::Conversation(RECEPTIONS)] }];
    let survey = Survey { hotel: it.feed.hotel, looks, log: None, views: vec![] };
    let told = it.feed.desk.survey(survey).await.unwrap();
    // The database does not know of this event: whoever asked it now would find another history.
    it.carry_transfer_away();
    it.feed.catch_up().await;
    let after = told.head.next();
    let at_head = Some(Box::new(crate::requests::AtHead { epoch: told.epoch, seen: told.seen[0].clone().unwrap() }));
    if let Some(standing) = it.seat.standing().as_mut() {
        standing.replaying = Some(told.head);
    }
    let (done, answer) = tokio::sync::oneshot::channel();
    let named = vec![Which::Conversation(RECEPTIONS)];
    let switch = Switch { after, named, inbox: false, at_head, replayed: None, done };
    it.feed.answer(vec![Request::Of(it.seat.clone(), Wish::Switch(switch))]).await;
    assert_eq!(answer.await, Ok(true));
    assert!(it.feed.stays.contains_key(&RECEPTIONS));
    assert_eq!(it.seat.outbox.take(usize::MAX).closing, None);
}

#[actix_web::test]
async fn a_group_is_handed_out_in_parts_where_a_snapshot_ends_within_it() {
    let mut it = scene().await;
    it.feed.answer(vec![it.subscribe()]).await;
    let begin = it.feed.position;
    let change = ConversationChange {
        conversation: RECEPTIONS,
        stay: Some(StayId(1)),
        before: Some(DepartmentId(1)),
        after: Some(DepartmentId(1)),
        only_message: false,
    };
    let event = |seq| Event { hotel: it.feed.hotel, seq, at: Utc::now(), kind: EventKind::ConversationUpdated(change) };
    let group: Vec<Event> = (1..=3).map(|n| event(Seq(begin.0 + n))).collect();
    it.feed.news.carry(&Committed { events: group.into(), more: false, others: false }, Seq(begin.0 + 3), false);
    it.told();
    it.feed.hand_out_to(Seq(begin.0 + 2)).await;
    assert_eq!(it.told(), ["conversation_updated"; 2]);
    it.feed.catch_up().await;
    assert_eq!((it.told().len(), it.feed.position), (1, Seq(begin.0 + 3)));
}

#[actix_web::test]
async fn who_joins_another_history_is_given_a_place_in_it_and_the_others_come_back() {
    let mut it = scene().await;
    let (hotel, head) = it.feed.desk.heads(vec![it.feed.hotel]).await.unwrap().1[0];
    // Before a restore the log had come further.
    it.feed.come_to(Seq(head.0 + 50));
    it.feed.news.reach(Seq(head.0 + 50), true);
    let epoch = it.feed.desk.begin_epoch().await.unwrap();
    let late = it.feed.hub.seat_here(it.seat.caller);
    it.feed.answer(vec![Request::Of(late.clone(), Wish::Join(tokio::sync::oneshot::channel().0))]).await;
    let welcome: Value = serde_json::from_str(&late.outbox.take(usize::MAX).frames[0]).unwrap();
    assert_eq!((welcome["epoch"].as_str(), welcome["seq"].as_i64()), (Some(&*epoch), Some(head.0)));
    assert_eq!(it.seat.outbox.take(usize::MAX).closing, Some(Closing::Restart));
    // What was told of the log before does not lead it astray.
    it.feed.catch_up().await;
    assert_eq!((it.feed.hotel, it.feed.position), (hotel, head));
    assert_eq!(late.outbox.take(usize::MAX).closing, None);
}
