//! Absolute URLs of other pages of a list (`next`, `previous`, `Link`).

use actix_web::{HttpRequest, http::header::HOST};
use url::{Url, form_urlencoded};

/// Builds links to other pages of a list: the absolute URL of a request, with query parameters that can be replaced.
#[derive(Clone, Debug)]
pub struct PageLinks {
    base: String,
    path: String,
    parameters: Vec<(String, String)>,
}

impl PageLinks {
    /// Creates a builder of links below the public URL of the server or, if none is set, below the host of the request.
    pub fn new(request: &HttpRequest, public_url: Option<&Url>) -> Self {
        let base = public_url.map_or_else(|| host_url(request), |url| url.as_str().trim_end_matches('/').to_owned());
        Self::from_parts(base, request.path(), request.query_string())
    }

    fn from_parts(base: String, path: &str, query: &str) -> Self {
        let parameters = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { base, path: canonical_path(path), parameters }
    }

    /// Returns the URL of the request with one query parameter set and the parameters of `removed` removed.
    pub fn with(&self, name: &str, value: i64, removed: &[&str]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let kept = self.parameters.iter().filter(|(key, _)| key != name && !removed.contains(&key.as_str()));
        query.extend_pairs(kept);
        query.append_pair(name, &value.to_string());
        format!("{}{}?{}", self.base, self.path, query.finish())
    }
}

/// The request path with a trailing slash, its canonical form.
pub fn canonical_path(path: &str) -> String {
    if path.ends_with('/') { path.to_owned() } else { format!("{path}/") }
}

/// The base URL made from the `Host` header of a request, for servers without a public URL. The scheme is http, because
/// TLS ends in front of this server. A `Host` header that is no valid host is ignored.
fn host_url(request: &HttpRequest) -> String {
    let header = request.headers().get(HOST).and_then(|it| it.to_str().ok());
    let host = header.filter(|host| Url::parse(&format!("http://{host}")).is_ok_and(|url| is_only_host(&url, host)));
    format!("http://{}", host.unwrap_or_else(|| request.app_config().host()))
}

fn is_only_host(url: &Url, host: &str) -> bool {
    url.path() == "/" && !host.contains(['/', '?', '#', '@', '\\'])
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_link_keeps_the_other_parameters() {
        let query = "status=relay,active&page=2&search=J%C3%B6rg+x";
        let links = PageLinks::from_parts("http://mm.example".to_owned(), "/a/b", query);
        assert_eq!(
            links.with("page", 3, &[]),
            "http://mm.example/a/b/?status=relay%2Cactive&search=J%C3%B6rg+x&page=3"
        );
        let messages = PageLinks::from_parts(String::new(), "/m/", "after=1&before=9&limit=2");
        assert_eq!(messages.with("before", 5, &["after"]), "/m/?limit=2&before=5");
    }

    #[test]
    fn the_public_url_takes_precedence_over_the_host() {
        let request = TestRequest::with_uri("/a/").insert_header((HOST, "other.example")).to_http_request();
        let public = Url::parse("https://mm.example/").unwrap();
        assert_eq!(PageLinks::new(&request, Some(&public)).with("page", 1, &[]), "https://mm.example/a/?page=1");
        assert_eq!(PageLinks::new(&request, None).with("page", 1, &[]), "http://other.example/a/?page=1");
    }

    #[test]
    fn an_invalid_host_is_ignored() {
        for bad in ["evil.example/x", "a b", "a@b", "x?y", "<script>"] {
            let request = TestRequest::with_uri("/a/").insert_header((HOST, bad)).to_http_request();
            assert!(!host_url(&request).contains(bad), "{bad}");
        }
    }
}
