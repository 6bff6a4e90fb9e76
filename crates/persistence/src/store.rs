//! The door to the database.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    thread,
    time::Duration,
};

use domain::{Event, HotelId};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::spawn_blocking,
    time::timeout,
};

use crate::{
    StoreError,
    conn::{Conn, ConnManager, DbUrl},
    error::final_error,
    in_use::InUse,
    lane::{self, AnyJob, Job, Tx},
    locks::Locks,
    migrate,
    waiting::Waiting,
};

/// Readers of SQLite; more would only share the same two or four cores.
const SQLITE_READERS: u32 = 4;
/// Readers of PostgreSQL, each a connection.
const POSTGRES_READERS: u32 = 8;
/// Readers beside those, for nothing but live events: they never wait for what people ask.
const FEED_READERS: u32 = 2;
/// Readers beside those, for sockets that catch up: after a restart there are thousands at once.
const REPLAY_READERS: u32 = 2;
/// Writers of PostgreSQL, each a connection. A hotel is always in the same lane: its counter's
/// row is hot, and in one lane nobody waits for it.
const POSTGRES_LANES: usize = 4;
/// Jobs that may wait in a lane.
pub(crate) const QUEUE: usize = 1024;
/// How long a job may wait for its turn, and for its answer.
const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(20);
/// How long those wait for their turn that catch up.
const REPLAY_PATIENCE: Duration = Duration::from_secs(30);

/// What a commit brought.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Its events, each hotel's in order.
    pub events: Arc<[Event]>,
    /// Whether other writes wait already, so that more will follow in a moment.
    pub more: bool,
    /// Whether there may be other servers on the database, which want to hear of it.
    pub others: bool,
}

/// Told of each commit, in order, before its writers are answered. Must not block.
pub type OnCommit = Arc<dyn Fn(Committed) + Send + Sync>;

/// An error of a job: the database's, or the job's own refusal.
pub trait Failure: From<StoreError> {
    /// The database's part in it; `None` for a refusal.
    fn of_store(&self) -> Option<&StoreError>;
}

impl Failure for StoreError {
    fn of_store(&self) -> Option<&StoreError> {
        Some(self)
    }
}

/// What is read for. Each purpose has readers of its own, so that none waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// What somebody asks.
    Request,
    /// A socket that catches up.
    Replay,
    /// Live events, and whether the database answers: short, and never behind what others ask.
    Feed,
}

/// As many as there are readers: who waits for one does so without holding a thread.
#[derive(Clone)]
struct Turns {
    request: Arc<Semaphore>,
    replay: Arc<Semaphore>,
    feed: Arc<Semaphore>,
}

impl Turns {
    fn new(readers: u32) -> Self {
        let turns = |readers: u32| Arc::new(Semaphore::new(readers as usize));
        Self { request: turns(readers), replay: turns(REPLAY_READERS), feed: turns(FEED_READERS) }
    }

    fn of(&self, purpose: Purpose) -> (Arc<Semaphore>, Duration) {
        match purpose {
            Purpose::Request => (self.request.clone(), PATIENCE),
            Purpose::Replay => (self.replay.clone(), REPLAY_PATIENCE),
            Purpose::Feed => (self.feed.clone(), PATIENCE),
        }
    }
}

/// A database, up to date, with its readers and writers.
#[derive(Clone)]
pub struct Store {
    readers: r2d2::Pool<ConnManager>,
    turns: Turns,
    /// Of SQLite: nobody puts another file in its place meanwhile.
    _in_use: Option<Arc<InUse>>,
    lanes: Arc<[mpsc::Sender<Box<dyn AnyJob>>]>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database and brings its schema up to date. Of SQLite the folder is made, if need be.
    ///
    /// # Errors
    /// [`StoreError`] where it is away, not writable, or newer than this program.
    pub fn open(url: &DbUrl, on_commit: OnCommit) -> Result<Self, StoreError> {
        let in_use = in_use(url)?;
        migrate::migrate(url)?;
        let (readers, lanes) = match url {
            DbUrl::Sqlite(_) => (SQLITE_READERS, 1),
            DbUrl::Postgres(_) => (POSTGRES_READERS, POSTGRES_LANES),
        };
        let pool = r2d2::Pool::builder()
            .max_size(readers + FEED_READERS + REPLAY_READERS)
            .min_idle(Some(1))
            .connection_timeout(Duration::from_secs(3))
            .test_on_check_out(false)
            .build_unchecked(ConnManager(url.clone()));
        let lanes = (0..lanes).map(|n| start_lane(n, url.clone(), on_commit.clone())).collect::<Result<Vec<_>, _>>()?;
        let turns = Turns::new(readers);
        Ok(Self { readers: pool, turns, _in_use: in_use.map(Arc::new), lanes: lanes.into() })
    }

