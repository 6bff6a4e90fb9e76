//! The feeds of this node, one for each hotel with sockets, and the handle through which they are used.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Acquire},
    },
};

use desk::Committed;
use domain::{HotelId, Seq};
use parking_lot::RwLock;
use tokio::sync::{
    Semaphore,
    mpsc::{UnboundedReceiver, UnboundedSender},
    oneshot,
};
use wire::cluster_signal::ClusterSignal;

use crate::{
    cluster::{bus::Bus, signal_sink::SignalSink},
    drop_signal::DropGuard,
    feed::{
        commit_inbox::CommitInbox,
        requests::{FeedRequest, SocketRequest},
    },
    socket::SocketHandle,
};

/// Maximum number of ephemeral signals of other nodes that wait for one feed. Further signals are dropped.
const MAX_REMOTE_SIGNALS: usize = 64;

/// A reference to a running feed. Cheap to clone; the feed runs on until its last socket has left.
#[derive(Clone)]
pub(crate) struct FeedHandle {
    pub(crate) hotel: HotelId,
    pub(crate) inbox: Arc<CommitInbox>,
    position: Arc<AtomicI64>,
    /// The queue of requests to the feed; its length is bounded by the senders, because a socket waits for its request
    /// before it sends another.
    requests: UnboundedSender<FeedRequest>,
    remote_signals: Arc<Semaphore>,
}

impl FeedHandle {
    pub(crate) fn new(
        hotel: HotelId,
        inbox: Arc<CommitInbox>,
        position: Arc<AtomicI64>,
        requests: UnboundedSender<FeedRequest>,
    ) -> Self {
        Self { hotel, inbox, position, requests, remote_signals: Arc::new(Semaphore::new(MAX_REMOTE_SIGNALS)) }
    }

    /// Returns the log position up to which the feed has fanned out all events.
    pub(crate) fn position(&self) -> Seq {
        Seq(self.position.load(Acquire))
    }

    /// Queues a request to the feed. Returns `false` if the feed has ended.
    pub(crate) fn request(&self, request: FeedRequest) -> bool {
        self.requests.send(request).is_ok()
    }

    /// Queues a request of a socket to the feed and waits until it is done. Returns `false` if the feed has ended. A
    /// feed that ends during the request closes the socket.
    pub(crate) async fn request_and_wait(
        &self,
        socket: &Arc<SocketHandle>,
        request: impl FnOnce(DropGuard) -> SocketRequest,
    ) -> bool {
        let (guard, done) = oneshot::channel();
        let is_queued = self.request(FeedRequest::Socket(socket.clone(), request(guard)));
        let _ = done.await;
        is_queued
    }

    /// Queues an ephemeral signal of another node for the feed, or drops it if too many wait.
    fn receive_ephemeral(&self, node: u64, signal: ClusterSignal) {
        if let Ok(permit) = self.remote_signals.clone().try_acquire_owned() {
            self.request(FeedRequest::RemoteSignal { node, signal, _permit: permit });
        }
    }
}

/// All feeds of this node. Subscribes the cluster bus to their hotels. Shared by the hub and the feeds.
pub(crate) struct FeedRegistry {
    feeds: RwLock<HashMap<HotelId, FeedHandle>>,
    bus: Arc<Bus>,
}

impl FeedRegistry {
    pub(crate) fn new(bus: Arc<Bus>) -> Self {
        Self { feeds: RwLock::default(), bus }
    }

    pub(crate) fn find(&self, hotel: HotelId) -> Option<FeedHandle> {
        self.feeds.read().get(&hotel).cloned()
    }

    pub(crate) fn all(&self) -> Vec<FeedHandle> {
        self.feeds.read().values().cloned().collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.feeds.read().len()
    }

    /// Queues a request at the hotel's feed, which is started if there is none. Both happen under the lock of the
    /// registry, so that the feed does not retire in between.
    pub(crate) fn request_or_start(
        &self,
        hotel: HotelId,
        request: FeedRequest,
        start: impl FnOnce() -> FeedHandle,
    ) -> FeedHandle {
        let mut feeds = self.feeds.write();
        let feed = feeds.entry(hotel).or_insert_with(|| {
            self.bus.subscribe(hotel);
            start()
        });
        feed.request(request);
        feed.clone()
    }

    /// Retires a feed without sockets: removes it from the registry. Returns `false` if a request is queued, so that
    /// the feed has to run on.
    pub(crate) fn retire(&self, hotel: HotelId, queue: &UnboundedReceiver<FeedRequest>) -> bool {
        let mut feeds = self.feeds.write();
        let is_idle = queue.is_empty();
        if is_idle {
            feeds.remove(&hotel);
            self.bus.unsubscribe(hotel);
        }
        is_idle
    }

    /// Removes a feed that has ended by a panic from the registry, identified by its position. Returns `false` if it
    /// had retired.
    pub(crate) fn remove_ended(&self, hotel: HotelId, position: &Arc<AtomicI64>) -> bool {
        let mut feeds = self.feeds.write();
        let is_registered = feeds.get(&hotel).is_some_and(|feed| Arc::ptr_eq(&feed.position, position));
        if is_registered {
            feeds.remove(&hotel);
            self.bus.unsubscribe(hotel);
        }
        is_registered
    }

    /// Passes the events of a commit to the feeds of this node, and the new log heads to the other nodes.
    pub(crate) fn publish_commit(&self, commit: &Committed) {
        let mut heads = HashMap::new();
        for event in commit.events.iter() {
            let (head, for_all) = heads.entry(event.hotel).or_insert((event.seq, false));
            *head = event.seq;
            *for_all |= event.kind.is_for_all();
        }
        for (hotel, (head, for_all)) in heads {
            if let Some(feed) = self.find(hotel) {
                feed.inbox.push(commit, head, for_all);
            }
            if commit.has_other_nodes {
                self.bus.publish_head(hotel, head, for_all);
            }
        }
    }
}

impl SignalSink for FeedRegistry {
    fn receive(&self, hotel: HotelId, node: u64, signal: ClusterSignal) {
        let Some(feed) = self.find(hotel) else { return };
        match signal {
            ClusterSignal::Head { seq, for_all } => feed.inbox.report_head(Seq(seq), for_all),
            ClusterSignal::Typing { .. }
            | ClusterSignal::Read { .. }
            | ClusterSignal::Viewing { .. }
            | ClusterSignal::Settings { .. }
            | ClusterSignal::Draft { .. } => feed.receive_ephemeral(node, signal),
        }
    }
}
