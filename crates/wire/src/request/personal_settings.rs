//! Request body of a change of personal settings.

use std::borrow::Cow;

use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type, schema::AdditionalProperties},
};

use super::json_body::JsonBody;
use crate::field_reader::FieldReader;

/// A change of the caller's settings: keys with their new values. Keys that are not named stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeSettingsBody {
    changes: Map<String, Value>,
}

impl ChangeSettingsBody {
    /// Merges the change into stored settings, the text of a JSON object: a null removes its key, any other value
    /// replaces that of its key.
    pub fn merge_into(&self, stored: &str) -> String {
        let mut settings: Map<String, Value> = serde_json::from_str(stored).unwrap_or_default();
        for (key, value) in &self.changes {
            match value {
                Value::Null => settings.remove(key),
                value => settings.insert(key.clone(), value.clone()),
            };
        }
        crate::json(&settings)
    }
}

impl JsonBody for ChangeSettingsBody {
    fn read(fields: &mut FieldReader<'_>) -> Option<Self> {
        let changes = fields.all_fields().clone();
        for (key, value) in &changes {
            if key.contains('\0') || has_nul(value) {
                fields.add_fault(&key.replace('\0', ""), "The character NUL is not allowed.");
            }
        }
        Some(Self { changes })
    }

    fn canonical_json(&self) -> String {
        crate::json(&self.changes)
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl PartialSchema for ChangeSettingsBody {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)))
            .description(Some(
                "Keys of the settings with their new values. Keys that are not named stay as they are; null removes one.",
            ))
            .into()
    }
}

impl ToSchema for ChangeSettingsBody {
    fn name() -> Cow<'static, str> {
        "ChangeSettings".into()
    }
}

#[cfg(test)]
mod tests {
    use crate::parse_body;

    use super::*;

    fn merged(stored: &str, change: &str) -> String {
        parse_body::<ChangeSettingsBody>(change.as_bytes()).unwrap().merge_into(stored)
    }

    #[test]
    fn top_level_keys_are_merged() {
        assert_eq!(merged(r#"{"a":1,"b":{"x":1}}"#, r#"{"b":{"y":2},"c":[]}"#), r#"{"a":1,"b":{"y":2},"c":[]}"#);
        assert_eq!(merged(r#"{"a":1,"b":2}"#, r#"{"a":null,"z":null}"#), r#"{"b":2}"#);
        assert_eq!(merged("{}", r#"{"a":{"b":null}}"#), r#"{"a":{"b":null}}"#);
    }

    #[test]
    fn nul_is_refused_at_any_depth() {
        for bad in [r#"{"a":"\u0000"}"#, r#"{"a":[{"b":"\u0000"}]}"#, r#"{"a":{"\u0000":1}}"#, r#"{"\u0000":1}"#] {
            assert!(parse_body::<ChangeSettingsBody>(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse_body::<ChangeSettingsBody>(b"[]").is_err());
    }
}
