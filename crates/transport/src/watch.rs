//! Once a second: whether the logs have gone on without a word, and whether each socket still
//! lives. It stands outside the sockets' actors, since one whose peer does not read is not polled.

use std::{collections::HashMap, sync::Arc, time::Duration};

use desk::Desk;
use domain::HotelId;

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
        let feeds: HashMap<HotelId, FeedHandle> = hub.feeds().into_iter().map(|feed| (feed.hotel, feed)).collect();
        let now = desk.now();
        for seat in hub.seats() {
            let feed = feeds.get(&seat.caller.hotel);
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
async fn compare(desk: &Desk, feeds: &HashMap<HotelId, FeedHandle>) {
    if feeds.is_empty() {
        return;
    }
    match desk.heads(feeds.keys().copied().collect()).await {
        Ok(heads) => {
            for (hotel, head) in heads {
                if let Some(feed) = feeds.get(&hotel) {
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
    // Looked up before: what was handed out until then is sent to a socket that is live afterwards.
    let handed_out = feed.map(FeedHandle::position);
    let replayed = match &*seat.standing() {
        // It has not joined yet: its welcome is still to come.
        None => return,
        Some(it) => it.replaying,
    };
    if let Some(seq) = replayed.or(handed_out) {
        seat.send(frames::heartbeat(seq));
    }
}
