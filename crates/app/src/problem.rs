//! Error responses in `application/problem+json`. This file alone maps errors to HTTP statuses.

use std::{collections::BTreeMap, fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE},
    },
};
use desk::stays::ImportError;
use serde_json::{Map, Value, json};
use wire::response::{DraftResponse, IdAndName, MessageResponse};

use crate::request::repeated_write::RepeatedWrite;

pub const PROBLEM_JSON: &str = "application/problem+json";

/// The `Retry-After` header of a 503 response if nothing more precise is known.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);
/// The `Retry-After` header while the memory for request bodies is full: a stalled body gives its memory back after ten
/// seconds.
const BODY_MEMORY_RETRY_AFTER: Duration = Duration::from_secs(5);
/// The `Retry-After` header while too many sign-ins wait for their turn.
const SIGN_INS_RETRY_AFTER: Duration = Duration::from_secs(2);
const SOCKETS_RETRY_AFTER: Duration = Duration::from_secs(60);

/// The result of an HTTP handler: a response, or a problem.
pub type HandlerResult = Result<HttpResponse, Problem>;

/// An error response. Boxed, because every handler returns it by value.
#[derive(Debug)]
pub struct Problem(Box<ProblemDetails>);

#[derive(Debug)]
struct ProblemDetails {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: BTreeMap<String, Vec<String>>,
    retry_after: Option<Duration>,
    allow: Option<String>,
    /// The size of the file of which a client asked for bytes that the file does not have.
    file_size: Option<u64>,
    newer: Option<Value>,
    /// The stored draft of a `draft_conflict`; null if there is none.
    draft: Option<Value>,
    assigned_to: Option<Value>,
    parts: BTreeMap<&'static str, &'static str>,
    /// The cause of a 500 or 503, written to the log but not to the response.
    cause: Option<String>,
    closes_connection: bool,
    /// Whether the caller's session was checked before the problem was found, or need not be checked.
    is_session_checked: bool,
    /// The write that this problem refuses, if it has an idempotency key and never reached its use case.
    repeated_write: Option<RepeatedWrite>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        debug_assert!(wire::PROBLEM_CODES.contains(&code), "the OpenAPI document lacks the error code {code}");
        Self(Box::new(ProblemDetails {
            status,
            code,
            detail: detail.into(),
            errors: BTreeMap::new(),
            retry_after: None,
            allow: None,
            file_size: None,
            newer: None,
            draft: None,
            assigned_to: None,
            parts: BTreeMap::new(),
            cause: None,
            closes_connection: false,
            is_session_checked: false,
            repeated_write: None,
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut ProblemDetails)) -> Self {
        change(&mut self.0);
        self
    }

    /// Status 400: the request body is not a JSON object.
    pub fn bad_json(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_json", detail)
    }

    /// Status 400: one field of the body or one query parameter is invalid.
    pub fn invalid(name: &str, sentence: impl Into<String>) -> Self {
        Self::invalid_fields([(name.to_owned(), vec![sentence.into()])])
    }

    /// Status 400: fields of the body or query parameters are invalid; each name maps to messages for people.
    pub fn invalid_fields(errors: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        let problem = Self::new(StatusCode::BAD_REQUEST, "invalid", "The request is invalid; see `errors`.");
        problem.with(|it| it.errors = errors.into_iter().collect())
    }

    /// Status 400: the request violates a protocol such as the WebSocket handshake.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail)
    }

    /// Status 400: the request body ended early. Sent without a session check: the HTTP library closes the connection
    /// after a broken chunk, so a later response would not reach the client.
    pub fn incomplete_body() -> Self {
        let detail = "The body of the request ended early, so nothing was done. Please send it again.";
        let problem = Self::new(StatusCode::BAD_REQUEST, "incomplete_body", detail);
        problem.closing().with(|it| it.is_session_checked = true)
    }

