//! Bodies of WebSocket events, without the `type` of the event.
//!
//! Events carry both ids of a conversation; `stay_id` is null if no stay is known. A `seq` is a position in the hotel's
//! event log. The description of a body is also the summary of its message in the AsyncAPI document.

use domain::{Delivery, DirectoryPart};
use serde::Serialize;
use strum::{IntoStaticStr, VariantNames};
use utoipa::ToSchema;

use crate::{
    enum_schemas,
    field_reader::FieldErrors,
    response::{
        ConversationCard, DraftResponse, HistoryEntryResponse, IdAndName, InboxCountsResponse, MessageResponse,
        ScheduledMessageResponse, StayResponse,
    },
    time::Timestamp,
};

/// The first event of a connection: all later events of the log are delivered.
#[derive(Serialize, ToSchema)]
pub struct WelcomeEvent {
    /// Id of the staff member's session; the end of the session closes the socket.
    pub session_id: String,
    /// Epoch: the name of the database's history; a restored backup begins another epoch.
    pub epoch: String,
    /// Sequence number of the newest event when the socket joined. Data read by REST afterwards includes it.
    #[schema(minimum = 0)]
    pub seq: i64,
    /// Interval of the heartbeat events in seconds.
    #[schema(minimum = 1)]
    pub heartbeat_seconds: i64,
    /// Version of the server, as in the response header `X-Version`.
    pub version: &'static str,
}

/// Heartbeat: sign of life of the server, every 25 seconds.
#[derive(Serialize, ToSchema)]
pub struct HeartbeatEvent {
    /// Sequence number up to which all events that concern the socket have been sent.
    #[schema(minimum = 0)]
    pub seq: i64,
}

/// A command with a `request_id` was performed.
#[derive(Serialize, ToSchema)]
pub struct AckEvent {
    /// Id that the client gave the command.
    pub request_id: String,
    /// Name of the command that was performed.
    pub command: &'static str,
    /// Only with commands that subscribe or unsubscribe: sequence number of the event after which the change applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, minimum = 0, required = false)]
    pub seq: Option<i64>,
    /// Only with the command `subscribe_to_conversation`: the other staff members who have it on screen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<IdAndName>, required = false)]
    pub viewers: Option<Vec<IdAndName>>,
    /// Only with the command `send_message`: the stored message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = MessageResponse, required = false)]
    pub message: Option<MessageResponse>,
    /// Only with the command `send_message`: the client's reference of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub client_ref: Option<String>,
}

/// A command failed.
#[derive(Serialize, ToSchema)]
pub struct CommandErrorEvent {
    /// Id that the client gave the command; absent if it gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub request_id: Option<String>,
    /// Name of the command that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub command: Option<String>,
    /// Stable error code for programs.
    #[schema(pattern = "^[a-z_]+$")]
    pub code: &'static str,
    /// What is wrong, as a sentence for a person.
    pub detail: String,
    /// Only with the error code `invalid`: faults by field name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = enum_schemas::field_errors, required = false)]
    pub errors: Option<FieldErrors>,
    /// Only with the error code `stale_reply`: the messages after the one that the sender has seen, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<MessageResponse>, required = false)]
    pub newer: Option<Vec<MessageResponse>>,
}

/// Response to a `ping`.
#[derive(Serialize, ToSchema)]
pub struct PongEvent {
    /// Id that the client gave the `ping`; absent if it gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub request_id: Option<String>,
}

/// A message or internal note was stored in a subscribed conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = NewMessage)]
pub struct NewMessageEvent {
    /// Sequence number of the event in the hotel's log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// The stored message or internal note.
    #[serde(flatten)]
    pub message: MessageResponse,
    /// The client's reference of the message; only on sockets of the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub client_ref: Option<String>,
}

/// The text of a held message changed, or the reactions to a message; the event shows the message as it is now.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageUpdated)]
pub struct MessageUpdatedEvent {
    /// Id of the message's conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// Sequence number of the event in the hotel's log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// The changed message, which may be newer than the event.
    pub message: MessageResponse,
}

