//! Absolute addresses of this server's own answers.

use actix_web::{HttpRequest, http::header::HOST};
use url::{Url, form_urlencoded};

/// Where a request went, as an absolute address whose parameters can be changed.
#[derive(Clone, Debug)]
pub struct Links {
    base: String,
    path: String,
    parameters: Vec<(String, String)>,
}

impl Links {
    /// Those of a request: under the public URL, or else under the host that it asked for.
    pub fn of(request: &HttpRequest, public_url: Option<&Url>) -> Self {
        let base = public_url.map_or_else(|| asked_host(request), |url| url.as_str().trim_end_matches('/').to_owned());
        Self::new(base, request.path(), request.query_string())
    }

    fn new(base: String, path: &str, query: &str) -> Self {
        let parameters = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { base, path: canonical_path(path), parameters }
    }

    /// The same address with this parameter, and without those `dropped`. The others stay.
    pub fn with(&self, name: &str, value: i64, dropped: &[&str]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let kept = self.parameters.iter().filter(|(known, _)| known != name && !dropped.contains(&known.as_str()));
        query.extend_pairs(kept);
        query.append_pair(name, &value.to_string());
        format!("{}{}?{}", self.base, self.path, query.finish())
    }
}

/// With the trailing slash that the canonical form has.
pub fn canonical_path(path: &str) -> String {
    if path.ends_with('/') { path.to_owned() } else { format!("{path}/") }
}

/// TLS ends before this server, so without a public URL it is http. Only what can be a host is
/// taken over from the request.
fn asked_host(request: &HttpRequest) -> String {
    let asked = request.headers().get(HOST).and_then(|it| it.to_str().ok());
    let host = asked.filter(|host| Url::parse(&format!("http://{host}")).is_ok_and(|url| is_bare(&url, host)));
    format!("http://{}", host.unwrap_or_else(|| request.app_config().host()))
}

fn is_bare(url: &Url, host: &str) -> bool {
    url.path() == "/" && !host.contains(['/', '?', '#', '@', '\\'])
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_link_keeps_the_other_parameters() {
        let links = Links::new("http://mm.example".to_owned(), "/a/b", "status=relay,active&page=2&search=J%C3%B6rg+x");
        assert_eq!(
            links.with("page", 3, &[]),
            "http://mm.example/a/b/?status=relay%2Cactive&search=J%C3%B6rg+x&page=3"
        );
        let messages = Links::new(String::new(), "/m/", "after=1&before=9&limit=2");
        assert_eq!(messages.with("before", 5, &["after"]), "/m/?limit=2&before=5");
    }

    #[test]
    fn the_public_url_comes_first() {
        let request = TestRequest::with_uri("/a/").insert_header((HOST, "other.example")).to_http_request();
        let public = Url::parse("https://mm.example/").unwrap();
        assert_eq!(Links::of(&request, Some(&public)).with("page", 1, &[]), "https://mm.example/a/?page=1");
        assert_eq!(Links::of(&request, None).with("page", 1, &[]), "http://other.example/a/?page=1");
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        for bad in ["evil.example/x", "a b", "a@b", "x?y", "<script>"] {
            let request = TestRequest::with_uri("/a/").insert_header((HOST, bad)).to_http_request();
            assert!(!asked_host(&request).contains(bad), "{bad}");
        }
    }
}
