//! The byte stream of an accepted connection. It reports received bytes, so that every request head has a timeout.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::tcp::{
    connection::{ClientConnection, configure_socket},
    slow_headers::ClientConnections,
};

pub(crate) struct ClientStream {
    stream: TcpStream,
    connections: ClientConnections,
    /// The registered connection. `None` if no file descriptor was left; then only the HTTP library's own timeout
    /// applies.
    connection: Option<Arc<ClientConnection>>,
}

impl ClientStream {
    /// Configures the socket of an accepted connection and registers it.
    pub(crate) fn accept(stream: TcpStream, connections: &ClientConnections) -> Self {
        let connection = configure_socket(&stream).map(|descriptor| connections.register(descriptor));
        Self { stream, connections: connections.clone(), connection }
    }

    pub(crate) fn connection(&self) -> Option<&Arc<ClientConnection>> {
        self.connection.as_ref()
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let filled_before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Some(connection) = &self.connection
            && buffer.filled().len() > filled_before
        {
            self.connections.record_bytes(connection);
        }
        polled
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
