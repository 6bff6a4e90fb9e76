//! Origins of web pages: which may use the session cookie, and which may call from another origin (CORS).

use actix_web::http::header::{HeaderMap, ORIGIN};
use url::Url;

/// Which site the page that sent a request belongs to, by the browser.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// The server's own origins, and those of `ALLOWED_ORIGINS`.
#[derive(Clone, Debug)]
pub struct Origins {
    own: Vec<String>,
    allowed: Vec<String>,
}

impl Origins {
    /// The server's own origin is the origin of the public URL. Without a public URL, each loopback name with the bound
    /// port is an own origin.
    pub fn new(public_url: Option<&Url>, port: u16, allowed: &[String]) -> Self {
        let own = match public_url {
            Some(url) => vec![url.origin().ascii_serialization()],
            None => ["127.0.0.1", "localhost", "[::1]"]
                .into_iter()
                .filter_map(|host| parse_origin(&format!("http://{host}:{port}")))
                .collect(),
        };
        Self { own, allowed: allowed.to_vec() }
    }

    /// Whether a request comes from a page with an own or allowed origin, and so may use the session cookie. A request
    /// without an `Origin` header may not.
    pub fn may_use_cookie(&self, headers: &HeaderMap) -> bool {
        let is_trusted = |origin: &str| self.own.iter().chain(&self.allowed).any(|it| it == origin);
        origin_of(headers).is_some_and(is_trusted)
    }

    /// Whether the session cookie of a request may authorise the reading of a file: the request comes from a page of
    /// this server, such as by `<img>`, or from no page. The pages of other sites may not find out which files exist.
    pub fn may_read_by_cookie(&self, headers: &HeaderMap) -> bool {
        let is_own = !headers.contains_key(ORIGIN)
            || origin_of(headers).is_some_and(|origin| self.own.iter().any(|it| it == origin));
        is_own && headers.get(SEC_FETCH_SITE).is_none_or(|site| site == "same-origin")
    }

    /// Whether an origin is listed in `ALLOWED_ORIGINS`.
    pub fn is_allowed(&self, origin: &str) -> bool {
        self.allowed.iter().any(|it| it == origin)
    }
}

/// Parses an origin and normalizes it for comparisons: scheme, host, and the port if it is not the default port of the
/// scheme. Returns `None` if the text is no origin.
pub fn parse_origin(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (is_bare && matches!(url.scheme(), "http" | "https")).then(|| url.origin().ascii_serialization())
}

/// The `Origin` header of a request.
pub fn origin_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(ORIGIN)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn may_use_cookie(origins: &Origins, origin: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_str(origin).unwrap());
        origins.may_use_cookie(&headers)
    }

    #[test]
    fn without_a_public_url_the_loopback_names_are_own_origins() {
        let origins = Origins::new(None, 8080, &["http://console.example".to_owned()]);
        for good in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080", "http://console.example"] {
            assert!(may_use_cookie(&origins, good), "{good}");
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
            assert!(!may_use_cookie(&origins, bad), "{bad}");
        }
        assert!(!origins.may_use_cookie(&HeaderMap::new()));
    }

    #[test]
    fn with_a_public_url_only_its_origin_is_own() {
        let origins = Origins::new(Some(&Url::parse("https://mm.example/desk/").unwrap()), 8080, &[]);
        assert!(may_use_cookie(&origins, "https://mm.example"));
        assert!(!may_use_cookie(&origins, "http://mm.example"));
        assert!(!may_use_cookie(&origins, "http://localhost:8080"));
    }

    #[test]
    fn files_are_read_by_cookie_from_own_pages_only() {
        let origins = Origins::new(None, 8080, &["http://console.example".to_owned()]);
        let own = Some("http://localhost:8080");
        for (origin, site, expected) in [
            (None, None, true),
            (None, Some("same-origin"), true),
            (own, None, true),
            (own, Some("same-origin"), true),
            (own, Some("same-site"), false),
            (None, Some("cross-site"), false),
            (None, Some("none"), false),
            (Some("http://console.example"), None, false),
            (Some("null"), Some("same-origin"), false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("origin", origin), (SEC_FETCH_SITE, site)] {
                if let Some(value) = value {
                    let name = actix_web::http::header::HeaderName::from_static(name);
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            assert_eq!(origins.may_read_by_cookie(&headers), expected, "{origin:?} {site:?}");
        }
    }

    #[test]
    fn the_default_port_is_not_part_of_an_origin() {
        assert!(may_use_cookie(&Origins::new(None, 80, &[]), "http://localhost"));
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(parse_origin("https://Console.example:443/").as_deref(), Some("https://console.example"));
        for bad in ["*", "console.example", "https://a.example/path", "file:///x", "https://a@b.example", ""] {
            assert_eq!(parse_origin(bad), None, "{bad}");
        }
    }
}
