//! JSON shapes of the REST API, the WebSocket and the cluster bus, with their schemas. No other crate depends on them.
//!
//! Request bodies ([`request`]) and commands ([`parse_command`]) are read field by field into validated values of
//! `domain`, so that all faults of a request are reported together. Responses ([`response`]) and events ([`socket`])
//! are serialized; the same types describe themselves for OpenAPI and for [`asyncapi()`].

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod asyncapi;
pub mod cluster_signal;
mod enum_schemas;
mod field_reader;
mod hours;
pub mod json_schema;
pub mod request;
pub mod response;
pub mod socket;
mod time;

pub use asyncapi::asyncapi;
pub use enum_schemas::PROBLEM_CODES;
pub use field_reader::FieldErrors;
pub use request::{JsonBody, JsonBodyError, parse_body};
pub use socket::parse_command;
pub use time::Timestamp;

/// The version of the server.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Serializes a response or an event to JSON text.
pub fn json(shape: &impl serde::Serialize) -> String {
    match serde_json::to_string(shape) {
        Ok(text) => text,
        // Serializing to memory fails only for map keys that are not strings, and no shape has such a map.
        Err(error) => unreachable!("cannot serialize to JSON: {error}"),
    }
}
