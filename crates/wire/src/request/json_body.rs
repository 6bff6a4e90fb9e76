//! Parsing of JSON request bodies, and the macro that declares them.

use serde_json::{Map, Value};

use crate::field_reader::{FieldErrors, FieldReader};

/// A request body that is read field by field.
pub trait JsonBody: Sized {
    /// Whether an empty request body counts as `{}`.
    const MAY_BE_EMPTY: bool = false;

    /// Reads all fields of the body. Returns `None` if a field is faulty; `fields` has recorded the faults.
    fn read(fields: &mut FieldReader<'_>) -> Option<Self>;

    /// Canonical JSON of the parsed body: equal for two bodies exactly if they request the same. Use it for digests and
    /// do not store it, because it contains passwords.
    fn canonical_json(&self) -> String;
}

/// Reason for refusing a request body.
#[derive(Debug, thiserror::Error)]
pub enum JsonBodyError {
    /// The request body is not a JSON object. Holds a sentence for a person, without content of the body.
    #[error("{0}")]
    BadJson(String),
    /// Some fields of the request body are faulty; holds the faults by field name.
    #[error("fields have faults")]
    Invalid(FieldErrors),
}

/// Parses a request body. Fails with the faults of all its fields together.
pub fn parse_body<T: JsonBody>(bytes: &[u8]) -> Result<T, JsonBodyError> {
    let object = match bytes {
        [] if T::MAY_BE_EMPTY => Map::new(),
        _ => parse_object(serde_json::from_slice(bytes))
            .map_err(|sentence| JsonBodyError::BadJson(sentence.to_owned()))?,
    };
    let mut fields = FieldReader::new(&object);
    let body = T::read(&mut fields);
    fields.finish(body).map_err(JsonBodyError::Invalid)
}

/// Returns the parsed JSON object, or fails with a sentence for a person. The sentence contains nothing of the input.
pub(crate) fn parse_object(parsed: serde_json::Result<Value>) -> Result<Map<String, Value>, &'static str> {
    match parsed {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("This must be a JSON object."),
        Err(_) => Err("This is not JSON."),
    }
}

/// Declares request bodies.
///
/// ```text
/// json_body! {
///     /// Description of the schema.
///     pub struct SnoozeBody {
///         /// Description of the field.
///         until: Required<Time>,
///     }
///     validate check_time      // optional: fn(&mut FieldReader), for rules over several fields
///     one_of until, days       // optional: the schema requires exactly one of these fields; `validate` checks it
/// }
/// ```
///
/// The presence (`Required`, …) decides the Rust type of the field. The schema is named like
/// the type, without `Body`.
macro_rules! json_body {
    ($(
        $(#[doc = $body_doc:literal])*
        $(#[derive($($derive:ident),+)])?
        pub struct $body:ident {$(
            $(#[doc = $field_doc:literal])*
            $field:ident: $presence:ty,
        )+}
        $(validate $validate:ident)?
        $(one_of $($alternative:ident),+)?
    )+) => {$(
        $(#[doc = $body_doc])*
        $(#[derive($($derive),+)])?
        pub struct $body {$(
            $(#[doc = $field_doc])*
            pub $field: <$presence as $crate::request::presence::Presence>::Field,
        )+}

        impl $crate::request::json_body::JsonBody for $body {
            fn read(fields: &mut $crate::field_reader::FieldReader<'_>) -> Option<Self> {
                $(let $field = <$presence as $crate::request::presence::Presence>::read(fields, stringify!($field));)+
                $($validate(fields);)?
                Some(Self { $($field: $field?),+ })
            }

            fn canonical_json(&self) -> String {
                let mut object = std::collections::BTreeMap::new();
                $(if let Some(value) = <$presence as $crate::request::presence::Presence>::canonical(&self.$field) {
                    object.insert(stringify!($field), value);
                })+
                $crate::json(&object)
            }
        }

        impl utoipa::PartialSchema for $body {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let object = utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::Object)
                    .description(Some($crate::request::body_types::join_doc_lines(&[$($body_doc),*])));
                $(let object = $crate::request::presence::add_property::<$presence>(
                    object, stringify!($field), &[$($field_doc),*],
                );)+
                $crate::request::presence::with_alternatives(object.build(), &[$($(stringify!($alternative)),+)?]).into()
            }
        }

        impl utoipa::ToSchema for $body {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($body).trim_end_matches("Body").into()
            }
        }
    )+};
}

pub(super) use json_body;
