//! Request bodies of calls on stays.

use chrono::NaiveDate;
use domain::{Name, Stay, WrittenNumber};

use super::{
    json_body::json_body,
    presence::{FieldChange, Required},
};
use crate::field_reader::{AnyPhone, FieldReader};

json_body! {
    /// A new stay.
    pub struct NewStayBody {
        /// Reservation code of the booking system, unique in the hotel.
        reservation_code: Required<Name>,
        /// Name of the guest on the booking.
        guest_name: Required<Name>,
        /// Phone number of the guest: with country code, or as dialled in the country of the hotel.
        guest_phone: Required<WrittenNumber>,
        /// Number or name of the guest's room.
        room_number: Required<Name>,
        /// First day of the stay.
        check_in: Required<NaiveDate>,
        /// Last day of the stay, not before the first.
        check_out: Required<NaiveDate>,
    }
    validate check_days

    /// A change of a stay. Absent fields keep their value.
    pub struct ChangeStayBody {
        /// Reservation code of the booking system, unique in the hotel.
        reservation_code: FieldChange<Name>,
        /// Name of the guest on the booking.
        guest_name: FieldChange<Name>,
        /// Phone number of the guest: with country code, or as dialled in the country of the hotel. Another number
        /// moves the stay to another guest.
        guest_phone: FieldChange<AnyPhone>,
        /// Number or name of the guest's room.
        room_number: FieldChange<Name>,
        /// First day of the stay.
        check_in: FieldChange<NaiveDate>,
        /// Last day of the stay, not before the first.
        check_out: FieldChange<NaiveDate>,
    }
}

fn check_days(fields: &mut FieldReader<'_>) {
    let days = fields.peek::<NaiveDate>("check_in").zip(fields.peek::<NaiveDate>("check_out"));
    if let Some(Err(error)) = days.map(|(first, last)| Stay::validate_days(first, last)) {
        fields.add_fault("check_out", error.to_string());
    }
}
