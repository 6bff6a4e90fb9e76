//! What a client sends: its frames are read, and its commands are carried out in their order.
//!
//! This is a task of its own and no part of the session's actor, which ends with the connection: what was received
//! before a close frame, or before the end of the connection, is carried out all the same.

use std::{collections::VecDeque, convert::Infallible, io, ops::ControlFlow, sync::atomic::Ordering::Relaxed};
use std::{sync::Arc, time::Instant};

use actix_http::ws::{Codec, Frame, Item, ProtocolError};
use actix_web::error::PayloadError;
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, Stream, StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use tokio::{sync::oneshot, time::timeout};
use tokio_util::codec::Decoder;
use wire::{Command, Envelope, parse_command};

use crate::{
    commands,
    fragments::Fragments,
    frames,
    hub::Hub,
    limits::{Bucket, FAREWELL, LAST_COMMANDS, MESSAGE_BYTES, PENDING_COMMANDS, SENDS_AT_ONCE},
    outbox::{Closing, Ending},
    requests::{FeedHandle, ReplyTo},
    seat::Seat,
};

/// Never sent: that the other end is dropped is the news.
pub(crate) type Dropped = oneshot::Receiver<Infallible>;

/// The client's side of a socket.
pub(crate) struct Incoming {
    seat: Arc<Seat>,
    hub: Hub,
    feed: FeedHandle,
    bucket: Bucket,
    fragments: Fragments,
    /// Commands that wait for those before them.
    pending: VecDeque<Envelope>,
    /// Commands in progress: several only if all are sends, whose order the store keeps.
    running: FuturesUnordered<LocalBoxFuture<'static, ()>>,
    /// Whether the one in progress is no send, so that nothing may start beside it.
    alone: bool,
}

impl Incoming {
    pub(crate) fn new(seat: Arc<Seat>, hub: Hub, feed: FeedHandle) -> Self {
        Self {
            seat,
            hub,
            feed,
            bucket: Bucket::new(Instant::now()),
            fragments: Fragments::default(),
            pending: VecDeque::new(),
            running: FuturesUnordered::new(),
            alone: false,
        }
    }

    /// Reads until the client closes or is gone, which `gone` tells as well, and carries out what it said. Nothing
    /// is read before the socket has `joined`: its welcome is the first it is sent.
    pub(crate) async fn run<S>(mut self, bytes: S, joined: Dropped, mut gone: Dropped)
    where
        S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    {
        let _ = joined.await;
        let mut frames = Frames { bytes, codec: Codec::new().max_size(MESSAGE_BYTES), buffer: BytesMut::new() };
        let ending = loop {
            let heard = tokio::select! {
                biased;
                Some(()) = self.running.next(), if !self.running.is_empty() => {
                    self.start_commands();
                    continue;
                }
                heard = frames.next() => heard,
                // Last: what came before the connection broke is read first.
                _ = &mut gone => break Ending::Gone,
            };
            if let ControlFlow::Break(ending) = self.hear(heard) {
                break ending;
            }
        };
        drop(frames);
        let in_time = timeout(LAST_COMMANDS, self.carry_out_the_rest()).await.is_ok();
        self.seat.end(ending);
        if !in_time {
            let _ = timeout(FAREWELL, self.carry_out_the_rest()).await;
        }
    }

