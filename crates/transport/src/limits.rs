//! What one socket may do, and how long it is waited for.

use std::time::{Duration, Instant};

/// Sockets of one staff member, on all nodes together.
pub(crate) const SOCKETS_OF_ONE: i64 = 20;
/// Subscriptions of one socket.
pub(crate) const SUBSCRIPTIONS: usize = 1000;
/// Bytes of a message, its fragments together.
pub(crate) const MESSAGE_BYTES: usize = 64 * 1024;
/// What may wait for a reader.
pub(crate) const WAITING_FRAMES: usize = 1000;
/// As [`WAITING_FRAMES`], in bytes.
pub(crate) const WAITING_BYTES: usize = 1024 * 1024;
/// Answers to pings that may wait for a reader.
pub(crate) const WAITING_PONGS: usize = 256;
/// Between two heartbeats.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(25);
/// After so long without a word the socket is closed.
pub(crate) const SILENCE: Duration = Duration::from_secs(60);
/// After so long a peer that has not taken its close frame is cut off.
pub(crate) const CLOSING: Duration = Duration::from_secs(10);
/// How long after its session the line is ended: by then the close frame is with the kernel.
pub(crate) const LINGER: Duration = Duration::from_millis(200);
/// How long a client that closes waits for the commands that it gave before.
pub(crate) const LAST_COMMANDS: Duration = Duration::from_secs(5);
/// How long they are carried out beyond that: longer than a write may take.
pub(crate) const FAREWELL: Duration = Duration::from_secs(30);
/// Commands of one socket that may wait for their turn.
pub(crate) const PENDING_COMMANDS: usize = 512;
/// Sends of one socket that may be under way at once.
pub(crate) const SENDS_AT_ONCE: usize = 32;

const BURST: f64 = 300.0;
const PER_SECOND: f64 = 50.0;
const ERRORS: usize = 20;
const ERRORS_WITHIN: Duration = Duration::from_secs(60);

/// Commands: 50 a second, with bursts of 300.
#[derive(Debug)]
pub(crate) struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn new(now: Instant) -> Self {
        Self { left: BURST, at: now }
    }

    /// Takes one, if one is left.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * PER_SECOND;
        self.left = (self.left + earned).min(BURST);
        self.at = now;
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        allowed
    }
}

/// Errors of a client: the 20th within a minute is one too many.
#[derive(Debug, Default)]
pub(crate) struct ErrorWindow(Vec<Instant>);

impl ErrorWindow {
    /// Counts an error; whether the socket is to be closed.
    pub(crate) fn count(&mut self, now: Instant) -> bool {
        self.0.retain(|at| now.saturating_duration_since(*at) < ERRORS_WITHIN);
        self.0.push(now);
        self.0.len() >= ERRORS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_300_then_50_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        assert_eq!((0..400).filter(|_| bucket.take(start)).count(), 300);
        assert_eq!((0..400).filter(|_| bucket.take(start + Duration::from_secs(1))).count(), 50);
        assert_eq!((0..400).filter(|_| bucket.take(start + Duration::from_secs(3600))).count(), 300);
    }

    #[test]
    fn the_twentieth_error_within_a_minute_is_too_many() {
        let start = Instant::now();
        let mut errors = ErrorWindow::default();
        assert!((0..19).all(|_| !errors.count(start)));
        assert!(errors.count(start + Duration::from_secs(59)));
        let mut slow = ErrorWindow::default();
        assert!((0..100).all(|n| !slow.count(start + Duration::from_secs(4 * n))));
    }
}
