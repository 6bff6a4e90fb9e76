//! Dates in the hotel's time zone.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use domain::{Hotel, Stay};

/// Returns the current date in the hotel's time zone.
pub(crate) fn today(hotel: &Hotel, now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&time_zone(hotel)).date_naive()
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
    let midnight = (stay.check_out + Days::new(1)).and_time(NaiveTime::MIN);
    // Midnight does not exist if clocks are put forward then; an hour does not matter.
    midnight.and_local_timezone(time_zone(hotel)).earliest().map_or_else(|| midnight.and_utc(), |at| at.to_utc())
}

/// Returns the time zone of a hotel. Its name is validated when it is set; a name that a newer build no longer contains
/// counts as UTC.
fn time_zone(hotel: &Hotel) -> Tz {
    hotel.timezone.parse().unwrap_or(Tz::UTC)
}
