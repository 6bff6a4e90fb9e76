//! A lane: a thread with one connection that commits whatever is queued as one group.
//!
//! A commit costs the same for one job as for two hundred, so a group of them is many times as
//! fast, and each is acknowledged only after the commit. A group that fails is run again job by
//! job, so that one failure spoils no other. A job that has to wait for somebody's lock for long
//! does so on another connection ([`Waiting`]), so that other hotels do not wait with it.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    thread::sleep,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use diesel::{
    QueryResult,
    connection::{AnsiTransactionManager, TransactionManager},
};
use domain::{EventKind, GuestId, HotelId};
use tokio::sync::{mpsc, oneshot};

use crate::{
    StoreError,
    conn::{Conn, DbUrl, WriteConn},
    error::Retry,
    events::{self, Logged},
    locks::{self, Locks},
    store::{Committed, Failure, OnCommit},
    waiting::Waiting,
};

/// The most jobs of one group.
const GROUP: usize = 256;
/// How long a group waits for a lock of another node, or of a person at the database's prompt. Commits take
/// milliseconds, so whoever holds one for longer is likely to go on doing so.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);
/// After so many commits a quiet moment is used to take over what was written.
const COMMITS: usize = 100;
/// How often a group that gave way to another transaction is tried again.
const TRIES: usize = 3;
/// Before that, for so long: else it would be back before the other is done.
const GIVE_WAY: Duration = Duration::from_millis(20);

/// What a job works with: a connection inside a transaction, and the events that go with it.
pub struct Tx<'a> {
    conn: &'a mut Conn,
    drafts: &'a mut Vec<events::Draft>,
    /// The guests whom the transaction has locked, with their conversations.
    guests: &'a mut BTreeSet<i64>,
    changed: bool,
}

impl Tx<'_> {
    /// The connection, to ask, and to lock what was asked for. It can write nothing ([`crate::ReadOnly`]).
    pub fn conn(&mut self) -> &mut Conn {
        self.conn
    }

    /// The connection, to change something: from here on a refusal has to roll back.
    pub(crate) fn changing(&mut self) -> WriteConn<'_> {
        self.changed = true;
        self.conn.writable()
    }

    /// As `changing`: for tests of this crate only.
    #[cfg(feature = "test-access")]
    pub fn unrestricted(&mut self) -> Conn<&mut diesel::PgConnection, &mut diesel::SqliteConnection> {
        self.changing()
    }

    /// Whether the transaction has locked a guest and their conversations.
    pub(crate) fn has_locked(&self, guest: GuestId) -> bool {
        self.guests.contains(&guest.0)
    }

    /// Notes that the transaction has locked guests and their conversations.
    pub(crate) fn note_locked(&mut self, guests: impl IntoIterator<Item = i64>) {
        self.guests.extend(guests);
    }

    /// Adds an event to the hotel's log. It gets its place at the end of the transaction.
    pub fn record(&mut self, hotel: HotelId, at: DateTime<Utc>, kind: EventKind) {
        self.changed = true;
        self.drafts.push(events::Draft { hotel, at, kind });
    }
}

/// How a job ended, as far as its group is concerned.
pub(crate) enum Ran {
    /// Done, or refused before anything was changed.
    Well,
    /// It failed, or was refused after a change: the transaction must be rolled back.
    Badly(Fault),
}

/// Why a transaction must be rolled back.
pub(crate) enum Fault {
    /// This job's own answer says it all.
    Refused,
    /// It gave way to another transaction.
    Conflict,
    /// It may have lost a race; run alone, it finds out.
    Race,
    /// The connection is gone, or the database away.
    Away,
    /// Anything else.
    Other,
}

impl Fault {
    fn of(error: &StoreError, on_postgres: bool) -> Self {
        match (error, error.retry(on_postgres)) {
            (StoreError::Unavailable(_), _) => Self::Away,
            (_, Retry::Useful) => Self::Conflict,
            (_, Retry::OnceAlone) => Self::Race,
            (_, Retry::Useless) => Self::Other,
        }
    }
}

