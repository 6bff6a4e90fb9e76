//! The live side: sockets, who of them listens to what, and the hotels' feeds.
//!
//! The types to know: a [`Hub`] holds this node's sockets; each socket is a `StaffSession` actor
//! with a `Seat`, into which others put what is to be sent. For each hotel that has sockets here a
//! feed takes the hotel's events in the order of `seq` and hands them, one after another, to the
//! `StaySubscription` actors of the conversations that somebody listens to. It is also where
//! subscribing happens, between two events: so no event is missed, doubled, or shown to who may
//! not see it. Who has no socket, or comes back with one, reads the log ([`missed`]). What is committed on
//! other servers is heard of by the `bus`, and once a second by the `watch`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod bus;
mod client_stream;
mod commands;
mod connection;
mod connections;
mod delivery;
mod feed;
mod following;
mod fragments;
mod frames;
mod http_server;
mod hub;
mod incoming;
mod intake;
mod limits;
mod news;
mod outbox;
mod pace;
mod places;
mod reader;
mod replay;
mod requests;
mod seat;
mod session;
mod subscription;
mod wakes;
mod watch;
mod whispers;

pub use bus::{BadRedisUrl, BusCounts, BusKind, RedisUrl};
pub use connection::{AnswerBody, Answering, head_came, read_no_more};
pub use connections::{ConnectionCounts, Connections};
pub use http_server::{HttpLimits, http_server};
pub use hub::{Counts, Hub};
pub use reader::{Cursor, missed};
pub use session::{UpgradeError, upgrade};
