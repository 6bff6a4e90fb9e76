//! What a request brings along, and what it wants.

use std::pin::Pin;

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{ACCEPT, CONTENT_TYPE, HeaderMap},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use wire::Input;

use crate::problem::Problem;

/// The most bytes of a body.
const MOST: usize = 256 * 1024;

/// So many bytes of a body that is too large are taken in all the same: a client that is still
/// writing would otherwise see its connection cut, and no answer.
const DRAINED: usize = 8 * 1024 * 1024;

/// A body, read as far as it may be, and the headers that say what it is and what is wanted.
pub struct Sent {
    bytes: Result<Bytes, TooLarge>,
    is_json: bool,
    wants_json: bool,
}

#[derive(Clone, Copy)]
struct TooLarge;

impl Sent {
    /// Reads it. Nothing is refused yet.
    pub async fn read(headers: &HeaderMap, payload: Payload) -> Self {
        let is_json = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).is_some_and(is_json);
        let wants_json = wants_json(headers.get_all(ACCEPT).filter_map(|it| it.to_str().ok()));
        Self { bytes: read(payload).await, is_json, wants_json }
    }

    /// Whether nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.bytes.as_ref().is_ok_and(Bytes::is_empty)
    }

    /// Checks that an answer in JSON is wanted.
    ///
    /// # Errors
    /// [`Problem`]: 406.
    pub fn wants_json(&self) -> Result<(), Problem> {
        if self.wants_json { Ok(()) } else { Err(Problem::not_acceptable()) }
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`Problem`]: 413, 415, 400.
    pub fn json<T: Input>(&self) -> Result<T, Problem> {
        let bytes = self.bytes.as_ref().map_err(|_| Problem::too_large())?;
        if !bytes.is_empty() && !self.is_json {
            return Err(Problem::unsupported_media_type());
        }
        self.parsed()
    }

    /// Reads the body as JSON, whatever it is said to be.
    ///
    /// # Errors
    /// [`Problem`]: 413, 400.
    pub fn parsed<T: Input>(&self) -> Result<T, Problem> {
        let bytes = self.bytes.as_ref().map_err(|_| Problem::too_large())?;
        Ok(wire::parse(bytes)?)
    }
}

impl FromRequest for Sent {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { Ok(Self::read(request.headers(), payload).await) })
    }
}

async fn read(mut payload: Payload) -> Result<Bytes, TooLarge> {
    let (mut body, mut size) = (BytesMut::new(), 0);
    while let Some(Ok(chunk)) = payload.next().await {
        size += chunk.len();
        if size <= MOST {
            body.extend_from_slice(&chunk);
        } else if size > DRAINED {
            break;
        }
    }
    if size > MOST { Err(TooLarge) } else { Ok(body.freeze()) }
}

fn is_json(media: &str) -> bool {
    media_type(media).eq_ignore_ascii_case("application/json")
}

/// Without its parameters.
fn media_type(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim()
}

/// Whether one of the ranges lets JSON or its problems through. No range at all wants anything.
fn wants_json<'a>(accept: impl Iterator<Item = &'a str>) -> bool {
    let ranges: Vec<&str> = accept.flat_map(|it| it.split(',')).map(str::trim).filter(|it| !it.is_empty()).collect();
    ranges.is_empty() || ranges.iter().any(|range| covers_json(range) && !is_refused(range))
}

fn covers_json(range: &str) -> bool {
    ["*/*", "application/*", "application/json", "application/problem+json"]
        .iter()
        .any(|it| it.eq_ignore_ascii_case(media_type(range)))
}

/// A quality of 0 says: anything but this.
fn is_refused(range: &str) -> bool {
    range
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(name, value)| name.trim().eq_ignore_ascii_case("q") && value.trim().parse() == Ok(0.0_f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_must_be_wanted() {
        for good in [
            "*/*",
            "application/*",
            "application/json; charset=utf-8",
            "text/html, application/json;q=0.1",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "Application/Problem+JSON",
            "",
        ] {
            assert!(wants_json([good].into_iter()), "{good}");
        }
        assert!(wants_json([].into_iter()));
        assert!(wants_json(["text/html", "application/json"].into_iter()));
        for bad in ["text/html", "image/*", "application/xml;q=0.9", "application/json;q=0", "*/*; q=0.000"] {
            assert!(!wants_json([bad].into_iter()), "{bad}");
        }
    }

    #[test]
    fn json_must_be_sent() {
        for good in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
            assert!(is_json(good), "{good}");
        }
        for bad in ["text/plain", "application/jsonx", "application/problem+json", "nonsense", ""] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
