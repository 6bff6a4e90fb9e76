//! What waits to be sent on one socket.
//!
//! It stands beside the actor's mailbox: an actor whose peer has stopped reading is not polled, and
//! its mailbox would grow without end. Here the waiting is bounded, and at most one `Wake` is ever
//! in the mailbox.

use std::{collections::VecDeque, sync::Mutex, time::Instant};

use actix_http::ws::CloseReason;
use bytes::Bytes;
use bytestring::ByteString;
use tokio::sync::Notify;

use crate::limits::{WAITING_BYTES, WAITING_FRAMES, WAITING_PONGS};

/// Why a socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// The client has closed it, or is gone.
    ByClient,
    /// 1001: it was silent.
    Away,
    /// 1002: it broke RFC 6455.
    Protocol,
    /// 1003: a binary message.
    Unsupported,
    /// 1007: not UTF-8.
    Invalid,
    /// 1008: too many errors.
    Policy,
    /// 1009: too large.
    Size,
    /// 1012: the server restarts.
    Restart,
    /// 4401: its session is over.
    SessionOver,
    /// 4408: it reads too slowly.
    TooSlow,
}

/// How a client's side of a socket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By a close frame with this in it.
    Closed(Option<CloseReason>),
    /// Without one, by the answer to ours, or where nothing can be understood any more.
    Gone,
}

/// The frames that wait for a reader.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// Told whenever something was taken, for replays, which wait for their reader.
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<ByteString>,
    bytes: usize,
    ping: bool,
    pongs: VecDeque<Bytes>,
    closing: Option<(Closing, Instant)>,
    /// Set when nothing more comes from the client.
    ending: Option<Ending>,
    /// Whether a `Wake` is on its way to the actor.
    armed: bool,
}

/// What the actor is to send next.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) frames: VecDeque<ByteString>,
    pub(crate) ping: bool,
    pub(crate) pongs: VecDeque<Bytes>,
    /// Whether more waits: to be taken when these are on their way.
    pub(crate) more: bool,
    /// To be sent last.
    pub(crate) closing: Option<Closing>,
    /// How the client's side ended, if it has.
    pub(crate) ending: Option<Ending>,
}

/// What came of putting something in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It waits; the actor knows.
    Waits,
    /// It waits; the actor is to be woken.
    Wake,
    /// The reader is too slow: what waited is dropped, and the actor is to be woken to close.
    Overflow,
    /// The socket is being closed: it was dropped.
    Closed,
}

impl Put {
    /// Whether the actor is to be woken.
    pub(crate) fn is_to_wake(self) -> bool {
        matches!(self, Self::Wake | Self::Overflow)
    }
}

impl Outbox {
    /// Adds frames, of which there is at least one.
    pub(crate) fn put(&self, frames: impl IntoIterator<Item = ByteString>) -> Put {
        let mut state = self.lock();
        if state.closing.is_some() {
            return Put::Closed;
        }
        for frame in frames {
            if state.frames.len() >= WAITING_FRAMES || state.bytes + frame.len() > WAITING_BYTES {
                state.close(Closing::TooSlow);
                state.armed = true;
                return Put::Overflow;
            }
            state.bytes += frame.len();
            state.frames.push_back(frame);
        }
        state.arm()
    }

    /// Asks for a ping.
    pub(crate) fn ping(&self) -> Put {
        let mut state = self.lock();
        state.ping = true;
        state.arm()
    }

    /// Answers a ping. Of many that wait the oldest are left out, as RFC 6455 allows (5.5.3).
    pub(crate) fn pong(&self, bytes: Bytes) -> Put {
        let mut state = self.lock();
        if state.pongs.len() >= WAITING_PONGS {
            state.pongs.pop_front();
        }
        state.pongs.push_back(bytes);
        state.arm()
    }

    /// Ends the socket after what waits, since the client's side has ended; a close frame is echoed, unless the
    /// server has closed before.
    pub(crate) fn end(&self, how: Ending) -> Put {
        let mut state = self.lock();
        state.ending = Some(how);
        if state.closing.is_none() {
            state.close(Closing::ByClient);
        }
        state.arm()
    }

