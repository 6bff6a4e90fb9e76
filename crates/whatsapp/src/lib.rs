//! The WhatsApp Business Cloud API, both directions: Meta's JSON, signatures and HTTP.
//!
//! What comes in: [`challenge()`] and [`is_authentic`] say whether it is Meta that calls a webhook, and
//! [`read`] takes a body apart into its [`Update`]s, one of which never spoils another. What goes
//! out: a [`Client`] sends an [`Outgoing`], and its [`CallError`] says whether bytes went out. What
//! Meta refuses is an [`ApiError`], on both ways: its [`Advice`] is what to do about it, its sentence
//! what to tell the hotel's staff.
//!
//! Nothing here knows the database or decides when to send. Neither errors nor any `Debug` of a
//! client shows tokens, numbers or texts.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod advice;
mod answer;
mod api_error;
mod challenge;
mod client;
mod content;
mod inbound;
mod json;
mod media;
mod media_types;
mod outgoing;
mod probe;
mod shown;
mod signature;
mod status;
mod time;
mod webhook;

pub use advice::{Advice, Backoff, Stop};
pub use answer::{CallError, NoAnswer, NotSent};
pub use api_error::{ApiError, advice_on};
pub use challenge::challenge;
pub use client::{Accepted, BadSettings, Client, NumberInfo, TimeLimits};
pub use content::{CardPhone, Choice, ContactCard, Content, Form, Location, Media, MediaKind, Order, OrderItem};
pub use inbound::{Inbound, Sender};
pub use media::{Download, MediaError, MediaInfo};
pub use media_types::{SENDABLE_FILES, SendableFile, sendable_file};
pub use outgoing::{Body, Button, MOST_BODY, Outgoing, Row, template_value};
pub use probe::{WebhookAnswer, ask_webhook};
pub use signature::{is_authentic, is_signature};
pub use status::{State, StatusReport};
pub use webhook::{NotRead, Update, What, read};
