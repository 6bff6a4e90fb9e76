//! Memory limit for request bodies, shared by all connections.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Memory for request bodies is reserved in units of this size, because even a body of one byte occupies about this
/// much.
const UNIT_BYTES: usize = 16 * 1024;

/// Counts the memory of all request bodies together and refuses reservations beyond the limit.
#[derive(Debug)]
pub struct BodyMemory {
    limit_bytes: usize,
    used_bytes: AtomicUsize,
}

/// The memory reserved for one request body. Dropping the reservation returns the memory.
#[derive(Debug)]
pub struct BodyReservation {
    memory: Arc<BodyMemory>,
    bytes: usize,
}

impl BodyMemory {
    pub fn new(limit_bytes: usize) -> Arc<Self> {
        Arc::new(Self { limit_bytes, used_bytes: AtomicUsize::new(0) })
    }

    pub fn used_bytes(&self) -> usize {
        self.used_bytes.load(Relaxed)
    }

    /// Starts the reservation for one request body, at 0 bytes.
    pub fn reserve(self: &Arc<Self>) -> BodyReservation {
        BodyReservation { memory: self.clone(), bytes: 0 }
    }

    fn try_add(&self, bytes: usize) -> bool {
        let within_limit = |used: usize| used.checked_add(bytes).filter(|it| *it <= self.limit_bytes);
        self.used_bytes.fetch_update(Relaxed, Relaxed, within_limit).is_ok()
    }
}

impl BodyReservation {
    /// Extends the reservation to a request body of `bytes` bytes. Returns `false`, and changes nothing, if this would
    /// exceed the limit.
    pub fn try_grow_to(&mut self, bytes: usize) -> bool {
        let missing = bytes.next_multiple_of(UNIT_BYTES).saturating_sub(self.bytes);
        let is_reserved = missing == 0 || self.memory.try_add(missing);
        if is_reserved {
            self.bytes += missing;
        }
        is_reserved
    }
}

impl Drop for BodyReservation {
    fn drop(&mut self) {
        self.memory.used_bytes.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_the_limit_and_return_their_memory() {
        let memory = BodyMemory::new(4 * UNIT_BYTES);
        let (mut one, mut other) = (memory.reserve(), memory.reserve());
        assert!(one.try_grow_to(1) && one.try_grow_to(UNIT_BYTES) && one.try_grow_to(3 * UNIT_BYTES - 1));
        assert_eq!(memory.used_bytes(), 3 * UNIT_BYTES);
        assert!(other.try_grow_to(UNIT_BYTES) && !other.try_grow_to(UNIT_BYTES + 1));
        assert_eq!(memory.used_bytes(), 4 * UNIT_BYTES);
        drop(one);
        assert_eq!(memory.used_bytes(), UNIT_BYTES);
        assert!(other.try_grow_to(4 * UNIT_BYTES));
        drop(other);
        assert_eq!(memory.used_bytes(), 0);
    }
}
