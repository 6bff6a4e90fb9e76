//! Domain model of a hotel's shared inbox: ids, validated values, and the rules of conversations, visibility, events
//! and the guest flow.
//!
//! Start with [`Conversation`] (state machine), [`Reach`] (visibility scope of a staff member) and [`Event`] (entry of
//! a hotel's event log). [`flow`] computes the automatic replies to guests; [`placeholders`] renders templates.
//!
//! The crate is pure: no I/O, no async, no serde, no clock. The current time is an argument.

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

/// Implements `ALL`, `NAMES` and `as_str` for enums whose names are derived by the crate `strum`.
macro_rules! named_values {
    ($($type:ident),+ $(,)?) => {$(
        impl $type {
            /// All values of the enum, in the order of their declaration.
            pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;
            /// The names of all values, in the order of `ALL`.
            pub const NAMES: &'static [&'static str] = <Self as strum::VariantNames>::VARIANTS;

            /// The name of the value in the database and in JSON.
            pub fn as_str(self) -> &'static str {
                self.into()
            }
        }
    )+};
}

pub mod conversation;
pub mod draft;
pub mod emoji;
pub mod event;
pub mod flow;
pub mod guest;
pub mod history;
pub mod hotel;
pub mod ids;
pub mod inbox;
pub mod label;
pub mod language_tag;
pub mod message;
pub mod phone;
pub mod placeholders;
pub mod staff;
pub mod stay;
pub mod template;
pub mod text;
pub mod whatsapp_id;

pub use conversation::{Conversation, ConversationView, Person, ReadPosition, Status};
pub use draft::Draft;
pub use emoji::Emoji;
pub use event::{DirectoryPart, Event, EventKind};
pub use guest::{Guest, GuestIdentity};
pub use history::{HistoryChange, HistoryEntry, HistoryKind};
pub use hotel::{Department, Hotel};
pub use ids::{
    ApiKeyId, AttachmentId, ConversationId, ConversationRef, DepartmentId, GuestId, HistoryEntryId, HotelId, LabelId,
    MessageId, NodeId, Seq, SessionId, StaffId, StayId, TemplateId,
};
pub use label::{Label, LabelColour};
pub use language_tag::LanguageTag;
pub use message::{Attachment, Delivery, Message, PictureSize, Quote, QuotedMessage, Reaction, SenderType};
pub use phone::{PhoneNumber, WrittenNumber};
pub use staff::{Reach, Role, Staff};
pub use stay::{Stay, StayView};
pub use template::Template;
pub use text::{ClientRef, DraftText, LabelName, MessageText, Name};
