//! The harness of the acceptance tests, which drive the real binary.
//!
//! A [`TestWorld`] is a running server with a database of its own. Its [`TestHotel`]s keep tests apart, because nothing
//! crosses from one hotel to another: most tests share one world and use a hotel each. [`ApiClient`] sends REST requests,
//! [`TestSocket`] is a WebSocket; both check every response and event against the OpenAPI and AsyncAPI documents that the
//! binary prints ([`described`]). [`on_both!`] generates a test on SQLite and one on PostgreSQL from one body, and
//! [`on_sqlite!`] the first alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

pub mod browser;
mod database;
pub mod described;
mod guard;
mod hotel;
mod port;
mod program;
mod redis;
mod rest;
mod run;
mod socket;
mod template;
pub mod whatsapp;
mod world;

pub use database::{DatabaseKind, psql};
pub use guard::Guard;
pub use hotel::{GIVEN_PASSWORD, StaffClient, TestDepartment, TestHotel, TestMember, TestStay};
pub use port::Port;
pub use program::{CommandOutput, Program, ServerProcess, binary};
pub use redis::TestRedis;
pub use rest::{ApiClient, ApiResponse, http, raw_http};
pub use run::{alone, in_hotel, in_whatsapp_hotel, runtime, with_simulator, without_server};
pub use serde_json::{Value, json};
pub use socket::{TestSocket, UpgradeRefusal, head_of_frame};
pub use whatsapp::{ACCESS_TOKEN, APP_SECRET, Meta, VERIFY_TOKEN, WhatsappHotel, WhatsappWorld, signature};
pub use world::{TestWorld, WorldOptions};

/// The password of every generated staff member.
pub const PASSWORD: &str = "a long pass phrase";

/// Returns a text that no other test uses.
pub fn unique(start: &str) -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{start}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
