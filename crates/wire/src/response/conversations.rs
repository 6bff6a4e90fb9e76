//! Responses with conversations and messages.

use domain::{PictureSize, SenderType, Status};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{labels::LabelResponse, people::IdAndName};
use crate::{
    enum_schemas::{self, REMOVED},
    time::Timestamp,
};

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
    /// Id of the guest who writes in the conversation.
    #[schema(minimum = 1)]
    pub guest_id: i64,
    /// Id of the department that the conversation is routed to; null if it is unrouted. A closed conversation keeps it.
    #[schema(required, minimum = 1)]
    pub department_id: Option<i64>,
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
    /// The labels of the conversation, ordered by id.
    pub labels: Vec<LabelResponse>,
    /// Number of guest messages in the conversation; it never decreases.
    #[schema(minimum = 0)]
    pub guest_messages: i64,
    /// Time of the oldest guest message since the last answer; null if the guest waits for none. Answers are messages,
    /// files and templates of staff that have not failed, `handled/`, and `close/`.
    #[schema(required)]
    pub waiting_since: Option<Timestamp>,
    /// Time until which the conversation is snoozed for all staff; null if it is not. Shortly after this time the snooze
    /// ends, and the key becomes null.
    #[schema(required)]
    pub snoozed_until: Option<Timestamp>,
    /// By when staff should answer: `waiting_since` and the target of the department (of an unrouted conversation: the
    /// default department), counted in its opening hours. Null if the guest does not wait, and without a target.
    #[schema(required)]
    pub response_due_at: Option<Timestamp>,
    /// Numbers of staff messages that the guest has not got.
    pub unsent: UnsentResponse,
}

/// Numbers of staff messages that the guest has not got, by delivery status.
#[derive(Serialize, ToSchema)]
#[schema(as = Unsent)]
pub struct UnsentResponse {
    /// Failed messages, without those that were handled by `handled/`.
    #[schema(minimum = 0)]
    pub failed: i64,
    /// Messages of which it is not known whether they arrived, without those that were handled by `handled/`.
    #[schema(minimum = 0)]
    pub unknown: i64,
    /// Messages that wait until the guest writes.
    #[schema(minimum = 0)]
    pub held: i64,
}

/// A conversation in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = Conversation)]
pub struct ConversationResponse {
    /// The part of the conversation that is the same for every reader.
    #[serde(flatten)]
    pub card: ConversationCard,
    /// Unread count: the number of guest messages after the caller's read position, which is `guest_messages` less
    /// `read_guest_messages`.
    #[schema(minimum = 0)]
    pub unread_count: i64,
    /// Whether the caller has a draft in the conversation.
    pub has_draft: bool,
    /// Number of guest messages up to the caller's read position. Events do not contain it; the event `read` does.
    #[schema(minimum = 0)]
    pub read_guest_messages: i64,
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
    /// Id of the message.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The full text of the message.
    pub content: String,
    /// Time of the message.
    pub timestamp: Timestamp,
    /// The side that sent the message.
    #[schema(schema_with = enum_schemas::names_of::<SenderType>)]
    pub sender_type: &'static str,
    /// Display name of the message's sender.
    pub sender_name: String,
    /// Delivery status; null for messages of guests.
    #[schema(schema_with = enum_schemas::nullable_delivery, required)]
    pub delivery: Option<&'static str>,
    /// Reactions to the message: at most one of the guest and one of staff.
    pub reactions: Vec<ReactionResponse>,
}

/// A message or an internal note. Everything that contains a message has this shape: pages, results of writes, events.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageResponse {
    /// Id of the message, ascending in the order in which messages are stored.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Id of the message's conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The text of the message.
    pub content: String,
    /// The side that sent the message.
    #[schema(schema_with = enum_schemas::names_of::<SenderType>)]
    pub sender_type: &'static str,
    /// Id of the staff member who wrote the message; null for messages of guests and of the guest flow.
    #[schema(required, minimum = 1)]
    pub sender_id: Option<i64>,
    /// Display name of the message's sender.
    pub sender_name: String,
    /// Time of the message; for a guest's message, the time that WhatsApp reported.
    pub timestamp: Timestamp,
    /// Delivery status; null for messages of guests and for notes. `removed` occurs only in the repetition of a send
    /// whose message was taken back.
    #[schema(schema_with = enum_schemas::message_delivery, required)]
    pub delivery: Option<&'static str>,
    /// With the delivery status `failed`: the reason, as a sentence for a person. Otherwise null.
    #[schema(required)]
    pub failure: Option<String>,
    /// Files attached to the message.
    pub attachments: Vec<AttachmentResponse>,
    /// Whether this is an internal note, which is never sent to a guest.
    pub internal: bool,
    /// The message that this one quotes; null if it quotes none.
    #[schema(required)]
    pub reply_to: Option<QuoteResponse>,
    /// Reactions to the message: at most one of the guest and one of staff.
    pub reactions: Vec<ReactionResponse>,
    /// The time for which the message was scheduled; null if it was sent at once.
    #[schema(required)]
    pub send_at: Option<Timestamp>,
}

