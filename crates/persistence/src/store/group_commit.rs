//! Group commit: a writer thread commits all queued jobs in one transaction.
//!
//! A commit costs the same for one job as for two hundred. Every job gets its result only after the commit. If a group
//! fails, its jobs run again one by one, so that one failure spoils no other job. A job that waits for a row lock for
//! longer than [`LOCK_TIMEOUT`] moves to the lock-wait writer, so that other hotels do not wait with it.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    thread::sleep,
    time::{Duration, Instant},
};

use diesel::{QueryResult, connection::AnsiTransactionManager};
use tokio::sync::mpsc;

use crate::{
    StoreError,
    event_log::{self, LoggedEvents},
    message_words,
    store::{
        commit::{Committed, OnCommit},
        connection::{Conn, DbUrl},
        lock_wait_queue::LockWaitQueue,
        locks,
        transaction::{DeferredWrites, Tx},
        write_job::{JobOutcome, QueuedJob, RollbackCause},
    },
};

const MAX_GROUP_SIZE: usize = 256;
/// How long a group waits for a row lock of another node or of an administrator's session. Commits take milliseconds,
/// so a lock held for longer is likely to be kept for long.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);
/// Number of commits after which the write-ahead log is copied into the SQLite file, as soon as the queue is empty.
const COMMITS_PER_CHECKPOINT: usize = 100;
/// Maximum number of attempts of a group, if each ends in a deadlock or a serialization failure.
const MAX_ATTEMPTS: usize = 3;
/// Pause before another attempt of a group, so that the other transaction can finish.
const CONFLICT_RETRY_DELAY: Duration = Duration::from_millis(20);

/// The loop of a writer thread. Returns when the sending half of the queue is dropped.
pub(crate) fn run_writer(
    url: DbUrl,
    mut queue: mpsc::Receiver<Box<dyn QueuedJob>>,
    on_commit: OnCommit,
    lock_wait_queue: Option<LockWaitQueue>,
) {
    let mut writer = Writer::new(url, on_commit, LOCK_TIMEOUT, lock_wait_queue);
    let mut commits = 0;
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < MAX_GROUP_SIZE {
            match queue.try_recv() {
                Ok(job) => group.push(job),
                Err(_) => break,
            }
        }
        #[cfg(feature = "test-access")]
        if group.iter().any(|job| job.stops_writer()) {
            return;
        }
        writer.run(group, !queue.is_empty());
        commits += 1;
        if commits >= COMMITS_PER_CHECKPOINT && queue.is_empty() {
            commits = 0;
            if let Some(conn) = &mut writer.conn {
                conn.checkpoint();
            }
        }
    }
}

/// A connection that commits groups of jobs, owned by one thread. It connects on first use, and again after a failure.
///
/// What follows a failed attempt of a group:
///
/// ```text
/// conflict ──▶ again, MAX_ATTEMPTS in all ──▶ job by job ──▶ RetriesExhausted
/// conflict after the lock timeout ──▶ job by job ──▶ lock-wait writer, or RetriesExhausted if there is none
/// constraint violation ──▶ job by job ──▶ once more alone ──▶ the error of the job
/// refused after a change, other error ──▶ job by job ──▶ the error of the job
/// unavailable ──▶ Unavailable for the whole group, never again: the commit may have happened
/// ```
pub(crate) struct Writer {
    url: DbUrl,
    conn: Option<Conn>,
    on_commit: OnCommit,
    lock_timeout: Duration,
    lock_wait_queue: Option<LockWaitQueue>,
}

impl Writer {
    pub(crate) fn new(
        url: DbUrl,
        on_commit: OnCommit,
        lock_timeout: Duration,
        lock_wait_queue: Option<LockWaitQueue>,
    ) -> Self {
        Self { url, conn: None, on_commit, lock_timeout, lock_wait_queue }
    }

    /// Runs a group of jobs and sends every job its result. `has_more`: further jobs are queued already.
    pub(crate) fn run(&mut self, group: Vec<Box<dyn QueuedJob>>, has_more: bool) {
        // Jobs catch their own panics. A panic elsewhere, such as in the database library, must not end the thread. The
        // jobs of the group are dropped, so that their callers receive an error.
        if catch_unwind(AssertUnwindSafe(|| self.run_group(group, has_more))).is_err() {
            log::error!("a database writer panicked; its callers get 503, and it continues with a new connection");
            self.conn = None;
            sleep(CONFLICT_RETRY_DELAY);
        }
    }