    /// Closes the socket after what waits; a slow one, and one whose session is over, before it.
    pub(crate) fn close(&self, why: Closing) -> Put {
        let mut state = self.lock();
        if state.closing.is_some() {
            return Put::Closed;
        }
        state.close(why);
        state.arm()
    }

    /// Takes what fits into about so many bytes, at least a frame.
    pub(crate) fn take(&self, bytes: usize) -> Taken {
        let mut state = self.lock();
        state.armed = false;
        let mut taken = Taken {
            ping: std::mem::take(&mut state.ping),
            pongs: std::mem::take(&mut state.pongs),
            ending: state.ending.clone(),
            ..Taken::default()
        };
        if state.bytes <= bytes {
            // The queue itself is given away: an idle socket holds no memory for a burst long ago.
            taken.frames = std::mem::take(&mut state.frames);
            state.bytes = 0;
            taken.closing = state.closing.map(|(why, _)| why);
        } else {
            taken.frames = state.take_some(bytes);
            taken.more = true;
            state.armed = true;
        }
        drop(state);
        self.room.notify_waiters();
        taken
    }

    /// Since when the socket is being closed.
    pub(crate) fn closing_since(&self) -> Option<Instant> {
        self.lock().closing.map(|(_, since)| since)
    }

    /// Waits until little waits, so that a replay never fills the queue. False where the socket is
    /// being closed.
    pub(crate) async fn has_room(&self) -> bool {
        loop {
            let told = self.room.notified();
            {
                let state = self.lock();
                if state.closing.is_some() {
                    return false;
                }
                if state.frames.len() < WAITING_FRAMES / 4 && state.bytes < WAITING_BYTES / 4 {
                    return true;
                }
            }
            told.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing here can panic while it holds the lock.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn arm(&mut self) -> Put {
        if std::mem::replace(&mut self.armed, true) { Put::Waits } else { Put::Wake }
    }

    /// Takes frames of about so many bytes, at least one.
    fn take_some(&mut self, bytes: usize) -> VecDeque<ByteString> {
        let (mut taken, mut left) = (VecDeque::new(), bytes);
        while left > 0
            && let Some(frame) = self.frames.pop_front()
        {
            self.bytes -= frame.len();
            left = left.saturating_sub(frame.len());
            taken.push_back(frame);
        }
        taken
    }

    fn close(&mut self, why: Closing) {
        self.closing = Some((why, Instant::now()));
        if matches!(why, Closing::TooSlow | Closing::SessionOver) {
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
    fn one_wake_serves_all_that_waits() {
        let outbox = Outbox::default();
        assert_eq!(outbox.put([frame(1)]), Put::Wake);
        assert_eq!(outbox.put([frame(1)]), Put::Waits);
        assert_eq!(outbox.take(1000).frames.len(), 2);
        assert_eq!(outbox.put([frame(1)]), Put::Wake);
    }

    #[test]
    fn the_thousand_and_first_frame_closes() {
        let outbox = Outbox::default();
        for _ in 0..1000 {
            assert!(matches!(outbox.put([frame(1)]), Put::Wake | Put::Waits));
        }
        assert_eq!(outbox.put([frame(1)]), Put::Overflow);
        assert_eq!(outbox.put([frame(1)]), Put::Closed);
        let taken = outbox.take(1000);
        assert_eq!((taken.frames.len(), taken.closing), (0, Some(Closing::TooSlow)));
    }

    #[test]
    fn a_mebibyte_is_the_most() {
        let outbox = Outbox::default();
        assert_eq!(outbox.put([frame(1024 * 1024)]), Put::Wake);
        assert_eq!(outbox.put([frame(1)]), Put::Overflow);
    }

    #[test]
    fn what_waits_is_taken_in_parts_and_the_close_comes_last() {
        let outbox = Outbox::default();
        for _ in 0..4 {
            outbox.put([frame(10)]);
        }
        outbox.close(Closing::Restart);
        let first = outbox.take(20);
        assert_eq!((first.frames.len(), first.more, first.closing), (2, true, None));
        let second = outbox.take(20);
        assert_eq!((second.frames.len(), second.more, second.closing), (2, false, Some(Closing::Restart)));
    }
}
