//! Counters of TCP connections, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of TCP connections on this node, updated by the connections themselves.
#[derive(Default)]
pub(crate) struct ConnectionCounters {
    pub(crate) open: AtomicU64,
    pub(crate) waiting: AtomicU64,
    pub(crate) ended: AtomicU64,
}

/// A reading of the counters of TCP connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionStats {
    /// Open TCP connections, WebSockets included.
    pub open: u64,
    /// TCP connections whose next request head has not arrived completely.
    pub waiting: u64,
    /// TCP connections closed since the start because their request head did not arrive in time.
    pub ended: u64,
}

impl ConnectionCounters {
    pub(crate) fn stats(&self) -> ConnectionStats {
        ConnectionStats {
            open: self.open.load(Relaxed),
            waiting: self.waiting.load(Relaxed),
            ended: self.ended.load(Relaxed),
        }
    }
}
