//! Responses with conversations and messages.

use domain::{SenderType, Status};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::people::IdAndName;
use crate::{enum_schemas, time::Timestamp};

/// The part of a conversation that is the same for every reader; also the content of `conversation_updated`.
#[derive(Serialize, ToSchema)]
pub struct ConversationCard {
    /// Id of the conversation.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Id of the stay that the conversation is about; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The name of the guest on the booking. If no stay is known: the guest's profile name in WhatsApp, or else the
    /// phone number or another identifier of the guest.
    pub guest_name: String,
    /// Room number of the stay; null if no stay is known.
    #[schema(required)]
    pub room_number: Option<String>,
    /// Status of the conversation; `relay` if it is routed to a department.
    #[schema(schema_with = enum_schemas::names_of::<Status>)]
    pub status: &'static str,
    /// Name of the department that the conversation is routed to; null if it is unrouted.
    #[schema(required)]
    pub department_name: Option<String>,
    /// The newest message of the conversation; internal notes do not count.
    #[schema(required)]
    pub last_message: Option<LastMessageResponse>,
    /// Time of the newest message in the conversation or change of it.
    pub updated_at: Timestamp,
    /// The assignee: the staff member in charge of the conversation; null if nobody is.
    #[schema(required)]
    pub assigned_to: Option<IdAndName>,
    /// Time of the guest's newest message in this conversation.
    #[schema(required)]
    pub last_guest_message_at: Option<Timestamp>,
    /// End of WhatsApp's 24-hour window for free text, which a guest's message in any conversation opens. Null if the
    /// hotel has no WhatsApp number or the guest has never written to it.
    #[schema(required)]
    pub window_expires_at: Option<Timestamp>,
}

/// A conversation in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = Conversation)]
pub struct ConversationResponse {
    /// The part of the conversation that is the same for every reader.
    #[serde(flatten)]
    pub card: ConversationCard,
    /// Unread count: the number of guest messages after the caller's read position.
    #[schema(minimum = 0)]
    pub unread_count: i64,
}

/// A conversation with all details.
#[derive(Serialize, ToSchema)]
pub struct ConversationDetails {
    /// The fields that lists of conversations also show.
    #[serde(flatten)]
    pub conversation: ConversationResponse,
    /// Phone number of the guest in E.164, if known.
    #[schema(required)]
    pub guest_phone: Option<String>,
    /// Memory of the guest flow in this conversation: answers of the guest and counters.
    #[schema(value_type = Object)]
    pub context_data: Map<String, Value>,
    /// Time when the conversation was created.
    pub created_at: Timestamp,
    /// Name of the conversation's step in the guest flow.
    pub current_step: String,
    /// First day of the stay; null if no stay is known.
    #[schema(required, format = Date)]
    pub check_in: Option<String>,
    /// Last day of the stay; null if no stay is known.
    #[schema(required, format = Date)]
    pub check_out: Option<String>,
}

/// The newest message of a conversation, as lists show it.
#[derive(Serialize, ToSchema)]
#[schema(as = LastMessage)]
pub struct LastMessageResponse {
    /// The full text of the message.
    pub content: String,
    /// Time of the message.
    pub timestamp: Timestamp,
    /// The side that sent the message.
    #[schema(schema_with = enum_schemas::names_of::<SenderType>)]
    pub sender_type: &'static str,
}

/// A message or an internal note.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageResponse {
    /// Id of the message, ascending in the order in which messages are stored.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The text of the message.
    pub content: String,
    /// The side that sent the message.
    #[schema(schema_with = enum_schemas::names_of::<SenderType>)]
    pub sender_type: &'static str,
    /// Display name of the message's sender.
    pub sender_name: String,
    /// Time of the message.
    pub timestamp: Timestamp,
    /// Delivery status; null for messages of guests and for notes.
    #[schema(schema_with = enum_schemas::nullable_delivery, required)]
    pub delivery: Option<&'static str>,
    /// With the delivery status `failed`: the reason, as a sentence for a person. Otherwise null.
    #[schema(required)]
    pub failure: Option<String>,
    /// Files attached to the message.
    pub attachments: Vec<AttachmentResponse>,
    /// Whether this is an internal note, which is never sent to a guest.
    pub internal: bool,
}

