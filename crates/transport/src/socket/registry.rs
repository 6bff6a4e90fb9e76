//! The registry of all open sockets of this node.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use domain::HotelId;
use parking_lot::Mutex;

use crate::socket::{SocketHandle, SocketId, send_queue::CloseCause};

#[derive(Default)]
pub(crate) struct SocketRegistry {
    sockets: Mutex<HashMap<SocketId, Arc<SocketHandle>>>,
    last_id: AtomicU64,
}

impl SocketRegistry {
    pub(crate) fn next_id(&self) -> SocketId {
        SocketId(self.last_id.fetch_add(1, Relaxed))
    }

    pub(crate) fn insert(&self, socket: &Arc<SocketHandle>) {
        self.sockets.lock().insert(socket.id, socket.clone());
    }

    pub(crate) fn remove(&self, id: SocketId) {
        self.sockets.lock().remove(&id);
    }

    pub(crate) fn all(&self) -> Vec<Arc<SocketHandle>> {
        self.sockets.lock().values().cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sockets.lock().is_empty()
    }

    pub(crate) fn close_all(&self, cause: CloseCause) {
        self.all().iter().for_each(|socket| socket.close(cause));
    }

    /// Closes all sockets of a hotel, whether or not they have joined a feed.
    pub(crate) fn close_hotel(&self, hotel: HotelId, cause: CloseCause) {
        self.all().iter().filter(|socket| socket.caller.hotel == hotel).for_each(|socket| socket.close(cause));
    }
}
