//! CORS: lets pages of `ALLOWED_ORIGINS` call the API.

use actix_web::{
    HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
            ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, VARY,
        },
    },
    middleware::Next,
    web,
};

use crate::{app_state::App, settings::origins::origin_of};

const EXPOSED_HEADERS: &str =
    "Link, Retry-After, Idempotent-Replay, X-Request-Id, X-Version, X-Event-Epoch, X-Event-Seq";
const ALLOWED_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const ALLOWED_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key";
const PREFLIGHT_MAX_AGE_SECONDS: &str = "600";

/// Responds to preflights of allowed origins, and adds the CORS headers to every response to them.
///
/// `actix-cors` is not used because clients would see a difference: it also responds to preflights of other origins,
/// which here get the 401 or 405 of any OPTIONS request; its status is 200 instead of 204; and it refuses a
/// preflight for other headers with 400 instead of leaving the decision to the browser.
pub async fn add_cors_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let allowed_origin = allowed_origin(&request);
    // Only the sign-in calls use the session cookie.
    let allows_credentials = request.path().starts_with("/api/auth/");
    let mut response = if allowed_origin.is_some() && is_preflight(&request) {
        request.into_response(preflight_response()).map_into_right_body()
    } else {
        next.call(request).await?.map_into_left_body()
    };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed_origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(headers, ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        if allows_credentials {
            set(headers, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
    }
    Ok(response)
}

fn allowed_origin(request: &ServiceRequest) -> Option<HeaderValue> {
    let app = request.app_data::<web::Data<App>>()?;
    let origin = origin_of(request.headers()).filter(|origin| app.origins.is_allowed(origin))?;
    HeaderValue::from_str(origin).ok()
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

fn is_preflight(request: &ServiceRequest) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight_response() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS))
        .insert_header((ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE_SECONDS))
        .finish()
}
