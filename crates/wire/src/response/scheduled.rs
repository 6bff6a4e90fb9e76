//! Responses with scheduled messages.

use std::collections::BTreeMap;

use domain::{IfGuestWrites, ReviewReason, ScheduledContent, ScheduledStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::people::IdAndName;
use crate::{enum_schemas, time::Timestamp};

/// A message that staff have written and that is sent later. It is no message of the conversation until then.
#[derive(Serialize, ToSchema)]
#[schema(as = ScheduledMessage)]
pub struct ScheduledMessageResponse {
    /// Id of the scheduled message. The message that is stored at its time has an id of its own.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Id of the conversation in which it is sent.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The text; null with a template that Meta has approved, which is filled at its time.
    #[schema(required)]
    pub text: Option<String>,
    /// Id of the approved template; null with a text. The template may be deleted since.
    #[schema(required, minimum = 1)]
    pub template_id: Option<i64>,
    /// The given values of the template's placeholders, by name; empty with a text.
    pub variables: BTreeMap<String, String>,
    /// Id of the message that it quotes; null if it quotes none.
    #[schema(required, minimum = 1)]
    pub reply_to: Option<i64>,
    /// Whether it is held until the guest writes, if the 24-hour window is over at its time.
    pub hold: bool,
    /// Time at which it is sent.
    pub send_at: Timestamp,
    /// What happens if the guest writes before.
    #[schema(schema_with = enum_schemas::names_of::<IfGuestWrites>)]
    pub if_guest_writes: &'static str,
    /// The present status.
    #[schema(schema_with = enum_schemas::names_of::<ScheduledStatus>)]
    pub status: &'static str,
    /// With the status `needs_review`: why it is not sent until staff confirm it. Otherwise null.
    #[schema(schema_with = enum_schemas::nullable_names_of::<ReviewReason>, required)]
    pub review_reason: Option<&'static str>,
    /// With the status `sent`: id of the message of the conversation. Otherwise null.
    #[schema(required, minimum = 1)]
    pub message_id: Option<i64>,
    /// The author: the staff member in whose name it is sent.
    pub created_by: IdAndName,
    /// Time when it was written.
    pub created_at: Timestamp,
}

impl From<&domain::ScheduledMessage> for ScheduledMessageResponse {
    fn from(message: &domain::ScheduledMessage) -> Self {
        let (text, template, variables) = match &message.content {
            ScheduledContent::Text { text, .. } => (Some(text.to_string()), None, BTreeMap::new()),
            ScheduledContent::Template { template, variables } => (None, Some(template.0), variables.clone()),
        };
        Self {
            id: message.id.0,
            conversation_id: message.conversation.0,
            stay_id: message.stay.map(|id| id.0),
            text,
            template_id: template,
            variables,
            reply_to: message.content.reply_to().map(|id| id.0),
            hold: message.content.hold(),
            send_at: Timestamp(message.send_at),
            if_guest_writes: message.if_guest_writes.as_str(),
            status: message.state.status().as_str(),
            review_reason: message.state.review_reason().map(ReviewReason::as_str),
            message_id: message.state.message().map(|id| id.0),
            created_by: IdAndName::from(&message.author),
            created_at: Timestamp(message.created_at),
        }
    }
}
