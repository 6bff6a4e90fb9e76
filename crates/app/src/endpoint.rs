//! API endpoint: route, access and OpenAPI description in one value.
//!
//! Each file of `rest/` returns a table of [`Endpoint`]s. `routes.rs` builds the router from these tables, and
//! `openapi.rs` the OpenAPI document.

use actix_web::{FromRequest, Handler, Responder, Route, http::Method, web};
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{
        KnownFormat, Object, ObjectBuilder, Required, SchemaFormat, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use crate::{
    openapi::schemas::{SchemaSource, Schemas},
    problem::HandlerResult,
    request::{ApiRequest, RequestCaller},
};

/// One method of one path: how to serve the call, who may use it, and how to describe it.
pub struct Endpoint {
    pub method: Method,
    /// Name of the operation for generators of client code: the name of the handler.
    pub operation_id: &'static str,
    /// The full path of the endpoint, with the trailing slash.
    pub path: &'static str,
    pub route: Route,
    pub access: Access,
    /// Whether a GET endpoint also serves HEAD.
    pub serves_head: bool,
    /// The size limit of the request body, if it is not the default limit.
    pub max_body_bytes: Option<usize>,
    /// The names of the OpenAPI security schemes of the endpoint; a client uses one of them.
    pub security: Vec<&'static str>,
    pub summary: &'static str,
    /// Sentences that the summary leaves out: effects, rules and limits.
    pub description: &'static str,
    pub parameters: Vec<Parameter>,
    pub request_content: Option<(RequestContent, Required)>,
    pub response_headers: Vec<(&'static str, &'static str)>,
    pub responses: Vec<(u16, ResponseContent)>,
    pub problem_statuses: Vec<u16>,
    pub accepts_idempotency_key: bool,
}

/// The credentials that the router requires for an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The router requires no credentials; the handler may check some itself.
    Public,
    /// The endpoint requires the access token of a staff member.
    Staff,
    /// The endpoint requires the access token of a staff member or an API key of the hotel.
    StaffOrApiKey,
}

#[derive(Clone, Copy)]
pub enum RequestContent {
    Json(SchemaSource),
    /// The request body is a file of this media type, or a multipart form with the part `file`.
    File(&'static str),
    /// The request body is a multipart form with the part `file` and, optionally, the parts `text` and `clears_draft`.
    Upload,
    /// The request body is a JSON object of a format that another document defines.
    ForeignJson,
}

#[derive(Clone, Copy)]
pub enum ResponseContent {
    Empty,
    Text,
    /// The response body is a file of one of these media types.
    File(&'static [&'static str]),
    Json(SchemaSource),
    JsonArray(SchemaSource),
}

/// 1 to 128 visible ASCII characters.
const IDEMPOTENCY_KEYS: ParameterValues = ParameterValues::Pattern("^[!-~]{1,128}$");

/// The problem statuses of every endpoint: internal error, and database unavailable or memory full.
const SERVER_PROBLEMS: [u16; 2] = [500, 503];

/// A GET endpoint for callers with credentials.
pub fn get<H, F, C>(path: &'static str, summary: &'static str, handler: H) -> Endpoint
where
    H: Fn(ApiRequest<C>) -> F + Clone + 'static,
    F: Future<Output = HandlerResult> + 'static,
    C: RequestCaller,
{
    Endpoint::authenticated(Method::GET, path, summary, handler)
}

/// A POST endpoint for callers with credentials.
pub fn post<H, F, C>(path: &'static str, summary: &'static str, handler: H) -> Endpoint
where
    H: Fn(ApiRequest<C>) -> F + Clone + 'static,
    F: Future<Output = HandlerResult> + 'static,
    C: RequestCaller,
{
    Endpoint::authenticated(Method::POST, path, summary, handler)
}

/// A PUT endpoint for callers with credentials.
pub fn put<H, F, C>(path: &'static str, summary: &'static str, handler: H) -> Endpoint
where
    H: Fn(ApiRequest<C>) -> F + Clone + 'static,
    F: Future<Output = HandlerResult> + 'static,
    C: RequestCaller,
{
    Endpoint::authenticated(Method::PUT, path, summary, handler)
}

/// A PATCH endpoint for callers with credentials.
pub fn patch<H, F, C>(path: &'static str, summary: &'static str, handler: H) -> Endpoint
where
    H: Fn(ApiRequest<C>) -> F + Clone + 'static,
    F: Future<Output = HandlerResult> + 'static,
    C: RequestCaller,
{
    Endpoint::authenticated(Method::PATCH, path, summary, handler)
}

