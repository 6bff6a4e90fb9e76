//! Passes over JSON schemas of the OpenAPI and AsyncAPI documents.
//!
//! Generators of client code make a type of each named schema. The passes therefore move enums and logged events, which
//! the derived schemas contain inline, into the named schemas, and add an example to each of them.

mod example;
mod named_enums;
mod tagged_variants;

pub use example::example_of;
pub use named_enums::move_enums_to_named_schemas;
pub use tagged_variants::move_tagged_variants_to_named_schemas;

/// The pointer prefix of named schemas, in OpenAPI and AsyncAPI documents.
const SCHEMAS: &str = "#/components/schemas/";

/// A reference to a named schema.
fn reference_to(name: &str) -> serde_json::Value {
    serde_json::json!({ "$ref": format!("{SCHEMAS}{name}") })
}

#[cfg(test)]
mod tests;