    /// Status 408: the request body arrived too slowly.
    pub fn request_timeout() -> Self {
        let detail = "The body of the request arrived too slowly, so nothing was done. Please send it again.";
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail).closing()
    }

    /// Status 503: the memory for request bodies is full.
    pub fn body_memory_full() -> Self {
        let detail = "The server is busy with large requests at the moment, so nothing was done. Please try again.";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.with(|it| it.retry_after = Some(BODY_MEMORY_RETRY_AFTER)).closing()
    }

    /// Makes the server close the TCP connection after this error response.
    pub fn closing(self) -> Self {
        self.with(|it| it.closes_connection = true)
    }

    pub fn unauthenticated() -> Self {
        desk::Error::Unauthenticated.into()
    }

    /// Status 403: the web page that sent the session cookie may not use it.
    pub fn bad_origin() -> Self {
        Self::new(StatusCode::FORBIDDEN, "bad_origin", "This page may not use the session cookie.")
    }

    /// Status 401: the signature of a webhook call is missing or wrong.
    pub fn bad_signature() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "The signature does not match the app secret of this server.",
        )
    }

    /// Status 403: the verify token of a webhook verification is not the one of this server.
    pub fn bad_verify_token() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The verify token does not match that of this server.")
    }

    /// Status 404: no route matches the path, or an id in the path is not a number.
    pub fn no_such_path() -> Self {
        let error = desk::Error::NotFound;
        Self::new(StatusCode::NOT_FOUND, error.code(), error.detail())
    }

    /// Status 405: the path does not support the method of the request; `allow` lists the methods that it supports.
    pub fn method_not_allowed(allow: String) -> Self {
        let detail = format!("Allowed here: {allow}.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).with(|it| it.allow = Some(allow))
    }

    /// Status 406: the `Accept` header of the request excludes JSON.
    pub fn not_acceptable() -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", "Only application/json is returned here.")
    }

    /// Status 413: the request body, or the file in it, is larger than `max_bytes`.
    pub fn too_large(max_bytes: usize) -> Self {
        let detail = format!("A request's body may have at most {} KiB here.", max_bytes / 1024);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    /// Status 416: the range lies beyond the end of the file. `Content-Range` contains the size of the file.
    pub fn range_not_satisfiable(size: u64) -> Self {
        let detail = format!("The file has {size} bytes and none of the requested ones.");
        let problem = Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail);
        problem.with(|it| {
            it.file_size = Some(size);
            it.is_session_checked = true;
        })
    }

    /// Status 426: a WebSocket upgrade is not sent over HTTP/1.1, or asks for another WebSocket version than 13.
    pub fn upgrade_required() -> Self {
        let detail = "Only WebSocket version 13 over HTTP/1.1 is supported.";
        Self::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", detail)
    }

    /// Status 415: the request body is not of the expected media type.
    pub fn unsupported_media_type(expected: &str) -> Self {
        let detail = format!("Only {expected} is accepted here.");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// Status 429: the staff member already has the maximum number of sockets open.
    pub fn too_many_sockets() -> Self {
        let detail = "You have too many open sockets. Close one first.";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_sockets", detail);
        problem.with(|it| it.retry_after = Some(SOCKETS_RETRY_AFTER))
    }

    /// Status 503 of `/readyz`: Redis does not respond. Other requests are served nevertheless.
    pub fn redis_unavailable() -> Self {
        Self::unavailable("Redis does not respond.")
    }

    /// Status 503 of `/readyz`: a database writer or a background task of this process has stopped.
    pub fn task_stopped() -> Self {
        Self::unavailable("A task of the server has stopped.")
    }

    fn unavailable(detail: &str) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.with(|it| it.retry_after = Some(DEFAULT_RETRY_AFTER))
    }

    /// Adds the state of each part of the server, `ok` or `away`, to the response of `/readyz`.
    pub fn with_parts(self, parts: BTreeMap<&'static str, &'static str>) -> Self {
        self.with(|it| it.parts = parts)
    }

    /// Status 500: an internal error. `cause` is written to the log but not to the response.
    pub fn internal(cause: impl Into<String>) -> Self {
        let detail = "Something went wrong on our side.";
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail);
        problem.with(|it| it.cause = Some(cause.into()))
    }

    /// Status 500: the server was set up without its shared state (`App`).
    pub fn without_state() -> Self {
        Self::internal("the app has no state")
    }

    /// Whether the problem was found before a use case checked the session, so that the session has to be checked
    /// before the problem is returned.
    pub fn needs_session_check(&self) -> bool {
        !self.0.is_session_checked
    }

    /// Attaches the refused write with an idempotency key, whose stored result takes precedence over this problem.
    pub fn of_write(self, write: RepeatedWrite) -> Self {
        self.with(|it| it.repeated_write = Some(write))
    }

    /// The refused write with an idempotency key, whose stored result takes precedence over this problem.
    pub fn repeated_write(&self) -> Option<&RepeatedWrite> {
        self.0.repeated_write.as_ref()
    }

    fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("type".into(), json!("about:blank"));
        body.insert("title".into(), json!(self.0.status.canonical_reason().unwrap_or("Error")));
        body.insert("status".into(), json!(self.0.status.as_u16()));
        body.insert("detail".into(), json!(self.0.detail));
        body.insert("code".into(), json!(self.0.code));
        if self.0.status == StatusCode::BAD_REQUEST {
            body.insert("errors".into(), json!(self.0.errors));
        }
        if let Some(newer) = &self.0.newer {
            body.insert("newer".into(), newer.clone());
        }
        if let Some(draft) = &self.0.draft {
            body.insert("draft".into(), draft.clone());
        }
        if let Some(assignee) = &self.0.assigned_to {
            body.insert("assigned_to".into(), assignee.clone());
        }
        if !self.0.parts.is_empty() {
            body.insert("parts".into(), json!(self.0.parts));
        }
        Value::Object(body)
    }
}