/// A message of staff was taken back before it was sent. Show it no more.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageRemoved)]
pub struct MessageRemovedEvent {
    /// Id of the message's conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// Sequence number of the event in the hotel's log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// Id of the message that was taken back.
    #[schema(minimum = 1)]
    pub message_id: i64,
}

/// The delivery status of a message to a guest changed.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageStatus)]
pub struct MessageStatusEvent {
    /// Id of the message's conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// Id of the message whose status changed.
    #[schema(minimum = 1)]
    pub message_id: i64,
    /// Sequence number of the event in the hotel's log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// The new delivery status of the message.
    #[schema(schema_with = enum_schemas::names_of::<Delivery>)]
    pub delivery: &'static str,
    /// With the delivery status `failed`: the reason, as a sentence for a person. Otherwise null.
    #[schema(required)]
    pub failure: Option<String>,
}

/// A conversation was created, or routed to the receiver's department from another one.
#[derive(Serialize, ToSchema)]
#[schema(as = NewConversation)]
pub struct NewConversationEvent {
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// Id of the new or newly routed conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// What happened, as a sentence for a person.
    pub message: &'static str,
    /// Time of the event.
    pub timestamp: Timestamp,
    /// Sequence number of the event in the hotel's log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// Name of the guest.
    pub guest_name: String,
    /// Name of the department that the conversation is routed to; null if it is unrouted.
    #[schema(required)]
    pub department_name: Option<String>,
}

/// A conversation changed; the event shows its current state.
#[derive(Serialize, ToSchema)]
#[schema(as = ConversationUpdated)]
pub struct ConversationUpdatedEvent {
    /// Sequence number of the event in the hotel's log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// Id of the changed conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The current state of the conversation, which may be newer than the event.
    pub conversation: ConversationCard,
}

/// The guest of a conversation has waited for an answer longer than the target of the department allows; sent once for
/// each `waiting_since` and department, to sockets that subscribe to the inbox.
#[derive(Serialize, ToSchema)]
#[schema(as = ResponseOverdue)]
pub struct ResponseOverdueEvent {
    /// Sequence number of the event in the hotel's log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// Id of the conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// Id of the department that should have answered: that of the conversation, or the default department.
    #[schema(minimum = 1)]
    pub department_id: i64,
    /// Since when the guest waits.
    pub waiting_since: Timestamp,
}

/// A conversation of the inbox is no longer visible to the receiver.
#[derive(Serialize, ToSchema)]
#[schema(as = ConversationRemoved)]
pub struct ConversationRemovedEvent {
    /// Sequence number of the event in the hotel's log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// Id of the conversation that is no longer visible.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
}

/// A part of the directory changed: load it again.
#[derive(Serialize, ToSchema)]
#[schema(as = DirectoryUpdated)]
pub struct DirectoryUpdatedEvent {
    /// Sequence number of the event in the hotel's log; absent with `settings`, which is not in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, minimum = 1, required = false)]
    pub seq: Option<i64>,
    /// The part that changed. `stays`: an import has changed stays. Only the staff member's own sockets get `settings`,
    /// and `reach` if the staff member sees more conversations than before: load the inbox again.
    #[schema(schema_with = enum_schemas::names_of::<DirectoryPart>)]
    pub what: &'static str,
}

/// A stay was created or changed, other than by an import; sent to all sockets that subscribe to the inbox.
#[derive(Serialize, ToSchema)]
#[schema(as = StayUpdated)]
pub struct StayUpdatedEvent {
    /// Sequence number of the event in the hotel's log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// The current state of the stay, which may be newer than the event. Its `conversation_id` is null for receivers who
    /// may not see the conversation.
    pub stay: StayResponse,
}

/// An entry was added to the history of a subscribed conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryAdded)]
pub struct HistoryAddedEvent {
    /// Sequence number of the event in the hotel's log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// Id of the entry's conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The added entry.
    pub entry: HistoryEntryResponse,
}

/// A message was scheduled in a subscribed conversation, or a scheduled message changed, was sent or cancelled.
#[derive(Serialize, ToSchema)]
#[schema(as = ScheduledUpdated)]
pub struct ScheduledUpdatedEvent {
    /// Sequence number of the event in the hotel's log.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// Id of the entry's conversation.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The scheduled message as it is now, which may be newer than the event.
    pub scheduled: ScheduledMessageResponse,
}

