//! How often a feed hands out. Where many listen it rests for as long as their writing takes: what is
//! committed meanwhile then goes out in the same writes, each of which costs many times what a frame in it does.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::news::News;

/// What a socket's write takes.
const WRITE: Duration = Duration::from_micros(8);
/// A shorter rest is none: the runtime's timer tells whole milliseconds. So fewer than 125 sockets never wait.
const LEAST: Duration = Duration::from_millis(1);
/// How long what nobody follows may wait: nobody is told of it.
const UNFOLLOWED: Duration = Duration::from_secs(1);
/// For so many rests more, commits that are under way are waited for: on PostgreSQL they take long.
const PATIENCE: u32 = 3;

/// When a feed hands out next.
pub(crate) struct Pace {
    /// Not before.
    rested: Instant,
    /// Until then it waits for commits that are under way.
    patience: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        let now = Instant::now();
        Self { rested: now, patience: now }
    }
}

impl Pace {
    /// Notes that so many sockets have something to write.
    pub(crate) fn woke(&mut self, sockets: usize) {
        let rest = WRITE.saturating_mul(u32::try_from(sockets).unwrap_or(u32::MAX));
        if rest >= LEAST {
            self.rested = self.rested.max(Instant::now()) + rest;
            self.patience = self.rested + rest * PATIENCE;
        }
    }

    /// Waits for news that are due; `followed`: whether some socket subscribes to anything. A feed that gives
    /// this up, because somebody asks something, hands out what there is.
    pub(crate) async fn due(&self, news: &News, followed: bool) {
        if self.rested > Instant::now() {
            sleep_until(self.rested).await;
        }
        news.told().await;
        if !followed {
            // It passes with the time as well.
            let _ = timeout(UNFOLLOWED, news.for_all()).await;
            return;
        }
        while news.more_follows()
            && self.patience > Instant::now()
            && timeout_at(self.patience, news.told()).await.is_ok()
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

    fn carry(news: &News, seq: i64, more: bool) {
        news.carry(&Committed { events: vec![].into(), more, others: false }, Seq(seq), false);
    }

    #[tokio::test]
    async fn few_listeners_never_wait() {
        let (news, mut pace) = (News::default(), Pace::default());
        pace.woke(60);
        carry(&news, 1, true);
        assert!(pace.due(&news, true).now_or_never().is_some(), "it rested");
    }

    #[tokio::test]
    async fn what_nobody_follows_is_no_hurry() {
        let (news, pace) = (News::default(), Pace::default());
        carry(&news, 1, false);
        assert!(pace.due(&news, false).now_or_never().is_none(), "it did not rest");
        carry(&news, 2, false);
        let began = Instant::now();
        pace.due(&news, false).await;
        assert!(began.elapsed() >= UNFOLLOWED, "it did not rest");
    }

    #[tokio::test]
    async fn what_concerns_all_is_a_hurry_though_nobody_follows() {
        let (news, pace) = (News::default(), Pace::default());
        carry(&news, 1, false);
        news.reach(Seq(2), true);
        assert!(pace.due(&news, false).now_or_never().is_some(), "it rested");
        news.take();
        carry(&news, 4, false);
        news.reach(Seq(2), true);
        assert!(pace.due(&news, false).now_or_never().is_none(), "it took what was handed out for news");
        news.reach(Seq(3), true);
        assert!(pace.due(&news, false).now_or_never().is_some(), "what was told late rested");
    }

    #[tokio::test]
    async fn many_listeners_are_given_the_time_to_write() {
        let (news, mut pace) = (News::default(), Pace::default());
        let began = Instant::now();
        pace.woke(1000);
        carry(&news, 1, false);
        pace.due(&news, true).await;
        assert!(began.elapsed() >= WRITE * 1000, "it did not rest");
    }

    #[tokio::test]
    async fn what_is_being_committed_is_waited_for_but_not_for_ever() {
        let (news, mut pace) = (Arc::new(News::default()), Pace::default());
        let began = Instant::now();
        pace.woke(10_000);
        carry(&news, 1, true);
        let later = news.clone();
        let commit = tokio::spawn(async move {
            sleep_until(began + WRITE * 20_000).await;
            carry(&later, 2, true);
        });
        pace.due(&news, true).await;
        assert!(commit.is_finished(), "it did not wait for the commit");
        assert!(began.elapsed() >= WRITE * 40_000, "it took the second commit for the last one");
    }
}
