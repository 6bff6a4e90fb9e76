//! Bookings as staff or CSV files give them, before they are completed by the country of the hotel and by the stored stay.

use chrono::NaiveDate;
use domain::{
    LanguageTag, Name, PhoneNumber, Stay, WrittenNumber,
    guest::GuestNote,
    phone::{BadPhoneNumber, Country},
    stay::{BookingPart, EmailAddress, StayDays},
};
use numbering::CompleteNumber;
use persistence::stays::Booking;

use crate::Error;

/// A booking as staff or a CSV file give it: the phone number is not completed with a country code yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenBooking {
    /// The reservation code, unique in the hotel together with the part.
    pub reservation_code: Name,
    /// `None`: the part of the stored stay, or the first.
    pub part: Option<BookingPart>,
    pub guest_name: Name,
    pub guest_phone: Option<WrittenNumber>,
    pub room_number: Option<Name>,
    pub days: StayDays,
    pub email: Option<EmailAddress>,
    pub language: Option<LanguageTag>,
    pub note: Option<GuestNote>,
}

impl WrittenBooking {
    /// Completes the phone number of the booking by the country of the hotel. What the booking does not name keeps the
    /// value of the existing stay, whose booking `stored` is.
    pub(super) fn complete(
        &self,
        country: Option<Country>,
        stored: Option<&Booking>,
    ) -> Result<Booking, BadPhoneNumber> {
        let stored_phone = stored.and_then(|it| it.guest_phone.as_ref());
        let guest_phone = match &self.guest_phone {
            Some(written) => Some(complete_number(written, country, stored_phone)?),
            None => stored_phone.cloned(),
        };
        let note = self.note.clone().or_else(|| stored?.note.clone());
        Ok(Booking {
            reservation_code: self.reservation_code.clone(),
            part: self.part.or(stored.map(|it| it.part)).unwrap_or(BookingPart::FIRST),
            guest_name: self.guest_name.clone(),
            guest_phone,
            room_number: self.room_number.clone().or_else(|| stored?.room_number.clone()),
            days: self.days,
            email: self.email.clone().or_else(|| stored?.email.clone()),
            language: self.language.clone().or_else(|| stored?.language.clone()),
            note: note.filter(|note| !note.as_str().is_empty()),
        })
    }
}

/// Completes a phone number by the country of the hotel. A number that repeats the stored one is valid even if it would
/// be refused today.
fn complete_number(
    written: &WrittenNumber,
    country: Option<Country>,
    stored: Option<&PhoneNumber>,
) -> Result<PhoneNumber, BadPhoneNumber> {
    written.complete(country).or_else(|reason| stored.filter(|it| written.repeats(it)).cloned().ok_or(reason))
}

/// A change of a stay; a field that is `None` keeps its value, and `Some(None)` removes it.
#[derive(Clone, Debug, Default)]
pub struct StayChange {
    /// The new reservation code, unique in the hotel together with the part.
    pub reservation_code: Option<Name>,
    pub part: Option<BookingPart>,
    pub guest_name: Option<Name>,
    pub guest_phone: Option<Option<WrittenNumber>>,
    pub room_number: Option<Option<Name>>,
    pub check_in: Option<NaiveDate>,
    pub check_out: Option<NaiveDate>,
    pub email: Option<Option<EmailAddress>>,
    pub language: Option<Option<LanguageTag>>,
    pub note: Option<Option<GuestNote>>,
}

impl StayChange {
    pub(super) fn apply(&self, stay: &Stay, country: Option<Country>) -> Result<Booking, Error> {
        let guest_phone = match &self.guest_phone {
            Some(Some(written)) => {
                Some(complete_number(written, country, stay.guest_phone.as_ref()).map_err(invalid_phone)?)
            }
            Some(None) => None,
            None => stay.guest_phone.clone(),
        };
        let (first, last) = (stay.days.first(), stay.days.last());
        let days = StayDays::new(self.check_in.unwrap_or(first), self.check_out.unwrap_or(last))
            .map_err(|error| Error::invalid("check_out", error.to_string()))?;
        let note = self.note.as_ref().unwrap_or(&stay.note).clone();
        Ok(Booking {
            reservation_code: self.reservation_code.as_ref().unwrap_or(&stay.reservation_code).clone(),
            part: self.part.unwrap_or(stay.part),
            guest_name: self.guest_name.as_ref().unwrap_or(&stay.guest_name).clone(),
            guest_phone,
            room_number: self.room_number.as_ref().unwrap_or(&stay.room_number).clone(),
            days,
            email: self.email.as_ref().unwrap_or(&stay.email).clone(),
            language: self.language.as_ref().unwrap_or(&stay.language).clone(),
            note: note.filter(|note| !note.as_str().is_empty()),
        })
    }
}

pub(super) fn invalid_phone(reason: BadPhoneNumber) -> Error {
    Error::invalid("guest_phone", reason.to_string())
}
