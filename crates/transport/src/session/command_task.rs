//! Reads a client's frames and runs its commands, in a task beside the session actor.
//!
//! The session actor ends with the connection. The task does not: commands received before a close frame, or before the
//! connection broke, are still run.

use std::{collections::VecDeque, ops::ControlFlow, sync::Arc, sync::atomic::Ordering::Relaxed, time::Instant};

use actix_http::ws::{Frame, Item};
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use tokio::time::timeout;
use wire::{
    parse_command,
    socket::{CommandEnvelope, SocketCommand},
};

use crate::{
    drop_signal::DropSignal,
    feed::registry::FeedHandle,
    hub::Hub,
    limits::{LAST_COMMANDS_TIMEOUT, LAST_RESULTS_TIMEOUT, MAX_CONCURRENT_SENDS, MAX_PENDING_COMMANDS},
    session::{
        commands::start_command, fragments::Fragments, frame_reader::FrameReader, rate_limit::CommandRateLimiter,
    },
    socket::{
        SocketHandle,
        frames::{self, ReplyTo},
        send_queue::{ClientEnd, CloseCause},
    },
};

/// Reads and runs the commands of one socket. On drop, also by a panic, the socket is closed and removed from the
/// registry.
pub(crate) struct CommandTask {
    socket: Arc<SocketHandle>,
    hub: Hub,
    feed: FeedHandle,
    rate_limiter: CommandRateLimiter,
    fragments: Fragments,
    /// Commands that wait until earlier commands are done.
    pending: VecDeque<CommandEnvelope>,
    /// Commands in progress. More than one only if all are sends; the store keeps the order of sends.
    running: FuturesUnordered<LocalBoxFuture<'static, ()>>,
    /// Whether the command in progress is not a send, so that no other command may start.
    is_exclusive: bool,
}

impl CommandTask {
    pub(crate) fn new(socket: Arc<SocketHandle>, hub: Hub, feed: FeedHandle) -> Self {
        Self {
            socket,
            hub,
            feed,
            rate_limiter: CommandRateLimiter::new(Instant::now()),
            fragments: Fragments::default(),
            pending: VecDeque::new(),
            running: FuturesUnordered::new(),
            is_exclusive: false,
        }
    }

    /// Reads frames until the client closes or disconnects, then finishes its commands. Reading begins after the join,
    /// so that `welcome` is the first frame sent.
    pub(crate) async fn run<S>(mut self, received: S, joined: DropSignal, mut disconnected: DropSignal)
    where
        S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    {
        let _ = joined.await;
        let mut frames = FrameReader::new(received);
        let end = loop {
            let frame = tokio::select! {
                biased;
                Some(()) = self.running.next(), if !self.running.is_empty() => {
                    self.start_commands().await;
                    continue;
                }
                frame = frames.next() => frame,
                // The disconnect is polled last, so that frames received before it are read first.
                _ = &mut disconnected => break ClientEnd::Disconnected,
            };
            if let ControlFlow::Break(end) = self.handle_frame(frame) {
                break end;
            }
            self.start_commands().await;
        };
        drop(frames);
        let is_finished = timeout(LAST_RESULTS_TIMEOUT, self.finish_commands()).await.is_ok();
        self.socket.end_by_client(end);
        if !is_finished {
            let _ = timeout(LAST_COMMANDS_TIMEOUT, self.finish_commands()).await;
        }
    }

