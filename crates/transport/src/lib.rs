//! WebSocket sessions, event feeds and signals between nodes.
//!
//! The [`Hub`] owns all open sockets of this node. Each socket is a `StaffSession` actor with a `SocketHandle`, through
//! which the rest of the crate sends frames. Each hotel with sockets on this node has one `Feed`: a task that takes the
//! hotel's events in the order of `seq` and fans them out to the `StaySubscription` actors of the conversations.
//! Subscribing runs in the same task, between two events, so that no event is missed or sent twice. Clients that
//! reconnect, and REST clients, read the log instead ([`events_after`]). The cluster `Bus` wakes the feeds of other
//! nodes after a commit; once a second the watchdog compares feeds and logs, in case a signal was lost.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub(crate) mod cluster;
mod counters;
mod drop_signal;
mod feed;
mod hub;
mod limits;
mod session;
mod socket;
mod start;
mod supervise;
pub(crate) mod tcp;
mod watchdog;

pub use crate::cluster::bus::{BusKind, BusStats};
pub use crate::cluster::redis::{RedisUrl, RedisUrlError};
pub use crate::counters::SocketStats;
pub use crate::feed::event_filter::{Cursor, events_after};
pub use crate::hub::Hub;
pub use crate::session::{UpgradeError, upgrade};
pub use crate::tcp::connection::{RequestInProgress, TrackedBody, stop_reading, track_request};
pub use crate::tcp::connection_counters::ConnectionStats;
pub use crate::tcp::http_server::{HttpLimits, http_server};
pub use crate::tcp::slow_headers::ClientConnections;
