//! One accepted connection: what it gets, and how it is cut off from outside.

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

use crate::connections::Tally;

/// What the kernel may hold for a reader who does not read.
const SEND_BUFFER: usize = 64 * 1024;
/// After so long without an acknowledgement the kernel gives a peer up: behind all our own limits.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// A head is waited for: the connection is new, or a part of its next request has come.
const HEAD: u8 = 0;
/// A request is being answered; so is a WebSocket as long as it lives.
const BUSY: u8 = 1;
/// All requests are answered, and nothing of another one has come.
const IDLE: u8 = 2;

/// A connection, until it is gone.
pub(crate) struct Connection {
    /// A second one, by which it can be shut down while nobody polls it.
    descriptor: OwnedFd,
    /// One of the constants above.
    state: AtomicU8,
    /// How many heads have begun, by which one that is waited for is told from an earlier one.
    heads: AtomicU32,
    /// When it became idle last, in seconds of [`uptime`].
    idle_since: AtomicU32,
    tally: Arc<Tally>,
}

/// Seconds since the first call.
fn uptime() -> u32 {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    u32::try_from(BEGIN.get_or_init(Instant::now).elapsed().as_secs()).unwrap_or(u32::MAX)
}

impl Connection {
    /// One that has just been accepted.
    pub(crate) fn new(descriptor: OwnedFd, tally: Arc<Tally>) -> Self {
        tally.open.fetch_add(1, Relaxed);
        tally.waiting.fetch_add(1, Relaxed);
        let (state, heads, idle_since) = (AtomicU8::new(HEAD), AtomicU32::new(1), AtomicU32::new(0));
        Self { descriptor, state, heads, idle_since, tally }
    }

    /// Whether a head is waited for.
    pub(crate) fn waits(&self) -> bool {
        self.state.load(Relaxed) == HEAD
    }

    /// Which head is waited for, if one is.
    pub(crate) fn awaited_head(&self) -> Option<u32> {
        self.waits().then(|| self.heads.load(Relaxed))
    }

    /// Notes that bytes have come: if it was idle, a head is waited for from now on. Whether that is so.
    pub(crate) fn begin_head(&self) -> bool {
        // Mostly it is not idle: then nothing is written.
        let begins = self.state.load(Relaxed) == IDLE && self.changes(IDLE, HEAD);
        if begins {
            self.heads.fetch_add(1, Relaxed);
            self.tally.waiting.fetch_add(1, Relaxed);
        }
        begins
    }

    /// Notes that a head is waited for no more. Whether it was until now.
    pub(crate) fn stop_waiting(&self) -> bool {
        let waited = self.changes(HEAD, BUSY);
        if waited {
            self.tally.waiting.fetch_sub(1, Relaxed);
        }
        waited
    }

    /// Notes that a head has come.
    pub(crate) fn be_busy(&self) {
        if !self.stop_waiting() {
            // It may have come whole while the request before was answered.
            self.changes(IDLE, BUSY);
        }
    }

    /// Notes that a request is answered.
    pub(crate) fn become_idle(&self) {
        self.idle_since.store(uptime(), Relaxed);
        self.changes(BUSY, IDLE);
    }

    /// Whether it has been idle for longer than so many seconds.
    pub(crate) fn is_idle_for(&self, seconds: u32) -> bool {
        self.state.load(Relaxed) == IDLE && uptime().saturating_sub(self.idle_since.load(Relaxed)) > seconds
    }

    fn changes(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Relaxed, Relaxed).is_ok()
    }

    /// Ends it with a 408, as the HTTP library would, unless a head has come.
    pub(crate) fn time_out(&self) {
        if !self.stop_waiting() {
            return;
        }
        self.tally.ended.fetch_add(1, Relaxed);
        let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
        let answer =
            format!("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\ndate: {date}\r\n\r\n");
        // Answers before it are sent, so there is room; who is gone, or does not read, needs none.
        let _ = SockRef::from(&self.descriptor).send(answer.as_bytes());
        self.shut_down();
    }

    /// Cuts it off.
    pub(crate) fn shut_down(&self) {
        if let Err(error) = SockRef::from(&self.descriptor).shutdown(std::net::Shutdown::Both) {
            log::debug!("a connection was gone before it was cut off: {error}");
        }
    }
}

/// Reads nothing more of this connection: the request's answer is the last one. For bodies that come too slowly,
/// whose rest the HTTP library would wait for.
pub fn read_no_more(request: &HttpRequest) {
    if let Some(connection) = request.conn_data::<Arc<Connection>>() {
        // If it is gone already, there is nothing more to read either.
        let _ = SockRef::from(&connection.descriptor).shutdown(std::net::Shutdown::Read);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.stop_waiting();
        self.tally.open.fetch_sub(1, Relaxed);
    }
}

/// Prepares an accepted connection, and gives a second descriptor of it.
pub(crate) fn prepare(stream: &TcpStream) -> Option<OwnedFd> {
    let socket = SockRef::from(stream);
    let prepared = socket
        .set_tcp_user_timeout(Some(USER_TIMEOUT))
        .and_then(|()| socket.set_send_buffer_size(SEND_BUFFER))
        .and_then(|()| socket.set_tcp_nodelay(true));
    if let Err(error) = prepared {
        log::debug!("a connection could not be prepared: {error}");
    }
    let descriptor = stream.as_fd().try_clone_to_owned();
    descriptor.inspect_err(|error| log::warn!("no descriptor left to watch a connection by: {error}")).ok()
}

/// Notes that a request's head has come. To be called for every request, before all else; what it gives is to be
/// dropped with the answer's body, at whose end the connection is idle.
pub fn head_came(request: &ServiceRequest) -> Answering {
    let connection = request.conn_data::<Arc<Connection>>().cloned();
    if let Some(connection) = &connection {
        connection.be_busy();
    }
    Answering(connection)
}

/// A request that is being answered, until this is dropped.
#[must_use = "the connection is idle when this is dropped"]
pub struct Answering(Option<Arc<Connection>>);

impl Drop for Answering {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.become_idle();
        }
    }
}

/// The body of an answer, which holds an [`Answering`] until it is sent.
pub struct AnswerBody {
    body: BoxBody,
    _answering: Answering,
}

impl AnswerBody {
    /// The body of the answer to this request.
    pub fn new(body: impl MessageBody + 'static, answering: Answering) -> Self {
        Self { body: body.boxed(), _answering: answering }
    }
}

impl MessageBody for AnswerBody {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}
