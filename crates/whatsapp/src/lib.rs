//! The WhatsApp Business Cloud API in both directions: Meta's JSON, webhook signatures and HTTP calls.
//!
//! **From Meta.** [`verify_subscription`] and [`has_valid_signature`] authenticate a webhook call. [`parse_webhook`]
//! splits the body into [`Update`]s; a malformed update does not affect the others.
//!
//! **To Meta.** A [`CloudApiClient`] sends an [`OutgoingMessage`]. If the call fails, [`CallError`] states whether the
//! message may have been sent.
//!
//! Errors of Meta are [`ApiError`]s in responses and webhooks alike. Each has an [`ErrorPolicy`] (retry, wait, fail,
//! suspend) and a sentence for staff.
//!
//! This crate has no database and schedules nothing. No error and no `Debug` output contains tokens, phone numbers or
//! texts.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod account_templates;
pub mod api_error;
pub mod client;
pub mod content;
pub mod delivery_receipt;
mod display;
pub mod error_codes;
pub mod inbound;
mod json;
mod json_fields;
pub mod media;
pub mod media_types;
pub mod outgoing;
pub mod references;
pub mod response;
pub mod signature;
mod text;
mod time;
pub mod verification;
pub mod webhook;
pub mod webhook_probe;

pub use account_templates::{AccountTemplate, TemplateText};
pub use api_error::{ApiError, policy_for_code};
pub use client::{AcceptedMessage, ClientConfigError, CloudApiClient, PhoneNumberInfo};
pub use content::{Media, MediaKind, MessageContent};
pub use delivery_receipt::DeliveryReceipt;
pub use error_codes::{ErrorPolicy, SuspensionCause};
pub use inbound::{InboundMessage, SenderIdentity};
pub use media::MediaError;
pub use media_types::{SENDABLE_FILES, SendableFile, sendable_file};
pub use outgoing::{ListRow, MAX_BODY_CHARS, OutgoingBody, OutgoingMessage, normalize_template_value};
pub use references::{Forwarding, MessageReferences, Referral};
pub use response::{CallError, NoResponse, NotSent};
pub use signature::{has_valid_signature, is_well_formed_signature};
pub use verification::verify_subscription;
pub use webhook::{Update, UpdatePayload, parse_webhook};
pub use webhook_probe::{WebhookProbeResult, probe_webhook};
