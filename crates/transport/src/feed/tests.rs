//! Tests of the feed without HTTP and WebSocket.

mod fixture;
mod indicators;
mod panics;
mod replay_equals_live;
mod snapshots;
