//! The watchdog: heartbeats, idle timeouts, session expiry, cut-off of sockets that do not close, and the comparison of
//! the feeds with the logs. Runs outside the session actors, because an actor whose peer does not read is not polled.

use std::{collections::HashMap, sync::Arc, time::Duration};

use desk::Desk;
use domain::{HotelId, Seq};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{
    feed::{
        registry::FeedHandle,
        requests::{FeedRequest, SocketRequest},
    },
    hub::Hub,
    limits::{CLOSE_TIMEOUT, HEARTBEAT_INTERVAL, IDLE_TIMEOUT},
    socket::{SocketHandle, frames, send_queue::CloseCause},
};

const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Checks sockets, and compares feeds with logs. Never returns. Logs are also compared when the bus has subscribed to a
/// hotel, because earlier signals are lost.
pub(crate) async fn run_watchdog(hub: Hub, desk: Desk, compare_interval: Duration) {
    let mut check_timer = timer(CHECK_INTERVAL);
    let mut compare_timer = timer(compare_interval);
    let mut epoch = String::new();
    loop {
        tokio::select! {
            _ = check_timer.tick() => {
                check_sockets(&hub, &desk);
                for feed in hub.feeds().all() {
                    feed.request(FeedRequest::EndExpiredViewing);
                }
            }
            _ = compare_timer.tick() => compare_logs(&hub, &desk, &mut epoch).await,
            () = hub.bus().wait_for_subscription() => compare_logs(&hub, &desk, &mut epoch).await,
        }
    }
}

fn timer(period: Duration) -> Interval {
    let mut timer = interval(period);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}

fn feeds_by_hotel(hub: &Hub) -> HashMap<HotelId, FeedHandle> {
    hub.feeds().all().into_iter().map(|feed| (feed.hotel, feed)).collect()
}

fn check_sockets(hub: &Hub, desk: &Desk) {
    let feeds = feeds_by_hotel(hub);
    let now = desk.now();
    for socket in hub.sockets().all() {
        let feed = feeds.get(&socket.caller.hotel);
        check_liveness(&socket, feed);
        if socket.may_be_expired(now)
            && let Some(feed) = feed
        {
            feed.request(FeedRequest::Socket(socket, SocketRequest::RecheckAccess));
        }
    }
}

/// Closes an idle socket, cuts off a socket that does not close, and sends heartbeats to the others.
fn check_liveness(socket: &Arc<SocketHandle>, feed: Option<&FeedHandle>) {
    if let Some(since) = socket.send_queue.closing_since() {
        if since.elapsed() > CLOSE_TIMEOUT {
            socket.cut_off();
        }
        return;
    }
    if socket.idle_time() > IDLE_TIMEOUT {
        return socket.close(CloseCause::IdleTimeout);
    }
    if !socket.take_due_heartbeat(HEARTBEAT_INTERVAL) {
        return;
    }
    socket.send_ping();
    // The feed's position is read before the socket's state: a socket that is live afterwards was sent everything up to
    // it.
    let feed_position = feed.map(FeedHandle::position);
    let replaying_from = match &*socket.state() {
        // A socket that has not joined gets no heartbeat, because `welcome` has to be its first event.
        None => return,
        Some(state) => state.replaying_from,
    };
    if let Some(seq) = replaying_from.or(feed_position) {
        socket.send(frames::heartbeat(seq));
    }
}

/// Compares the feeds with the logs: finds commits without a signal, of another process, or of a node that died between
/// commit and publish. Also finds another epoch; `epoch` is the last one seen.
async fn compare_logs(hub: &Hub, desk: &Desk, epoch: &mut String) {
    let feeds = feeds_by_hotel(hub);
    if feeds.is_empty() {
        return;
    }
    // The feeds' positions are read before the heads of the logs: a smaller head then means that the log has gone back.
    let positions: HashMap<HotelId, Seq> = feeds.iter().map(|(hotel, feed)| (*hotel, feed.position())).collect();
    let (current_epoch, heads) = match desk.log_heads(feeds.keys().copied().collect()).await {
        Ok(heads) => heads,
        Err(error) => {
            return log::warn!("feeds cannot be compared with the log until the database is available: {error}");
        }
    };
    for (hotel, head) in heads {
        let Some(feed) = feeds.get(&hotel) else { continue };
        if positions.get(&hotel).is_some_and(|position| head < *position) {
            feed.request(FeedRequest::CheckLog);
        } else {
            feed.inbox.report_head(head, true);
        }
    }
    if *epoch != current_epoch {
        *epoch = current_epoch;
        // The log has a new epoch. Only feeds that exist now must check theirs: a feed that starts later begins with
        // the new epoch.
        for feed in hub.feeds().all() {
            feed.request(FeedRequest::CheckLog);
        }
    }
}
