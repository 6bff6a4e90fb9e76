//! A WebSocket session: an actor that hears its client's frames and sends what its outbox holds.
//!
//! The only file that names `actix-web-actors`, which is deprecated upstream: leaving it is one
//! commit.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Handler, Message, StreamHandler, WrapFuture};
use actix_http::ws::Item;
use actix_web::{HttpRequest, HttpResponse, error::PayloadError, web};
use actix_web_actors::ws::{self, CloseCode, CloseReason, ProtocolError, WebsocketContext, WsResponseBuilder};
use desk::Caller;
use futures_util::FutureExt;
use wire::{Command, Envelope, parse_command};

use crate::{
    commands,
    connection::Connection,
    fragments::Fragments,
    frames,
    hub::Hub,
    intake::Intake,
    limits::{Bucket, LINGER, MESSAGE_BYTES, PENDING_COMMANDS, SENDS_AT_ONCE},
    outbox::Closing,
    requests::{FeedHandle, ReplyTo, Request, Wish},
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
    let session = StaffSession::new(hub.seat(caller, connection, place), hub.clone());
    let protocols: Vec<&str> = protocol.into_iter().collect();
    WsResponseBuilder::new(session, request, Intake::of(payload))
        .frame_size(MESSAGE_BYTES)
        .protocols(&protocols)
        .start()
        .map_err(UpgradeError::Handshake)
}

/// A WebSocket session of a staff member.
pub(crate) struct StaffSession {
    seat: Arc<Seat>,
    hub: Hub,
    feed: Option<FeedHandle>,
    bucket: Bucket,
    fragments: Fragments,
    /// Commands that wait for those before them.
    pending: VecDeque<Envelope>,
    /// Commands under way: several only if all are sends, whose order the database's lane keeps.
    under_way: usize,
    alone: bool,
    closing: bool,
}

/// Something waits in the outbox.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Wake;

impl StaffSession {
    fn new(seat: Arc<Seat>, hub: Hub) -> Self {
        Self {
            seat,
            hub,
            feed: None,
            bucket: Bucket::new(Instant::now()),
            fragments: Fragments::default(),
            pending: VecDeque::new(),
            under_way: 0,
            alone: false,
            closing: false,
        }
    }
}