impl From<desk::Error> for Problem {
    fn from(error: desk::Error) -> Self {
        use desk::Error::*;
        let status = match &error {
            Unauthenticated | BadCredentials => StatusCode::UNAUTHORIZED,
            Forbidden | NoStayHandler | BeyondApiKey | NotTheSender | PasswordChangeRequired => StatusCode::FORBIDDEN,
            NotFound => StatusCode::NOT_FOUND,
            Invalid(_) => StatusCode::BAD_REQUEST,
            UnsupportedFile => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            FileTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            TooManyAttempts { .. } | TooManySignIns => StatusCode::TOO_MANY_REQUESTS,
            ConversationClosed
            | NotInRelay
            | WindowClosed
            | NotFailed
            | AlreadySent
            | StaleReply { .. }
            | DraftConflict { .. }
            | DepartmentInUse(_)
            | AlreadyAssigned { .. }
            | NotAllowedNow(_)
            | NoGuestNumber
            | TemplateUnavailable
            | IdempotencyMismatch
            | NoDepartment
            | LastManager
            | ResyncRequired => StatusCode::CONFLICT,
            NotThereYet | WhatsAppUnavailable | SearchTimeout => StatusCode::SERVICE_UNAVAILABLE,
            Store(error) if error.is_temporary() => StatusCode::SERVICE_UNAVAILABLE,
            Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let problem = Self::new(status, error.code(), error.detail());
        let problem = match error {
            Invalid(field) => Self::invalid(field.name, field.sentence),
            NotThereYet | WhatsAppUnavailable | SearchTimeout => {
                problem.with(|it| it.retry_after = Some(DEFAULT_RETRY_AFTER))
            }
            TooManySignIns => problem.with(|it| it.retry_after = Some(SIGN_INS_RETRY_AFTER)),
            TooManyAttempts { retry_after } => problem.with(|it| it.retry_after = Some(retry_after)),
            StaleReply { newer } => {
                let newer = newer.iter().map(|message| json!(MessageResponse::from(message))).collect();
                problem.with(|it| it.newer = Some(newer))
            }
            DraftConflict { draft } => {
                let draft = draft.map(|draft| json!(DraftResponse::from(&*draft)));
                problem.with(|it| it.draft = Some(draft.unwrap_or_default()))
            }
            AlreadyAssigned { assigned_to } => {
                problem.with(|it| it.assigned_to = Some(json!(IdAndName::from(&assigned_to))))
            }
            Store(cause) => problem.with(|details| {
                details.retry_after = cause.is_temporary().then_some(DEFAULT_RETRY_AFTER);
                details.cause = Some(with_sources(&cause));
            }),
            _ => problem,
        };
        problem.with(|it| it.is_session_checked = true)
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Desk(error) => error.into(),
            unreadable => Self::invalid("file", unreadable.to_string()),
        }
    }
}