/// A job of whatever type, in the queue.
pub(crate) trait AnyJob: Send {
    fn hotel(&self) -> HotelId;
    #[cfg(feature = "test-access")]
    fn ends_writer(&self) -> bool {
        false
    }
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    /// What to lock before any job of the group runs.
    fn locks(&self) -> &Locks;
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran;
    /// The database's words for why it failed, if it did.
    fn failure(&self) -> Option<String>;
    /// Answers who waits: with what `run` gave, or with this failure.
    fn finish(self: Box<Self>, failure: Option<StoreError>);
}

/// A job whose answer somebody waits for.
pub(crate) struct Job<T, E, F> {
    pub(crate) hotel: HotelId,
    pub(crate) locks: Locks,
    pub(crate) run: F,
    pub(crate) result: Option<Result<T, E>>,
    pub(crate) reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> AnyJob for Job<T, E, F>
where
    T: Send,
    E: Failure + Send,
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn hotel(&self) -> HotelId {
        self.hotel
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn locks(&self) -> &Locks {
        &self.locks
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        // A panic in one job must not take the lane, and with it all writing, down.
        let result =
            catch_unwind(AssertUnwindSafe(|| (self.run)(tx))).unwrap_or_else(|_| Err(E::from(StoreError::Panicked)));
        let ran = match &result {
            Ok(_) => Ran::Well,
            Err(error) => match error.of_store() {
                Some(error) => Ran::Badly(Fault::of(error, tx.conn.is_postgres())),
                None if tx.changed => Ran::Badly(Fault::Refused),
                None => Ran::Well,
            },
        };
        self.result = Some(result);
        ran
    }

    fn failure(&self) -> Option<String> {
        self.result.as_ref()?.as_ref().err()?.of_store().map(StoreError::cause)
    }

    fn finish(self: Box<Self>, failure: Option<StoreError>) {
        let result = match (failure, self.result) {
            (Some(failure), Some(Err(error))) if error.of_store().is_none() => {
                log::debug!("a refused job's transaction failed as well: {failure}");
                Err(error)
            }
            (Some(failure), _) => Err(E::from(failure)),
            (None, Some(result)) => result,
            (None, None) => Err(E::from(StoreError::Unavailable("the job was never run".into()))),
        };
        // Who asked may have gone away; what was committed stays.
        let _ = self.reply.send(result);
    }
}

/// See [`crate::Store::end_writers`].
#[cfg(feature = "test-access")]
#[derive(Default)]
pub(crate) struct EndWriter {
    locks: Locks,
}

#[cfg(feature = "test-access")]
impl AnyJob for EndWriter {
    fn hotel(&self) -> HotelId {
        HotelId(0)
    }

    fn ends_writer(&self) -> bool {
        true
    }

    fn is_abandoned(&self) -> bool {
        false
    }

    fn locks(&self) -> &Locks {
        &self.locks
    }

    fn run(&mut self, _: &mut Tx<'_>) -> Ran {
        Ran::Well
    }

    fn failure(&self) -> Option<String> {
        None
    }

    fn finish(self: Box<Self>, _: Option<StoreError>) {}
}

/// Works off the queue until its other end is gone.
pub(crate) fn work(
    url: DbUrl,
    mut queue: mpsc::Receiver<Box<dyn AnyJob>>,
    on_commit: OnCommit,
    waiting: Option<Waiting>,
) {
    let mut writer = Writer::new(url, on_commit, LOCK_TIMEOUT, waiting);
    let mut commits = 0;
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP {
            match queue.try_recv() {
                Ok(job) => group.push(job),
                Err(_) => break,
            }
        }
        #[cfg(feature = "test-access")]
        if group.iter().any(|job| job.ends_writer()) {
            return;
        }
        writer.run(group, !queue.is_empty());
        commits += 1;
        if commits >= COMMITS && queue.is_empty() {
            commits = 0;
            if let Some(conn) = &mut writer.conn {
                conn.checkpoint();
            }
        }
    }
}

/// A connection that writes.
pub(crate) struct Writer {
    url: DbUrl,
    conn: Option<Conn>,
    on_commit: OnCommit,
    lock_timeout: Duration,
    /// Who runs the jobs that have waited for a lock for so long.
    waiting: Option<Waiting>,
}

