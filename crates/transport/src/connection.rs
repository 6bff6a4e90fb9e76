//! One accepted connection: what it gets, and how it is cut off from outside.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use actix_web::{HttpRequest, dev::ServiceRequest, rt::net::TcpStream};
use chrono::Utc;
use socket2::SockRef;

use crate::connections::Tally;

/// What the kernel may hold for a reader who does not read.
const SEND_BUFFER: usize = 64 * 1024;
/// After so long without an acknowledgement the kernel gives a peer up: behind all our own limits.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection, until it is gone.
pub(crate) struct Connection {
    /// A second one, by which it can be shut down while nobody polls it.
    descriptor: OwnedFd,
    /// Whether no request's head has come yet.
    waits: AtomicBool,
    tally: Arc<Tally>,
}

impl Connection {
    /// One that has just been accepted.
    pub(crate) fn new(descriptor: OwnedFd, tally: Arc<Tally>) -> Self {
        tally.open.fetch_add(1, Relaxed);
        tally.waiting.fetch_add(1, Relaxed);
        Self { descriptor, waits: AtomicBool::new(true), tally }
    }

    /// Whether no request's head has come yet.
    pub(crate) fn waits(&self) -> bool {
        self.waits.load(Relaxed)
    }

    /// Notes that it is waited for no more. Whether it was until now.
    pub(crate) fn stop_waiting(&self) -> bool {
        // Mostly it is not: then nothing is written.
        let waited = self.waits() && self.waits.swap(false, Relaxed);
        if waited {
            self.tally.waiting.fetch_sub(1, Relaxed);
        }
        waited
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
        // The first that is ever sent on it, so there is room; who is gone needs none.
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

/// Notes that a request's head has come. To be called for every request, before all else.
pub fn head_came(request: &ServiceRequest) {
    if let Some(connection) = request.conn_data::<Arc<Connection>>() {
        connection.stop_waiting();
    }
}
