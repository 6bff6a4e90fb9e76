//! How much may be sent: to one guest, and by one number.

use std::collections::{HashMap, VecDeque};

use crate::{
    bounded::BoundedMap,
    clock::{Millis, SECOND},
};

/// One message to a guest every so often.
const GAP: Millis = 6 * SECOND;
/// So many at once, borrowed from the time to come.
const BURST: Millis = 45;
/// Pairs that are remembered.
const MOST_PAIRS: usize = 200_000;

/// The messages of the last second of each number, and what each pair has borrowed.
pub(crate) struct Limits {
    pairs: BoundedMap<(String, String), Pair>,
    lately: HashMap<String, VecDeque<Millis>>,
}

#[derive(Default)]
struct Pair {
    /// Up to when time is borrowed.
    borrowed: Millis,
    /// Whether all was: then nothing may be sent before it is given back.
    exhausted: bool,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self { pairs: BoundedMap::new(MOST_PAIRS), lately: HashMap::new() }
    }

    /// Whether a number may send to a guest now; if so, it is counted.
    pub(crate) fn pair(&mut self, number: &str, guest: &str, now: Millis) -> bool {
        let pair = self.pairs.or_insert((number.to_owned(), guest.to_owned()), Pair::default);
        if now >= pair.borrowed {
            *pair = Pair { borrowed: now, exhausted: false };
        }
        if pair.exhausted || pair.borrowed + GAP > now + BURST * GAP {
            pair.exhausted = true;
            return false;
        }
        pair.borrowed += GAP;
        true
    }

    /// Whether a number has sent and received fewer than so many within a second; 0: any.
    pub(crate) fn throughput(&mut self, number: &str, most: usize, now: Millis) -> bool {
        let lately = self.lately(number, now);
        most == 0 || lately.len() < most
    }

    /// Counts a message of a number, sent or received.
    pub(crate) fn count(&mut self, number: &str, now: Millis) {
        self.lately(number, now).push_back(now);
    }

    fn lately(&mut self, number: &str, now: Millis) -> &mut VecDeque<Millis> {
        let lately = self.lately.entry(number.to_owned()).or_default();
        while lately.front().is_some_and(|at| *at <= now - SECOND) {
            lately.pop_front();
        }
        lately
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_paid_back_before_more_is_sent() {
        let mut limits = Limits::new();
        let sent = (0..100).filter(|_| limits.pair("n", "g", 1_000_000)).count();
        assert_eq!(sent, 45);
        assert!(limits.pair("n", "other", 1_000_000), "others are not concerned");
        assert!(!limits.pair("n", "g", 1_000_000 + 44 * GAP));
        assert!(limits.pair("n", "g", 1_000_000 + 45 * GAP));
    }

    #[test]
    fn one_every_six_seconds_may_go_on_for_ever() {
        let mut limits = Limits::new();
        assert!((0..1000).all(|n| limits.pair("n", "g", n * GAP)));
    }

    #[test]
    fn a_number_has_so_many_a_second_both_ways() {
        let mut limits = Limits::new();
        for _ in 0..80 {
            assert!(limits.throughput("n", 80, 5000));
            limits.count("n", 5000);
        }
        assert!(!limits.throughput("n", 80, 5999));
        assert!(limits.throughput("n", 0, 5999) && limits.throughput("m", 80, 5999));
        assert!(limits.throughput("n", 80, 6000));
    }
}
