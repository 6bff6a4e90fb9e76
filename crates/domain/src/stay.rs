//! Stays: who lives in which room, and when.

use chrono::{DateTime, NaiveDate, Utc};

use crate::{GuestId, HotelId, Name, PhoneNumber, Status, StayId};

/// A guest's stay in a hotel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Its id.
    pub id: StayId,
    /// Its hotel.
    pub hotel: HotelId,
    /// Whose it is.
    pub guest: GuestId,
    /// The booking's name for it, unique in the hotel.
    pub reservation_code: Name,
    /// The guest's name on the booking.
    pub guest_name: Name,
    /// The guest's number on the booking.
    pub guest_phone: PhoneNumber,
    /// The room.
    pub room_number: Name,
    /// The first day.
    pub check_in: NaiveDate,
    /// The last day.
    pub check_out: NaiveDate,
    /// When the guest arrived, where that was told.
    pub checked_in_at: Option<DateTime<Utc>>,
    /// When the guest left, where that was told.
    pub checked_out_at: Option<DateTime<Utc>>,
}

/// A day that cannot be read. Its display is a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Please write the day as YYYY-MM-DD.")]
pub struct BadDay;

/// Days of a stay that cannot be. Its display is a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The last day is before the first.")]
pub struct DaysReversed;

impl Stay {
    /// Reads a day, written `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`BadDay`].
    pub fn parse_day(text: &str) -> Result<NaiveDate, BadDay> {
        let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| is_plain).ok_or(BadDay)
    }

    /// Checks the days of a stay; first and last may be the same one.
    ///
    /// # Errors
    /// [`DaysReversed`].
    pub fn check_days(check_in: NaiveDate, check_out: NaiveDate) -> Result<(), DaysReversed> {
        if check_out < check_in { Err(DaysReversed) } else { Ok(()) }
    }

    /// Whether it is a current one, `today` being the day in the hotel's time zone: checked in
    /// and not out; else not checked out and not over.
    pub fn is_current(&self, today: NaiveDate) -> bool {
        self.checked_out_at.is_none() && (self.checked_in_at.is_some() || today <= self.check_out)
    }

    /// Whether it has begun: the guest was checked in, or the day of arrival has come.
    pub fn has_begun(&self, today: NaiveDate) -> bool {
        self.checked_in_at.is_some() || self.check_in <= today
    }

    /// Whether it has begun or is over: its guest is not awaited any more.
    pub fn has_begun_or_ended(&self, today: NaiveDate) -> bool {
        self.has_begun(today) || self.checked_out_at.is_some()
    }

    /// What a conversation of this stay is while no department has it.
    pub fn unrouted_status(&self, today: NaiveDate) -> Status {
        if self.has_begun_or_ended(today) { Status::Active } else { Status::Checkin }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_in_one_way() {
        let day = NaiveDate::from_ymd_opt(2028, 2, 29).unwrap();
        assert_eq!(Stay::parse_day("2028-02-29"), Ok(day));
        for bad in
            ["", "2028-2-29", "2027-02-29", "29.02.2028", "2028-02-29T00:00", "+028-02-29", " 2028-02-29", "soon"]
        {
            assert_eq!(Stay::parse_day(bad), Err(BadDay), "{bad:?}");
        }
        assert_eq!(Stay::check_days(day, day), Ok(()));
        assert_eq!(Stay::check_days(day, day - chrono::Days::new(1)), Err(DaysReversed));
    }
}
