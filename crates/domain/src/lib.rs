//! What a hotel's conversations are, and by which rules they move.
//!
//! The types to know: a [`Conversation`] with its lawful moves, a [`Reach`] (what a staff
//! member may see, which decides every question of sight), and an [`Event`] (what happened,
//! with its place in the hotel's log). Around them stand ids that cannot be mixed up and
//! values that were checked once: [`MessageText`], [`PhoneNumber`]. [`flow`] is what the system
//! answers when a guest writes, [`placeholders`] fills texts with values.
//!
//! No I/O, no async, no clock: time is an argument.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod conversation;
mod event;
pub mod flow;
mod guest;
mod hotel;
mod ids;
mod message;
mod phone;
pub mod placeholders;
mod staff;
mod stay;
mod template;
mod text;
mod whatsapp_id;

pub use conversation::{
    AssigneeOutOfReach, Conversation, ConversationClosed, ConversationView, Heard, LastMessage, NoDepartment,
    NotInRelay, Person, SERVICE_WINDOW, Status,
};
pub use event::{ConversationChange, Event, EventKind, StatusChange};
pub use guest::{Guest, GuestIdentity};
pub use hotel::{Department, Hotel};
pub use ids::{
    ApiKeyId, AttachmentId, ConversationId, DepartmentId, GuestId, HotelId, MessageId, NodeId, Seq, SessionId, StaffId,
    StayId, TemplateId,
};
pub use message::{Attachment, Delivery, Message, SenderType};
pub use phone::{BadCountry, BadPhoneNumber, Country, PhoneNumber, WrittenNumber};
pub use staff::{Reach, Role, Staff};
pub use stay::{BadDay, DaysReversed, Stay};
pub use template::{BadLanguage, BadTemplate, Language, Template, TemplateKind, TemplateType};
pub use text::{BadText, ClientRef, MessageText, Name, RequestId, has_visible_character};
pub use whatsapp_id::stable_whatsapp_id;
