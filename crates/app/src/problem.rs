//! Refusals, as `application/problem+json`. What the desk refuses becomes HTTP here and only here.

use std::{collections::BTreeMap, fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE},
    },
};
use domain::Message;
use serde_json::{Map, Value, json};

/// The media type of a refusal.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// How long to wait where nothing better is known.
const SHORT_WAIT: Duration = Duration::from_secs(1);
/// How long to wait while bodies fill the memory: slow ones are given up after ten seconds.
const BODY_WAIT: Duration = Duration::from_secs(5);

/// Why a request was refused, as it is told.
#[derive(Debug)]
pub struct Problem(Box<Told>);

#[derive(Debug)]
struct Told {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: BTreeMap<String, Vec<String>>,
    retry_after: Option<Duration>,
    allow: Option<String>,
    newer: Option<Value>,
    parts: BTreeMap<&'static str, &'static str>,
    cause: Option<String>,
    /// Whether the connection ends with it.
    closes: bool,
}

/// Why a write is not done: refused, or answered before under the same key.
#[derive(Debug)]
pub enum Refusal {
    /// Refused.
    Problem(Problem),
    /// The answer as it was given then: JSON, or empty where there was no body.
    Answered(String),
}

/// What a handler answers.
pub type Answer = Result<HttpResponse, Refusal>;

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let errors = BTreeMap::new();
        let (retry_after, allow, newer, parts, cause, closes) = Default::default();
        Self(Box::new(Told { status, code, detail, errors, retry_after, allow, newer, parts, cause, closes }))
    }

    fn with(mut self, more: impl FnOnce(&mut Told)) -> Self {
        more(&mut self.0);
        self
    }

    /// 400: the body is no JSON object.
    pub fn bad_json(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_json", detail)
    }

    /// 400: a field or parameter says what cannot be.
    pub fn invalid(name: &str, sentence: impl Into<String>) -> Self {
        Self::invalid_fields([(name.to_owned(), vec![sentence.into()])])
    }

    /// 400: fields or parameters say what cannot be; for each, sentences for a person.
    pub fn invalid_fields(errors: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        let problem = Self::new(StatusCode::BAD_REQUEST, "invalid", "The request is not right; see `errors`.");
        problem.with(|it| it.errors = errors.into_iter().collect())
    }

    /// 400: what HTTP itself says against it.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail)
    }

    /// 400: the body ended early.
    pub fn incomplete_body() -> Self {
        let detail = "The body of the request ended early, so nothing was done. Please send it again.";
        Self::new(StatusCode::BAD_REQUEST, "incomplete_body", detail).closing()
    }

    /// 408: the body came too slowly.
    pub fn request_timeout() -> Self {
        let detail = "The body of the request came too slowly, so nothing was done. Please send it again.";
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail).closing()
    }

    /// 503: other requests' bodies fill the memory that is reserved for all of them.
    pub fn no_body_memory() -> Self {
        let detail = "The server receives too much at the moment, so nothing was done. Please try again.";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.with(|it| it.retry_after = Some(BODY_WAIT)).closing()
    }

    /// The same, and the connection ends with it.
    pub fn closing(self) -> Self {
        self.with(|it| it.closes = true)
    }

    /// 401.
    pub fn unauthenticated() -> Self {
        desk::Error::Unauthenticated.into()
    }

    /// 403: the cookie came from a page of somebody else.
    pub fn bad_origin() -> Self {
        Self::new(StatusCode::FORBIDDEN, "bad_origin", "This page may not use the session cookie.")
    }

    /// 401: it is not Meta who signed this.
    pub fn bad_signature() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "The signature is not that of this app.")
    }

    /// 403: whoever asks does not know the word.
    pub fn not_verified() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The verify token is not that of this server.")
    }

    /// 404.
    pub fn not_found() -> Self {
        desk::Error::NotFound.into()
    }

    /// 405: `allow` lists the methods there are.
    pub fn method_not_allowed(allow: String) -> Self {
        let problem =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("Allowed here: {allow}."));
        problem.with(|it| it.allow = Some(allow))
    }

    /// 406: nothing but JSON is given.
    pub fn not_acceptable() -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", "Only application/json is given here.")
    }

    /// 413: the body has more than so many bytes.
    pub fn too_large(most: usize) -> Self {
        let detail = format!("A request's body may have at most {} KiB here.", most / 1024);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    /// 426: a WebSocket is opened by HTTP/1.1 and in version 13 only.
    pub fn upgrade_required() -> Self {
        let detail = "The live connection is a WebSocket of version 13, opened by HTTP/1.1.";
        Self::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", detail)
    }

    /// 415: nothing but this is taken.
    pub fn unsupported_media_type(taken: &str) -> Self {
        let detail = format!("Only {taken} is taken here.");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// 429: the staff member has as many sockets as one may have.
    pub fn too_many_sockets() -> Self {
        let detail = "You have too many live connections open. Close one first.";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_sockets", detail);
        problem.with(|it| it.retry_after = Some(Duration::from_secs(60)))
    }

    /// 503: Redis does not answer, which is for those who watch the server: it works on without.
    pub fn redis_away() -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Redis does not answer.");
        problem.with(|it| it.retry_after = Some(SHORT_WAIT))
    }

    /// 503: a part of this process does not run, which is for those who watch the server.
    pub fn not_running() -> Self {
        let detail = "A part of the server does not run.";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.with(|it| it.retry_after = Some(SHORT_WAIT))
    }

    /// Says of each part of the server whether it answers: `ok` or `away`.
    pub fn with_parts(self, parts: BTreeMap<&'static str, &'static str>) -> Self {
        self.with(|it| it.parts = parts)
    }

    /// 500: `cause` is for the log only.
    pub fn internal(cause: impl Into<String>) -> Self {
        let detail = "Something went wrong on our side.";
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail);
        problem.with(|it| it.cause = Some(cause.into()))
    }

    /// Whether it is told even to who may not see what they ask for: it does not depend on that.
    pub fn comes_before_sight(&self) -> bool {
        self.0.status == StatusCode::NOT_ACCEPTABLE
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
            Forbidden | BeyondApiKey => StatusCode::FORBIDDEN,
            NotFound => StatusCode::NOT_FOUND,
            Invalid(_) => StatusCode::BAD_REQUEST,
            UnsupportedFile => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            FileTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            ConversationClosed
            | NotInRelay
            | WindowClosed
            | NotFailed
            | StaleReply { .. }
            | IdempotencyMismatch
            | NoDepartment
            | ResyncRequired => StatusCode::CONFLICT,
            NotThereYet => StatusCode::SERVICE_UNAVAILABLE,
            Store(error) if error.may_pass() => StatusCode::SERVICE_UNAVAILABLE,
            Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let problem = Self::new(status, error.code(), error.detail());
        match error {
            Invalid(field) => Self::invalid(field.name, field.sentence),
            NotThereYet => problem.with(|it| it.retry_after = Some(SHORT_WAIT)),
            TooManyAttempts { retry_after } => problem.with(|it| it.retry_after = Some(retry_after)),
            StaleReply { newer } => problem.with(|it| it.newer = Some(newer_messages(&newer))),
            Store(cause) => problem.with(|it| {
                it.retry_after = cause.may_pass().then_some(SHORT_WAIT);
                it.cause = Some(chain(&cause));
            }),
            _ => problem,
        }
    }
}

