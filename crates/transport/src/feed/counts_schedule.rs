//! When the numbers of inboxes (`counts`) are read next, and the read in progress.

use std::{cell::Cell, collections::HashMap, future::pending, time::Duration};

use desk::{Error, inbox::CountsInReach};
use domain::StaffId;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use crate::socket::{SocketId, SocketState};

/// Minimum time between two `counts` events to the same socket.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) type CountsByStaff = HashMap<StaffId, CountsInReach>;

/// When the numbers of inboxes are read next, and the read in progress. Owned by the feed.
pub(crate) struct CountsSchedule {
    /// Whether a socket may be [`CountsInterest::Stale`](crate::socket::CountsInterest::Stale).
    has_stale: Cell<bool>,
    not_before: Instant,
    read: Option<CountsRead>,
}

struct CountsRead {
    sockets: Vec<SocketId>,
    task: JoinHandle<Result<CountsByStaff, Error>>,
}

/// What the feed has to do about the numbers of inboxes.
pub(crate) enum CountsStep {
    /// Read them for the sockets whose numbers are stale.
    Read,
    /// Send them to these sockets; `None`: they could not be read.
    Send(Vec<SocketId>, Option<CountsByStaff>),
}

impl Default for CountsSchedule {
    fn default() -> Self {
        Self { has_stale: Cell::new(false), not_before: Instant::now(), read: None }
    }
}

impl CountsSchedule {
    /// Records that a change concerns a socket, if the socket has asked for the numbers.
    pub(crate) fn mark(&self, state: &mut SocketState) {
        if state.mark_counts() {
            self.has_stale.set(true);
        }
    }

    /// Records that the numbers of no socket are stale any more.
    pub(crate) fn clear(&self) {
        self.has_stale.set(false);
    }

    /// Records a read in progress for these sockets.
    pub(crate) fn begin_read(&mut self, sockets: Vec<SocketId>, task: JoinHandle<Result<CountsByStaff, Error>>) {
        self.read = Some(CountsRead { sockets, task });
    }

    /// Records that numbers were sent: the next read follows after [`MIN_INTERVAL`].
    pub(crate) fn end_read(&mut self) {
        self.not_before = Instant::now() + MIN_INTERVAL;
    }

    /// Waits for the next step. May be dropped at any time: nothing is lost.
    pub(crate) async fn next_step(&mut self) -> CountsStep {
        if let Some(read) = &mut self.read {
            let result = (&mut read.task).await;
            let sockets = self.read.take().map(|read| read.sockets).unwrap_or_default();
            return CountsStep::Send(sockets, counts_of(result));
        }
        if !self.has_stale.get() {
            return pending().await;
        }
        sleep_until(self.not_before).await;
        CountsStep::Read
    }
}

/// The numbers that were read; `None` if the read has failed or panicked, which the next one makes up for.
fn counts_of(result: Result<Result<CountsByStaff, Error>, tokio::task::JoinError>) -> Option<CountsByStaff> {
    let failure = match result {
        Ok(Ok(counts)) => return Some(counts),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic.to_string(),
    };
    log::debug!("numbers of inboxes could not be read: {failure}; the next attempt follows in a second");
    None
}
