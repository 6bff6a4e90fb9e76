//! Rate limits of one socket: commands and client errors.

use std::time::{Duration, Instant};

const COMMAND_BURST: f64 = 300.0;
const COMMANDS_PER_SECOND: f64 = 50.0;
const MAX_ERRORS: usize = 20;
const ERROR_WINDOW: Duration = Duration::from_secs(60);

/// Rate limit of one socket's commands, a token bucket: 50 per second, with bursts of 300.
#[derive(Debug)]
pub(crate) struct CommandRateLimiter {
    tokens: f64,
    refilled_at: Instant,
}

impl CommandRateLimiter {
    pub(crate) fn new(now: Instant) -> Self {
        Self { tokens: COMMAND_BURST, refilled_at: now }
    }

    /// Takes a token for a command. Returns `false` if none is left.
    pub(crate) fn try_acquire(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.refilled_at).as_secs_f64() * COMMANDS_PER_SECOND;
        self.tokens = (self.tokens + earned).min(COMMAND_BURST);
        self.refilled_at = now;
        let is_allowed = self.tokens >= 1.0;
        if is_allowed {
            self.tokens -= 1.0;
        }
        is_allowed
    }
}

/// The errors that a client has caused within the last minute.
#[derive(Debug, Default)]
pub(crate) struct ErrorWindow(Vec<Instant>);

impl ErrorWindow {
    /// Counts a client error. Returns `true` if the limit is reached and the socket has to be closed.
    pub(crate) fn record(&mut self, now: Instant) -> bool {
        self.0.retain(|at| now.saturating_duration_since(*at) < ERROR_WINDOW);
        self.0.push(now);
        self.0.len() >= MAX_ERRORS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_300_commands_is_allowed_then_50_per_second() {
        let start = Instant::now();
        let mut limiter = CommandRateLimiter::new(start);
        assert_eq!((0..400).filter(|_| limiter.try_acquire(start)).count(), 300);
        assert_eq!((0..400).filter(|_| limiter.try_acquire(start + Duration::from_secs(1))).count(), 50);
        assert_eq!((0..400).filter(|_| limiter.try_acquire(start + Duration::from_secs(3600))).count(), 300);
    }

    #[test]
    fn the_twentieth_error_within_a_minute_closes_the_socket() {
        let start = Instant::now();
        let mut errors = ErrorWindow::default();
        assert!((0..19).all(|_| !errors.record(start)));
        assert!(errors.record(start + Duration::from_secs(59)));
        let mut slow = ErrorWindow::default();
        assert!((0..100).all(|n| !slow.record(start + Duration::from_secs(4 * n))));
    }
}
