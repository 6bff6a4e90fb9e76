//! Responses of the Cloud API, and the outcome of a failed call.
//!
//! A message must not reach a guest twice, so the outcome states whether bytes of the request may have left this
//! machine. Only a failed connection proves that none did. After any other failure Meta may have accepted the message.

use std::error::Error;
use std::time::Duration;

use reqwest::{Response, header::RETRY_AFTER};
use serde_json::Value;

use crate::api_error::ApiError;
use crate::json::parse_value;
use crate::json_fields::JsonFields;

const MAX_RESPONSE_BYTES: usize = 1024 * 1024;
/// Maximum of `Retry-After`. A longer one is reduced to this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// A failed call of the Cloud API. Neither `Display` nor `Debug` contains phone numbers, texts or tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No byte of the request was sent. The call can be retried at any time.
    #[error("not sent: {0}")]
    NotSent(#[from] NotSent),
    /// The request may have been sent and processed: a message may have reached the guest.
    #[error("no response: {0}")]
    NoResponse(#[from] NoResponse),
    /// Meta rejected the request with an error code.
    #[error("rejected: {error}")]
    Rejected {
        error: ApiError,
        /// The header `Retry-After` of the rejection; at most an hour.
        retry_after: Option<Duration>,
    },
}

/// The reason why no request was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// Name resolution, TCP connection or TLS handshake failed or timed out.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// The request cannot be built, for example because an id contains invalid characters.
    #[error("{0}")]
    InvalidRequest(&'static str),
}

/// The reason why the outcome of a request is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoResponse {
    #[error("timed out")]
    TimedOut,
    #[error("the connection broke: {0}")]
    ConnectionLost(String),
    /// The response is not Meta's JSON, for example because a proxy sent it.
    #[error("invalid response (HTTP status {status})")]
    InvalidResponse { status: u16 },
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_builder() {
            return NotSent::InvalidRequest("the request could not be built").into();
        }
        // The connect error is checked before `is_timeout`, because a connect timeout is both.
        if error.is_connect() {
            return NotSent::NoConnection(root_cause(&error)).into();
        }
        body_error(error)
    }
}

/// Returns the innermost cause of an HTTP error. The outer causes may contain the URL.
fn root_cause(error: &reqwest::Error) -> String {
    let Some(mut cause) = error.source() else { return "unknown".to_owned() };
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Reads the JSON of an HTTP response of the Cloud API.
///
/// The HTTP status does not decide: only JSON with an error code counts as a rejection by Meta, because any other
/// response may come from a proxy in front of Meta.
pub(crate) async fn read_json(mut response: Response) -> Result<Value, CallError> {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok()?.trim().parse().ok());
    let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    let invalid_response = || CallError::from(NoResponse::InvalidResponse { status: status.as_u16() });
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(body_error)? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            return Err(invalid_response());
        }
        body.extend_from_slice(&chunk);
    }
    let json = std::str::from_utf8(&body).ok().and_then(parse_value).ok_or_else(invalid_response)?;
    let error = json.as_object().and_then(|it| ApiError::parse(it.object("error")?));
    match error {
        Some(error) => Err(CallError::Rejected { error, retry_after }),
        None if status.is_success() => Ok(json),
        None => Err(invalid_response()),
    }
}

/// Converts an error of reading a response body, which occurred after the request was sent.
pub(crate) fn body_error(error: reqwest::Error) -> CallError {
    if error.is_timeout() { NoResponse::TimedOut.into() } else { NoResponse::ConnectionLost(root_cause(&error)).into() }
}
