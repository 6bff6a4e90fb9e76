//! Meta's rate limits: the pair rate limit (number and guest) and the throughput of a number.

use std::collections::{HashMap, VecDeque};

use crate::{
    bounded_map::BoundedMap,
    clock::{Millis, SECOND},
};

/// The interval of the pair rate limit at a sustained rate: one message per interval from a number to a guest.
const PAIR_INTERVAL: Millis = 6 * SECOND;
/// The number of messages in a burst to one guest, which borrow the intervals of later ones.
const PAIR_BURST: Millis = 45;
const MAX_PAIRS: usize = 200_000;

pub(crate) struct SimulatedRateLimits {
    pairs: BoundedMap<(String, String), PairBudget>,
    /// The times of each number's messages within the last second.
    recent: HashMap<String, VecDeque<Millis>>,
}

#[derive(Default)]
struct PairBudget {
    /// The end of the intervals that the pair's messages have used in advance.
    borrowed_until: Millis,
    /// `true` after a rejection of the pair. Then no message is accepted until all borrowed time has passed.
    is_exhausted: bool,
}

impl SimulatedRateLimits {
    pub(crate) fn new() -> Self {
        Self { pairs: BoundedMap::new(MAX_PAIRS), recent: HashMap::new() }
    }

    /// Counts a message from a number to a guest. Returns `false` if the pair rate limit is exceeded.
    pub(crate) fn try_count_pair(&mut self, number: &str, guest: &str, now: Millis) -> bool {
        let key = (number.to_owned(), guest.to_owned());
        let pair = self.pairs.get_or_insert_with(key, PairBudget::default);
        if now >= pair.borrowed_until {
            *pair = PairBudget { borrowed_until: now, is_exhausted: false };
        }
        if pair.is_exhausted || pair.borrowed_until + PAIR_INTERVAL > now + PAIR_BURST * PAIR_INTERVAL {
            pair.is_exhausted = true;
            return false;
        }
        pair.borrowed_until += PAIR_INTERVAL;
        true
    }

    /// Returns `true` if the number had fewer messages than the limit within the last second. 0 disables the limit.
    pub(crate) fn is_below_throughput(&mut self, number: &str, max_per_second: usize, now: Millis) -> bool {
        let recent = self.recent_messages(number, now);
        max_per_second == 0 || recent.len() < max_per_second
    }

    /// Counts a sent or received message of a number for the throughput limit.
    pub(crate) fn count(&mut self, number: &str, now: Millis) {
        self.recent_messages(number, now).push_back(now);
    }

    fn recent_messages(&mut self, number: &str, now: Millis) -> &mut VecDeque<Millis> {
        let recent = self.recent.entry(number.to_owned()).or_default();
        while recent.front().is_some_and(|at| *at <= now - SECOND) {
            recent.pop_front();
        }
        recent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_all_borrowed_time_must_pass() {
        let mut limits = SimulatedRateLimits::new();
        let sent = (0..100).filter(|_| limits.try_count_pair("n", "g", 1_000_000)).count();
        assert_eq!(sent, 45);
        assert!(limits.try_count_pair("n", "other", 1_000_000), "other guests are not affected");
        assert!(!limits.try_count_pair("n", "g", 1_000_000 + 44 * PAIR_INTERVAL));
        assert!(limits.try_count_pair("n", "g", 1_000_000 + 45 * PAIR_INTERVAL));
    }

    #[test]
    fn one_message_every_six_seconds_is_never_limited() {
        let mut limits = SimulatedRateLimits::new();
        assert!((0..1000).all(|n| limits.try_count_pair("n", "g", n * PAIR_INTERVAL)));
    }

    #[test]
    fn the_throughput_is_limited_per_number_and_second() {
        let mut limits = SimulatedRateLimits::new();
        for _ in 0..80 {
            assert!(limits.is_below_throughput("n", 80, 5000));
            limits.count("n", 5000);
        }
        assert!(!limits.is_below_throughput("n", 80, 5999));
        assert!(limits.is_below_throughput("n", 0, 5999) && limits.is_below_throughput("m", 80, 5999));
        assert!(limits.is_below_throughput("n", 80, 6000));
    }
}
