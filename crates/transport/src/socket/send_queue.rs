//! The bounded queue of frames that wait to be written to one socket.
//!
//! The send queue is separate from the mailbox of the session actor: an actor whose peer has stopped reading is not
//! polled, and its mailbox would grow without end. At most one `Wake` is in the mailbox at any time.

use std::{collections::VecDeque, time::Instant};

use actix_http::ws::CloseReason;
use bytes::Bytes;
use bytestring::ByteString;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::limits::{MAX_QUEUED_BYTES, MAX_QUEUED_FRAMES, MAX_QUEUED_PONGS};

/// Why a socket is closed; decides the WebSocket close code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseCause {
    /// The client has closed the socket or disconnected; its own close frame is echoed.
    ByClient,
    /// Close code 1001: no frame of the client for 60 s.
    IdleTimeout,
    /// Close code 1002: the client violated RFC 6455.
    ProtocolError,
    /// Close code 1003: the client sent a binary message.
    UnsupportedData,
    /// Close code 1007: the client sent a text message that is not UTF-8.
    InvalidUtf8,
    /// Close code 1008: the client caused too many errors within a minute.
    TooManyErrors,
    /// Close code 1009: the client sent a message over 64 KiB.
    MessageTooLarge,
    /// Close code 1012: the server restarts, or the client has to reconnect and resume.
    Restart,
    /// Close code 4401: logout, expiry or deactivation ended the staff session.
    SessionOver,
    /// Close code 4408: the send queue was full, because the client reads too slowly.
    SlowReader,
}

/// How the client ended its side of the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClientEnd {
    /// The client sent a close frame with this content.
    CloseFrame(Option<CloseReason>),
    /// The client disconnected, answered our close frame, or caused a protocol error after which no frame can be read.
    Disconnected,
}

/// The send queue of one socket: frames, pings and pongs that wait to be written, and the pending close.
///
/// Owned by the socket's handle. Senders push; the session actor drains with [`SendQueue::take`].
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    state: Mutex<QueueState>,
    /// Notified after each [`SendQueue::take`], for replays that wait for room.
    drained: Notify,
}

#[derive(Debug, Default)]
struct QueueState {
    frames: VecDeque<ByteString>,
    bytes: usize,
    has_ping: bool,
    pongs: VecDeque<Bytes>,
    closing: Option<(CloseCause, Instant)>,
    client_end: Option<ClientEnd>,
    /// Whether a `Wake` is in the session actor's mailbox.
    is_wake_pending: bool,
}

/// The part of the send queue that the session actor writes next: pongs, frames, ping, then the close.
#[derive(Debug, Default)]
pub(crate) struct SendBatch {
    pub(crate) frames: VecDeque<ByteString>,
    pub(crate) has_ping: bool,
    pub(crate) pongs: VecDeque<Bytes>,
    /// Whether more frames are queued, to be taken once these are written.
    pub(crate) has_more: bool,
    pub(crate) close_cause: Option<CloseCause>,
    pub(crate) client_end: Option<ClientEnd>,
}

/// Result of pushing frames to the send queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushOutcome {
    /// The frames are queued; a wake-up of the session actor is already pending.
    Queued,
    /// The frames are queued; the caller has to wake the session actor.
    QueuedWakeNeeded,
    /// The send queue was full: its frames are dropped, the socket closes, and the caller has to wake the session
    /// actor.
    Overflow,
    /// The frames are dropped, because the socket is being closed.
    Closed,
}

impl PushOutcome {
    pub(crate) fn is_wake_needed(self) -> bool {
        matches!(self, Self::QueuedWakeNeeded | Self::Overflow)
    }
}

impl SendQueue {
    /// Pushes frames, at least one, to the send queue.
    pub(crate) fn push(&self, frames: impl IntoIterator<Item = ByteString>) -> PushOutcome {
        let mut state = self.state.lock();
        if state.closing.is_some() {
            return PushOutcome::Closed;
        }
        for frame in frames {
            if state.frames.len() >= MAX_QUEUED_FRAMES || state.bytes + frame.len() > MAX_QUEUED_BYTES {
                state.close(CloseCause::SlowReader);
                state.is_wake_pending = true;
                return PushOutcome::Overflow;
            }
            state.bytes += frame.len();
            state.frames.push_back(frame);
        }
        state.request_wake()
    }

    pub(crate) fn push_ping(&self) -> PushOutcome {
        let mut state = self.state.lock();
        state.has_ping = true;
        state.request_wake()
    }

    /// Pushes a pong to the send queue. If too many wait, the oldest is dropped, as RFC 6455 (5.5.3) allows.
    pub(crate) fn push_pong(&self, bytes: Bytes) -> PushOutcome {
        let mut state = self.state.lock();
        if state.pongs.len() >= MAX_QUEUED_PONGS {
            state.pongs.pop_front();
        }
        state.pongs.push_back(bytes);
        state.request_wake()
    }

    /// Records that the client has ended its side of the socket. Its close frame is echoed after the queued frames,
    /// unless the server was already closing.
    pub(crate) fn end_by_client(&self, end: ClientEnd) -> PushOutcome {
        let mut state = self.state.lock();
        state.client_end = Some(end);
        if state.closing.is_none() {
            state.close(CloseCause::ByClient);
        }
        state.request_wake()
    }

