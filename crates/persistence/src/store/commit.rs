//! The commit hook: reports committed events to the feeds.

use std::sync::Arc;

use domain::Event;

/// The events of one commit.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The committed events, in `seq` order within each hotel.
    pub events: Arc<[Event]>,
    /// Whether the writer has more jobs queued, so that the next commit follows within milliseconds.
    pub has_more: bool,
    /// Whether other nodes may share the database and need a signal on the cluster bus.
    pub has_other_nodes: bool,
}

/// Called after each commit of a writer, in commit order, before the jobs of the group return. Must not block: the
/// writer waits for it.
pub type OnCommit = Arc<dyn Fn(Committed) + Send + Sync>;
