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

impl Stay {
    /// Whether it is a current one, `today` being the day in the hotel's time zone: checked in
    /// and not out; else not checked out and not over.
    pub fn is_current(&self, today: NaiveDate) -> bool {
        self.checked_out_at.is_none() && (self.checked_in_at.is_some() || today <= self.check_out)
    }

    /// Whether it has begun: the guest was checked in, or the day of arrival has come.
    pub fn has_begun(&self, today: NaiveDate) -> bool {
        self.checked_in_at.is_some() || self.check_in <= today
    }

    /// What a conversation of this stay is while no department has it.
    pub fn unrouted_status(&self, today: NaiveDate) -> Status {
        if self.has_begun(today) { Status::Active } else { Status::Checkin }
    }
}
