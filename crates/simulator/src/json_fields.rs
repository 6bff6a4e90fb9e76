//! Readers for the fields of a request's JSON. A field of the wrong type fails with the error of the Graph API.

use serde_json::{Map, Value};

use crate::graph_error::GraphError;

pub(crate) type GraphResult<T> = Result<T, GraphError>;

pub(crate) fn object<'a>(value: &'a Value, name: &str) -> GraphResult<&'a Map<String, Value>> {
    value.as_object().ok_or_else(|| GraphError::parameter(format!("Param {name} must be a JSON object.")))
}

/// Returns a field that is an array, or `None` if the field is missing.
pub(crate) fn list<'a>(fields: &'a Map<String, Value>, name: &str, key: &str) -> GraphResult<Option<&'a Vec<Value>>> {
    match fields.get(key) {
        None => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list)),
        Some(_) => Err(GraphError::parameter(format!("Param {name} must be an array."))),
    }
}

/// Returns a field that is a text, or `None` if the field is missing. Fails if it has more than `max_chars` characters.
pub(crate) fn text<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
    key: &str,
    max_chars: usize,
) -> GraphResult<Option<&'a str>> {
    match fields.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= max_chars => Ok(Some(text)),
        Some(Value::String(_)) => {
            Err(GraphError::parameter(format!("Param {name} must be at most {max_chars} characters long.")))
        }
        Some(_) => Err(GraphError::parameter(format!("Param {name} must be a string."))),
    }
}

/// Fails if the JSON object has keys other than `allowed`, as the Graph API does.
pub(crate) fn reject_unknown_keys(fields: &Map<String, Value>, name: &str, allowed: &[&str]) -> GraphResult<()> {
    match fields.keys().find(|key| !allowed.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(GraphError::parameter(format!("Unexpected key \"{key}\" on param \"{name}\"."))),
    }
}
