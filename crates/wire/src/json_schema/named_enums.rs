//! Named schemas of enums.

use serde_json::{Map, Value, json};

use super::reference_to;

/// Replaces each inline enum that has a `title` by a reference to a named schema of that title. A nullable enum becomes
/// a choice between the reference and null. The description stays at the place of use.
pub fn move_enums_to_named_schemas(value: &mut Value, schemas: &mut Map<String, Value>) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|it| move_enums_to_named_schemas(it, schemas)),
        Value::Object(object) => {
            if let Some(reference) = named_enum(object, schemas) {
                *value = reference;
            } else {
                object.values_mut().for_each(|it| move_enums_to_named_schemas(it, schemas));
            }
        }
        _ => {}
    }
}

fn named_enum(schema: &Map<String, Value>, schemas: &mut Map<String, Value>) -> Option<Value> {
    let (Some(Value::String(title)), Some(Value::Array(values))) = (schema.get("title"), schema.get("enum")) else {
        return None;
    };
    let names: Vec<&Value> = values.iter().filter(|it| !it.is_null()).collect();
    schemas.entry(title).or_insert_with(|| json!({ "type": "string", "enum": names }));
    let is_nullable = names.len() < values.len();
    let mut reference =
        if is_nullable { json!({ "oneOf": [reference_to(title), { "type": "null" }] }) } else { reference_to(title) };
    if let Some(description) = schema.get("description") {
        reference["description"] = description.clone();
    }
    Some(reference)
}
