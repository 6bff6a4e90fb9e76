//! The OpenAPI and AsyncAPI documents conform to the published JSON schemas of these formats.

use std::collections::BTreeSet;

use acceptance::{Value, described};
use jsonschema::Validator;

const OPENAPI: &str = include_str!("../schemas/openapi-3.1.json");
const ASYNCAPI: &str = include_str!("../schemas/asyncapi-3.0.json");

#[track_caller]
fn assert_conforms(schema: &str, document: &Value) {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator: Validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(document).map(|fault| format!("{}: {fault:.300}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Visits a JSON value and everything inside it.
fn walk<'a>(value: &'a Value, visit: &mut impl FnMut(&'a Value)) {
    visit(value);
    match value {
        Value::Array(list) => list.iter().for_each(|value| walk(value, visit)),
        Value::Object(map) => map.values().for_each(|value| walk(value, visit)),
        _ => {}
    }
}

/// Fails if a reference cannot be resolved, or if a component is no valid JSON schema.
#[track_caller]
fn assert_references_resolve(document: &Value) {
    let mut references = BTreeSet::new();
    walk(document, &mut |value| {
        references.extend(value["$ref"].as_str());
    });
    assert!(!references.is_empty());
    for reference in references {
        let found = reference.strip_prefix('#').and_then(|path| document.pointer(path));
        assert!(found.is_some(), "{reference} leads nowhere");
    }
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{name} is no schema: {schema}");
    }
}

#[test]
fn the_openapi_document_conforms_to_openapi_3_1() {
    let document = described::openapi();
    assert_conforms(OPENAPI, document);
    assert_references_resolve(document);
}

#[test]
fn the_asyncapi_document_conforms_to_asyncapi_3() {
    let document = described::asyncapi();
    assert_conforms(ASYNCAPI, document);
    assert_references_resolve(document);
}

#[test]
fn the_schemas_reject_broken_documents() {
    let breaks = |schema: &str, document: &Value, path: &str, wrong: Value| {
        let mut document = document.clone();
        *document.pointer_mut(path).unwrap() = wrong;
        let schema: Value = serde_json::from_str(schema).unwrap();
        !jsonschema::validator_for(&schema).unwrap().is_valid(&document)
    };
    assert!(breaks(OPENAPI, described::openapi(), "/info/title", Value::Null));
    assert!(breaks(OPENAPI, described::openapi(), "/paths/~1api~1auth~1login~1/post/responses/200", Value::Null));
    assert!(breaks(ASYNCAPI, described::asyncapi(), "/channels/staff/address", 5.into()));
    assert!(breaks(ASYNCAPI, described::asyncapi(), "/channels/staff/bindings/ws/method", "PUT".into()));
}
