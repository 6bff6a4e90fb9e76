//! One accepted TCP connection: socket options, request state, and shutdown from outside.
//!
//! ```text
//! awaiting head ──head complete──▶ busy ──response sent──▶ idle ──first byte──▶ awaiting head
//! awaiting head → closed   408, if the head does not arrive in time (slow_headers)
//! idle → closed            keep-alive timeout
//! ```
//! A WebSocket stays busy for as long as it is open.

use std::{
    error::Error,
    os::fd::{AsFd, OwnedFd},
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest,
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceRequest,
    rt::net::TcpStream,
};
use bytes::Bytes;
use chrono::Utc;
use socket2::SockRef;

use crate::tcp::connection_counters::ConnectionCounters;

/// Size of the kernel's send buffer: bytes that it buffers for a peer that does not read.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// TCP user timeout: the kernel drops a peer that acknowledges nothing for this long; a fallback behind our own
/// timeouts.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(60);

const AWAITING_HEAD: u8 = 0;
const BUSY: u8 = 1;
const IDLE: u8 = 2;

/// An accepted TCP connection, shared by its stream, its requests and its WebSocket. The descriptor is closed on drop.
pub(crate) struct ClientConnection {
    /// A duplicate of the socket's descriptor, through which the connection can be shut down while its task is not
    /// polled.
    descriptor: OwnedFd,
    /// State of the connection: [`AWAITING_HEAD`], [`BUSY`] or [`IDLE`].
    state: AtomicU8,
    /// Number of request heads that have begun; distinguishes the awaited head from an earlier one.
    heads: AtomicU32,
    /// Time at which the connection became idle, in seconds of [`uptime`].
    idle_since: AtomicU32,
    counters: Arc<ConnectionCounters>,
}

/// Returns a clock for idle times: the seconds since its first call.
fn uptime() -> u32 {
    static STARTED: OnceLock<Instant> = OnceLock::new();
    u32::try_from(STARTED.get_or_init(Instant::now).elapsed().as_secs()).unwrap_or(u32::MAX)
}

impl ClientConnection {
    /// Creates a connection that awaits its first request head.
    pub(crate) fn new(descriptor: OwnedFd, counters: Arc<ConnectionCounters>) -> Self {
        counters.open.fetch_add(1, Relaxed);
        counters.waiting.fetch_add(1, Relaxed);
        Self {
            descriptor,
            state: AtomicU8::new(AWAITING_HEAD),
            heads: AtomicU32::new(1),
            idle_since: AtomicU32::new(0),
            counters,
        }
    }

    pub(crate) fn is_awaiting_head(&self) -> bool {
        self.state.load(Relaxed) == AWAITING_HEAD
    }

    /// Returns the number of the request head that the connection awaits, or `None` if it awaits none.
    pub(crate) fn awaited_head(&self) -> Option<u32> {
        self.is_awaiting_head().then(|| self.heads.load(Relaxed))
    }

    /// Records that bytes were received. Returns `true` if they begin a new request head.
    pub(crate) fn begin_head(&self) -> bool {
        // The state of a busy connection is only read here, not written, which keeps this cheap.
        let has_begun = self.state.load(Relaxed) == IDLE && self.transition(IDLE, AWAITING_HEAD);
        if has_begun {
            self.heads.fetch_add(1, Relaxed);
            self.counters.waiting.fetch_add(1, Relaxed);
        }
        has_begun
    }

    /// Leaves the state "awaiting head". Returns `false` if the connection was in another state.
    pub(crate) fn stop_awaiting_head(&self) -> bool {
        let was_awaiting = self.transition(AWAITING_HEAD, BUSY);
        if was_awaiting {
            self.counters.waiting.fetch_sub(1, Relaxed);
        }
        was_awaiting
    }

    /// Records that a request head is complete.
    pub(crate) fn set_busy(&self) {
        if !self.stop_awaiting_head() {
            // The connection may still be idle here: its request head may have arrived while the previous request was
            // in progress.
            self.transition(IDLE, BUSY);
        }
    }

