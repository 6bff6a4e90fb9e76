//! Limits concurrent reads per staff member: expensive reads of one person queue up behind each other and do not delay
//! others.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::StaffId;
use parking_lot::Mutex;
use persistence::{ReadPurpose, StoreError};
use tokio::{
    runtime::Handle,
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

use crate::Error;

/// Concurrent reads of one staff member; fewer than the database has connections for reads.
const MAX_READS: usize = 3;
/// Concurrent scans of one staff member: a single one leaves a CPU core for everybody else.
const MAX_SCANS: usize = 1;
/// After a scan the next one of the same staff member waits this many times as long as the scan took: the scans of one
/// person use at most a third of a core.
const SCAN_PAUSE_FACTOR: u32 = 2;
const MAX_SCAN_PAUSE: Duration = Duration::from_secs(1);
/// Concurrent replays of the event log by one staff member. Replays are counted apart from other reads, and wait
/// longer: after a restart all sockets replay at once.
const MAX_REPLAYS: usize = 2;
const REPLAY_TIMEOUT: Duration = Duration::from_secs(30);
/// The most waiting and running reads of one staff member; further reads are refused.
const MAX_QUEUED: usize = 256;
const TIMEOUT: Duration = Duration::from_secs(5);

/// The cost of a read, which decides about its concurrency limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadCost {
    /// A read that finds its rows through an index.
    Indexed,
    /// A read that may visit every conversation of the hotel, such as a search.
    Scan,
    /// A read of one page of the event log for a socket that replays.
    Replay,
}

impl ReadCost {
    /// The connections that such a read uses.
    pub(crate) fn purpose(self) -> ReadPurpose {
        match self {
            Self::Indexed => ReadPurpose::Request,
            Self::Scan => ReadPurpose::Scan,
            Self::Replay => ReadPurpose::Replay,
        }
    }
}

#[derive(Default)]
pub(crate) struct ReadLimiter(Mutex<HashMap<StaffId, ReaderEntry>>);

struct ReaderEntry {
    /// Number of waiting and running reads of the staff member; the entry is removed at 0.
    count: usize,
    limits: ReadLimits,
}

#[derive(Clone)]
struct ReadLimits {
    reads: Arc<Semaphore>,
    scans: Arc<Semaphore>,
    replays: Arc<Semaphore>,
}

impl ReadLimits {
    fn new() -> Self {
        Self {
            reads: Arc::new(Semaphore::new(MAX_READS)),
            scans: Arc::new(Semaphore::new(MAX_SCANS)),
            replays: Arc::new(Semaphore::new(MAX_REPLAYS)),
        }
    }
}

/// The right to run one read, released on drop. The job must own the permit, because it continues to run after its
/// caller has stopped waiting.
pub(crate) struct ReadPermit {
    _read: OwnedSemaphorePermit,
    counted: Option<CountedRead>,
    scan: Option<RunningScan>,
}

struct RunningScan {
    permit: OwnedSemaphorePermit,
    started: Instant,
    /// Runs the timer of the pause after the scan: a scan ends on a thread that has no timer.
    runtime: Handle,
}

impl Drop for ReadPermit {
    fn drop(&mut self) {
        let Some(RunningScan { permit, started, runtime }) = self.scan.take() else { return };
        let pause = (started.elapsed() * SCAN_PAUSE_FACTOR).min(MAX_SCAN_PAUSE);
        let held = (permit, self.counted.take());
        runtime.spawn(async move {
            sleep(pause).await;
            drop(held);
        });
    }
}

struct CountedRead {
    limiter: Arc<ReadLimiter>,
    staff: StaffId,
}

impl Drop for CountedRead {
    fn drop(&mut self) {
        let mut readers = self.limiter.0.lock();
        if let Some(reader) = readers.get_mut(&self.staff) {
            reader.count -= 1;
            if reader.count == 0 {
                readers.remove(&self.staff);
            }
        }
    }
}

