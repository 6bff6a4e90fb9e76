//! Request bodies of calls on stays.

use chrono::NaiveDate;
use domain::{
    LanguageTag, Name, WrittenNumber,
    guest::GuestNote,
    stay::{BookingPart, EmailAddress, StayDays},
};

use super::{
    body_types::NewName,
    json_body::json_body,
    presence::{Added, ClearableChange, FieldChange, NullableChange, Optional, Required},
};
use crate::field_reader::{AnyPhone, FieldReader};

json_body! {
    /// A new stay.
    pub struct NewStayBody {
        /// Reservation code of the booking system, unique in the hotel together with the part.
        reservation_code: Required<Name>,
        /// Number of the part, for a booking with several rooms or guests. Default: 1.
        part: Added<Optional<BookingPart>>,
        /// Name of the guest on the booking.
        guest_name: Required<NewName>,
        /// Phone number of the guest: with country code, or as dialled in the country of the hotel. Without one the stay
        /// has no guest and no conversation.
        guest_phone: Optional<WrittenNumber>,
        /// Number or name of the guest's room; null if none is assigned.
        room_number: Optional<Name>,
        /// First day of the stay.
        check_in: Required<NaiveDate>,
        /// Last day of the stay, not before the first.
        check_out: Required<NaiveDate>,
        /// E-mail address of the guest.
        email: Added<Optional<EmailAddress>>,
        /// Language of the guest: a tag of BCP 47.
        language: Added<Optional<LanguageTag>>,
        /// What the booking says about the stay, at most 2,000 characters.
        note: Added<Optional<GuestNote>>,
    }
    validate check_days

    /// A change of a stay. Absent fields keep their value.
    pub struct ChangeStayBody {
        /// Reservation code of the booking system, unique in the hotel together with the part.
        reservation_code: FieldChange<Name>,
        /// Number of the part, for a booking with several rooms or guests.
        part: Added<FieldChange<BookingPart>>,
        /// Name of the guest on the booking.
        guest_name: FieldChange<NewName>,
        /// Phone number of the guest: with country code, or as dialled in the country of the hotel. Another number
        /// moves the stay to another guest. Null removes the number, unless the stay has a conversation.
        guest_phone: ClearableChange<AnyPhone>,
        /// Number or name of the guest's room; null if none is assigned.
        room_number: ClearableChange<Name>,
        /// First day of the stay.
        check_in: FieldChange<NaiveDate>,
        /// Last day of the stay, not before the first.
        check_out: FieldChange<NaiveDate>,
        /// E-mail address of the guest; null removes it.
        email: Added<NullableChange<EmailAddress>>,
        /// Language of the guest: a tag of BCP 47; null removes it.
        language: Added<NullableChange<LanguageTag>>,
        /// What the booking says about the stay, at most 2,000 characters; null removes it.
        note: Added<NullableChange<GuestNote>>,
    }
}

fn check_days(fields: &mut FieldReader<'_>) {
    let days = fields.peek::<NaiveDate>("check_in").zip(fields.peek::<NaiveDate>("check_out"));
    if let Some(Err(error)) = days.map(|(first, last)| StayDays::new(first, last)) {
        fields.add_fault("check_out", error.to_string());
    }
}
