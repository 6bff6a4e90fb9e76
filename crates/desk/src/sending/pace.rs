//! How fast WhatsApp lets messages go: kept before it complains.

use std::{num::NonZeroU32, time::Duration};

use domain::ConversationId;
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};

/// Messages of a number within a second: of the 80 that are allowed, guests' own count as well.
const A_SECOND: NonZeroU32 = NonZeroU32::new(60).unwrap();
/// Between two messages to a guest, in the long run.
const APART: Duration = Duration::from_secs(6);
/// Messages to a guest that may go at once: fewer than the 45 that are allowed.
const BURST: NonZeroU32 = NonZeroU32::new(30).unwrap();
/// After so many turns it is forgotten to whom nothing went for long.
const TIDY: u32 = 1000;

/// The pace of one number.
pub(super) struct Pace {
    number: DefaultDirectRateLimiter,
    pairs: DefaultKeyedRateLimiter<ConversationId>,
    turns: u32,
}

impl Pace {
    pub(super) fn new() -> Self {
        let apart = Quota::with_period(APART).unwrap_or(Quota::per_minute(BURST));
        Self {
            // One after another: a whole second's at once would be a burst.
            number: RateLimiter::direct(Quota::per_second(A_SECOND).allow_burst(NonZeroU32::MIN.saturating_add(9))),
            pairs: RateLimiter::keyed(apart.allow_burst(BURST)),
            turns: 0,
        }
    }

    /// Takes a turn for a message of a conversation, or says how long to wait for one.
    pub(super) fn take(&mut self, of: ConversationId) -> Result<(), Duration> {
        self.turns += 1;
        if self.turns.is_multiple_of(TIDY) {
            self.pairs.retain_recent();
        }
        // The pair first: one that has to wait must not take a turn of the number's.
        self.pairs.check_key(&of).map_err(|not| not.wait_time_from(self.pairs.clock().now()))?;
        self.number.check().map_err(|not| not.wait_time_from(self.number.clock().now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_gets_a_burst_and_then_waits() {
        let mut pace = Pace::new();
        let mut taken = 0;
        let waits = loop {
            match pace.take(ConversationId(1)) {
                Ok(()) => taken += 1,
                Err(wait) if wait < Duration::from_secs(1) => std::thread::sleep(wait),
                Err(wait) => break wait,
            }
        };
        assert!((25..=35).contains(&taken), "{taken}");
        assert!(waits > Duration::from_secs(1) && waits <= APART, "{waits:?}");
        assert!(matches!(pace.take(ConversationId(2)), Ok(())));
    }
}
