//! Conversations and messages.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Named;
use crate::{time::Timestamp, words};

/// A conversation, apart from what is the reader's own: as events show it.
#[derive(Serialize, ToSchema)]
pub struct ConversationCard {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The stay, where one is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The booking's name for the guest; where no stay is known, their profile's, or a number.
    pub guest_name: String,
    /// The room, where a stay is known.
    #[schema(required)]
    pub room_number: Option<String>,
    /// Where it stands.
    #[schema(schema_with = words::status)]
    pub status: &'static str,
    /// The department it is routed to.
    #[schema(required)]
    pub department_name: Option<String>,
    /// Its last message; notes do not count.
    #[schema(required)]
    pub last_message: Option<LastMessage>,
    /// When anything was last added or changed.
    pub updated_at: Timestamp,
    /// Who answers it.
    #[schema(required)]
    pub assigned_to: Option<Named>,
    /// When the guest last wrote in this conversation.
    #[schema(required)]
    pub last_guest_message_at: Option<Timestamp>,
    /// Until when WhatsApp lets one write freely to the guest, who may have written in another conversation; null where
    /// no WhatsApp is.
    #[schema(required)]
    pub window_expires_at: Option<Timestamp>,
}

/// A conversation, as lists show it.
#[derive(Serialize, ToSchema)]
pub struct Conversation {
    /// What all readers see alike.
    #[serde(flatten)]
    pub card: ConversationCard,
    /// The guest's messages after the reader's mark.
    #[schema(minimum = 0)]
    pub unread_count: i64,
}

/// A conversation in full.
#[derive(Serialize, ToSchema)]
pub struct ConversationDetails {
    /// As lists show it.
    #[serde(flatten)]
    pub conversation: Conversation,
    /// The guest's number, where it is known.
    #[schema(required)]
    pub guest_phone: Option<String>,
    /// The flow's memory.
    #[schema(value_type = Object)]
    pub context_data: Map<String, Value>,
    /// When it came into being.
    pub created_at: Timestamp,
    /// The flow's step.
    pub current_step: String,
    /// The first day of the stay.
    #[schema(required, format = Date)]
    pub check_in: Option<String>,
    /// The last day of the stay.
    #[schema(required, format = Date)]
    pub check_out: Option<String>,
}

/// The last message of a conversation.
#[derive(Serialize, ToSchema)]
pub struct LastMessage {
    /// Its whole text.
    pub content: String,
    /// When.
    pub timestamp: Timestamp,
    /// Who spoke.
    #[schema(schema_with = words::sender_type)]
    pub sender_type: &'static str,
}

/// A message or a note.
#[derive(Serialize, ToSchema)]
pub struct Message {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// What was said.
    pub content: String,
    /// Who spoke.
    #[schema(schema_with = words::sender_type)]
    pub sender_type: &'static str,
    /// The name of who spoke.
    pub sender_name: String,
    /// When.
    pub timestamp: Timestamp,
    /// How far it came.
    #[schema(schema_with = words::delivery, required)]
    pub delivery: Option<&'static str>,
    /// Why it failed: a sentence for a person.
    #[schema(required)]
    pub failure: Option<String>,
    /// Its attachments.
    pub attachments: Vec<Attachment>,
    /// True for a note: never sent to a guest.
    pub internal: bool,
}

/// A file of a message.
#[derive(Serialize, ToSchema)]
pub struct Attachment {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// What the file is called.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    #[schema(minimum = 0)]
    pub size: i64,
}

impl From<&domain::ConversationView> for ConversationCard {
    fn from(it: &domain::ConversationView) -> Self {
        Self {
            id: it.conversation.id.0,
            stay_id: it.conversation.stay.map(|it| it.0),
            guest_name: it.guest_name.clone(),
            room_number: it.room_number.clone(),
            status: it.conversation.status.as_str(),
            department_name: it.department_name.clone(),
            last_message: it.last_message.as_ref().map(LastMessage::from),
            updated_at: Timestamp(it.updated_at),
            assigned_to: it.assignee.as_ref().map(Named::from),
            last_guest_message_at: it.last_guest_message_at.map(Timestamp),
            window_expires_at: it.window_expires_at().map(Timestamp),
        }
    }
}

impl From<&domain::ConversationView> for Conversation {
    fn from(it: &domain::ConversationView) -> Self {
        Self { card: it.into(), unread_count: it.unread }
    }
}

impl From<&domain::ConversationView> for ConversationDetails {
    fn from(it: &domain::ConversationView) -> Self {
        Self {
            conversation: it.into(),
            guest_phone: it.guest_phone.clone(),
            // The database holds nothing but objects; one that cannot be read hides no conversation.
            context_data: serde_json::from_str(&it.context_data).unwrap_or_default(),
            created_at: Timestamp(it.created_at),
            current_step: it.current_step.clone(),
            check_in: it.days.map(|(first, _)| first.to_string()),
            check_out: it.days.map(|(_, last)| last.to_string()),
        }
    }
}

impl From<&domain::LastMessage> for LastMessage {
    fn from(it: &domain::LastMessage) -> Self {
        Self { content: it.content.clone(), timestamp: Timestamp(it.at), sender_type: it.sender_type.as_str() }
    }
}

impl From<&domain::Attachment> for Attachment {
    fn from(it: &domain::Attachment) -> Self {
        Self { id: it.id.0, name: it.name.clone(), content_type: it.content_type.clone(), size: it.size }
    }
}

impl From<&domain::Message> for Message {
    fn from(it: &domain::Message) -> Self {
        Self {
            id: it.id.0,
            content: it.content.clone(),
            sender_type: it.sender_type.as_str(),
            sender_name: it.sender_name.clone(),
            timestamp: Timestamp(it.at),
            delivery: it.delivery.map(domain::Delivery::as_str),
            failure: it.failure.clone(),
            attachments: it.attachments.iter().map(Attachment::from).collect(),
            internal: it.internal,
        }
    }
}
