//! Opening hours of departments and quiet hours of hotels. They are local times in the hotel's time zone. A local time
//! that daylight saving skips counts as the next one that exists; of a local time that occurs twice, a span begins at the
//! first and ends at the second.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, MappedLocalTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// Minutes of a day by the clock.
const MINUTES_PER_DAY: u16 = 24 * 60;
/// Minutes of a week by the clock.
const MINUTES_PER_WEEK: u16 = 7 * MINUTES_PER_DAY;
/// The longest time that can be skipped by a change of the clock: a whole day, when a country crosses the date line.
const MAX_SKIPPED_MINUTES: u16 = MINUTES_PER_DAY;
/// How many days after a guest's message the end of a target is searched; bounds the work for a department that is
/// hardly ever open.
const MAX_SEARCHED_DAYS: u64 = 366;
/// How many days back the begin of a closing is searched: a week by the clock, and more for changes of the clock.
const MAX_CLOSED_DAYS: u64 = 15;

/// A time of the day to the minute, from 00:00 to 24:00, which is the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
pub struct DayTime(u16);

impl DayTime {
    /// Parses a time written as `08:00`.
    pub fn parse(text: &str) -> Result<Self, BadHours> {
        let bad = || BadHours::Time(text.chars().take(20).collect());
        let (hour, minute) = text.split_once(':').ok_or_else(bad)?;
        let number = |text: &str| {
            let is_number = text.len() == 2 && text.bytes().all(|it| it.is_ascii_digit());
            if is_number { text.parse::<u16>().map_err(|_| bad()) } else { Err(bad()) }
        };
        let (hour, minute) = (number(hour)?, number(minute)?);
        let time = Self(hour * 60 + minute);
        if minute < 60 && time.0 <= MINUTES_PER_DAY { Ok(time) } else { Err(bad()) }
    }
}

parsers!(DayTime: BadHours);

impl From<DayTime> for String {
    fn from(time: DayTime) -> Self {
        time.to_string()
    }
}

impl std::fmt::Display for DayTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A span of a day that begins at one time and ends at another; if that is not later, on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "(String, String)", into = "(String, String)"))]
pub struct DaySpan {
    from: DayTime,
    until: DayTime,
}

impl DaySpan {
    /// Parses begin and end of a span. Fails if they are the same time.
    pub fn parse(from: &str, until: &str) -> Result<Self, BadHours> {
        let span = Self { from: DayTime::parse(from)?, until: DayTime::parse(until)? };
        if span.from.0 == MINUTES_PER_DAY {
            return Err(BadHours::Time(from.to_owned()));
        }
        if span.from == span.until { Err(BadHours::Empty(span.from)) } else { Ok(span) }
    }

    /// The minute of the first day at which the span ends; beyond its end if the span passes midnight.
    fn end(self) -> u16 {
        if self.until > self.from { self.until.0 } else { self.until.0 + MINUTES_PER_DAY }
    }

    /// Begin and end of the span that begins on this day.
    fn on(self, day: NaiveDate, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
        (at_local(day, self.from.0, zone, Edge::Begin), at_local(day, self.end(), zone, Edge::End))
    }

    /// Begin and end as written, such as `("08:00", "22:00")`.
    pub fn as_texts(&self) -> (String, String) {
        (self.from.to_string(), self.until.to_string())
    }
}

impl TryFrom<(String, String)> for DaySpan {
    type Error = BadHours;

    fn try_from((from, until): (String, String)) -> Result<Self, BadHours> {
        Self::parse(&from, &until)
    }
}

impl From<DaySpan> for (String, String) {
    fn from(span: DaySpan) -> Self {
        span.as_texts()
    }
}

/// Reason for refusing opening or quiet hours. Displays as a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHours {
    /// A key is no day of the week.
    #[error("{0:?} is no day. The days are mon, tue, wed, thu, fri, sat and sun.")]
    Day(String),
    /// A text is no time of the day.
    #[error("{0:?} is no time. Write times from 00:00 to 23:59; an end may also be 24:00.")]
    Time(String),
    /// A span ends when it begins.
    #[error("{0} to {0} is no span: begin and end must differ. A whole day is 00:00 to 24:00.")]
    Empty(DayTime),
    /// A day has more spans than allowed.
    #[error("A day has at most {} spans.", OpeningHours::MAX_SPANS)]
    TooMany,
    /// Two spans contain the same time.
    #[error("Two spans of {0} overlap, or one begins before that of the day before has ended.")]
    Overlap(&'static str),
}

/// The days of the week in sentences for people.
const DAY_NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Opening hours as they are written: the spans of each named day, with begin and end.
pub type WrittenHours = BTreeMap<String, Vec<(String, String)>>;

/// The hours in which a department is open, by the day of the week.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "WrittenHours", into = "WrittenHours"))]
pub struct OpeningHours {
    /// From Monday to Sunday; `None` if the day is not named. Both an unnamed and an empty day are closed.
    days: [Option<Vec<DaySpan>>; 7],
}

impl OpeningHours {
    /// The names of the days, from Monday.
    pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    /// The most spans of a day.
    pub const MAX_SPANS: usize = 8;

    /// Validates the spans of the days, each with begin and end.
    pub fn parse(written: WrittenHours) -> Result<Self, BadHours> {
        let mut hours = Self::default();
        for (name, spans) in written {
            let position = Self::DAYS.iter().position(|it| **it == name);
            let day = position.and_then(|it| hours.days.get_mut(it));
            let day = day.ok_or_else(|| BadHours::Day(name.chars().take(20).collect()))?;
            if spans.len() > Self::MAX_SPANS {
                return Err(BadHours::TooMany);
            }
            let mut spans =
                spans.iter().map(|(from, until)| DaySpan::parse(from, until)).collect::<Result<Vec<_>, _>>()?;
            spans.sort_unstable();
            *day = Some(spans);
        }
        hours.ensure_disjoint()?;
        Ok(hours)
    }

