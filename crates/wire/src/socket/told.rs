//! The bodies of events, without their `type`. Events carry both ids of a conversation; `stay_id` is
//! null where there is no stay.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    answers::{Attachment, ConversationCard, Message},
    fields::FieldErrors,
    time::Timestamp,
    words,
};

/// The first event.
#[derive(Serialize, ToSchema)]
pub struct Welcome {
    /// The session that the socket lives as long as.
    pub session_id: String,
    /// Names the database's history.
    pub epoch: String,
    /// Up to here nothing is missing.
    #[schema(minimum = 0)]
    pub seq: i64,
    /// The seconds between two heartbeats.
    #[schema(minimum = 1)]
    pub heartbeat_seconds: i64,
}

/// Tells that the line lives.
#[derive(Serialize, ToSchema)]
pub struct Heartbeat {
    /// All up to it that concerns this socket was sent before.
    #[schema(minimum = 0)]
    pub seq: i64,
}

/// A command was done.
#[derive(Serialize, ToSchema)]
pub struct Ack {
    /// The command's id.
    pub request_id: String,
    /// The command's word.
    pub command: &'static str,
    /// Of subscribing: the place in the log from which it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, minimum = 0, required = false)]
    pub seq: Option<i64>,
    /// Of `send_message`: the message, as stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Message, required = false)]
    pub message: Option<Message>,
    /// Of `send_message`: what its sender called it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub client_ref: Option<String>,
}

/// A command was not done.
#[derive(Serialize, ToSchema)]
pub struct CommandError {
    /// The command's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub request_id: Option<String>,
    /// The command's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub command: Option<String>,
    /// A stable word for a program.
    #[schema(pattern = "^[a-z_]+$")]
    pub code: &'static str,
    /// A sentence for a person.
    pub detail: String,
    /// With `invalid`: what is wrong with each field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = words::field_errors, required = false)]
    pub errors: Option<FieldErrors>,
    /// With `stale_reply`: all that came after what the sender had seen, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Message>, required = false)]
    pub newer: Option<Vec<Message>>,
}

/// The answer to a `ping`.
#[derive(Serialize, ToSchema)]
pub struct Pong {
    /// The command's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub request_id: Option<String>,
}

/// A message, or a note, of a conversation that one subscribes to.
#[derive(Serialize, ToSchema)]
pub struct NewMessage {
    /// The conversation's stay.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// What was said.
    pub content: String,
    /// Who spoke.
    #[schema(schema_with = words::sender_type)]
    pub sender_type: &'static str,
    /// The name of who spoke.
    pub sender_name: String,
    /// When.
    pub timestamp: Timestamp,
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Its place in the log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// How far it came.
    #[schema(schema_with = words::delivery, required)]
    pub delivery: Option<&'static str>,
    /// Its attachments.
    pub attachments: Vec<Attachment>,
    /// What its sender called it: on the sender's own sockets only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub client_ref: Option<String>,
}

/// A message to a guest came further, or failed.
#[derive(Serialize, ToSchema)]
pub struct MessageStatus {
    /// The conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Its stay.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The message.
    #[schema(minimum = 1)]
    pub message_id: i64,
    /// Its place in the log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// How far it came.
    #[schema(schema_with = words::delivered)]
    pub delivery: &'static str,
    /// Why it failed: a sentence for a person.
    #[schema(required)]
    pub failure: Option<String>,
}

/// A conversation came into being, or was routed to one's department from outside it.
#[derive(Serialize, ToSchema)]
pub struct NewConversation {
    /// Its stay.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// A sentence for a person.
    pub message: &'static str,
    /// When.
    pub timestamp: Timestamp,
    /// Its place in the log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// The guest.
    pub guest_name: String,
    /// The department it is routed to.
    #[schema(required)]
    pub department_name: Option<String>,
}

/// A conversation changed.
#[derive(Serialize, ToSchema)]
pub struct ConversationUpdated {
    /// Its place in the log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// The conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Its stay.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// How it is now.
    pub conversation: ConversationCard,
}

/// A conversation of the inbox is out of sight.
#[derive(Serialize, ToSchema)]
pub struct ConversationRemoved {
    /// Its place in the log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// The conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Its stay.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
}

/// A colleague types, or has stopped. Not logged.
#[derive(Serialize, ToSchema)]
pub struct Typing {
    /// The conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Its stay.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The colleague.
    #[schema(minimum = 1)]
    pub staff_id: i64,
    /// Their name.
    pub staff_name: String,
    /// Whether they type.
    pub typing: bool,
}

/// Somebody has read so far. Not logged.
#[derive(Serialize, ToSchema)]
pub struct Read {
    /// The conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Its stay.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The reader.
    #[schema(minimum = 1)]
    pub staff_id: i64,
    /// Their name.
    pub staff_name: String,
    /// The newest message that they read.
    #[schema(minimum = 1)]
    pub message_id: i64,
}

/// A subscription ended, or could not be resumed: the conversation is out of sight. Not logged.
#[derive(Serialize, ToSchema)]
pub struct Unsubscribed {
    /// The conversation; null where only a stay was named.
    #[schema(required, minimum = 1)]
    pub conversation_id: Option<i64>,
    /// Its stay; null where there is none, or only the conversation was named.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// Why.
    #[schema(schema_with = words::reason)]
    pub reason: &'static str,
}

/// A replay is over; live events follow.
#[derive(Serialize, ToSchema)]
pub struct Resumed {
    /// All up to it that concerns this socket was sent before.
    #[schema(minimum = 0)]
    pub seq: i64,
    /// How many events were replayed.
    #[schema(minimum = 0)]
    pub replayed: i64,
}

/// The cursor is worthless: fetch afresh, and resume from here.
#[derive(Serialize, ToSchema)]
pub struct ResyncRequired {
    /// Names the database's history.
    pub epoch: String,
    /// The last event of the log.
    #[schema(minimum = 0)]
    pub seq: i64,
}
