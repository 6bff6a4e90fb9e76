//! Writes the socket counts of this node to the database, and renews the node's lease there.

use std::{collections::HashMap, sync::Arc, time::Duration};

use desk::{Desk, Error, StoreError};
use domain::{NodeId, StaffId};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::cluster::connection_quota::{ConnectionQuota, QuotaBatch};

/// Interval at which this node renews its lease. After two failures the lease can still be renewed in time.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(10);
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Attempts to write a batch of socket counts: the first one fails if the row of this node was deleted and has to be
/// inserted again.
const MAX_ATTEMPTS: usize = 2;

/// Keeps the socket counts of this node in the database up to date until [`ConnectionQuota::close`], then deletes them.
pub(crate) async fn sync_quota(quota: Arc<ConnectionQuota>, desk: Desk) {
    let mut sync = QuotaSync { quota: quota.clone(), desk, node: None, was_registered: false };
    let mut renewal = interval(RENEWAL_INTERVAL);
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let result = tokio::select! {
            biased;
            _ = renewal.tick() => sync.renew().await,
            () = quota.has_changes.notified() => sync.write_batch().await,
        };
        if quota.is_closed() {
            return sync.deregister().await;
        }
        if let Err(error) = result {
            log::warn!("socket counts of this node cannot be written; retry in {} s: {error}", RETRY_DELAY.as_secs());
            sleep(RETRY_DELAY).await;
            renewal.reset_immediately();
        }
    }
}

struct QuotaSync {
    quota: Arc<ConnectionQuota>,
    desk: Desk,
    /// The id of this node. `None` before it is registered, and after its row was deleted because its lease had
    /// expired.
    node: Option<NodeId>,
    /// Whether this process was registered as a node before.
    was_registered: bool,
}

impl QuotaSync {
    async fn renew(&mut self) -> Result<(), Error> {
        if let Some(node) = self.node
            && self.desk.renew_node(node).await?
        {
            return Ok(());
        }
        self.register().await.map(drop)
    }

    /// Registers this process as a node. All its socket counts have to be written again then.
    async fn register(&mut self) -> Result<NodeId, Error> {
        self.node = None;
        let node = self.desk.register_node(!self.was_registered).await?;
        self.node = Some(node);
        self.was_registered = true;
        self.quota.mark_all_changed();
        Ok(node)
    }

    async fn write_batch(&mut self) -> Result<(), Error> {
        let mut batch = self.quota.take_batch();
        if batch.counts.is_empty() {
            return Ok(());
        }
        let remote_counts = self.write_counts(&batch).await.inspect_err(|_| {
            self.quota.mark_changed(batch.counts.iter().map(|(staff, _)| *staff));
        })?;
        for (staff, waiting) in batch.waiting.drain() {
            let remote_count = remote_counts.get(&staff).copied().unwrap_or(0);
            for reply in waiting {
                // Nobody waits for the remote count if the client has disconnected meanwhile.
                let _ = reply.send(remote_count);
            }
        }
        Ok(())
    }

    /// Writes the socket counts of this node. Returns the counts on other nodes for the staff members that wait for
    /// them.
    async fn write_counts(&mut self, batch: &QuotaBatch) -> Result<HashMap<StaffId, i64>, Error> {
        for _ in 0..MAX_ATTEMPTS {
            let node = match self.node {
                Some(node) => node,
                None => self.register().await?,
            };
            if !self.desk.save_socket_counts(node, batch.counts.clone()).await? {
                self.node = None;
                continue;
            }
            if batch.waiting.is_empty() {
                return Ok(HashMap::new());
            }
            return self.desk.count_sockets_on_other_nodes(node, batch.waiting.keys().copied().collect()).await;
        }
        Err(StoreError::Unavailable("this node is not registered".into()).into())
    }

    async fn deregister(self) {
        if let Some(node) = self.node
            && let Err(error) = self.desk.unregister_node(node).await
        {
            log::warn!("the sockets of this node count until its lease expires: {error}");
        }
    }
}
