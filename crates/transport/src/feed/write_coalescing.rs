//! Write coalescing: after a fan-out to many sockets the feed waits for as long as their writes take. Events committed
//! meanwhile then leave in the same socket write: one write costs far more than one more frame in it.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::feed::commit_inbox::CommitInbox;

/// Estimated duration of one socket write.
const WRITE_TIME: Duration = Duration::from_micros(8);
/// Minimum wait of write coalescing: the resolution of the runtime's timer. A shorter wait is skipped, so fewer than
/// 125 sockets never wait.
const MIN_WAIT: Duration = Duration::from_millis(1);
/// Maximum delay before the feed fans out events of a hotel without subscriptions.
const UNSUBSCRIBED_DELAY: Duration = Duration::from_secs(1);
/// After the wait for socket writes, the feed waits for commits in progress for at most this many times as long.
/// Commits on PostgreSQL are slow.
const MAX_COMMIT_WAITS: u32 = 3;

/// Write coalescing: decides when the feed fans out next. Owned by the feed.
pub(crate) struct WriteCoalescer {
    not_before: Instant,
    /// Time until which the feed waits for commits in progress.
    wait_for_commits_until: Instant,
}

impl Default for WriteCoalescer {
    fn default() -> Self {
        let now = Instant::now();
        Self { not_before: now, wait_for_commits_until: now }
    }
}

impl WriteCoalescer {
    /// Records that this many sockets were woken to write; the next fan-out waits for as long as their writes take.
    pub(crate) fn record_woken(&mut self, sockets: usize) {
        let wait = WRITE_TIME.saturating_mul(u32::try_from(sockets).unwrap_or(u32::MAX));
        if wait >= MIN_WAIT {
            self.not_before = self.not_before.max(Instant::now()) + wait;
            self.wait_for_commits_until = self.not_before + wait * MAX_COMMIT_WAITS;
        }
    }

    /// Waits until the feed should fan out new events. `has_subscriptions`: a socket of the hotel subscribes to a
    /// conversation or to the inbox. If a feed request cancels the wait, the feed fans out at once.
    pub(crate) async fn wait_until_due(&self, inbox: &CommitInbox, has_subscriptions: bool) {
        if self.not_before > Instant::now() {
            sleep_until(self.not_before).await;
        }
        inbox.wait_for_change().await;
        if !has_subscriptions {
            let _ = timeout(UNSUBSCRIBED_DELAY, inbox.wait_for_event_for_all()).await;
            return;
        }
        while inbox.more_follows()
            && self.wait_for_commits_until > Instant::now()
            && timeout_at(self.wait_for_commits_until, inbox.wait_for_change()).await.is_ok()
        {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use desk::Committed;
    use domain::Seq;
    use futures_util::FutureExt;

    use super::*;

    fn push_commit(inbox: &CommitInbox, seq: i64, more: bool) {
        inbox.push(&Committed { events: vec![].into(), has_more: more, has_other_nodes: false }, Seq(seq), false);
    }

    #[tokio::test]
    async fn few_sockets_never_wait() {
        let (inbox, mut coalescer) = (CommitInbox::default(), WriteCoalescer::default());
        coalescer.record_woken(60);
        push_commit(&inbox, 1, true);
        assert!(coalescer.wait_until_due(&inbox, true).now_or_never().is_some(), "it waited");
    }

    #[tokio::test]
    async fn events_without_subscriptions_are_delayed() {
        let (inbox, coalescer) = (CommitInbox::default(), WriteCoalescer::default());
        push_commit(&inbox, 1, false);
        assert!(coalescer.wait_until_due(&inbox, false).now_or_never().is_none(), "it did not wait");
        push_commit(&inbox, 2, false);
        let start = Instant::now();
        coalescer.wait_until_due(&inbox, false).await;
        assert!(start.elapsed() >= UNSUBSCRIBED_DELAY, "it did not wait");
    }

    #[tokio::test]
    async fn events_for_all_sockets_are_not_delayed() {
        let (inbox, coalescer) = (CommitInbox::default(), WriteCoalescer::default());
        push_commit(&inbox, 1, false);
        inbox.report_head(Seq(2), true);
        assert!(coalescer.wait_until_due(&inbox, false).now_or_never().is_some(), "it waited");
        inbox.take();
        push_commit(&inbox, 4, false);
        inbox.report_head(Seq(2), true);
        assert!(coalescer.wait_until_due(&inbox, false).now_or_never().is_none(), "an old head counted as new");
        inbox.report_head(Seq(3), true);
        assert!(coalescer.wait_until_due(&inbox, false).now_or_never().is_some(), "a late signal waited");
    }

    #[tokio::test]
    async fn many_sockets_get_the_time_to_write() {
        let (inbox, mut coalescer) = (CommitInbox::default(), WriteCoalescer::default());
        let start = Instant::now();
        coalescer.record_woken(1000);
        push_commit(&inbox, 1, false);
        coalescer.wait_until_due(&inbox, true).await;
        assert!(start.elapsed() >= WRITE_TIME * 1000, "it did not wait");
    }

    #[tokio::test]
    async fn commits_in_progress_are_awaited_with_a_limit() {
        let (inbox, mut coalescer) = (Arc::new(CommitInbox::default()), WriteCoalescer::default());
        let start = Instant::now();
        coalescer.record_woken(10_000);
        push_commit(&inbox, 1, true);
        let later = inbox.clone();
        let commit = tokio::spawn(async move {
            sleep_until(start + WRITE_TIME * 20_000).await;
            push_commit(&later, 2, true);
        });
        coalescer.wait_until_due(&inbox, true).await;
        assert!(commit.is_finished(), "it did not wait for the commit in progress");
        assert!(start.elapsed() >= WRITE_TIME * 40_000, "it did not wait until the limit");
    }
}
