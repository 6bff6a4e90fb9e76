//! Tests of the feed without HTTP and WebSocket.

mod fixture;
mod indicators;
mod panics;
mod replay_equals_live;
mod replay_model;
mod snapshots;
