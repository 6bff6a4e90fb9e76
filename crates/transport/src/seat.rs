//! A socket's place in its hotel: what the feed knows of it, and where frames for it are put.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use actix::Addr;
use bytes::Bytes;
use bytestring::ByteString;
use chrono::{DateTime, Utc};
use desk::{Caller, Live};
use domain::{ConversationId, Person, Reach, Seq, StayId};

use crate::{
    connection::Connection,
    hub::Tally,
    limits::ErrorWindow,
    outbox::{Closing, Ending, Outbox, Put},
    places::Place,
    session::{StaffSession, Wake},
    wakes::Wakes,
};

/// Names a socket on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SeatId(pub(crate) u64);

/// A socket's place.
pub(crate) struct Seat {
    pub(crate) id: SeatId,
    pub(crate) caller: Caller,
    pub(crate) outbox: Outbox,
    pub(crate) tally: Arc<Tally>,
    session: OnceLock<Addr<StaffSession>>,
    connection: Option<Arc<Connection>>,
    standing: Mutex<Option<Standing>>,
    errors: Mutex<ErrorWindow>,
    born: Instant,
    /// Milliseconds from `born` until the peer was last heard, and until the last heartbeat.
    heard: AtomicU64,
    beaten: AtomicU64,
    /// Microseconds since 1970 at which its session ends if nobody uses it.
    ends_at: AtomicI64,
    /// Given back when the socket is gone.
    _place: Place,
}

/// What the feed knows of a socket. The feed alone changes it.
pub(crate) struct Standing {
    /// What its staff member may see.
    pub(crate) reach: Reach,
    /// The staff member's name.
    pub(crate) name: String,
    /// The place in the log at which it joined: conversations that came into being later were told.
    pub(crate) joined: Seq,
    /// What it subscribes to.
    pub(crate) subscriptions: HashMap<ConversationId, Subscription>,
    /// The place from which it subscribes to the inbox.
    pub(crate) inbox: Option<Seq>,
    /// While it replays, up to where all that concerns it was sent; `None` while it is live.
    pub(crate) replaying: Option<Seq>,
}

/// A subscription to a conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription {
    /// The place in the log from which it holds.
    pub(crate) since: Seq,
    /// The conversation's stay.
    pub(crate) stay: Option<StayId>,
}

impl Standing {
    pub(crate) fn new(live: &Live, joined: Seq) -> Self {
        Self {
            reach: live.staff.reach(),
            name: live.staff.name.clone(),
            joined,
            subscriptions: HashMap::new(),
            inbox: None,
            replaying: None,
        }
    }

    /// The staff member, as shown to others.
    pub(crate) fn person(&self) -> Person {
        Person { id: self.reach.staff, name: self.name.clone() }
    }
}

impl Seat {
    pub(crate) fn new(
        id: SeatId,
        caller: Caller,
        connection: Option<Arc<Connection>>,
        place: Place,
        tally: Arc<Tally>,
    ) -> Self {
        Self {
            id,
            caller,
            outbox: Outbox::default(),
            tally,
            session: OnceLock::new(),
            connection,
            standing: Mutex::new(None),
            errors: Mutex::default(),
            born: Instant::now(),
            heard: AtomicU64::new(0),
            beaten: AtomicU64::new(0),
            ends_at: AtomicI64::new(i64::MAX),
            _place: place,
        }
    }

    /// Makes the actor known, to be woken.
    pub(crate) fn bind(&self, session: Addr<StaffSession>) {
        // A seat has one session, which binds itself once.
        let _ = self.session.set(session);
    }

    /// Puts a frame into the outbox.
    pub(crate) fn send(&self, frame: ByteString) {
        let put = self.put([frame]);
        self.wake_after(put);
    }

    /// The same, and leaves it to `wakes` to wake the session.
    pub(crate) fn give(self: &Arc<Self>, frame: ByteString, wakes: &Wakes) {
        self.give_all([frame], wakes);
    }

