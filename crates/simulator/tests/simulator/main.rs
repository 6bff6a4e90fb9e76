//! The simulator from the outside: as the product sees it, and as a test drives it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod control;
mod magic;
mod product;
mod sends;
mod webhooks;
