//! Permits for reads: one semaphore per purpose, with one permit per connection.
//!
//! A caller waits for a permit before it takes a blocking thread. Otherwise a burst of reads would fill all blocking
//! threads with waiters.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::StoreError;

const FEED_READERS: u32 = 2;
/// Connections for replays. Few, because after a restart thousands of sockets resume at the same time.
const REPLAY_READERS: u32 = 2;
/// Connections, and threads, for reads that scan.
pub(crate) const SCAN_READERS: u32 = 2;

const PERMIT_TIMEOUT: Duration = Duration::from_secs(5);
const REPLAY_PERMIT_TIMEOUT: Duration = Duration::from_secs(30);

/// The purpose of a read. Each purpose has connections of its own, so that none waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadPurpose {
    /// Reads for an ordinary request of a client.
    Request,
    /// Reads that may scan every conversation of a hotel, such as a search, and can take a whole core for seconds.
    Scan,
    /// Reads for a socket that resumes: the events that it missed.
    Replay,
    /// Reads for live events and health checks: short, and must not queue behind requests.
    Feed,
}

#[derive(Clone)]
pub(crate) struct ReadPermits {
    request: Arc<Semaphore>,
    scan: Arc<Semaphore>,
    replay: Arc<Semaphore>,
    feed: Arc<Semaphore>,
}

impl ReadPermits {
    pub(crate) fn new(request_readers: u32) -> Self {
        let semaphore = |permits: u32| Arc::new(Semaphore::new(permits as usize));
        Self {
            request: semaphore(request_readers),
            scan: semaphore(SCAN_READERS),
            replay: semaphore(REPLAY_READERS),
            feed: semaphore(FEED_READERS),
        }
    }

    /// Number of connections that all read purposes need together.
    pub(crate) fn connections(request_readers: u32) -> u32 {
        request_readers + SCAN_READERS + REPLAY_READERS + FEED_READERS
    }

    /// Waits for a read permit, which is returned on drop. Fails if none is free before the timeout.
    pub(crate) async fn acquire(&self, purpose: ReadPurpose) -> Result<OwnedSemaphorePermit, StoreError> {
        let (semaphore, permit_timeout) = match purpose {
            ReadPurpose::Request => (&self.request, PERMIT_TIMEOUT),
            ReadPurpose::Scan => (&self.scan, PERMIT_TIMEOUT),
            ReadPurpose::Replay => (&self.replay, REPLAY_PERMIT_TIMEOUT),
            ReadPurpose::Feed => (&self.feed, PERMIT_TIMEOUT),
        };
        timeout(permit_timeout, semaphore.clone().acquire_owned())
            .await
            .map_err(|_| StoreError::Unavailable("too many readers".into()))?
            .map_err(|_| StoreError::Unavailable("the store is closed".into()))
    }
}
