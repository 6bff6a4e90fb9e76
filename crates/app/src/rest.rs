//! REST API: one file per resource, with its handlers and the table of its endpoints.
//!
//! A handler parses the request, calls one use case and shapes the response.

pub mod attachments;
pub mod auth;
pub mod stays;

mod api_keys;
mod conversations;
mod demo;
mod departments;
mod drafts;
mod events;
mod guests;
mod hotel;
mod inbox;
mod labels;
mod me;
mod messages;
mod reports;
pub mod responses;
mod scheduled;
mod search;
mod socket;
mod staff;
mod templates;

use crate::{endpoint::Endpoint, health, webhook};

/// All endpoints of the OpenAPI document, by the tag under which the document lists them.
///
/// The router tries endpoints in this order. Frequent calls come first, and a path without parameters precedes a path
/// with parameters that would match it: `conversations/{id}/` matches `conversations/active_conversations/`.
pub fn endpoints() -> Vec<(&'static str, Vec<Endpoint>)> {
    vec![
        ("Signing in", auth::endpoints()),
        ("Conversations", inbox::endpoints()),
        ("Conversations", conversations::read_endpoints()),
        ("Conversations", messages::endpoints()),
        ("Conversations", conversations::write_endpoints()),
        ("Conversations", labels::conversation_endpoints()),
        ("Conversations", attachments::endpoints()),
        ("Conversations", scheduled::endpoints()),
        ("Conversations", drafts::endpoints()),
        ("Conversations", events::endpoints()),
        ("Conversations", search::endpoints()),
        ("Me", me::endpoints()),
        ("Hotel", departments::endpoints()),
        ("Hotel", staff::endpoints()),
        ("Hotel", hotel::endpoints()),
        ("Hotel", templates::endpoints()),
        ("Hotel", labels::endpoints()),
        ("Hotel", api_keys::endpoints()),
        ("Hotel", reports::endpoints()),
        ("Stays", guests::endpoints()),
        ("Stays", stays::endpoints()),
        ("Server", demo::endpoints()),
        ("Server", webhook::endpoints()),
        ("Server", socket::endpoints()),
        ("Server", health::endpoints()),
    ]
}
