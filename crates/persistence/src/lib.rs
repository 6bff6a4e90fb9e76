//! SQLite and PostgreSQL: every SQL statement of the product. No other crate depends on diesel.
//!
//! A [`Store`] runs jobs. [`Store::read`] gives a job one snapshot as a [`Conn`]. [`Store::write`] gives a job a
//! [`Tx`], whose changes and events are committed together, in one group with the jobs that were queued at the same
//! time. Each table has a module with its queries and changes. A query takes the connection first, then the `Reach` of
//! the caller if its result depends on visibility.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod error;
pub mod sql;
pub mod store;

pub mod access_revocations;
pub mod answers;
pub mod api_keys;
pub mod attachments;
pub mod audit_log;
pub mod away_messages;
pub mod bulk_insert;
pub mod conversations;
pub mod dead_letters;
pub mod departments;
pub mod diagnostics;
pub mod drafts;
pub mod early_receipts;
pub mod event_log;
pub mod flow_state;
pub mod guests;
pub mod history;
pub mod hotels;
pub mod idempotency;
pub mod labels;
pub mod login_attempts;
pub mod message_page;
pub mod message_search;
pub mod message_words;
pub mod messages;
pub mod nodes;
pub mod outbox;
pub mod reactions;
pub mod read_positions;
pub mod reply_lookup;
pub mod reports;
pub mod response_clock;
pub mod retention;
pub mod scheduled_messages;
pub mod sender_leases;
pub mod service_windows;
pub mod sessions;
pub mod sign_in_devices;
pub mod staff;
pub mod staff_settings;
pub mod stays;
pub mod templates;

pub use error::{JobError, StoreError};
pub use store::{
    Store,
    commit::{Committed, OnCommit},
    connection::{Conn, DbUrl},
    locks::Locks,
    read_permits::ReadPurpose,
    transaction::Tx,
    write_job::Ticket,
    write_key::WriteKey,
};
