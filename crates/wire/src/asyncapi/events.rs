//! Messages of events in the AsyncAPI document: the schemas of their bodies, each with its `type`.

use serde_json::{Map, Value, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::message_object::{message_object, spell_out};
use crate::json_schema::move_enums_to_named_schemas;
use crate::socket::event_bodies::{
    AckEvent, CommandErrorEvent, ConversationRemovedEvent, ConversationUpdatedEvent, CountsEvent,
    DirectoryUpdatedEvent, DraftUpdatedEvent, HeartbeatEvent, HistoryAddedEvent, MessageRemovedEvent,
    MessageStatusEvent, MessageUpdatedEvent, NewConversationEvent, NewMessageEvent, PongEvent, ReadEvent,
    ResponseOverdueEvent, ResumedEvent, ResyncRequiredEvent, ScheduledUpdatedEvent, StayUpdatedEvent, TypingEvent,
    UnsubscribedEvent, ViewingEvent, WelcomeEvent,
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

fn all_events() -> [(&'static str, BodySchema); 26] {
    [
        ("welcome", schema_of::<WelcomeEvent>()),
        ("heartbeat", schema_of::<HeartbeatEvent>()),
        ("ack", schema_of::<AckEvent>()),
        ("error", schema_of::<CommandErrorEvent>()),
        ("pong", schema_of::<PongEvent>()),
        ("new_message", schema_of::<NewMessageEvent>()),
        ("new_note", schema_of::<NewMessageEvent>()),
        ("message_updated", schema_of::<MessageUpdatedEvent>()),
        ("message_removed", schema_of::<MessageRemovedEvent>()),
        ("message_status", schema_of::<MessageStatusEvent>()),
        ("new_conversation", schema_of::<NewConversationEvent>()),
        ("conversation_updated", schema_of::<ConversationUpdatedEvent>()),
        ("conversation_removed", schema_of::<ConversationRemovedEvent>()),
        ("directory_updated", schema_of::<DirectoryUpdatedEvent>()),
        ("stay_updated", schema_of::<StayUpdatedEvent>()),
        ("response_overdue", schema_of::<ResponseOverdueEvent>()),
        ("history_added", schema_of::<HistoryAddedEvent>()),
        ("scheduled_updated", schema_of::<ScheduledUpdatedEvent>()),
        ("typing", schema_of::<TypingEvent>()),
        ("viewing", schema_of::<ViewingEvent>()),
        ("read", schema_of::<ReadEvent>()),
        ("draft_updated", schema_of::<DraftUpdatedEvent>()),
        ("counts", schema_of::<CountsEvent>()),
        ("unsubscribed", schema_of::<UnsubscribedEvent>()),
        ("resumed", schema_of::<ResumedEvent>()),
        ("resync_required", schema_of::<ResyncRequiredEvent>()),
    ]
}

/// The AsyncAPI messages of events, by name, and the schemas that they refer to.
pub(super) fn messages() -> (Map<String, Value>, Map<String, Value>) {
    let mut schemas = Map::new();
    let mut payloads = Vec::new();
    for (name, BodySchema { body, collect_references }) in all_events() {
        let mut references = NamedSchemas::new();
        collect_references(&mut references);
        schemas.extend(references.into_iter().map(|(name, schema)| (name, json!(schema))));
        payloads.push((name, with_type(name, json!(body()))));
    }
    let mut enums = Map::new();
    schemas.values_mut().for_each(|schema| move_enums_to_named_schemas(schema, &mut enums));
    payloads.iter_mut().for_each(|(_, payload)| move_enums_to_named_schemas(payload, &mut enums));
    schemas.extend(enums);
    let message = |(name, payload): (&str, Value)| {
        let summary = payload["description"].as_str().unwrap_or_default().to_owned();
        let title = format!("{} event", spell_out(name));
        (name.to_owned(), message_object(name, &title, &summary, payload, &schemas))
    };
    (payloads.into_iter().map(message).collect(), schemas)
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
