//! Opening hours and quiet hours in JSON: `{"mon":[["08:00","22:00"]]}` and `["22:00","08:00"]`.

use std::collections::BTreeMap;

use domain::opening_hours::{DaySpan, OpeningHours, QuietHours};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::openapi::{
    ArrayBuilder, ObjectBuilder, Schema, Type,
    schema::{AdditionalProperties, SchemaType},
};

use crate::field_reader::FieldType;

/// A time of the day; 24:00 is the end of the day.
const DAY_TIME: &str = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$";

/// Opening hours as JSON: the spans of each day, with begin and end.
pub(crate) type HoursByDay = BTreeMap<&'static str, Vec<(String, String)>>;

pub(crate) fn hours_by_day(hours: &OpeningHours) -> HoursByDay {
    hours.days().map(|(day, spans)| (day, spans.iter().map(DaySpan::as_texts).collect())).collect()
}

impl FieldType for OpeningHours {
    type Value = Self;

    fn parse(json: &Value) -> Result<Self, String> {
        let days = BTreeMap::<String, Vec<(String, String)>>::deserialize(json)
            .map_err(|_| r#"Please give the spans of each day, like {"mon":[["08:00","22:00"]]}."#)?;
        Self::parse(days).map_err(|error| error.to_string())
    }
}

impl FieldType for QuietHours {
    type Value = Self;

    fn parse(json: &Value) -> Result<Self, String> {
        let (from, until) = <(String, String)>::deserialize(json)
            .map_err(|_| r#"Please give begin and end, like ["22:00","08:00"]."#)?;
        Self::parse(&from, &until).map_err(|error| error.to_string())
    }
}

pub(crate) fn quiet_hours_json(hours: &QuietHours) -> Value {
    json!(hours.as_texts())
}

/// JSON schema of opening hours.
pub(crate) fn opening_hours_schema() -> ObjectBuilder {
    let spans = || ArrayBuilder::new().items(span_schema()).max_items(Some(OpeningHours::MAX_SPANS));
    let object = ObjectBuilder::new().schema_type(Type::Object);
    let object = OpeningHours::DAYS.into_iter().fold(object, |object, day| object.property(day, spans()));
    with_example(object.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false))))
}

#[expect(deprecated, reason = "the published document has `example`")]
fn with_example(object: ObjectBuilder) -> ObjectBuilder {
    object.example(Some(json!({ "mon": [["08:00", "12:00"], ["14:00", "22:00"]], "sat": [["18:00", "02:00"]] })))
}

/// JSON schema of quiet hours, and of a span of opening hours.
#[expect(deprecated, reason = "the published document has `example`")]
pub(crate) fn span_schema() -> ArrayBuilder {
    let time = ObjectBuilder::new().schema_type(Type::String).pattern(Some(DAY_TIME));
    ArrayBuilder::new().items(time).min_items(Some(2)).max_items(Some(2)).example(Some(json!(["22:00", "08:00"])))
}

/// JSON schema of the opening hours of a department in responses.
pub(crate) fn shown_opening_hours() -> Schema {
    let text = "Opening hours by day, in the hotel's time zone; null: always open. A span whose end is not later than its \
                begin ends on the next day. A day without spans is closed.";
    opening_hours_schema().schema_type(SchemaType::from_iter([Type::Object, Type::Null])).description(Some(text)).into()
}

/// JSON schema of the quiet hours of a hotel in responses.
pub(crate) fn shown_quiet_hours() -> Schema {
    let text = "Begin and end of the hours in which guests should not be disturbed, in the hotel's time zone; null for \
                none. They refuse nothing: offer to send later.";
    span_schema().schema_type(SchemaType::from_iter([Type::Array, Type::Null])).description(Some(text)).into()
}
