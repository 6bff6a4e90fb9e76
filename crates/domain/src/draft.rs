//! Drafts: texts that staff members have begun to write.

use chrono::{DateTime, Utc};

use crate::ids::{ConversationId, MessageId};

/// The text that a staff member has begun to write in a conversation, at most one for each pair.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Draft {
    /// The conversation in which the staff member writes.
    pub conversation: ConversationId,
    /// The text as typed, not trimmed. Empty if the draft is deleted.
    pub text: String,
    /// The message that the text replies to.
    pub reply_to: Option<MessageId>,
    /// Whether the text is going to be an internal note.
    pub internal: bool,
    /// Time of the last change, later than that of the change before; `None` if the draft is deleted.
    pub updated_at: Option<DateTime<Utc>>,
}
