//! What is to be told when its time comes, by the simulated clock.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::{clock::Millis, updates::Update};

/// How many things may wait: as many as a product that is away for days leaves behind.
const MOST: usize = 200_000;

/// A POST, which is the same at every attempt.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    /// The same at every attempt, and of each copy.
    pub(crate) id: u64,
    pub(crate) bytes: Bytes,
    pub(crate) signature: String,
    pub(crate) labels: Vec<String>,
    /// Attempts so far.
    pub(crate) attempts: u32,
    pub(crate) began: Millis,
}

/// What waits.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// To be put into a POST.
    Update(Box<Update>),
    /// To be posted, perhaps again.
    Post(Post),
}

/// Things and their times.
#[derive(Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    /// Something came.
    pub(crate) news: Notify,
}

#[derive(Default)]
struct Inner {
    /// The earliest first; of one time, the one that came first.
    heap: BinaryHeap<Reverse<Timed>>,
    serial: u64,
    /// What was taken out and is not told yet.
    under_way: usize,
}

struct Timed {
    at: (Millis, u64),
    what: Waiting,
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Timed {}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl Queue {
    /// Puts something in; false where there is no room.
    pub(crate) fn put(&self, at: Millis, what: Waiting) -> bool {
        let mut inner = self.lock();
        if inner.heap.len() >= MOST {
            return false;
        }
        inner.serial += 1;
        let at = (at, inner.serial);
        inner.heap.push(Reverse(Timed { at, what }));
        self.news.notify_one();
        true
    }

    /// A number that no other has.
    pub(crate) fn number(&self) -> u64 {
        let mut inner = self.lock();
        inner.serial += 1;
        inner.serial
    }

    /// What is due, in order, and when the next is. It counts as under way until it is [`Queue::told`].
    pub(crate) fn due(&self, now: Millis) -> (Vec<Waiting>, Option<Millis>) {
        let mut inner = self.lock();
        let mut due = Vec::new();
        while inner.heap.peek().is_some_and(|Reverse(it)| it.at.0 <= now) {
            due.extend(inner.heap.pop().map(|Reverse(it)| it.what));
        }
        inner.under_way += due.len();
        (due, inner.heap.peek().map(|Reverse(it)| it.at.0))
    }

    /// So many things that were under way are not any more.
    pub(crate) fn told(&self, count: usize) {
        let mut inner = self.lock();
        inner.under_way = inner.under_way.saturating_sub(count);
    }

    /// How many things wait, or are under way, and how many of them are due.
    pub(crate) fn len(&self, now: Millis) -> (usize, usize) {
        let inner = self.lock();
        let due = inner.heap.iter().filter(|Reverse(it)| it.at.0 <= now).count();
        (inner.heap.len() + inner.under_way, due + inner.under_way)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_its_order() {
        let queue = Queue::default();
        let post = |n: u8| {
            let (bytes, signature) = (Bytes::from(vec![n]), String::new());
            Waiting::Post(Post { id: queue.number(), bytes, signature, labels: Vec::new(), attempts: 0, began: 0 })
        };
        for (at, n) in [(30, 4), (10, 1), (20, 3), (10, 2)] {
            assert!(queue.put(at, post(n)));
        }
        let (due, next) = queue.due(20);
        let order: Vec<u8> = due.iter().map(|it| if let Waiting::Post(it) = it { it.bytes[0] } else { 0 }).collect();
        assert_eq!((order, next, queue.len(20)), (vec![1, 2, 3], Some(30), (4, 3)));
        queue.told(3);
        assert_eq!((queue.len(20), queue.len(30)), ((1, 0), (1, 1)));
    }
}
