//! Responses with stays, and the results of imports.

use domain::stay::StayStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{enum_schemas, field_reader::FieldErrors, time::Timestamp};

/// A stay: a booking of a guest.
#[derive(Serialize, ToSchema)]
#[schema(as = Stay)]
pub struct StayResponse {
    /// Id of the stay.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Reservation code of the booking system, unique in the hotel.
    pub reservation_code: String,
    /// Name of the guest on the booking.
    pub guest_name: String,
    /// Phone number of the guest in E.164.
    pub guest_phone: String,
    /// Number or name of the guest's room.
    pub room_number: String,
    /// First day of the stay.
    #[schema(format = Date)]
    pub check_in: String,
    /// Last day of the stay.
    #[schema(format = Date)]
    pub check_out: String,
    /// Time when the guest was checked in; null if not recorded.
    #[schema(required)]
    pub checked_in_at: Option<Timestamp>,
    /// Time when the guest was checked out; null if not recorded.
    #[schema(required)]
    pub checked_out_at: Option<Timestamp>,
    /// Status of the stay.
    #[schema(schema_with = enum_schemas::names_of::<StayStatus>)]
    pub status: &'static str,
    /// Id of the guest, for `guests/{id}/`.
    #[schema(minimum = 1)]
    pub guest_id: i64,
    /// Id of the stay's conversation; null if there is none, or if the caller may not see it.
    #[schema(required, minimum = 1)]
    pub conversation_id: Option<i64>,
}

/// Result of an import of stays.
#[derive(Serialize, ToSchema)]
#[schema(as = Imported)]
pub struct ImportResponse {
    /// The results of the import in the order of the rows.
    pub rows: Vec<ImportRowResponse>,
}

/// Result of a row of an import of stays.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedRow)]
pub struct ImportRowResponse {
    /// Number of the row in the imported file; 1 is the first row after the header.
    #[schema(minimum = 1)]
    pub row: i64,
    /// The reservation code as written in the row.
    pub reservation_code: String,
    /// Effect of the row on the stay.
    #[schema(schema_with = enum_schemas::row_result)]
    pub result: &'static str,
    /// Id of the stay; absent if the row failed, and for a stay that a dry run would create.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, minimum = 1, required = false)]
    pub id: Option<i64>,
    /// Only with the result `failed`: faults by field name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = enum_schemas::field_errors, required = false)]
    pub errors: Option<FieldErrors>,
}

impl From<&domain::StayView> for StayResponse {
    fn from(domain::StayView { stay, conversation }: &domain::StayView) -> Self {
        Self {
            id: stay.id.0,
            reservation_code: stay.reservation_code.to_string(),
            guest_name: stay.guest_name.to_string(),
            guest_phone: stay.guest_phone.to_string(),
            room_number: stay.room_number.to_string(),
            check_in: stay.check_in.to_string(),
            check_out: stay.check_out.to_string(),
            checked_in_at: stay.checked_in_at.map(Timestamp),
            checked_out_at: stay.checked_out_at.map(Timestamp),
            status: stay.status().as_str(),
            guest_id: stay.guest.0,
            conversation_id: conversation.map(|id| id.0),
        }
    }
}
