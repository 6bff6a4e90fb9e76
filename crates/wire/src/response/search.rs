//! Responses with messages that a search found.

use domain::{ConversationView, Message};
use serde::Serialize;
use utoipa::ToSchema;

use super::conversations::MessageResponse;

/// A message that a search found, with its conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = SearchHit)]
pub struct SearchHitResponse {
    /// Id of the conversation with the message.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the stay that the conversation is about; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The name of the guest, as in lists of conversations.
    pub guest_name: String,
    /// Room number of the stay; null if no stay is known.
    #[schema(required)]
    pub room_number: Option<String>,
    /// The message.
    pub message: MessageResponse,
    /// The part of the text around the words that were found, as HTML: these words are in `<mark>`, everything else is
    /// escaped.
    #[schema(example = "Two more <mark>towels</mark> &amp; a pillow, please")]
    pub excerpt: String,
}

/// A page of the messages that a search found.
#[derive(Serialize, ToSchema)]
#[schema(as = SearchHitPage)]
pub struct SearchPageResponse {
    /// Number of messages on all pages together; it stops at 1,000.
    #[schema(minimum = 0, maximum = 1000)]
    pub count: i64,
    /// URL of the next page; null on the last page.
    #[schema(required)]
    pub next: Option<String>,
    /// URL of the previous page; null on the first page.
    #[schema(required)]
    pub previous: Option<String>,
    /// The messages of this page, the best first, of equally good ones the newest.
    pub results: Vec<SearchHitResponse>,
    /// Whether messages of a time before the search index are still being added to it, so that they are not found yet.
    pub indexing: bool,
}

impl SearchHitResponse {
    /// Creates the response from a message, its conversation, and the excerpt of its text.
    pub fn new(message: &Message, conversation: &ConversationView, excerpt: String) -> Self {
        Self {
            conversation_id: message.conversation.0,
            stay_id: message.stay.map(|id| id.0),
            guest_name: conversation.guest_name.clone(),
            room_number: conversation.room_number.clone(),
            message: MessageResponse::from(message),
            excerpt,
        }
    }
}
