//! The OpenAPI and AsyncAPI documents conform to the published JSON schemas of these formats.

use std::collections::BTreeSet;

use acceptance::{Value, described, json, on_sqlite};
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

/// Values of query parameters and headers that a tool for generated requests has found: each is refused by the server
/// and by the schema of the document, or accepted by both.
const PARAMETERS: [(&str, &str, &[&str], &[&str]); 14] = [
    ("conversations/", "status", &["", "open", "relay,", "relay,open"], &["relay", "demo,closed"]),
    ("conversations/", "department", &["0", "-1", "x", ""], &["1"]),
    ("conversations/", "assigned_to", &["", "0", "you"], &["me", "none", "1"]),
    ("conversations/", "label", &["", "0", "1,", "x"], &["1", "1,2"]),
    ("conversations/", "order", &["", "newest"], &["updated", "waiting"]),
    ("conversations/", "search", &["\0"], &["", "Ana"]),
    ("search/", "q", &["", " ", "\0"], &["towels", "a b", "\""]),
    ("search/?q=x", "sender_type", &["", "me"], &["guest", "staff", "system"]),
    ("search/?q=x", "from", &["", "today"], &["2026-11-30"]),
    ("templates/", "department", &["0", ""], &["1"]),
    ("stays/", "room", &["\0"], &["", "101"]),
    ("events/?after_seq=0", "epoch", &["\0"], &[]),
    ("attachments/1/", "thumbnail", &["0", "319", "x"], &[]),
    ("events/", "after_seq", &["-1", "x", ""], &["0"]),
];

/// Whether the schema of the document accepts the text of a parameter. Texts of numbers are numbers.
fn is_described(parameter: &Value, text: &str) -> bool {
    let number = text.parse::<i64>().ok().filter(|_| parameter["schema"]["type"] == "integer");
    let value = number.map_or_else(|| Value::from(text), Value::from);
    jsonschema::validator_for(&parameter["schema"]).unwrap().is_valid(&value)
}

fn parameter_of(path: &str, method: &str, name: &str) -> Value {
    let operation = &described::openapi()["paths"][path][method];
    let found = operation["parameters"].as_array().unwrap().iter().find(|it| it["name"] == name);
    found.unwrap_or_else(|| panic!("{path} has no parameter {name}")).clone()
}

on_sqlite!(parameters_are_described_as_the_server_reads_them, |hotel| {
    let staff = hotel.of(0).await;
    for (path, name, refused, accepted) in PARAMETERS {
        let template = described::template_of(&format!("/api/message_manager/{path}")).unwrap();
        let parameter = parameter_of(template, "get", name);
        for (text, is_accepted) in refused.iter().map(|it| (it, false)).chain(accepted.iter().map(|it| (it, true))) {
            let (separator, value) = (if path.contains('?') { '&' } else { '?' }, text.replace('\0', "%00"));
            let status = staff.get(format!("{path}{separator}{name}={value}")).await.status;
            assert_eq!(
                (status == 400, is_described(&parameter, text)),
                (!is_accepted, is_accepted),
                "{path} {name}={text}"
            );
        }
    }
    let parameter = parameter_of("/api/message_manager/conversations/{id}/close/", "post", "Idempotency-Key");
    for (text, is_accepted) in [("", false), ("a b", false), (&"x".repeat(129), false), ("!~", true)] {
        assert_eq!(is_described(&parameter, text), is_accepted, "{text}");
    }
});

on_sqlite!(a_body_with_alternatives_is_described_as_the_server_reads_it, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let newest = staff.get(stay.path("messages/?limit=1")).await.is(200)[0]["id"].clone();
    let schema = &described::openapi()["components"]["schemas"]["MarkRead"];
    let validator = jsonschema::validator_for(schema).unwrap();
    let (up_to, from) = (json!({ "message_id": newest }), json!({ "unread_from": newest }));
    let both = json!({ "message_id": newest, "unread_from": newest });
    for (body, is_accepted) in [(json!({}), false), (up_to, true), (from, true), (both, false)] {
        let status = staff.post(stay.path("read/"), body.clone()).await.status;
        assert_eq!((status == 204, validator.is_valid(&body)), (is_accepted, is_accepted), "{body}");
    }
});
