//! Types of the fields of request bodies, each with its JSON schema and its canonical JSON.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    DepartmentId, DraftText, Emoji, HotelId, IfGuestWrites, LabelColour, LabelId, LabelName, LanguageTag, MessageId,
    MessageText, Name, Role, StaffId, StayId, TemplateId, Username, WrittenNumber,
    guest::GuestNote,
    hotel::{HotelVariables, ResponseTarget},
    opening_hours::{OpeningHours, QuietHours},
    phone::Country,
    stay::{BookingPart, EmailAddress},
    template::{ParameterFormat, TemplateLanguage, TemplateShortcut, TemplateType},
};
use numbering::CompleteNumber;
use serde_json::{Value, json};
use utoipa::openapi::{
    ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type,
    schema::{AdditionalProperties, SchemaType},
};

use crate::{
    enum_schemas,
    field_reader::{AnyPhone, FieldType, IdList, ReactionEmoji},
    hours::{hours_by_day, opening_hours_schema, quiet_hours_json, span_schema},
    time::Timestamp,
};

/// A type of a field in request bodies, with its JSON schema.
pub trait BodyFieldType: FieldType {
    /// JSON schema of the field's value, without description.
    fn schema() -> Schema;

    /// The parsed value of the field as canonical JSON.
    fn to_json(value: &Self::Value) -> Value;
}

/// Marker of a field that contains an existing password.
pub struct PasswordText;
/// Marker of a field that contains a new password; the rules for passwords are checked by `auth`.
pub struct NewPassword;
/// Marker of a field that contains the IANA name of a time zone; the name is checked by `desk`.
pub struct TimeZoneName;

/// Implements [`FieldType`] for marker types whose value is a string.
macro_rules! string_markers {
    ($($marker:ident),+) => {$(
        impl FieldType for $marker {
            type Value = String;

            fn parse(json: &Value) -> Result<String, String> {
                <String as FieldType>::parse(json)
            }
        }
    )+};
}

/// Marker of a field that contains the new name of a person, hotel or department: without control, format and bidi
/// characters.
pub struct NewName;

impl FieldType for NewName {
    type Value = Name;

    fn parse(json: &Value) -> Result<Name, String> {
        let text = json.as_str().ok_or("This must be a string.")?;
        Name::parse_new(text).map_err(|error| error.to_string())
    }
}

string_markers!(PasswordText, NewPassword, TimeZoneName);

/// Implements [`BodyFieldType`] for field types: schema and canonical JSON of each.
macro_rules! body_field_types {
    ($($type:ty: $schema:expr, $to_json:expr;)+) => {$(
        impl BodyFieldType for $type {
            fn schema() -> Schema {
                $schema.into()
            }

            fn to_json(value: &Self::Value) -> Value {
                let to_json: fn(&Self::Value) -> Value = $to_json;
                to_json(value)
            }
        }
    )+};
}

