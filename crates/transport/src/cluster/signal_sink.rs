//! The receiving end of the cluster bus.

use domain::HotelId;
use wire::cluster_signal::ClusterSignal;

/// Takes the cluster signals of other nodes. Implemented by the registry of feeds.
pub(crate) trait SignalSink: Send + Sync {
    /// Takes a cluster signal of the node with this number; must not block. A signal for a hotel without sockets on this node is dropped.
    fn receive(&self, hotel: HotelId, node: u64, signal: ClusterSignal);
}
