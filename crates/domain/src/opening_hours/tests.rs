//! Rules of opening hours: parsing, DST, spans over midnight, closed weeks.

use chrono::Timelike;
use proptest::prelude::*;

use super::*;

const BERLIN: Tz = Tz::Europe__Berlin;

fn hours(days: &[(&str, &[(&str, &str)])]) -> Result<OpeningHours, BadHours> {
    let spans = |spans: &[(&str, &str)]| spans.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    OpeningHours::parse(days.iter().map(|(day, of)| ((*day).to_owned(), spans(of))).collect())
}

fn every_day(spans: &[(&str, &str)]) -> OpeningHours {
    hours(&OpeningHours::DAYS.map(|day| (day, spans))).unwrap()
}

/// A time written in the zone of Berlin with its offset.
fn at(text: &str) -> DateTime<Utc> {
    text.parse::<DateTime<chrono::FixedOffset>>().unwrap().to_utc()
}

fn due(hours: &OpeningHours, from: &str, minutes: i64) -> Option<DateTime<Utc>> {
    hours.add_open_time(at(from), TimeDelta::minutes(minutes), BERLIN)
}

#[test]
fn written_hours_are_checked() {
    let good =
        hours(&[("mon", &[("14:00", "18:00"), ("08:00", "12:00")]), ("fri", &[("18:00", "02:00")]), ("sat", &[])]);
    let days: Vec<(&str, Vec<(String, String)>)> =
        good.unwrap().days().map(|(day, spans)| (day, spans.iter().map(DaySpan::as_texts).collect())).collect();
    let text = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        days,
        [
            ("mon", vec![text("08:00", "12:00"), text("14:00", "18:00")]),
            ("fri", vec![text("18:00", "02:00")]),
            ("sat", vec![])
        ]
    );
    assert!(hours(&[("sun", &[("00:00", "24:00")]), ("mon", &[("00:00", "24:00")])]).is_ok());
    assert!(hours(&[("mon", &[("08:00", "12:00"), ("12:00", "14:00")])]).is_ok());
    for bad in ["8:00", "08:60", "24:01", "25:00", "08:00:00", "-1:00", "+8:00", "", "noon", "08.00", "٠٨:٠٠"] {
        assert!(matches!(hours(&[("mon", &[(bad, "22:00")])]), Err(BadHours::Time(_))), "{bad}");
    }
    assert!(matches!(hours(&[("mon", &[("24:00", "08:00")])]), Err(BadHours::Time(_))));
    assert!(matches!(hours(&[("mon", &[("08:00", "08:00")])]), Err(BadHours::Empty(_))));
    for bad in ["Mon", "monday", ""] {
        assert!(matches!(hours(&[(bad, &[])]), Err(BadHours::Day(_))), "{bad}");
    }
    assert_eq!(hours(&[("mon", &[("08:00", "08:01"); 9])]), Err(BadHours::TooMany));
    for overlapping in [
        hours(&[("mon", &[("08:00", "12:00"), ("11:59", "14:00")])]),
        hours(&[("mon", &[("18:00", "02:00")]), ("tue", &[("01:00", "03:00")])]),
        hours(&[("sun", &[("18:00", "02:00")]), ("mon", &[("01:59", "03:00")])]),
    ] {
        assert!(matches!(overlapping, Err(BadHours::Overlap(_))));
    }
    assert_eq!(QuietHours::parse("22:00", "08:00").unwrap().as_texts(), text("22:00", "08:00"));
    assert!(QuietHours::parse("22:00", "22:00").is_err());
}

#[test]
fn a_target_is_counted_in_opening_hours() {
    let shop = every_day(&[("08:00", "12:00"), ("14:00", "22:00")]);
    // Inside, over a break, before the opening, after the closing.
    assert_eq!(due(&shop, "2026-07-06T09:00:00+02:00", 30), Some(at("2026-07-06T09:30:00+02:00")));
    assert_eq!(due(&shop, "2026-07-06T11:50:00+02:00", 30), Some(at("2026-07-06T14:20:00+02:00")));
    assert_eq!(due(&shop, "2026-07-06T03:00:00+02:00", 15), Some(at("2026-07-06T08:15:00+02:00")));
    assert_eq!(due(&shop, "2026-07-06T23:00:00+02:00", 15), Some(at("2026-07-07T08:15:00+02:00")));
    // A target that ends with a span ends at the closing, not at the next opening.
    assert_eq!(due(&shop, "2026-07-06T11:30:00+02:00", 30), Some(at("2026-07-06T12:00:00+02:00")));
    assert_eq!(due(&shop, "2026-07-06T12:00:00+02:00", 1), Some(at("2026-07-06T14:01:00+02:00")));
    // Twelve open hours a day: a day of target ends at the closing of the second day.
    assert_eq!(due(&shop, "2026-07-06T08:00:00+02:00", 1440), Some(at("2026-07-07T22:00:00+02:00")));
}

