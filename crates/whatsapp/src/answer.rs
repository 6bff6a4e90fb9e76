//! What a call came to.
//!
//! A message must not reach a guest twice, so what matters is whether bytes of the request may have
//! gone out. That none did is believed only where no connection came about; any other trouble
//! may have come after Meta took the message.

use std::error::Error;
use std::time::Duration;

use reqwest::{Response, header::RETRY_AFTER};
use serde_json::Value;

use crate::api_error::ApiError;
use crate::json::{self, Fields};

/// No answer to a call is longer.
const MOST_ANSWER_BYTES: usize = 1024 * 1024;
/// A longer wait is not believed.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Why a call did not succeed. Neither its display nor its `Debug` shows numbers, texts or tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nothing of the call went out: it may be made again at any time.
    #[error("not sent: {0}")]
    NotSent(#[from] NotSent),
    /// It may have gone out and have been done, and nobody said so: a message may have been sent.
    #[error("no answer: {0}")]
    NoAnswer(#[from] NoAnswer),
    /// Meta refused it: nothing was done.
    #[error("refused: {error}")]
    Refused {
        /// What Meta says.
        error: ApiError,
        /// How long to wait at least, if it was told; at most an hour.
        retry_after: Option<Duration>,
    },
}

/// Why nothing went out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// There was no connection: the name unknown, refused, no TLS, or not in time.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// It could not be made a call of: an id or a content type that cannot be one.
    #[error("{0}")]
    NoCall(&'static str),
}

/// What there was in place of an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// Nothing, in time.
    #[error("not in time")]
    TimedOut,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// Something that is not Meta's.
    #[error("not understood (HTTP status {status})")]
    NotUnderstood {
        /// Its HTTP status.
        status: u16,
    },
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_builder() {
            return NotSent::NoCall("it could not be written").into();
        }
        // The time limit for connecting is told as such as well, and before that for the whole.
        if error.is_connect() {
            return NotSent::NoConnection(cause(&error)).into();
        }
        if error.is_timeout() { NoAnswer::TimedOut.into() } else { NoAnswer::Broken(cause(&error)).into() }
    }
}

/// The innermost cause: what is around it may name the URL.
fn cause(error: &reqwest::Error) -> String {
    let Some(mut cause) = error.source() else { return "unknown".to_owned() };
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The JSON that answers a call. Only JSON with an error's code counts as a refusal, whatever the
/// HTTP status: anything else may come from who stands between us and Meta.
pub(crate) async fn read(mut response: Response) -> Result<Value, CallError> {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok()?.trim().parse().ok());
    let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds).min(MOST_RETRY_AFTER));
    let not_understood = || CallError::from(NoAnswer::NotUnderstood { status: status.as_u16() });
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unread)? {
        if body.len() + chunk.len() > MOST_ANSWER_BYTES {
            return Err(not_understood());
        }
        body.extend_from_slice(&chunk);
    }
    let answer = std::str::from_utf8(&body).ok().and_then(json::value).ok_or_else(not_understood)?;
    let error = answer.as_object().and_then(|it| ApiError::read(it.object("error")?));
    match error {
        Some(error) => Err(CallError::Refused { error, retry_after }),
        None if status.is_success() => Ok(answer),
        None => Err(not_understood()),
    }
}

/// Trouble after the head of an answer came: whatever it is called, the call had gone out.
pub(crate) fn unread(error: reqwest::Error) -> CallError {
    if error.is_timeout() { NoAnswer::TimedOut.into() } else { NoAnswer::Broken(cause(&error)).into() }
}
