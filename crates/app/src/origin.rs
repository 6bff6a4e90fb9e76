//! Which pages may use the session cookie, and which may call from another origin (CORS).

use actix_web::{
    HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
            ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
        },
    },
    middleware::Next,
    web,
};
use url::Url;

use crate::{problem::Problem, state::App};

/// The server's own origins, and those that it lets in.
#[derive(Clone, Debug)]
pub struct Origins {
    own: Vec<String>,
    allowed: Vec<String>,
}

/// Reads an origin as it is compared: scheme, host, and the port where it is not the scheme's own.
/// `None` for what is none.
pub fn parse(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (bare && matches!(url.scheme(), "http" | "https")).then(|| url.origin().ascii_serialization())
}

impl Origins {
    /// Own is that of the public URL; without one, the loopback names at the bound port.
    pub fn new(public_url: Option<&Url>, port: u16, allowed: &[String]) -> Self {
        let own = match public_url {
            Some(url) => vec![url.origin().ascii_serialization()],
            None => ["127.0.0.1", "localhost", "[::1]"]
                .into_iter()
                .filter_map(|host| parse(&format!("http://{host}:{port}")))
                .collect(),
        };
        Self { own, allowed: allowed.to_vec() }
    }

    /// Refuses what does not come from an own page or an allowed one; no Origin at all, too.
    ///
    /// # Errors
    /// A [`Problem`]: `bad_origin`.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let good = |origin: &str| self.own.iter().chain(&self.allowed).any(|it| it == origin);
        if origin_of(headers).is_some_and(good) { Ok(()) } else { Err(Problem::bad_origin()) }
    }

    fn allows(&self, origin: &str) -> bool {
        self.allowed.iter().any(|it| it == origin)
    }
}

/// Lets pages of allowed origins call: answers their preflights, and says so on every answer.
///
/// Hand-written: a library would answer other origins' preflights too, which are an ordinary 405
/// here, and would allow credentials everywhere, which only the sign-in calls use.
///
/// # Errors
/// Those of the service.
pub async fn cross_origin(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let origins = request.app_data::<web::Data<App>>().map(|app| app.origins.clone());
    let origin = origin_of(request.headers()).filter(|it| origins.is_some_and(|all| all.allows(it))).map(str::to_owned);
    let with_cookie = request.path().starts_with("/api/auth/");
    let mut response = if origin.is_some() && is_preflight(&request) {
        request.into_response(preflight()).map_into_right_body()
    } else {
        next.call(request).await?.map_into_left_body()
    };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin.and_then(|it| HeaderValue::from_str(&it).ok()) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(headers, ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        if with_cookie {
            set(headers, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
    }
    Ok(response)
}

const EXPOSED: &str = "Link, Retry-After, Idempotent-Replay, X-Request-Id, X-Event-Epoch, X-Event-Seq";

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

fn origin_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(ORIGIN)?.to_str().ok()
}

fn is_preflight(request: &ServiceRequest) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PATCH, DELETE"))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, Idempotency-Key"))
        .insert_header((ACCESS_CONTROL_MAX_AGE, "600"))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_from(origins: &Origins, origin: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_str(origin).unwrap());
        origins.check(&headers).is_ok()
    }

    #[test]
    fn without_public_url_the_loopback_names_are_own() {
        let origins = Origins::new(None, 8080, &["http://console.example".to_owned()]);
        for good in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080", "http://console.example"] {
            assert!(asked_from(&origins, good), "{good}");
        }
        for bad in [
            "http://localhost",
            "https://localhost:8080",
            "http://localhost:8081",
            "null",
            "",
            "http://console.example.evil.example",
            "https://console.example",
            "http://console.example:8080",
            "http://evil.example",
        ] {
            assert!(!asked_from(&origins, bad), "{bad}");
        }
        assert!(origins.check(&HeaderMap::new()).is_err());
    }

    #[test]
    fn with_a_public_url_only_that_is_own() {
        let origins = Origins::new(Some(&Url::parse("https://mm.example/desk/").unwrap()), 8080, &[]);
        assert!(asked_from(&origins, "https://mm.example"));
        assert!(!asked_from(&origins, "http://mm.example"));
        assert!(!asked_from(&origins, "http://localhost:8080"));
    }

    #[test]
    fn port_80_is_not_written() {
        assert!(asked_from(&Origins::new(None, 80, &[]), "http://localhost"));
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(parse("https://Console.example:443/").as_deref(), Some("https://console.example"));
        for bad in ["*", "console.example", "https://a.example/path", "file:///x", "https://a@b.example", ""] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
