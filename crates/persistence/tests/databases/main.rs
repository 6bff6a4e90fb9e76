//! The store on real databases: each test runs on SQLite and on PostgreSQL.
//!
//! `MM_TEST_POSTGRES_URL` is the URL of a PostgreSQL server, as for the acceptance tests. If it is not set, the tests
//! on PostgreSQL are skipped, or fail with `REQUIRE_ALL=1`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod answers;
mod attachments;
mod callers;
mod constraints;
mod group_commit;
mod guests;
mod nodes;
mod plans;
mod reports;
mod response_clock;
mod retention;
mod scheduled;
mod schema;
mod search;
mod sender_leases;
mod snoozes;
mod staff;
mod support;
mod table_rebuild;
mod writers;
