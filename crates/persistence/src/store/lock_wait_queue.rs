//! The queue between a group-commit writer and its lock-wait writer.

use std::{collections::HashMap, sync::Arc};

use domain::HotelId;
use parking_lot::Mutex;
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::{
    StoreError,
    store::{write_job::QueuedJob, write_key::WriteKey},
};

/// Maximum number of jobs that wait for a row lock. Further jobs fail as unavailable.
const MAX_WAITING_JOBS: usize = 1024;

type UnfinishedJobs = Arc<Mutex<HashMap<HotelId, usize>>>;

/// The sending half of the lock-wait queue, owned by the group-commit writer. The lock-wait writer ends when it is
/// dropped.
pub(crate) struct LockWaitQueue {
    jobs: mpsc::Sender<Box<dyn QueuedJob>>,
    unfinished: UnfinishedJobs,
}

/// The receiving half of the lock-wait queue, owned by the lock-wait writer.
pub(crate) struct LockWaitJobs {
    jobs: mpsc::Receiver<Box<dyn QueuedJob>>,
    unfinished: UnfinishedJobs,
}

pub(crate) fn lock_wait_queue() -> (LockWaitQueue, LockWaitJobs) {
    let (sender, jobs) = mpsc::channel(MAX_WAITING_JOBS);
    let unfinished = UnfinishedJobs::default();
    (LockWaitQueue { jobs: sender, unfinished: unfinished.clone() }, LockWaitJobs { jobs, unfinished })
}

impl LockWaitQueue {
    /// Whether a job of the same hotel is unfinished in the lock-wait queue, so that later jobs must queue behind it.
    /// Global jobs have no order to keep.
    pub(crate) fn must_follow(&self, key: WriteKey) -> bool {
        key.hotel().is_some_and(|hotel| self.unfinished.lock().contains_key(&hotel))
    }

    /// Queues a job for the lock-wait writer. If the queue is full, the job fails as unavailable.
    pub(crate) fn push(&self, job: Box<dyn QueuedJob>) {
        let key = job.key();
        count_up(&self.unfinished, key);
        if let Err(TrySendError::Full(job) | TrySendError::Closed(job)) = self.jobs.try_send(job) {
            count_down(&self.unfinished, key);
            job.finish(Some(StoreError::Unavailable("too many writes wait for a lock".into())));
        }
    }
}

impl LockWaitJobs {
    /// Waits for the next job. Returns `None` if the sending half is dropped.
    pub(crate) fn next(&mut self) -> Option<Box<dyn QueuedJob>> {
        self.jobs.blocking_recv()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(crate) fn mark_finished(&self, key: WriteKey) {
        count_down(&self.unfinished, key);
    }
}

fn count_up(unfinished: &UnfinishedJobs, key: WriteKey) {
    if let Some(hotel) = key.hotel() {
        *unfinished.lock().entry(hotel).or_default() += 1;
    }
}

fn count_down(unfinished: &UnfinishedJobs, key: WriteKey) {
    let Some(hotel) = key.hotel() else { return };
    let mut unfinished = unfinished.lock();
    if let Some(count) = unfinished.get_mut(&hotel) {
        *count -= 1;
        if *count == 0 {
            unfinished.remove(&hotel);
        }
    }
}