    /// Closes the writer's connection until the next job.
    pub(crate) fn disconnect(&mut self) {
        self.conn = None;
    }

    fn run_group(&mut self, group: Vec<Box<dyn QueuedJob>>, has_more: bool) {
        let mut group = self.forward_blocked_hotels(group);
        let mut conflict = String::new();
        for _ in 0..MAX_ATTEMPTS {
            // A rolled-back job counts as not begun, so it is discarded if its ticket was dropped meanwhile.
            group.retain(|job| !job.is_abandoned());
            if group.is_empty() {
                return;
            }
            let started = Instant::now();
            let Err(Rollback { cause, error }) = self.attempt(&mut group, has_more) else {
                return finish_all(group, None);
            };
            match cause {
                // Another attempt would wait as long. If the jobs run singly, only those that need the locked row wait.
                RollbackCause::Conflict if started.elapsed() >= self.lock_timeout => {
                    return self.stop_waiting_for_lock(group, has_more, error);
                }
                RollbackCause::Conflict => {
                    conflict = error.map_or_else(String::new, |error| error.cause());
                    sleep(CONFLICT_RETRY_DELAY);
                }
                // The commit may have succeeded although its response was lost, so running the group again could
                // store the changes twice.
                RollbackCause::Unavailable => {
                    let cause = error.map_or_else(String::new, |error| error.to_string());
                    return fail_all(group, StoreError::Unavailable, &cause);
                }
                RollbackCause::ConstraintViolation if group.len() == 1 => {
                    let error = self.attempt(&mut group, has_more).err().and_then(|rollback| rollback.error);
                    return finish_all(group, error);
                }
                RollbackCause::JobRefused | RollbackCause::Other if group.len() == 1 => {
                    return finish_all(group, error);
                }
                RollbackCause::ConstraintViolation | RollbackCause::JobRefused | RollbackCause::Other => {
                    return self.run_singly(group, has_more);
                }
            }
        }
        if group.len() > 1 {
            // A single job holds fewer locks, so it conflicts less.
            return self.run_singly(group, has_more);
        }
        for job in &group {
            let key = job.key();
            log::warn!("{key}: a write conflicted {MAX_ATTEMPTS} times, its caller gets 503: {conflict}");
        }
        fail_all(group, StoreError::RetriesExhausted, &conflict);
    }

    fn run_singly(&mut self, group: Vec<Box<dyn QueuedJob>>, has_more: bool) {
        group.into_iter().for_each(|job| self.run_group(vec![job], has_more));
    }

    /// Ends the attempts of a group that waited for a row lock until the timeout.
    fn stop_waiting_for_lock(&mut self, group: Vec<Box<dyn QueuedJob>>, has_more: bool, error: Option<StoreError>) {
        if group.len() > 1 {
            return self.run_singly(group, has_more);
        }
        match &self.lock_wait_queue {
            Some(queue) => group.into_iter().for_each(|job| queue.push(job)),
            None => {
                let cause = error.map_or_else(|| "a row is locked".to_owned(), |error| error.cause());
                for job in &group {
                    log::warn!("{}: a write waited too long for a row lock, its caller gets 503: {cause}", job.key());
                }
                fail_all(group, StoreError::RetriesExhausted, &cause);
            }
        }
    }

    /// Moves jobs of hotels with an unfinished job in the lock-wait queue to that queue: they must not overtake it.
    fn forward_blocked_hotels(&self, group: Vec<Box<dyn QueuedJob>>) -> Vec<Box<dyn QueuedJob>> {
        let Some(queue) = &self.lock_wait_queue else { return group };
        let (blocked, group): (Vec<_>, Vec<_>) = group.into_iter().partition(|job| queue.must_follow(job.key()));
        blocked.into_iter().for_each(|job| queue.push(job));
        group
    }

