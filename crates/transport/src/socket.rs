//! A socket: its handle, through which frames are sent, and the state that the feed keeps for it.
//!
//! ```text
//! upgrade ──slot free──▶ joining ──welcome──▶ live ──resume──▶ replaying ──resumed──▶ live
//! any → closing     restart 1012, session over 4401, slow reader 4408, 60 s without a frame 1001,
//!                   client errors 1002, 1003, 1007, 1008, 1009
//! closing → gone    the client answers the close frame or disconnects, or the watchdog cuts it off after 10 s;
//!                   4401 and 4408 drop the queued frames first
//! ```
//! joining: [`SocketHandle::state`] is `None`. replaying: [`SocketState::replaying_from`] is set. closing:
//! [`SendQueue::closing_since`] is set.

pub(crate) mod frames;
pub(crate) mod registry;
pub(crate) mod send_queue;
pub(crate) mod wake_list;

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use actix::{Message, Recipient};
use bytes::Bytes;
use bytestring::ByteString;
use chrono::{DateTime, Utc};
use desk::{Caller, feed_query::SessionQuery, sessions::LiveSession};
use domain::{ConversationId, ConversationRef, Person, Reach, Seq, StayId};
use parking_lot::{Mutex, MutexGuard};

use crate::{
    cluster::connection_quota::ConnectionSlot,
    counters::SocketCounters,
    session::rate_limit::ErrorWindow,
    socket::send_queue::{ClientEnd, CloseCause, PushOutcome, SendQueue},
    tcp::connection::ClientConnection,
};

/// Identifies a socket on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SocketId(pub(crate) u64);

/// Wakes the session actor of a socket, which then writes the send queue.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Wake;

/// One WebSocket, as the rest of the crate sees it: send queue, feed state and liveness.
///
/// Shared by the session actor, the command task, the feed and the socket registry; a clone of the `Arc` costs nothing
/// else. The last drop releases the connection slot of the staff member.
pub(crate) struct SocketHandle {
    pub(crate) id: SocketId,
    pub(crate) caller: Caller,
    pub(crate) send_queue: SendQueue,
    pub(crate) counters: Arc<SocketCounters>,
    session: OnceLock<Recipient<Wake>>,
    /// The socket's TCP connection. `None` if no file descriptor was left to watch it.
    connection: Option<Arc<ClientConnection>>,
    state: Mutex<Option<SocketState>>,
    errors: Mutex<ErrorWindow>,
    opened_at: Instant,
    /// Time of the last received frame, in milliseconds after `opened_at`.
    last_received: AtomicU64,
    /// Time of the last heartbeat, in milliseconds after `opened_at`.
    last_heartbeat: AtomicU64,
    /// Time at which the staff session ends unless it is used, in microseconds since 1970.
    session_ends_at: AtomicI64,
    _slot: ConnectionSlot,
}

/// The state that the feed keeps for a socket that has joined. Only the feed and its subscription actors change it.
pub(crate) struct SocketState {
    pub(crate) reach: Reach,
    /// Name of the signed-in staff member.
    pub(crate) name: String,
    /// Log position at which the socket joined. `new_conversation` events after it are sent live.
    pub(crate) joined: Seq,
    pub(crate) subscriptions: HashMap<ConversationId, Subscription>,
    /// Log position from which the inbox subscription holds; `None` without an inbox subscription.
    pub(crate) inbox: Option<Seq>,
    pub(crate) counts: CountsInterest,
    /// Log position up to which events were sent live before the current replay. `None` while the socket is live.
    pub(crate) replaying_from: Option<Seq>,
}

/// Whether a socket gets the event `counts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CountsInterest {
    /// The socket has not asked for it.
    None,
    /// The socket has asked for it, and nothing has changed since the numbers were last read for it.
    UpToDate,
    /// A change since then concerns the socket.
    Stale,
}

/// A subscription of one socket to one conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription {
    /// Log position from which the subscription to the conversation holds.
    pub(crate) since: Seq,
    /// The stay of the subscribed conversation.
    pub(crate) stay: Option<StayId>,
}

impl SocketState {
    pub(crate) fn new(live: &LiveSession, joined: Seq) -> Self {
        Self {
            reach: live.staff.reach(),
            name: live.staff.name.clone(),
            joined,
            subscriptions: HashMap::new(),
            inbox: None,
            counts: CountsInterest::None,
            replaying_from: None,
        }
    }

    /// Records a change of the numbers of the socket's inbox. Returns whether the socket has asked for them.
    pub(crate) fn mark_counts(&mut self) -> bool {
        let is_wanted = self.counts != CountsInterest::None;
        if is_wanted {
            self.counts = CountsInterest::Stale;
        }
        is_wanted
    }

    /// Returns `true` unless the socket is in a replay.
    pub(crate) fn is_live(&self) -> bool {
        self.replaying_from.is_none()
    }

    pub(crate) fn person(&self) -> Person {
        Person { id: self.reach.staff, name: self.name.clone() }
    }
}

impl SocketHandle {
    pub(crate) fn new(
        id: SocketId,
        caller: Caller,
        connection: Option<Arc<ClientConnection>>,
        slot: ConnectionSlot,
        counters: Arc<SocketCounters>,
    ) -> Self {
        Self {
            id,
            caller,
            send_queue: SendQueue::default(),
            counters,
            session: OnceLock::new(),
            connection,
            state: Mutex::new(None),
            errors: Mutex::default(),
            opened_at: Instant::now(),
            last_received: AtomicU64::new(0),
            last_heartbeat: AtomicU64::new(0),
            session_ends_at: AtomicI64::new(i64::MAX),
            _slot: slot,
        }
    }