impl From<desk::ImportError> for Problem {
    fn from(error: desk::ImportError) -> Self {
        match error {
            desk::ImportError::Desk(error) => error.into(),
            told => Self::invalid("file", told.to_string()),
        }
    }
}

impl From<wire::BodyError> for Problem {
    fn from(error: wire::BodyError) -> Self {
        match error {
            wire::BodyError::BadJson(detail) => Self::bad_json(detail),
            wire::BodyError::Invalid(errors) => Self::invalid_fields(errors),
        }
    }
}

/// An error with all that led to it.
fn chain(error: &dyn std::error::Error) -> String {
    let inner = error.source().map(|inner| format!(": {}", chain(inner)));
    format!("{error}{}", inner.unwrap_or_default())
}

fn newer_messages(newer: &[Message]) -> Value {
    newer.iter().map(|message| json!(wire::Message::from(message))).collect()
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
        if self.0.closes {
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
        if let Some(wait) = self.0.retry_after {
            response.insert_header((RETRY_AFTER, wait.as_secs().max(1).to_string()));
        }
        response.body(self.body().to_string())
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<desk::Error> for Refusal {
    fn from(error: desk::Error) -> Self {
        Self::Problem(error.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(problem) => problem.fmt(f),
            Self::Answered(_) => f.write_str("answered before"),
        }
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Problem(problem) => problem.status_code(),
            Self::Answered(_) => StatusCode::OK,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Problem(problem) => problem.error_response(),
            Self::Answered(answer) => replayed(answer),
        }
    }
}

/// The first answer to a key, given again. It is a 200 whatever the first one was; where that had
/// no body (204), this one has none either.
pub fn replayed(answer: &str) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header(("Idempotent-Replay", "true"));
    if answer.is_empty() {
        return response.finish();
    }
    response.content_type("application/json").body(answer.to_owned())
}

/// Why it went wrong on our side, for the log: of a 500 or 503 of ours, else `None`.
pub fn cause_of(response: &HttpResponse<impl Sized>) -> Option<&str> {
    let error = response.error()?;
    let problem = match error.as_error::<Refusal>() {
        Some(Refusal::Problem(problem)) => Some(problem),
        Some(Refusal::Answered(_)) => None,
        None => error.as_error::<Problem>(),
    };
    problem?.0.cause.as_deref()
}

#[cfg(test)]
mod tests {
    use desk::StoreError;

    use super::*;

    #[test]
    fn nothing_of_an_inner_failure_is_shown() {
        let problem = Problem::from(desk::Error::Store(StoreError::Unavailable("password=hunter2".to_owned())));
        let shown = problem.body().to_string();
        assert!(!shown.contains("hunter2"), "{shown}");
        let response = HttpResponse::from_error(problem);
        assert_eq!(response.status(), 503);
        assert!(response.headers().contains_key(RETRY_AFTER));
        assert!(cause_of(&response).is_some_and(|cause| cause.contains("hunter2")));
    }

    #[test]
    fn a_refusal_for_want_of_a_token_says_how_to_give_one() {
        let response = Problem::unauthenticated().error_response();
        assert_eq!(response.headers().get(WWW_AUTHENTICATE).map(|it| it.as_bytes()), Some(b"Bearer".as_slice()));
    }

    #[test]
    fn a_bad_request_names_its_fields() {
        let body = Problem::invalid("text", "Please write something.").body();
        assert_eq!(body["errors"], json!({ "text": ["Please write something."] }));
        assert_eq!((&body["code"], &body["status"]), (&json!("invalid"), &json!(400)));
        assert!(Problem::not_found().body().get("errors").is_none());
    }

    #[test]
    fn a_replay_without_body_has_none() {
        let response = replayed("");
        assert_eq!(response.status(), 200);
        assert!(!response.headers().contains_key(CONTENT_TYPE));
    }
}
