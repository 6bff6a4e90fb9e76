//! Responses with guests.

use domain::Status;
use serde::Serialize;
use utoipa::ToSchema;

use super::stays::StayResponse;
use crate::{enum_schemas, time::Timestamp};

/// A guest with stays and visible conversations.
#[derive(Serialize, ToSchema)]
#[schema(as = Guest)]
pub struct GuestResponse {
    /// Id of the guest. If two guests turn out to be the same person, one id remains.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Name of the guest on the newest stay. Without a stay: the profile name in WhatsApp, or else an identifier.
    pub name: String,
    /// Phone number of the guest in E.164, if known.
    #[schema(required)]
    pub phone: Option<String>,
    /// WhatsApp id of the guest, if known.
    #[schema(required)]
    pub wa_id: Option<String>,
    /// The language that the guest speaks, as a tag of BCP 47; null if it is not known.
    #[schema(required, example = "pt-BR")]
    pub language: Option<String>,
    /// The note of the staff about the guest; null for none.
    #[schema(required)]
    pub note: Option<String>,
    /// Time when the guest became known.
    pub created_at: Timestamp,
    /// The stays of the guest, last created first, at most 200.
    pub stays: Vec<StayResponse>,
    /// The conversations of the guest that the caller may see, last created first, at most 200.
    pub conversations: Vec<GuestConversationResponse>,
}

/// A conversation of a guest.
#[derive(Serialize, ToSchema)]
#[schema(as = GuestConversation)]
pub struct GuestConversationResponse {
    /// Id of the conversation.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Status of the conversation.
    #[schema(schema_with = enum_schemas::names_of::<Status>)]
    pub status: &'static str,
    /// Id of the stay that the conversation is about; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// Time of the newest message; null if there is none. Internal notes do not count.
    #[schema(required)]
    pub last_message_at: Option<Timestamp>,
}

impl From<&domain::guest::GuestCard> for GuestResponse {
    fn from(card: &domain::guest::GuestCard) -> Self {
        let identity = &card.guest.identity;
        Self {
            id: card.guest.id.0,
            name: card.name.clone(),
            phone: identity.phone.as_ref().map(ToString::to_string),
            wa_id: identity.wa_id.clone(),
            language: card.language.as_ref().map(ToString::to_string),
            note: card.note.clone(),
            created_at: Timestamp(card.created_at),
            stays: card.stays.iter().map(StayResponse::from).collect(),
            conversations: card.conversations.iter().map(GuestConversationResponse::from).collect(),
        }
    }
}

impl From<&domain::guest::GuestConversation> for GuestConversationResponse {
    fn from(conversation: &domain::guest::GuestConversation) -> Self {
        Self {
            id: conversation.id.0,
            status: conversation.status.as_str(),
            stay_id: conversation.stay.map(|id| id.0),
            last_message_at: conversation.last_message_at.map(Timestamp),
        }
    }
}