    /// Sets the session actor to wake. Called once, after the actor has started.
    pub(crate) fn set_session(&self, session: Recipient<Wake>) {
        let _ = self.session.set(session);
    }

    /// Returns the state that the feed keeps for the socket; `None` before the socket has joined and after it has left.
    pub(crate) fn state(&self) -> MutexGuard<'_, Option<SocketState>> {
        self.state.lock()
    }

    pub(crate) fn is_subscribed(&self, conversation: ConversationId) -> bool {
        self.state().as_ref().is_some_and(|state| state.subscriptions.contains_key(&conversation))
    }

    /// Returns the query that loads the staff session, and the visibility of all subscribed conversations.
    pub(crate) fn session_query(&self) -> SessionQuery {
        let state = self.state();
        let subscribed = state.iter().flat_map(|state| state.subscriptions.keys());
        SessionQuery {
            caller: self.caller,
            conversations: subscribed.map(|id| ConversationRef::Conversation(*id)).collect(),
        }
    }

    /// Queues a frame and wakes the session actor.
    pub(crate) fn send(&self, frame: ByteString) {
        self.wake_if_needed(self.push([frame]));
    }

    /// Queues frames, at least one, and counts them. The caller wakes the session actor if the outcome demands it.
    pub(crate) fn push(
        &self,
        frames: impl IntoIterator<Item = ByteString, IntoIter: ExactSizeIterator>,
    ) -> PushOutcome {
        let frames = frames.into_iter();
        let count = frames.len() as u64;
        let outcome = self.send_queue.push(frames);
        match outcome {
            PushOutcome::Queued | PushOutcome::QueuedWakeNeeded => self.counters.deliveries.fetch_add(count, Relaxed),
            PushOutcome::Overflow => self.counters.overflows.fetch_add(1, Relaxed),
            PushOutcome::Closed => 0,
        };
        outcome
    }

    /// Sends an error that the client has caused. Too many client errors close the socket with 1008.
    pub(crate) fn send_client_error(&self, frame: ByteString) {
        self.send(frame);
        let has_too_many = self.errors.lock().record(Instant::now());
        if has_too_many {
            let outcome = self.send_queue.close(CloseCause::TooManyErrors);
            self.counters.violations.fetch_add((outcome != PushOutcome::Closed).into(), Relaxed);
            self.wake_if_needed(outcome);
        }
    }

    pub(crate) fn close(&self, cause: CloseCause) {
        self.wake_if_needed(self.send_queue.close(cause));
    }

    /// Closes the socket after the client has ended its side with a close frame or by disconnecting.
    pub(crate) fn end_by_client(&self, end: ClientEnd) {
        self.wake_if_needed(self.send_queue.end_by_client(end));
    }

    pub(crate) fn send_pong(&self, bytes: Bytes) {
        self.wake_if_needed(self.send_queue.push_pong(bytes));
    }

    pub(crate) fn send_ping(&self) {
        self.wake_if_needed(self.send_queue.push_ping());
    }

    fn wake_if_needed(&self, outcome: PushOutcome) {
        if outcome.is_wake_needed() {
            self.wake();
        }
    }

    /// Wakes the session actor. Call this only if [`PushOutcome::is_wake_needed`]: then at most one `Wake` is in the
    /// mailbox, which `do_send` does not bound.
    pub(crate) fn wake(&self) {
        if let Some(session) = self.session.get() {
            session.do_send(Wake);
        }
    }

    pub(crate) fn connection(&self) -> Option<Arc<ClientConnection>> {
        self.connection.clone()
    }

    /// Shuts the TCP connection down, even if the session actor is not polled.
    pub(crate) fn cut_off(&self) {
        if let Some(connection) = &self.connection {
            connection.shut_down();
        }
    }

    pub(crate) fn record_received(&self) {
        self.last_received.store(self.age_ms(), Relaxed);
    }

    /// Returns the time since the last frame from the client arrived.
    pub(crate) fn idle_time(&self) -> Duration {
        Duration::from_millis(self.age_ms().saturating_sub(self.last_received.load(Relaxed)))
    }

    /// Returns `true` if a heartbeat is due, and starts the next heartbeat interval.
    pub(crate) fn take_due_heartbeat(&self, interval: Duration) -> bool {
        let age = self.age_ms();
        let is_due = Duration::from_millis(age.saturating_sub(self.last_heartbeat.load(Relaxed))) >= interval;
        if is_due {
            self.last_heartbeat.store(age, Relaxed);
        }
        is_due
    }

    pub(crate) fn set_session_end(&self, at: DateTime<Utc>) {
        self.session_ends_at.store(at.timestamp_micros(), Relaxed);
    }

    /// Returns `true` if the staff session has ended, unless it was used elsewhere meanwhile.
    pub(crate) fn may_be_expired(&self, now: DateTime<Utc>) -> bool {
        now.timestamp_micros() >= self.session_ends_at.load(Relaxed)
    }

    fn age_ms(&self) -> u64 {
        u64::try_from(self.opened_at.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
