//! The feed by itself.

mod panics;
mod snapshots;
