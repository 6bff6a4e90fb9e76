//! The commands' messages. Commands are read by hand, so their schemas are written by hand too; a
//! test holds both against each other.

use serde_json::{Map, Value, json};

use super::message;
use crate::socket::MOST_NAMED;

/// The messages. Their names begin with `command.`, since some words are events too.
pub(super) fn messages() -> Map<String, Value> {
    let all = [
        ("subscribe_to_conversation", "Be told what happens in a conversation.", json!({}), &[][..], true),
        ("unsubscribe_from_conversation", "Be told no more.", json!({}), &[], true),
        ("send_message", "Answer the guest.", send_message(), &["text"], true),
        ("subscribe_to_inbox", "Be told of changes of all conversations in sight.", json!({}), &[], false),
        ("unsubscribe_from_inbox", "Be told no more.", json!({}), &[], false),
        ("typing", "Tell colleagues that one types.", json!({ "typing": { "type": "boolean" } }), &["typing"], true),
        ("mark_read", "Move one's read mark forward.", json!({ "message_id": id() }), &["message_id"], true),
        ("resume", "Subscribe, and replay what was missed.", resume(), &["epoch", "after_seq"], false),
        ("ping", "Ask for a `pong`.", json!({}), &[], false),
    ];
    let messages = all.into_iter().map(|(word, summary, fields, required, targeted)| {
        (format!("command.{word}"), message(word, summary, payload(word, fields, required, targeted)))
    });
    messages.collect()
}

fn payload(word: &str, fields: Value, required: &[&str], targeted: bool) -> Value {
    let mut payload = json!({
        "type": "object",
        "required": ["command"],
        "properties": {
            "command": { "type": "string", "const": word },
            "request_id": nullable("string", json!({ "minLength": 1, "maxLength": 64 })),
        },
    });
    if let Some(names) = payload["required"].as_array_mut() {
        names.extend(required.iter().map(|name| json!(name)));
    }
    if let (Some(all), Value::Object(fields)) = (payload["properties"].as_object_mut(), fields) {
        all.extend(fields);
    }
    if targeted {
        payload["properties"]["stay_id"] = nullable(
            "integer",
            json!({
                "minimum": 1,
                "maximum": i64::MAX,
                "description": "The stay. Beside a conversation it has to be its stay: else `invalid`.",
            }),
        );
        payload["properties"]["conversation_id"] = nullable("integer", json!({ "minimum": 1 }));
        payload["anyOf"] = json!([
            { "required": ["stay_id"], "properties": { "stay_id": id() } },
            { "required": ["conversation_id"], "properties": { "conversation_id": id() } },
        ]);
    }
    payload
}

fn send_message() -> Value {
    json!({
        "text": { "type": "string", "minLength": 1, "description": "Trimmed, 1 to 4,096 characters." },
        "seen_message_id": nullable("integer", json!({
            "minimum": 1,
            "description": "What the sender had before their eyes: if a colleague has written since, `stale_reply`.",
        })),
        "hold": nullable("boolean", json!({})),
        "client_ref": nullable("string", json!({
            "pattern": "^[!-~]{1,128}$",
            "description": "The same again is the same message; shares its names with REST's Idempotency-Key.",
        })),
    })
}

fn resume() -> Value {
    let list = || {
        json!({ "type": ["array", "null"], "maxItems": MOST_NAMED, "items": id(),
        "description": "Both lists together at most 1,000 names; more: `too_many_subscriptions`." })
    };
    json!({
        "epoch": { "type": "string" },
        "after_seq": { "type": "integer", "minimum": 0, "maximum": i64::MAX },
        "conversation_ids": list(),
        "stay_ids": list(),
        "inbox": nullable("boolean", json!({})),
    })
}

fn id() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": i64::MAX })
}

fn nullable(kind: &str, mut schema: Value) -> Value {
    schema["type"] = json!([kind, "null"]);
    schema
}
