//! How fast WhatsApp lets messages go: kept before it complains.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::GuestId;

/// Messages of a number: 60 a second of the 80 that are allowed, since guests' own count as well. One after another,
/// for a whole second's at once would be a burst.
const NUMBER: Rate = Rate { apart: TimeDelta::microseconds(16_667), burst: 10 };
/// Messages to a guest: one every six seconds in the long run, and at once fewer than the 45 that are allowed.
const PAIR: Rate = Rate { apart: TimeDelta::seconds(6), burst: 30 };
/// After so many turns it is forgotten to whom nothing went for long.
const TIDY: u32 = 1000;

/// The pace of one number.
pub(super) struct Pace {
    number: Turns,
    pairs: HashMap<GuestId, Turns>,
    turns: u32,
}

/// For what a message has to wait, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// For the number: so has every other message.
    Number(TimeDelta),
    /// For this guest.
    Pair(TimeDelta),
}

struct Rate {
    /// Between two in the long run.
    apart: TimeDelta,
    /// So many may go at once.
    burst: i32,
}

/// When the turn after those that were taken comes in the long run.
#[derive(Clone, Copy, Debug, Default)]
struct Turns(DateTime<Utc>);

impl Turns {
    /// How long to wait for a turn, if one has to.
    fn wait(&mut self, rate: &Rate, now: DateTime<Utc>) -> Option<TimeDelta> {
        // No more than a burst is ever owed: a clock that was put back must not stop everything.
        self.0 = self.0.min(now + rate.apart * rate.burst);
        Some(self.0 - rate.apart * (rate.burst - 1) - now).filter(|wait| *wait > TimeDelta::zero())
    }

    fn take(&mut self, rate: &Rate, now: DateTime<Utc>) {
        self.0 = self.0.max(now) + rate.apart;
    }
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { number: Turns::default(), pairs: HashMap::new(), turns: 0 }
    }

    /// Takes a turn for a message to a guest, in whatever conversation, or says how long to wait for one; then none is taken.
    pub(super) fn take(&mut self, of: GuestId, now: DateTime<Utc>) -> Result<(), Wait> {
        self.turns += 1;
        if self.turns.is_multiple_of(TIDY) {
            self.pairs.retain(|_, it| it.0 > now);
        }
        if let Some(wait) = self.number.wait(&NUMBER, now) {
            return Err(Wait::Number(wait));
        }
        let pair = self.pairs.entry(of).or_default();
        if let Some(wait) = pair.wait(&PAIR, now) {
            return Err(Wait::Pair(wait));
        }
        pair.take(&PAIR, now);
        self.number.take(&NUMBER, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes as many turns as there are until a time, waiting as long as is said; when each was.
    fn taken(pace: &mut Pace, of: GuestId, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let (mut now, mut taken) = (from, Vec::new());
        while now <= until {
            match pace.take(of, now) {
                Ok(()) => taken.push(now),
                Err(Wait::Number(wait) | Wait::Pair(wait)) => now += wait,
            }
        }
        taken
    }

    #[test]
    fn a_guest_gets_a_burst_and_then_one_every_six_seconds() {
        let (mut pace, start) = (Pace::new(), Utc::now());
        assert_eq!(taken(&mut pace, GuestId(1), start, start + TimeDelta::seconds(5)).len(), 30);
        let at = start + TimeDelta::seconds(5);
        assert!(matches!(pace.take(GuestId(1), at), Err(Wait::Pair(_))));
        assert_eq!(pace.take(GuestId(2), at), Ok(()), "others are not concerned");
        let later = taken(&mut pace, GuestId(1), at, start + TimeDelta::seconds(66));
        assert_eq!(later.len(), 11, "{later:?}");
    }

    #[test]
    fn a_number_never_sends_more_than_seventy_within_a_second() {
        let (mut pace, start) = (Pace::new(), Utc::now());
        let (mut now, mut times) = (start, Vec::new());
        for n in 0..600 {
            while let Err(Wait::Number(wait)) = pace.take(GuestId(n), now) {
                now += wait;
            }
            times.push(now);
        }
        assert!(times.windows(71).all(|some| some[70] - some[0] >= TimeDelta::seconds(1)));
        assert!(times[599] - start < TimeDelta::seconds(10));
    }

    #[test]
    fn who_waits_for_the_number_keeps_the_turns_with_the_guest() {
        let (mut pace, now) = (Pace::new(), Utc::now());
        for n in 0..10 {
            assert_eq!(pace.take(GuestId(n), now), Ok(()));
        }
        for _ in 0..100 {
            assert!(matches!(pace.take(GuestId(99), now), Err(Wait::Number(_))));
        }
        let later = now + TimeDelta::seconds(1);
        assert_eq!(taken(&mut pace, GuestId(99), later, later + TimeDelta::seconds(1)).len(), 30);
    }

    #[test]
    fn a_clock_that_is_put_back_stops_nothing_for_long() {
        let (mut pace, now) = (Pace::new(), Utc::now());
        taken(&mut pace, GuestId(1), now, now + TimeDelta::seconds(5));
        let before = now - TimeDelta::days(1);
        assert_eq!(taken(&mut pace, GuestId(1), before, before + TimeDelta::seconds(7)).len(), 1);
    }
}
