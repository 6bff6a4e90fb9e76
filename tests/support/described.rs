//! Every answer and event, against the program's own descriptions of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::{Answer, Program};

/// The OpenAPI document, as `message-manager openapi` prints it.
pub fn openapi() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| printed("openapi"))
}

/// The AsyncAPI document, as `message-manager asyncapi` prints it.
pub fn asyncapi() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| printed("asyncapi"))
}

fn printed(command: &str) -> Value {
    let folder = std::env::temp_dir();
    Program { folder, settings: Default::default(), through: Vec::new() }.run(&[command]).json()
}

/// The path of the OpenAPI document that a request's path means.
pub fn template_of(path: &str) -> Option<&'static str> {
    let path = path.split('?').next().unwrap_or_default();
    let asked: Vec<&str> = path.trim_matches('/').split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.trim_matches('/').split('/').collect();
        parts.len() == asked.len() && parts.iter().zip(&asked).all(|(part, word)| part.starts_with('{') || part == word)
    };
    let paths = openapi()["paths"].as_object().expect("no paths");
    let mut fitting: Vec<&'static str> = paths.keys().map(String::as_str).filter(|it| fits(it)).collect();
    // `active_conversations/` rather than `{id}/`.
    fitting.sort_by_key(|template| template.matches('{').count());
    fitting.first().copied()
}

/// Fails where the answer is not among those that the OpenAPI document allows for the request.
#[track_caller]
pub fn check_answer(method: &str, path: &str, answer: &Answer) {
    if !path.starts_with("/api/") || path.starts_with("/api/docs") || method == "OPTIONS" {
        return;
    }
    let Some(template) = template_of(path) else {
        let undescribed = ["/api/openapi.json", "/api/asyncapi.json"].contains(&path.trim_end_matches('/'));
        assert!(undescribed || [401, 404].contains(&answer.status), "{} is not described", answer.asked);
        return;
    };
    let operation = &openapi()["paths"][template][method.to_lowercase()];
    if operation.is_null() {
        assert!([401, 404, 405].contains(&answer.status), "{} is not described", answer.asked);
        return;
    }
    let mut response = &operation["responses"][answer.status.to_string()];
    if let Some(reference) = response["$ref"].as_str() {
        response = openapi().pointer(reference.trim_start_matches('#')).expect("a dangling $ref");
    }
    assert!(response.is_object(), "{}: {} is not described: {}", answer.asked, answer.status, answer.text());
    check_body(method, template, response, answer);
}

#[track_caller]
fn check_body(method: &str, template: &str, response: &Value, answer: &Answer) {
    let Some(content) = response["content"].as_object().filter(|it| !it.is_empty()) else {
        assert!(answer.body.is_empty(), "{}: the description knows no body: {}", answer.asked, answer.text());
        return;
    };
    let told = answer.header("content-type").unwrap_or_default();
    let media = told.split(';').next().unwrap_or_default().trim();
    let described = content.get(media).or_else(|| content.get("*/*"));
    assert!(described.is_some(), "{} {}: {media:?} is not described", answer.asked, answer.status);
    if !media.ends_with("json") {
        return;
    }
    let schema = &described.unwrap()["schema"];
    let name = format!("{method} {template} {} {media}", answer.status);
    conforms(&name, schema, openapi(), &answer.json(), &answer.asked);
}

/// Fails where an event is not one that the AsyncAPI document describes.
#[track_caller]
pub fn check_event(event: &Value) {
    let word = event["type"].as_str().unwrap_or_else(|| panic!("an event without a type: {event}"));
    let schema = event_schema(word).unwrap_or_else(|| panic!("{word} is not described by asyncapi: {event}"));
    conforms(&format!("event {word}"), schema, asyncapi(), event, word);
}

fn event_schema(word: &str) -> Option<&'static Value> {
    let messages = asyncapi()["components"]["messages"].as_object()?;
    messages.values().map(|message| &message["payload"]).find(|payload| {
        let kind = &resolved(payload)["properties"]["type"];
        kind["const"] == word || kind["enum"].as_array().is_some_and(|words| words.len() == 1 && words[0] == word)
    })
}

fn resolved(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str() {
        Some(reference) => asyncapi().pointer(reference.trim_start_matches('#')).expect("a dangling $ref"),
        None => schema,
    }
}

#[track_caller]
fn conforms(name: &str, schema: &Value, document: &Value, value: &Value, of_what: &str) {
    static VALIDATORS: OnceLock<Mutex<HashMap<String, Arc<Validator>>>> = OnceLock::new();
    let validators = VALIDATORS.get_or_init(Mutex::default);
    let known = validators.lock().unwrap().get(name).cloned();
    let validator = known.unwrap_or_else(|| {
        let made = Arc::new(validator_of(schema, document).unwrap_or_else(|error| panic!("{name}: {error}")));
        validators.lock().unwrap().insert(name.to_owned(), made.clone());
        made
    });
    let faults: Vec<String> =
        validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{of_what} is not as described ({name}): {faults:?}: {value}");
}

/// A validator for a schema that refers to its document's components.
fn validator_of(schema: &Value, document: &Value) -> Result<Validator, String> {
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    jsonschema::draft202012::options().should_validate_formats(true).build(&whole).map_err(|error| error.to_string())
}