    /// Records that the response was sent, after which the connection is idle.
    pub(crate) fn set_idle(&self) {
        self.idle_since.store(uptime(), Relaxed);
        self.transition(BUSY, IDLE);
    }

    pub(crate) fn is_idle_for(&self, seconds: u32) -> bool {
        self.state.load(Relaxed) == IDLE && uptime().saturating_sub(self.idle_since.load(Relaxed)) > seconds
    }

    fn transition(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Relaxed, Relaxed).is_ok()
    }

    /// Sends 408, as the HTTP library does, and shuts the connection down, unless the request head has arrived
    /// meanwhile.
    pub(crate) fn time_out(&self) {
        if !self.stop_awaiting_head() {
            return;
        }
        self.counters.ended.fetch_add(1, Relaxed);
        let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
        let response =
            format!("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\ndate: {date}\r\n\r\n");
        // The send buffer has room for the 408, because all earlier responses are sent, unless the peer does not read.
        let _ = SockRef::from(&self.descriptor).send(response.as_bytes());
        self.shut_down();
    }

    /// Shuts both directions of the TCP connection down.
    pub(crate) fn shut_down(&self) {
        if let Err(error) = SockRef::from(&self.descriptor).shutdown(std::net::Shutdown::Both) {
            log::debug!("the peer had closed the connection before it was shut down: {error}");
        }
    }
}

impl Drop for ClientConnection {
    fn drop(&mut self) {
        self.stop_awaiting_head();
        self.counters.open.fetch_sub(1, Relaxed);
    }
}

/// Sets the socket options of an accepted connection. Returns a duplicate of the descriptor, or `None` if the process
/// has no descriptor left.
pub(crate) fn configure_socket(stream: &TcpStream) -> Option<OwnedFd> {
    let socket = SockRef::from(stream);
    let configured = socket
        .set_tcp_user_timeout(Some(TCP_USER_TIMEOUT))
        .and_then(|()| socket.set_send_buffer_size(SEND_BUFFER_BYTES))
        .and_then(|()| socket.set_tcp_nodelay(true));
    if let Err(error) = configured {
        log::debug!("socket options of a connection could not be set: {error}");
    }
    let descriptor = stream.as_fd().try_clone_to_owned();
    descriptor
        .inspect_err(|error| log::warn!("a connection has no header timeout: no file descriptor left: {error}"))
        .ok()
}

/// Stops reading from the connection of a request, so that its response is the last one. Without this the HTTP library
/// would wait for the rest of a slow body.
pub fn stop_reading(request: &HttpRequest) {
    if let Some(connection) = request.conn_data::<Arc<ClientConnection>>() {
        // The shutdown fails if the peer has closed the connection; then there is nothing to read either.
        let _ = SockRef::from(&connection.descriptor).shutdown(std::net::Shutdown::Read);
    }
}

/// Records that a request head has arrived. Call this first for every request. The connection becomes idle when the
/// returned [`RequestInProgress`] is dropped, so keep it with the body of the response ([`TrackedBody`]).
pub fn track_request(request: &ServiceRequest) -> RequestInProgress {
    let connection = request.conn_data::<Arc<ClientConnection>>().cloned();
    if let Some(connection) = &connection {
        connection.set_busy();
    }
    RequestInProgress(connection)
}

/// A request whose response is not sent completely. On drop its connection becomes idle.
#[must_use = "the connection becomes idle when this is dropped"]
pub struct RequestInProgress(Option<Arc<ClientConnection>>);

impl Drop for RequestInProgress {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.set_idle();
        }
    }
}

/// The body of a response; holds the [`RequestInProgress`] until the body is sent.
pub struct TrackedBody {
    body: BoxBody,
    _request: RequestInProgress,
}

impl TrackedBody {
    pub fn new(body: impl MessageBody + 'static, request: RequestInProgress) -> Self {
        Self { body: body.boxed(), _request: request }
    }
}

impl MessageBody for TrackedBody {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}