    /// The same with frames, of which there is at least one.
    pub(crate) fn give_all<F>(self: &Arc<Self>, frames: F, wakes: &Wakes)
    where
        F: IntoIterator<Item = ByteString, IntoIter: ExactSizeIterator>,
    {
        if self.put(frames).is_to_wake() {
            wakes.add(self.clone());
        }
    }

    fn put(&self, frames: impl IntoIterator<Item = ByteString, IntoIter: ExactSizeIterator>) -> Put {
        let frames = frames.into_iter();
        let count = frames.len() as u64;
        let put = self.outbox.put(frames);
        match put {
            Put::Waits | Put::Wake => self.tally.deliveries.fetch_add(count, Relaxed),
            Put::Overflow => self.tally.overflows.fetch_add(1, Relaxed),
            Put::Closed => 0,
        };
        put
    }

    /// Tells the client of an error of its own. Too many of them close the socket.
    pub(crate) fn fail(&self, frame: ByteString) {
        self.send(frame);
        let too_many = self.errors.lock().unwrap_or_else(PoisonError::into_inner).count(Instant::now());
        if too_many {
            let put = self.outbox.close(Closing::Policy);
            self.tally.violations.fetch_add((put != Put::Closed).into(), Relaxed);
            self.wake_after(put);
        }
    }

    /// Closes the socket.
    pub(crate) fn close(&self, why: Closing) {
        self.wake_after(self.outbox.close(why));
    }

    /// Ends the socket, since the client's side of it has ended.
    pub(crate) fn end(&self, how: Ending) {
        self.wake_after(self.outbox.end(how));
    }

    /// Answers a ping.
    pub(crate) fn pong(&self, bytes: Bytes) {
        self.wake_after(self.outbox.pong(bytes));
    }

    /// Sends a ping.
    pub(crate) fn ping(&self) {
        self.wake_after(self.outbox.ping());
    }

    fn wake_after(&self, put: Put) {
        if put.is_to_wake() {
            self.wake();
        }
    }

    /// Wakes the session. Only to be called where the outbox said so: then never more than one is on
    /// its way, and the mailbox stays bounded.
    pub(crate) fn wake(&self) {
        if let Some(session) = self.session.get() {
            session.do_send(Wake);
        }
    }

    /// The connection, where it could be had.
    pub(crate) fn connection(&self) -> Option<Arc<Connection>> {
        self.connection.clone()
    }

    /// Cuts the connection off, whether or not the actor is polled.
    pub(crate) fn cut_off(&self) {
        if let Some(connection) = &self.connection {
            connection.shut_down();
        }
    }

    /// What the feed knows of it; `None` before it has joined, and after it left.
    pub(crate) fn standing(&self) -> MutexGuard<'_, Option<Standing>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the peer was heard.
    pub(crate) fn hear(&self) {
        self.heard.store(self.age(), Relaxed);
    }

    /// How long the peer has been silent.
    pub(crate) fn silence(&self) -> Duration {
        Duration::from_millis(self.age().saturating_sub(self.heard.load(Relaxed)))
    }

    /// Whether a heartbeat is due after so long; if so, it counts as done.
    pub(crate) fn beat(&self, every: Duration) -> bool {
        let age = self.age();
        let due = Duration::from_millis(age.saturating_sub(self.beaten.load(Relaxed))) >= every;
        if due {
            self.beaten.store(age, Relaxed);
        }
        due
    }

    /// Notes when its session ends.
    pub(crate) fn set_end(&self, at: DateTime<Utc>) {
        self.ends_at.store(at.timestamp_micros(), Relaxed);
    }

    /// Whether its session may have ended.
    pub(crate) fn may_be_over(&self, now: DateTime<Utc>) -> bool {
        now.timestamp_micros() >= self.ends_at.load(Relaxed)
    }

    fn age(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
