//! The schemas of fields that hold one of a few words.

use domain::{Delivery, Role, SenderType, Status, TemplateType};
use serde_json::Value;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Schema, Type, schema::SchemaType};

/// Roles of staff.
pub(crate) const ROLES: [Role; 2] = [Role::Staff, Role::Manager];

const SENDERS: [SenderType; 3] = [SenderType::Guest, SenderType::Staff, SenderType::System];

const DELIVERIES: [Delivery; 7] = [
    Delivery::Held,
    Delivery::Queued,
    Delivery::Unknown,
    Delivery::Sent,
    Delivery::Failed,
    Delivery::Delivered,
    Delivery::Read,
];

/// Where a conversation stands.
pub(crate) fn status() -> Schema {
    one_of(&Status::ALL.map(Status::as_str))
}

/// What a staff member may do.
pub(crate) fn role() -> Schema {
    one_of(&ROLES.map(Role::as_str))
}

/// Which way a template goes out.
pub(crate) fn template_type() -> Schema {
    one_of(&TemplateType::ALL.map(TemplateType::as_str))
}

/// What came of a row of a table.
pub(crate) fn row_result() -> Schema {
    one_of(&["created", "updated", "unchanged", "failed"])
}

/// Who speaks.
pub(crate) fn sender_type() -> Schema {
    one_of(&SENDERS.map(SenderType::as_str))
}

/// How far a message came, or null.
pub(crate) fn delivery() -> Schema {
    let words = DELIVERIES.iter().map(|it| Value::from(it.as_str())).chain([Value::Null]);
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(words.collect::<Vec<_>>()))
        .description(Some("How far the message came; null for guests' and internal ones."))
        .into()
}

/// How far a message to a guest came.
pub(crate) fn delivered() -> Schema {
    one_of(&DELIVERIES.map(Delivery::as_str))
}

/// Why a subscription ended.
pub(crate) fn reason() -> Schema {
    one_of(&["routed_away", "reach_changed"])
}

/// The word for it, and no other.
pub(crate) fn relay_ended() -> Schema {
    one_of(&["relay ended"])
}

/// The kind of token.
pub(crate) fn bearer() -> Schema {
    one_of(&["Bearer"])
}

/// What is wrong with each field: sentences.
pub(crate) fn field_errors() -> Schema {
    let sentences = ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::String)).min_items(Some(1));
    ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(sentences)).into()
}

fn one_of(words: &[&'static str]) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.to_vec())).into()
}
