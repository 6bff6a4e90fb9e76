//! Updates from WhatsApp: guest messages and delivery receipts.

pub mod dead_letters;
pub(crate) mod delivery_receipts;
pub(crate) mod guest_identity;
pub mod receive_message;
pub mod retry_dead_letters;
pub mod webhook;
