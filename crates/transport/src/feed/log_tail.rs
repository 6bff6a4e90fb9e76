//! Follows the hotel's log: fans events out in order and without a gap, from memory if the commit inbox has them, else
//! from the database.

use std::sync::atomic::Ordering::Relaxed;

use desk::feed_query::{FeedQuery, FeedSnapshot, LogRange, ShownObjects};
use domain::{Event, Seq};

use crate::{feed::state::Feed, limits::FEED_RETRY_DELAY, socket::send_queue::CloseCause};

/// Maximum number of events per read of the log.
const LOG_PAGE: i64 = 500;

impl Feed {
    /// Fans out all events up to the newest known head of the log.
    pub(crate) async fn catch_up(&mut self) {
        self.take_inbox();
        self.fan_out_to(self.head).await;
    }

    /// Fans out all events up to the position `to` and none after it, so that a snapshot of that position can be acted
    /// upon.
    pub(crate) async fn fan_out_to(&mut self, to: Seq) {
        self.fan_out_pending(to).await;
        // The sockets are woken once at the end, not after each commit group: otherwise woken sockets would run during
        // a broadcast, and write the next group in a separate socket write.
        self.wake_sockets();
    }

    fn take_inbox(&mut self) {
        let (groups, head) = self.inbox.take();
        self.pending.extend(groups);
        self.head = self.head.max(head);
    }

    async fn fan_out_pending(&mut self, to: Seq) {
        self.take_inbox();
        let mut has_log = true;
        while has_log && self.position < to {
            let Some(group) = self.pending.front().cloned() else {
                has_log = self.fan_out_from_log(to).await;
                continue;
            };
            let (hotel, position) = (self.hotel, self.position);
            let unsent: Vec<&Event> =
                group.iter().filter(|event| event.hotel == hotel && event.seq > position).collect();
            match unsent.first() {
                None => drop(self.pending.pop_front()),
                // The group continues the feed's position without a gap. Its events after `to` stay in `pending`.
                Some(first) if first.seq == position.next() => {
                    let due: Vec<&Event> = unsent.iter().take_while(|event| event.seq <= to).copied().collect();
                    self.fan_out(&due).await;
                }
                // The group begins after a gap, so the missing events are read from the log.
                Some(_) => has_log = self.fan_out_from_log(to).await,
            }
        }
    }

    /// Fans out a page of the log, up to the position `to`. Returns `false` if the log does not continue at the feed's
    /// position; then all sockets are closed.
    async fn fan_out_from_log(&mut self, to: Seq) -> bool {
        self.wake_sockets();
        self.context.counters.log_reads.fetch_add(1, Relaxed);
        let log = Some(LogRange { after: self.position, limit: LOG_PAGE.min(to.0 - self.position.0) });
        let query = FeedQuery { hotel: self.hotel, sessions: vec![], log, shown: ShownObjects::default() };
        match self.context.desk.query_feed(query).await {
            Ok(snapshot) => {
                let page: Vec<&Event> = snapshot.log.events.iter().collect();
                let continues = page.first().is_some_and(|first| first.seq == self.position.next());
                if !self.is_same_log(&snapshot) || !continues {
                    // The feed cannot continue: the log was pruned beyond its position, or another epoch has begun.
                    self.restart_all(&snapshot).await;
                    return false;
                }
                self.fan_out(&page).await;
            }
            Err(error) => {
                log::warn!("hotel {}: the feed cannot read the log; retrying: {error}", self.hotel);
                tokio::time::sleep(FEED_RETRY_DELAY).await;
            }
        }
        true
    }

    /// Compares feed and log. Returns `false` if a backup was restored: then the epoch is another one, or the head of
    /// the log has gone back.
    fn is_same_log(&self, snapshot: &FeedSnapshot) -> bool {
        self.epoch == snapshot.epoch && self.position <= snapshot.head
    }

    /// Compares the feed's epoch with that of a snapshot. If another epoch has begun, all sockets are closed with 1012;
    /// their clients reconnect, and their old cursors are refused.
    pub(crate) async fn check_epoch(&mut self, snapshot: &FeedSnapshot) {
        if self.epoch.is_empty() {
            self.epoch.clone_from(&snapshot.epoch);
        } else if !self.is_same_log(snapshot) {
            self.restart_all(snapshot).await;
        }
    }

    async fn restart_all(&mut self, snapshot: &FeedSnapshot) {
        if self.epoch == snapshot.epoch {
            log::error!("hotel {}: the log has no event after {}; all sockets are closed", self.hotel, self.position);
        } else {
            log::info!("hotel {}: another epoch of the log has begun; all sockets are closed", self.hotel);
        }
        for socket in self.sockets.values().cloned().collect::<Vec<_>>() {
            socket.close(CloseCause::Restart);
            self.leave(&socket).await;
        }
        self.inbox.reset(snapshot.head);
        self.pending.clear();
        self.epoch.clone_from(&snapshot.epoch);
        self.head = snapshot.head;
        self.set_position(snapshot.head);
    }
}
