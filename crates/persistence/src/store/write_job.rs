//! A write job: a transaction that waits in the queue of a writer, and the ticket for its result.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::{
    StoreError,
    error::{JobError, Retry},
    store::{locks::Locks, transaction::Tx, write_key::WriteKey},
};

/// How long a caller waits for the result of a queued write job.
const RESULT_TIMEOUT: Duration = Duration::from_secs(20);

/// The handle of a queued write job, owned by the caller that submitted the job.
///
/// If the ticket is dropped before the job starts, the job is discarded. A job that has started is still committed.
#[must_use = "a job whose ticket is dropped may be discarded"]
#[derive(Debug)]
pub struct Ticket<T, E> {
    result: oneshot::Receiver<Result<T, E>>,
    deadline: Instant,
}

impl<T, E: JobError> Ticket<T, E> {
    /// Waits until the job is committed, refused or failed.
    ///
    /// Fails with [`StoreError::Unavailable`] if there is no result 20 s after the submission, or if the writer died.
    /// After this error it is unknown whether the job was committed.
    pub async fn result(self) -> Result<T, E> {
        match timeout_at(self.deadline, self.result).await {
            Ok(Ok(result)) => result,
            _ => Err(StoreError::Unavailable("no result of a write in time".into()).into()),
        }
    }
}

/// The effect of a job on the transaction of its group.
pub(crate) enum JobOutcome {
    /// The job is done, or was refused before it changed anything. The transaction can be committed.
    Done,
    /// The job failed, or was refused after a change. The transaction must be rolled back.
    MustRollBack(RollbackCause),
}

/// Why a transaction must be rolled back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RollbackCause {
    /// The job returned a refusal after it had changed something.
    JobRefused,
    /// A deadlock, a serialization failure or a lock timeout: another attempt may succeed.
    Conflict,
    /// A violated constraint, perhaps because of a concurrent transaction. One attempt alone decides.
    ConstraintViolation,
    /// The connection is lost, or the database is unavailable.
    Unavailable,
    /// A statement failed for any other reason.
    Other,
}

impl RollbackCause {
    pub(crate) fn of(error: &StoreError, on_postgres: bool) -> Self {
        match (error, error.retry(on_postgres)) {
            (StoreError::Unavailable(_), _) => Self::Unavailable,
            (_, Retry::Yes) => Self::Conflict,
            (_, Retry::OnceAlone) => Self::ConstraintViolation,
            (_, Retry::No) => Self::Other,
        }
    }
}

/// A queued write job of any result type.
pub(crate) trait QueuedJob: Send {
    fn key(&self) -> WriteKey;

    /// Whether the caller has dropped the ticket of this job.
    fn is_abandoned(&self) -> bool;

    /// The rows that this job needs locked before any job of the group runs.
    fn locks(&self) -> &Locks;

    /// Runs the job. After a rollback it may run again.
    fn run(&mut self, tx: &mut Tx<'_>) -> JobOutcome;

    /// The error message of the database, if the last run of the job failed in the database.
    fn database_error(&self) -> Option<String>;

    /// Sends the result of the last run to the ticket. If the group failed with `error`, sends that error instead,
    /// unless the job had refused.
    fn finish(self: Box<Self>, error: Option<StoreError>);

    /// Whether the writer must stop at this job, for tests.
    #[cfg(feature = "test-access")]
    fn stops_writer(&self) -> bool {
        false
    }
}

pub(crate) struct WriteJob<T, E, F> {
    key: WriteKey,
    locks: Locks,
    run: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> WriteJob<T, E, F>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E>,
{
    /// Creates a job and its ticket, whose timeout starts now.
    pub(crate) fn new(key: WriteKey, locks: Locks, run: F) -> (Self, Ticket<T, E>) {
        let (reply, result) = oneshot::channel();
        let ticket = Ticket { result, deadline: Instant::now() + RESULT_TIMEOUT };
        (Self { key, locks, run, result: None, reply }, ticket)
    }
}

impl<T, E, F> QueuedJob for WriteJob<T, E, F>
where
    T: Send,
    E: JobError + Send,
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn key(&self) -> WriteKey {
        self.key
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn locks(&self) -> &Locks {
        &self.locks
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> JobOutcome {
        // A panic in one job must not end the writer thread.
        let result =
            catch_unwind(AssertUnwindSafe(|| (self.run)(tx))).unwrap_or_else(|_| Err(E::from(StoreError::Panicked)));
        let outcome = match &result {
            Ok(_) => JobOutcome::Done,
            Err(error) => match error.store_error() {
                Some(error) => JobOutcome::MustRollBack(RollbackCause::of(error, tx.is_postgres())),
                None if tx.has_changes() => JobOutcome::MustRollBack(RollbackCause::JobRefused),
                None => JobOutcome::Done,
            },
        };
        self.result = Some(result);
        outcome
    }

    fn database_error(&self) -> Option<String> {
        self.result.as_ref()?.as_ref().err()?.store_error().map(StoreError::cause)
    }

    fn finish(self: Box<Self>, error: Option<StoreError>) {
        let result = match (error, self.result) {
            (Some(group_error), Some(Err(error))) if error.store_error().is_none() => {
                log::debug!("the transaction of a refused job failed as well: {group_error}");
                Err(error)
            }
            (Some(group_error), _) => Err(E::from(group_error)),
            (None, Some(result)) => result,
            (None, None) => Err(E::from(StoreError::Unavailable("the job was never run".into()))),
        };
        // If the ticket is gone, a committed job stays committed.
        let _ = self.reply.send(result);
    }
}

/// A job for tests that stops the writer that takes it from the queue. See `Store::stop_writers`.
#[cfg(feature = "test-access")]
#[derive(Default)]
pub(crate) struct StopWriter {
    locks: Locks,
}

#[cfg(feature = "test-access")]
impl QueuedJob for StopWriter {
    fn key(&self) -> WriteKey {
        WriteKey::Global
    }

    fn is_abandoned(&self) -> bool {
        false
    }

    fn locks(&self) -> &Locks {
        &self.locks
    }

    fn run(&mut self, _: &mut Tx<'_>) -> JobOutcome {
        JobOutcome::Done
    }

    fn database_error(&self) -> Option<String> {
        None
    }

    fn finish(self: Box<Self>, _: Option<StoreError>) {}

    fn stops_writer(&self) -> bool {
        true
    }
}
