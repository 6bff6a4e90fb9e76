//! The cluster bus: publishes signals to the other nodes, through Redis or PostgreSQL.
//!
//! The bus only wakes other nodes. Signals carry ids and may be lost or repeated: the log in the database is the truth,
//! a feed reads there after a gap, and the watchdog compares once a second. So publishing never retries, and nothing
//! waits for it.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use desk::{DbUrl, PgNotify, Supervisor};
use domain::{HotelId, Seq};
use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout},
};
use wire::cluster_signal::{ClusterSignal, SignalFromNode};

use crate::{
    cluster::{
        pg_notify,
        redis::{self, RedisPublisher, RedisUrl},
        signal_receiver::{LinkStatus, SignalReceiver},
        signal_sink::SignalSink,
    },
    limits::BUS_TIMEOUT,
    supervise::spawn_supervised,
};

/// Minimum time between two publishes on the cluster bus. Signals of that time share one batch.
const MIN_PUBLISH_INTERVAL: Duration = Duration::from_millis(1);
/// Interval of probes: during an outage of the bus an empty batch is published this often, to notice its end.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// Maximum number of ephemeral signals that wait to be published. Further signals are dropped.
const MAX_EPHEMERAL: usize = 256;

/// The link of the cluster bus between the nodes that share a database.
#[derive(Clone)]
pub enum BusKind {
    /// No cluster bus: a SQLite database has one node.
    Alone,
    /// The cluster bus through PostgreSQL `LISTEN/NOTIFY`.
    Database(DbUrl),
    /// The cluster bus through Redis. `epoch` is a part of the channel names, because other databases may use the same
    /// Redis.
    Redis { url: RedisUrl, epoch: String },
}

/// This node's connection to the cluster bus. Owned by the hub; the publishing task is spawned by [`Bus::start`].
#[derive(Default)]
pub(crate) struct Bus {
    status: Arc<LinkStatus>,
    /// The link to the other nodes. Empty before the start, and for ever if this node is alone: then nothing is
    /// published.
    link: OnceLock<BusLink>,
    outgoing: Mutex<OutgoingSignals>,
    has_outgoing: Notify,
    published: AtomicU64,
    publish_failures: AtomicU64,
}

enum BusLink {
    PgNotify(Arc<PgNotify>),
    Redis(Box<RedisPublisher>),
}

/// Cluster signals to publish: per hotel only the newest log head, and a bounded number of ephemeral ones.
#[derive(Default)]
struct OutgoingSignals {
    heads: HashMap<HotelId, OutgoingHead>,
    ephemeral: VecDeque<(HotelId, ClusterSignal)>,
}

#[derive(Default)]
struct OutgoingHead {
    seq: Seq,
    /// Whether an event of the hotel since the last publish may concern sockets without subscriptions.
    for_all: bool,
}

/// A reading of the bus counters, which run since the start of the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct BusStats {
    /// Whether this node can publish and receive on the cluster bus; always `true` if it is alone.
    pub up: bool,
    pub published: u64,
    /// Cluster signals that could not be published, or were dropped because too many waited.
    pub publish_failures: u64,
    pub received: u64,
}

impl Bus {
    /// Connects to the cluster bus and spawns the tasks that publish and receive, on this thread. Call this once.
    pub(crate) fn start(self: &Arc<Self>, kind: BusKind, sink: Arc<dyn SignalSink>, supervisor: &Supervisor) {
        let receiver = SignalReceiver::new(self.status.clone(), sink);
        let link = match kind {
            BusKind::Alone => None,
            BusKind::Database(url) => pg_notify::connect(receiver, &url, supervisor).map(BusLink::PgNotify),
            BusKind::Redis { url, epoch } => {
                Some(BusLink::Redis(Box::new(redis::connect(receiver, url, &epoch, supervisor))))
            }
        };
        if let Some(link) = link
            && self.link.set(link).is_ok()
        {
            let bus = self.clone();
            spawn_supervised(supervisor, "bus", move || publish_signals(bus.clone()));
        }
    }

