//! Named schemas of the variants of a tagged union.

use serde_json::{Map, Value, json};

use super::reference_to;

/// Moves the variants of each named tagged union (`oneOf` of objects with a constant `type`) into named schemas, such as
/// `NewMessageEvent` for `new_message`, and names them in the `discriminator` of the union.
pub fn move_tagged_variants_to_named_schemas(schemas: &mut Map<String, Value>) {
    let mut variants = Map::new();
    for union in schemas.values_mut() {
        let Some(tags) = union["oneOf"].as_array().and_then(|it| it.iter().map(tag_of).collect::<Option<Vec<_>>>())
        else {
            continue;
        };
        let mut mapping = Map::new();
        for (tag, schema) in tags.iter().zip(union["oneOf"].as_array_mut().into_iter().flatten()) {
            let name = schema_name(tag);
            let reference = reference_to(&name);
            mapping.insert(tag.clone(), reference["$ref"].clone());
            variants.insert(name, std::mem::replace(schema, reference));
        }
        union["discriminator"] = json!({ "propertyName": "type", "mapping": mapping });
    }
    schemas.extend(variants);
}

/// The constant value of `type` in a variant, which is `allOf` of the fields and of an object with the tag.
fn tag_of(variant: &Value) -> Option<String> {
    let parts = variant["allOf"].as_array()?;
    let tag = parts.iter().find_map(|part| part["properties"]["type"]["enum"][0].as_str())?;
    Some(tag.to_owned())
}

/// `new_message` → `NewMessageEvent`
fn schema_name(tag: &str) -> String {
    let words = tag.split('_').map(|word| {
        let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        first.to_uppercase() + rest
    });
    words.collect::<String>() + "Event"
}
