//! The staff console: serves its files and, for each of its addresses, its page.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{
            ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, HeaderMap, VARY,
        },
    },
};
use bytes::Bytes;
use console::{AcceptedEncodings, Asset};

use crate::{
    problem::{HandlerResult, Problem},
    request::has_current,
};

/// The first segments of the paths of the API. Under these the console has no address, so a wrong path is a 404.
const API_SEGMENTS: [&str; 6] = ["api", "ws", "webhooks", "healthz", "readyz", "metrics"];
/// The first segment of the paths of hashed files. A file of an older build is a 404, never the page: a script that is
/// HTML would break an open tab.
const HASHED_FILES: &str = "assets";

/// Serves a path that no endpoint matches: a file of the console, or its page for an address of the console.
pub async fn serve_console(request: HttpRequest) -> HandlerResult {
    let asset = match *request.method() {
        Method::GET | Method::HEAD => asset_for(request.path(), request.headers()),
        _ => None,
    };
    Ok(asset_response(&request, asset.ok_or_else(Problem::no_such_path)?))
}

/// Serves the page of the console; `None` if the console was not built.
pub fn console_page(request: &HttpRequest) -> Option<HttpResponse> {
    let page = console::asset(console::PAGE, accepted_encodings(request.headers()))?;
    Some(asset_response(request, page))
}

fn asset_for(path: &str, headers: &HeaderMap) -> Option<Asset> {
    let path = path.strip_prefix('/')?;
    let first_segment = path.split('/').next().unwrap_or_default();
    if API_SEGMENTS.contains(&first_segment) {
        return None;
    }
    let encodings = accepted_encodings(headers);
    console::asset(path, encodings).or_else(|| {
        let is_address = first_segment != HASHED_FILES && !path.contains('.') && accepts_html(headers);
        is_address.then(|| console::asset(console::PAGE, encodings)).flatten()
    })
}

fn asset_response(request: &HttpRequest, asset: Asset) -> HttpResponse {
    let is_current = has_current(request.headers(), &asset.etag);
    let mut response = HttpResponse::build(if is_current { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    response
        .insert_header((ETAG, asset.etag))
        .insert_header((CACHE_CONTROL, asset.cache_control))
        .insert_header((CONTENT_SECURITY_POLICY, console::CONTENT_SECURITY_POLICY));
    if asset.varies_by_encoding {
        response.insert_header((VARY, "Accept-Encoding"));
    }
    if is_current {
        return response.finish();
    }
    if let Some(encoding) = asset.content_encoding {
        response.insert_header((CONTENT_ENCODING, encoding));
    }
    let bytes = match asset.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    response.content_type(asset.content_type).body(bytes)
}

fn accepted_encodings(headers: &HeaderMap) -> AcceptedEncodings {
    let values = headers.get_all(ACCEPT_ENCODING).filter_map(|it| it.to_str().ok());
    let accepted: Vec<(&str, bool)> = values.flat_map(|it| it.split(',')).map(weighted).collect();
    let accepts = |name: &str| accepted.iter().any(|(it, is_wanted)| *is_wanted && it.eq_ignore_ascii_case(name));
    AcceptedEncodings { brotli: accepts("br"), gzip: accepts("gzip") }
}

/// Whether a client accepts a page. Without `Accept` it accepts everything.
fn accepts_html(headers: &HeaderMap) -> bool {
    let values: Vec<&str> = headers.get_all(ACCEPT).filter_map(|it| it.to_str().ok()).collect();
    let is_html = |(name, is_wanted): (&str, bool)| {
        is_wanted && ["text/html", "text/*", "*/*"].iter().any(|it| name.eq_ignore_ascii_case(it))
    };
    values.is_empty() || values.iter().flat_map(|it| it.split(',')).map(weighted).any(is_html)
}

/// An entry of a list such as `gzip;q=0`: its name, and whether the client wants it.
fn weighted(entry: &str) -> (&str, bool) {
    let mut parts = entry.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.filter_map(|it| it.strip_prefix("q=").or(it.strip_prefix("Q="))).next_back();
    (name, quality.is_none_or(|it| it.parse().is_ok_and(|it: f32| it > 0.0)))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(name: actix_web::http::header::HeaderName, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn encodings_are_chosen_by_the_client() {
        for (value, brotli, gzip) in [
            ("gzip, deflate, br, zstd", true, true),
            ("GZIP;q=0.5", false, true),
            ("br;q=0, gzip;q=0.0", false, false),
            ("*", false, false),
            ("", false, false),
        ] {
            let accepted = accepted_encodings(&headers(ACCEPT_ENCODING, value));
            assert_eq!(accepted, AcceptedEncodings { brotli, gzip }, "{value}");
        }
    }

    #[test]
    fn a_page_is_for_clients_that_accept_html() {
        for good in ["text/html,application/xhtml+xml;q=0.9", "*/*", "application/json, text/*;q=0.1"] {
            assert!(accepts_html(&headers(ACCEPT, good)), "{good}");
        }
        for bad in ["application/json", "image/*", "text/html;q=0", ""] {
            assert!(!accepts_html(&headers(ACCEPT, bad)), "{bad}");
        }
        assert!(accepts_html(&HeaderMap::new()));
    }

    #[test]
    fn an_address_of_the_console_has_no_dot_and_is_not_of_the_api() {
        let is_found = |path: &str| asset_for(path, &HeaderMap::new()).is_some();
        for path in ["/inbox/mine/1977", "/me", "/apiary"] {
            assert_eq!(is_found(path), console::is_built(), "{path}");
        }
        for path in [
            "/api",
            "/api/none",
            "/ws",
            "/webhooks/none",
            "/metrics/none",
            "/assets/none",
            "/assets/none.js",
            "/none.png",
        ] {
            assert!(!is_found(path), "{path}");
        }
    }
}
