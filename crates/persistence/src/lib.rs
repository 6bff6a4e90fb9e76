//! SQLite and PostgreSQL: every SQL statement of the product, and diesel, are in this crate.
//!
//! A [`Store`] runs jobs. [`Store::read`] gives a job one snapshot of the database to ask;
//! [`Store::write`] gives it a [`Tx`], whose changes and events are committed together, in
//! groups with the jobs that came at the same time. The modules hold the questions and changes,
//! by table. Those that are asked for somebody take their `Reach` first.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod among;
mod backup;
mod conn;
mod error;
mod in_use;
mod lane;
mod locks;
mod migrate;
mod notices;
mod prepared;
mod read_only;
mod schema;
mod search;
mod store;
mod types;
mod waiting;

pub mod api_keys;
pub mod attachments;
pub mod audit;
pub mod bulk;
pub mod channels;
pub mod checkup;
pub mod conversations;
pub mod departments;
pub mod events;
pub mod flow;
pub mod guests;
pub mod hotels;
pub mod idempotency;
pub mod logins;
pub mod marks;
pub mod messages;
pub mod nodes;
pub mod outbox;
pub mod parked;
pub mod reach_losses;
pub mod reports;
pub mod sessions;
pub mod staff;
pub mod stays;
pub mod templates;
pub mod upkeep;
pub mod windows;

pub use backup::{BackupError, back_up, restore};
pub use conn::{BadDbUrl, Conn, DbUrl};
pub use error::StoreError;
pub use lane::Tx;
pub use locks::Locks;
#[cfg(feature = "test-access")]
pub use migrate::migrate_from;
pub use notices::{Heard, Notices};
pub use read_only::ReadOnly;
pub use store::{Committed, Failure, OnCommit, Purpose, Store};