    /// Fails if two spans overlap; Sunday's may reach into Monday.
    fn ensure_disjoint(&self) -> Result<(), BadHours> {
        let mut week = Vec::new();
        for ((name, day), begin) in DAY_NAMES.iter().zip(&self.days).zip((0..).step_by(MINUTES_PER_DAY.into())) {
            week.extend(day.iter().flatten().map(|it| (begin + it.from.0, begin + it.end(), *name)));
        }
        let Some((first, _, first_day)) = week.first().copied() else { return Ok(()) };
        let next = week.iter().skip(1).copied().chain([(first + MINUTES_PER_WEEK, 0, first_day)]);
        match week.iter().zip(next).find(|((_, end, _), (begin, _, _))| begin < end) {
            Some((_, (_, _, day))) => Err(BadHours::Overlap(day)),
            None => Ok(()),
        }
    }

    /// The named days with their spans, from Monday.
    pub fn days(&self) -> impl Iterator<Item = (&'static str, &[DaySpan])> {
        Self::DAYS.into_iter().zip(&self.days).filter_map(|(name, spans)| Some((name, spans.as_deref()?)))
    }

    /// The spans that begin on a day, ordered by time. A span that daylight saving skips as a whole is left out.
    fn spans_on(&self, day: NaiveDate, zone: Tz) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
        let of_day = self.days.get(day.weekday().num_days_from_monday() as usize).into_iter().flatten().flatten();
        of_day.map(move |span| span.on(day, zone)).filter(|(begin, end)| begin < end)
    }

    /// Returns the time at which the department has been open for so long since `from`. `None` if that takes more than a
    /// year.
    pub fn add_open_time(&self, from: DateTime<Utc>, duration: TimeDelta, zone: Tz) -> Option<DateTime<Utc>> {
        if self.days().all(|(_, spans)| spans.is_empty()) {
            return None;
        }
        // A span of the day before may reach into this day.
        let mut day = from.with_timezone(&zone).date_naive().pred_opt()?;
        let (mut left, mut counted_until) = (duration, from);
        for _ in 0..=MAX_SEARCHED_DAYS {
            for (begin, end) in self.spans_on(day, zone) {
                let begin = begin.max(counted_until);
                if begin >= end {
                    continue;
                }
                if end - begin >= left {
                    return Some(begin + left);
                }
                left -= end - begin;
                counted_until = end;
            }
            day = day.succ_opt()?;
        }
        None
    }

    /// Returns since when the department has been closed: the end of the last span before `at`, or the begin of 1970 if
    /// there was none for weeks. `None` if the department is open.
    pub fn closed_since(&self, at: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let today = at.with_timezone(&zone).date_naive();
        let mut latest_end = None;
        for days in 0..=MAX_CLOSED_DAYS {
            let Some(day) = today.checked_sub_days(Days::new(days)) else { break };
            for (begin, end) in self.spans_on(day, zone) {
                if begin <= at && at < end {
                    return None;
                }
                latest_end = latest_end.max(Some(end).filter(|end| *end <= at));
            }
            // A span of the day before may reach into a day, none of an earlier one.
            if days > 0 && latest_end.is_some() {
                break;
            }
        }
        Some(latest_end.unwrap_or(DateTime::UNIX_EPOCH))
    }
}

impl TryFrom<WrittenHours> for OpeningHours {
    type Error = BadHours;

    fn try_from(written: WrittenHours) -> Result<Self, BadHours> {
        Self::parse(written)
    }
}

impl From<OpeningHours> for WrittenHours {
    fn from(hours: OpeningHours) -> Self {
        let texts = |spans: &[DaySpan]| spans.iter().map(DaySpan::as_texts).collect();
        hours.days().map(|(day, spans)| (day.to_owned(), texts(spans))).collect()
    }
}

/// The hours of a night in which guests should not be disturbed. They refuse nothing: clients offer to send later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct QuietHours(DaySpan);

impl QuietHours {
    /// Validates begin and end; an end that is not later is on the next day.
    pub fn parse(from: &str, until: &str) -> Result<Self, BadHours> {
        DaySpan::parse(from, until).map(Self)
    }

    /// Begin and end as written, such as `("22:00", "08:00")`.
    pub fn as_texts(&self) -> (String, String) {
        self.0.as_texts()
    }
}

/// Which end of a span a local time is, if the local time occurs twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Begin,
    End,
}

/// Returns the instant of a local time, given as minutes after the begin of a day by the clock.
fn at_local(day: NaiveDate, minutes: u16, zone: Tz, edge: Edge) -> DateTime<Utc> {
    let local = day.and_time(NaiveTime::MIN) + TimeDelta::minutes(minutes.into());
    for skipped in 0..=MAX_SKIPPED_MINUTES {
        match zone.from_local_datetime(&(local + TimeDelta::minutes(skipped.into()))) {
            MappedLocalTime::Single(at) => return at.to_utc(),
            MappedLocalTime::Ambiguous(first, second) => {
                return if edge == Edge::Begin { first.to_utc() } else { second.to_utc() };
            }
            MappedLocalTime::None => {}
        }
    }
    local.and_utc()
}

#[cfg(test)]
mod tests;