impl From<wire::JsonBodyError> for Problem {
    fn from(error: wire::JsonBodyError) -> Self {
        match error {
            wire::JsonBodyError::BadJson(detail) => Self::bad_json(detail),
            wire::JsonBodyError::Invalid(errors) => Self::invalid_fields(errors),
        }
    }
}

/// The message of an error, followed by the messages of its sources (`Error::source`).
fn with_sources(error: &dyn std::error::Error) -> String {
    let source = error.source().map(|source| format!(": {}", with_sources(source)));
    format!("{error}{}", source.unwrap_or_default())
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.status);
        response.insert_header((CONTENT_TYPE, PROBLEM_JSON));
        if self.0.closes_connection {
            response.force_close();
        }
        if self.0.status == StatusCode::UPGRADE_REQUIRED {
            response.insert_header((UPGRADE, "websocket")).insert_header((SEC_WEBSOCKET_VERSION, "13"));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(allow) = &self.0.allow {
            response.insert_header((ALLOW, allow.as_str()));
        }
        if let Some(size) = self.0.file_size {
            response.insert_header((CONTENT_RANGE, format!("bytes */{size}")));
        }
        if let Some(wait) = self.0.retry_after {
            response.insert_header((RETRY_AFTER, wait.as_secs().max(1).to_string()));
        }
        response.body(self.body().to_string())
    }
}

/// The problem that an error response was made from; `None` for other responses.
pub fn problem_of(response: &HttpResponse<impl Sized>) -> Option<&Problem> {
    response.error()?.as_error::<Problem>()
}

/// The cause of a response with status 500 or 503, for the access log.
pub fn cause_of(response: &HttpResponse<impl Sized>) -> Option<&str> {
    problem_of(response)?.0.cause.as_deref()
}

#[cfg(test)]
mod tests {
    use desk::StoreError;

    use super::*;

    #[test]
    fn the_cause_of_a_failure_is_logged_but_not_returned() {
        let problem = Problem::from(desk::Error::Store(StoreError::Unavailable("password=hunter2".to_owned())));
        let body = problem.body().to_string();
        assert!(!body.contains("hunter2"), "{body}");
        let response = HttpResponse::from_error(problem);
        assert_eq!(response.status(), 503);
        assert!(response.headers().contains_key(RETRY_AFTER));
        assert!(cause_of(&response).is_some_and(|cause| cause.contains("hunter2")));
    }

    #[test]
    fn a_401_names_the_authentication_scheme() {
        let response = Problem::unauthenticated().error_response();
        assert_eq!(response.headers().get(WWW_AUTHENTICATE).map(|it| it.as_bytes()), Some(b"Bearer".as_slice()));
    }

    #[test]
    fn only_a_400_lists_invalid_fields() {
        let body = Problem::invalid("text", "Please write something.").body();
        assert_eq!(body["errors"], json!({ "text": ["Please write something."] }));
        assert_eq!((&body["code"], &body["status"]), (&json!("invalid"), &json!(400)));
        assert!(Problem::no_such_path().body().get("errors").is_none());
    }
}
