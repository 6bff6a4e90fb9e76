//! Stays.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{fields::FieldErrors, time::Timestamp, words};

/// A stay.
#[derive(Serialize, ToSchema)]
pub struct Stay {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The booking's name for it, unique in the hotel.
    pub reservation_code: String,
    /// The guest's name.
    pub guest_name: String,
    /// The guest's number, in E.164.
    pub guest_phone: String,
    /// The room.
    pub room_number: String,
    /// The first day.
    #[schema(format = Date)]
    pub check_in: String,
    /// The last day.
    #[schema(format = Date)]
    pub check_out: String,
    /// When the guest arrived, where that was told.
    #[schema(required)]
    pub checked_in_at: Option<Timestamp>,
    /// When the guest left, where that was told.
    #[schema(required)]
    pub checked_out_at: Option<Timestamp>,
}

/// What came of a table of stays.
#[derive(Serialize, ToSchema)]
pub struct Imported {
    /// Its rows, in their order.
    pub rows: Vec<ImportedRow>,
}

/// What came of a row.
#[derive(Serialize, ToSchema)]
pub struct ImportedRow {
    /// Which: 1 is the first after the header.
    #[schema(minimum = 1)]
    pub row: i64,
    /// The reservation code, as it stands there.
    pub reservation_code: String,
    /// What came of it.
    #[schema(schema_with = words::row_result)]
    pub result: &'static str,
    /// What is wrong with each field of one that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = words::field_errors, required = false)]
    pub errors: Option<FieldErrors>,
}

impl From<&domain::Stay> for Stay {
    fn from(it: &domain::Stay) -> Self {
        Self {
            id: it.id.0,
            reservation_code: it.reservation_code.to_string(),
            guest_name: it.guest_name.to_string(),
            guest_phone: it.guest_phone.to_string(),
            room_number: it.room_number.to_string(),
            check_in: it.check_in.to_string(),
            check_out: it.check_out.to_string(),
            checked_in_at: it.checked_in_at.map(Timestamp),
            checked_out_at: it.checked_out_at.map(Timestamp),
        }
    }
}
