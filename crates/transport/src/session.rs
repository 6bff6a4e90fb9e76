//! A WebSocket session: an actor that sends what its outbox holds. What the client sends is heard beside it, by
//! [`Incoming`].
//!
//! The only file that names `actix-web-actors`, which is deprecated upstream: leaving it is one
//! commit.

use std::{convert::Infallible, sync::Arc};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Handler, Message, StreamHandler, WrapFuture};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws::{self, CloseCode, CloseReason, ProtocolError, WebsocketContext, WsResponseBuilder};
use desk::Caller;
use futures_util::stream;
use tokio::sync::oneshot;

use crate::{
    connection::Connection,
    hub::Hub,
    incoming::Incoming,
    intake::Intake,
    limits::LINGER,
    outbox::{Closing, Ending},
    requests::{Request, Wish},
    seat::Seat,
};

/// What is sent at once: as much as the connection buffers before it stops asking for more.
const CHUNK: usize = 32 * 1024;

/// Why no session was begun.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// The staff member has as many sockets as one may have.
    #[error("too many sockets")]
    TooManySockets,
    /// The desk refused: the session is over, or the database away.
    #[error(transparent)]
    Desk(#[from] desk::Error),
    /// It was no WebSocket handshake.
    #[error("no WebSocket handshake: {0}")]
    Handshake(actix_web::Error),
}

/// Begins a session on an upgraded request. `protocol`: the subprotocol to answer with.
///
/// # Errors
/// [`UpgradeError`].
pub async fn upgrade(
    request: &HttpRequest,
    payload: web::Payload,
    hub: &Hub,
    caller: Caller,
    protocol: Option<&str>,
) -> Result<HttpResponse, UpgradeError> {
    if let Some(desk) = hub.desk() {
        desk.use_session(caller).await?;
    }
    let connection = request.conn_data::<Arc<Connection>>().cloned();
    let place = hub.place(caller.staff).await?.ok_or(UpgradeError::TooManySockets)?;
    let seat = hub.seat(caller, connection, place);
    let (connected, gone) = oneshot::channel();
    let session = StaffSession { seat: seat.clone(), hub: hub.clone(), closing: false, _connected: connected };
    let protocols: Vec<&str> = protocol.into_iter().collect();
    // The actor itself hears nothing.
    let (address, response) = WsResponseBuilder::new(session, request, stream::pending())
        .protocols(&protocols)
        .start_with_addr()
        .map_err(UpgradeError::Handshake)?;
    seat.bind(address);
    match hub.join(&seat) {
        Some((feed, joined)) => {
            let incoming = Incoming::new(seat, hub.clone(), feed);
            actix::spawn(incoming.run(Intake::of(payload), joined, gone));
        }
        None => seat.close(Closing::Restart),
    }
    Ok(response)
}

/// A WebSocket session of a staff member.
pub(crate) struct StaffSession {
    seat: Arc<Seat>,
    hub: Hub,
    closing: bool,
    /// Dropped with the connection.
    _connected: oneshot::Sender<Infallible>,
}

/// Something waits in the outbox.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Wake;

impl Actor for StaffSession {
    type Context = WebsocketContext<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        // The HTTP server would keep the line open for as long as it waits for any peer to close it.
        if let Some(connection) = self.seat.connection() {
            actix::spawn(async move {
                tokio::time::sleep(LINGER).await;
                connection.shut_down();
            });
        }
    }
}

/// However the actor ends, by a panic too.
impl Drop for StaffSession {
    fn drop(&mut self) {
        if let Some(feed) = self.hub.feed(self.seat.caller.hotel) {
            feed.ask(Request::Of(self.seat.clone(), Wish::Leave));
        }
    }
}

impl Handler<Wake> for StaffSession {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        self.drain(ctx);
    }
}

/// What the library asks for, of a stream that never brings anything.
impl StreamHandler<Result<ws::Message, ProtocolError>> for StaffSession {
    fn handle(&mut self, _: Result<ws::Message, ProtocolError>, _: &mut Self::Context) {}
}

impl StaffSession {
    /// Sends a part of what waits; the rest when the connection asks for more.
    fn drain(&mut self, ctx: &mut WebsocketContext<Self>) {
        let taken = self.seat.outbox.take(CHUNK);
        if self.closing {
            if taken.ending.is_some() {
                ctx.stop();
            }
            return;
        }
        taken.pongs.iter().for_each(|bytes| ctx.pong(bytes));
        taken.frames.into_iter().for_each(|frame| ctx.text(frame));
        if taken.ping {
            ctx.ping(b"");
        }
        if let Some(why) = taken.closing {
            self.closing = true;
            match (why, &taken.ending) {
                (Closing::ByClient, Some(Ending::Closed(echoed))) => ctx.close(echoed.clone()),
                (Closing::ByClient, _) => {}
                _ => ctx.close(Some(reason(why))),
            }
            // A client that answers is gone at once; for one that does not, the watch waits ten seconds.
            // Of one that broke the protocol no answer can be read.
            if taken.ending.is_some() || matches!(why, Closing::Restart | Closing::Protocol) {
                ctx.stop();
            }
        } else if taken.more {
            ctx.spawn(tokio::task::yield_now().into_actor(self).map(|(), session, ctx| session.drain(ctx)));
        }
    }
}

fn reason(why: Closing) -> CloseReason {
    let (code, description) = match why {
        Closing::ByClient => (CloseCode::Normal, ""),
        Closing::Away => (CloseCode::Away, "silent for too long"),
        Closing::Protocol => (CloseCode::Protocol, "protocol error"),
        Closing::Unsupported => (CloseCode::Unsupported, "text messages only"),
        Closing::Invalid => (CloseCode::Invalid, "not UTF-8"),
        Closing::Policy => (CloseCode::Policy, "too many errors"),
        Closing::Size => (CloseCode::Size, "message too large"),
        Closing::Restart => (CloseCode::Restart, "the server restarts"),
        Closing::SessionOver => (CloseCode::Other(4401), "session over"),
        Closing::TooSlow => (CloseCode::Other(4408), "reads too slowly"),
    };
    CloseReason { code, description: Some(description.to_owned()) }
}
