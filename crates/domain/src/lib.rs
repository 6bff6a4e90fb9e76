//! Domain model of a hotel's shared inbox: ids, validated values, and the rules of conversations, visibility, events
//! and the guest flow.
//!
//! Start with [`Conversation`] (state machine), [`Reach`] (visibility scope of a staff member) and [`Event`] (entry of
//! a hotel's event log). [`flow`] computes the automatic replies to guests; [`placeholders`] renders templates.
//!
//! The crate is pure: no I/O, no async, no clock. The current time is an argument. The feature `serde` lets values
//! be read from JSON and written to it: structs by the names of their fields, and what `parse` refuses is refused there, too.

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

#[macro_use]
mod conversions;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;

pub mod api_key;
pub mod audit;
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
pub mod note;
pub mod opening_hours;
pub mod phone;
pub mod placeholders;
pub mod report;
pub mod scheduled;
pub mod search;
pub mod staff;
pub mod stay;
pub mod template;
pub mod text;
pub mod username;
pub mod whatsapp_id;

pub use api_key::ApiKeyEntry;
pub use audit::{AuditActorKind, AuditRecord};
pub use conversation::{
    Conversation, ConversationView, ImpossibleConversation, Person, ReadPosition, Status, UncheckedConversation,
};
pub use conversions::UnknownName;
pub use draft::Draft;
pub use emoji::Emoji;
pub use event::{DirectoryPart, Event, EventKind};
pub use guest::{Guest, GuestIdentity};
pub use history::{HistoryChange, HistoryEntry, HistoryKind};
pub use hotel::{Department, Hotel};
pub use ids::{
    ApiKeyId, AttachmentId, AuditRecordId, BadId, ConversationId, ConversationRef, DepartmentId, GuestId,
    HistoryEntryId, HotelId, LabelId, MessageId, NodeId, ScheduledMessageId, Seq, SessionId, StaffId, StayId,
    TemplateId,
};
pub use label::{Label, LabelColour};
pub use language_tag::LanguageTag;
pub use message::{Attachment, Delivery, Message, PictureSize, Quote, QuotedMessage, Reaction, SenderType};
pub use phone::{PhoneNumber, WrittenNumber};
pub use scheduled::{IfGuestWrites, ReviewReason, ScheduledContent, ScheduledMessage, ScheduledState, ScheduledStatus};
pub use staff::{Reach, Role, Staff};
pub use stay::{Stay, StayView};
pub use template::Template;
pub use text::{ClientRef, DraftText, LabelName, MessageText, Name};
pub use username::Username;
