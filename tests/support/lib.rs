//! What the acceptance tests drive the real program with.
//!
//! A [`World`] is a running server with a database of its own; its [`Hotel`]s keep tests apart,
//! since nothing crosses from one hotel to another: most tests share one world and take a hotel
//! each. [`Client`] asks over HTTP, [`Socket`] over the WebSocket; both check every answer
//! against the descriptions that the program itself prints ([`described`]). [`on_both!`] makes of
//! one body a test on SQLite and one on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

pub mod browser;
pub mod described;
mod hotel;
mod port;
mod program;
mod redis;
mod rest;
mod run;
mod socket;
pub mod whatsapp;
mod world;

pub use hotel::{Department, Hotel, Member, Staff, Stay};
pub use port::Port;
pub use program::{Output, Program, Serving, binary};
pub use redis::Redis;
pub use rest::{Answer, Client, http, raw_http};
pub use run::{alone, by_whatsapp, in_hotel, on_line, runtime, unserved};
pub use serde_json::{Value, json};
pub use socket::{Refused, Socket, head_of_frame};
pub use whatsapp::{ACCESS_TOKEN, APP_SECRET, Line, Meta, VERIFY_TOKEN, Whatsapp, signature};
pub use world::{Backend, Options, World, psql};

/// The password of every staff member that `generate` made.
pub const PASSWORD: &str = "a long pass phrase";

/// A text that no other test writes.
pub fn unique(start: &str) -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{start}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
