//! Stays: bookings of guests, with their days, check-in and check-out.

mod email;
mod status_words;

pub use email::{BadEmail, EmailAddress};

use std::fmt;

use chrono::{DateTime, Days, NaiveDate, Utc};
use strum::{IntoStaticStr, VariantArray, VariantNames};

use crate::{
    conversation::Status,
    guest::GuestNote,
    ids::{ConversationId, DepartmentId, GuestId, HotelId, StayId},
    language_tag::LanguageTag,
    phone::PhoneNumber,
    staff::Reach,
    text::Name,
};

/// One booking of one guest, or one part of a booking that has several rooms or guests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stay {
    /// Id of the stay, unique over all hotels.
    pub id: StayId,
    /// The hotel that owns the stay.
    pub hotel: HotelId,
    /// The guest of the stay: the one whom a link names, else the one of the phone number; `None` without both.
    pub guest: Option<GuestId>,
    /// The link to the guest of a conversation, if staff have made one.
    pub link: Option<StayLink>,
    /// Reservation code of the booking system, unique in the hotel together with the part.
    pub reservation_code: Name,
    /// Number of the part of the booking.
    pub part: BookingPart,
    /// Name of the guest on the booking.
    pub guest_name: Name,
    /// Phone number of the guest on the booking, if known.
    pub guest_phone: Option<PhoneNumber>,
    /// Number or name of the guest's room, if assigned.
    pub room_number: Option<Name>,
    /// First and last day of the stay, in the hotel's time zone.
    pub days: StayDays,
    /// E-mail address of the guest on the booking.
    pub email: Option<EmailAddress>,
    /// Language of the guest on the booking.
    pub language: Option<LanguageTag>,
    /// What the booking says about the stay.
    pub note: Option<GuestNote>,
    /// Time when the guest was checked in, if recorded.
    pub checked_in_at: Option<DateTime<Utc>>,
    /// Time when the guest was checked out, if recorded.
    pub checked_out_at: Option<DateTime<Utc>>,
    /// The reason for which the stay does not take place; `None` for all other stays, and always after a check-in.
    pub cancellation: Option<Cancellation>,
}

/// The link of a stay to the guest of a conversation, made by staff: this guest is the stay's, whatever phone number the
/// booking has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StayLink {
    /// The guest whose conversation became the stay's by the link, and to whom it returns when the link ends. `None` if
    /// the stay had a conversation of its own.
    pub conversation_lender: Option<GuestId>,
}

/// First and last day of a stay; the last is not before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "UncheckedDays"))]
pub struct StayDays {
    first: NaiveDate,
    last: NaiveDate,
}

/// The days in JSON, before they are checked.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct UncheckedDays {
    first: NaiveDate,
    last: NaiveDate,
}

#[cfg(feature = "serde")]
impl TryFrom<UncheckedDays> for StayDays {
    type Error = DaysReversed;

    fn try_from(days: UncheckedDays) -> Result<Self, DaysReversed> {
        Self::new(days.first, days.last)
    }
}

impl StayDays {
    /// Checks the days. Fails if the last day is before the first; both may be the same day.
    pub fn new(first: NaiveDate, last: NaiveDate) -> Result<Self, DaysReversed> {
        if last < first { Err(DaysReversed) } else { Ok(Self { first, last }) }
    }

    /// A stay of this many nights: one more day than nights.
    pub fn nights(first: NaiveDate, nights: u64) -> Self {
        Self { first, last: first.checked_add_days(Days::new(nights)).unwrap_or(NaiveDate::MAX) }
    }

    /// The day of the arrival.
    pub fn first(self) -> NaiveDate {
        self.first
    }

    /// The day of the departure.
    pub fn last(self) -> NaiveDate {
        self.last
    }
}

/// Number of a part of a booking: 1 to 9,999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "i64"))]
pub struct BookingPart(i32);

/// Error: the number is no part of a booking. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The part of a booking is a whole number from 1 to {}.", BookingPart::LAST.0)]
pub struct BadBookingPart;

impl BookingPart {
    /// The only part of most bookings.
    pub const FIRST: Self = Self(1);
    /// The greatest part number.
    pub const LAST: Self = Self(9999);

    /// Checks a number from outside.
    pub fn new(number: i64) -> Result<Self, BadBookingPart> {
        let part = i32::try_from(number).map(Self).map_err(|_| BadBookingPart)?;
        if (Self::FIRST..=Self::LAST).contains(&part) { Ok(part) } else { Err(BadBookingPart) }
    }

    /// The number.
    pub fn get(self) -> i32 {
        self.0
    }
}

impl TryFrom<i64> for BookingPart {
    type Error = BadBookingPart;

    fn try_from(number: i64) -> Result<Self, BadBookingPart> {
        Self::new(number)
    }
}

impl fmt::Display for BookingPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why the guest of a stay does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Cancellation {
    /// The booking was cancelled.
    Cancelled,
    /// The guest did not arrive.
    NoShow,
}

named_values!(Cancellation);

/// Status of a stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum StayStatus {
    /// The guest has not been checked in.
    Booked,
    /// The guest has been checked in and not checked out.
    CheckedIn,
    /// The guest has been checked out.
    CheckedOut,
    /// The booking was cancelled.
    Cancelled,
    /// The guest did not arrive.
    NoShow,
}

named_values!(StayStatus);

/// A stay with its conversation, before it is known who looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StayWithConversation {
    /// The stay itself.
    pub stay: Stay,
    /// The conversation of the stay, and the department that it is routed to; `None` if the stay has none.
    pub conversation: Option<(ConversationId, Option<DepartmentId>)>,
}

