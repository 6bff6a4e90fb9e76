//! The feed of one hotel on this node: a task that fans out events and runs the requests of sockets, one after another.

pub(crate) mod access;
pub(crate) mod commit_inbox;
pub(crate) mod counts;
pub(crate) mod counts_schedule;
pub(crate) mod ephemeral;
pub(crate) mod event_context;
pub(crate) mod event_filter;
pub(crate) mod fan_out;
pub(crate) mod finish_replay;
pub(crate) mod log_tail;
pub(crate) mod presence;
pub(crate) mod recipients;
pub(crate) mod registry;
pub(crate) mod requests;
pub(crate) mod serve_requests;
pub(crate) mod state;
pub(crate) mod subscribers;
pub(crate) mod subscription;
pub(crate) mod viewers;
pub(crate) mod write_coalescing;

use domain::HotelId;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    feed::{
        registry::FeedHandle,
        requests::FeedRequest,
        state::{Feed, FeedContext},
    },
    socket::send_queue::CloseCause,
};

/// Maximum number of feed requests that are answered from one snapshot.
const MAX_REQUEST_BATCH: usize = 256;

impl Feed {
    /// Spawns the feed of a hotel on this thread.
    pub(crate) fn start(hotel: HotelId, context: FeedContext) -> FeedHandle {
        let (requests, queue) = unbounded_channel();
        let feed = Self::new(hotel, context);
        let handle = FeedHandle::new(hotel, feed.inbox.clone(), feed.shared_position.clone(), requests);
        actix::spawn(feed.run(queue));
        handle
    }

    async fn run(mut self, mut queue: UnboundedReceiver<FeedRequest>) {
        let inbox = self.inbox.clone();
        loop {
            let (mut batch, mut counts_step) = (Vec::new(), None);
            let has_subscriptions = self.has_subscriptions();
            tokio::select! {
                () = self.coalescer.wait_until_due(&inbox, has_subscriptions) => {}
                request = queue.recv() => match request {
                    Some(request) => batch.push(request),
                    None => return,
                },
                step = self.counts.next_step() => counts_step = Some(step),
            }
            while batch.len() < MAX_REQUEST_BATCH
                && let Ok(request) = queue.try_recv()
            {
                batch.push(request);
            }
            // A feed without sockets does not follow the log: the first join sets its position.
            if !self.sockets.is_empty() {
                self.catch_up().await;
            }
            if !batch.is_empty() {
                self.serve_requests(batch).await;
            }
            if let Some(step) = counts_step {
                self.run_counts_step(step);
            }
            if self.sockets.is_empty() && self.context.feeds.retire(self.hotel, &queue) {
                return;
            }
        }
    }
}

/// Closes the hotel's sockets if the feed ends by a panic, including the sockets that wait for their join. Their
/// clients reconnect and get a new feed.
impl Drop for Feed {
    fn drop(&mut self) {
        self.wake_sockets();
        if self.context.feeds.remove_ended(self.hotel, &self.shared_position) {
            self.context.sockets.close_hotel(self.hotel, CloseCause::Restart);
        }
    }
}

#[cfg(test)]
mod tests;
