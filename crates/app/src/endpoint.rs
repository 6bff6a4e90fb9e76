//! API endpoint: route, access and OpenAPI description in one value.
//!
//! Each file of `rest/` returns a table of [`Endpoint`]s. `routes.rs` builds the router from these tables, and
//! `openapi.rs` the OpenAPI document.

use actix_web::{FromRequest, Handler, Responder, Route, http::Method, web};
use utoipa::{
    ToSchema,
    openapi::{
        ObjectBuilder, Required, Type,
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
    /// The request body is a multipart form with the part `file` and, optionally, the part `text`.
    Upload,
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
        let ids = [("{id}", "id", "The id."), ("{message_id}", "message_id", "The id of the message.")];
        let ids = ids.into_iter().filter(|(placeholder, ..)| path.contains(placeholder));
        Self {
            serves_head: method == Method::GET,
            method,
            path,
            route: web::to(handler),
            access: Access::Public,
            max_body_bytes: None,
            security: Vec::new(),
            summary,
            parameters: ids.map(|(_, name, text)| parameter(name, Type::Integer, text, ParameterIn::Path)).collect(),
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
        self.parameters.push(parameter("Idempotency-Key", Type::String, text, ParameterIn::Header));
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

    pub fn upload_body(mut self) -> Self {
        self.request_content = Some((RequestContent::Upload, Required::True));
        self
    }

    pub fn query(mut self, name: &str, kind: Type, text: &str) -> Self {
        self.parameters.push(parameter(name, kind, text, ParameterIn::Query));
        self
    }

    pub fn required_query(mut self, name: &str, kind: Type, text: &str) -> Self {
        let mut required = parameter(name, kind, text, ParameterIn::Query);
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

    pub fn returns<T: ToSchema>(self, status: u16) -> Self {
        self.response(status, ResponseContent::Json(Schemas::reference::<T>))
    }

    /// Declares that the endpoint returns one page of a list; `T` is the type of the page. Pages are generic and share
    /// a name, so their schema is written inline.
    pub fn returns_page<T: ToSchema>(self) -> Self {
        self.query("page", Type::Integer, "The page number, from 1.")
            .query("page_size", Type::Integer, "Entries per page, 1 to 100.")
            .response(200, ResponseContent::Json(Schemas::inline::<T>))
            .problems(&[400, 404])
    }

    pub fn returns_array<T: ToSchema>(self) -> Self {
        self.response(200, ResponseContent::JsonArray(Schemas::reference::<T>))
    }

    pub fn returns_file(self, media_types: &'static [&'static str]) -> Self {
        self.response(200, ResponseContent::File(media_types))
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

fn parameter(name: &str, kind: Type, text: &str, location: ParameterIn) -> Parameter {
    let required = if matches!(location, ParameterIn::Path) { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(location)
        .required(required)
        .description(Some(text))
        .schema(Some(ObjectBuilder::new().schema_type(kind).build()))
        .build()
}
