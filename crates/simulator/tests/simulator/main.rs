//! Tests of the simulator through its HTTP interfaces: the Graph API, the control API and the posted webhooks.

#![allow(clippy::unwrap_used, reason = "tests")]

mod control;
mod harness;
mod magic_numbers;
mod sends;
mod webhooks;
