//! Spawns the background tasks of this crate under the supervisor, which restarts them after a panic.

use desk::Supervisor;
use tokio::task::JoinHandle;

/// Spawns a supervised task on this thread. `/healthz` lists the task by this name while it is down.
pub(crate) fn spawn_supervised<F: Future<Output = ()> + 'static>(
    supervisor: &Supervisor,
    name: &'static str,
    start: impl FnMut() -> F + 'static,
) -> JoinHandle<()> {
    let supervisor = supervisor.clone();
    actix::spawn(async move { supervisor.run(name, start).await })
}
