//! Messages of events in the AsyncAPI document: the schemas of their bodies, each with its `type`.

use serde_json::{Map, Value, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::message_object::message_object;
use crate::socket::event_bodies::{
    AckEvent, CommandErrorEvent, ConversationRemovedEvent, ConversationUpdatedEvent, HeartbeatEvent,
    MessageStatusEvent, NewConversationEvent, NewMessageEvent, PongEvent, ReadEvent, ResumedEvent, ResyncRequiredEvent,
    TypingEvent, UnsubscribedEvent, WelcomeEvent,
};

type NamedSchemas = Vec<(String, RefOr<Schema>)>;

/// Schema of an event body, and the schemas that it refers to, for the AsyncAPI document.
struct BodySchema {
    body: fn() -> RefOr<Schema>,
    collect_references: fn(&mut NamedSchemas),
}

fn schema_of<T: ToSchema>() -> BodySchema {
    BodySchema { body: T::schema, collect_references: T::schemas }
}

fn all_events() -> [(&'static str, BodySchema); 16] {
    [
        ("welcome", schema_of::<WelcomeEvent>()),
        ("heartbeat", schema_of::<HeartbeatEvent>()),
        ("ack", schema_of::<AckEvent>()),
        ("error", schema_of::<CommandErrorEvent>()),
        ("pong", schema_of::<PongEvent>()),
        ("new_message", schema_of::<NewMessageEvent>()),
        ("new_note", schema_of::<NewMessageEvent>()),
        ("message_status", schema_of::<MessageStatusEvent>()),
        ("new_conversation", schema_of::<NewConversationEvent>()),
        ("conversation_updated", schema_of::<ConversationUpdatedEvent>()),
        ("conversation_removed", schema_of::<ConversationRemovedEvent>()),
        ("typing", schema_of::<TypingEvent>()),
        ("read", schema_of::<ReadEvent>()),
        ("unsubscribed", schema_of::<UnsubscribedEvent>()),
        ("resumed", schema_of::<ResumedEvent>()),
        ("resync_required", schema_of::<ResyncRequiredEvent>()),
    ]
}

/// The AsyncAPI messages of events, by name, and the schemas that they refer to.
pub(super) fn messages() -> (Map<String, Value>, Map<String, Value>) {
    let (mut messages, mut schemas) = (Map::new(), Map::new());
    for (name, BodySchema { body, collect_references }) in all_events() {
        let mut references = NamedSchemas::new();
        collect_references(&mut references);
        schemas.extend(references.into_iter().map(|(name, schema)| (name, json!(schema))));
        let payload = with_type(name, json!(body()));
        let summary = payload["description"].as_str().unwrap_or_default().to_owned();
        messages.insert(name.to_owned(), message_object(name, &summary, payload));
    }
    (messages, schemas)
}

/// Adds the property `type`, which names the event, to the schema of an event body.
fn with_type(name: &str, mut schema: Value) -> Value {
    schema["properties"]["type"] = json!({ "type": "string", "const": name });
    match schema["required"].as_array_mut() {
        Some(required) => required.push(json!("type")),
        None => schema["required"] = json!(["type"]),
    }
    schema
}
