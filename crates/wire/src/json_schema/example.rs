//! Examples for schemas: a value that a reader recognizes and that the schema accepts.

use serde_json::{Map, Value, json};

use super::SCHEMAS;

/// Schemas that refer to each other end here.
const MAX_DEPTH: usize = 24;

/// Builds an example for a schema. `schemas` are the named schemas that it refers to. Strings are chosen by the name of
/// their property.
pub fn example_of(schema: &Value, schemas: &Map<String, Value>) -> Value {
    example(schema, "", schemas, 0)
}

fn example(schema: &Value, name: &str, schemas: &Map<String, Value>, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    let inner = |schema: &Value| example(schema, name, schemas, depth + 1);
    if let Some(given) = schema["examples"][0].as_str().map(Value::from).or_else(|| schema.get("example").cloned()) {
        return given;
    }
    if let Some(target) = schema["$ref"].as_str().and_then(|it| it.strip_prefix(SCHEMAS)) {
        return schemas.get(target).map_or(Value::Null, inner);
    }
    if let Some(constant) = schema.get("const").or_else(|| schema["enum"].get(0)) {
        return constant.clone();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return merge(parts.iter().map(inner).chain([object(schema, schemas, depth)]));
    }
    for choice in ["oneOf", "anyOf"] {
        // A choice that only says which fields are required adds nothing to the fields of the schema itself.
        if schema.get("properties").is_none()
            && let Some(first) = schema[choice].as_array().and_then(|all| all.iter().find(|it| it["type"] != "null"))
        {
            return inner(first);
        }
    }
    match type_of(schema) {
        "object" => object(schema, schemas, depth),
        "array" => json!([inner(&schema["items"])]),
        "integer" | "number" => number(schema, name),
        "boolean" => json!(matches!(name, "active" | "typing" | "viewing" | "handles_stays" | "available")),
        "string" => json!(text(schema, name)),
        _ => Value::Null,
    }
}

fn type_of(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(single) => single,
        Value::Array(several) => several.iter().filter_map(Value::as_str).find(|it| *it != "null").unwrap_or_default(),
        _ => "",
    }
}

fn object(schema: &Value, schemas: &Map<String, Value>, depth: usize) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let fields = properties.map(|(name, schema)| (name.clone(), example(schema, name, schemas, depth + 1)));
    Value::Object(fields.collect())
}

fn merge(parts: impl Iterator<Item = Value>) -> Value {
    let mut merged = Map::new();
    for part in parts {
        if let Value::Object(fields) = part {
            merged.extend(fields);
        }
    }
    Value::Object(merged)
}

fn number(schema: &Value, name: &str) -> Value {
    let likely = match name {
        "expires_in" => 900,
        "heartbeat_seconds" => 25,
        "status" => 400,
        "size" => 48_213,
        "width" => 1280,
        "height" => 960,
        "seq" | "after_seq" => 1977,
        _ => 7,
    };
    let limit = |key: &str| schema[key].as_i64();
    let number = likely.max(limit("minimum").unwrap_or(likely)).min(limit("maximum").unwrap_or(likely));
    json!(number)
}

fn text<'a>(schema: &Value, name: &'a str) -> &'a str {
    match schema["format"].as_str() {
        Some("date-time") => return "2026-11-30T18:02:11.25Z",
        Some("date") => return if name == "check_out" { "2026-12-02" } else { "2026-11-28" },
        _ => {}
    }
    match name {
        "access" => "eyJhbGciOiJIUzI1NiJ9.…",
        "address" => "203.0.113.7",
        "client_ref" | "request_id" => "3f6c2a1e",
        "code" => "invalid",
        "command" => "send_message",
        "content" | "text" => "Two more towels are on their way.",
        "content_type" => "image/jpeg",
        "country" => "PT",
        "current_step" => "menu",
        "department_name" => "Housekeeping",
        "detail" => "The request is invalid; see `errors`.",
        "email" => "ana.rossi@example.com",
        "emoji" => "👍",
        "epoch" => "8f1c03b97e5a6d24",
        "guest_name" => "Ana Rossi",
        "guest_phone" | "phone" => "+34600123456",
        "language" => "en",
        "password" | "new_password" | "current_password" => "correct horse battery staple",
        "reservation_code" => "R-2291",
        "room_number" => "204",
        "session_id" => "5d2a…",
        "shortcut" => "wifi",
        "staff_name" | "sender_name" => "Maria Costa",
        "timezone" => "Europe/Lisbon",
        "title" => "Bad Request",
        "type" => "about:blank",
        "username" => "maria",
        "version" => "1.0.0",
        "next" => "https://inbox.example/api/message_manager/conversations/?page=2",
        _ => "Seaside",
    }
}
