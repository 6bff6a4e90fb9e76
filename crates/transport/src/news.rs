//! What a feed is told of commits: the events themselves while few wait, else only how far the log
//! has come. The log in the database is the truth.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use desk::Committed;
use domain::{Event, Seq};
use tokio::sync::Notify;

/// Groups of events that are carried; beyond, the feed reads the log.
const CARRIED: usize = 1024;

/// The news of one hotel.
#[derive(Default)]
pub(crate) struct News {
    state: Mutex<State>,
    told: Notify,
}

#[derive(Default)]
struct State {
    groups: VecDeque<Arc<[Event]>>,
    head: Seq,
    /// How far it had come when it was taken last.
    taken: Seq,
    more: bool,
    /// Whether there is something for those who follow nothing.
    for_all: bool,
}

impl News {
    /// Carries a commit, in which the hotel's last event is at `head`; `for_all` as for [`News::reach`].
    pub(crate) fn carry(&self, commit: &Committed, head: Seq, for_all: bool) {
        let mut state = self.lock();
        state.head = state.head.max(head);
        state.for_all |= for_all;
        state.more = commit.more;
        if state.groups.len() < CARRIED {
            state.groups.push_back(commit.events.clone());
        }
        drop(state);
        self.told.notify_one();
    }

    /// Tells that the log has come so far; nothing where that is known. `for_all`: there may be something in
    /// it for sockets that follow nothing.
    pub(crate) fn reach(&self, head: Seq, for_all: bool) {
        let mut state = self.lock();
        // Another server's word may come late, and have in it what a newer one's has not.
        if head > state.head || head > state.taken && for_all && !state.for_all {
            state.head = state.head.max(head);
            state.for_all |= for_all;
            drop(state);
            self.told.notify_one();
        }
    }

    /// Forgets what was told of a log that is not there any more; the one that is has come so far.
    pub(crate) fn restart(&self, head: Seq) {
        *self.lock() = State { head, taken: head, ..State::default() };
    }

    /// Waits for news.
    pub(crate) async fn told(&self) {
        self.told.notified().await;
    }

    /// Waits until there is something for sockets that follow nothing.
    pub(crate) async fn for_all(&self) {
        while !self.lock().for_all {
            self.told().await;
        }
    }

    /// Whether more will follow in a moment.
    pub(crate) fn more_follows(&self) -> bool {
        self.lock().more
    }

    /// What was carried, and how far the log has come.
    pub(crate) fn take(&self) -> (VecDeque<Arc<[Event]>>, Seq) {
        let mut state = self.lock();
        (state.taken, state.for_all) = (state.head, false);
        (std::mem::take(&mut state.groups), state.head)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
