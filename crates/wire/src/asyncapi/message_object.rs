//! Message objects of the AsyncAPI document.

use serde_json::{Map, Value, json};

use crate::json_schema::example_of;

/// An AsyncAPI message with its payload schema and an example. `schemas` are the named schemas that the payload refers
/// to. The title is unique in the document, because generators of client code make type names of titles.
pub(super) fn message_object(
    name: &str,
    title: &str,
    summary: &str,
    payload: Value,
    schemas: &Map<String, Value>,
) -> Value {
    json!({
        "name": name,
        "title": title,
        "summary": summary,
        "contentType": "application/json",
        "examples": [{ "payload": example_of(&payload, schemas) }],
        "payload": payload,
    })
}

/// `new_message` → `New message`
pub(super) fn spell_out(name: &str) -> String {
    let words = name.replace('_', " ");
    let (first, rest) = words.split_at(words.chars().next().map_or(0, char::len_utf8));
    first.to_uppercase() + rest
}