/// Another staff member started or stopped typing; the signal is not logged.
#[derive(Serialize, ToSchema)]
pub struct TypingEvent {
    /// Id of the conversation in which the staff member types.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// Id of the typing staff member.
    #[schema(minimum = 1)]
    pub staff_id: i64,
    /// Display name of the typing staff member.
    pub staff_name: String,
    /// Whether the staff member started typing; false if typing stopped.
    pub typing: bool,
}

/// A staff member began, continued or stopped to view a conversation; the signal is not logged.
#[derive(Serialize, ToSchema)]
pub struct ViewingEvent {
    /// Id of the conversation that the staff member views.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// Id of the viewing staff member.
    #[schema(minimum = 1)]
    pub staff_id: i64,
    /// Display name of the viewing staff member.
    pub staff_name: String,
    /// Whether the staff member views the conversation. It ends 90 s after the last event with true, at the latest.
    pub viewing: bool,
}

/// A staff member moved the read position of a conversation; the signal is not logged.
#[derive(Serialize, ToSchema)]
pub struct ReadEvent {
    /// Id of the conversation whose read position moved.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// Id of the staff member who has read.
    #[schema(minimum = 1)]
    pub staff_id: i64,
    /// Display name of the staff member who has read.
    pub staff_name: String,
    /// Id of the newest message read; null if the position is before the first message.
    #[schema(required, minimum = 1)]
    pub message_id: Option<i64>,
    /// Number of guest messages up to the read position; only on sockets of the reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, minimum = 0, required = false)]
    pub read_guest_messages: Option<i64>,
}

/// The receiver's own draft in a conversation changed, on another device; the signal is not logged.
#[derive(Serialize, ToSchema)]
pub struct DraftUpdatedEvent {
    /// Id of the conversation in which the receiver writes.
    #[schema(minimum = 1)]
    pub conversation_id: i64,
    /// Id of the conversation's stay; null if no stay is known.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// The draft as it is now; null if it was sent or deleted.
    #[schema(required)]
    pub draft: Option<DraftResponse>,
}

/// The numbers of the receiver's inbox after a change, at most once a second; only for sockets that asked for it by
/// `subscribe_to_inbox`. The event is not logged and not replayed.
#[derive(Serialize, ToSchema)]
pub struct CountsEvent {
    /// The numbers, as `conversations/counts/` returns them.
    #[serde(flatten)]
    pub counts: InboxCountsResponse,
}

/// A subscription ended or could not be resumed, because the conversation is not visible; the event is not logged.
#[derive(Serialize, ToSchema)]
pub struct UnsubscribedEvent {
    /// Id of the conversation; null if the client named only a stay.
    #[schema(required, minimum = 1)]
    pub conversation_id: Option<i64>,
    /// Id of the stay; null if there is none, or if the client named only the conversation.
    #[schema(required, minimum = 1)]
    pub stay_id: Option<i64>,
    /// Cause of the end of the subscription.
    #[schema(schema_with = enum_schemas::names_of::<UnsubscribeReason>)]
    pub reason: &'static str,
}

/// Cause of the end of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum UnsubscribeReason {
    /// The conversation was routed to a department of which the subscriber is not a member.
    RoutedAway,
    /// The visibility scope of the subscriber changed.
    ReachChanged,
}

/// A replay of missed events is complete; live events follow.
#[derive(Serialize, ToSchema)]
pub struct ResumedEvent {
    /// Sequence number up to which all events that concern the socket have been sent.
    #[schema(minimum = 0)]
    pub seq: i64,
    /// Number of events that were replayed.
    #[schema(minimum = 0)]
    pub replayed: i64,
}

/// The cursor of a `resume` is invalid: load all data again, then resume from this position.
#[derive(Serialize, ToSchema)]
pub struct ResyncRequiredEvent {
    /// Current epoch of the database's history.
    pub epoch: String,
    /// Sequence number of the newest event in the hotel's log.
    #[schema(minimum = 0)]
    pub seq: i64,
}
