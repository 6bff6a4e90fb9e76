//! OpenAPI 3.1 document of the HTTP interface, built from the endpoint tables of `rest/`.

mod operation;
pub mod schemas;

use serde_json::{Map, Value};
use utoipa::openapi::{
    Components, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder, ServerBuilder,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use wire::{
    json_schema::{example_of, move_enums_to_named_schemas, move_tagged_variants_to_named_schemas},
    response::ProblemResponse,
};

use crate::{openapi::schemas::Schemas, request::sign_in_cookies::SESSION_COOKIE, rest};

/// Builds the OpenAPI document as JSON.
pub fn document() -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(operations_and_schemas())?;
    let mut schemas = match document["components"]["schemas"].take() {
        Value::Object(schemas) => schemas,
        _ => Map::new(),
    };
    move_tagged_variants_to_named_schemas(&mut schemas);
    let (mut inline, mut named) = (Value::Object(schemas), Map::new());
    move_enums_to_named_schemas(&mut inline, &mut named);
    if let Value::Object(schemas) = inline {
        named.extend(schemas);
    }
    add_examples(&mut document["paths"], &named);
    document["components"]["schemas"] = Value::Object(named);
    Ok(document)
}

/// Adds an example to each JSON body of requests and successful responses.
fn add_examples(value: &mut Value, schemas: &Map<String, Value>) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|it| add_examples(it, schemas)),
        Value::Object(object) => {
            if let Some(content) = object.get_mut("application/json")
                && content["schema"].is_object()
            {
                content["example"] = example_of(&content["schema"], schemas);
            }
            object.values_mut().for_each(|it| add_examples(it, schemas));
        }
        _ => {}
    }
}

fn operations_and_schemas() -> OpenApi {
    let mut schemas = Schemas::default();
    let mut paths = PathsBuilder::new();
    for (tag, endpoints) in rest::endpoints() {
        for endpoint in endpoints {
            paths = operation::add(paths, tag, endpoint, &mut schemas);
        }
    }
    let info = InfoBuilder::new()
        .title("message_manager")
        .description(Some("Shared WhatsApp inbox of a hotel. The trailing slash of a path is canonical and optional."))
        .version(env!("CARGO_PKG_VERSION"))
        .build();
    let server = ServerBuilder::new().url("/").description(Some("The server that returned this document.")).build();
    OpenApiBuilder::new().info(info).servers(Some([server])).paths(paths).components(Some(components(schemas))).build()
}

fn components(mut schemas: Schemas) -> Components {
    let problem = schemas.reference::<ProblemResponse>();
    let mut components = Components::new();
    for (status, description) in operation::PROBLEMS {
        let response = operation::problem_response(status, description, problem.clone());
        components.responses.insert(operation::problem_name(status), response.into());
    }
    components.schemas = schemas.into_map();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let api_key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("mmk_…").build();
    components.add_security_scheme("api_key", SecurityScheme::Http(api_key));
    let cookie = ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    components
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn document_json() -> Value {
        document().unwrap()
    }

    /// All operations as (method and path, operation).
    fn operations(document: &Value) -> Vec<(String, &Value)> {
        let paths = document["paths"].as_object().unwrap().iter();
        paths
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().iter().map(move |(method, it)| (format!("{method} {path}"), it))
            })
            .collect()
    }

    #[test]
    fn every_operation_is_named_and_described_for_generators_of_client_code() {
        let document = document_json();
        let mut ids = BTreeSet::new();
        for (name, operation) in operations(&document) {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{name}: {id} is used twice");
            assert!(id.bytes().all(|it| it.is_ascii_lowercase() || it == b'_'), "{name}: {id}");
            for key in ["summary", "description"] {
                let text = operation[key].as_str().unwrap();
                assert!(text.starts_with(|it: char| !it.is_whitespace()) && text.ends_with('.'), "{name}: {key}");
            }
            assert!(operation["security"].is_array(), "{name}");
            for parameter in operation["parameters"].as_array().unwrap() {
                assert!(parameter["description"].as_str().unwrap().ends_with('.'), "{name}: {parameter}");
            }
        }
    }

    #[test]
    fn examples_are_valid() {
        let document = document_json();
        for (name, operation) in operations(&document) {
            let request = &operation["requestBody"]["content"]["application/json"];
            let responses = operation["responses"].as_object().unwrap().values();
            for content in responses.map(|it| &it["content"]["application/json"]).chain([request]) {
                if content["schema"].is_null() {
                    continue;
                }
                let schema = serde_json::json!({ "allOf": [content["schema"]], "components": document["components"] });
                let options = jsonschema::draft202012::options().should_validate_formats(true);
                let validator = options.build(&schema).unwrap();
                let faults: Vec<_> = validator.iter_errors(&content["example"]).map(|it| it.to_string()).collect();
                assert!(faults.is_empty(), "{name}: {}: {faults:?}", content["example"]);
            }
        }
    }

    fn collect_references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    found.push(reference.clone());
                }
                map.values().for_each(|it| collect_references(it, found));
            }
            Value::Array(list) => list.iter().for_each(|it| collect_references(it, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_resolves() {
        let document = document_json();
        let mut found = Vec::new();
        collect_references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_operation_lists_a_success_and_its_problems() {
        let document = document_json();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.keys().any(|status| status < &"400".to_owned()), "{method} {path}");
                if path.starts_with("/api/message_manager/") {
                    assert!(["401", "406", "503"].iter().all(|it| responses.contains_key(*it)), "{method} {path}");
                }
            }
        }
        assert_eq!(document["openapi"], "3.1.0");
    }

    #[test]
    fn pages_of_different_lists_have_different_items() {
        let document = document_json();
        let item = |path: &str| {
            let content = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"];
            let page = content["schema"]["$ref"].as_str().unwrap().trim_start_matches('#');
            let item = &document.pointer(page).unwrap()["properties"]["results"]["items"]["$ref"];
            item.as_str().unwrap().to_owned()
        };
        assert_eq!(item("/api/message_manager/staff/"), "#/components/schemas/Staff");
        assert_eq!(item("/api/message_manager/conversations/"), "#/components/schemas/Conversation");
    }
}