body_field_types! {
    bool: ObjectBuilder::new().schema_type(Type::Boolean), |flag| json!(flag);
    String: string(), |text| json!(text);
    PasswordText: formatted(KnownFormat::Password), |text| json!(text);
    NewPassword: formatted(KnownFormat::Password).min_length(Some(12)).max_length(Some(128)), |text| json!(text);
    TimeZoneName: string_like("Europe/Madrid"), |text| json!(text);
    MessageText: string().min_length(Some(1)), |text| json!(text.as_str());
    DraftText: string(), |text| json!(text.as_str());
    DateTime<Utc>: formatted(KnownFormat::DateTime), |at| json!(Timestamp(*at).to_string());
    ReactionEmoji: string_like("👍"), |emoji| json!(emoji.as_ref().map_or("", Emoji::as_str));
    Name: string().min_length(Some(1)), |name| json!(name.as_str());
    NewName: string().min_length(Some(1)).max_length(Some(200)), |name| json!(name.as_str());
    Username: string_like("ana.lopez").min_length(Some(1)).max_length(Some(64)), |username| json!(username.as_str());
    WrittenNumber: string_like("+34600000001"), |number| json!(number.normalized());
    AnyPhone: string_like("+34600000001"), |number| json!(number.normalized());
    Country: string_like("ES"), |country| json!(country.as_str());
    TemplateShortcut: string_like("wifi").pattern(Some("^[a-z0-9_-]{1,32}$")), |shortcut| json!(shortcut.as_str());
    TemplateLanguage: string_like("en_GB"), |language| json!(language.as_str());
    NaiveDate: formatted(KnownFormat::Date), |day| json!(day.to_string());
    Role: enum_schemas::names_of::<Role>(), |role| json!(role.as_str());
    ParameterFormat: enum_schemas::names_of::<ParameterFormat>(), |format| json!(format.as_str());
    TemplateType: enum_schemas::names_of::<TemplateType>(), |template_type| json!(template_type.as_str());
    IfGuestWrites: enum_schemas::names_of::<IfGuestWrites>(), |rule| json!(rule.as_str());
    LabelName: string().min_length(Some(1)).max_length(Some(40)), |name| json!(name.as_str());
    LabelColour: enum_schemas::names_of::<LabelColour>(), |colour| json!(colour.as_str());
    GuestNote: string().max_length(Some(GuestNote::MAX_LENGTH)), |note| json!(note.as_str());
    LanguageTag: string_like("pt-BR"), |tag| json!(tag.as_str());
    EmailAddress: string_like("ana@example.com"), |email| json!(email.as_str());
    BookingPart: int64().minimum(Some(1)).maximum(Some(BookingPart::LAST.get())), |part| json!(part.get());
    ResponseTarget: int64().minimum(Some(1)).maximum(Some(ResponseTarget::MAX)), |target| json!(target.minutes());
    OpeningHours: opening_hours_schema(), |hours| json!(hours_by_day(hours));
    QuietHours: span_schema(), quiet_hours_json;
    DepartmentId: id(), |id| json!(id.0);
    HotelId: id(), |id| json!(id.0);
    LabelId: id(), |id| json!(id.0);
    MessageId: id(), |id| json!(id.0);
    StaffId: id(), |id| json!(id.0);
    StayId: id(), |id| json!(id.0);
    TemplateId: id(), |id| json!(id.0);
    BTreeMap<String, String>: texts(string()), |texts| json!(texts);
    HotelVariables: texts(string().min_length(Some(1)).max_length(Some(HotelVariables::MAX_LENGTH)))
        .max_properties(Some(HotelVariables::MAX)),
        |variables| json!(variables.as_map());
}

impl<T: BodyFieldType, const MAX: usize> BodyFieldType for IdList<T, MAX> {
    fn schema() -> Schema {
        ArrayBuilder::new().items(id()).max_items(Some(MAX)).into()
    }

    fn to_json(value: &Self::Value) -> Value {
        value.iter().map(T::to_json).collect()
    }
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// An object whose fields are texts.
fn texts(text: ObjectBuilder) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(string()))
        .additional_properties(Some(AdditionalProperties::<Schema>::RefOr(text.into())))
}

#[expect(deprecated, reason = "the published document has `example`")]
fn string_like(example: &str) -> ObjectBuilder {
    string().example(Some(example.into()))
}

fn formatted(format: KnownFormat) -> ObjectBuilder {
    string().format(Some(SchemaFormat::KnownFormat(format)))
}

fn int64() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
}

fn id() -> ObjectBuilder {
    int64().minimum(Some(1))
}

/// Makes a schema also allow null.
pub(super) fn make_nullable(mut schema: Schema) -> Schema {
    let schema_type = match &mut schema {
        Schema::Object(object) => {
            if let Some(names) = &mut object.enum_values {
                names.push(Value::Null);
            }
            &mut object.schema_type
        }
        Schema::Array(array) => &mut array.schema_type,
        _ => return schema,
    };
    if let SchemaType::Type(one) = schema_type.clone() {
        *schema_type = SchemaType::from_iter([one, Type::Null]);
    }
    schema
}

/// Sets the description of a schema.
pub(super) fn describe(mut schema: Schema, description: String) -> Schema {
    match &mut schema {
        Schema::Object(object) => object.description = Some(description),
        Schema::Array(array) => array.description = Some(description),
        _ => {}
    }
    schema
}

/// The text of a doc comment, from its lines.
pub(super) fn join_doc_lines(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n")
}
