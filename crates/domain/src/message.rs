//! Messages, internal notes, attachments, and the delivery status of messages to guests.

use chrono::{DateTime, Utc};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

use crate::{
    ids::{AttachmentId, ConversationId, MessageId, StaffId},
    text::ClientRef,
};

/// The side that sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray, VariantNames)]
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
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr, VariantArray, VariantNames,
)]
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
pub struct Attachment {
    /// Id of the attachment, unique over all hotels.
    pub id: AttachmentId,
    /// File name of the attachment, for downloads.
    pub name: String,
    /// Media type of the file as declared by the sender, such as `image/jpeg`.
    pub content_type: String,
    /// Size of the file in bytes; 0 until the file has been fetched from WhatsApp.
    pub size: i64,
}

/// A message of a conversation, or an internal note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Id of the message, ascending in the order in which the messages of a conversation were stored.
    pub id: MessageId,
    /// The conversation that contains the message.
    pub conversation: ConversationId,
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
}
