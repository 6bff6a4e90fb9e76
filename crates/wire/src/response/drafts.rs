//! Responses with drafts.

use serde::Serialize;
use utoipa::ToSchema;

use crate::time::Timestamp;

/// What the caller has begun to write in a conversation, on any device.
#[derive(Serialize, ToSchema)]
#[schema(as = StoredDraft)]
pub struct DraftResponse {
    /// Id of the conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// The text as typed, not trimmed. Empty only in the response to a call that deletes the draft.
    pub text: String,
    /// Id of the message that the text replies to; null for none.
    #[schema(required, minimum = 1)]
    pub reply_to: Option<i64>,
    /// Whether the text is going to be an internal note.
    pub internal: bool,
    /// Time of the last change, which identifies this version of the draft; null if the draft is deleted.
    #[schema(required)]
    pub updated_at: Option<Timestamp>,
}

/// The caller's drafts.
#[derive(Serialize, ToSchema)]
#[schema(as = Drafts)]
pub struct DraftsResponse {
    /// The drafts of visible conversations, last changed first, at most 1,000.
    pub results: Vec<DraftResponse>,
}

impl From<&domain::Draft> for DraftResponse {
    fn from(draft: &domain::Draft) -> Self {
        Self {
            conversation_id: draft.conversation.0,
            text: draft.text.clone(),
            reply_to: draft.reply_to.map(|id| id.0),
            internal: draft.internal,
            updated_at: draft.updated_at.map(Timestamp),
        }
    }
}
