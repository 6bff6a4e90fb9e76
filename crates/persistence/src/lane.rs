//! A lane: a thread with one connection that commits whatever is queued as one group.
//!
//! A commit costs the same for one job as for two hundred, so a group of them is many times as
//! fast, and each is acknowledged only after the commit. A group that fails is run again job by
//! job, so that one failure spoils no other.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread::sleep,
    time::Duration,
};

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, PgConnection, QueryDsl, QueryResult, RunQueryDsl,
    connection::{AnsiTransactionManager, TransactionManager},
};
use domain::{EventKind, HotelId};
use tokio::sync::{mpsc, oneshot};

use crate::{
    StoreError,
    among::among,
    conn::{Conn, DbUrl},
    conversations::Which,
    events::{self, Logged},
    schema::conversations,
    store::{Committed, Failure, OnCommit},
};

/// The most jobs of one group.
const GROUP: usize = 256;
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
    changed: bool,
}

impl Tx<'_> {
    /// The connection, to ask.
    pub fn conn(&mut self) -> &mut Conn {
        self.conn
    }

    /// The connection, to change something: from here on a refusal has to roll back.
    pub(crate) fn changing(&mut self) -> &mut Conn {
        self.changed = true;
        self.conn
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
    /// The connection is gone, or the database away.
    Away,
    /// Anything else.
    Other,
}

impl From<&StoreError> for Fault {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Conflict(_) => Self::Conflict,
            StoreError::Unavailable(_) => Self::Away,
            _ => Self::Other,
        }
    }
}

/// A job of whatever type, in the queue.
pub(crate) trait AnyJob: Send {
    /// Conversations to lock before any job of the group runs.
    fn locks(&self) -> &[Which];
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran;
    /// Answers who waits: with what `run` gave, or with this failure.
    fn finish(self: Box<Self>, failure: Option<StoreError>);
}

