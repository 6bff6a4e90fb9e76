//! Checks responses against the OpenAPI document and events against the AsyncAPI document of the binary.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::{ApiResponse, Program};

/// The output of `message-manager openapi`.
pub fn openapi() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| print_document("openapi"))
}

/// The output of `message-manager asyncapi`.
pub fn asyncapi() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| print_document("asyncapi"))
}

fn print_document(command: &str) -> Value {
    let folder = std::env::temp_dir();
    Program { folder, settings: Default::default(), through: Vec::new() }.run(&[command]).json()
}

/// Returns the path template of the OpenAPI document that matches a request's path.
pub fn template_of(path: &str) -> Option<&'static str> {
    let path = path.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let matches = |template: &str| {
        let parts: Vec<&str> = template.trim_matches('/').split('/').collect();
        parts.len() == segments.len()
            && parts.iter().zip(&segments).all(|(part, segment)| part.starts_with('{') || part == segment)
    };
    let paths = openapi()["paths"].as_object().expect("no paths");
    let mut matching: Vec<&'static str> = paths.keys().map(String::as_str).filter(|it| matches(it)).collect();
    // `active_conversations/` before `{id}/`.
    matching.sort_by_key(|template| template.matches('{').count());
    matching.first().copied()
}

/// Fails if the OpenAPI document does not describe this response to the request.
#[track_caller]
pub fn check_response(method: &str, path: &str, response: &ApiResponse) {
    if !path.starts_with("/api/") || path.starts_with("/api/docs") || ["OPTIONS", "HEAD"].contains(&method) {
        return;
    }
    let Some(template) = template_of(path) else {
        let undescribed = ["/api/openapi.json", "/api/asyncapi.json"].contains(&path.trim_end_matches('/'));
        let is_refused = [401, 404].contains(&response.status) || demands_password(response);
        assert!(undescribed || is_refused, "{} is not described", response.request);
        return;
    };
    let operation = &openapi()["paths"][template][method.to_lowercase()];
    if operation.is_null() {
        let is_refused = [401, 404, 405].contains(&response.status) || demands_password(response);
        assert!(is_refused, "{} is not described", response.request);
        return;
    }
    let mut description = &operation["responses"][response.status.to_string()];
    if let Some(reference) = description["$ref"].as_str() {
        description = openapi().pointer(reference.trim_start_matches('#')).expect("a dangling $ref");
    }
    assert!(description.is_object(), "{}: {} is not described: {}", response.request, response.status, response.text());
    check_body(method, template, description, response);
}

/// Whether the caller must change the password first: that precedes a missing path and a wrong method.
fn demands_password(response: &ApiResponse) -> bool {
    response.status == 403 && response.json()["code"] == "password_change_required"
}

#[track_caller]
fn check_body(method: &str, template: &str, description: &Value, response: &ApiResponse) {
    let Some(content) = description["content"].as_object().filter(|it| !it.is_empty()) else {
        assert!(response.body.is_empty(), "{}: no body is described: {}", response.request, response.text());
        return;
    };
    let content_type = response.header("content-type").unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim();
    let described = content.get(media).or_else(|| content.get("*/*"));
    assert!(described.is_some(), "{} {}: {media:?} is not described", response.request, response.status);
    if !media.ends_with("json") {
        return;
    }
    let schema = &described.unwrap()["schema"];
    let name = format!("{method} {template} {} {media}", response.status);
    check_schema(&name, schema, openapi(), &response.json(), &response.request);
}

/// Fails if the AsyncAPI document does not describe this event.
#[track_caller]
pub fn check_event(event: &Value) {
    let kind = event["type"].as_str().unwrap_or_else(|| panic!("an event without a type: {event}"));
    let schema = event_schema(kind).unwrap_or_else(|| panic!("asyncapi does not describe {kind}: {event}"));
    check_schema(&format!("event {kind}"), schema, asyncapi(), event, kind);
}

fn event_schema(event_type: &str) -> Option<&'static Value> {
    let messages = asyncapi()["components"]["messages"].as_object()?;
    messages.values().map(|message| &message["payload"]).find(|payload| {
        let kind = &resolve_reference(payload)["properties"]["type"];
        kind["const"] == event_type
            || kind["enum"].as_array().is_some_and(|types| types.len() == 1 && types[0] == event_type)
    })
}

fn resolve_reference(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str() {
        Some(reference) => asyncapi().pointer(reference.trim_start_matches('#')).expect("a dangling $ref"),
        None => schema,
    }
}

#[track_caller]
fn check_schema(name: &str, schema: &Value, document: &Value, value: &Value, source: &str) {
    static VALIDATORS: OnceLock<Mutex<HashMap<String, Arc<Validator>>>> = OnceLock::new();
    let validators = VALIDATORS.get_or_init(Mutex::default);
    let cached = validators.lock().unwrap().get(name).cloned();
    let validator = cached.unwrap_or_else(|| {
        let compiled = Arc::new(compile_schema(schema, document).unwrap_or_else(|error| panic!("{name}: {error}")));
        validators.lock().unwrap().insert(name.to_owned(), compiled.clone());
        compiled
    });
    let faults: Vec<String> =
        validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{source} is not as described ({name}): {faults:?}: {value}");
}

/// Compiles a schema that may refer to its document's components.
fn compile_schema(schema: &Value, document: &Value) -> Result<Validator, String> {
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    jsonschema::draft202012::options().should_validate_formats(true).build(&whole).map_err(|error| error.to_string())
}
