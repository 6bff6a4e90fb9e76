//! JSON schemas of fields with a fixed set of values. Names of enums come from `strum`.

use domain::Delivery;
use serde_json::Value;
use strum::VariantNames;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Schema, Type, schema::SchemaType};

/// JSON schema of a string that is the name of a value of the enum.
pub(crate) fn names_of<T: VariantNames>() -> Schema {
    one_of(T::VARIANTS)
}

/// JSON schema of a delivery status, or null.
pub(crate) fn nullable_delivery() -> Schema {
    let names = Delivery::NAMES.iter().map(|name| Value::from(*name)).chain([Value::Null]);
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(names.collect::<Vec<_>>()))
        .description(Some("Delivery status; null for messages of guests and for notes."))
        .into()
}

/// JSON schema of the result of a row of an import.
pub(crate) fn row_result() -> Schema {
    one_of(&["created", "updated", "unchanged", "failed"])
}

pub(crate) fn relay_ended() -> Schema {
    one_of(&["relay ended"])
}

pub(crate) fn bearer() -> Schema {
    one_of(&["Bearer"])
}

/// JSON schema of faults by field name: an object of lists of sentences.
pub(crate) fn field_errors() -> Schema {
    let sentences = ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::String)).min_items(Some(1));
    ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(sentences)).into()
}

fn one_of(values: &[&'static str]) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values.to_vec())).into()
}
