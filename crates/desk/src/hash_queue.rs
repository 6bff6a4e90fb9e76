//! The queue of password hashes: at most two run at once, few wait, and people whom the server knows come first.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Password hashes that may be computed concurrently; each needs 19 MiB of memory and a CPU core.
const MAX_RUNNING: usize = 2;
/// Hashes that may wait for their turn.
const MAX_WAITING: usize = 64;

/// Who waits for a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashPriority {
    /// A session, or a sign-in in a browser that knows the person.
    Known,
    /// Any other sign-in. It is refused if a known one needs its place.
    Unknown,
}

/// The queue is full, or a known person has taken the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HashQueueFull;

/// Limits the password hashes of this process.
#[derive(Default)]
pub(crate) struct HashQueue {
    state: Mutex<HashQueueState>,
}

#[derive(Default)]
struct HashQueueState {
    running: usize,
    known: VecDeque<Waiter>,
    unknown: VecDeque<Waiter>,
}

type Waiter = oneshot::Sender<Result<HashPermit, HashQueueFull>>;

/// The right to compute one hash; dropped when the hash is done.
pub(crate) struct HashPermit {
    queue: Arc<HashQueue>,
}

/// A place in the queue, for which [`HashPlace::turn`] waits. Dropping it gives the place up.
pub(crate) struct HashPlace(PlaceState);

enum PlaceState {
    First(HashPermit),
    Waiting(oneshot::Receiver<Result<HashPermit, HashQueueFull>>),
}

impl HashQueue {
    /// Takes a place in the queue. If it is full, a known person gets the place of the unknown one who came last.
    pub(crate) fn enter(self: &Arc<Self>, priority: HashPriority) -> Result<HashPlace, HashQueueFull> {
        let mut state = self.state.lock();
        if state.running < MAX_RUNNING {
            state.running += 1;
            return Ok(HashPlace(PlaceState::First(HashPermit { queue: self.clone() })));
        }
        if state.waiting() >= MAX_WAITING {
            // Those who have given up occupy no place.
            state.known.retain(|it| !it.is_closed());
            state.unknown.retain(|it| !it.is_closed());
        }
        let displaced = match priority {
            _ if state.waiting() < MAX_WAITING => None,
            HashPriority::Known => Some(state.unknown.pop_back().ok_or(HashQueueFull)?),
            HashPriority::Unknown => return Err(HashQueueFull),
        };
        let (waiter, turn) = oneshot::channel();
        match priority {
            HashPriority::Known => state.known.push_back(waiter),
            HashPriority::Unknown => state.unknown.push_back(waiter),
        }
        drop(state);
        if let Some(displaced) = displaced {
            // The waiter may have given up in the meantime.
            let _ = displaced.send(Err(HashQueueFull));
        }
        Ok(HashPlace(PlaceState::Waiting(turn)))
    }

    /// Whether an unknown sign-in would find no place now.
    pub(crate) fn is_full(&self) -> bool {
        let state = self.state.lock();
        state.running >= MAX_RUNNING && state.waiting() >= MAX_WAITING
    }

    /// Gives a returned permit to the next waiter.
    fn pass_on(self: &Arc<Self>) {
        let next = {
            let mut state = self.state.lock();
            let next = state.known.pop_front().or_else(|| state.unknown.pop_front());
            if next.is_none() {
                state.running -= 1;
            }
            next
        };
        if let Some(waiter) = next {
            // If the waiter has given up, the permit is dropped here, which passes it on again.
            let _ = waiter.send(Ok(HashPermit { queue: self.clone() }));
        }
    }
}

impl HashQueueState {
    fn waiting(&self) -> usize {
        self.known.len() + self.unknown.len()
    }
}

impl HashPlace {
    /// Waits for the turn. Fails if a known person has taken the place.
    pub(crate) async fn turn(self) -> Result<HashPermit, HashQueueFull> {
        match self.0 {
            PlaceState::First(permit) => Ok(permit),
            PlaceState::Waiting(turn) => turn.await.unwrap_or(Err(HashQueueFull)),
        }
    }
}

impl Drop for HashPermit {
    fn drop(&mut self) {
        self.queue.pass_on();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::join_all};

    use super::*;
    use HashPriority::{Known, Unknown};

    /// A queue whose two permits are taken.
    async fn busy() -> (Arc<HashQueue>, Vec<HashPermit>) {
        let queue = Arc::<HashQueue>::default();
        let mut running = Vec::new();
        for _ in 0..MAX_RUNNING {
            running.push(queue.enter(Unknown).unwrap().turn().await.unwrap());
        }
        (queue, running)
    }

    #[tokio::test]
    async fn known_people_come_first() {
        let (queue, mut running) = busy().await;
        let mut unknown = queue.enter(Unknown).unwrap().turn().boxed();
        let mut known = queue.enter(Known).unwrap().turn().boxed();
        assert!((&mut unknown).now_or_never().is_none() && (&mut known).now_or_never().is_none());
        running.pop();
        assert!((&mut unknown).now_or_never().is_none());
        let permit = known.await.unwrap();
        drop(permit);
        unknown.await.unwrap();
        drop(running);
        assert_eq!(queue.state.lock().running, 0);
    }

    #[tokio::test]
    async fn at_most_64_wait_and_a_known_person_takes_the_last_place() {
        let (queue, running) = busy().await;
        let mut places: Vec<HashPlace> = (0..MAX_WAITING).map(|_| queue.enter(Unknown).unwrap()).collect();
        assert!(queue.is_full());
        assert_eq!(queue.enter(Unknown).err(), Some(HashQueueFull));
        let known = queue.enter(Known).unwrap();
        assert_eq!(places.pop().unwrap().turn().await.err(), Some(HashQueueFull));
        let mut all_known = vec![known];
        all_known.extend((1..MAX_WAITING).map(|_| queue.enter(Known).unwrap()));
        assert_eq!(queue.enter(Known).err(), Some(HashQueueFull), "known people wait in bounded numbers, too");
        assert!(join_all(places.into_iter().map(HashPlace::turn)).await.iter().all(Result::is_err));
        drop(running);
        for place in all_known {
            place.turn().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_place_that_is_given_up_is_free_again() {
        let (queue, running) = busy().await;
        let places: Vec<HashPlace> = (0..MAX_WAITING).map(|_| queue.enter(Unknown).unwrap()).collect();
        drop(places);
        let last = queue.enter(Unknown).unwrap();
        drop(running);
        drop(last.turn().await.unwrap());
        assert!(!queue.is_full());
        assert_eq!(queue.state.lock().running, 0);
    }
}