impl Actor for StaffSession {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.seat.bind(ctx.address());
        self.feed = self.hub.join(&self.seat);
        if self.feed.is_none() {
            self.seat.close(Closing::Restart);
        }
    }

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
        self.hub.forget(&self.seat);
        if let Some(feed) = &self.feed {
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

impl StreamHandler<Result<ws::Message, ProtocolError>> for StaffSession {
    fn handle(&mut self, heard: Result<ws::Message, ProtocolError>, ctx: &mut Self::Context) {
        self.seat.hear();
        let message = match heard {
            Ok(message) => message,
            Err(error) => return self.broken(&error, ctx),
        };
        if self.closing {
            // Only the answer to our close is of interest.
            if matches!(message, ws::Message::Close(_)) {
                ctx.stop();
            }
            return;
        }
        let outcome = match message {
            ws::Message::Text(text) if self.fragments.is_under_way() => {
                drop(text);
                Err(Closing::Protocol)
            }
            ws::Message::Text(text) => {
                self.hear(&text, ctx);
                Ok(())
            }
            ws::Message::Binary(_) => Err(Closing::Unsupported),
            ws::Message::Continuation(part) => self.assemble(part, ctx),
            ws::Message::Ping(bytes) => {
                ctx.pong(&bytes);
                Ok(())
            }
            ws::Message::Close(reason) => {
                self.closing = true;
                ctx.close(reason);
                ctx.stop();
                Ok(())
            }
            ws::Message::Pong(_) | ws::Message::Nop => Ok(()),
        };
        if let Err(why) = outcome {
            self.seat.close(why);
        }
    }
}

impl StaffSession {
    fn assemble(&mut self, part: Item, ctx: &mut WebsocketContext<Self>) -> Result<(), Closing> {
        match part {
            Item::FirstBinary(_) => Err(Closing::Unsupported),
            Item::FirstText(part) => self.fragments.begin(&part),
            Item::Continue(part) => self.fragments.add(&part),
            Item::Last(part) => {
                let text = self.fragments.end(&part)?;
                self.hear(&text, ctx);
                Ok(())
            }
        }
    }

    /// What the library could not read. It tells some faults only in words.
    fn broken(&mut self, error: &ProtocolError, ctx: &mut WebsocketContext<Self>) {
        let why = match error {
            ProtocolError::Overflow => Closing::Size,
            ProtocolError::Io(error) if error.kind() == io::ErrorKind::InvalidData => Closing::Protocol,
            ProtocolError::Io(error) if error.to_string().contains("utf-8") => Closing::Invalid,
            ProtocolError::Io(error) if error.to_string() == PayloadError::Overflow.to_string() => Closing::Size,
            ProtocolError::Io(error) => {
                log::debug!("session {}: the peer is gone: {error}", self.seat.caller.session);
                return ctx.stop();
            }
            _ => Closing::Protocol,
        };
        if self.closing && why == Closing::Protocol {
            return ctx.stop();
        }
        self.seat.close(why);
    }

    fn hear(&mut self, text: &str, ctx: &mut WebsocketContext<Self>) {
        let allowed = self.bucket.take(Instant::now()) && self.pending.len() < PENDING_COMMANDS;
        self.seat.tally.refused.fetch_add((!allowed).into(), Relaxed);
        match parse_command(text) {
            Ok(envelope) if allowed => {
                self.pending.push_back(envelope);
                self.go_on(ctx);
            }
            Ok(envelope) => {
                let to = ReplyTo { request_id: envelope.request_id, command: envelope.name };
                self.seat.send(frames::rate_limited(&to));
            }
            Err(mut refused) if !allowed => {
                refused.code = "rate_limited";
                refused.errors = None;
                self.seat.send(frames::not_understood(refused));
            }
            Err(refused) => self.seat.fail(frames::not_understood(refused)),
        }
    }

    /// Starts what may start: commands in their order, one after another, but sends side by side.
    fn go_on(&mut self, ctx: &mut WebsocketContext<Self>) {
        while let Some(next) = self.pending.front() {
            let is_send = matches!(next.command, Command::SendMessage { .. });
            let may_start = self.under_way == 0 || (is_send && !self.alone && self.under_way < SENDS_AT_ONCE);
            if !may_start {
                return;
            }
            let Some((desk, feed)) = self.hub.desk().cloned().zip(self.feed.clone()) else { return };
            let Some(envelope) = self.pending.pop_front() else { return };
            self.under_way += 1;
            self.alone = !is_send;
            let mut running = Box::pin(commands::run(desk, feed, self.seat.clone(), envelope));
            // Begun here, so that sends get into the lane in the order in which they were heard: an
            // actor polls what was spawned in whatever order.
            if running.as_mut().now_or_never().is_some() {
                self.under_way -= 1;
                continue;
            }
            ctx.spawn(running.into_actor(self).map(|(), session, ctx| {
                session.under_way -= 1;
                session.go_on(ctx);
            }));
        }
        // An idle socket holds no memory for commands long ago; of the sockets most are idle.
        if self.pending.is_empty() {
            self.pending = VecDeque::new();
        }
    }

    /// Sends a part of what waits; the rest when the connection asks for more.
    fn drain(&mut self, ctx: &mut WebsocketContext<Self>) {
        if self.closing {
            return;
        }
        let taken = self.seat.outbox.take(CHUNK);
        taken.frames.into_iter().for_each(|frame| ctx.text(frame));
        if taken.ping {
            ctx.ping(b"");
        }
        if let Some(why) = taken.closing {
            self.closing = true;
            ctx.close(Some(reason(why)));
            // A client that answers is gone at once; for one that does not, the watch waits ten seconds.
            // Of one that broke the protocol no answer can be read: the library comes to the same fault
            // again and again, as fast as it can.
            if matches!(why, Closing::Restart | Closing::Protocol) {
                ctx.stop();
            }
        } else if taken.more {
            ctx.spawn(tokio::task::yield_now().into_actor(self).map(|(), session, ctx| session.drain(ctx)));
        }
    }
}

fn reason(why: Closing) -> CloseReason {
    let (code, description) = match why {
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
