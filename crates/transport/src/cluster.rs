//! Coordination between the nodes that share one database.

pub(crate) mod bus;
pub(crate) mod connection_quota;
pub(crate) mod pg_notify;
pub(crate) mod quota_sync;
pub(crate) mod redis;
pub(crate) mod signal_receiver;
pub(crate) mod signal_sink;
