//! Request bodies of calls on drafts.

use chrono::{DateTime, Utc};
use domain::{DraftText, MessageId};

use super::{
    json_body::json_body,
    presence::{Flag, NullableChange, Optional, Required},
};

json_body! {
    /// What the caller has begun to write in a conversation. It replaces the stored draft.
    pub struct DraftBody {
        /// The text as typed, at most 4,096 characters. An empty text deletes the draft.
        text: Required<DraftText>,
        /// Id of the message of this conversation that the text replies to.
        reply_to: Optional<MessageId>,
        /// Whether the text is going to be an internal note. Default: false.
        internal: Flag<false>,
        /// The `updated_at` of the draft from which the client began, null if there was none. If the stored draft is
        /// another one: 409 `draft_conflict`, and nothing is stored. If absent, the last write wins.
        base_updated_at: NullableChange<DateTime<Utc>>,
    }
}
