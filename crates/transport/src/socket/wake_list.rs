//! Sockets with new frames, collected during a batch of events and woken together at its end. One write per socket and
//! batch is far cheaper than one write per frame.

use std::sync::Arc;

use bytestring::ByteString;
use parking_lot::Mutex;

use crate::socket::SocketHandle;

/// The list of sockets to wake. A feed and its subscription actors share one list.
#[derive(Clone, Default)]
pub(crate) struct WakeList(Arc<Mutex<Vec<Arc<SocketHandle>>>>);

impl WakeList {
    /// Queues a frame for a socket, whose session actor writes it after the next [`WakeList::wake_all`].
    pub(crate) fn send(&self, socket: &Arc<SocketHandle>, frame: ByteString) {
        self.send_all(socket, [frame]);
    }

    /// Queues frames for a socket, at least one, as [`WakeList::send`] does.
    pub(crate) fn send_all<F>(&self, socket: &Arc<SocketHandle>, frames: F)
    where
        F: IntoIterator<Item = ByteString, IntoIter: ExactSizeIterator>,
    {
        if socket.push(frames).is_wake_needed() {
            self.0.lock().push(socket.clone());
        }
    }

    /// Wakes the session actors of all sockets in the list. Returns their number.
    pub(crate) fn wake_all(&self) -> usize {
        let sockets = std::mem::take(&mut *self.0.lock());
        sockets.iter().for_each(|socket| socket.wake());
        sockets.len()
    }
}