    fn hear(&mut self, heard: Option<Result<Frame, Closing>>) -> ControlFlow<Ending> {
        let Some(heard) = heard else { return ControlFlow::Break(Ending::Gone) };
        self.seat.hear();
        let closing = self.seat.outbox.closing_since().is_some();
        let outcome = match heard {
            // The answer to our close: all that is still of interest.
            Ok(Frame::Close(_)) if closing => return ControlFlow::Break(Ending::Gone),
            Ok(Frame::Close(reason)) => return ControlFlow::Break(Ending::Closed(reason)),
            Ok(_) if closing => Ok(()),
            Ok(Frame::Text(_)) if self.fragments.is_under_way() => Err(Closing::Protocol),
            Ok(Frame::Text(bytes)) => str::from_utf8(&bytes).map_err(|_| Closing::Invalid).map(|text| self.obey(text)),
            Ok(Frame::Binary(_)) => Err(Closing::Unsupported),
            Ok(Frame::Continuation(part)) => self.assemble(part),
            Ok(Frame::Ping(bytes)) => {
                self.seat.pong(bytes);
                Ok(())
            }
            Ok(Frame::Pong(_)) => Ok(()),
            Err(why) => Err(why),
        };
        match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(why) => {
                self.seat.close(why);
                // After that nothing can be understood: the reader comes to the same fault again and again.
                if why == Closing::Protocol { ControlFlow::Break(Ending::Gone) } else { ControlFlow::Continue(()) }
            }
        }
    }

    fn assemble(&mut self, part: Item) -> Result<(), Closing> {
        match part {
            Item::FirstBinary(_) => Err(Closing::Unsupported),
            Item::FirstText(part) => self.fragments.begin(&part),
            Item::Continue(part) => self.fragments.add(&part),
            Item::Last(part) => {
                let text = self.fragments.end(&part)?;
                self.obey(&text);
                Ok(())
            }
        }
    }

    fn obey(&mut self, text: &str) {
        let read = parse_command(text);
        // A ping is no command that is counted; like all it waits for its turn, and what waits is bounded.
        let is_ping = matches!(&read, Ok(it) if matches!(it.command, Command::Ping));
        let allowed = (is_ping || self.bucket.take(Instant::now())) && self.pending.len() < PENDING_COMMANDS;
        self.seat.tally.refused.fetch_add((!allowed).into(), Relaxed);
        match read {
            Ok(envelope) if allowed => {
                self.pending.push_back(envelope);
                self.start_commands();
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
    fn start_commands(&mut self) {
        while let Some(next) = self.pending.front() {
            let is_send = matches!(next.command, Command::SendMessage { .. });
            let running = self.running.len();
            let may_start = running == 0 || (is_send && !self.alone && running < SENDS_AT_ONCE);
            if !may_start {
                return;
            }
            let Some(desk) = self.hub.desk().cloned() else { return };
            let Some(envelope) = self.pending.pop_front() else { return };
            self.alone = !is_send;
            let mut run = Box::pin(commands::run(desk, self.feed.clone(), self.seat.clone(), envelope));
            // Begun here, so that sends reach the store in the order in which they were received.
            if run.as_mut().now_or_never().is_none() {
                self.running.push(run);
            }
        }
        // An idle socket holds no memory for commands long ago; of the sockets most are idle.
        if self.pending.is_empty() {
            self.pending = VecDeque::new();
        }
    }

    async fn carry_out_the_rest(&mut self) {
        self.start_commands();
        while self.running.next().await.is_some() {
            self.start_commands();
        }
    }
}

/// However it ends, by a panic too: a socket that nobody listens to is closed.
impl Drop for Incoming {
    fn drop(&mut self) {
        self.seat.close(Closing::Restart);
        self.hub.forget(&self.seat);
    }
}

/// The frames in a stream of bytes.
struct Frames<S> {
    bytes: S,
    codec: Codec,
    buffer: BytesMut,
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Frames<S> {
    /// The next frame, or how the socket is to be closed; `None` at the end. May be dropped while it waits.
    async fn next(&mut self) -> Option<Result<Frame, Closing>> {
        loop {
            if !self.buffer.is_empty() {
                match self.codec.decode(&mut self.buffer) {
                    Ok(Some(frame)) => return Some(Ok(frame)),
                    Ok(None) => {}
                    Err(error) => return Some(Err(fault(&error))),
                }
            }
            if self.buffer.is_empty() {
                // Idle sockets hold none.
                self.buffer = BytesMut::new();
            }
            match self.bytes.next().await? {
                Ok(chunk) => self.buffer.extend_from_slice(&chunk),
                // Of the intake: it has left a frame out.
                Err(PayloadError::Overflow) => return Some(Err(Closing::Size)),
                Err(error) => {
                    log::debug!("a peer is gone: {error}");
                    return None;
                }
            }
        }
    }
}

/// How a socket is closed on which this was received. Some faults the library tells only in words.
fn fault(error: &ProtocolError) -> Closing {
    match error {
        ProtocolError::Overflow => Closing::Size,
        ProtocolError::Io(error) if error.kind() == io::ErrorKind::InvalidData => Closing::Protocol,
        ProtocolError::Io(error) if error.to_string().contains("utf-8") => Closing::Invalid,
        _ => Closing::Protocol,
    }
}