#[test]
fn a_span_passes_midnight_and_the_end_of_the_week() {
    let bar = hours(&[("sun", &[("18:00", "02:00")])]).unwrap();
    assert_eq!(due(&bar, "2026-07-06T01:30:00+02:00", 20), Some(at("2026-07-06T01:50:00+02:00")));
    assert_eq!(due(&bar, "2026-07-06T01:50:00+02:00", 20), Some(at("2026-07-12T18:10:00+02:00")));
    assert_eq!(bar.closed_since(at("2026-07-06T01:59:00+02:00"), BERLIN), None);
    let monday = Some(at("2026-07-06T02:00:00+02:00"));
    assert_eq!(bar.closed_since(at("2026-07-06T02:00:00+02:00"), BERLIN), monday);
    assert_eq!(bar.closed_since(at("2026-07-12T17:59:00+02:00"), BERLIN), monday);
}

#[test]
fn a_skipped_time_is_the_next_one_that_exists() {
    // On 29 March 2026 the clocks go from 02:00 to 03:00.
    let night = every_day(&[("02:30", "05:00")]);
    assert_eq!(night.closed_since(at("2026-03-29T01:59:00+01:00"), BERLIN), Some(at("2026-03-28T05:00:00+01:00")));
    assert_eq!(night.closed_since(at("2026-03-29T03:00:00+02:00"), BERLIN), None);
    assert_eq!(due(&night, "2026-03-29T00:00:00+01:00", 10), Some(at("2026-03-29T03:10:00+02:00")));
    // A span that is skipped as a whole does not occur, and one over the change is an hour shorter.
    let skipped = every_day(&[("02:10", "02:50")]);
    assert_eq!(due(&skipped, "2026-03-29T00:00:00+01:00", 10), Some(at("2026-03-30T02:20:00+02:00")));
    let long = every_day(&[("01:00", "04:00")]);
    assert_eq!(due(&long, "2026-03-29T00:00:00+01:00", 121), Some(at("2026-03-30T01:01:00+02:00")));
}

#[test]
fn a_time_that_occurs_twice_begins_at_the_first_and_ends_at_the_second() {
    // On 25 October 2026 the clocks go from 03:00 to 02:00.
    let until = every_day(&[("01:00", "02:30")]);
    assert_eq!(until.closed_since(at("2026-10-25T02:15:00+01:00"), BERLIN), None);
    assert_eq!(due(&until, "2026-10-25T01:00:00+02:00", 150), Some(at("2026-10-25T02:30:00+01:00")));
    let from = every_day(&[("02:30", "04:00")]);
    assert_eq!(from.closed_since(at("2026-10-25T02:30:00+02:00"), BERLIN), None);
    // Spans that touch at such a time count it once.
    let both = every_day(&[("01:00", "02:30"), ("02:30", "04:00")]);
    assert_eq!(due(&both, "2026-10-25T01:00:00+02:00", 240), Some(at("2026-10-25T04:00:00+01:00")));
    // A country may skip a whole day.
    let samoa = every_day(&[("08:00", "10:00")]);
    let due = samoa.add_open_time(at("2011-12-29T09:30:00-10:00"), TimeDelta::minutes(60), Tz::Pacific__Apia);
    assert_eq!(due, Some(at("2011-12-31T08:30:00+14:00")));
}

#[test]
fn the_search_ends() {
    assert_eq!(due(&hours(&[]).unwrap(), "2026-07-06T09:00:00+02:00", 1), None);
    assert_eq!(due(&hours(&[("mon", &[])]).unwrap(), "2026-07-06T09:00:00+02:00", 1), None);
    let minute = hours(&[("mon", &[("08:00", "08:01")])]).unwrap();
    assert_eq!(due(&minute, "2026-07-06T09:00:00+02:00", 52), Some(at("2027-07-05T08:01:00+02:00")));
    assert_eq!(due(&minute, "2026-07-06T09:00:00+02:00", 1440), None);
    assert_eq!(hours(&[]).unwrap().closed_since(at("2026-07-06T09:00:00+02:00"), BERLIN), Some(DateTime::UNIX_EPOCH));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Counted minute by minute: whether the clock on the wall shows a time inside of a span.
    #[test]
    fn a_target_is_the_sum_of_open_minutes(begin in 0_u16..1440, length in 60_u16..1440, start in 0_i64..366 * 1440, minutes in 1_i64..=200) {
        let text = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let (from, until) = (text(begin), text((begin + length) % 1440));
        let shop = every_day(&[(from.as_str(), until.as_str())]);
        let zone = Tz::America__New_York;
        let since = at("2026-01-01T00:00:00Z") + TimeDelta::minutes(start);
        let due = shop.add_open_time(since, TimeDelta::minutes(minutes), zone).unwrap();
        let mut open = 0;
        let mut now = since;
        while now < due {
            open += i64::from(shop.closed_since(now, zone).is_none());
            now += TimeDelta::minutes(1);
        }
        prop_assert_eq!(open, minutes);
        // Away from the two days with a change of the clock, open is what the clock on the wall shows.
        let local = since.with_timezone(&zone).naive_local();
        let minute = u16::try_from(local.hour() * 60 + local.minute()).unwrap();
        let day = local.date().to_string();
        if !["2026-03-08", "2026-03-07", "2026-11-01", "2026-10-31"].contains(&day.as_str()) {
            let is_inside = (minute + 1440 - begin) % 1440 < length;
            prop_assert_eq!(shop.closed_since(since, zone).is_none(), is_inside);
        }
    }
}
