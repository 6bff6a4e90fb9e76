//! The lock-wait writer: runs jobs that wait long for a row lock held by another transaction.
//!
//! It has a connection of its own and runs one job at a time, so that the writes of other hotels do not wait. Jobs of
//! one hotel keep their order: later jobs queue behind one that waits here.

use std::{io, thread, time::Duration};

use crate::store::{
    commit::OnCommit,
    connection::DbUrl,
    group_commit::Writer,
    lock_wait_queue::{LockWaitJobs, LockWaitQueue, lock_wait_queue},
};

/// How long a job waits for a row lock. Shorter than the timeout of its result, so that the caller receives the cause.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts the thread of the lock-wait writer. Returns `None` for SQLite, which has no row locks.
pub(crate) fn start(name: String, url: &DbUrl, on_commit: OnCommit) -> io::Result<Option<LockWaitQueue>> {
    if matches!(url, DbUrl::Sqlite(_)) {
        return Ok(None);
    }
    let (queue, jobs) = lock_wait_queue();
    let writer = Writer::new(url.clone(), on_commit, LOCK_TIMEOUT, None);
    thread::Builder::new().name(name).spawn(move || run_jobs(writer, jobs))?;
    Ok(Some(queue))
}

fn run_jobs(mut writer: Writer, mut jobs: LockWaitJobs) {
    while let Some(job) = jobs.next() {
        let key = job.key();
        writer.run(vec![job], !jobs.is_empty());
        jobs.mark_finished(key);
        if jobs.is_empty() {
            // The lock-wait writer is seldom needed, and the connections of PostgreSQL are limited.
            writer.disconnect();
        }
    }
}