    /// Publishes the head of a hotel's log to the other nodes. `for_all`: an event may concern sockets without
    /// subscriptions.
    pub(crate) fn publish_head(&self, hotel: HotelId, seq: Seq, for_all: bool) {
        if self.link.get().is_some() {
            let mut outgoing = self.outgoing.lock();
            let head = outgoing.heads.entry(hotel).or_default();
            head.seq = seq.max(head.seq);
            head.for_all |= for_all;
            drop(outgoing);
            self.has_outgoing.notify_one();
        }
    }

    /// Publishes a typing or read indicator to the other nodes.
    pub(crate) fn publish_ephemeral(&self, hotel: HotelId, signal: ClusterSignal) {
        if self.link.get().is_none() {
            return;
        }
        let mut outgoing = self.outgoing.lock();
        if outgoing.ephemeral.len() < MAX_EPHEMERAL {
            outgoing.ephemeral.push_back((hotel, signal));
            drop(outgoing);
            self.has_outgoing.notify_one();
        } else {
            self.publish_failures.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn subscribe(&self, hotel: HotelId) {
        self.status.hotels.send_if_modified(|hotels| hotels.insert(hotel));
    }

    pub(crate) fn unsubscribe(&self, hotel: HotelId) {
        self.status.hotels.send_if_modified(|hotels| hotels.remove(&hotel));
    }

    /// Waits until the bus has subscribed to the signals of a hotel, for the first time or again after an outage.
    pub(crate) async fn wait_for_subscription(&self) {
        self.status.subscribed.notified().await;
    }

    /// Pings Redis. Returns `None` if this node does not use Redis.
    pub(crate) async fn ping_redis(&self) -> Option<bool> {
        let Some(BusLink::Redis(redis)) = self.link.get() else { return None };
        Some(matches!(timeout(BUS_TIMEOUT, redis.ping()).await, Ok(Ok(()))))
    }

    pub(crate) fn stats(&self) -> BusStats {
        BusStats {
            up: self.link.get().is_none() || self.status.is_up(),
            published: self.published.load(Relaxed),
            publish_failures: self.publish_failures.load(Relaxed),
            received: self.status.received.load(Relaxed),
        }
    }

    fn take_outgoing(&self) -> Vec<(HotelId, String)> {
        let OutgoingSignals { heads, ephemeral } = mem::take(&mut *self.outgoing.lock());
        let heads = heads
            .into_iter()
            .map(|(hotel, head)| (hotel, ClusterSignal::Head { seq: head.seq.0, for_all: head.for_all }));
        let text = |signal| SignalFromNode { node: self.status.node, signal }.to_json();
        heads.chain(ephemeral).map(|(hotel, signal)| (hotel, text(signal))).collect()
    }
}

impl BusLink {
    /// Publishes a batch of signals. An empty batch checks whether the link works.
    async fn publish(&self, batch: Vec<(HotelId, String)>) -> Result<(), String> {
        match self {
            Self::PgNotify(notices) => notices.publish(batch).await.map_err(|error| error.to_string()),
            Self::Redis(redis) => redis.publish(&batch).await,
        }
    }
}

/// Publishes the outgoing signals of this node in batches. Never returns while there is a link.
async fn publish_signals(bus: Arc<Bus>) {
    let mut next_publish = Instant::now();
    loop {
        if bus.status.is_publishing() {
            bus.has_outgoing.notified().await;
        } else {
            // Wakes up without a signal, too: an outage of the bus may end while there is nothing to publish.
            let _ = timeout(PROBE_INTERVAL, bus.has_outgoing.notified()).await;
        }
        sleep_until(next_publish).await;
        next_publish = Instant::now() + MIN_PUBLISH_INTERVAL;
        let Some(link) = bus.link.get() else { return };
        let batch = bus.take_outgoing();
        let count = batch.len() as u64;
        let result = match timeout(BUS_TIMEOUT, link.publish(batch)).await {
            Ok(result) => result,
            Err(_) => Err("timeout".to_owned()),
        };
        let counter = if result.is_ok() { &bus.published } else { &bus.publish_failures };
        counter.fetch_add(count, Relaxed);
        bus.status.record_publish(result.as_ref().copied().map_err(String::as_str));
    }
}
