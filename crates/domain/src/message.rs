//! Messages and internal notes.

use chrono::{DateTime, Utc};

use crate::{AttachmentId, ClientRef, ConversationId, MessageId, StaffId};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SenderType {
    /// The guest.
    Guest,
    /// A staff member.
    Staff,
    /// The automatic flow, in the hotel's name.
    System,
}

impl SenderType {
    /// The word for it in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Staff => "staff",
            Self::System => "system",
        }
    }
}

impl std::str::FromStr for SenderType {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [Self::Guest, Self::Staff, Self::System].into_iter().find(|it| it.as_str() == word).ok_or(())
    }
}

/// How far a message to a guest has come. It only moves forward, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// Waits for the guest to open WhatsApp's 24-hour window.
    Held,
    /// Stored, to be sent.
    Queued,
    /// Its bytes went out and no answer came.
    Unknown,
    /// Sent.
    Sent,
    /// Refused for good.
    Failed,
    /// On the guest's telephone.
    Delivered,
    /// Read by the guest.
    Read,
}

impl Delivery {
    /// All of them, in this order.
    pub const ALL: [Self; 7] =
        [Self::Held, Self::Queued, Self::Unknown, Self::Sent, Self::Failed, Self::Delivered, Self::Read];

    /// The word for it in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Queued => "queued",
            Self::Unknown => "unknown",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}

impl std::str::FromStr for Delivery {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|it| it.as_str() == word).ok_or(())
    }
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// What it is called.
    pub name: String,
    /// Its media type, as its sender says.
    pub content_type: String,
    /// How many bytes it has; 0 while it is not fetched yet.
    pub size: i64,
}

/// A message of a conversation, or a note that only staff see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id; ids grow in the order in which a conversation's messages were stored.
    pub id: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// What was said.
    pub content: String,
    /// Who spoke.
    pub sender_type: SenderType,
    /// The staff member who spoke.
    pub author: Option<StaffId>,
    /// The name shown for who spoke.
    pub sender_name: String,
    /// When.
    pub at: DateTime<Utc>,
    /// How far it came; `None` for guests' messages and notes.
    pub delivery: Option<Delivery>,
    /// Why it failed, as a sentence for a person.
    pub failure: Option<String>,
    /// Its files.
    pub attachments: Vec<Attachment>,
    /// True for a note: never sent to a guest.
    pub internal: bool,
    /// What its sender called it.
    pub client_ref: Option<ClientRef>,
}
