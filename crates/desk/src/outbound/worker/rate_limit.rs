//! Rate limits of WhatsApp, enforced before WhatsApp rejects a message: one token bucket per WhatsApp number, and one
//! per guest.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::GuestId;

/// Rate limit of one WhatsApp number: 60 messages per second of the 80 that WhatsApp allows, because guests' messages
/// count as well. The burst is small, so that the messages are spread over the second.
const NUMBER_LIMIT: Rate = Rate { interval: TimeDelta::microseconds(16_667), burst: 10 };
/// Rate limit of one guest: one message every six seconds, with a burst below the 45 that WhatsApp allows.
const GUEST_LIMIT: Rate = Rate { interval: TimeDelta::seconds(6), burst: 30 };
/// Calls of [`RateLimiter::acquire`] after which the full token buckets of guests are removed.
const CLEANUP_INTERVAL: u32 = 1000;

/// The rate limiter of one WhatsApp number, with a token bucket for the number and one for each guest.
pub(super) struct RateLimiter {
    number: TokenBucket,
    guests: HashMap<GuestId, TokenBucket>,
    calls: u32,
}

/// The rate limit that was reached, and the time until a permit is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RateLimited {
    /// The limit of the WhatsApp number is reached, so none of its messages can be sent.
    Number(TimeDelta),
    Guest(TimeDelta),
}

struct Rate {
    /// Average time between two permits of a token bucket.
    interval: TimeDelta,
    /// Permits of a token bucket that are available at once after a pause.
    burst: i32,
}

/// A token bucket (GCRA): the time at which the next permit would be due at the average rate. The bucket is full if
/// that time is past.
#[derive(Clone, Copy, Debug, Default)]
struct TokenBucket(DateTime<Utc>);

impl TokenBucket {
    /// Returns the time until this bucket has a permit; `None` if it has one now.
    fn delay(&mut self, rate: &Rate, now: DateTime<Utc>) -> Option<TimeDelta> {
        // If the clock was put back, the delay is at most that of an empty bucket.
        self.0 = self.0.min(now + rate.interval * rate.burst);
        Some(self.0 - rate.interval * (rate.burst - 1) - now).filter(|delay| *delay > TimeDelta::zero())
    }

    fn take(&mut self, rate: &Rate, now: DateTime<Utc>) {
        self.0 = self.0.max(now) + rate.interval;
    }
}

impl RateLimiter {
    pub(super) fn new() -> Self {
        Self { number: TokenBucket::default(), guests: HashMap::new(), calls: 0 }
    }

    /// Takes a permit for a message to a guest. Takes none if one of the limits is reached.
    pub(super) fn acquire(&mut self, guest: GuestId, now: DateTime<Utc>) -> Result<(), RateLimited> {
        self.calls += 1;
        if self.calls.is_multiple_of(CLEANUP_INTERVAL) {
            self.guests.retain(|_, bucket| bucket.0 > now);
        }
        if let Some(delay) = self.number.delay(&NUMBER_LIMIT, now) {
            return Err(RateLimited::Number(delay));
        }
        let bucket = self.guests.entry(guest).or_default();
        if let Some(delay) = bucket.delay(&GUEST_LIMIT, now) {
            return Err(RateLimited::Guest(delay));
        }
        bucket.take(&GUEST_LIMIT, now);
        self.number.take(&NUMBER_LIMIT, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes permits until `end`, waiting whenever the limiter demands it. Returns the times of the permits.
    fn acquire_until(
        limiter: &mut RateLimiter,
        guest: GuestId,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Vec<DateTime<Utc>> {
        let (mut now, mut permits) = (start, Vec::new());
        while now <= end {
            match limiter.acquire(guest, now) {
                Ok(()) => permits.push(now),
                Err(RateLimited::Number(delay) | RateLimited::Guest(delay)) => now += delay,
            }
        }
        permits
    }

    #[test]
    fn a_guest_gets_a_burst_and_then_one_message_every_six_seconds() {
        let (mut limiter, start) = (RateLimiter::new(), Utc::now());
        let after_burst = start + TimeDelta::seconds(5);
        assert_eq!(acquire_until(&mut limiter, GuestId(1), start, after_burst).len(), 30);
        assert!(matches!(limiter.acquire(GuestId(1), after_burst), Err(RateLimited::Guest(_))));
        assert_eq!(limiter.acquire(GuestId(2), after_burst), Ok(()), "other guests are not limited");
        let later = acquire_until(&mut limiter, GuestId(1), after_burst, start + TimeDelta::seconds(66));
        assert_eq!(later.len(), 11, "{later:?}");
    }

    #[test]
    fn a_number_sends_at_most_seventy_messages_per_second() {
        let (mut limiter, start) = (RateLimiter::new(), Utc::now());
        let (mut now, mut permits) = (start, Vec::new());
        for n in 0..600 {
            while let Err(RateLimited::Number(delay)) = limiter.acquire(GuestId(n), now) {
                now += delay;
            }
            permits.push(now);
        }
        assert!(permits.windows(71).all(|window| window[70] - window[0] >= TimeDelta::seconds(1)));
        assert!(permits[599] - start < TimeDelta::seconds(10));
    }

    #[test]
    fn the_limit_of_the_number_takes_no_permit_of_the_guest() {
        let (mut limiter, now) = (RateLimiter::new(), Utc::now());
        for n in 0..10 {
            assert_eq!(limiter.acquire(GuestId(n), now), Ok(()));
        }
        for _ in 0..100 {
            assert!(matches!(limiter.acquire(GuestId(99), now), Err(RateLimited::Number(_))));
        }
        let later = now + TimeDelta::seconds(1);
        assert_eq!(acquire_until(&mut limiter, GuestId(99), later, later + TimeDelta::seconds(1)).len(), 30);
    }

    #[test]
    fn a_clock_that_is_put_back_does_not_block_sending() {
        let (mut limiter, now) = (RateLimiter::new(), Utc::now());
        acquire_until(&mut limiter, GuestId(1), now, now + TimeDelta::seconds(5));
        let earlier = now - TimeDelta::days(1);
        let end = earlier + TimeDelta::seconds(7);
        assert_eq!(acquire_until(&mut limiter, GuestId(1), earlier, end).len(), 1);
    }
}
