//! Request parsing: caller, path ids, query parameters, body and idempotency key of an API call.
//!
//! [`ApiRequest`] is the extractor of all calls that require credentials. Its body is read completely, within limits
//! of time and memory, before the handler runs.

pub mod authorization;
pub mod body_memory;

mod api_request;
mod body;
mod body_reader;
mod byte_range;
mod client_ip;
mod conditional;
mod form;
mod idempotent_write;
mod page_links;
mod path_id;
mod query;
pub mod repeated_write;
pub mod sign_in_cookies;

pub use self::api_request::{AcceptsAnyType, ApiRequest, RequestCaller};
pub use self::body::{MaxBodyBytes, RequestBody, prefers_csv};
pub use self::body_reader::{leave_unread, read_body};
pub use self::byte_range::{RequestedBytes, requested_bytes};
pub use self::client_ip::client_ip;
pub use self::conditional::has_current;
pub use self::query::{
    ConversationCursor, MAX_SEARCH_CHARS, Query, audit_request, conversation_cursor, conversation_filter, event_cursor,
    message_range, message_search, page, report_request, scheduled_statuses, stay_filter, template_filter,
};
