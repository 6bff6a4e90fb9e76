//! What happened in a hotel: the entries of its log, in the order of their commits.

use chrono::{DateTime, Utc};

use crate::{ConversationId, Delivery, DepartmentId, HotelId, Message, MessageId, Seq, StaffId, StayId};

/// An entry of a hotel's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whose log.
    pub hotel: HotelId,
    /// Its place there.
    pub seq: Seq,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened. Whom it concerns is said at each variant; who of them sees it, `Reach` decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A message or a note was stored: concerns the subscribers of its conversation.
    Message {
        /// The stay of the conversation.
        stay: Option<StayId>,
        /// The message.
        message: Box<Message>,
    },
    /// A message to a guest came further, or failed: concerns the subscribers of its conversation.
    MessageStatus(StatusChange),
    /// A conversation came into being (concerns all staff who see it), or was routed to a
    /// department from outside it (concerns that department's members).
    NewConversation {
        /// The conversation.
        conversation: ConversationId,
        /// Its stay.
        stay: Option<StayId>,
        /// The department it was routed to; none: it came into being.
        department: Option<DepartmentId>,
    },
    /// A conversation changed: concerns the inbox, and its subscribers too where more than its
    /// last message changed.
    ConversationUpdated(ConversationChange),
    /// A staff member's sight of a conversation ended with a change of their reach: concerns
    /// their own inbox.
    ConversationRemoved {
        /// The conversation.
        conversation: ConversationId,
        /// Its stay.
        stay: Option<StayId>,
        /// Whose sight ended.
        staff: StaffId,
    },
    /// A staff member's reach or sessions changed. No client gets it: it tells the sockets to
    /// look again.
    StaffChanged {
        /// The staff member.
        staff: StaffId,
    },
}

/// How far a message to a guest has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// Its conversation.
    pub conversation: ConversationId,
    /// The stay of the conversation.
    pub stay: Option<StayId>,
    /// The message.
    pub message: MessageId,
    /// How far it has come.
    pub delivery: Delivery,
    /// Why it failed, as a sentence for a person.
    pub failure: Option<String>,
}

/// How a conversation changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConversationChange {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its stay, after the change.
    pub stay: Option<StayId>,
    /// Where it was routed before.
    pub before: Option<DepartmentId>,
    /// Where it is routed after.
    pub after: Option<DepartmentId>,
    /// Whether only a message or note was added: then only the inbox is concerned.
    pub only_message: bool,
}

impl EventKind {
    /// Whether it concerns staff who follow neither a conversation nor the inbox.
    pub fn is_for_all(&self) -> bool {
        matches!(self, Self::NewConversation { .. } | Self::StaffChanged { .. })
    }

    /// Whether it puts a message into the queue to be sent.
    pub fn is_queued(&self) -> bool {
        let delivery = match self {
            Self::Message { message, .. } => message.delivery,
            Self::MessageStatus(change) => Some(change.delivery),
            _ => None,
        };
        delivery == Some(Delivery::Queued)
    }

    /// The conversation it is about.
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
