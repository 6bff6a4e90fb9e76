//! Parser of the `Authorization` header.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};

/// Credentials in the `Authorization` header (or in a WebSocket subprotocol). They take precedence over the session
/// cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization<'a> {
    /// A bearer token, not yet verified: an access token or an API key.
    Bearer(&'a str),
    /// An `Authorization` header with another scheme or a malformed value, treated as invalid credentials.
    Unreadable,
}

/// Reads the `Authorization` header. Returns `None` if it is missing.
pub fn authorization(headers: &HeaderMap) -> Option<Authorization<'_>> {
    let value = headers.get(AUTHORIZATION)?;
    let scheme_and_token = value.to_str().ok().and_then(|text| text.split_once(' '));
    Some(match scheme_and_token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Authorization::Bearer(token.trim()),
        _ => Authorization::Unreadable,
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        headers
    }

    #[test]
    fn the_bearer_scheme_is_compared_without_case() {
        assert_eq!(authorization(&HeaderMap::new()), None);
        for good in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c"] {
            assert_eq!(authorization(&headers(good)), Some(Authorization::Bearer("a.b.c")), "{good}");
        }
        for bad in ["Bearer", "Basic YTpi", "a.b.c", "", "é x"] {
            assert_eq!(authorization(&headers(bad)), Some(Authorization::Unreadable), "{bad}");
        }
    }
}
