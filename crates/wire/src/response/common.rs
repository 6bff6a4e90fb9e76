//! Responses of many calls: pages of lists, and error responses.

use serde::Serialize;
use utoipa::ToSchema;

use super::conversations::MessageResponse;
use crate::{enum_schemas, field_reader::FieldErrors};

/// A page of a list.
#[derive(Serialize, ToSchema)]
#[schema(as = Page)]
pub struct PageResponse<T> {
    /// Number of entries on all pages together.
    #[schema(minimum = 0)]
    pub count: i64,
    /// URL of the next page; null on the last page.
    #[schema(required)]
    pub next: Option<String>,
    /// URL of the previous page; null on the first page.
    #[schema(required)]
    pub previous: Option<String>,
    /// The entries of this page of the list.
    pub results: Vec<T>,
}

/// An error response by RFC 9457.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemResponse {
    /// Always `about:blank`; use the field `code` to distinguish errors.
    pub r#type: String,
    /// Reason phrase of the HTTP status.
    pub title: String,
    /// HTTP status of the response.
    #[schema(minimum = 400, maximum = 599)]
    pub status: i64,
    /// What is wrong, as a sentence for a person.
    pub detail: String,
    /// Stable error code for programs.
    #[schema(pattern = "^[a-z_]+$")]
    pub code: String,
    /// Only with status 400: faults by name of the field or parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = enum_schemas::field_errors, required = false)]
    pub errors: Option<FieldErrors>,
    /// Only with the error code `stale_reply`: the messages after the one that the sender has seen, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<MessageResponse>, required = false)]
    pub newer: Option<Vec<MessageResponse>>,
}
