//! What REST answers. Ids are positive 64-bit integers.

mod conversations;
mod people;
mod stays;
mod templates;

pub use conversations::{Attachment, Conversation, ConversationCard, ConversationDetails, LastMessage, Message};
pub use people::{Department, Hotel, Me, Named, SignedIn, Staff};
pub use stays::{Imported, ImportedRow, Stay};
pub use templates::Template;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{fields::FieldErrors, socket::Logged, words};

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub struct Page<T> {
    /// How many entries there are on all pages.
    #[schema(minimum = 0)]
    pub count: i64,
    /// The address of the next page.
    #[schema(required)]
    pub next: Option<String>,
    /// The address of the page before.
    #[schema(required)]
    pub previous: Option<String>,
    /// The entries.
    pub results: Vec<T>,
}

/// A part of the event log, as far as it concerns the caller.
#[derive(Serialize, ToSchema)]
pub struct Missed {
    /// Names the database's history.
    pub epoch: String,
    /// Up to here the log was looked at: what the next question goes on from. The `after_seq` that was
    /// asked for where nothing has come after it.
    #[schema(minimum = 0)]
    pub seq: i64,
    /// The events, in the order of their `seq`, as a socket is told them.
    pub results: Vec<Logged>,
}

/// The guest is with the flow again.
#[derive(Serialize, ToSchema)]
pub struct RelayEnded {
    #[schema(schema_with = words::relay_ended)]
    status: &'static str,
}

impl Default for RelayEnded {
    fn default() -> Self {
        Self { status: "relay ended" }
    }
}

/// Where a made-up guest's message went.
#[derive(Serialize, ToSchema)]
pub struct GuestMessageStored {
    /// The message.
    #[schema(minimum = 1)]
    pub message_id: i64,
    /// Its conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// The stay, where one is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The hotel.
    #[schema(minimum = 1)]
    pub hotel_id: i64,
}

/// A refusal, after RFC 9457.
#[derive(Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` says more.
    pub r#type: String,
    /// The status, in words.
    pub title: String,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: i64,
    /// A sentence for a person.
    pub detail: String,
    /// A stable word for a program.
    #[schema(pattern = "^[a-z_]+$")]
    pub code: String,
    /// What is wrong with each field or parameter; with 400 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = words::field_errors, required = false)]
    pub errors: Option<FieldErrors>,
    /// With `stale_reply` only: all that came after what the sender had seen, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Message>, required = false)]
    pub newer: Option<Vec<Message>>,
}

#[cfg(test)]
pub(crate) mod tests;