/// A DELETE endpoint for callers with credentials.
pub fn delete<H, F, C>(path: &'static str, summary: &'static str, handler: H) -> Endpoint
where
    H: Fn(ApiRequest<C>) -> F + Clone + 'static,
    F: Future<Output = HandlerResult> + 'static,
    C: RequestCaller,
{
    Endpoint::authenticated(Method::DELETE, path, summary, handler)
}

impl Endpoint {
    /// An endpoint that any client may call; the handler checks credentials itself, if it needs any.
    pub fn public<H, Args>(method: Method, path: &'static str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<Args>,
        Args: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        let ids = [
            ("{id}", "id", "The id."),
            ("{message_id}", "message_id", "The id of the message."),
            ("{session_id}", "session_id", "The id of the session."),
        ];
        let ids = ids.into_iter().filter(|(placeholder, ..)| path.contains(placeholder));
        Self {
            serves_head: method == Method::GET,
            method,
            operation_id: function_name::<H>(),
            path,
            route: web::to(handler),
            access: Access::Public,
            max_body_bytes: None,
            security: Vec::new(),
            summary,
            description: "",
            parameters: ids
                .map(|(_, name, text)| parameter(name, ParameterValues::Id, text, ParameterIn::Path))
                .collect(),
            request_content: None,
            response_headers: Vec::new(),
            responses: Vec::new(),
            problem_statuses: SERVER_PROBLEMS.to_vec(),
            accepts_idempotency_key: false,
        }
    }

    /// An endpoint for callers with credentials. The type of the handler's argument decides who may call it:
    /// [`ApiRequest<Caller>`](ApiRequest) for staff only, [`ApiRequest<Principal>`](ApiRequest) for API keys, too.
    fn authenticated<H, F, C>(method: Method, path: &'static str, summary: &'static str, handler: H) -> Self
    where
        H: Fn(ApiRequest<C>) -> F + Clone + 'static,
        F: Future<Output = HandlerResult> + 'static,
        C: RequestCaller,
    {
        let mut endpoint = Self::public(method, path, summary, handler).security(&["bearer"]);
        endpoint.access = Access::Staff;
        if C::MAY_BE_API_KEY {
            endpoint.access = Access::StaffOrApiKey;
            endpoint = endpoint.security(&["api_key"]);
        }
        endpoint.problems(&[401, 403, 406])
    }

    pub fn describe(mut self, sentences: &'static str) -> Self {
        self.description = sentences;
        self
    }

