//! Starts the hub and its background tasks: cluster bus, watchdog and quota sync.

use std::time::Duration;

use desk::Desk;

use crate::{
    cluster::{bus::BusKind, quota_sync::sync_quota},
    hub::Hub,
    supervise::spawn_supervised,
    watchdog::run_watchdog,
};

impl Hub {
    /// Begins to serve sockets, and spawns bus, watchdog and quota sync on this thread. `compare_interval`: how often
    /// to compare the feeds with the logs, for commits without a signal. Call this once, in an actix system.
    pub fn start(&self, desk: Desk, bus: BusKind, compare_interval: Duration) {
        if !self.set_desk(desk.clone()) {
            return;
        }
        let supervisor = desk.supervisor().clone();
        self.bus().start(bus, self.feeds().clone(), &supervisor);
        let (hub, watched_desk) = (self.clone(), desk.clone());
        spawn_supervised(&supervisor, "watch", move || {
            run_watchdog(hub.clone(), watched_desk.clone(), compare_interval)
        });
        let quota = self.quota().clone();
        let quota_task = spawn_supervised(&supervisor, "places", move || sync_quota(quota.clone(), desk.clone()));
        self.set_quota_task(quota_task);
    }
}
