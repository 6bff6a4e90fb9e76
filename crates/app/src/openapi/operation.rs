//! OpenAPI operation of one endpoint.

use std::collections::BTreeMap;

use utoipa::openapi::{
    ArrayBuilder, ContentBuilder, HeaderBuilder, HttpMethod, KnownFormat, ObjectBuilder, PathItem, PathsBuilder, Ref,
    Response, ResponseBuilder, Schema, SchemaFormat, Type, path::OperationBuilder, request_body::RequestBodyBuilder,
    security::SecurityRequirement,
};

use crate::{
    endpoint::{Access, Endpoint, RequestContent, ResponseContent},
    openapi::schemas::{SchemaRef, Schemas},
    problem::PROBLEM_JSON,
};

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data";

/// The problem responses that OpenAPI operations refer to: status and description.
pub const PROBLEMS: [(u16, &str); 15] = [
    (400, "Bad JSON, an invalid field or parameter, or a body that ends early (`incomplete_body`)."),
    (401, "Missing, invalid or expired credentials."),
    (403, "The role or the API key may not make this call, or the page may not use the cookie."),
    (404, "The object does not exist, or the caller may not see it."),
    (405, "The path does not support this method."),
    (406, "Only JSON is returned."),
    (408, "The body arrived too slowly (`request_timeout`): no part for 10 s, or over 30 s + 1 s per 64 KiB."),
    (409, "The state of the object does not allow the call."),
    (413, "The body is over 256 KiB or the limit of the call, or the file is too large for WhatsApp."),
    (415, "The body is not of the media type of the call, or WhatsApp does not accept the file (`unsupported_file`)."),
    (416, "The file has none of the requested bytes (`range_not_satisfiable`)."),
    (426, "A WebSocket is opened by HTTP/1.1 and in version 13 only."),
    (429, "A limit is exceeded."),
    (500, "A fault of the server."),
    (
        503,
        "The database is unavailable, the memory for request bodies is full, or a search took too long \
         (`search_timeout`). A write was performed completely or not at all: repeat it with the same Idempotency-Key.",
    ),
];

/// Headers of every response: name and description.
const COMMON_HEADERS: [(&str, &str); 2] = [
    ("X-Request-Id", "Id of the request, which the server's log lines contain."),
    ("X-Version", "Version of the server."),
];

/// The problem response with a status, for the components of the document.
pub fn problem_response(status: u16, description: &str, schema: SchemaRef) -> Response {
    let mut headers = COMMON_HEADERS.to_vec();
    match status {
        401 => headers.push(("WWW-Authenticate", "`Bearer`.")),
        405 => headers.push(("Allow", "The methods of the path.")),
        429 | 503 => headers.push(("Retry-After", "Seconds after which the request may succeed.")),
        _ => {}
    }
    let content = ContentBuilder::new().schema(Some(schema)).build();
    with_headers(ResponseBuilder::new().description(description), &headers).content(PROBLEM_JSON, content).build()
}

/// The name of a problem response in the components of the OpenAPI document.
pub fn problem_name(status: u16) -> String {
    format!("Refused{status}")
}

/// Adds the operation of an endpoint to the paths of the document.
pub fn add(paths: PathsBuilder, tag: &str, endpoint: Endpoint, schemas: &mut Schemas) -> PathsBuilder {
    let Some(method) = http_method(&endpoint) else { return paths };
    let schemes = endpoint.security.iter().map(|scheme| SecurityRequirement::new(*scheme, Vec::<String>::new()));
    let mut operation = OperationBuilder::new()
        .tag(tag)
        .operation_id(Some(endpoint.operation_id))
        .summary(Some(endpoint.summary))
        .description(Some(description(&endpoint)))
        .parameters(Some(endpoint.parameters))
        .securities(Some(schemes));
    if let Some((content, required)) = endpoint.request_content {
        operation = operation.request_body(Some(request_body(content, schemas).required(Some(required)).build()));
    }
    let mut problems = endpoint.problem_statuses;
    // A call that can fail with 413 reads a body, so it can time out (408).
    if problems.contains(&413) {
        problems.push(408);
    }
    for status in problems {
        operation = operation.response(status.to_string(), Ref::from_response_name(problem_name(status)));
    }
    let mut responses = endpoint.responses;
    let mut headers = endpoint.response_headers;
    headers.extend(COMMON_HEADERS);
    if endpoint.accepts_idempotency_key {
        headers.push(("Idempotent-Replay", "`true` if this is the stored response of an earlier request."));
        // If a write is repeated with its idempotency key, the status is always 200.
        if let Some(&(status, content)) = responses.first()
            && status != 200
        {
            responses.push((200, content));
        }
    }
    // A status with several types of content is one response.
    let mut by_status: BTreeMap<u16, Response> = BTreeMap::new();
    for (status, content) in responses {
        let new = response(content, &headers, schemas);
        match by_status.get_mut(&status) {
            Some(known) => known.content.extend(new.content),
            None => drop(by_status.insert(status, new)),
        }
    }
    for (status, response) in by_status {
        operation = operation.response(status.to_string(), response);
    }
    paths.path(endpoint.path, PathItem::new(method, operation))
}