    /// Runs a group in one transaction, commits, and calls the commit hook before any job returns.
    fn attempt(&mut self, group: &mut [Box<dyn QueuedJob>], has_more: bool) -> Result<(), Rollback> {
        let conn = match &mut self.conn {
            Some(conn) => conn,
            None => {
                let mut conn = Conn::establish(&self.url)?;
                conn.prepare_to_write(self.lock_timeout).map_err(|error| StoreError::Unavailable(error.to_string()))?;
                self.conn.insert(conn)
            }
        };
        let mut result = run_transaction(conn, group);
        if result.is_err() {
            // The rollback has no effect if the connection is lost or the transaction never began.
            let _ = conn.rollback();
        }
        let is_broken = conn.is_broken();
        if let Err(Rollback { cause, .. }) = &mut result
            && is_broken
            && conn.is_postgres()
        {
            // The connection is lost: whichever error was reported, the commit may have happened.
            *cause = RollbackCause::Unavailable;
        }
        if is_broken || matches!(&result, Err(Rollback { cause: RollbackCause::Unavailable, .. })) {
            self.conn = None;
        }
        let LoggedEvents { events, has_other_nodes } = result?;
        let committed = Committed { events: events.into(), has_more, has_other_nodes };
        if catch_unwind(AssertUnwindSafe(|| (self.on_commit)(committed))).is_err() {
            log::error!("the commit hook panicked; feeds read the committed events from the log within a second");
        }
        Ok(())
    }
}

/// Sends every job its own result; the first job gets `error` instead, if there is one.
fn finish_all(group: Vec<Box<dyn QueuedJob>>, mut error: Option<StoreError>) {
    group.into_iter().for_each(|job| job.finish(error.take()));
}

fn fail_all(group: Vec<Box<dyn QueuedJob>>, error: fn(String) -> StoreError, cause: &str) {
    group.into_iter().for_each(|job| job.finish(Some(error(cause.to_owned()))));
}

/// A rolled-back attempt of a group. `error` is for jobs that have no result of their own.
struct Rollback {
    cause: RollbackCause,
    error: Option<StoreError>,
}

impl Rollback {
    fn of(error: StoreError, on_postgres: bool) -> Self {
        Self { cause: RollbackCause::of(&error, on_postgres), error: Some(error) }
    }
}

/// Converts an error that occurs before the transaction begins, such as a failed connection.
impl From<StoreError> for Rollback {
    fn from(error: StoreError) -> Self {
        Self::of(error, false)
    }
}

fn run_transaction(conn: &mut Conn, group: &mut [Box<dyn QueuedJob>]) -> Result<LoggedEvents, Rollback> {
    let on_postgres = conn.is_postgres();
    let rolled_back = |error: StoreError| Rollback::of(error, on_postgres);
    let mut locked_guests = begin(conn, group).map_err(|error| rolled_back(error.into()))?;
    let mut deferred = DeferredWrites::default();
    for job in group {
        let mut tx = Tx::new(conn, &mut deferred, &mut locked_guests);
        if let JobOutcome::MustRollBack(cause) = job.run(&mut tx) {
            let error = match cause {
                RollbackCause::Unavailable => Some(StoreError::Unavailable("the connection was lost".into())),
                RollbackCause::Conflict => job.database_error().map(StoreError::Unavailable),
                RollbackCause::JobRefused | RollbackCause::ConstraintViolation | RollbackCause::Other => None,
            };
            return Err(Rollback { cause, error });
        }
    }
    message_words::insert_deferred(conn.writable(), &deferred.words).map_err(rolled_back)?;
    // Locks the event counters of the hotels last, so that other nodes wait for them only briefly.
    let logged = event_log::append(conn, deferred.events).map_err(rolled_back)?;
    conn.commit().map_err(|error| rolled_back(error.into()))?;
    Ok(logged)
}

/// Begins the transaction of a group and locks the rows of all its jobs, in the order that every node keeps, so that
/// transactions wait instead of deadlocking. Returns the locked guests.
fn begin(conn: &mut Conn, group: &[Box<dyn QueuedJob>]) -> QueryResult<BTreeSet<i64>> {
    match conn.writable() {
        Conn::Pg(conn) => locks::begin(conn, group.iter().map(|job| (job.key(), job.locks()))),
        // SQLite has one writer. A deferred transaction could fail when its read lock is upgraded.
        Conn::Sqlite(conn) => {
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE").map(|()| BTreeSet::new())
        }
    }
}
