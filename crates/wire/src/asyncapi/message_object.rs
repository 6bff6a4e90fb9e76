//! Message objects of the AsyncAPI document.

use serde_json::{Value, json};

/// An AsyncAPI message with its payload schema.
pub(super) fn message_object(name: &str, summary: &str, payload: Value) -> Value {
    json!({ "name": name, "summary": summary, "contentType": "application/json", "payload": payload })
}
