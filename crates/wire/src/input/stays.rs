//! Bookings.

use chrono::NaiveDate;
use domain::{Name, Stay, WrittenNumber};
use serde_json::json;
use utoipa::ToSchema;

use super::Input;
use crate::fields::{self, Fields};

/// A new stay.
#[derive(ToSchema)]
pub struct NewStay {
    /// The booking's name for it, unique in the hotel.
    #[schema(value_type = String, min_length = 1)]
    pub reservation_code: Name,
    /// The guest's name.
    #[schema(value_type = String, min_length = 1)]
    pub guest_name: Name,
    /// The guest's number, with its country code, or as written in the hotel's country.
    #[schema(value_type = String, example = "+34600000001")]
    pub guest_phone: WrittenNumber,
    /// The room.
    #[schema(value_type = String, min_length = 1)]
    pub room_number: Name,
    /// The first day.
    #[schema(value_type = String, format = Date)]
    pub check_in: NaiveDate,
    /// The last day, not before the first.
    #[schema(value_type = String, format = Date)]
    pub check_out: NaiveDate,
}

/// A change of a stay; what is missing stays.
#[derive(ToSchema)]
pub struct ChangeStay {
    /// The booking's name for it, unique in the hotel.
    #[schema(value_type = String, min_length = 1, required = false)]
    pub reservation_code: Option<Name>,
    /// The guest's name.
    #[schema(value_type = String, min_length = 1, required = false)]
    pub guest_name: Option<Name>,
    /// The guest's number, with its country code, or as written in the hotel's country. Another number is another guest.
    #[schema(value_type = String, required = false, example = "+34600000001")]
    pub guest_phone: Option<WrittenNumber>,
    /// The room.
    #[schema(value_type = String, min_length = 1, required = false)]
    pub room_number: Option<Name>,
    /// The first day.
    #[schema(value_type = String, format = Date, required = false)]
    pub check_in: Option<NaiveDate>,
    /// The last day, not before the first.
    #[schema(value_type = String, format = Date, required = false)]
    pub check_out: Option<NaiveDate>,
}

impl Input for NewStay {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let reservation_code = fields.required("reservation_code", fields::name);
        let guest_name = fields.required("guest_name", fields::name);
        let guest_phone = fields.required("guest_phone", fields::phone);
        let room_number = fields.required("room_number", fields::name);
        let check_in = fields.required("check_in", fields::day);
        let check_out = fields.required("check_out", fields::day);
        if let (Some(first), Some(last)) = (check_in, check_out)
            && let Err(error) = Stay::check_days(first, last)
        {
            fields.fault("check_out", error.to_string());
        }
        Some(Self {
            reservation_code: reservation_code?,
            guest_name: guest_name?,
            guest_phone: guest_phone?,
            room_number: room_number?,
            check_in: check_in?,
            check_out: check_out?,
        })
    }

    fn fingerprint(&self) -> String {
        json!({
            "check_in": self.check_in.to_string(),
            "check_out": self.check_out.to_string(),
            "guest_name": self.guest_name.as_str(),
            "guest_phone": self.guest_phone.normalized(),
            "reservation_code": self.reservation_code.as_str(),
            "room_number": self.room_number.as_str(),
        })
        .to_string()
    }
}

impl Input for ChangeStay {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let reservation_code = fields.change("reservation_code", fields::name);
        let guest_name = fields.change("guest_name", fields::name);
        let guest_phone = fields.change("guest_phone", fields::changed_phone);
        let room_number = fields.change("room_number", fields::name);
        let check_in = fields.change("check_in", fields::day);
        let check_out = fields.change("check_out", fields::day);
        Some(Self {
            reservation_code: reservation_code?,
            guest_name: guest_name?,
            guest_phone: guest_phone?,
            room_number: room_number?,
            check_in: check_in?,
            check_out: check_out?,
        })
    }

    fn fingerprint(&self) -> String {
        json!({
            "check_in": self.check_in.map(|it| it.to_string()),
            "check_out": self.check_out.map(|it| it.to_string()),
            "guest_name": self.guest_name.as_ref().map(Name::as_str),
            "guest_phone": self.guest_phone.as_ref().map(WrittenNumber::normalized),
            "reservation_code": self.reservation_code.as_ref().map(Name::as_str),
            "room_number": self.room_number.as_ref().map(Name::as_str),
        })
        .to_string()
    }
}
