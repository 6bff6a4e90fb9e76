//! The state that the outbox worker keeps in memory for each hotel that this node sends for.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ConversationId, HotelId};
use parking_lot::Mutex;
use persistence::outbox::DueMessage;

use crate::outbound::worker::rate_limit::{RateLimited, RateLimiter};

/// Interval between probes of a suspended sender. WhatsApp does not report when an account works again.
const PROBE_INTERVAL: TimeDelta = TimeDelta::minutes(5);
/// Minimum and maximum delay before the next attempt while WhatsApp cannot be reached; between them, the delay is as
/// long as the outage has lasted.
const MIN_CONNECT_BACKOFF: TimeDelta = TimeDelta::seconds(1);
const MAX_CONNECT_BACKOFF: TimeDelta = TimeDelta::seconds(60);

/// The outbox queues of all hotels. Shared by the outbox worker and the tasks that it spawns.
#[derive(Default)]
pub(super) struct HotelQueues(Mutex<Queues>);

#[derive(Default)]
struct Queues {
    by_hotel: HashMap<HotelId, HotelQueue>,
    /// Set when the node stops: no further message becomes in flight.
    is_stopping: bool,
}

struct HotelQueue {
    rate_limiter: RateLimiter,
    /// Messages that this node is sending or whose file it is uploading, by callback id. A row in state `sending` that
    /// is missing here was claimed by a node that died.
    in_flight: HashMap<String, ConversationId>,
    /// Time of the last probe of a suspended sender, or at first of its suspension. `None` if it is not suspended.
    probed_at: Option<DateTime<Utc>>,
    /// Start of an outage of the connection to WhatsApp; `None` if WhatsApp can be reached.
    unreachable_since: Option<DateTime<Utc>>,
}

/// Whether a queued message may be sent now.
pub(super) enum Admission {
    /// The message may be sent, and counts as in flight.
    Admitted,
    RateLimited(RateLimited),
    Stopping,
}

/// How to continue with a suspended sender: wait, or probe it with one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspension {
    /// The node has just learned that the sender is suspended.
    New,
    /// The sender was suspended before, and no probe is due yet.
    Waiting,
    ProbeDue,
}

impl HotelQueue {
    fn new() -> Self {
        Self { rate_limiter: RateLimiter::new(), in_flight: HashMap::new(), probed_at: None, unreachable_since: None }
    }

    fn is_probe_due(&self, now: DateTime<Utc>) -> bool {
        self.probed_at.is_some_and(|at| now >= at + PROBE_INTERVAL)
    }
}

impl HotelQueues {
    /// Takes a permit of the rate limiter for a message, and marks the message as in flight. Does neither if a rate
    /// limit is reached or the node stops.
    pub(super) fn admit(&self, hotel: HotelId, message: &DueMessage, now: DateTime<Utc>) -> Admission {
        let mut queues = self.0.lock();
        if queues.is_stopping {
            return Admission::Stopping;
        }
        let queue = queues.by_hotel.entry(hotel).or_insert_with(HotelQueue::new);
        if let Err(limit) = queue.rate_limiter.acquire(message.guest, now) {
            return Admission::RateLimited(limit);
        }
        queue.in_flight.insert(message.callback.clone(), message.conversation);
        Admission::Admitted
    }

    /// Marks a message as in flight for the upload of its file. Returns `false` if the node stops.
    pub(super) fn admit_upload(&self, hotel: HotelId, message: &DueMessage) -> bool {
        let mut queues = self.0.lock();
        if queues.is_stopping {
            return false;
        }
        let queue = queues.by_hotel.entry(hotel).or_insert_with(HotelQueue::new);
        queue.in_flight.insert(message.callback.clone(), message.conversation);
        true
    }

    pub(super) fn remove(&self, hotel: HotelId, callback: &str) {
        if let Some(queue) = self.0.lock().by_hotel.get_mut(&hotel) {
            queue.in_flight.remove(callback);
        }
    }

