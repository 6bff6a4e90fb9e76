//! Reports: how many messages a hotel has, and how fast guests get an answer.

use strum::{IntoStaticStr, VariantArray, VariantNames};

/// What the rows of a report are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum ReportGrouping {
    /// The days of the hotel's time zone.
    Day,
    /// The departments that had the conversations.
    Department,
    /// The staff member who wrote or closed; for messages of guests, the assignee at that time.
    Staff,
}

named_values!(ReportGrouping);

/// The longest period of a report, in days.
pub const MAX_REPORT_DAYS: i64 = 366;

/// The numbers of a row of a report, as they are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReportFigures {
    /// Conversations in which a guest or staff wrote.
    pub conversations: i64,
    /// Messages of guests.
    pub guest_messages: i64,
    /// Messages of staff to guests that neither failed nor were taken back.
    pub staff_messages: i64,
    /// Seconds from the first message of a waiting guest to the answer, of each answer.
    pub first_responses: Vec<i64>,
    /// Seconds from the opening of a conversation to its closing by staff, of each closing.
    pub resolutions: Vec<i64>,
    /// Answers that came before they were due.
    pub within_target: i64,
    /// Waits in which no answer came before it was due.
    pub missed: i64,
}

impl ReportFigures {
    /// The share of answers that came in time among all that were due; `None` if none was due.
    pub fn share_within_target(&self) -> Option<f64> {
        let due = self.within_target + self.missed;
        (due > 0).then(|| self.within_target as f64 / due as f64)
    }
}

/// Median and 90th percentile of durations, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DurationSummary {
    /// Half of the durations are not above it.
    pub median: i64,
    /// Nine of ten durations are not above it.
    pub p90: i64,
}

impl DurationSummary {
    /// Summarises durations exactly. Between two of them the result is interpolated, as by `percentile_cont` of SQL, and
    /// rounded to the nearest second. Returns `None` without durations.
    pub fn of(durations: &[i64]) -> Option<Self> {
        let mut sorted = durations.to_vec();
        sorted.sort_unstable();
        Some(Self { median: percentile(&sorted, 50)?, p90: percentile(&sorted, 90)? })
    }
}

/// Returns a percentile of sorted durations.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let position = sorted.len().checked_sub(1)? * percent;
    let (index, rest) = (position / 100, (position % 100) as i64);
    let lower = *sorted.get(index)?;
    let upper = sorted.get(index + 1).copied().unwrap_or(lower);
    Some(lower + ((upper - lower) * rest + 50) / 100)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_are_interpolated_and_rounded() {
        let of = |durations: &[i64]| DurationSummary::of(durations).map(|it| (it.median, it.p90));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7]), Some((7, 7)));
        assert_eq!(of(&[3, 0]), Some((2, 3)));
        assert_eq!(of(&[30, 10, 20]), Some((20, 28)));
        assert_eq!(of(&(0..=100).collect::<Vec<_>>()), Some((50, 90)));
    }

    #[test]
    fn the_share_within_the_target_needs_an_answer_that_was_due() {
        let share = |within_target, missed| {
            ReportFigures { within_target, missed, ..ReportFigures::default() }.share_within_target()
        };
        assert_eq!((share(0, 0), share(3, 1), share(0, 2)), (None, Some(0.75), Some(0.0)));
    }

    proptest! {
        #[test]
        fn percentiles_are_between_the_least_and_the_greatest(durations in proptest::collection::vec(0..1_000_000i64, 1..50)) {
            let summary = DurationSummary::of(&durations).unwrap();
            let (least, greatest) = (*durations.iter().min().unwrap(), *durations.iter().max().unwrap());
            prop_assert!(least <= summary.median && summary.median <= summary.p90 && summary.p90 <= greatest);
        }
    }
}
