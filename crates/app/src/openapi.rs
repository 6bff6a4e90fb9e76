//! OpenAPI 3.1 document of the HTTP interface, built from the endpoint tables of `rest/`.

mod operation;
pub mod schemas;

use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder,
    response::ResponseBuilder,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use wire::response::ProblemResponse;

use crate::{
    openapi::schemas::Schemas,
    problem::PROBLEM_JSON,
    rest::{self, auth::SESSION_COOKIE},
};

/// Builds the OpenAPI document.
pub fn document() -> OpenApi {
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
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components(schemas))).build()
}

fn components(mut schemas: Schemas) -> Components {
    let problem = schemas.reference::<ProblemResponse>();
    let mut components = Components::new();
    for (status, description) in operation::PROBLEMS {
        let content = ContentBuilder::new().schema(Some(problem.clone())).build();
        let response = ResponseBuilder::new().description(description).content(PROBLEM_JSON, content).build();
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
    use serde_json::Value;

    use super::*;

    fn document_json() -> Value {
        serde_json::to_value(document()).unwrap()
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
            let item = content["schema"]["properties"]["results"]["items"]["$ref"].clone();
            item.as_str().unwrap().to_owned()
        };
        assert_eq!(item("/api/message_manager/staff/"), "#/components/schemas/Staff");
        assert_eq!(item("/api/message_manager/conversations/"), "#/components/schemas/Conversation");
    }
}
