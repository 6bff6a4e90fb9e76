//! TCP connections below HTTP and WebSocket: socket options, header timeouts and cut-off.

pub(crate) mod client_stream;
pub(crate) mod connection;
pub(crate) mod connection_counters;
pub(crate) mod http_server;
pub(crate) mod slow_headers;