    /// Closes the socket after the queued frames are written. A slow reader, or a socket whose session is over, does
    /// not get them.
    pub(crate) fn close(&self, cause: CloseCause) -> PushOutcome {
        let mut state = self.state.lock();
        if state.closing.is_some() {
            return PushOutcome::Closed;
        }
        state.close(cause);
        state.request_wake()
    }

    /// Takes frames of about `max_bytes`, at least one, out of the send queue.
    pub(crate) fn take(&self, max_bytes: usize) -> SendBatch {
        let mut state = self.state.lock();
        state.is_wake_pending = false;
        let mut batch = SendBatch {
            has_ping: std::mem::take(&mut state.has_ping),
            pongs: std::mem::take(&mut state.pongs),
            client_end: state.client_end.clone(),
            ..SendBatch::default()
        };
        if state.bytes <= max_bytes {
            // All frames fit: the buffer itself is handed over, so that an idle socket keeps no memory of an earlier
            // burst.
            batch.frames = std::mem::take(&mut state.frames);
            state.bytes = 0;
            batch.close_cause = state.closing.map(|(cause, _)| cause);
        } else {
            batch.frames = state.take_frames(max_bytes);
            batch.has_more = true;
            state.is_wake_pending = true;
        }
        drop(state);
        self.drained.notify_waiters();
        batch
    }

    /// Returns the time at which the socket began to close, or `None` if it is open.
    pub(crate) fn closing_since(&self) -> Option<Instant> {
        self.state.lock().closing.map(|(_, since)| since)
    }

    /// Waits until the send queue is less than a quarter full, so that a replay never overflows it. Returns `false` if
    /// the socket is being closed.
    pub(crate) async fn wait_for_room(&self) -> bool {
        loop {
            let drained = self.drained.notified();
            if let Some(has_room) = Self::check_room(&self.state.lock()) {
                return has_room;
            }
            drained.await;
        }
    }

    /// Checks whether the send queue has room for a replay. Returns `None` if it has none at the moment, and `false` if
    /// the socket is being closed.
    fn check_room(state: &MutexGuard<'_, QueueState>) -> Option<bool> {
        if state.closing.is_some() {
            return Some(false);
        }
        let has_room = state.frames.len() < MAX_QUEUED_FRAMES / 4 && state.bytes < MAX_QUEUED_BYTES / 4;
        has_room.then_some(true)
    }
}

impl QueueState {
    fn request_wake(&mut self) -> PushOutcome {
        if std::mem::replace(&mut self.is_wake_pending, true) {
            PushOutcome::Queued
        } else {
            PushOutcome::QueuedWakeNeeded
        }
    }

    fn take_frames(&mut self, max_bytes: usize) -> VecDeque<ByteString> {
        let mut taken = VecDeque::new();
        let mut bytes_left = max_bytes;
        while bytes_left > 0
            && let Some(frame) = self.frames.pop_front()
        {
            self.bytes -= frame.len();
            bytes_left = bytes_left.saturating_sub(frame.len());
            taken.push_back(frame);
        }
        taken
    }

    fn close(&mut self, cause: CloseCause) {
        self.closing = Some((cause, Instant::now()));
        if matches!(cause, CloseCause::SlowReader | CloseCause::SessionOver) {
            self.frames = VecDeque::new();
            self.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: usize) -> ByteString {
        "x".repeat(bytes).into()
    }

    #[test]
    fn one_wake_up_is_enough_until_the_queue_is_taken() {
        let queue = SendQueue::default();
        assert_eq!(queue.push([frame(1)]), PushOutcome::QueuedWakeNeeded);
        assert_eq!(queue.push([frame(1)]), PushOutcome::Queued);
        assert_eq!(queue.take(1000).frames.len(), 2);
        assert_eq!(queue.push([frame(1)]), PushOutcome::QueuedWakeNeeded);
    }

    #[test]
    fn frame_1001_overflows_the_queue() {
        let queue = SendQueue::default();
        for _ in 0..1000 {
            assert!(matches!(queue.push([frame(1)]), PushOutcome::QueuedWakeNeeded | PushOutcome::Queued));
        }
        assert_eq!(queue.push([frame(1)]), PushOutcome::Overflow);
        assert_eq!(queue.push([frame(1)]), PushOutcome::Closed);
        let batch = queue.take(1000);
        assert_eq!((batch.frames.len(), batch.close_cause), (0, Some(CloseCause::SlowReader)));
    }

    #[test]
    fn more_than_a_mebibyte_overflows_the_queue() {
        let queue = SendQueue::default();
        assert_eq!(queue.push([frame(1024 * 1024)]), PushOutcome::QueuedWakeNeeded);
        assert_eq!(queue.push([frame(1)]), PushOutcome::Overflow);
    }

    #[test]
    fn frames_are_taken_in_parts_and_the_close_comes_last() {
        let queue = SendQueue::default();
        for _ in 0..4 {
            queue.push([frame(10)]);
        }
        queue.close(CloseCause::Restart);
        let first = queue.take(20);
        assert_eq!((first.frames.len(), first.has_more, first.close_cause), (2, true, None));
        let second = queue.take(20);
        assert_eq!((second.frames.len(), second.has_more, second.close_cause), (2, false, Some(CloseCause::Restart)));
    }
}
