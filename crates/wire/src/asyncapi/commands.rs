//! Messages of commands in the AsyncAPI document.
//!
//! The schemas are written by hand; a test compares them with [`parse_command`](crate::parse_command).

use serde_json::{Map, Value, json};

use super::message_object::{message_object, spell_out};
use crate::socket::commands::MAX_RESUME_SUBSCRIPTIONS;

/// The AsyncAPI messages of commands, by name. The prefix `command.` avoids clashes with events of the same name.
pub(super) fn messages() -> Map<String, Value> {
    let all = [
        ("subscribe_to_conversation", "Subscribe to the events of a conversation.", json!({}), &[][..], true),
        ("unsubscribe_from_conversation", "End the subscription of a conversation.", json!({}), &[], true),
        ("send_message", "Send a reply to the guest.", send_message(), &["text"], true),
        (
            "subscribe_to_inbox",
            "Subscribe to the changes of all visible conversations.",
            subscribe_to_inbox(),
            &[],
            false,
        ),
        ("unsubscribe_from_inbox", "End the subscription of the inbox.", json!({}), &[], false),
        (
            "typing",
            "Show other staff that the sender started or stopped typing.",
            json!({ "typing": { "type": "boolean" } }),
            &["typing"],
            true,
        ),
        (
            "viewing",
            "Show other staff that the sender has the conversation on screen, or no longer. Needs a subscription; repeat it \
             within 90 seconds.",
            json!({ "viewing": { "type": "boolean" } }),
            &["viewing"],
            true,
        ),
        ("mark_read", "Move the sender's read position forward.", json!({ "message_id": id() }), &["message_id"], true),
        ("resume", "Subscribe, and replay the missed events.", resume(), &["epoch", "after_seq"], false),
        ("ping", "Request a `pong`.", json!({}), &[], false),
    ];
    let messages = all.into_iter().map(|(name, summary, fields, required, has_conversation)| {
        let payload = payload(name, fields, required, has_conversation);
        let title = format!("{} command", spell_out(name));
        (format!("command.{name}"), message_object(name, &title, summary, payload, &Map::new()))
    });
    messages.collect()
}

fn payload(name: &str, fields: Value, required: &[&str], has_conversation: bool) -> Value {
    let mut payload = json!({
        "type": "object",
        "required": ["command"],
        "properties": {
            "command": { "type": "string", "const": name },
            "request_id": nullable("string", json!({ "minLength": 1, "maxLength": 64 })),
        },
    });
    if let Some(names) = payload["required"].as_array_mut() {
        names.extend(required.iter().map(|field| json!(field)));
    }
    if let (Some(all), Value::Object(fields)) = (payload["properties"].as_object_mut(), fields) {
        all.extend(fields);
    }
    if has_conversation {
        payload["properties"]["stay_id"] = nullable(
            "integer",
            json!({
                "minimum": 1,
                "maximum": i64::MAX,
                "description": "The stay. With a `conversation_id`, both must belong together; otherwise `invalid`.",
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
            "description": "The newest message that the sender has seen. If other staff wrote after it: `stale_reply`.",
        })),
        "hold": nullable("boolean", json!({})),
        "clears_draft": nullable("boolean", json!({
            "description": "Whether the sender's draft in the conversation is deleted with the send.",
        })),
        "client_ref": nullable("string", json!({
            "pattern": "^[!-~]{1,128}$",
            "description": "The same value returns the same message. Values are shared with the Idempotency-Key of REST.",
        })),
    })
}

fn subscribe_to_inbox() -> Value {
    json!({
        "counts": nullable("boolean", json!({
            "description": "Whether the socket also gets the event `counts`. Default: false. The last command decides; a \
                `resume` changes nothing.",
        })),
    })
}

fn resume() -> Value {
    let list = || {
        json!({ "type": ["array", "null"], "maxItems": MAX_RESUME_SUBSCRIPTIONS, "items": id(),
        "description": "At most 1,000 entries in both lists together (beyond: `too_many_subscriptions`)." })
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
