//! Jobs that wait for a lock that somebody else holds for long: on a connection of their own, one at a time, so that
//! other hotels' writes do not wait with them. Jobs of a hotel are kept in order: those that come after one that waits
//! here wait behind it.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use domain::HotelId;
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::{
    StoreError,
    conn::DbUrl,
    lane::{AnyJob, Writer},
    store::{OnCommit, QUEUE},
};

/// How long a job waits here for a lock: it ends before whoever asked is told that there was no answer in time.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// The hotel of jobs that belong to none. They have no order to keep.
const NO_HOTEL: HotelId = HotelId(0);

type Counts = Arc<Mutex<HashMap<HotelId, usize>>>;

/// The way to a writer for jobs that wait.
pub(crate) struct Waiting {
    queue: mpsc::Sender<Box<dyn AnyJob>>,
    /// How many jobs of each hotel are not finished.
    counts: Counts,
}

impl Waiting {
    /// Starts such a writer, for PostgreSQL: SQLite has no locks of rows.
    pub(crate) fn start(name: String, url: &DbUrl, on_commit: OnCommit) -> io::Result<Option<Self>> {
        if matches!(url, DbUrl::Sqlite(_)) {
            return Ok(None);
        }
        let (queue, jobs) = mpsc::channel(QUEUE);
        let counts = Counts::default();
        let writer = Writer::new(url.clone(), on_commit, LOCK_TIMEOUT, None);
        let finished = counts.clone();
        thread::Builder::new().name(name).spawn(move || work(writer, jobs, &finished))?;
        Ok(Some(Self { queue, counts }))
    }

    /// Whether a job of this hotel is not finished, so that later ones have to wait.
    pub(crate) fn has(&self, hotel: HotelId) -> bool {
        hotel != NO_HOTEL && lock(&self.counts).contains_key(&hotel)
    }

    /// Takes a job over. Where too many wait it is refused.
    pub(crate) fn take(&self, job: Box<dyn AnyJob>) {
        let hotel = job.hotel();
        *lock(&self.counts).entry(hotel).or_default() += 1;
        if let Err(TrySendError::Full(job) | TrySendError::Closed(job)) = self.queue.try_send(job) {
            count_down(&self.counts, hotel);
            job.finish(Some(StoreError::Unavailable("too many writes wait for a lock".into())));
        }
    }
}

fn work(mut writer: Writer, mut jobs: mpsc::Receiver<Box<dyn AnyJob>>, counts: &Counts) {
    while let Some(job) = jobs.blocking_recv() {
        let hotel = job.hotel();
        writer.run(vec![job], !jobs.is_empty());
        count_down(counts, hotel);
        if jobs.is_empty() {
            // It is used seldom, and PostgreSQL's connections are counted.
            writer.rest();
        }
    }
}

fn count_down(counts: &Counts, hotel: HotelId) {
    let mut counts = lock(counts);
    if let Some(count) = counts.get_mut(&hotel) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&hotel);
        }
    }
}

fn lock(counts: &Counts) -> MutexGuard<'_, HashMap<HotelId, usize>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
