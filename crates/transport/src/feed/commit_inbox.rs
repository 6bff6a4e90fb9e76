//! Committed events that wait for the feed. If too many wait, only the newest `seq` is kept, and the feed reads the log
//! in the database, which is the truth.

use std::{collections::VecDeque, sync::Arc};

use desk::Committed;
use domain::{Event, Seq};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Maximum number of commit groups whose events are kept in the inbox.
const MAX_GROUPS: usize = 1024;

/// The inbox of one hotel's feed. Commits of this node put their events here; signals of other nodes and the watchdog
/// report only the head of the log.
#[derive(Default)]
pub(crate) struct CommitInbox {
    state: Mutex<InboxState>,
    changed: Notify,
}

#[derive(Default)]
struct InboxState {
    groups: VecDeque<Arc<[Event]>>,
    head: Seq,
    /// Head of the log at the time of the last [`CommitInbox::take`].
    taken_head: Seq,
    /// Whether the database writer has more commits in progress, whose events will follow.
    more_follows: bool,
    /// Whether a waiting event may concern sockets without subscriptions.
    for_all: bool,
}

impl CommitInbox {
    /// Adds the events of a commit to the inbox. `head` is the hotel's last event in the commit; `for_all` as in
    /// [`CommitInbox::report_head`].
    pub(crate) fn push(&self, commit: &Committed, head: Seq, for_all: bool) {
        let mut state = self.state.lock();
        state.head = state.head.max(head);
        state.for_all |= for_all;
        state.more_follows = commit.has_more;
        if state.groups.len() < MAX_GROUPS {
            state.groups.push_back(commit.events.clone());
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Reports the head of the log to the feed. `for_all`: the new events may concern sockets without subscriptions.
    /// Does nothing if both are known already.
    pub(crate) fn report_head(&self, head: Seq, for_all: bool) {
        let mut state = self.state.lock();
        // A late signal of another node may add `for_all` to a head that is known already.
        if head > state.head || head > state.taken_head && for_all && !state.for_all {
            state.head = state.head.max(head);
            state.for_all |= for_all;
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Drops all waiting events of the inbox, because another epoch of the log has begun.
    pub(crate) fn reset(&self, head: Seq) {
        *self.state.lock() = InboxState { head, taken_head: head, ..InboxState::default() };
    }

    pub(crate) async fn wait_for_change(&self) {
        self.changed.notified().await;
    }

    /// Waits until the inbox has an event that may concern sockets without subscriptions.
    pub(crate) async fn wait_for_event_for_all(&self) {
        while !self.state.lock().for_all {
            self.wait_for_change().await;
        }
    }

    pub(crate) fn more_follows(&self) -> bool {
        self.state.lock().more_follows
    }

    /// Takes the waiting events out of the inbox. Returns them and the head of the log.
    pub(crate) fn take(&self) -> (VecDeque<Arc<[Event]>>, Seq) {
        let mut state = self.state.lock();
        state.taken_head = state.head;
        state.for_all = false;
        (std::mem::take(&mut state.groups), state.head)
    }
}
