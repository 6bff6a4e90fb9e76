//! Every id is its own type, so that a stay's can never stand where a conversation's belongs.

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
    /// A hotel: the tenant to whom everything else belongs.
    HotelId,
    /// A department of a hotel.
    DepartmentId,
    /// A staff member.
    StaffId,
    /// A guest, known by their identities.
    GuestId,
    /// A stay of a guest.
    StayId,
    /// A conversation.
    ConversationId,
    /// A message or an internal note.
    MessageId,
    /// A file of a message.
    AttachmentId,
    /// A template of messages.
    TemplateId,
    /// A key by which another system of the hotel is known.
    ApiKeyId,
    /// A server, from its start to its end: several may share a database.
    NodeId,
}

/// The place of an event in its hotel's log: from 1, without gaps, in the order of commits.
/// 0 stands before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub i64);

impl Seq {
    /// The place after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A sign-in of a staff member, from login to logout: 128 random bits.
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
