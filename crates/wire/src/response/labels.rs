//! Responses with labels.

use domain::LabelColour;
use serde::Serialize;
use utoipa::ToSchema;

use crate::enum_schemas;

/// A label of the hotel.
#[derive(Serialize, ToSchema)]
#[schema(as = Label)]
pub struct LabelResponse {
    /// Id of the label.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Name of the label, unique in the hotel without regard to case.
    pub name: String,
    /// Colour of the label.
    #[schema(schema_with = enum_schemas::names_of::<LabelColour>)]
    pub colour: &'static str,
}

impl From<&domain::Label> for LabelResponse {
    fn from(label: &domain::Label) -> Self {
        Self { id: label.id.0, name: label.name.to_string(), colour: label.colour.as_str() }
    }
}
