//! The log: one line a request, on standard error. Never what guests and staff wrote, nor secrets.

use std::{panic::AssertUnwindSafe, time::Instant};

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
use log::{Level, LevelFilter, log};
use transport::{AnswerBody, head_came};
use uuid::Uuid;

use crate::{
    problem::{Problem, cause_of},
    state::App,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MOST_ID_CHARS: usize = 64;

/// Begins to log what the filter, in the form of `RUST_LOG`, lets through.
pub fn begin(filter: &str) {
    // The HTTP library's errors are those of clients, who could fill the log with them.
    let quiet =
        env_logger::Builder::new().filter_module("actix_http", LevelFilter::Off).parse_filters(filter).try_init();
    // Fails only where there is a log already.
    let _ = quiet;
}

/// Checks a filter in the form of `RUST_LOG`: levels, or targets with levels, separated by commas.
///
/// # Errors
/// What is wrong with it.
pub fn check_filter(filter: &str) -> Result<String, String> {
    let directives = filter.split('/').next().unwrap_or_default();
    let levels = directives.split(',').filter_map(|it| it.split_once('=').map(|(_, level)| level.trim()));
    match levels.into_iter().find(|level| level.parse::<LevelFilter>().is_err()) {
        Some(level) => Err(format!("has {level:?}, which is no level: off, error, warn, info, debug or trace")),
        None => Ok(filter.to_owned()),
    }
}

/// Gives every request an id, and when it is answered counts it and writes its line. What panics
/// on the way is answered with 500.
///
/// # Errors
/// Those of the service, with the id.
pub async fn access(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let answering = head_came(&request);
    let app = request.app_data::<web::Data<App>>().cloned();
    let line = Line {
        began: Instant::now(),
        method: request.method().clone(),
        path: request.path().to_owned(),
        id: id_of(request.headers()),
    };
    let _under_way = app.as_ref().map(|app| app.metrics.begin());
    let error = match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(mut response)) => {
            let route = response.request().match_pattern();
            line.end(
                app.as_deref().map(AsRef::as_ref),
                route.as_deref(),
                response.status(),
                cause_of(response.response()),
            );
            response.headers_mut().insert(REQUEST_ID, line.id);
            return Ok(response.map_body(|_, body| AnswerBody::new(body, answering)));
        }
        Ok(Err(error)) => error,
        Err(_) => Problem::internal("a handler panicked").into(),
    };
    let mut response: HttpResponse<BoxBody> = HttpResponse::from_error(error);
    line.end(app.as_deref().map(AsRef::as_ref), None, response.status(), cause_of(&response));
    response.headers_mut().insert(REQUEST_ID, line.id);
    Err(InternalError::from_response("refused", response).into())
}

/// What is to be written of a request.
struct Line {
    began: Instant,
    method: Method,
    path: String,
    id: HeaderValue,
}

impl Line {
    fn end(&self, app: Option<&App>, route: Option<&str>, status: StatusCode, cause: Option<&str>) {
        let took = self.began.elapsed();
        if let Some(app) = app {
            app.metrics.count(route, &self.method, status, took);
        }
        let level = if status.is_server_error() { Level::Error } else { Level::Info };
        log!(
            target: "access",
            level,
            "method={} path={} status={} duration_ms={:.1} request_id={}{}{}",
            self.method,
            self.path,
            status.as_u16(),
            took.as_secs_f64() * 1e3,
            self.id.to_str().unwrap_or_default(),
            if cause.is_some() { " cause=" } else { "" },
            cause.unwrap_or_default().replace('\n', " "),
        );
    }
}

/// The client's own id, where that is 1 to 64 visible characters, else a new one.
fn id_of(headers: &HeaderMap) -> HeaderValue {
    let visible =
        |id: &&HeaderValue| (1..=MOST_ID_CHARS).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
    let own = headers.get(REQUEST_ID).filter(visible).cloned();
    own.unwrap_or_else(|| {
        HeaderValue::from_str(&Uuid::new_v4().to_string()).unwrap_or_else(|_| HeaderValue::from_static("none"))
    })
}

#[cfg(test)]
mod tests {
    use actix_web::{App as Server, middleware::from_fn, test};

    use super::*;

    async fn panics() -> HttpResponse {
        panic!("on purpose")
    }

    async fn refuses(_: ServiceRequest, _: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
        Err(Problem::unauthenticated().into())
    }

    #[actix_web::test]
    async fn every_answer_has_an_id_and_a_panic_is_a_500() {
        let refused = web::resource("/refused").wrap(from_fn(refuses)).to(HttpResponse::Ok);
        let server = test::init_service(
            Server::new()
                .wrap(from_fn(access))
                .route("/", web::to(HttpResponse::Ok))
                .route("/panic", web::to(panics))
                .service(refused),
        )
        .await;
        for (path, status) in [("/", 200), ("/nowhere", 404), ("/panic", 500), ("/refused", 401), ("/", 200)] {
            let request = test::TestRequest::with_uri(path).to_request();
            let (told, headers) = match test::try_call_service(&server, request).await {
                Ok(response) => (response.status(), response.headers().clone()),
                Err(error) => {
                    let response = error.error_response();
                    (response.status(), response.headers().clone())
                }
            };
            assert_eq!(told.as_u16(), status, "{path}");
            assert!(headers.contains_key(REQUEST_ID), "{path}");
        }
    }

    #[actix_web::test]
    async fn a_clients_id_is_taken_over_where_it_is_one() {
        let id = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(text.as_bytes()).unwrap());
            id_of(&headers).to_str().unwrap().to_owned()
        };
        assert_eq!(id("trace-1"), "trace-1");
        assert_eq!(id(&"x".repeat(64)).len(), 64);
        for bad in ["", "a b", "é", &"x".repeat(65)] {
            assert!(Uuid::parse_str(&id(bad)).is_ok(), "{bad}");
        }
    }

    #[actix_web::test]
    async fn a_filter_has_levels() {
        for good in ["info", "warn,desk=debug", "desk", "info,access=off/regex=x"] {
            assert!(check_filter(good).is_ok(), "{good}");
        }
        assert!(check_filter("info,desk=loud").is_err());
    }
}