impl Writer {
    pub(crate) fn new(url: DbUrl, on_commit: OnCommit, lock_timeout: Duration, waiting: Option<Waiting>) -> Self {
        Self { url, conn: None, on_commit, lock_timeout, waiting }
    }

    /// Runs a group; `more` says whether others wait already.
    pub(crate) fn run(&mut self, group: Vec<Box<dyn AnyJob>>, more: bool) {
        // Jobs that panic are caught one by one. A panic outside of them, such as in the database's library, must not
        // end the thread: nobody would write any more. Those who wait are answered as their jobs are dropped.
        if catch_unwind(AssertUnwindSafe(|| self.run_group(group, more))).is_err() {
            log::error!("a writer panicked, and goes on with a new connection");
            self.conn = None;
            sleep(GIVE_WAY);
        }
    }

    /// Closes the connection: there is nothing to do.
    pub(crate) fn rest(&mut self) {
        self.conn = None;
    }

    fn run_group(&mut self, group: Vec<Box<dyn AnyJob>>, more: bool) {
        let mut group = self.without_waiting(group);
        let mut told = String::new();
        for _ in 0..TRIES {
            // What was rolled back is as good as not begun.
            group.retain(|job| !job.is_abandoned());
            if group.is_empty() {
                return;
            }
            let began = Instant::now();
            let Err(Rollback { fault, error }) = self.attempt(&mut group, more) else {
                return group.into_iter().for_each(|job| job.finish(None));
            };
            match fault {
                // Not again at once: somebody holds a lock for long. Alone, a job finds out whether it is meant.
                Fault::Conflict if began.elapsed() >= self.lock_timeout => {
                    return self.give_up_group(group, more, error);
                }
                Fault::Conflict => {
                    told = error.map_or_else(String::new, |error| error.cause());
                    sleep(GIVE_WAY);
                }
                // A lost connection spoils the whole group, and may have lost the answer to a commit
                // that was done: running it again could do it twice.
                Fault::Away => {
                    let told = error.map_or_else(String::new, |error| error.to_string());
                    return group.into_iter().for_each(|job| job.finish(Some(StoreError::Unavailable(told.clone()))));
                }
                Fault::Race if group.len() == 1 => match self.attempt(&mut group, more) {
                    Ok(()) => return group.into_iter().for_each(|job| job.finish(None)),
                    Err(Rollback { error, .. }) => return finish_with(group, error),
                },
                Fault::Refused | Fault::Other if group.len() == 1 => return finish_with(group, error),
                Fault::Race | Fault::Refused | Fault::Other => return self.run_singly(group, more),
            }
        }
        if group.len() > 1 {
            // One by one they hold less, and stand in nobody's way.
            return self.run_singly(group, more);
        }
        log::warn!("a write gave way {TRIES} times: {told}");
        group.into_iter().for_each(|job| job.finish(Some(StoreError::Refused(told.clone()))));
    }

    fn run_singly(&mut self, group: Vec<Box<dyn AnyJob>>, more: bool) {
        group.into_iter().for_each(|job| self.run_group(vec![job], more));
    }

    /// A lock was waited for as long as a group may.
    fn give_up_group(&mut self, group: Vec<Box<dyn AnyJob>>, more: bool, error: Option<StoreError>) {
        if group.len() > 1 {
            return self.run_singly(group, more);
        }
        match &self.waiting {
            Some(waiting) => group.into_iter().for_each(|job| waiting.take(job)),
            None => {
                let told = error.map_or_else(|| "a row is locked".to_owned(), |error| error.cause());
                log::warn!("a write waited too long for others: {told}");
                group.into_iter().for_each(|job| job.finish(Some(StoreError::Refused(told.clone()))));
            }
        }
    }

    /// Hands on the jobs of hotels of which an earlier job waits for a lock: they must not overtake it.
    fn without_waiting(&self, group: Vec<Box<dyn AnyJob>>) -> Vec<Box<dyn AnyJob>> {
        let Some(waiting) = &self.waiting else { return group };
        let (behind, group): (Vec<_>, Vec<_>) = group.into_iter().partition(|job| waiting.has(job.hotel()));
        behind.into_iter().for_each(|job| waiting.take(job));
        group
    }

