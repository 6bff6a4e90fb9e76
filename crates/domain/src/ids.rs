//! Ids of the domain. Each kind of id is a type of its own, so that a stay id cannot be passed as a conversation id.

use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// Id of a hotel: the tenant that owns all other data.
    HotelId,
    /// Id of a department, unique over all hotels.
    DepartmentId,
    /// Id of a staff member, unique over all hotels.
    StaffId,
    /// Id of a guest. If two guests are merged, one id remains.
    GuestId,
    /// Id of a stay.
    StayId,
    /// Id of a conversation.
    ConversationId,
    /// Id of a message or an internal note; ascending in the order in which they are stored.
    MessageId,
    /// Id of a file attached to a message.
    AttachmentId,
    /// Id of a message template.
    TemplateId,
    /// Id of a label of a hotel.
    LabelId,
    /// Id of an entry in the history of a conversation; ascending in the order in which they are stored.
    HistoryEntryId,
    /// Id of an API key, with which another system of the hotel calls the API.
    ApiKeyId,
    /// Id of a node: one run of the server process. Several nodes may share a database.
    NodeId,
}

/// Sequence number of an event in its hotel's log: from 1, without gaps, in commit order. 0 is the position before the
/// first event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub i64);

impl Seq {
    /// The sequence number that follows this one in the event log.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Id of a session: one sign-in of a staff member, from login to logout. 128 random bits, written as 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u128);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl std::str::FromStr for SessionId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

/// Reference to a conversation: by its own id, by the id of its stay, or by both, which must belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConversationRef {
    /// A reference by the conversation's own id.
    Conversation(ConversationId),
    /// A reference by the id of the conversation's stay.
    Stay(StayId),
    /// A reference by conversation id and stay id. A conversation about another stay does not match.
    Both(ConversationId, StayId),
}

impl ConversationRef {
    /// Whether a conversation about `stay` may be the referenced one. Only [`ConversationRef::Both`] can mismatch.
    pub fn matches_stay(self, stay: Option<StayId>) -> bool {
        match self {
            Self::Both(_, expected) => stay == Some(expected),
            Self::Conversation(_) | Self::Stay(_) => true,
        }
    }
}