    /// Handles a frame of the client. Breaks when no more frames are to be read.
    fn handle_frame(&mut self, frame: Option<Result<Frame, CloseCause>>) -> ControlFlow<ClientEnd> {
        let Some(frame) = frame else { return ControlFlow::Break(ClientEnd::Disconnected) };
        self.socket.record_received();
        let is_closing = self.socket.send_queue.closing_since().is_some();
        let outcome = match frame {
            // A close frame from the client while we are closing is its answer to our close frame.
            Ok(Frame::Close(_)) if is_closing => return ControlFlow::Break(ClientEnd::Disconnected),
            Ok(Frame::Close(reason)) => return ControlFlow::Break(ClientEnd::CloseFrame(reason)),
            Ok(_) if is_closing => Ok(()),
            Ok(Frame::Text(_)) if self.fragments.has_begun() => Err(CloseCause::ProtocolError),
            Ok(Frame::Text(bytes)) => match str::from_utf8(&bytes) {
                Ok(text) => {
                    self.receive_command(text);
                    Ok(())
                }
                Err(_) => Err(CloseCause::InvalidUtf8),
            },
            Ok(Frame::Binary(_)) => Err(CloseCause::UnsupportedData),
            Ok(Frame::Continuation(part)) => self.handle_fragment(part),
            Ok(Frame::Ping(bytes)) => {
                self.socket.send_pong(bytes);
                Ok(())
            }
            Ok(Frame::Pong(_)) => Ok(()),
            Err(cause) => Err(cause),
        };
        let Err(cause) = outcome else { return ControlFlow::Continue(()) };
        self.socket.close(cause);
        match cause {
            // Reading ends after a protocol error, because the codec would return the same error for ever.
            CloseCause::ProtocolError => ControlFlow::Break(ClientEnd::Disconnected),
            _ => ControlFlow::Continue(()),
        }
    }

    fn handle_fragment(&mut self, part: Item) -> Result<(), CloseCause> {
        match part {
            Item::FirstBinary(_) => Err(CloseCause::UnsupportedData),
            Item::FirstText(part) => self.fragments.begin(&part),
            Item::Continue(part) => self.fragments.append(&part),
            Item::Last(part) => {
                let text = self.fragments.finish(&part)?;
                self.receive_command(&text);
                Ok(())
            }
        }
    }

    /// Parses a command and queues it, unless the rate limit or the queue refuses it.
    fn receive_command(&mut self, text: &str) {
        let parsed = parse_command(text);
        // Pings are not rate limited, but the bound of the command queue applies to them, too.
        let is_ping = matches!(&parsed, Ok(envelope) if matches!(envelope.command, SocketCommand::Ping));
        let is_allowed =
            (is_ping || self.rate_limiter.try_acquire(Instant::now())) && self.pending.len() < MAX_PENDING_COMMANDS;
        self.socket.counters.refused.fetch_add((!is_allowed).into(), Relaxed);
        match parsed {
            Ok(envelope) if is_allowed => {
                self.pending.push_back(envelope);
            }
            Ok(envelope) => {
                let reply_to = ReplyTo { request_id: envelope.request_id, command: envelope.name };
                self.socket.send(frames::rate_limited(&reply_to));
            }
            Err(mut refused) if !is_allowed => {
                refused.code = "rate_limited";
                refused.errors = None;
                self.socket.send(frames::invalid_command(refused));
            }
            Err(refused) => self.socket.send_client_error(frames::invalid_command(refused)),
        }
    }

    /// Starts pending commands, in order. Sends run side by side, all other commands alone.
    async fn start_commands(&mut self) {
        while let Some(next) = self.pending.front() {
            let is_send = matches!(next.command, SocketCommand::SendMessage { .. });
            let running = self.running.len();
            let may_start = running == 0 || (is_send && !self.is_exclusive && running < MAX_CONCURRENT_SENDS);
            if !may_start {
                return;
            }
            let Some(desk) = self.hub.desk().cloned() else { return };
            let Some(envelope) = self.pending.pop_front() else { return };
            self.is_exclusive = !is_send;
            self.running.push(start_command(desk, self.feed.clone(), self.socket.clone(), envelope).await);
        }
        // The memory of the command queue is released, so that an idle socket keeps none of earlier commands.
        if self.pending.is_empty() {
            self.pending = VecDeque::new();
        }
    }

    async fn finish_commands(&mut self) {
        self.start_commands().await;
        while self.running.next().await.is_some() {
            self.start_commands().await;
        }
    }
}

impl Drop for CommandTask {
    fn drop(&mut self) {
        self.socket.close(CloseCause::Restart);
        self.hub.sockets().remove(self.socket.id);
    }
}
