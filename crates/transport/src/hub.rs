//! The hub: entry point to the sockets and feeds of this node.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicBool,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};

use desk::{Caller, Desk, Error, OnCommit};
use domain::{ConversationId, HotelId, Person, ReadPosition, StaffId, StayId};
use parking_lot::Mutex;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    cluster::{
        bus::Bus,
        connection_quota::{ConnectionQuota, ConnectionSlot},
    },
    counters::{SocketCounters, SocketStats},
    drop_signal::DropSignal,
    feed::{
        ephemeral,
        registry::{FeedHandle, FeedRegistry},
        requests::{DraftSignal, FeedRequest, ReadIndicator, SocketRequest},
        state::{Feed, FeedContext},
    },
    socket::{SocketHandle, registry::SocketRegistry, send_queue::CloseCause},
    tcp::connection::ClientConnection,
};

/// Time that a shutdown waits for the task of the connection quota to end and for open sockets to close.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);
const SHUTDOWN_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Owns the open sockets and the feeds of this node, the cluster bus and the connection quota.
///
/// Created before the `Desk`, which calls [`Hub::on_commit`], and started with it (`Hub::start`). A clone refers to the
/// same hub. Nothing happens on drop; [`Hub::shut_down`] ends the sockets.
#[derive(Clone, Default)]
pub struct Hub(Arc<HubState>);

struct HubState {
    desk: OnceLock<Desk>,
    bus: Arc<Bus>,
    feeds: Arc<FeedRegistry>,
    sockets: Arc<SocketRegistry>,
    quota: Arc<ConnectionQuota>,
    quota_task: Mutex<Option<JoinHandle<()>>>,
    counters: Arc<SocketCounters>,
    is_shutting_down: AtomicBool,
}

impl Default for HubState {
    fn default() -> Self {
        let bus = Arc::<Bus>::default();
        Self {
            desk: OnceLock::new(),
            feeds: Arc::new(FeedRegistry::new(bus.clone())),
            bus,
            sockets: Arc::default(),
            quota: Arc::default(),
            quota_task: Mutex::default(),
            counters: Arc::default(),
            is_shutting_down: AtomicBool::new(false),
        }
    }
}

impl Hub {
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the commit hook for the store, which passes committed events to the feeds.
    pub fn on_commit(&self) -> OnCommit {
        let feeds = self.0.feeds.clone();
        Arc::new(move |commit| feeds.publish_commit(&commit))
    }

    /// Shuts the hub down: closes all sockets with 1012, releases their connection slots for other nodes, and waits
    /// until they are gone, for at most 3 s.
    pub async fn shut_down(&self) {
        self.0.is_shutting_down.store(true, SeqCst);
        self.0.sockets.close_all(CloseCause::Restart);
        self.0.quota.close();
        let quota_task = self.0.quota_task.lock().take();
        let release_slots = async {
            if let Some(task) = quota_task {
                // If the database is unavailable, the slots are released when this node's lease expires.
                let _ = tokio::time::timeout(SHUTDOWN_GRACE, task).await;
            }
        };
        tokio::join!(self.wait_until_empty(), release_slots);
    }

    async fn wait_until_empty(&self) {
        let deadline = tokio::time::Instant::now() + SHUTDOWN_GRACE;
        while tokio::time::Instant::now() < deadline && !self.0.sockets.is_empty() {
            tokio::time::sleep(SHUTDOWN_POLL_INTERVAL).await;
        }
    }

    /// Publishes a read indicator to the sockets of this node and of the other nodes.
    pub fn publish_read(
        &self,
        hotel: HotelId,
        conversation: ConversationId,
        stay: Option<StayId>,
        reader: Person,
        position: ReadPosition,
    ) {
        let signal = ephemeral::read_signal(conversation, reader.id);
        let request = FeedRequest::Read(ReadIndicator { conversation, stay, reader, position, sent_by: None });
        // The hotel's feed publishes the read indicator to other nodes itself. Without sockets on this node there is no
        // feed, so the hub publishes it.
        if !self.0.feeds.find(hotel).is_some_and(|feed| feed.request(request)) {
            self.0.bus.publish_ephemeral(hotel, signal);
        }
    }

    /// Publishes a changed draft to all sockets of its writer, on this node and on the other nodes.
    pub fn publish_draft(&self, caller: Caller, conversation: ConversationId) {
        let writer = caller.staff;
        let request = FeedRequest::Draft(DraftSignal { conversation, writer, sent_by: None });
        if !self.0.feeds.find(caller.hotel).is_some_and(|feed| feed.request(request)) {
            self.0.bus.publish_ephemeral(caller.hotel, ephemeral::draft_signal(conversation, writer));
        }
    }

