//! Events: the entries of a hotel's event log.

use chrono::{DateTime, Utc};

use crate::{
    ids::{ConversationId, DepartmentId, HotelId, MessageId, Seq, StaffId, StayId},
    message::{Delivery, Message},
};

/// An entry of a hotel's event log.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// The change that an event records. Each variant names its audience; within the audience, only staff whose [`Reach`]
/// covers the conversation receive the event.
///
/// [`Reach`]: crate::Reach
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A message or internal note was stored. Audience: subscribers of its conversation.
    Message {
        /// The stay of the message's conversation.
        stay: Option<StayId>,
        /// The stored message or internal note.
        message: Box<Message>,
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
}

/// A change of the delivery status of a message to a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// A change of a conversation, with its routing before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConversationChange {
    /// The changed conversation.
    pub conversation: ConversationId,
    /// The stay of the conversation after the change.
    pub stay: Option<StayId>,
    /// The department of the conversation before the change.
    pub before: Option<DepartmentId>,
    /// The department of the conversation after the change.
    pub after: Option<DepartmentId>,
    /// Whether only a message or note was added. Such a change is sent to inbox subscribers alone.
    pub only_message: bool,
}

impl EventKind {
    /// Whether staff without any subscription can be in the audience of the event.
    pub fn is_for_all(&self) -> bool {
        matches!(self, Self::NewConversation { .. } | Self::StaffChanged { .. })
    }

    /// Whether the event puts a message into the outbox, so that the outbox worker has to be woken.
    pub fn queues_message(&self) -> bool {
        let delivery = match self {
            Self::Message { message, .. } => message.delivery,
            Self::MessageStatus(change) => Some(change.delivery),
            _ => None,
        };
        delivery == Some(Delivery::Queued)
    }

    /// The conversation that the event is about; `None` for [`EventKind::StaffChanged`].
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Message { message, .. } => Some(message.conversation),
            Self::NewConversation { conversation, .. } | Self::ConversationRemoved { conversation, .. } => {
                Some(*conversation)
            }
            Self::MessageStatus(change) => Some(change.conversation),
            Self::ConversationUpdated(change) => Some(change.conversation),
            Self::StaffChanged { .. } => None,
        }
    }
}
