//! The clock of the simulated world: it goes as the real one does, and can be put forward.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::{sync::watch, time::sleep};

/// Milliseconds since 1970, by the simulated clock.
pub(crate) type Millis = i64;

pub(crate) const SECOND: Millis = 1000;
pub(crate) const MINUTE: Millis = 60 * SECOND;
pub(crate) const HOUR: Millis = 60 * MINUTE;
pub(crate) const DAY: Millis = 24 * HOUR;

/// Who waits looks again after so long, whatever happens.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The clock; it never goes back.
pub(crate) struct Clock {
    begun: Instant,
    epoch: Millis,
    /// By how much it was put forward.
    ahead: watch::Sender<Millis>,
}

impl Clock {
    /// One that shows the real time.
    pub(crate) fn new() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { begun: Instant::now(), epoch: millis(since_1970), ahead: watch::Sender::new(0) }
    }

    pub(crate) fn now(&self) -> Millis {
        self.epoch + millis(self.begun.elapsed()) + *self.ahead.borrow()
    }

    /// Puts it forward, and wakes all that wait for what is then past.
    pub(crate) fn advance(&self, by: Millis) {
        self.ahead.send_modify(|ahead| *ahead = ahead.saturating_add(by.max(0)));
    }

    /// Waits for a time.
    pub(crate) async fn until(&self, at: Millis) {
        let mut moved = self.ahead.subscribe();
        loop {
            let left = at - self.now();
            let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else { return };
            tokio::select! {
                () = sleep(Duration::from_millis(left).min(LOOK_AGAIN)) => {}
                // The sender is our own, so this never fails.
                _ = moved.changed() => {}
            }
        }
    }
}

/// A length of time; so long a one as does not fit is never met.
pub(crate) fn millis(it: Duration) -> Millis {
    Millis::try_from(it.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_for_days_is_woken_when_it_is_put_forward() {
        let clock = Clock::new();
        let began = clock.now();
        tokio::join!(clock.until(began + 7 * DAY), async { clock.advance(7 * DAY) });
        assert!(clock.now() >= began + 7 * DAY);
        clock.advance(-DAY);
        assert!(clock.now() >= began + 7 * DAY, "it does not go back");
    }
}
