//! Events: the entries of a hotel's event log.

use chrono::{DateTime, Utc};
use strum::{IntoStaticStr, VariantArray, VariantNames};

use crate::{
    ids::{ConversationId, DepartmentId, HistoryEntryId, HotelId, MessageId, ScheduledMessageId, Seq, StaffId, StayId},
    message::{Delivery, Message},
};

/// An entry of a hotel's event log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Event {
    /// The hotel that owns the log.
    pub hotel: HotelId,
    /// Position of the event in the hotel's log.
    pub seq: Seq,
    /// Time of the change that the event records.
    pub at: DateTime<Utc>,
    /// The change that the event records.
    pub kind: EventKind,
}

/// The change that an event records. Each variant names its audience; of an event about a conversation, only staff whose
/// [`Reach`] covers the conversation receive it.
///
/// [`Reach`]: crate::Reach
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EventKind {
    /// A message or internal note was stored. Audience: subscribers of its conversation.
    Message(Box<Message>),
    /// The text of a held message changed, or the reactions to a message. When the event is read from the log, it shows
    /// the message as it is then. Audience: subscribers of its conversation.
    MessageUpdated(Box<Message>),
    /// A message was taken back before it was sent. Audience: subscribers of its conversation.
    MessageRemoved {
        /// The conversation of the message.
        conversation: ConversationId,
        /// The stay of the message's conversation.
        stay: Option<StayId>,
        /// The message that was taken back.
        message: MessageId,
    },
    /// The delivery status of a message to a guest changed. Audience: subscribers of its conversation.
    MessageStatus(StatusChange),
    /// A conversation was created (audience: all staff who may see it), or routed to a department from outside that
    /// department (audience: its members).
    NewConversation {
        /// The new or newly routed conversation.
        conversation: ConversationId,
        /// The stay of the new or newly routed conversation.
        stay: Option<StayId>,
        /// The department that the conversation was routed to; `None` if it was created.
        department: Option<DepartmentId>,
    },
    /// A conversation changed. Audience: inbox subscribers, and subscribers of the conversation unless only a message
    /// was added.
    ConversationUpdated(ConversationChange),
    /// A change of a staff member's visibility scope ended their access to a conversation. Audience: the inbox of that
    /// staff member.
    ConversationRemoved {
        /// The conversation that is no longer visible.
        conversation: ConversationId,
        /// The stay of the conversation that is no longer visible.
        stay: Option<StayId>,
        /// The staff member who lost access to the conversation.
        staff: StaffId,
    },
    /// A staff member's visibility scope or sessions changed. Sent to no client: nodes check the sockets of the staff
    /// member again.
    StaffChanged {
        /// The staff member whose visibility scope or sessions changed.
        staff: StaffId,
    },
    /// A part of the hotel's directory changed. Audience: all staff of the hotel, or one staff member.
    DirectoryUpdated {
        /// The part that clients have to load again.
        what: DirectoryPart,
        /// The only staff member in the audience; `None`: all staff of the hotel.
        staff: Option<StaffId>,
    },
    /// A stay was created or changed, other than by an import. Audience: inbox subscribers. If a
    /// subscriber may not see the conversation of the stay, its id is left out.
    StayUpdated {
        /// The created or changed stay.
        stay: StayId,
    },
    /// The guest of a conversation has waited for an answer longer than the target of the department. Audience: inbox
    /// subscribers.
    ResponseOverdue(OverdueResponse),
    /// An entry was added to the history of a conversation. Audience: subscribers of the conversation.
    HistoryAdded {
        /// The conversation of the entry.
        conversation: ConversationId,
        /// The stay of the entry's conversation.
        stay: Option<StayId>,
        /// The added entry.
        entry: HistoryEntryId,
    },
    /// A message was scheduled for later, or a scheduled message changed, was sent or cancelled. Audience: subscribers of
    /// its conversation.
    ScheduledUpdated {
        /// The conversation of the scheduled message.
        conversation: ConversationId,
        /// The stay of that conversation.
        stay: Option<StayId>,
        /// The scheduled message.
        scheduled: ScheduledMessageId,
    },
}

