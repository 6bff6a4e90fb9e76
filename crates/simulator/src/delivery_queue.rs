//! The queue of webhooks, ordered by due time on the simulated clock.

use std::{cmp::Reverse, collections::BinaryHeap};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{clock::Millis, updates::WebhookUpdate};

/// Maximum number of queued items, enough for a product that is down for days. Further items are refused.
const MAX_ITEMS: usize = 200_000;

/// A signed webhook call. All attempts to deliver it send the same bytes.
#[derive(Clone, Debug)]
pub(crate) struct WebhookPost {
    /// The id of the webhook call in the transcript, shared by all attempts and copies.
    pub(crate) id: u64,
    pub(crate) bytes: Bytes,
    pub(crate) signature: String,
    /// The labels of the updates in the webhook body.
    pub(crate) labels: Vec<String>,
    /// The number of attempts so far to deliver the webhook call.
    pub(crate) attempts: u32,
    pub(crate) created: Millis,
}

#[derive(Debug)]
pub(crate) enum QueuedItem {
    /// An update that must still be put into a webhook body, perhaps together with others.
    Update(Box<WebhookUpdate>),
    /// A complete webhook call, for a first or a further attempt.
    Post(WebhookPost),
}

#[derive(Default)]
pub(crate) struct DeliveryQueue {
    state: Mutex<DeliveryQueueState>,
    /// Notified whenever an item is pushed into the queue.
    pub(crate) pushed: Notify,
}

#[derive(Default)]
struct DeliveryQueueState {
    /// The queued items, the earliest first. Items with the same due time keep their order.
    heap: BinaryHeap<Reverse<ScheduledItem>>,
    last_id: u64,
    /// The number of items taken from the queue whose delivery has not ended.
    in_flight: usize,
}

struct ScheduledItem {
    /// The due time of the item, then a serial number.
    order: (Millis, u64),
    item: QueuedItem,
}

impl PartialEq for ScheduledItem {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for ScheduledItem {}

impl PartialOrd for ScheduledItem {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ScheduledItem {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

impl DeliveryQueue {
    /// Adds an item to the queue. Returns `false` if the queue is full.
    pub(crate) fn push(&self, due: Millis, item: QueuedItem) -> bool {
        let mut state = self.state.lock();
        if state.heap.len() >= MAX_ITEMS {
            return false;
        }
        state.last_id += 1;
        let order = (due, state.last_id);
        state.heap.push(Reverse(ScheduledItem { order, item }));
        self.pushed.notify_one();
        true
    }

    pub(crate) fn next_id(&self) -> u64 {
        let mut state = self.state.lock();
        state.last_id += 1;
        state.last_id
    }

    /// Takes all due items, in order, and returns the due time of the next one. The taken items count as in flight
    /// until [`DeliveryQueue::finish`].
    pub(crate) fn take_due(&self, now: Millis) -> (Vec<QueuedItem>, Option<Millis>) {
        let mut state = self.state.lock();
        let mut due = Vec::new();
        while state.heap.peek().is_some_and(|Reverse(it)| it.order.0 <= now) {
            due.extend(state.heap.pop().map(|Reverse(it)| it.item));
        }
        state.in_flight += due.len();
        (due, state.heap.peek().map(|Reverse(it)| it.order.0))
    }

    /// Ends the delivery of `items` items, which are no longer in flight.
    pub(crate) fn finish(&self, items: usize) {
        let mut state = self.state.lock();
        state.in_flight = state.in_flight.saturating_sub(items);
    }

    /// Returns the number of all items and the number of due items. Both include items in flight.
    pub(crate) fn counts(&self, now: Millis) -> (usize, usize) {
        let state = self.state.lock();
        let due = state.heap.iter().filter(|Reverse(it)| it.order.0 <= now).count();
        (state.heap.len() + state.in_flight, due + state.in_flight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_items_are_taken_in_order() {
        let queue = DeliveryQueue::default();
        let post = |n: u8| {
            let (bytes, signature) = (Bytes::from(vec![n]), String::new());
            let id = queue.next_id();
            QueuedItem::Post(WebhookPost { id, bytes, signature, labels: Vec::new(), attempts: 0, created: 0 })
        };
        for (due, n) in [(30, 4), (10, 1), (20, 3), (10, 2)] {
            assert!(queue.push(due, post(n)));
        }
        let (due, next) = queue.take_due(20);
        let order: Vec<u8> =
            due.iter().map(|it| if let QueuedItem::Post(post) = it { post.bytes[0] } else { 0 }).collect();
        assert_eq!((order, next, queue.counts(20)), (vec![1, 2, 3], Some(30), (4, 3)));
        queue.finish(3);
        assert_eq!((queue.counts(20), queue.counts(30)), ((1, 0), (1, 1)));
    }
}
