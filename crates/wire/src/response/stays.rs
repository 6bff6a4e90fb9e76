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
    /// Reservation code of the booking system, unique in the hotel together with the part.
    pub reservation_code: String,
    /// Number of the part of the booking: 1, unless the booking has several rooms or guests.
    #[schema(minimum = 1)]
    pub part: i32,
    /// Name of the guest on the booking.
    pub guest_name: String,
    /// Phone number of the guest in E.164; null if not known.
    #[schema(required)]
    pub guest_phone: Option<String>,
    /// Number or name of the guest's room; null if none is assigned.
    #[schema(required)]
    pub room_number: Option<String>,
    /// First day of the stay.
    #[schema(format = Date)]
    pub check_in: String,
    /// Last day of the stay.
    #[schema(format = Date)]
    pub check_out: String,
    /// E-mail address of the guest; null if not known.
    #[schema(required)]
    pub email: Option<String>,
    /// Language of the guest, as a tag of BCP 47; null if not known.
    #[schema(required)]
    pub language: Option<String>,
    /// What the booking says about the stay; null for nothing.
    #[schema(required)]
    pub note: Option<String>,
    /// Time when the guest was checked in; null if not recorded.
    #[schema(required)]
    pub checked_in_at: Option<Timestamp>,
    /// Time when the guest was checked out; null if not recorded.
    #[schema(required)]
    pub checked_out_at: Option<Timestamp>,
    /// Status of the stay.
    #[schema(schema_with = enum_schemas::names_of::<StayStatus>)]
    pub status: &'static str,
    /// Whether staff have linked the stay to the guest of a conversation, by `link_stay/`. Then `guest_id` is that guest,
    /// and not the one of `guest_phone`.
    pub linked: bool,
    /// Id of the guest, for `guests/{id}/`; null if neither a phone number nor a link names the guest.
    #[schema(required, minimum = 1)]
    pub guest_id: Option<i64>,
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
    /// Number of the row in the imported file; 1 is the first row after the header. Empty rows count, and have no result.
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
            part: stay.part.get(),
            guest_name: stay.guest_name.to_string(),
            guest_phone: stay.guest_phone.as_ref().map(ToString::to_string),
            room_number: stay.room_number.as_ref().map(ToString::to_string),
            check_in: stay.days.first().to_string(),
            check_out: stay.days.last().to_string(),
            email: stay.email.as_ref().map(|it| it.as_str().to_owned()),
            language: stay.language.as_ref().map(|it| it.as_str().to_owned()),
            note: stay.note.as_ref().map(|it| it.as_str().to_owned()),
            checked_in_at: stay.checked_in_at.map(Timestamp),
            checked_out_at: stay.checked_out_at.map(Timestamp),
            status: stay.status().as_str(),
            linked: stay.link.is_some(),
            guest_id: stay.guest.map(|id| id.0),
            conversation_id: conversation.map(|id| id.0),
        }
    }
}