/// A job whose answer somebody waits for.
pub(crate) struct Job<T, E, F> {
    pub(crate) locks: Vec<Which>,
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
    fn locks(&self) -> &[Which] {
        &self.locks
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        // A panic in one job must not take the lane, and with it all writing, down.
        let result =
            catch_unwind(AssertUnwindSafe(|| (self.run)(tx))).unwrap_or_else(|_| Err(E::from(StoreError::Panicked)));
        let ran = match &result {
            Ok(_) => Ran::Well,
            Err(error) => match error.of_store() {
                Some(error) => Ran::Badly(error.into()),
                None if tx.changed => Ran::Badly(Fault::Refused),
                None => Ran::Well,
            },
        };
        self.result = Some(result);
        ran
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

/// Works off the queue until its other end is gone.
pub(crate) fn work(url: &DbUrl, mut queue: mpsc::Receiver<Box<dyn AnyJob>>, on_commit: &OnCommit) {
    let (mut conn, mut commits) = (None, 0);
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP {
            match queue.try_recv() {
                Ok(job) => group.push(job),
                Err(_) => break,
            }
        }
        let tell = |Logged { events, others }| {
            on_commit(Committed { events: events.into(), more: !queue.is_empty(), others });
        };
        run_group(url, &mut conn, group, &tell);
        commits += 1;
        if commits >= COMMITS && queue.is_empty() {
            commits = 0;
            if let Some(conn) = &mut conn {
                conn.checkpoint();
            }
        }
    }
}

fn run_group(url: &DbUrl, conn: &mut Option<Conn>, mut group: Vec<Box<dyn AnyJob>>, tell: &dyn Fn(Logged)) {
    for _ in 0..TRIES {
        match attempt(url, conn, &mut group) {
            Ok(logged) => {
                // Announced before anybody is answered, and in the order of the commits.
                tell(logged);
                return group.into_iter().for_each(|job| job.finish(None));
            }
            Err(Rollback { fault: Fault::Conflict, .. }) => sleep(GIVE_WAY),
            // A lost connection spoils the whole group, and may have lost the answer to a commit
            // that was done: running it again could do it twice.
            Err(Rollback { fault: Fault::Away, error }) => {
                let told = error.map_or_else(String::new, |error| error.to_string());
                return group.into_iter().for_each(|job| job.finish(Some(StoreError::Unavailable(told.clone()))));
            }
            Err(Rollback { error, .. }) if group.len() == 1 => {
                let mut error = error;
                return group.into_iter().for_each(|job| job.finish(error.take()));
            }
            Err(_) => return run_singly(url, conn, group, tell),
        }
    }
    if group.len() > 1 {
        // One by one they hold less, and stand in nobody's way.
        return run_singly(url, conn, group, tell);
    }
    group.into_iter().for_each(|job| job.finish(Some(StoreError::Unavailable("too many writes at once".into()))));
}

fn run_singly(url: &DbUrl, conn: &mut Option<Conn>, group: Vec<Box<dyn AnyJob>>, tell: &dyn Fn(Logged)) {
    group.into_iter().for_each(|job| run_group(url, conn, vec![job], tell));
}

/// Why an attempt was rolled back, and the failure to tell where no job's own answer tells it.
struct Rollback {
    fault: Fault,
    error: Option<StoreError>,
}

impl From<StoreError> for Rollback {
    fn from(error: StoreError) -> Self {
        Self { fault: (&error).into(), error: Some(error) }
    }
}

fn attempt(url: &DbUrl, slot: &mut Option<Conn>, group: &mut [Box<dyn AnyJob>]) -> Result<Logged, Rollback> {
    let conn = match slot {
        Some(conn) => conn,
        None => slot.insert(Conn::establish(url)?),
    };
    let result = transact(conn, group);
    if result.is_err() {
        // Without effect where the connection is gone, or never began.
        let _ = conn.rollback();
    }
    if conn.is_broken() || matches!(&result, Err(Rollback { fault: Fault::Away, .. })) {
        *slot = None;
    }
    result
}

fn transact(conn: &mut Conn, group: &mut [Box<dyn AnyJob>]) -> Result<Logged, Rollback> {
    begin(conn, group).map_err(StoreError::from)?;
    let mut drafts = Vec::new();
    for job in group {
        let mut tx = Tx { conn, drafts: &mut drafts, changed: false };
        if let Ran::Badly(fault) = job.run(&mut tx) {
            let error = matches!(fault, Fault::Away).then(|| StoreError::Unavailable("the connection was lost".into()));
            return Err(Rollback { fault, error });
        }
    }
    // The hotels' counters are taken last, so that other nodes wait for them shortly.
    let logged = events::append(conn, drafts)?;
    conn.commit().map_err(StoreError::from)?;
    Ok(logged)
}

/// Begins a group's transaction, and locks its conversations in the order of their ids, so that
/// groups of other nodes, which do the same, wait instead of standing in each other's way.
fn begin(conn: &mut Conn, group: &[Box<dyn AnyJob>]) -> QueryResult<()> {
    match conn {
        Conn::Pg(conn) => {
            AnsiTransactionManager::begin_transaction(conn)?;
            lock(conn, group)
        }
        // One writer anyway. Taking the write lock at once spares the error of a lock that cannot be upgraded.
        Conn::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE"),
    }
}

fn lock(conn: &mut PgConnection, group: &[Box<dyn AnyJob>]) -> QueryResult<()> {
    let (mut ids, mut stays) = (Vec::new(), Vec::new());
    for which in group.iter().flat_map(|job| job.locks()) {
        match which {
            Which::Conversation(id) | Which::Both(id, _) => ids.push(id.0),
            Which::Stay(id) => stays.push(id.0),
        }
    }
    let by_id = among(conversations::id, &ids);
    let by_stay = among(conversations::stay_id, &stays);
    // Not FOR UPDATE: who changes a staff member adds events that refer to conversations.
    let all = conversations::table.select(conversations::id).order(conversations::id).for_no_key_update();
    // Mostly those to lock are named in one way only, which has a better plan.
    let locked = match (ids.is_empty(), stays.is_empty()) {
        (true, true) => Ok(0),
        (false, true) => all.filter(by_id).execute(conn),
        (true, false) => all.filter(by_stay).execute(conn),
        (false, false) => all.filter(by_id.or(by_stay)).execute(conn),
    };
    locked.map(drop)
}