    /// Runs a group in a transaction, and says what was committed: before anybody is answered, and in the order
    /// of the commits.
    fn attempt(&mut self, group: &mut [Box<dyn AnyJob>], more: bool) -> Result<(), Rollback> {
        let conn = match &mut self.conn {
            Some(conn) => conn,
            None => {
                let mut conn = Conn::establish(&self.url)?;
                let set = conn.set_lock_timeout(self.lock_timeout);
                set.map_err(|error| StoreError::Unavailable(error.to_string()))?;
                self.conn.insert(conn)
            }
        };
        let mut result = transact(conn, group);
        if result.is_err() {
            // Without effect where the connection is gone, or never began.
            let _ = conn.rollback();
        }
        let broken = conn.is_broken();
        if let Err(Rollback { fault, .. }) = &mut result
            && broken
            && conn.is_postgres()
        {
            // Whatever was said: whether it was committed is not known.
            *fault = Fault::Away;
        }
        if broken || matches!(&result, Err(Rollback { fault: Fault::Away, .. })) {
            self.conn = None;
        }
        let Logged { events, others } = result?;
        let committed = Committed { events: events.into(), more, others };
        // What is committed is committed. Feeds look into the log by themselves once a second.
        if catch_unwind(AssertUnwindSafe(|| (self.on_commit)(committed))).is_err() {
            log::error!("telling of a commit panicked; the feeds find it in the log");
        }
        Ok(())
    }
}

fn finish_with(group: Vec<Box<dyn AnyJob>>, mut error: Option<StoreError>) {
    group.into_iter().for_each(|job| job.finish(error.take()));
}

/// Why an attempt was rolled back, and the failure to tell where no job's own answer tells it.
struct Rollback {
    fault: Fault,
    error: Option<StoreError>,
}

impl Rollback {
    fn of(error: StoreError, on_postgres: bool) -> Self {
        Self { fault: Fault::of(&error, on_postgres), error: Some(error) }
    }
}

/// Outside of a transaction: nothing to be run again.
impl From<StoreError> for Rollback {
    fn from(error: StoreError) -> Self {
        Self::of(error, false)
    }
}

fn transact(conn: &mut Conn, group: &mut [Box<dyn AnyJob>]) -> Result<Logged, Rollback> {
    let on_postgres = conn.is_postgres();
    let failed = |error: StoreError| Rollback::of(error, on_postgres);
    let mut guests = begin(conn, group).map_err(|error| failed(error.into()))?;
    let mut drafts = Vec::new();
    for job in group {
        let mut tx = Tx { conn, drafts: &mut drafts, guests: &mut guests, changed: false };
        if let Ran::Badly(fault) = job.run(&mut tx) {
            // Where the job's own answer is told, there is no other.
            let error = match &fault {
                Fault::Away => Some(StoreError::Unavailable("the connection was lost".into())),
                Fault::Conflict => job.failure().map(StoreError::Unavailable),
                Fault::Refused | Fault::Race | Fault::Other => None,
            };
            return Err(Rollback { fault, error });
        }
    }
    // The hotels' counters are taken last, so that other nodes wait for them shortly.
    let logged = events::append(conn, drafts).map_err(failed)?;
    conn.commit().map_err(|error| failed(error.into()))?;
    Ok(logged)
}

/// Begins a group's transaction, and locks what its jobs decide about, in an order that groups of other nodes keep as
/// well, so that they wait instead of standing in each other's way. Which guests are locked.
fn begin(conn: &mut Conn, group: &[Box<dyn AnyJob>]) -> QueryResult<BTreeSet<i64>> {
    match conn.writable() {
        Conn::Pg(conn) => {
            AnsiTransactionManager::begin_transaction(conn)?;
            locks::lock(conn, group.iter().map(|job| (job.hotel(), job.locks())))
        }
        // One writer anyway. Taking the write lock at once spares the error of a lock that cannot be upgraded.
        Conn::Sqlite(conn) => {
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE").map(|()| BTreeSet::new())
        }
    }
}