/// A file attached to a message.
#[derive(Serialize, ToSchema)]
#[schema(as = Attachment)]
pub struct AttachmentResponse {
    /// Id of the attachment.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Name of the file.
    pub name: String,
    /// Media type of the file as declared by the sender, such as `image/jpeg`.
    pub content_type: String,
    /// Size of the file in bytes; 0 until the file has been fetched from WhatsApp.
    #[schema(minimum = 0)]
    pub size: i64,
}

/// Confirmation that a relay has ended: the guest flow replies again.
#[derive(Serialize, ToSchema)]
#[schema(as = RelayEnded)]
pub struct RelayEndedResponse {
    #[schema(schema_with = enum_schemas::relay_ended)]
    status: &'static str,
}

impl Default for RelayEndedResponse {
    fn default() -> Self {
        Self { status: "relay ended" }
    }
}

/// Ids of a message of a simulated guest that was stored.
#[derive(Serialize, ToSchema)]
#[schema(as = GuestMessageStored)]
pub struct GuestMessageStoredResponse {
    /// Id of the stored message.
    #[schema(minimum = 1)]
    pub message_id: i64,
    /// Id of the message's conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// Id of the hotel that received the message.
    #[schema(minimum = 1)]
    pub hotel_id: i64,
}

impl From<&domain::ConversationView> for ConversationCard {
    fn from(view: &domain::ConversationView) -> Self {
        Self {
            id: view.conversation.id.0,
            stay_id: view.conversation.stay.map(|id| id.0),
            guest_name: view.guest_name.clone(),
            room_number: view.room_number.clone(),
            status: view.conversation.status.as_str(),
            department_name: view.department_name.clone(),
            last_message: view.last_message.as_ref().map(LastMessageResponse::from),
            updated_at: Timestamp(view.updated_at),
            assigned_to: view.assignee.as_ref().map(IdAndName::from),
            last_guest_message_at: view.last_guest_message_at.map(Timestamp),
            window_expires_at: view.window_expires_at().map(Timestamp),
        }
    }
}

impl From<&domain::ConversationView> for ConversationResponse {
    fn from(view: &domain::ConversationView) -> Self {
        Self { card: view.into(), unread_count: view.unread }
    }
}

impl From<&domain::ConversationView> for ConversationDetails {
    fn from(view: &domain::ConversationView) -> Self {
        Self {
            conversation: view.into(),
            guest_phone: view.guest_phone.clone(),
            // The database holds JSON objects only. If the memory of the flow is unreadable, the conversation is shown
            // all the same.
            context_data: serde_json::from_str(&view.context_data).unwrap_or_default(),
            created_at: Timestamp(view.created_at),
            current_step: view.current_step.clone(),
            check_in: view.days.map(|(first, _)| first.to_string()),
            check_out: view.days.map(|(_, last)| last.to_string()),
        }
    }
}

impl From<&domain::conversation::LastMessage> for LastMessageResponse {
    fn from(message: &domain::conversation::LastMessage) -> Self {
        Self {
            content: message.content.clone(),
            timestamp: Timestamp(message.at),
            sender_type: message.sender_type.as_str(),
        }
    }
}

impl From<&domain::Attachment> for AttachmentResponse {
    fn from(attachment: &domain::Attachment) -> Self {
        Self {
            id: attachment.id.0,
            name: attachment.name.clone(),
            content_type: attachment.content_type.clone(),
            size: attachment.size,
        }
    }
}

impl From<&domain::Message> for MessageResponse {
    fn from(message: &domain::Message) -> Self {
        Self {
            id: message.id.0,
            content: message.content.clone(),
            sender_type: message.sender_type.as_str(),
            sender_name: message.sender_name.clone(),
            timestamp: Timestamp(message.at),
            delivery: message.delivery.map(domain::Delivery::as_str),
            failure: message.failure.clone(),
            attachments: message.attachments.iter().map(AttachmentResponse::from).collect(),
            internal: message.internal,
        }
    }
}
