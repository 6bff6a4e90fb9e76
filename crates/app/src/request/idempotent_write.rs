//! Writes with an `Idempotency-Key`: a repeated request returns the result of the first.

use actix_web::http::header::HeaderMap;
use auth::Digest;
use bytes::Bytes;
use desk::{ConversationRef, KeyedWrite, Principal, idempotency::IdempotencyKey, reply::OutgoingFile};
use domain::ClientRef;
use wire::JsonBody;

use crate::{
    problem::Problem,
    request::{
        api_request::{ApiRequest, RequestCaller},
        page_links::canonical_path,
        repeated_write::RepeatedWrite,
    },
};

/// The parsed body of a write, and the idempotency key of the request if it has one.
///
/// The use case looks up the key in the transaction of the write. If the request has a fault and reaches no use case,
/// `middleware/authentication` looks up the key, because a stored result takes precedence over every fault.
pub struct IdempotentWrite<T> {
    pub body: T,
    pub key: Option<IdempotencyKey>,
}

impl<T> IdempotentWrite<T> {
    /// Returns the body, and the idempotency key with the function that turns the result of the write into the response
    /// to store.
    pub fn once<R>(self, to_json: fn(&R) -> String) -> (T, KeyedWrite<R>) {
        (self.body, KeyedWrite { key: self.key, serialize: to_json })
    }

    /// Converts the parsed body into the argument of the use case.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> IdempotentWrite<U> {
        IdempotentWrite { body: convert(self.body), key: self.key }
    }

    /// Converts the parsed body into the argument of the use case, which may be refused.
    pub fn try_map<U>(self, convert: impl FnOnce(T) -> Result<U, Problem>) -> Result<IdempotentWrite<U>, Problem> {
        Ok(IdempotentWrite { body: convert(self.body)?, key: self.key })
    }
}

impl<C: RequestCaller> ApiRequest<C> {
    /// Parses the JSON body of a write. Bodies with the same idempotency key are compared in canonical JSON.
    pub fn write<T: JsonBody>(&self) -> Result<IdempotentWrite<T>, Problem> {
        self.with_key(None, self.body.json(), |body: &T| Ok(Digest::of(body.canonical_json())))
    }

    /// Parses the JSON body of a reply, whose idempotency key is stored with the message.
    pub fn write_reply<T: JsonBody>(&self) -> Result<IdempotentWrite<T>, Problem> {
        self.with_key(Some(self.conversation()), self.body.json(), |body: &T| Ok(Digest::of(body.canonical_json())))
    }

    /// Reads a file of this media type: the whole body, or the part `file` of a form.
    pub fn write_file(&self, media_type: &str) -> Result<IdempotentWrite<Bytes>, Problem> {
        self.with_key(None, self.body.file(media_type), |_| Ok(Digest::of(self.body.bytes()?)))
    }

    /// Reads a form with a file for a guest: the part `file` and, optionally, the part `text`.
    pub fn write_upload(&self) -> Result<IdempotentWrite<OutgoingFile>, Problem> {
        self.with_key(None, self.body.upload(), |_| Ok(Digest::of(self.body.bytes()?)))
    }

    /// Adds the idempotency key of the request, which belongs to one staff member and one path. Calls with an API key
    /// store no idempotency key, because they change nothing if repeated.
    fn with_key<T>(
        &self,
        reply_in: Option<ConversationRef>,
        body: Result<T, Problem>,
        digest: impl FnOnce(&T) -> Result<Digest, Problem>,
    ) -> Result<IdempotentWrite<T>, Problem> {
        let key = match (idempotency_key(self.http.headers())?, self.caller.principal()) {
            (Some(key), Principal::Staff(caller)) => Some(IdempotencyKey {
                staff: caller.staff,
                path: canonical_path(self.http.path()),
                key,
                request_digest: match &body {
                    Ok(body) => digest(body)?.to_string(),
                    Err(_) => String::new(),
                },
            }),
            _ => None,
        };
        match (body.and_then(|body| self.body.require_json_accepted().map(|()| body)), key) {
            (Ok(body), key) => Ok(IdempotentWrite { body, key }),
            (Err(problem), Some(key)) => Err(problem.of_write(RepeatedWrite { key, reply_in })),
            (Err(problem), None) => Err(problem),
        }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<ClientRef>, Problem> {
    let Some(value) = headers.get("Idempotency-Key") else { return Ok(None) };
    let key = value.to_str().ok().and_then(|text| ClientRef::parse(text).ok());
    key.map(Some).ok_or_else(|| Problem::invalid("Idempotency-Key", "Please give 1 to 128 visible ASCII characters."))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_key_has_1_to_128_visible_characters() {
        let with_key = |key: &str| {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(key.as_bytes()).unwrap();
            headers.insert(HeaderName::from_static("idempotency-key"), value);
            headers
        };
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
        assert!(idempotency_key(&with_key("k-1")).unwrap().is_some());
        for bad in ["", "a b", "é", &"x".repeat(129)] {
            assert!(idempotency_key(&with_key(bad)).is_err(), "{bad}");
        }
    }
}