/// A part of the directory: what clients load once and keep until a `directory_updated` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum DirectoryPart {
    /// The departments of the hotel.
    Departments,
    /// The staff members of the hotel.
    Staff,
    /// The message templates of the hotel.
    Templates,
    /// The labels of the hotel.
    Labels,
    /// The settings of the hotel.
    Hotel,
    /// The stays of the hotel: an import has changed some.
    Stays,
    /// The visibility scope of one staff member: it covers more conversations than before.
    Reach,
    /// The personal settings of one staff member. This part is announced outside the event log.
    Settings,
}

named_values!(DirectoryPart);

/// A change of the delivery status of a message to a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StatusChange {
    /// The conversation of the message.
    pub conversation: ConversationId,
    /// The stay of the message's conversation.
    pub stay: Option<StayId>,
    /// The message whose status changed.
    pub message: MessageId,
    /// The new delivery status of the message.
    pub delivery: Delivery,
    /// Reason for the delivery status `Failed`, as a sentence for staff.
    pub failure: Option<String>,
}

/// A guest who waits longer than the target of a department allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OverdueResponse {
    /// The conversation of the guest.
    pub conversation: ConversationId,
    /// The stay of the conversation.
    pub stay: Option<StayId>,
    /// The department whose target has passed: that of the conversation, or the default department.
    pub department: DepartmentId,
    /// Since when the guest waits.
    pub waiting_since: DateTime<Utc>,
}

/// A change of a conversation, with its routing before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ConversationChange {
    /// The changed conversation.
    pub conversation: ConversationId,
    /// The stay of the conversation after the change.
    pub stay: Option<StayId>,
    /// The department of the conversation before the change.
    pub before: Option<DepartmentId>,
    /// The department of the conversation after the change.
    pub after: Option<DepartmentId>,
    /// Whether only a message or note was added, changed or removed. Such a change is sent to inbox subscribers alone.
    pub only_message: bool,
}

impl EventKind {
    /// Whether staff without any subscription can be in the audience of the event.
    pub fn is_for_all(&self) -> bool {
        matches!(self, Self::NewConversation { .. } | Self::StaffChanged { .. } | Self::DirectoryUpdated { .. })
    }

    /// Whether the event may put a message or reaction into the outbox, so that the outbox worker has to be woken.
    pub fn queues_message(&self) -> bool {
        let delivery = match self {
            Self::MessageUpdated(_) => return true,
            Self::Message(message) => message.delivery,
            Self::MessageStatus(change) => Some(change.delivery),
            _ => None,
        };
        delivery == Some(Delivery::Queued)
    }

    /// The conversation that the event is about; `None` if the event is about staff, the directory or a stay.
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Message(message) | Self::MessageUpdated(message) => Some(message.conversation),
            Self::NewConversation { conversation, .. }
            | Self::ConversationRemoved { conversation, .. }
            | Self::HistoryAdded { conversation, .. }
            | Self::ScheduledUpdated { conversation, .. }
            | Self::MessageRemoved { conversation, .. } => Some(*conversation),
            Self::MessageStatus(change) => Some(change.conversation),
            Self::ConversationUpdated(change) => Some(change.conversation),
            Self::ResponseOverdue(overdue) => Some(overdue.conversation),
            Self::StaffChanged { .. } | Self::DirectoryUpdated { .. } | Self::StayUpdated { .. } => None,
        }
    }

    /// The stay that the event shows: its stay for [`EventKind::StayUpdated`], `None` for all others.
    pub fn shown_stay(&self) -> Option<StayId> {
        match self {
            Self::StayUpdated { stay } => Some(*stay),
            _ => None,
        }
    }

    /// The scheduled message that the event shows.
    pub fn scheduled_message(&self) -> Option<ScheduledMessageId> {
        match self {
            Self::ScheduledUpdated { scheduled, .. } => Some(*scheduled),
            _ => None,
        }
    }

    /// The entry of a conversation's history that the event shows.
    pub fn history_entry(&self) -> Option<HistoryEntryId> {
        match self {
            Self::HistoryAdded { entry, .. } => Some(*entry),
            _ => None,
        }
    }
}
