//! Timers: use cases that run at a stored time, such as an alarm. Every node runs all steps once a second.
//!
//! A step finds due rows through a partial index, and changes each by a condition, in the transaction that also stores
//! the events. If two nodes find the same row, the second one changes nothing; if a node dies before the commit, the row
//! is still due, and another node finds it within a second.

use crate::{Desk, Error};

impl Desk {
    /// Runs everything that is due. A step that fails keeps no other from running; the first error is returned.
    pub async fn run_due_timers(&self) -> Result<(), Error> {
        let steps = [
            self.end_due_snoozes().await,
            self.send_due_messages().await,
            self.raise_overdue_alarms().await,
            self.run_due_clock_refreshes().await,
        ];
        steps.into_iter().collect()
    }
}