/// The description of an operation: its own sentences, then those that follow from the kind of endpoint.
fn description(endpoint: &Endpoint) -> String {
    let access = match endpoint.access {
        Access::Public => "No sign-in is needed, or the call checks the credentials itself.",
        Access::Staff => "For staff members.",
        Access::StaffOrApiKey => "For staff members and API keys.",
    };
    format!("{} {access}", endpoint.description)
}

fn http_method(endpoint: &Endpoint) -> Option<HttpMethod> {
    match endpoint.method.as_str() {
        "GET" => Some(HttpMethod::Get),
        "POST" => Some(HttpMethod::Post),
        "PUT" => Some(HttpMethod::Put),
        "PATCH" => Some(HttpMethod::Patch),
        "DELETE" => Some(HttpMethod::Delete),
        _ => None,
    }
}

fn request_body(content: RequestContent, schemas: &mut Schemas) -> RequestBodyBuilder {
    let content_of = |schema: SchemaRef| ContentBuilder::new().schema(Some(schema)).build();
    match content {
        RequestContent::Json(schema) => RequestBodyBuilder::new().content(JSON, content_of(schema(schemas))),
        RequestContent::File(media_type) => {
            let form = ObjectBuilder::new().property("file", binary()).required("file").build();
            RequestBodyBuilder::new()
                .content(media_type, content_of(string().into()))
                .content(FORM, content_of(Schema::from(form).into()))
        }
        RequestContent::Upload => {
            let flag = ObjectBuilder::new().schema_type(Type::Boolean);
            let form = ObjectBuilder::new()
                .property("file", binary())
                .property("text", string())
                .property("reply_to", id())
                .property("clears_draft", flag)
                .required("file");
            RequestBodyBuilder::new().content(FORM, content_of(Schema::from(form.build()).into()))
        }
        RequestContent::ForeignJson => {
            let any = ObjectBuilder::new().schema_type(Type::Object).build();
            RequestBodyBuilder::new().content(JSON, content_of(Schema::from(any).into()))
        }
    }
}

fn response(content: ResponseContent, headers: &[(&'static str, &'static str)], schemas: &mut Schemas) -> Response {
    let response = with_headers(ResponseBuilder::new().description("Success."), headers);
    let (media_type, schema) = match content {
        ResponseContent::Empty => return response.build(),
        ResponseContent::Text => ("text/plain", string().into()),
        ResponseContent::File(media_types) => {
            let with_type = |response: ResponseBuilder, media_type: &&str| {
                response.content(*media_type, ContentBuilder::new().schema(Some(binary())).build())
            };
            return media_types.iter().fold(response, with_type).build();
        }
        ResponseContent::Json(schema) => (JSON, schema(schemas)),
        ResponseContent::JsonArray(schema) => {
            (JSON, Schema::from(ArrayBuilder::new().items(schema(schemas)).build()).into())
        }
    };
    response.content(media_type, ContentBuilder::new().schema(Some(schema)).build()).build()
}

fn with_headers(response: ResponseBuilder, headers: &[(&'static str, &'static str)]) -> ResponseBuilder {
    headers.iter().fold(response, |response, (name, text)| {
        response.header(*name, HeaderBuilder::new().schema(Some(string())).description(Some(*text)).build())
    })
}

fn string() -> Schema {
    ObjectBuilder::new().schema_type(Type::String).build().into()
}

fn id() -> Schema {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build().into()
}

/// A file, for which generators of client code use a type for bytes.
fn binary() -> Schema {
    let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build().into()
}
