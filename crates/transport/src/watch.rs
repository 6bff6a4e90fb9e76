//! Once a second: whether the logs have gone on without a word, and whether each socket still
//! lives. The logs also when the bus has begun to listen: what was told before was not heard. It stands outside the sockets' actors, since one whose peer does not read is not polled.

use std::{collections::HashMap, sync::Arc, time::Duration};

use desk::Desk;
use domain::{HotelId, Seq};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{
    frames,
    hub::Hub,
    limits::{CLOSING, HEARTBEAT, SILENCE},
    outbox::Closing,
    requests::{FeedHandle, Request, Wish},
    seat::Seat,
};

/// Watches for ever.
pub(crate) async fn run(hub: Hub, desk: Desk, compare_every: Duration) {
    let (mut second, mut due) = (every(Duration::from_secs(1)), every(compare_every));
    let mut epoch = String::new();
    loop {
        tokio::select! {
            _ = second.tick() => watch_all(&hub, &desk),
            _ = due.tick() => compare(&hub, &desk, &mut epoch).await,
            () = hub.bus().listens() => compare(&hub, &desk, &mut epoch).await,
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut times = interval(period);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    times
}

fn feeds(hub: &Hub) -> HashMap<HotelId, FeedHandle> {
    hub.feeds().into_iter().map(|feed| (feed.hotel, feed)).collect()
}

fn watch_all(hub: &Hub, desk: &Desk) {
    let (feeds, now) = (feeds(hub), desk.now());
    for seat in hub.seats() {
        let feed = feeds.get(&seat.caller.hotel);
        watch(&seat, feed);
        if seat.may_be_over(now)
            && let Some(feed) = feed
        {
            feed.ask(Request::Of(seat, Wish::LookAgain));
        }
    }
}

/// Commits that nobody told of: of another process, or of one that died before it could. And another
/// history: `epoch` is the one seen last.
async fn compare(hub: &Hub, desk: &Desk, epoch: &mut String) {
    let feeds = feeds(hub);
    if feeds.is_empty() {
        return;
    }
    // Looked up before: what was handed out until then is in the log afterwards.
    let handed_out: HashMap<HotelId, Seq> = feeds.iter().map(|(hotel, feed)| (*hotel, feed.position())).collect();
    match desk.heads(feeds.keys().copied().collect()).await {
        Ok((now, heads)) => {
            for (hotel, head) in heads {
                match feeds.get(&hotel) {
                    Some(feed) if handed_out.get(&hotel).is_some_and(|position| head < *position) => {
                        feed.ask(Request::Look);
                    }
                    Some(feed) => feed.news.reach(head, true),
                    None => {}
                }
            }
            if *epoch != now {
                *epoch = now;
                // Those that there are by now: one that is started later finds the new history.
                for feed in hub.feeds() {
                    feed.ask(Request::Look);
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
