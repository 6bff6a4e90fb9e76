//! The events' messages: the schemas of their types, each with its `type`.

use serde_json::{Map, Value, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::message;
use crate::socket::{
    Ack, CommandError, ConversationRemoved, ConversationUpdated, Heartbeat, MessageStatus, NewConversation, NewMessage,
    Pong, Read, Resumed, ResyncRequired, Typing, Unsubscribed, Welcome,
};

type Collected = Vec<(String, RefOr<Schema>)>;

struct Shape {
    schema: fn() -> RefOr<Schema>,
    inner: fn(&mut Collected),
}

fn shape<T: ToSchema>() -> Shape {
    Shape { schema: T::schema, inner: T::schemas }
}

fn all() -> [(&'static str, &'static str, Shape); 16] {
    [
        ("welcome", "The first event: from here on nothing is missed.", shape::<Welcome>()),
        ("heartbeat", "Every 25 seconds.", shape::<Heartbeat>()),
        ("ack", "A command with a `request_id` was done.", shape::<Ack>()),
        ("error", "A command was not done.", shape::<CommandError>()),
        ("pong", "The answer to a `ping`.", shape::<Pong>()),
        ("new_message", "A message in a conversation that one subscribes to.", shape::<NewMessage>()),
        ("new_note", "An internal note in a conversation that one subscribes to.", shape::<NewMessage>()),
        ("message_status", "A message to a guest came further, or failed.", shape::<MessageStatus>()),
        ("new_conversation", "A conversation came into being, or to one's department.", shape::<NewConversation>()),
        ("conversation_updated", "A conversation changed: how it is now.", shape::<ConversationUpdated>()),
        ("conversation_removed", "A conversation of the inbox is out of sight.", shape::<ConversationRemoved>()),
        ("typing", "A colleague types, or has stopped.", shape::<Typing>()),
        ("read", "Somebody has read so far.", shape::<Read>()),
        ("unsubscribed", "A subscription ended, for want of sight.", shape::<Unsubscribed>()),
        ("resumed", "A replay is over; live events follow.", shape::<Resumed>()),
        ("resync_required", "The cursor is worthless: fetch afresh, resume from here.", shape::<ResyncRequired>()),
    ]
}

/// The messages, and the schemas that they refer to.
pub(super) fn messages() -> (Map<String, Value>, Map<String, Value>) {
    let (mut messages, mut schemas) = (Map::new(), Map::new());
    for (name, summary, Shape { schema, inner }) in all() {
        let mut collected = Collected::new();
        inner(&mut collected);
        schemas.extend(collected.into_iter().map(|(name, schema)| (name, json!(schema))));
        messages.insert(name.to_owned(), message(name, summary, typed(name, json!(schema()))));
    }
    (messages, schemas)
}

/// Adds the `type` to the schema of an object.
fn typed(name: &str, mut schema: Value) -> Value {
    schema["properties"]["type"] = json!({ "type": "string", "const": name });
    match schema["required"].as_array_mut() {
        Some(required) => required.push(json!("type")),
        None => schema["required"] = json!(["type"]),
    }
    schema
}
