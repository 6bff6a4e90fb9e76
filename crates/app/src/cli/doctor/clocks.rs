//! Comparison of this machine's clock with the clock of another service.

use chrono::{DateTime, TimeDelta, Utc};

use crate::cli::doctor::report::{CheckResult, ok, wrong};

/// A larger difference between two clocks is a fault. WhatsApp reports whole seconds, and responses take a moment.
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::seconds(5);

/// Compares a time of this machine with the time that `service` reported for the same moment.
pub fn compare_clocks(here: DateTime<Utc>, there: DateTime<Utc>, service: &str) -> CheckResult {
    let difference = here - there;
    if difference.abs() <= MAX_CLOCK_DIFFERENCE {
        return ok(format!("it agrees with that of {service}, to {} s", MAX_CLOCK_DIFFERENCE.num_seconds()));
    }
    let seconds = difference.num_seconds().abs();
    let direction = if difference > TimeDelta::zero() { "ahead of" } else { "behind" };
    wrong(format!(
        "it is {seconds} s {direction} that of {service}: set the clocks by NTP. The 24-hour window, sessions and \
         retries depend on them"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::report::CheckState;

    #[test]
    fn the_difference_of_clocks_has_a_direction() {
        let now = Utc::now();
        assert_eq!(compare_clocks(now, now + TimeDelta::seconds(5), "X").state, CheckState::Ok);
        let ahead = compare_clocks(now, now - TimeDelta::seconds(90), "X");
        assert!(ahead.state == CheckState::Wrong && ahead.sentence.contains("90 s ahead of that of X"), "{ahead:?}");
        let behind = compare_clocks(now, now + TimeDelta::seconds(90), "X");
        assert!(behind.sentence.contains("90 s behind"), "{behind:?}");
    }
}
