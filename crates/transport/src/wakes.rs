//! Sockets that have something to send, gathered while events are handed out: each then writes at
//! once all that a batch brought it. A write costs many times what putting a frame into a queue does.

use std::sync::{Arc, Mutex, PoisonError};

use crate::seat::Seat;

/// Sockets to wake. A feed and its subscriptions share one.
#[derive(Clone, Default)]
pub(crate) struct Wakes(Arc<Mutex<Vec<Arc<Seat>>>>);

impl Wakes {
    /// Adds a socket whose outbox is not empty any more.
    pub(crate) fn add(&self, seat: Arc<Seat>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(seat);
    }

    /// Wakes them all; how many those are.
    pub(crate) fn wake(&self) -> usize {
        let seats = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        seats.iter().for_each(|seat| seat.wake());
        seats.len()
    }
}