    /// Announces a change of the personal settings to all sockets of a staff member, on every node (`directory_updated`
    /// with `settings`). Call it after the commit; the event is not logged.
    pub fn publish_settings_change(&self, hotel: HotelId, staff: StaffId) {
        // As in `publish_read`: the feed informs the other nodes itself.
        if !self.0.feeds.find(hotel).is_some_and(|feed| feed.request(FeedRequest::Settings(staff))) {
            self.0.bus.publish_ephemeral(hotel, ephemeral::settings_signal(staff));
        }
    }

    /// Pings Redis. Returns `None` if this node does not use Redis.
    pub async fn ping_redis(&self) -> Option<bool> {
        self.0.bus.ping_redis().await
    }

    pub fn stats(&self) -> SocketStats {
        let sockets = self.0.sockets.all();
        let subscriptions =
            |socket: &Arc<SocketHandle>| socket.state().as_ref().map_or(0, |state| state.subscriptions.len() as u64);
        let counters = &self.0.counters;
        SocketStats {
            sockets: sockets.len() as u64,
            subscriptions: sockets.iter().map(subscriptions).sum(),
            hotels: self.0.feeds.count() as u64,
            deliveries: counters.deliveries.load(Relaxed),
            overflows: counters.overflows.load(Relaxed),
            commands: counters.commands.load(Relaxed),
            refused: counters.refused.load(Relaxed),
            violations: counters.violations.load(Relaxed),
            log_reads: counters.log_reads.load(Relaxed),
            bus: self.0.bus.stats(),
        }
    }

    /// Sets the desk that the hub uses. Returns `false` if the hub was started before.
    pub(crate) fn set_desk(&self, desk: Desk) -> bool {
        self.0.desk.set(desk).is_ok()
    }

    /// Returns the desk, or `None` before the start of the hub.
    pub(crate) fn desk(&self) -> Option<&Desk> {
        self.0.desk.get()
    }

    pub(crate) fn bus(&self) -> &Arc<Bus> {
        &self.0.bus
    }

    pub(crate) fn feeds(&self) -> &Arc<FeedRegistry> {
        &self.0.feeds
    }

    pub(crate) fn sockets(&self) -> &SocketRegistry {
        &self.0.sockets
    }

    pub(crate) fn quota(&self) -> &Arc<ConnectionQuota> {
        &self.0.quota
    }

    /// Sets the task that syncs the connection quota, for which [`Hub::shut_down`] waits.
    pub(crate) fn set_quota_task(&self, task: JoinHandle<()>) {
        *self.0.quota_task.lock() = Some(task);
    }

    /// Acquires a connection slot. Returns `None` if the staff member has 20 sockets.
    pub(crate) async fn acquire_slot(&self, staff: StaffId) -> Result<Option<ConnectionSlot>, Error> {
        self.0.quota.acquire(staff).await
    }

    pub(crate) fn create_socket(
        &self,
        caller: Caller,
        connection: Option<Arc<ClientConnection>>,
        slot: ConnectionSlot,
    ) -> Arc<SocketHandle> {
        let id = self.0.sockets.next_id();
        Arc::new(SocketHandle::new(id, caller, connection, slot, self.0.counters.clone()))
    }

    /// Registers a socket and lets it join its hotel's feed, which is started if there is none. The signal completes
    /// when the join is done, successfully or not. Returns `None` before the start of the hub.
    pub(crate) fn join(&self, socket: &Arc<SocketHandle>) -> Option<(FeedHandle, DropSignal)> {
        let context = self.feed_context()?;
        // The socket is registered before the check, so that a concurrent shutdown closes it in any case.
        self.0.sockets.insert(socket);
        if self.0.is_shutting_down.load(SeqCst) {
            socket.close(CloseCause::Restart);
        }
        let (guard, joined) = oneshot::channel();
        let request = FeedRequest::Socket(socket.clone(), SocketRequest::Join(guard));
        let hotel = socket.caller.hotel;
        let feed = self.0.feeds.request_or_start(hotel, request, || Feed::start(hotel, context));
        Some((feed, joined))
    }

    pub(crate) fn feed_context(&self) -> Option<FeedContext> {
        Some(FeedContext {
            desk: self.0.desk.get()?.clone(),
            feeds: self.0.feeds.clone(),
            sockets: self.0.sockets.clone(),
            bus: self.0.bus.clone(),
            counters: self.0.counters.clone(),
        })
    }
}

#[cfg(test)]
impl Hub {
    /// Creates a socket without TCP connection and session actor.
    pub(crate) fn create_test_socket(&self, caller: Caller) -> Arc<SocketHandle> {
        self.create_socket(caller, None, self.0.quota.acquire_for_test(caller.staff))
    }
}
