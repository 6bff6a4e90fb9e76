//! The simulated clock: it runs like the real one and can be advanced by a test.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::{sync::watch, time::sleep};

/// A time or a duration in milliseconds. Times are milliseconds since 1970 by the simulated clock.
pub(crate) type Millis = i64;

pub(crate) const SECOND: Millis = 1000;
pub(crate) const MINUTE: Millis = 60 * SECOND;
pub(crate) const HOUR: Millis = 60 * MINUTE;
pub(crate) const DAY: Millis = 24 * HOUR;

/// Upper limit of one sleep while waiting for a simulated time, because the system clock may be suspended meanwhile.
const MAX_SLEEP: Duration = Duration::from_secs(60);

/// A clock that never goes back. Waiting tasks are woken if it is advanced.
pub(crate) struct SimulatedClock {
    started: Instant,
    start_time: Millis,
    /// The total by which the clock was advanced.
    ahead: watch::Sender<Millis>,
}

impl SimulatedClock {
    /// Creates a simulated clock that starts with the real time.
    pub(crate) fn new() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), start_time: millis(since_1970), ahead: watch::Sender::new(0) }
    }

    pub(crate) fn now(&self) -> Millis {
        self.start_time + millis(self.started.elapsed()) + *self.ahead.borrow()
    }

    /// Advances the simulated clock. A negative value has no effect.
    pub(crate) fn advance(&self, by: Millis) {
        self.ahead.send_modify(|ahead| *ahead = ahead.saturating_add(by.max(0)));
    }

    pub(crate) async fn wait_until(&self, at: Millis) {
        let mut advanced = self.ahead.subscribe();
        loop {
            let left = at - self.now();
            let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else { return };
            tokio::select! {
                () = sleep(Duration::from_millis(left).min(MAX_SLEEP)) => {}
                // Waiting for an advance cannot fail, because `self` owns the sender.
                _ = advanced.changed() => {}
            }
        }
    }
}

pub(crate) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// Returns a random duration between a minimum and a maximum, both in milliseconds.
pub(crate) fn random_millis([min, max]: [u64; 2]) -> Millis {
    Millis::try_from(rand::random_range(min..=max.max(min))).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_waiting_task_is_woken_by_an_advance() {
        let clock = SimulatedClock::new();
        let start = clock.now();
        tokio::join!(clock.wait_until(start + 7 * DAY), async { clock.advance(7 * DAY) });
        assert!(clock.now() >= start + 7 * DAY);
        clock.advance(-DAY);
        assert!(clock.now() >= start + 7 * DAY, "the clock does not go back");
    }
}
