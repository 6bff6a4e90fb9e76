//! JSON schemas of fields with a fixed set of values. Names of enums come from `strum`.

use domain::Delivery;
use serde_json::Value;
use strum::VariantNames;
use utoipa::openapi::{
    ArrayBuilder, ObjectBuilder, Schema, Type,
    schema::{AnyOfBuilder, SchemaType},
};

/// JSON schema of a string that is the name of a value of the enum. Its title is the name of the Rust type, under which
/// the documents list the schema.
pub(crate) fn names_of<T: VariantNames>() -> Schema {
    let path = std::any::type_name::<T>();
    titled(path.rsplit("::").next().unwrap_or(path), T::VARIANTS)
}

/// JSON schema of a string that is the name of a value of the enum, or null.
pub(crate) fn nullable_names_of<T: VariantNames>() -> Schema {
    let names = T::VARIANTS.iter().map(|name| Value::from(*name)).chain([Value::Null]);
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(names.collect::<Vec<_>>()))
        .into()
}

/// JSON schema of a delivery status, or null.
pub(crate) fn nullable_delivery() -> Schema {
    let names = Delivery::NAMES.iter().map(|name| Value::from(*name)).chain([Value::Null]);
    ObjectBuilder::new()
        .title(Some("Delivery"))
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(names.collect::<Vec<_>>()))
        .description(Some("Delivery status; null for messages of guests and for notes."))
        .into()
}

/// The delivery of a message that was taken back, in the repetition of its send.
pub(crate) const REMOVED: &str = "removed";

/// JSON schema of the delivery of a message, or null.
pub(crate) fn message_delivery() -> Schema {
    let names = Delivery::NAMES.iter().map(|name| Value::from(*name)).chain([REMOVED.into(), Value::Null]);
    let text = "Delivery status; null for messages of guests and for notes. `removed` occurs only in the repetition of a \
                send whose message was taken back.";
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(names.collect::<Vec<_>>()))
        .description(Some(text))
        .into()
}

/// JSON schema of the key of a row of a report: a date, an id, or null.
pub(crate) fn report_key() -> Schema {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Integer, Type::Null]))
        .description(Some(
            "The date (`YYYY-MM-DD`), or the id of the department or staff member; null for the total, and for what has \
             no department or staff member.",
        ))
        .into()
}

/// JSON schema of the side that reacted to a message.
pub(crate) fn reaction_side() -> Schema {
    one_of(&["guest", "staff"])
}

/// The error codes of problems, in the order of their HTTP status.
pub const PROBLEM_CODES: &[&str] = &[
    "bad_json",
    "invalid",
    "incomplete_body",
    "unauthenticated",
    "bad_credentials",
    "forbidden",
    "bad_origin",
    "password_change_required",
    "not_found",
    "method_not_allowed",
    "not_acceptable",
    "request_timeout",
    "conversation_closed",
    "not_in_relay",
    "window_closed",
    "stale_reply",
    "idempotency_mismatch",
    "not_failed",
    "no_department",
    "resync_required",
    "already_assigned",
    "already_sent",
    "last_manager",
    "department_in_use",
    "draft_conflict",
    "template_unavailable",
    "no_guest_number",
    "not_allowed_now",
    "too_large",
    "unsupported_media_type",
    "unsupported_file",
    "range_not_satisfiable",
    "upgrade_required",
    "rate_limited",
    "too_many_sockets",
    "internal",
    "unavailable",
    "search_timeout",
];

/// JSON schema of an error code: one of the known codes, or one of a later version.
pub(crate) fn problem_code() -> Schema {
    let known = ObjectBuilder::new().title(Some("ProblemCode")).schema_type(Type::String);
    let known = known.enum_values(Some(PROBLEM_CODES.to_vec()));
    let later = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[a-z_]+$"));
    AnyOfBuilder::new().item(known).item(later).into()
}

/// JSON schema of the result of a row of an import.
pub(crate) fn row_result() -> Schema {
    titled("RowResult", &["created", "updated", "unchanged", "failed"])
}

pub(crate) fn relay_ended() -> Schema {
    one_of(&["relay ended"])
}

pub(crate) fn healthy() -> Schema {
    one_of(&["ok"])
}

pub(crate) fn bearer() -> Schema {
    one_of(&["Bearer"])
}

/// JSON schema of faults by field name: an object of lists of sentences.
pub(crate) fn field_errors() -> Schema {
    let sentences = ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::String)).min_items(Some(1));
    ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(sentences)).into()
}

fn titled(title: &str, values: &[&'static str]) -> Schema {
    ObjectBuilder::new().title(Some(title)).schema_type(Type::String).enum_values(Some(values.to_vec())).into()
}

fn one_of(values: &[&'static str]) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values.to_vec())).into()
}
