//! Dates in the hotel's time zone.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::{Hotel, Stay};

/// Returns the current date in the hotel's time zone.
pub(crate) fn today(hotel: &Hotel, now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&hotel.zone()).date_naive()
}

/// Returns when a stay ended: the time of check-out, or midnight after the last day. Returns `None` for a current or
/// future stay, and for one that the guest did not come for.
pub(crate) fn stay_ended_at(stay: &Stay, hotel: &Hotel, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if stay.checked_out_at.is_some() {
        return stay.checked_out_at;
    }
    if stay.cancellation.is_some() || stay.is_current(today(hotel, now)) {
        return None;
    }
    Some(end_of_last_day(stay, hotel))
}

/// Returns midnight after the last day of a stay.
pub(crate) fn end_of_last_day(stay: &Stay, hotel: &Hotel) -> DateTime<Utc> {
    start_of_day(hotel, stay.days.last() + Days::new(1))
}

/// Returns the first instant of a day. Where the clocks are put forward at midnight, or a day is left out, that is the next
/// time that exists.
pub(crate) fn start_of_day(hotel: &Hotel, day: NaiveDate) -> DateTime<Utc> {
    let (midnight, zone) = (day.and_time(NaiveTime::MIN), hotel.zone());
    let quarters = (0..=4 * 48).map(|number| midnight + TimeDelta::minutes(15 * number));
    let first = quarters.filter_map(|time| time.and_local_timezone(zone).earliest()).next();
    first.map_or_else(|| midnight.and_utc(), |at| at.to_utc())
}
