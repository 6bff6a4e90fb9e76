//! The common bound on the memory that request bodies take, over all connections.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Memory is reserved in units of so many bytes: a body of one byte costs about that much, too.
const UNIT: usize = 16 * 1024;

/// How much memory all request bodies may take together, and how much of it they take.
#[derive(Debug)]
pub struct BodyMemory {
    limit: usize,
    used: AtomicUsize,
}

/// The memory that one body takes. It is given back when this is dropped.
#[derive(Debug)]
pub struct Reservation {
    memory: Arc<BodyMemory>,
    bytes: usize,
}

impl BodyMemory {
    /// All bodies together may take so many bytes.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    /// How many bytes are reserved.
    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// Reserves nothing yet.
    pub fn reserve(self: &Arc<Self>) -> Reservation {
        Reservation { memory: self.clone(), bytes: 0 }
    }

    fn take(&self, bytes: usize) -> bool {
        let within = |used: usize| used.checked_add(bytes).filter(|it| *it <= self.limit);
        self.used.fetch_update(Relaxed, Relaxed, within).is_ok()
    }
}

impl Reservation {
    /// Reserves enough for a body of so many bytes. Whether that was possible; if not, nothing changes.
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let wanted = bytes.next_multiple_of(UNIT);
        let more = wanted.saturating_sub(self.bytes);
        let taken = more == 0 || self.memory.take(more);
        if taken {
            self.bytes += more;
        }
        taken
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_the_limit_and_give_their_memory_back() {
        let memory = BodyMemory::new(4 * UNIT);
        let (mut one, mut other) = (memory.reserve(), memory.reserve());
        assert!(one.grow_to(1) && one.grow_to(UNIT) && one.grow_to(3 * UNIT - 1));
        assert_eq!(memory.used(), 3 * UNIT);
        assert!(other.grow_to(UNIT) && !other.grow_to(UNIT + 1));
        assert_eq!(memory.used(), 4 * UNIT);
        drop(one);
        assert_eq!(memory.used(), UNIT);
        assert!(other.grow_to(4 * UNIT));
        drop(other);
        assert_eq!(memory.used(), 0);
    }
}
