//! The descriptions of the API, against those who say what such descriptions are.

use std::collections::BTreeSet;

use acceptance::{Value, described};
use jsonschema::Validator;

const OPENAPI: &str = include_str!("../schemas/openapi-3.1.json");
const ASYNCAPI: &str = include_str!("../schemas/asyncapi-3.0.json");

#[track_caller]
fn conforms(schema: &str, document: &Value) {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator: Validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(document).map(|fault| format!("{}: {fault:.300}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Every value beneath a document, itself too.
fn walk<'a>(it: &'a Value, see: &mut impl FnMut(&'a Value)) {
    see(it);
    match it {
        Value::Array(list) => list.iter().for_each(|it| walk(it, see)),
        Value::Object(map) => map.values().for_each(|it| walk(it, see)),
        _ => {}
    }
}

/// Fails where a reference leads nowhere, or a schema of the document's own is none.
#[track_caller]
fn is_whole(document: &Value) {
    let mut references = BTreeSet::new();
    walk(document, &mut |it| {
        references.extend(it["$ref"].as_str());
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
fn the_description_of_rest_is_openapi_3_1() {
    let document = described::openapi();
    conforms(OPENAPI, document);
    is_whole(document);
}

#[test]
fn the_description_of_the_socket_is_asyncapi_3() {
    let document = described::asyncapi();
    conforms(ASYNCAPI, document);
    is_whole(document);
}

#[test]
fn what_is_no_description_is_seen() {
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