/// A message that another one quotes. If the quoted message is unknown, `id` is null and the other keys are absent.
#[derive(Serialize, ToSchema)]
#[schema(as = Quote)]
pub struct QuoteResponse {
    /// Id of the quoted message; null if the quoted message is unknown.
    #[schema(required, minimum = 1)]
    pub id: Option<i64>,
    /// The first 200 characters of the quoted message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub content: Option<String>,
    /// The side that sent the quoted message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = enum_schemas::names_of::<SenderType>, required = false)]
    pub sender_type: Option<&'static str>,
    /// Display name of the quoted message's sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub sender_name: Option<String>,
}

/// A reaction to a message.
#[derive(Serialize, ToSchema)]
#[schema(as = Reaction)]
pub struct ReactionResponse {
    /// The emoji of the reaction.
    pub emoji: String,
    /// The side that reacted: the guest or staff.
    #[schema(schema_with = enum_schemas::reaction_side)]
    pub by: &'static str,
    /// Id of the staff member who reacted; null for a reaction of the guest.
    #[schema(required, minimum = 1)]
    pub staff_id: Option<i64>,
    /// Time of the reaction.
    pub at: Timestamp,
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
    /// Width in pixels in which a picture is shown; null if the file is no picture, or if its size is unknown.
    #[schema(minimum = 1, required)]
    pub width: Option<i32>,
    /// Height in pixels in which a picture is shown; null if the file is no picture, or if its size is unknown.
    #[schema(minimum = 1, required)]
    pub height: Option<i32>,
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
            id: view.conversation.id().0,
            stay_id: view.conversation.stay().map(|id| id.0),
            guest_name: view.guest_name.clone(),
            room_number: view.room_number.clone(),
            status: view.conversation.status().as_str(),
            guest_id: view.conversation.guest().0,
            department_id: view.conversation.department().map(|id| id.0),
            department_name: view.department_name.clone(),
            last_message: view.last_message.as_ref().map(LastMessageResponse::from),
            updated_at: Timestamp(view.updated_at),
            assigned_to: view.assignee.as_ref().map(IdAndName::from),
            last_guest_message_at: view.last_guest_message_at.map(Timestamp),
            window_expires_at: view.window_expires_at().map(Timestamp),
            labels: view.labels.iter().map(LabelResponse::from).collect(),
            guest_messages: view.guest_messages,
            waiting_since: view.waiting_since.map(Timestamp),
            snoozed_until: view.conversation.snoozed_until().map(Timestamp),
            response_due_at: view.response_due_at.map(Timestamp),
            unsent: view.unsent.into(),
        }
    }
}

impl From<domain::conversation::UnsentCounts> for UnsentResponse {
    fn from(counts: domain::conversation::UnsentCounts) -> Self {
        Self { failed: counts.failed, unknown: counts.unknown, held: counts.held }
    }
}

impl From<&domain::ConversationView> for ConversationResponse {
    fn from(view: &domain::ConversationView) -> Self {
        Self {
            card: view.into(),
            unread_count: view.unread(),
            has_draft: view.has_draft,
            read_guest_messages: view.read_guest_messages,
        }
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
            id: message.id.0,
            content: message.content.clone(),
            timestamp: Timestamp(message.at),
            sender_type: message.sender_type.as_str(),
            sender_name: message.sender_name.clone(),
            delivery: message.delivery.map(domain::Delivery::as_str),
            reactions: message.reactions.iter().map(ReactionResponse::from).collect(),
        }
    }
}

impl From<&domain::Quote> for QuoteResponse {
    fn from(quote: &domain::Quote) -> Self {
        match quote {
            domain::Quote::Unknown => Self { id: None, content: None, sender_type: None, sender_name: None },
            domain::Quote::Known(quoted) => Self {
                id: Some(quoted.id.0),
                content: Some(quoted.content.clone()),
                sender_type: Some(quoted.sender_type.as_str()),
                sender_name: Some(quoted.sender_name.clone()),
            },
        }
    }
}

impl From<&domain::Reaction> for ReactionResponse {
    fn from(reaction: &domain::Reaction) -> Self {
        Self {
            emoji: reaction.emoji.clone(),
            by: if reaction.staff.is_some() { "staff" } else { "guest" },
            staff_id: reaction.staff.map(|id| id.0),
            at: Timestamp(reaction.at),
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
            width: attachment.picture_size.map(PictureSize::width),
            height: attachment.picture_size.map(PictureSize::height),
        }
    }
}

impl From<&domain::Message> for MessageResponse {
    fn from(message: &domain::Message) -> Self {
        Self {
            id: message.id.0,
            conversation_id: message.conversation.0,
            stay_id: message.stay.map(|id| id.0),
            content: message.content.clone(),
            sender_type: message.sender_type.as_str(),
            sender_id: message.author.map(|id| id.0),
            sender_name: message.sender_name.clone(),
            timestamp: Timestamp(message.at),
            delivery: match message.is_removed {
                true => Some(REMOVED),
                false => message.delivery.map(domain::Delivery::as_str),
            },
            failure: message.failure.clone(),
            attachments: message.attachments.iter().map(AttachmentResponse::from).collect(),
            internal: message.internal,
            reply_to: message.reply_to.as_ref().map(QuoteResponse::from),
            reactions: message.reactions.iter().map(ReactionResponse::from).collect(),
            send_at: message.send_at.map(Timestamp),
        }
    }
}
