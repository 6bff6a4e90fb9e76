//! Messages, internal notes, attachments, and the delivery status of messages to guests.

use chrono::{DateTime, Utc};
use strum::{IntoStaticStr, VariantArray, VariantNames};

use crate::{
    ids::{AttachmentId, ConversationId, MessageId, StaffId, StayId},
    text::ClientRef,
};

/// The side that sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum SenderType {
    /// The guest sent the message.
    Guest,
    /// A staff member sent the message.
    Staff,
    /// The guest flow sent the message, in the hotel's name.
    System,
}

/// Delivery status of a message to a guest.
///
/// The order of the variants is the order of the statuses: receipts can arrive late or twice, and a status that is not
/// greater than the stored one is ignored. `Failed` is less than `Delivered`, because a receipt can prove that a
/// message arrived after all. Only a retry by staff moves a message backwards, to `Queued`.
///
/// ```text
/// held ──guest writes──▶ queued ──sent by the outbox worker──▶ sent ──receipts──▶ delivered ──▶ read
///                        queued ──no response──▶ unknown ──receipt──▶ sent, delivered, read
///                        queued ──permanent error──▶ failed       failed, unknown ──retry──▶ queued
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Delivery {
    /// The message waits until the guest opens the 24-hour window.
    Held,
    /// The message is stored and waits to be sent.
    Queued,
    /// The message was transmitted, but no response was received: the guest may have it or not.
    Unknown,
    /// WhatsApp has accepted the message.
    Sent,
    /// The message was refused permanently.
    Failed,
    /// The guest's phone has received the message.
    Delivered,
    /// The guest has read the message.
    Read,
}

named_values!(SenderType, Delivery);

/// A file attached to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Attachment {
    /// Id of the attachment, unique over all hotels.
    pub id: AttachmentId,
    /// File name of the attachment, for downloads.
    pub name: String,
    /// Media type of the file as declared by the sender, such as `image/jpeg`.
    pub content_type: String,
    /// Size of the file in bytes; 0 until the file has been fetched from WhatsApp.
    pub size: i64,
    /// Size of the picture in pixels; `None` if the file is no picture, or if its size is unknown.
    pub picture_size: Option<PictureSize>,
}

/// Width and height of a picture in pixels, each at least 1, as it is shown: turned upright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "UncheckedPictureSize"))]
pub struct PictureSize {
    width: i32,
    height: i32,
}

/// The size in JSON, before it is checked.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct UncheckedPictureSize {
    width: u32,
    height: u32,
}

#[cfg(feature = "serde")]
impl TryFrom<UncheckedPictureSize> for PictureSize {
    type Error = &'static str;

    fn try_from(size: UncheckedPictureSize) -> Result<Self, &'static str> {
        Self::new(size.width, size.height).ok_or("The sides of a picture have from 1 to 2147483647 pixels.")
    }
}

impl PictureSize {
    /// Returns the size, or `None` if a side is 0 or not representable.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let side = |pixels: u32| i32::try_from(pixels).ok().filter(|it| *it > 0);
        Some(Self { width: side(width)?, height: side(height)? })
    }

    /// Width of the picture.
    pub fn width(self) -> i32 {
        self.width
    }

    /// Height of the picture.
    pub fn height(self) -> i32 {
        self.height
    }
}

/// The message that another message quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Quote {
    /// The quoted message is stored.
    Known(QuotedMessage),
    /// The guest quoted a message that is not stored, or not any more.
    Unknown,
}

/// The begin of a quoted message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct QuotedMessage {
    /// Id of the quoted message, which is in the same conversation.
    pub id: MessageId,
    /// The text of the quoted message, at most [`MAX_QUOTE_CHARS`] characters of it.
    pub content: String,
    /// The side that sent the quoted message.
    pub sender_type: SenderType,
    /// Display name of the quoted message's sender.
    pub sender_name: String,
}

/// Maximum length of the text of a quoted message, in characters.
pub const MAX_QUOTE_CHARS: usize = 200;

impl QuotedMessage {
    /// Shortens the text of a message to that of a quote.
    pub fn new(id: MessageId, content: &str, sender_type: SenderType, sender_name: String) -> Self {
        Self { id, content: content.chars().take(MAX_QUOTE_CHARS).collect(), sender_type, sender_name }
    }
}

/// A reaction to a message. A message has at most one of the guest and one of staff, as in WhatsApp.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Reaction {
    /// The emoji of the reaction.
    pub emoji: String,
    /// The staff member who reacted; `None` for the guest.
    pub staff: Option<StaffId>,
    /// Time of the reaction; for a guest's reaction, the time that WhatsApp reported.
    pub at: DateTime<Utc>,
}

/// A message of a conversation, or an internal note.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Message {
    /// Id of the message, ascending in the order in which the messages of a conversation were stored.
    pub id: MessageId,
    /// The conversation that contains the message.
    pub conversation: ConversationId,
    /// The stay of that conversation, if one is known.
    pub stay: Option<StayId>,
    /// The text of the message.
    pub content: String,
    /// The side that sent the message: guest, staff or system.
    pub sender_type: SenderType,
    /// The staff member who wrote the message; `None` for the guest and the guest flow.
    pub author: Option<StaffId>,
    /// Display name of the message's sender.
    pub sender_name: String,
    /// Time of the message; for a guest's message, the time that WhatsApp reported.
    pub at: DateTime<Utc>,
    /// Delivery status; `None` for guest messages and internal notes.
    pub delivery: Option<Delivery>,
    /// Reason for the delivery status `Failed`, as a sentence for staff.
    pub failure: Option<String>,
    /// Files attached to the message.
    pub attachments: Vec<Attachment>,
    /// Whether this is an internal note, which is never sent to a guest.
    pub internal: bool,
    /// Client reference: the sending client's own id of the message, if it gave one.
    pub client_ref: Option<ClientRef>,
    /// The message that this one quotes.
    pub reply_to: Option<Quote>,
    /// The reactions to the message, that of the guest first.
    pub reactions: Vec<Reaction>,
    /// The time for which the message was scheduled; `None` if it was sent at once.
    pub send_at: Option<DateTime<Utc>>,
    /// Whether staff have taken the message back before it was sent. It is shown nowhere then; only a repetition of its
    /// send returns it.
    pub is_removed: bool,
}

impl Message {
    /// The message as others quote it.
    pub fn quoted(&self) -> QuotedMessage {
        QuotedMessage::new(self.id, &self.content, self.sender_type, self.sender_name.clone())
    }

    /// Whether the guest wrote this message or has got it, so that a reply can quote it.
    pub fn is_in_chat(&self) -> bool {
        match self.delivery {
            None => self.sender_type == SenderType::Guest,
            Some(delivery) => matches!(delivery, Delivery::Sent | Delivery::Delivered | Delivery::Read),
        }
    }
}
