//! Responses of many calls: pages of lists, and error responses.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema, Type, schema::SchemaType},
};

use super::{conversations::MessageResponse, drafts::DraftResponse, people::IdAndName};
use crate::{enum_schemas, field_reader::FieldErrors};

/// A page of a list. Its schema is named after the entries: `ConversationPage`.
#[derive(Serialize)]
pub struct PageResponse<T> {
    /// Number of entries on all pages together.
    pub count: i64,
    /// URL of the next page; null on the last page.
    pub next: Option<String>,
    /// URL of the previous page; null on the first page.
    pub previous: Option<String>,
    /// The entries of this page of the list.
    pub results: Vec<T>,
}

impl<T: ToSchema> PartialSchema for PageResponse<T> {
    fn schema() -> RefOr<Schema> {
        let count = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        let url = || ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null]));
        let entries = ArrayBuilder::new().items(utoipa::openapi::Ref::from_schema_name(T::name()));
        ObjectBuilder::new()
            .description(Some("A page of a list."))
            .property("count", count.description(Some("Number of entries on all pages together.")))
            .property("next", url().description(Some("URL of the next page; null on the last page.")))
            .property("previous", url().description(Some("URL of the previous page; null on the first page.")))
            .property("results", entries.description(Some("The entries of this page.")))
            .required("count")
            .required("next")
            .required("previous")
            .required("results")
            .into()
    }
}

impl<T: ToSchema> ToSchema for PageResponse<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

/// Health check: the process, or all that it depends on, responds.
#[derive(Serialize, ToSchema)]
#[schema(as = Healthy)]
pub struct HealthyResponse {
    #[schema(schema_with = enum_schemas::healthy)]
    status: &'static str,
}

impl Default for HealthyResponse {
    fn default() -> Self {
        Self { status: "ok" }
    }
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
    /// Stable error code for programs. Later versions add codes; treat an unknown one by the `status`.
    #[schema(schema_with = enum_schemas::problem_code)]
    pub code: String,
    /// Only with status 400: faults by name of the field or parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = enum_schemas::field_errors, required = false)]
    pub errors: Option<FieldErrors>,
    /// Only with the error code `stale_reply`: the messages after the one that the sender has seen, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<MessageResponse>, required = false)]
    pub newer: Option<Vec<MessageResponse>>,
    /// Only with the error code `draft_conflict`: the stored draft; null if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DraftResponse>, required = false)]
    pub draft: Option<Option<DraftResponse>>,
    /// Only with the error code `already_assigned`: the assignee.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = IdAndName, required = false)]
    pub assigned_to: Option<IdAndName>,
}