    /// Whether the schema is behind this program's; asks only.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn is_behind(url: &DbUrl) -> Result<bool, StoreError> {
        migrate::is_behind(url)
    }

    /// Runs a job on one snapshot of the database: all it asks is of the same moment.
    ///
    /// # Errors
    /// The job's, and [`StoreError::Unavailable`].
    pub async fn read<T, E>(&self, job: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: Failure + Send + 'static,
    {
        self.read_for(Purpose::Request, job).await
    }

    /// As [`Store::read`], by the readers that are kept for this purpose.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn read_for<T, E>(
        &self,
        purpose: Purpose,
        job: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Failure + Send + 'static,
    {
        let (turns, patience) = self.turns.of(purpose);
        let turn = timeout(patience, turns.acquire_owned())
            .await
            .map_err(|_| StoreError::Unavailable("too many readers".into()))?
            .map_err(|_| StoreError::Unavailable("the store is closed".into()))?;
        let readers = self.readers.clone();
        spawn_blocking(move || {
            let _turn = turn;
            snapshot(&readers, job)
        })
        .await
        .unwrap_or_else(|_| Err(StoreError::Panicked.into()))
    }

    /// Runs a job in a transaction and answers when it is durable. `hotel` says which lane;
    /// `locks` is what it decides about: no other node changes that meanwhile.
    /// The job may be run again after a rollback, so it must not keep anything from one run to
    /// the next. A refusal rolls its changes back. A job whose caller has gone away, or was answered
    /// because it took too long, is not begun.
    ///
    /// # Errors
    /// The job's, and [`StoreError::Unavailable`], after which it is not known whether it was done.
    pub async fn write<T, E>(
        &self,
        hotel: HotelId,
        locks: impl Into<Locks>,
        job: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Failure + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Job { hotel, locks: locks.into(), run: job, result: None, reply });
        timeout(PATIENCE, self.lane(hotel).send(job))
            .await
            .map_err(|_| StoreError::Unavailable("too many writers".into()))?
            .map_err(|_| StoreError::Unavailable("the lane is gone".into()))?;
        match timeout(ANSWER, answer).await {
            Ok(Ok(result)) => result,
            _ => Err(StoreError::Unavailable("no answer in time".into()).into()),
        }
    }

    /// Whether every writer works.
    pub fn can_write(&self) -> bool {
        self.lanes.iter().all(|lane| !lane.is_closed())
    }

    /// Ends the writers, as nothing else does: for tests of what becomes of the rest.
    #[cfg(feature = "test-access")]
    pub async fn end_writers(&self) {
        for lane in self.lanes.iter() {
            let _ = lane.send(Box::new(lane::EndWriter::default())).await;
            lane.closed().await;
        }
    }

    fn lane(&self, hotel: HotelId) -> &mpsc::Sender<Box<dyn AnyJob>> {
        let mut hasher = DefaultHasher::new();
        hotel.hash(&mut hasher);
        &self.lanes[hasher.finish() as usize % self.lanes.len()]
    }
}

fn in_use(url: &DbUrl) -> Result<Option<InUse>, StoreError> {
    let DbUrl::Sqlite(path) = url else { return Ok(None) };
    let told = |why: &str| StoreError::Unavailable(format!("{}: {why}", path.display()));
    let in_use = InUse::shared(path).map_err(|error| told(&error.to_string()))?;
    in_use.ok_or_else(|| told("a backup is being restored")).map(Some)
}

fn start_lane(n: usize, url: DbUrl, on_commit: OnCommit) -> Result<mpsc::Sender<Box<dyn AnyJob>>, StoreError> {
    let failed = |error: std::io::Error| StoreError::Unavailable(error.to_string());
    let waiting = Waiting::start(format!("lane-{n}-waiting"), &url, on_commit.clone()).map_err(failed)?;
    let (queue, jobs) = mpsc::channel(QUEUE);
    thread::Builder::new()
        .name(format!("lane-{n}"))
        .spawn(move || lane::work(url, jobs, on_commit, waiting))
        .map_err(failed)?;
    Ok(queue)
}

fn snapshot<T, E: Failure>(
    readers: &r2d2::Pool<ConnManager>,
    job: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E> {
    let mut conn = begin_snapshot(readers)?;
    let conn: &mut Conn = &mut conn;
    let result = job(conn).map_err(|error| final_error(error, conn.is_postgres()));
    // Nothing was changed: ending it either way is the same, and a failed one can only be rolled back.
    let ended = if result.is_ok() { conn.commit() } else { conn.rollback() };
    match (result, ended) {
        (Ok(_), Err(error)) => Err(StoreError::from(error).into()),
        (result, _) => result,
    }
}

/// A connection on which a snapshot has begun. After a restart of the server every pooled one is
/// dead: each try drops one, and the last gets a new one.
fn begin_snapshot(readers: &r2d2::Pool<ConnManager>) -> Result<r2d2::PooledConnection<ConnManager>, StoreError> {
    let mut tries = readers.max_size();
    loop {
        let mut conn = readers.get()?;
        match conn.begin_snapshot().map_err(StoreError::from) {
            Err(StoreError::Unavailable(_)) if tries > 0 => tries -= 1,
            begun => return begun.map(|()| conn),
        }
    }
}