    pub fn without_head(mut self) -> Self {
        self.serves_head = false;
        self
    }

    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = Some(bytes);
        self
    }

    pub fn security(mut self, schemes: &[&'static str]) -> Self {
        self.security.extend(schemes);
        self
    }

    /// Declares that the endpoint accepts an `Idempotency-Key`, as every write below `/api/message_manager/` does.
    pub fn idempotent(mut self) -> Self {
        let text = "A repeated request with the same key returns the first response and does nothing else.";
        self.parameters.push(parameter("Idempotency-Key", IDEMPOTENCY_KEYS, text, ParameterIn::Header));
        self.accepts_idempotency_key = true;
        self.problems(&[400, 404, 409, 413, 415])
    }

    pub fn body<T: ToSchema>(mut self) -> Self {
        self.request_content = Some((RequestContent::Json(Schemas::reference::<T>), Required::True));
        self
    }

    pub fn optional_body<T: ToSchema>(mut self) -> Self {
        self.request_content = Some((RequestContent::Json(Schemas::reference::<T>), Required::False));
        self
    }

    pub fn file_body(mut self, media_type: &'static str) -> Self {
        self.request_content = Some((RequestContent::File(media_type), Required::True));
        self
    }

    pub fn foreign_json_body(mut self) -> Self {
        self.request_content = Some((RequestContent::ForeignJson, Required::True));
        self
    }

    pub fn upload_body(mut self) -> Self {
        self.request_content = Some((RequestContent::Upload, Required::True));
        self
    }

    pub fn query(mut self, name: &str, values: impl Into<ParameterValues>, text: &str) -> Self {
        self.parameters.push(parameter(name, values, text, ParameterIn::Query));
        self
    }

    pub fn required_query(mut self, name: &str, values: impl Into<ParameterValues>, text: &str) -> Self {
        let mut required = parameter(name, values, text, ParameterIn::Query);
        required.required = Required::True;
        self.parameters.push(required);
        self
    }

    pub fn response_header(mut self, name: &'static str, text: &'static str) -> Self {
        self.response_headers.push((name, text));
        self
    }

    /// Declares response headers for the position in the event log (epoch and `seq`) from which a client continues.
    pub fn with_cursor(self) -> Self {
        self.response_header("X-Event-Epoch", "The epoch of the event log.").response_header(
            "X-Event-Seq",
            "The last event that the response includes: continue from here with `resume`.",
        )
    }

    /// Declares that the response has an `ETag`, and that a client that has it already gets a 304 without a body.
    pub fn with_entity_tag(mut self) -> Self {
        let text = "The `ETag` of the response that the client has.";
        self.parameters.push(parameter("If-None-Match", Type::String, text, ParameterIn::Header));
        self.response_header("ETag", "A tag of the content.").returns_nothing(304)
    }

    pub fn returns<T: ToSchema>(self, status: u16) -> Self {
        self.response(status, ResponseContent::Json(Schemas::reference::<T>))
    }

    /// Declares that the endpoint returns one page of a list; `T` is the type of the page.
    pub fn returns_page<T: ToSchema>(self) -> Self {
        self.query("page", ParameterValues::Number { from: 1, to: None, default: Some(1) }, "The page number.")
            .query(
                "page_size",
                ParameterValues::Number { from: 1, to: Some(100), default: Some(25) },
                "Entries per page.",
            )
            .returns::<T>(200)
            .problems(&[400, 404])
    }

    pub fn returns_array<T: ToSchema>(self) -> Self {
        self.response(200, ResponseContent::JsonArray(Schemas::reference::<T>))
    }

    pub fn returns_file(self, media_types: &'static [&'static str]) -> Self {
        self.response(200, ResponseContent::File(media_types))
    }

    /// Declares that the endpoint returns a part of a file (206) if the request has a `Range`.
    pub fn returns_part_of_file(self, media_types: &'static [&'static str]) -> Self {
        self.response(206, ResponseContent::File(media_types))
    }

    pub fn returns_nothing(self, status: u16) -> Self {
        self.response(status, ResponseContent::Empty)
    }

    pub fn returns_text(self, status: u16) -> Self {
        self.response(status, ResponseContent::Text)
    }

    pub fn problems(mut self, statuses: &[u16]) -> Self {
        self.problem_statuses.extend(statuses);
        self
    }

    /// Whether the endpoint returns nothing but JSON, so that a request that does not accept JSON fails with 406.
    pub fn returns_only_json(&self) -> bool {
        !self.responses.iter().any(|(_, content)| matches!(content, ResponseContent::File(_)))
    }

    fn response(mut self, status: u16, content: ResponseContent) -> Self {
        self.responses.push((status, content));
        self
    }
}

/// The name of a handler, without its module.
fn function_name<H>() -> &'static str {
    let path = std::any::type_name::<H>();
    path.rsplit("::").next().unwrap_or(path)
}

/// Texts without the character NUL, which PostgreSQL cannot store.
pub const NO_NUL: &str = "^[^\\u0000]*$";
/// Texts without NUL and not only of white space.
const NO_NUL_NOR_BLANK: &str = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$";

/// The values of a path, query or header parameter.
#[derive(Clone)]
pub enum ParameterValues {
    Any(Type),
    /// A positive id.
    Id,
    /// Integers with a lower and an upper bound, both inclusive.
    Number {
        from: i64,
        to: Option<i64>,
        default: Option<i64>,
    },
    OneOf(&'static [&'static str]),
    /// Texts that a regular expression describes.
    Pattern(&'static str),
    /// Any text of at most so many characters; an empty one counts as none.
    Words {
        max: usize,
    },
    /// Any text of at most so many characters that is not only white space.
    NonBlank {
        max: usize,
    },
}

impl From<Type> for ParameterValues {
    fn from(kind: Type) -> Self {
        Self::Any(kind)
    }
}

impl ParameterValues {
    fn schema(self) -> Object {
        let integer = || {
            ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        };
        match self {
            Self::Any(kind) => ObjectBuilder::new().schema_type(kind).build(),
            Self::Id => integer().minimum(Some(1)).build(),
            Self::Number { from, to, default } => {
                integer().minimum(Some(from)).maximum(to).default(default.map(Value::from)).build()
            }
            Self::OneOf(names) => {
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.to_vec())).build()
            }
            Self::Pattern(pattern) => ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build(),
            Self::Words { max } => {
                ObjectBuilder::new().schema_type(Type::String).pattern(Some(NO_NUL)).max_length(Some(max)).build()
            }
            Self::NonBlank { max } => {
                let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(NO_NUL_NOR_BLANK));
                text.min_length(Some(1)).max_length(Some(max)).build()
            }
        }
    }
}

fn parameter(name: &str, values: impl Into<ParameterValues>, text: &str, location: ParameterIn) -> Parameter {
    let required = if matches!(location, ParameterIn::Path) { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(location)
        .required(required)
        .description(Some(text))
        .schema(Some(values.into().schema()))
        .build()
}
