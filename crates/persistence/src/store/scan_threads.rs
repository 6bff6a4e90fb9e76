//! Threads for reads that scan, at a low priority: on SQLite such a read computes in this process, and would delay live
//! events on a machine with few cores.

use std::{fmt, sync::Arc, time::Duration};

#[cfg(target_os = "linux")]
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

use crate::StoreError;

/// A thread ends after this time without a scan.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// The threads of all scans of a store. Clones share them; they end when the last clone is dropped, after the scan that
/// they run.
#[derive(Clone)]
pub(crate) struct ScanThreads {
    threads: Handle,
    _runtime: Arc<OwnedRuntime>,
}

/// A runtime of which only the pool of blocking threads is used: no thread drives it.
struct OwnedRuntime(Option<Runtime>);

impl Drop for OwnedRuntime {
    fn drop(&mut self) {
        // The default would wait for the threads, which an asynchronous context must not.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for ScanThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanThreads").finish_non_exhaustive()
    }
}

impl ScanThreads {
    pub(crate) fn new(threads: u32) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(threads as usize)
            .thread_name("scan")
            .thread_keep_alive(KEEP_ALIVE)
            .on_thread_start(lower_priority)
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { threads: runtime.handle().clone(), _runtime: Arc::new(OwnedRuntime(Some(runtime))) })
    }

    /// Runs a job on one of the threads.
    pub(crate) fn spawn<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        self.threads.spawn_blocking(job)
    }
}

/// Lets the calling thread compute only while a core has nothing else to do. Linux then interrupts the thread at once for
/// any other one; with a mere nice value it would run to the end of its time slice of some milliseconds.
#[cfg(target_os = "linux")]
fn lower_priority() {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
        log::warn!("searches run at normal priority and may delay live events: the priority cannot be set: {error:?}");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use thread_priority::thread_schedule_policy;

    use super::*;

    #[tokio::test]
    async fn only_scans_run_at_low_priority() {
        let threads = ScanThreads::new(1).unwrap();
        let of_scan = threads.spawn(thread_schedule_policy).await.unwrap();
        let of_others = tokio::task::spawn_blocking(thread_schedule_policy).await.unwrap();
        assert_eq!(of_scan, Ok(ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle)));
        assert_ne!(of_others, of_scan);
    }
}
