//! The connection quota: at most 20 sockets per staff member, over all nodes.
//!
//! A node first writes its own count, with the new socket included, and then reads the counts of the other nodes. If
//! two nodes do this at the same time, at least one sees the count of the other, so the quota is never exceeded, and no
//! node waits for a lock of another. Slots that are acquired while a write is in progress share the next one
//! (`cluster/quota_sync`).

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use desk::{Error, StoreError};
use domain::StaffId;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::limits::MAX_SOCKETS_PER_STAFF;

/// Maximum number of staff members whose socket counts are written in one transaction.
const MAX_BATCH: usize = 256;

/// Counts the sockets of this node per staff member, and keeps the counts that are not in the database yet. Owned by
/// the hub.
#[derive(Default)]
pub(crate) struct ConnectionQuota {
    state: Mutex<QuotaState>,
    /// Notified when socket counts are to be written, and when the quota is closed.
    pub(super) has_changes: Notify,
}

#[derive(Default)]
struct QuotaState {
    /// Number of sockets on this node per staff member. No entry has the count 0.
    local_counts: HashMap<StaffId, i64>,
    /// Staff members whose socket count on this node is to be written to the database.
    changed: BTreeSet<StaffId>,
    /// Requests for a staff member's socket count on other nodes. These staff members are all in `changed`.
    waiting: HashMap<StaffId, Vec<oneshot::Sender<i64>>>,
    is_closed: bool,
}

/// A connection slot: the right of a staff member to one open socket. Released on drop.
pub(crate) struct ConnectionSlot {
    staff: StaffId,
    quota: Arc<ConnectionQuota>,
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut state = self.quota.state.lock();
        if let Some(count) = state.local_counts.get_mut(&self.staff) {
            *count -= 1;
            if *count == 0 {
                state.local_counts.remove(&self.staff);
            }
        }
        state.changed.insert(self.staff);
        self.quota.has_changes.notify_one();
    }
}

/// A connection slot that is counted on this node, but not compared with the other nodes yet.
struct LocalSlot {
    slot: ConnectionSlot,
    local_count: i64,
    remote_count: oneshot::Receiver<i64>,
}

/// Socket counts to write in one transaction, and the requests that wait for the counts on other nodes.
pub(super) struct QuotaBatch {
    pub(super) counts: Vec<(StaffId, i64)>,
    pub(super) waiting: HashMap<StaffId, Vec<oneshot::Sender<i64>>>,
}

impl ConnectionQuota {
    /// Acquires a connection slot. Returns `None` if the staff member has 20 sockets. Fails if the database is
    /// unavailable.
    pub(crate) async fn acquire(self: &Arc<Self>, staff: StaffId) -> Result<Option<ConnectionSlot>, Error> {
        let Some(LocalSlot { slot, local_count, remote_count }) = self.acquire_local(staff) else { return Ok(None) };
        // The sender of the remote count is dropped after a failure, which is already logged.
        let remote = remote_count.await.map_err(|_| StoreError::Unavailable("sockets cannot be counted".into()))?;
        Ok((local_count + remote <= MAX_SOCKETS_PER_STAFF).then_some(slot))
    }

    fn acquire_local(self: &Arc<Self>, staff: StaffId) -> Option<LocalSlot> {
        let (reply, remote_count) = oneshot::channel();
        let mut state = self.state.lock();
        let local_count = state.local_counts.get(&staff).map_or(1, |count| count + 1);
        if local_count > MAX_SOCKETS_PER_STAFF {
            return None;
        }
        state.local_counts.insert(staff, local_count);
        if !state.is_closed {
            state.changed.insert(staff);
            state.waiting.entry(staff).or_default().push(reply);
            self.has_changes.notify_one();
        }
        drop(state);
        Some(LocalSlot { slot: ConnectionSlot { staff, quota: self.clone() }, local_count, remote_count })
    }

    /// Acquires a connection slot without regard to other nodes.
    #[cfg(test)]
    pub(crate) fn acquire_for_test(self: &Arc<Self>, staff: StaffId) -> ConnectionSlot {
        self.acquire_local(staff).unwrap().slot
    }

    /// Refuses new connection slots. The sync task then deletes the socket counts of this node and ends.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        state.waiting.clear();
        self.has_changes.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }

    /// Takes the next batch of socket counts to write to the database.
    pub(super) fn take_batch(&self) -> QuotaBatch {
        let mut state = self.state.lock();
        let mut batch = QuotaBatch { counts: Vec::new(), waiting: HashMap::new() };
        while batch.counts.len() < MAX_BATCH
            && let Some(staff) = state.changed.pop_first()
        {
            batch.counts.push((staff, state.local_counts.get(&staff).copied().unwrap_or(0)));
            batch.waiting.extend(state.waiting.remove_entry(&staff));
        }
        if !state.changed.is_empty() {
            self.has_changes.notify_one();
        }
        batch
    }

    /// Marks the socket counts of staff members as not written, so that the next batch contains them.
    pub(super) fn mark_changed(&self, staff: impl IntoIterator<Item = StaffId>) {
        self.state.lock().changed.extend(staff);
        self.has_changes.notify_one();
    }

    pub(super) fn mark_all_changed(&self) {
        let mut state = self.state.lock();
        let all: Vec<StaffId> = state.local_counts.keys().copied().collect();
        state.changed.extend(all);
        self.has_changes.notify_one();
    }
}
