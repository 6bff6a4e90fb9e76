//! Access log, request ids and panics: one log line per request, without message texts and secrets.

use std::{net::IpAddr, panic::AssertUnwindSafe, time::Instant};

use actix_web::{
    HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method, StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use futures_util::FutureExt;
use log::{Level, log};
use transport::{TrackedBody, track_request};
use uuid::Uuid;

use crate::{
    app_state::App,
    problem::{Problem, cause_of},
    request::client_ip,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The version of the server, so that a page that was loaded before an update notices it.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-version"), HeaderValue::from_static(wire::VERSION));
const MAX_REQUEST_ID_CHARS: usize = 64;

/// Gives every request an id, and every response the version. After the response, counts the request and writes its log line. A panic becomes a 500.
pub async fn log_access(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let answering = track_request(&request);
    let app = request.app_data::<web::Data<App>>().cloned();
    let line = AccessLogLine {
        started_at: Instant::now(),
        method: request.method().clone(),
        path: request.path().to_owned(),
        request_id: request_id(request.headers()),
        address: client_ip(request.request(), app.as_ref().map_or(&[], |app| &app.settings.trusted_proxies)),
    };
    let _in_flight = app.as_ref().map(|app| app.metrics.track_request());
    let error = match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(mut response)) => {
            let route = response.request().match_pattern();
            line.write(
                app.as_deref().map(AsRef::as_ref),
                route.as_deref(),
                response.status(),
                cause_of(response.response()),
            );
            add_headers(response.headers_mut(), line.request_id);
            return Ok(response.map_body(|_, body| TrackedBody::new(body, answering)));
        }
        Ok(Err(error)) => error,
        Err(_) => Problem::internal("a handler panicked").into(),
    };
    let mut response: HttpResponse<BoxBody> = HttpResponse::from_error(error);
    line.write(app.as_deref().map(AsRef::as_ref), None, response.status(), cause_of(&response));
    add_headers(response.headers_mut(), line.request_id);
    Err(InternalError::from_response("refused", response).into())
}

fn add_headers(headers: &mut HeaderMap, request_id: HeaderValue) {
    let (name, version) = VERSION;
    headers.insert(name, version);
    headers.insert(REQUEST_ID, request_id);
}

/// The parts of an access log line that are known before the response.
struct AccessLogLine {
    started_at: Instant,
    method: Method,
    path: String,
    request_id: HeaderValue,
    /// The client, also behind a trusted proxy.
    address: IpAddr,
}

impl AccessLogLine {
    fn write(&self, app: Option<&App>, route: Option<&str>, status: StatusCode, cause: Option<&str>) {
        let duration = self.started_at.elapsed();
        if let Some(app) = app {
            app.metrics.count_request(route, &self.method, status, duration);
        }
        let level = if status.is_server_error() { Level::Error } else { Level::Info };
        log!(
            target: "access",
            level,
            "method={} path={} status={} duration_ms={:.1} address={} request_id={}{}{}",
            self.method,
            self.path,
            status.as_u16(),
            duration.as_secs_f64() * 1e3,
            self.address,
            self.request_id.to_str().unwrap_or_default(),
            if cause.is_some() { " cause=" } else { "" },
            cause.unwrap_or_default().replace('\n', " "),
        );
    }
}

/// Returns the request id that the client sent, if it has 1 to 64 visible characters, otherwise a new id.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_valid = |id: &&HeaderValue| {
        (1..=MAX_REQUEST_ID_CHARS).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    headers.get(REQUEST_ID).filter(is_valid).cloned().unwrap_or_else(|| {
        HeaderValue::from_str(&Uuid::new_v4().to_string()).unwrap_or_else(|_| HeaderValue::from_static("none"))
    })
}

#[cfg(test)]
mod tests {
    use actix_web::{App as Server, middleware::from_fn, test};

    use super::*;

    async fn panic_on_purpose() -> HttpResponse {
        panic!("on purpose")
    }

    async fn refuse(_: ServiceRequest, _: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
        Err(Problem::unauthenticated().into())
    }

    #[actix_web::test]
    async fn every_response_has_a_request_id_and_a_panic_is_a_500() {
        let refused = web::resource("/refused").wrap(from_fn(refuse)).to(HttpResponse::Ok);
        let server = test::init_service(
            Server::new()
                .wrap(from_fn(log_access))
                .route("/", web::to(HttpResponse::Ok))
                .route("/panic", web::to(panic_on_purpose))
                .service(refused),
        )
        .await;
        for (path, expected) in [("/", 200), ("/nowhere", 404), ("/panic", 500), ("/refused", 401), ("/", 200)] {
            let request = test::TestRequest::with_uri(path).to_request();
            let (status, headers) = match test::try_call_service(&server, request).await {
                Ok(response) => (response.status(), response.headers().clone()),
                Err(error) => {
                    let response = error.error_response();
                    (response.status(), response.headers().clone())
                }
            };
            assert_eq!(status.as_u16(), expected, "{path}");
            assert!(headers.contains_key(REQUEST_ID), "{path}");
            assert_eq!(headers.get(VERSION.0), Some(&VERSION.1), "{path}");
        }
    }

    #[actix_web::test]
    async fn a_valid_request_id_of_the_client_is_kept() {
        let id = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(text.as_bytes()).unwrap());
            request_id(&headers).to_str().unwrap().to_owned()
        };
        assert_eq!(id("trace-1"), "trace-1");
        assert_eq!(id(&"x".repeat(64)).len(), 64);
        for bad in ["", "a b", "é", &"x".repeat(65)] {
            assert!(Uuid::parse_str(&id(bad)).is_ok(), "{bad}");
        }
    }
}
