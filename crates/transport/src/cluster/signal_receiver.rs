//! The listening half of the cluster bus: subscribed hotels, health of the link, and received signals. Redis and
//! PostgreSQL report here.

use std::{
    collections::HashSet,
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use domain::HotelId;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use wire::cluster_signal::SignalFromNode;

use crate::cluster::signal_sink::SignalSink;

/// State of the cluster bus that its publishing and its listening half share.
pub(super) struct LinkStatus {
    /// Number of this node in its signals, to recognize its own signals when they come back. Random, because nodes
    /// without a quota have no id.
    pub(super) node: u64,
    /// Hotels with sockets on this node; the bus subscribes to their signals.
    pub(super) hotels: watch::Sender<HashSet<HotelId>>,
    /// Notified when the bus has subscribed to a hotel. Earlier signals are lost, so feed and log have to be compared.
    pub(super) subscribed: Notify,
    health: Mutex<LinkHealth>,
    pub(super) received: AtomicU64,
}

struct LinkHealth {
    is_receiving: bool,
    is_publishing: bool,
    /// Whether the current outage of the bus is logged already.
    is_outage_logged: bool,
}

impl Default for LinkStatus {
    fn default() -> Self {
        Self {
            node: rand::random(),
            hotels: watch::Sender::default(),
            subscribed: Notify::new(),
            health: Mutex::new(LinkHealth { is_receiving: false, is_publishing: true, is_outage_logged: false }),
            received: AtomicU64::new(0),
        }
    }
}

impl LinkStatus {
    pub(super) fn is_up(&self) -> bool {
        let health = self.health.lock();
        health.is_receiving && health.is_publishing
    }

    pub(super) fn is_publishing(&self) -> bool {
        self.health.lock().is_publishing
    }

    pub(super) fn record_publish(&self, result: Result<(), &str>) {
        self.update_health(|health| health.is_publishing = result.is_ok(), result.err());
    }

    /// Changes the health of the bus, and logs the begin and the end of an outage once each.
    fn update_health(&self, change: impl FnOnce(&mut LinkHealth), failure: Option<&str>) {
        let mut health = self.health.lock();
        change(&mut health);
        let is_up = health.is_receiving && health.is_publishing;
        match failure {
            Some(cause) if !mem::replace(&mut health.is_outage_logged, true) => {
                log::warn!(
                    "the cluster bus is unavailable ({cause}); retrying, meanwhile events of other nodes arrive up to \
                     a second late"
                );
            }
            None if is_up && mem::take(&mut health.is_outage_logged) => {
                log::info!("the cluster bus is available again")
            }
            _ => {}
        }
    }
}

/// Takes what the task or thread that listens on the link reports. A clone refers to the same state.
#[derive(Clone)]
pub(super) struct SignalReceiver {
    status: Arc<LinkStatus>,
    sink: Arc<dyn SignalSink>,
}

impl SignalReceiver {
    pub(super) fn new(status: Arc<LinkStatus>, sink: Arc<dyn SignalSink>) -> Self {
        Self { status, sink }
    }

    /// Returns a watch on the set of hotels to subscribe to, which reports a change now and whenever the set changes.
    pub(super) fn hotels(&self) -> watch::Receiver<HashSet<HotelId>> {
        let mut hotels = self.status.hotels.subscribe();
        hotels.mark_changed();
        hotels
    }

    /// Passes a cluster signal on, unless this node has sent it. Unknown signals, of nodes with another version, are
    /// dropped.
    pub(super) fn receive(&self, hotel: HotelId, text: &str) {
        let Some(SignalFromNode { node, signal }) = SignalFromNode::from_json(text) else {
            return log::debug!("hotel {hotel}: dropped a cluster signal of an unknown kind");
        };
        if node == self.status.node {
            return;
        }
        self.status.received.fetch_add(1, Relaxed);
        self.sink.receive(hotel, node, signal);
    }

    /// Records that the bus has subscribed to all current hotels.
    pub(super) fn record_subscribed(&self) {
        // After an outage of the cluster bus, publishing is assumed to work until it fails.
        let change = |health: &mut LinkHealth| {
            health.is_publishing |= !health.is_receiving;
            health.is_receiving = true;
        };
        self.status.update_health(change, None);
        self.status.subscribed.notify_one();
    }

    pub(super) fn record_disconnected(&self, cause: &str) {
        self.status.update_health(|health| health.is_receiving = false, Some(cause));
    }
}
