//! The WebSocket session: an actor that writes the send queue of one socket. What the client sends is read in a task
//! beside the actor (`session/command_task`).
//!
//! This is the only file that names `actix-web-actors`, which is deprecated upstream.

pub(crate) mod command_task;
pub(crate) mod commands;
pub(crate) mod fragments;
pub(crate) mod frame_reader;
pub(crate) mod frame_size;
pub(crate) mod rate_limit;
pub(crate) mod resume;

use std::sync::Arc;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Handler, StreamHandler, WrapFuture};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws::{self, CloseCode, CloseReason, ProtocolError, WebsocketContext, WsResponseBuilder};
use desk::Caller;
use futures_util::stream;
use tokio::sync::oneshot;

use crate::{
    drop_signal::DropGuard,
    feed::requests::{FeedRequest, SocketRequest},
    hub::Hub,
    limits::CLOSE_FRAME_FLUSH,
    session::{command_task::CommandTask, frame_size::FrameSizeLimit},
    socket::{
        SocketHandle, Wake,
        send_queue::{ClientEnd, CloseCause},
    },
    tcp::connection::ClientConnection,
};

/// Maximum number of bytes written to a socket at once: the size of the connection's write buffer.
const MAX_WRITE_BYTES: usize = 32 * 1024;

/// Why a WebSocket was not opened.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// The connection quota of the staff member, 20 sockets, is used up.
    #[error("too many sockets")]
    TooManySockets,
    /// The staff session is over, or the database is unavailable.
    #[error(transparent)]
    Desk(#[from] desk::Error),
    /// The HTTP request is not a WebSocket handshake.
    #[error("no WebSocket handshake: {0}")]
    Handshake(actix_web::Error),
}

/// Upgrades an HTTP request to a WebSocket. `protocol` is the subprotocol for the response.
pub async fn upgrade(
    request: &HttpRequest,
    payload: web::Payload,
    hub: &Hub,
    caller: Caller,
    protocol: Option<&str>,
) -> Result<HttpResponse, UpgradeError> {
    if let Some(desk) = hub.desk() {
        desk.touch_session(caller).await?;
    }
    let connection = request.conn_data::<Arc<ClientConnection>>().cloned();
    let slot = hub.acquire_slot(caller.staff).await?.ok_or(UpgradeError::TooManySockets)?;
    let socket = hub.create_socket(caller, connection, slot);
    let (connected, disconnected) = oneshot::channel();
    let session =
        StaffSession { socket: socket.clone(), hub: hub.clone(), is_close_sent: false, _connected: connected };
    let protocols: Vec<&str> = protocol.into_iter().collect();
    // The command task reads the client's frames from the payload; the actor gets an empty stream.
    let (address, response) = WsResponseBuilder::new(session, request, stream::pending())
        .protocols(&protocols)
        .start_with_addr()
        .map_err(UpgradeError::Handshake)?;
    socket.set_session(address.recipient());
    match hub.join(&socket) {
        Some((feed, joined)) => {
            let task = CommandTask::new(socket, hub.clone(), feed);
            actix::spawn(task.run(FrameSizeLimit::new(payload), joined, disconnected));
        }
        None => socket.close(CloseCause::Restart),
    }
    Ok(response)
}

/// The actor of one socket. Woken by [`Wake`], it writes the send queue and closes the socket.
///
/// The actor lives as long as the connection. On drop its socket leaves the feed.
pub(crate) struct StaffSession {
    socket: Arc<SocketHandle>,
    hub: Hub,
    is_close_sent: bool,
    /// Guard of the drop signal for the command task, which ends after the connection.
    _connected: DropGuard,
}

impl Actor for StaffSession {
    type Context = WebsocketContext<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        // The TCP connection is shut down; otherwise the HTTP server would wait for the peer to close it.
        if let Some(connection) = self.socket.connection() {
            actix::spawn(async move {
                tokio::time::sleep(CLOSE_FRAME_FLUSH).await;
                connection.shut_down();
            });
        }
    }
}

/// Removes the socket from its feed when the actor ends, after a panic, too.
impl Drop for StaffSession {
    fn drop(&mut self) {
        if let Some(feed) = self.hub.feeds().find(self.socket.caller.hotel) {
            feed.request(FeedRequest::Socket(self.socket.clone(), SocketRequest::Leave));
        }
    }
}

impl Handler<Wake> for StaffSession {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        self.write_queue(ctx);
    }
}

/// Handler that actix-web-actors requires; its stream is empty, because the command task reads the frames.
impl StreamHandler<Result<ws::Message, ProtocolError>> for StaffSession {
    fn handle(&mut self, _: Result<ws::Message, ProtocolError>, _: &mut Self::Context) {}
}

impl StaffSession {
    /// Writes a part of the send queue to the socket, and the rest after the connection was polled.
    fn write_queue(&mut self, ctx: &mut WebsocketContext<Self>) {
        let batch = self.socket.send_queue.take(MAX_WRITE_BYTES);
        if self.is_close_sent {
            if batch.client_end.is_some() {
                ctx.stop();
            }
            return;
        }
        batch.pongs.iter().for_each(|bytes| ctx.pong(bytes));
        batch.frames.into_iter().for_each(|frame| ctx.text(frame));
        if batch.has_ping {
            ctx.ping(b"");
        }
        if let Some(cause) = batch.close_cause {
            self.close(cause, batch.client_end, ctx);
        } else if batch.has_more {
            ctx.spawn(tokio::task::yield_now().into_actor(self).map(|(), session, ctx| session.write_queue(ctx)));
        }
    }

    fn close(&mut self, cause: CloseCause, client_end: Option<ClientEnd>, ctx: &mut WebsocketContext<Self>) {
        self.is_close_sent = true;
        let has_ended = client_end.is_some();
        match (cause, client_end) {
            (CloseCause::ByClient, Some(ClientEnd::CloseFrame(reason))) => ctx.close(reason),
            (CloseCause::ByClient, _) => {}
            _ => ctx.close(Some(close_reason(cause))),
        }
        // The actor stops at once only if the client has ended its side, or no answer to the close frame is awaited
        // (after a protocol error none can be read). Otherwise it stops when the client answers, or when the watchdog
        // cuts it off.
        if has_ended || matches!(cause, CloseCause::Restart | CloseCause::ProtocolError) {
            ctx.stop();
        }
    }
}

fn close_reason(cause: CloseCause) -> CloseReason {
    let (code, description) = match cause {
        CloseCause::ByClient => (CloseCode::Normal, ""),
        CloseCause::IdleTimeout => (CloseCode::Away, "silent for too long"),
        CloseCause::ProtocolError => (CloseCode::Protocol, "protocol error"),
        CloseCause::UnsupportedData => (CloseCode::Unsupported, "text messages only"),
        CloseCause::InvalidUtf8 => (CloseCode::Invalid, "not UTF-8"),
        CloseCause::TooManyErrors => (CloseCode::Policy, "too many errors"),
        CloseCause::MessageTooLarge => (CloseCode::Size, "message too large"),
        CloseCause::Restart => (CloseCode::Restart, "the server restarts"),
        CloseCause::SessionOver => (CloseCode::Other(4401), "session over"),
        CloseCause::SlowReader => (CloseCode::Other(4408), "reads too slowly"),
    };
    CloseReason { code, description: Some(description.to_owned()) }
}
