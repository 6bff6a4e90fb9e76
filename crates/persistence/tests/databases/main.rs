//! The store on real databases: each body is run on SQLite and on PostgreSQL.
//!
//! The address of a PostgreSQL server is in `MM_TEST_POSTGRES_URL`, as for the acceptance tests;
//! where it is not set, those tests are skipped, or with `REQUIRE_ALL=1` fail.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod attachments;
mod channels;
mod constraints;
mod guests;
mod lanes;
mod nodes;
mod plans;
mod rebuild;
mod schema;
mod staff;
mod support;
mod upkeep;
mod writers;
