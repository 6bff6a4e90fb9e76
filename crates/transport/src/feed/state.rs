//! The state of a feed, and the services that all feeds share.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Release},
    },
};

use actix::Addr;
use desk::Desk;
use domain::{ConversationId, Event, HotelId, Seq};

use crate::{
    cluster::bus::Bus,
    counters::SocketCounters,
    feed::{
        commit_inbox::CommitInbox, counts_schedule::CountsSchedule, registry::FeedRegistry,
        subscription::StaySubscription, viewers::ConversationViewers, write_coalescing::WriteCoalescer,
    },
    socket::{SocketHandle, SocketId, registry::SocketRegistry, wake_list::WakeList},
};

/// The services that all feeds of this node share. Owned by the hub.
#[derive(Clone)]
pub(crate) struct FeedContext {
    pub(crate) desk: Desk,
    pub(crate) feeds: Arc<FeedRegistry>,
    pub(crate) sockets: Arc<SocketRegistry>,
    pub(crate) bus: Arc<Bus>,
    pub(crate) counters: Arc<SocketCounters>,
}

/// Dispatches one hotel's events, in order, to the sockets of this node, and runs the requests of the sockets between
/// two events.
///
/// A feed is a task (`Feed::start`) that owns itself. It starts when the first socket joins and ends when the last one
/// has left. If it ends by a panic, its drop closes the hotel's sockets with 1012: the clients reconnect, and a new
/// feed starts.
pub(crate) struct Feed {
    pub(crate) hotel: HotelId,
    pub(crate) context: FeedContext,
    pub(crate) sockets: HashMap<SocketId, Arc<SocketHandle>>,
    /// The hotel's sockets that have an inbox subscription.
    pub(crate) inboxes: HashMap<SocketId, Arc<SocketHandle>>,
    /// The subscription actors of all conversations with subscribers.
    pub(crate) subscriptions: HashMap<ConversationId, Addr<StaySubscription>>,
    /// The staff members who have a conversation on screen.
    pub(crate) viewers: ConversationViewers,
    /// Sockets that have new frames and are not woken yet.
    pub(crate) wake_list: WakeList,
    /// Number of events fanned out since the sockets were last woken.
    pub(crate) unwoken_events: usize,
    pub(crate) coalescer: WriteCoalescer,
    /// When the sockets that asked for the numbers of their inbox get them.
    pub(crate) counts: CountsSchedule,
    pub(crate) inbox: Arc<CommitInbox>,
    /// Epoch of the log as the feed knows it; empty before the first snapshot.
    pub(crate) epoch: String,
    /// Events taken from the commit inbox and not fanned out yet.
    pub(crate) pending: VecDeque<Arc<[Event]>>,
    /// Newest known head of the hotel's log.
    pub(crate) head: Seq,
    /// Log position up to which the feed has fanned out all events.
    pub(crate) position: Seq,
    /// Copy of the log position `position`, which a [`crate::feed::registry::FeedHandle`] reads from other threads.
    pub(crate) shared_position: Arc<AtomicI64>,
}

impl Feed {
    pub(crate) fn new(hotel: HotelId, context: FeedContext) -> Self {
        Self {
            hotel,
            context,
            sockets: HashMap::new(),
            inboxes: HashMap::new(),
            subscriptions: HashMap::new(),
            viewers: ConversationViewers::default(),
            wake_list: WakeList::default(),
            unwoken_events: 0,
            coalescer: WriteCoalescer::default(),
            counts: CountsSchedule::default(),
            inbox: Arc::default(),
            epoch: String::new(),
            pending: VecDeque::new(),
            head: Seq(0),
            position: Seq(0),
            shared_position: Arc::default(),
        }
    }

    pub(crate) fn has_subscriptions(&self) -> bool {
        !(self.subscriptions.is_empty() && self.inboxes.is_empty())
    }

    /// Records that the feed has fanned out all events up to a log position.
    pub(crate) fn set_position(&mut self, seq: Seq) {
        self.position = seq;
        self.shared_position.store(seq.0, Release);
    }

    /// Wakes the sockets that got frames since the last wake-up.
    pub(crate) fn wake_sockets(&mut self) {
        self.unwoken_events = 0;
        self.coalescer.record_woken(self.wake_list.wake_all());
    }
}
