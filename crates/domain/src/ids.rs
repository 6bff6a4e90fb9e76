//! Ids of the domain. Each kind of id is a type of its own, so that a stay id cannot be passed as a conversation id.

use std::fmt;

/// Error: the text or number is no id. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This is not an id.")]
pub struct BadId;

/// Implements the checked conversions of a number: values below `$least` are refused.
macro_rules! checked_numbers {
    ($($name:ident from $least:literal),+ $(,)?) => {$(
        impl TryFrom<i64> for $name {
            type Error = BadId;

            fn try_from(number: i64) -> Result<Self, BadId> {
                if number >= $least { Ok(Self(number)) } else { Err(BadId) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                text.parse::<i64>().ok().filter(|_| is_plain).ok_or(BadId)?.try_into()
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.0)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = <i64 as serde::Deserialize>::deserialize(deserializer)?;
                number.try_into().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

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

        checked_numbers!($name from 1);
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
    /// Id of a scheduled message. The message that is stored at its time has an id of its own.
    ScheduledMessageId,
    /// Id of an entry of the audit log.
    AuditRecordId,
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

checked_numbers!(Seq from 0);

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

impl SessionId {
    /// The number by which clients name the session of a person: positive, and exact in JavaScript. It is part of the
    /// random bits, so two sessions of one person do not share it.
    pub fn number(self) -> i64 {
        const BITS: u128 = (1 << 53) - 1;
        (self.0 & BITS).max(1) as i64
    }
}

impl std::str::FromStr for SessionId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        u128::from_str_radix(text, 16).ok().filter(|_| is_hex).map(Self).ok_or(BadId)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Reference to a conversation: by its own id, by the id of its stay, or by both, which must belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
