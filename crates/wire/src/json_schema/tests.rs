use serde_json::{Value, json};

use super::*;

#[test]
fn enums_with_a_title_become_named_schemas() {
    let status = json!({ "title": "Status", "type": "string", "enum": ["open", "done"], "description": "The state." });
    let nullable = json!({ "title": "Status", "type": ["string", "null"], "enum": ["open", "done", null] });
    let mut document = json!({ "a": status, "b": [nullable], "c": { "type": "string", "enum": ["x"] } });
    let mut schemas = serde_json::Map::new();
    move_enums_to_named_schemas(&mut document, &mut schemas);
    assert_eq!(document["a"], json!({ "$ref": "#/components/schemas/Status", "description": "The state." }));
    assert_eq!(document["b"], json!([{ "oneOf": [{ "$ref": "#/components/schemas/Status" }, { "type": "null" }] }]));
    assert_eq!(document["c"]["enum"], json!(["x"]));
    assert_eq!(Value::Object(schemas), json!({ "Status": { "type": "string", "enum": ["open", "done"] } }));
}

#[test]
fn variants_of_a_tagged_union_become_named_schemas() {
    let variant = |tag: &str| json!({ "allOf": [{ "$ref": "#/components/schemas/Body" }, { "properties": { "type": { "enum": [tag] } } }] });
    let union = json!({ "oneOf": [variant("new_note"), variant("read")] });
    let untagged = json!({ "oneOf": [{ "type": "string" }, { "type": "null" }] });
    let Value::Object(mut schemas) = json!({ "Logged": union, "Other": untagged }) else { unreachable!() };
    move_tagged_variants_to_named_schemas(&mut schemas);
    assert_eq!(schemas["NewNoteEvent"], variant("new_note"));
    assert_eq!(schemas["Logged"]["oneOf"][1]["$ref"], "#/components/schemas/ReadEvent");
    assert_eq!(schemas["Logged"]["discriminator"]["mapping"]["read"], "#/components/schemas/ReadEvent");
    assert_eq!(schemas["Other"], untagged);
}

#[test]
fn examples_follow_references_bounds_and_names() {
    let schema = json!({ "allOf": [
        { "$ref": "#/components/schemas/Person" },
        { "type": "object", "properties": {
            "page": { "type": "integer", "maximum": 3 },
            "room_number": { "type": ["string", "null"] },
            "state": { "oneOf": [{ "type": "null" }, { "type": "string", "enum": ["open"] }] },
            "tags": { "type": "array", "items": { "type": "boolean" } },
        } },
    ] });
    let Value::Object(schemas) =
        json!({ "Person": { "type": "object", "properties": { "at": { "type": "string", "format": "date-time" } } } })
    else {
        unreachable!()
    };
    let expected = json!({
        "at": "2026-11-30T18:02:11.25Z", "page": 3, "room_number": "204", "state": "open", "tags": [false],
    });
    assert_eq!(example_of(&schema, &schemas), expected);
}

#[test]
fn schemas_that_refer_to_themselves_have_an_end() {
    let node = json!({ "type": "object", "properties": { "next": { "$ref": "#/components/schemas/Node" } } });
    let schemas = [("Node".to_owned(), node.clone())].into_iter().collect();
    assert!(example_of(&node, &schemas).is_object());
}
