//! Compression of responses of the API, for clients that accept it.

use actix_http::encoding::Encoder;
use actix_web::{
    body::{BodySize, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{ACCEPT_ENCODING, ACCEPT_RANGES, AcceptEncoding, CONTENT_TYPE, ContentEncoding, Encoding, Header},
    },
    middleware::Next,
};

const API: &str = "/api/";
/// The paths of sign-in calls. Their responses contain secrets beside text that a client chooses, and the size of a
/// compressed response would reveal whether the two agree.
const SECRETS: &str = "/api/auth";
/// A smaller body is not compressed: it fits into one packet anyway, and many small responses would cost much CPU.
const MIN_BYTES: u64 = 1024;

/// Compresses a response with Brotli or gzip, if the client accepts it and the response is long text.
///
/// The library's middleware is not used, because it also compresses short bodies, files and parts of files, and refuses
/// requests that accept none of its encodings.
pub async fn compress(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let accepted = if may_compress(&request) { accepted_encoding(&request) } else { ContentEncoding::Identity };
    let response = next.call(request).await?;
    let encoding = if is_long_text(&response) { accepted } else { ContentEncoding::Identity };
    Ok(response.map_body(|head, body| Encoder::response(encoding, head, body)))
}

/// Whether the response may be compressed. A response to HEAD has no body, and its length is that of the plain body.
fn may_compress(request: &ServiceRequest) -> bool {
    let path = request.path();
    let is_secret = path.strip_prefix(SECRETS).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    path.starts_with(API)
        && !is_secret
        && request.method() != Method::HEAD
        && request.headers().contains_key(ACCEPT_ENCODING)
}

/// The encoding for a client: Brotli before gzip, because its bodies are smaller.
fn accepted_encoding(request: &ServiceRequest) -> ContentEncoding {
    let Ok(accepted) = AcceptEncoding::parse(request) else { return ContentEncoding::Identity };
    let choose = |encoding: Encoding| accepted.negotiate([encoding, Encoding::identity()].iter());
    match (choose(Encoding::brotli()), choose(Encoding::gzip())) {
        (Some(Encoding::Known(ContentEncoding::Brotli)), _) => ContentEncoding::Brotli,
        (_, Some(Encoding::Known(ContentEncoding::Gzip))) => ContentEncoding::Gzip,
        _ => ContentEncoding::Identity,
    }
}

/// Whether a response is text that is worth compressing. Files, and parts of files, are sent as they are stored: their
/// ranges mean the stored bytes.
fn is_long_text(response: &ServiceResponse<impl MessageBody>) -> bool {
    let headers = response.headers();
    let is_file = headers.contains_key(ACCEPT_RANGES);
    let has_body = ![StatusCode::NOT_MODIFIED, StatusCode::PARTIAL_CONTENT].contains(&response.status());
    let is_long = match response.response().body().size() {
        BodySize::Sized(bytes) => bytes >= MIN_BYTES,
        BodySize::Stream => true,
        BodySize::None => false,
    };
    let content_type = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    is_long && has_body && !is_file && is_text(content_type)
}

fn is_text(content_type: &str) -> bool {
    let name = content_type.split(';').next().unwrap_or_default().trim();
    name.starts_with("text/")
        || ["application/json", "application/problem+json", "application/javascript"].contains(&name)
}

#[cfg(test)]
mod tests {
    use actix_web::{App as Server, HttpResponse, http::header::CONTENT_ENCODING, middleware::from_fn, test, web};

    use super::*;

    async fn encoding_of(path: &str, method: Method, accept: Option<&str>) -> Option<String> {
        let long = || "a long text, ".repeat(100);
        let server = test::init_service(
            Server::new()
                .wrap(from_fn(compress))
                .route("/api/long", web::to(move || async move { HttpResponse::Ok().json([long()]) }))
                .route("/api/short", web::to(|| async { HttpResponse::Ok().json(["short"]) }))
                .route("/api/auth/me", web::to(move || async move { HttpResponse::Ok().json([long()]) }))
                .route(
                    "/api/file",
                    web::to(move || async move {
                        HttpResponse::Ok()
                            .content_type("text/plain")
                            .insert_header((ACCEPT_RANGES, "bytes"))
                            .body(long())
                    }),
                )
                .route(
                    "/api/picture",
                    web::to(move || async move { HttpResponse::Ok().content_type("image/png").body(long()) }),
                ),
        )
        .await;
        let mut request = test::TestRequest::with_uri(path).method(method);
        if let Some(accept) = accept {
            request = request.insert_header((ACCEPT_ENCODING, accept));
        }
        let response = test::call_service(&server, request.to_request()).await;
        assert_eq!(response.status(), 200, "{path}");
        response.headers().get(CONTENT_ENCODING).map(|it| it.to_str().unwrap().to_owned())
    }

    #[actix_web::test]
    async fn long_text_is_compressed_as_the_client_accepts() {
        for (accept, expected) in [
            (Some("gzip, deflate, br, zstd"), Some("br")),
            (Some("gzip"), Some("gzip")),
            (Some("br;q=0, gzip;q=0.5"), Some("gzip")),
            (Some("identity;q=0"), None),
            (Some("zstd"), None),
            (Some(""), None),
            (None, None),
        ] {
            assert_eq!(encoding_of("/api/long", Method::GET, accept).await.as_deref(), expected, "{accept:?}");
        }
    }

    #[actix_web::test]
    async fn other_responses_are_not_compressed() {
        for path in ["/api/short", "/api/auth/me", "/api/file", "/api/picture"] {
            assert_eq!(encoding_of(path, Method::GET, Some("gzip, br")).await, None, "{path}");
        }
        assert_eq!(encoding_of("/api/long", Method::HEAD, Some("gzip, br")).await, None);
    }
}
