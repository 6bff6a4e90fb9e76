//! Once a second: whether the logs have gone on without a word, and whether each socket still
//! lives. It stands outside the sockets' actors, since one whose peer does not read is not polled.

use std::{sync::Arc, time::Duration};

use desk::Desk;

use crate::{
    frames,
    hub::Hub,
    limits::{CLOSING, HEARTBEAT, SILENCE},
    outbox::Closing,
    requests::{FeedHandle, Request, Wish},
    seat::Seat,
};

/// Watches for ever.
pub(crate) async fn run(hub: Hub, desk: Desk) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        second.tick().await;
        let feeds = hub.feeds();
        let now = desk.now();
        for seat in hub.seats() {
            let feed = feeds.iter().find(|feed| feed.hotel == seat.caller.hotel);
            watch(&seat, feed);
            if seat.may_be_over(now)
                && let Some(feed) = feed
            {
                feed.ask(Request::Of(seat, Wish::LookAgain));
            }
        }
        compare(&desk, &feeds).await;
    }
}

/// Commits that nobody told of: of another process, or of one that died before it could.
async fn compare(desk: &Desk, feeds: &[FeedHandle]) {
    if feeds.is_empty() {
        return;
    }
    match desk.heads(feeds.iter().map(|feed| feed.hotel).collect()).await {
        Ok(heads) => {
            for (hotel, head) in heads {
                if let Some(feed) = feeds.iter().find(|feed| feed.hotel == hotel) {
                    feed.news.reach(head);
                }
            }
        }
        Err(error) => log::warn!("the logs' heads cannot be read: {error}"),
    }
}

fn watch(seat: &Arc<Seat>, feed: Option<&FeedHandle>) {
    if let Some(since) = seat.outbox.closing_since() {
        if since.elapsed() > CLOSING {
            seat.cut_off();
        }
        return;
    }
    if seat.silence() > SILENCE {
        return seat.close(Closing::Away);
    }
    if !seat.beat(HEARTBEAT) {
        return;
    }
    seat.ping();
    let replayed = match &*seat.standing() {
        // It has not joined yet: its welcome is still to come.
        None => return,
        Some(it) => it.replaying,
    };
    if let Some(seq) = replayed.or(feed.map(FeedHandle::position)) {
        seat.send(frames::heartbeat(seq));
    }
}
