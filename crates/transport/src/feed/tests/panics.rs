//! A feed, or a subscription, that comes to grief.

use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

use actix::AsyncContext;
use chrono::{DateTime, TimeDelta, Utc};
use desk::{Caller, Clock, Credentials, DbUrl, Filter, Lifetimes, Page};
use tempfile::TempDir;

use super::super::*;
use crate::subscription::Tell;

/// A clock at which whoever asks it next comes to grief.
#[derive(Default)]
struct BadClock(AtomicBool);

impl Clock for BadClock {
    fn now(&self) -> DateTime<Utc> {
        assert!(!self.0.swap(false, SeqCst), "on purpose");
        Utc::now()
    }
}

/// A node with the demo hotel and nothing else that would ask the clock.
struct Node {
    hub: Hub,
    desk: Desk,
    clock: Arc<BadClock>,
    manager: Caller,
    _folder: TempDir,
}

impl Node {
    async fn new() -> Self {
        let (folder, hub, clock) = (tempfile::tempdir().unwrap(), Hub::new(), Arc::new(BadClock::default()));
        let url = DbUrl::Sqlite(folder.path().join("test.db"));
        let lifetimes = Lifetimes { idle: TimeDelta::days(1), most: TimeDelta::days(1) };
        let desk = Desk::open(&url, &[7; 32], lifetimes, clock.clone(), hub.on_commit()).await.unwrap();
        let password = desk.make_demo().await.unwrap().password;
        let credentials = Credentials { username: "manager".into(), password, address: [127, 0, 0, 1].into() };
        let token = desk.login(credentials).await.unwrap().access;
        let manager = desk.caller_of_token(&token).unwrap();
        hub.begin_unwatched(desk.clone());
        Self { hub, desk, clock, manager, _folder: folder }
    }

    /// A socket that wants to join.
    fn comes(&self) -> Arc<Seat> {
        let seat = self.hub.seat_here(self.manager);
        self.hub.join(&seat).unwrap();
        seat
    }

    /// What the manager sees of the newest conversation, and that.
    async fn seen(&self) -> (Seen, Conversation) {
        let listed =
            self.desk.conversations(self.manager, Filter::default(), Page { number: 1, size: 1 }).await.unwrap();
        let which = Which::Conversation(listed.answer.page[0].conversation.id);
        let looks = vec![Look { caller: self.manager, which: vec![which] }];
        let survey = Survey { hotel: self.manager.hotel, looks, log: None, views: vec![] };
        let seen = self.desk.survey(survey).await.unwrap().seen.remove(0).unwrap();
        let conversation = seen.conversations[0].clone().unwrap();
        (seen, conversation)
    }
}

/// Waits until something is so.
async fn until(it: impl Fn() -> bool) {
    let waiting = async {
        while !it() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it never came about");
}

fn closing(seat: &Seat) -> Option<Closing> {
    seat.outbox.take(usize::MAX).closing
}

#[actix_web::test]
async fn a_feed_that_panics_sends_its_sockets_to_a_new_one() {
    let node = Node::new().await;
    let first = node.comes();
    until(|| first.standing().is_some()).await;
    node.clock.0.store(true, SeqCst);
    // Its wish to join is what the feed falls over.
    let second = node.comes();
    until(|| first.outbox.closing_since().is_some() && second.outbox.closing_since().is_some()).await;
    assert_eq!((closing(&first), closing(&second)), (Some(Closing::Restart), Some(Closing::Restart)));
    assert!(node.hub.feed(node.manager.hotel).is_none());
    let third = node.comes();
    until(|| third.standing().is_some()).await;
    assert_eq!(closing(&third), None);
}

#[actix_web::test]
async fn a_feed_that_retires_closes_nobody() {
    let node = Node::new().await;
    let (first, hotel) = (node.comes(), node.manager.hotel);
    until(|| first.standing().is_some()).await;
    node.hub.feed(hotel).unwrap().ask(Request::Of(first.clone(), Wish::Leave));
    until(|| node.hub.feed(hotel).is_none()).await;
    let second = node.comes();
    until(|| second.standing().is_some()).await;
    assert_eq!((closing(&first), closing(&second)), (None, None));
}

#[actix_web::test]
async fn subscribers_of_an_actor_that_is_gone_come_back() {
    let node = Node::new().await;
    let (seen, conversation) = node.seen().await;
    let mut feed = Feed::new(node.manager.hotel, node.desk.clone(), node.hub.clone());
    let seats = [(); 2].map(|()| node.hub.seat_here(node.manager));
    for seat in &seats {
        *seat.standing() = Some(Standing::new(&seen.live, Seq(0)));
        feed.seats.insert(seat.id, seat.clone());
    }
    let gone = || {
        StaySubscription::create(|context| {
            context.run_later(Duration::ZERO, |_, context| actix::ActorContext::terminate(context));
            StaySubscription::new(node.manager.hotel, conversation.id, Wakes::default())
        })
    };
    feed.enter(&seats[0], &conversation).await;
    let gone = gone();
    until(|| !gone.connected()).await;
    feed.stays.insert(conversation.id, gone);
    feed.tell_subscribers(
        conversation.id,
        Tell::Whisper { frame: "words".into(), except: crate::subscription::Except::Nobody },
    )
    .await;
    assert_eq!((closing(&seats[0]), closing(&seats[1])), (Some(Closing::Restart), None));
    // Whoever subscribes now has a new one.
    feed.enter(&seats[1], &conversation).await;
    feed.tell_subscribers(
        conversation.id,
        Tell::Whisper { frame: "words".into(), except: crate::subscription::Except::Nobody },
    )
    .await;
    let taken = seats[1].outbox.take(usize::MAX);
    assert_eq!((taken.frames.len(), taken.closing), (1, None));
}
