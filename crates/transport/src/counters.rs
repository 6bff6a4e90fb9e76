//! Counters of sockets and feeds, for `/metrics`.

use std::sync::atomic::AtomicU64;

use crate::cluster::bus::BusStats;

/// Totals of sockets and feeds since the start of the process, shared by all of them.
#[derive(Default)]
pub(crate) struct SocketCounters {
    pub(crate) deliveries: AtomicU64,
    pub(crate) overflows: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) violations: AtomicU64,
    pub(crate) log_reads: AtomicU64,
}

/// A reading of this node's gauges and counters of sockets. Counters run since the start of the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct SocketStats {
    pub sockets: u64,
    /// Open subscriptions to conversations, summed over all sockets.
    pub subscriptions: u64,
    /// Hotels with at least one socket on this node.
    pub hotels: u64,
    /// Frames put into the send queues of sockets.
    pub deliveries: u64,
    /// Sockets closed with 4408 because their send queue was full.
    pub overflows: u64,
    /// Socket commands that were run, without pings.
    pub commands: u64,
    /// Socket commands rejected by the rate limit.
    pub refused: u64,
    /// Sockets closed with 1008 after too many client errors.
    pub violations: u64,
    /// Reads of the log by feeds, after a gap or when a feed was behind.
    pub log_reads: u64,
    pub bus: BusStats,
}
