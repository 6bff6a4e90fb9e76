//! What every accepted connection gets, and how one is cut off from outside.

use std::{any::Any, os::fd::OwnedFd, sync::Arc, time::Duration};

use actix_web::{dev::Extensions, rt::net::TcpStream};
use socket2::SockRef;
use std::os::fd::AsFd;

/// What the kernel may hold for a reader who does not read.
const SEND_BUFFER: usize = 64 * 1024;
/// After so long without an acknowledgement the kernel gives a peer up: behind all our own limits.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// A second descriptor of a connection, by which it can be shut down while its actor is not polled.
#[derive(Clone)]
pub(crate) struct Socket(Arc<OwnedFd>);

impl Socket {
    /// Cuts the connection off.
    pub(crate) fn shut_down(&self) {
        if let Err(error) = SockRef::from(&*self.0).shutdown(std::net::Shutdown::Both) {
            log::debug!("a connection was gone before it was cut off: {error}");
        }
    }
}

/// Prepares an accepted connection. To be given to `HttpServer::on_connect`.
pub fn on_connect(connection: &dyn Any, extensions: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    let socket = SockRef::from(stream);
    let prepared = socket
        .set_tcp_user_timeout(Some(USER_TIMEOUT))
        .and_then(|()| socket.set_send_buffer_size(SEND_BUFFER))
        .and_then(|()| socket.set_tcp_nodelay(true));
    if let Err(error) = prepared {
        log::debug!("a connection could not be prepared: {error}");
    }
    match stream.as_fd().try_clone_to_owned() {
        Ok(descriptor) => {
            extensions.insert(Socket(Arc::new(descriptor)));
        }
        Err(error) => log::warn!("no descriptor left to watch a connection by: {error}"),
    }
}
