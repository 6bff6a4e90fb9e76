//! How many reads of one staff member are in progress. Whoever asks for much waits in a queue of their own, and
//! nobody else does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::StaffId;
use persistence::StoreError;
use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::Error;

/// Reads of one staff member at once: fewer than there are readers.
const AT_ONCE: usize = 3;
/// Of these, such as may look at all conversations of a hotel: one, so that there is a core for the others.
const HEAVY_AT_ONCE: usize = 1;
/// Sockets of one staff member that catch up at once. They wait beside the other reads, and are waited for longer:
/// after a restart all of them come at once.
const REPLAYS_AT_ONCE: usize = 2;
const REPLAY_PATIENCE: Duration = Duration::from_secs(30);
/// Reads of one staff member that may wait or be in progress.
const MOST: usize = 256;
/// How long a read may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much a read may have to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// What an index leads to.
    Light,
    /// Perhaps everything.
    Heavy,
    /// A part of the log, for a socket that catches up.
    Replay,
}

/// The reads of all staff members.
#[derive(Default)]
pub(crate) struct CallerReads(Mutex<HashMap<StaffId, Reads>>);

/// The reads of one staff member.
struct Reads {
    /// How many wait or are in progress; without any it is forgotten.
    count: usize,
    turns: Turns,
}

#[derive(Clone)]
struct Turns {
    all: Arc<Semaphore>,
    heavy: Arc<Semaphore>,
    replay: Arc<Semaphore>,
}

/// The right to read, until it is dropped. To be kept by the job itself, which goes on when nobody waits for it
/// any more.
pub(crate) struct Turn {
    _permits: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
    _counted: Counted,
}

struct Counted {
    reads: Arc<CallerReads>,
    staff: StaffId,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut all = self.reads.lock();
        if let Some(reads) = all.get_mut(&self.staff) {
            reads.count -= 1;
            if reads.count == 0 {
                all.remove(&self.staff);
            }
        }
    }
}

impl CallerReads {
    /// Waits until a staff member may read.
    ///
    /// # Errors
    /// [`Error::Store`] where too many reads of theirs wait, or this one waited too long.
    pub(crate) async fn turn(self: &Arc<Self>, staff: StaffId, weight: Weight) -> Result<Turn, Error> {
        let (counted, Turns { all, heavy, replay }) = self.count(staff)?;
        let patience = if weight == Weight::Replay { REPLAY_PATIENCE } else { PATIENCE };
        let permits = async {
            let heavy = match weight {
                Weight::Heavy => Some(heavy.acquire_owned().await?),
                Weight::Light | Weight::Replay => None,
            };
            let first = if weight == Weight::Replay { replay } else { all };
            Ok::<_, AcquireError>((first.acquire_owned().await?, heavy))
        };
        match timeout(patience, permits).await {
            Ok(Ok(permits)) => Ok(Turn { _permits: permits, _counted: counted }),
            _ => Err(too_many()),
        }
    }

    fn count(self: &Arc<Self>, staff: StaffId) -> Result<(Counted, Turns), Error> {
        let turns = || Turns {
            all: Arc::new(Semaphore::new(AT_ONCE)),
            heavy: Arc::new(Semaphore::new(HEAVY_AT_ONCE)),
            replay: Arc::new(Semaphore::new(REPLAYS_AT_ONCE)),
        };
        let mut all = self.lock();
        let reads = all.entry(staff).or_insert_with(|| Reads { count: 0, turns: turns() });
        if reads.count >= MOST {
            return Err(too_many());
        }
        reads.count += 1;
        let turns = reads.turns.clone();
        Ok((Counted { reads: self.clone(), staff }, turns))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StaffId, Reads>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many() -> Error {
    StoreError::Unavailable("too many reads of one staff member".into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: StaffId = StaffId(1);
    const BEN: StaffId = StaffId(2);

    async fn at_once(reads: &Arc<CallerReads>, staff: StaffId, weight: Weight) -> Option<Turn> {
        timeout(Duration::from_millis(1), reads.turn(staff, weight)).await.ok().and_then(Result::ok)
    }

    #[tokio::test]
    async fn one_staff_member_waits_for_their_own_reads_and_nobody_else_does() {
        let reads = Arc::new(CallerReads::default());
        let first = at_once(&reads, ANNA, Weight::Heavy).await.unwrap();
        assert!(at_once(&reads, ANNA, Weight::Heavy).await.is_none(), "two searches at once");
        assert!(at_once(&reads, BEN, Weight::Heavy).await.is_some());
        let light = (at_once(&reads, ANNA, Weight::Light).await, at_once(&reads, ANNA, Weight::Light).await);
        assert!(light.0.is_some() && light.1.is_some());
        assert!(at_once(&reads, ANNA, Weight::Light).await.is_none(), "four reads at once");
        assert!(at_once(&reads, ANNA, Weight::Replay).await.is_some(), "a replay waited for a page");
        drop(first);
        assert!(at_once(&reads, ANNA, Weight::Heavy).await.is_some());
        drop(light);
        assert!(reads.lock().is_empty(), "who reads nothing is not forgotten");
    }

    #[tokio::test]
    async fn what_waits_is_bounded() {
        let reads = Arc::new(CallerReads::default());
        let _taken: Vec<_> = (0..MOST).map(|_| reads.count(ANNA).unwrap()).collect();
        assert!(matches!(reads.turn(ANNA, Weight::Light).await, Err(Error::Store(StoreError::Unavailable(_)))));
        assert!(at_once(&reads, BEN, Weight::Light).await.is_some());
    }
}