    /// Returns the callback ids of a hotel's messages in flight.
    pub(super) fn in_flight(&self, hotel: HotelId) -> HashSet<String> {
        let queues = self.0.lock();
        queues.by_hotel.get(&hotel).map(|queue| queue.in_flight.keys().cloned().collect()).unwrap_or_default()
    }

    pub(super) fn all_in_flight(&self) -> Vec<(HotelId, String, ConversationId)> {
        let queues = self.0.lock();
        let of_hotel = |(hotel, queue): (&HotelId, &HotelQueue)| {
            let in_flight = queue.in_flight.iter();
            let hotel = *hotel;
            in_flight.map(|(callback, conversation)| (hotel, callback.clone(), *conversation)).collect::<Vec<_>>()
        };
        queues.by_hotel.iter().flat_map(of_hotel).collect()
    }

    /// Lets no further message become in flight, because the node stops.
    pub(super) fn stop(&self) {
        self.0.lock().is_stopping = true;
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.0.lock().is_stopping
    }

    /// Removes the queue of a hotel for which another node sends, unless messages are in flight.
    pub(super) fn remove_if_idle(&self, hotel: HotelId) {
        let mut queues = self.0.lock();
        if queues.by_hotel.get(&hotel).is_some_and(|queue| queue.in_flight.is_empty()) {
            queues.by_hotel.remove(&hotel);
        }
    }

    pub(super) fn is_probe_due(&self, hotel: HotelId, now: DateTime<Utc>) -> bool {
        self.0.lock().by_hotel.get(&hotel).is_some_and(|queue| queue.is_probe_due(now))
    }

    /// Notes that the sender of a hotel is suspended, and returns whether a probe is due. A probe that is due counts as
    /// made.
    pub(super) fn note_suspended(&self, hotel: HotelId, now: DateTime<Utc>) -> Suspension {
        let mut queues = self.0.lock();
        let queue = queues.by_hotel.entry(hotel).or_insert_with(HotelQueue::new);
        if queue.probed_at.is_some() && !queue.is_probe_due(now) {
            return Suspension::Waiting;
        }
        match queue.probed_at.replace(now) {
            None => Suspension::New,
            Some(_) => Suspension::ProbeDue,
        }
    }

    /// Notes that the sender of a hotel is not suspended, and creates the queue of the hotel.
    pub(super) fn note_active(&self, hotel: HotelId) {
        self.0.lock().by_hotel.entry(hotel).or_insert_with(HotelQueue::new).probed_at = None;
    }

    pub(super) fn is_suspended(&self, hotel: HotelId) -> bool {
        self.0.lock().by_hotel.get(&hotel).is_some_and(|queue| queue.probed_at.is_some())
    }

    /// Makes the next probe of a suspended sender due: an upload was a success, but only a message proves that the
    /// sender works.
    pub(super) fn probe_again(&self, hotel: HotelId, now: DateTime<Utc>) {
        if let Some(queue) = self.0.lock().by_hotel.get_mut(&hotel)
            && queue.probed_at.is_some()
        {
            queue.probed_at = Some(now - PROBE_INTERVAL);
        }
    }

    /// Returns the delay before the next attempt to send after a failed connection to WhatsApp.
    pub(super) fn connect_backoff(&self, hotel: HotelId, now: DateTime<Utc>) -> TimeDelta {
        let mut queues = self.0.lock();
        let queue = queues.by_hotel.entry(hotel).or_insert_with(HotelQueue::new);
        let since = *queue.unreachable_since.get_or_insert(now);
        (now - since).clamp(MIN_CONNECT_BACKOFF, MAX_CONNECT_BACKOFF)
    }

    /// Notes that WhatsApp was reached, which ends an outage of the connection.
    pub(super) fn note_reachable(&self, hotel: HotelId) {
        if let Some(queue) = self.0.lock().by_hotel.get_mut(&hotel) {
            queue.unreachable_since = None;
        }
    }
}

/// Converts a delay for a timer; a negative delay becomes zero.
pub(super) fn to_timer(delay: TimeDelta) -> Duration {
    delay.to_std().unwrap_or_default()
}
