//! All JSON of REST, socket and bus, in both directions. No other crate knows its shapes.
//!
//! What comes in is read by hand ([`Input`], [`parse_command`]), so that all faults of a request
//! are told together and every value is a checked one of `domain`. What goes out is serialised
//! ([`Conversation`], [`Message`], [`Event`], …), and the same types describe themselves for OpenAPI
//! and for [`asyncapi()`].

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod answers;
mod asyncapi;
mod bus;
mod fields;
mod input;
mod socket;
mod time;
mod words;

pub use answers::{
    Attachment, Conversation, ConversationCard, ConversationDetails, Department, GuestMessageStored, Hotel, Imported,
    ImportedRow, LastMessage, Me, Message, Missed, Named, Page, Problem, RelayEnded, SignedIn, Staff, Stay, Template,
};
pub use asyncapi::asyncapi;
pub use bus::{FromNode, Signal};
pub use fields::{FieldErrors, Fields};
pub use input::{
    AddNote, Assign, BodyError, ChangeDepartment, ChangeHotel, ChangeStaff, ChangeStay, ChangeTemplate, GuestMessage,
    Input, Login, MarkRead, NewDepartment, NewStaff, NewStay, NewTemplate, Nothing, PasswordChange, Refresh,
    SendMessage, SendTemplate, StartRelay, parse,
};
pub use socket::{
    Ack, Command, CommandError, ConversationRemoved, ConversationUpdated, Envelope, Event, Heartbeat, Logged,
    MOST_NAMED, MessageStatus, NewConversation, NewMessage, Pong, Read, Reason, Refused, Resume, Resumed,
    ResyncRequired, Target, Typing, Unsubscribed, Welcome, parse_command,
};
pub use time::Timestamp;

/// Writes JSON.
pub fn json(shape: &impl serde::Serialize) -> String {
    match serde_json::to_string(shape) {
        Ok(text) => text,
        // Writing to memory fails only for keys that are no strings, and there are none.
        Err(error) => unreachable!("a shape that is no JSON: {error}"),
    }
}