/// A stay as one reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StayView {
    /// The stay itself.
    pub stay: Stay,
    /// The conversation of the stay; `None` if there is none, or if the reader may not see it.
    pub conversation: Option<ConversationId>,
}

impl StayWithConversation {
    /// The stay as a staff member sees it; `None` stands for a reader who may see no conversation, like an API key.
    pub fn seen_by(self, reach: Option<&Reach>) -> StayView {
        let hotel = self.stay.hotel;
        let is_visible = |department| reach.is_some_and(|reach| reach.covers(hotel, department));
        let conversation = self.conversation.filter(|(_, department)| is_visible(*department));
        StayView { stay: self.stay, conversation: conversation.map(|(id, _)| id) }
    }
}

/// Error: the text is not a day in the form `YYYY-MM-DD`. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Please write the day as YYYY-MM-DD.")]
pub struct BadDay;

/// Error: the last day of a stay is before the first. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The last day is before the first.")]
pub struct DaysReversed;

impl Stay {
    /// Parses a day in the form `YYYY-MM-DD`; no other form is accepted.
    pub fn parse_day(text: &str) -> Result<NaiveDate, BadDay> {
        let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| is_plain).ok_or(BadDay)
    }

    /// Status of the stay, from its cancellation, check-in and check-out.
    pub fn status(&self) -> StayStatus {
        match (self.cancellation, self.checked_in_at, self.checked_out_at) {
            (Some(Cancellation::Cancelled), ..) => StayStatus::Cancelled,
            (Some(Cancellation::NoShow), ..) => StayStatus::NoShow,
            (None, _, Some(_)) => StayStatus::CheckedOut,
            (None, Some(_), None) => StayStatus::CheckedIn,
            (None, None, None) => StayStatus::Booked,
        }
    }

    /// Whether new messages can belong to the stay: not cancelled, and checked in and not checked out, or else neither
    /// checked out nor over. `today` is the current day in the hotel's time zone, in all methods of a stay.
    pub fn is_current(&self, today: NaiveDate) -> bool {
        let is_here_or_expected = self.checked_in_at.is_some() || today <= self.days.last();
        self.cancellation.is_none() && self.checked_out_at.is_none() && is_here_or_expected
    }

    /// Whether the stay has begun: the guest was checked in or the first day has come.
    pub fn has_begun(&self, today: NaiveDate) -> bool {
        self.checked_in_at.is_some() || self.days.first() <= today
    }

    /// Whether the stay has begun, or has ended before it began: the guest is no longer expected to arrive.
    pub fn has_begun_or_ended(&self, today: NaiveDate) -> bool {
        self.has_begun(today) || self.checked_out_at.is_some() || self.cancellation.is_some()
    }

    /// Status that a conversation about this stay has while it is routed to no department.
    pub fn unrouted_status(&self, today: NaiveDate) -> Status {
        if self.has_begun_or_ended(today) { Status::Active } else { Status::Checkin }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_iso_days_are_accepted() {
        let day = NaiveDate::from_ymd_opt(2028, 2, 29).unwrap();
        assert_eq!(Stay::parse_day("2028-02-29"), Ok(day));
        for bad in
            ["", "2028-2-29", "2027-02-29", "29.02.2028", "2028-02-29T00:00", "+028-02-29", " 2028-02-29", "soon"]
        {
            assert_eq!(Stay::parse_day(bad), Err(BadDay), "{bad:?}");
        }
        let days = StayDays::new(day, day).unwrap();
        assert_eq!((days.first(), days.last(), days), (day, day, StayDays::nights(day, 0)));
        assert_eq!(StayDays::new(day, day - Days::new(1)), Err(DaysReversed));
        assert_eq!(StayDays::nights(day, 2), StayDays::new(day, day + Days::new(2)).unwrap());
    }

    #[test]
    fn a_cancelled_stay_is_never_current() {
        let day = |day| NaiveDate::from_ymd_opt(2030, 5, day).unwrap();
        let name = |text| Name::parse(text).unwrap();
        let mut stay = Stay {
            id: StayId(1),
            hotel: HotelId(1),
            guest: None,
            link: None,
            reservation_code: name("R-1"),
            part: BookingPart::FIRST,
            guest_name: name("Ana"),
            guest_phone: None,
            room_number: None,
            days: StayDays::new(day(1), day(3)).unwrap(),
            email: None,
            language: None,
            note: None,
            checked_in_at: None,
            checked_out_at: None,
            cancellation: None,
        };
        assert_eq!(
            (stay.status(), stay.is_current(day(2)), stay.is_current(day(4))),
            (StayStatus::Booked, true, false)
        );
        for (cancellation, status) in
            [(Cancellation::Cancelled, StayStatus::Cancelled), (Cancellation::NoShow, StayStatus::NoShow)]
        {
            stay.cancellation = Some(cancellation);
            assert_eq!((stay.status(), stay.is_current(day(2))), (status, false));
            assert_eq!(cancellation.as_str(), status.as_str());
        }
    }

    #[test]
    fn parts_are_counted_from_one() {
        assert_eq!((BookingPart::new(1), BookingPart::new(9999)), (Ok(BookingPart::FIRST), Ok(BookingPart::LAST)));
        for bad in [0, -1, 10_000, i64::MAX] {
            assert_eq!(BookingPart::new(bad), Err(BadBookingPart), "{bad}");
        }
    }
}
