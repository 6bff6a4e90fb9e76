//! Supervisor of background tasks: restarts a task that panics, with exponential backoff.

use std::{collections::BTreeSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

/// Delay before a panicked task is restarted: it doubles with each panic, from the minimum to the maximum.
const MIN_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// A task that ran for this long before it panicked is restarted after [`MIN_BACKOFF`] again.
const BACKOFF_RESET: Duration = Duration::from_secs(60);

/// Runs background tasks, and records the names of those that wait for a restart. Clones share that record.
#[derive(Clone, Debug, Default)]
pub struct Supervisor(Arc<Mutex<BTreeSet<&'static str>>>);

impl Supervisor {
    /// Runs a task until it returns. A panic is logged, and the task is started again after the backoff.
    pub async fn run<F: Future<Output = ()>>(&self, name: &'static str, mut start: impl FnMut() -> F) {
        let mut backoff = MIN_BACKOFF;
        loop {
            let started = Instant::now();
            // The panic message itself was logged by the panic hook.
            if AssertUnwindSafe(async { start().await }).catch_unwind().await.is_ok() {
                return;
            }
            if started.elapsed() >= BACKOFF_RESET {
                backoff = MIN_BACKOFF;
            }
            log::error!("the task {name} panicked; restart in {} ms", backoff.as_millis());
            self.0.lock().insert(name);
            sleep(backoff).await;
            self.0.lock().remove(name);
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    /// Returns the names of the tasks that do not run at the moment.
    pub fn not_running(&self) -> Vec<&'static str> {
        self.0.lock().iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_panicked_task_is_restarted_and_reported_until_the_restart() {
        let supervisor = Supervisor::default();
        let (starts, reported) = (Cell::new(0), Cell::new(false));
        let task = supervisor.run("maintenance", || async {
            starts.set(starts.get() + 1);
            assert!(supervisor.not_running().is_empty());
            if starts.get() < 3 {
                tokio::task::yield_now().await;
                panic!("on purpose");
            }
        });
        let watch = async {
            while starts.get() < 3 {
                if supervisor.not_running() == ["maintenance"] {
                    reported.set(true);
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(task, watch);
        assert_eq!((starts.get(), reported.get()), (3, true));
        assert!(supervisor.not_running().is_empty());
    }
}
