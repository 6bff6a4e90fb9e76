//! Keeps background tasks alive.

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::time::{Instant, sleep};

/// How long a task that panicked rests before it is started again; twice as long each time, up to the last.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(30);
/// A task that has run for so long begins again with the first.
const WELL: Duration = Duration::from_secs(60);

/// Starts tasks again that panicked, and knows which do not run.
#[derive(Clone, Debug, Default)]
pub struct Supervisor(Arc<Mutex<BTreeSet<&'static str>>>);

impl Supervisor {
    /// Runs a task until it returns. Whenever it panics, it is logged and started again.
    pub async fn run<F: Future<Output = ()>>(&self, name: &'static str, mut start: impl FnMut() -> F) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let began = Instant::now();
            // The panic itself is logged where it happens.
            if AssertUnwindSafe(async { start().await }).catch_unwind().await.is_ok() {
                return;
            }
            if began.elapsed() >= WELL {
                backoff = FIRST_BACKOFF;
            }
            log::error!("the task {name} panicked; it is restarted in {} ms", backoff.as_millis());
            self.stopped().insert(name);
            sleep(backoff).await;
            self.stopped().remove(name);
            backoff = (backoff * 2).min(LAST_BACKOFF);
        }
    }

    /// The tasks that do not run at this moment.
    pub fn not_running(&self) -> Vec<&'static str> {
        self.stopped().iter().copied().collect()
    }

    fn stopped(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_restarted_and_reported_until_then() {
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