impl ReadLimiter {
    /// Waits until the staff member may read. Fails with [`StoreError::Unavailable`] if too many of their reads wait,
    /// or after a timeout.
    pub(crate) async fn acquire(self: &Arc<Self>, staff: StaffId, cost: ReadCost) -> Result<ReadPermit, Error> {
        let (counted, ReadLimits { reads, scans, replays }) = self.count(staff)?;
        let permits = async {
            let scan = match cost {
                ReadCost::Scan => Some(scans.acquire_owned().await?),
                ReadCost::Indexed | ReadCost::Replay => None,
            };
            let kind = if cost == ReadCost::Replay { replays } else { reads };
            Ok::<_, AcquireError>((kind.acquire_owned().await?, scan))
        };
        let limit = if cost == ReadCost::Replay { REPLAY_TIMEOUT } else { TIMEOUT };
        match timeout(limit, permits).await {
            Ok(Ok((read, scan))) => {
                let scan =
                    scan.map(|permit| RunningScan { permit, started: Instant::now(), runtime: Handle::current() });
                Ok(ReadPermit { _read: read, counted: Some(counted), scan })
            }
            _ => Err(too_many_reads()),
        }
    }

    fn count(self: &Arc<Self>, staff: StaffId) -> Result<(CountedRead, ReadLimits), Error> {
        let mut readers = self.0.lock();
        let reader = readers.entry(staff).or_insert_with(|| ReaderEntry { count: 0, limits: ReadLimits::new() });
        if reader.count >= MAX_QUEUED {
            return Err(too_many_reads());
        }
        reader.count += 1;
        Ok((CountedRead { limiter: self.clone(), staff }, reader.limits.clone()))
    }
}

fn too_many_reads() -> Error {
    StoreError::Unavailable("too many reads of one staff member".into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: StaffId = StaffId(1);
    const BEN: StaffId = StaffId(2);

    async fn try_acquire(limiter: &Arc<ReadLimiter>, staff: StaffId, cost: ReadCost) -> Option<ReadPermit> {
        timeout(Duration::from_millis(1), limiter.acquire(staff, cost)).await.ok().and_then(Result::ok)
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_scan_the_next_scan_of_the_same_staff_member_waits() {
        let limiter = Arc::new(ReadLimiter::default());
        let mut scan = limiter.acquire(ANNA, ReadCost::Scan).await.unwrap();
        // The scan starts earlier, as if it had taken a while.
        scan.scan.as_mut().unwrap().started -= Duration::from_millis(100);
        drop(scan);
        let before = tokio::time::Instant::now();
        assert!(try_acquire(&limiter, BEN, ReadCost::Scan).await.is_some());
        assert!(try_acquire(&limiter, ANNA, ReadCost::Indexed).await.is_some());
        let _next = limiter.acquire(ANNA, ReadCost::Scan).await.unwrap();
        let pause = before.elapsed();
        assert!(pause >= Duration::from_millis(199) && pause < MAX_SCAN_PAUSE, "{pause:?}");
    }

    #[tokio::test]
    async fn the_reads_of_one_staff_member_delay_nobody_else() {
        let limiter = Arc::new(ReadLimiter::default());
        let scan = try_acquire(&limiter, ANNA, ReadCost::Scan).await.unwrap();
        assert!(try_acquire(&limiter, ANNA, ReadCost::Scan).await.is_none(), "two scans at once");
        assert!(try_acquire(&limiter, BEN, ReadCost::Scan).await.is_some());
        let first = try_acquire(&limiter, ANNA, ReadCost::Indexed).await;
        let second = try_acquire(&limiter, ANNA, ReadCost::Indexed).await;
        assert!(first.is_some() && second.is_some());
        assert!(try_acquire(&limiter, ANNA, ReadCost::Indexed).await.is_none(), "four reads at once");
        assert!(try_acquire(&limiter, ANNA, ReadCost::Replay).await.is_some(), "a replay waited for a page");
        drop((first, second));
        drop(scan);
        assert!(limiter.acquire(ANNA, ReadCost::Scan).await.is_ok());
        sleep(MAX_SCAN_PAUSE).await;
        assert!(limiter.0.lock().is_empty(), "the entry of a staff member without reads is kept");
    }

    #[tokio::test]
    async fn the_queue_of_reads_is_bounded() {
        let limiter = Arc::new(ReadLimiter::default());
        let _counted: Vec<_> = (0..MAX_QUEUED).map(|_| limiter.count(ANNA).unwrap()).collect();
        let refused = limiter.acquire(ANNA, ReadCost::Indexed).await;
        assert!(matches!(refused, Err(Error::Store(StoreError::Unavailable(_)))));
        assert!(try_acquire(&limiter, BEN, ReadCost::Indexed).await.is_some());
    }
}
