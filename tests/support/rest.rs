//! A REST client that checks every response against the contract.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::{TestWorld, described};

/// Relative paths are below this one.
const PREFIX: &str = "/api/message_manager/";
const STATUS_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends REST requests to one world. Its headers, such as the token, decide about the caller; clones share connections.
#[derive(Clone)]
pub struct ApiClient {
    http: reqwest::Client,
    pub world: Arc<TestWorld>,
    headers: HeaderMap,
}

/// Begins an HTTP client. `reqwest::Client::builder` alone panics if the whole workspace is built: reqwest then has TLS,
/// for which a crypto provider must have been installed.
pub fn http() -> reqwest::ClientBuilder {
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder()
}

impl ApiClient {
    /// A client without a token.
    pub fn new(world: &Arc<TestWorld>) -> Self {
        let http = http().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        Self { http, world: world.clone(), headers: HeaderMap::new() }
    }

    /// Returns a client with this header; it replaces one of the same name.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        other.headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        other
    }

    /// Returns a client without this header.
    pub fn without(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.headers.remove(name);
        other
    }

    /// Returns a client with this access token.
    pub fn bearer(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// Returns a client with this `Idempotency-Key`.
    pub fn key(&self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// GETs a path. A relative one is below `/api/message_manager/`.
    pub async fn get(&self, path: impl AsRef<str>) -> ApiResponse {
        self.send("GET", path, None).await
    }

    /// Repeats a GET until the response has this status: the result of `/readyz` may be a second old.
    pub async fn get_until(&self, path: &str, status: u16) -> ApiResponse {
        let start = Instant::now();
        loop {
            let response = self.get(path).await;
            if response.status == status {
                return response;
            }
            assert!(start.elapsed() < STATUS_TIMEOUT, "{path} is {}, not {status}", response.status);
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// GETs an absolute URL, as in a `Link` header.
    pub async fn follow(&self, url: &str) -> ApiResponse {
        let base = self.world.base();
        self.get(url.strip_prefix(&base).unwrap_or_else(|| panic!("{url} is not under {base}"))).await
    }

    pub async fn post(&self, path: impl AsRef<str>, body: Value) -> ApiResponse {
        self.send("POST", path, Some(body.to_string().into_bytes())).await
    }

    /// POSTs without a body.
    pub async fn post_empty(&self, path: impl AsRef<str>) -> ApiResponse {
        self.send("POST", path, None).await
    }

    pub async fn put(&self, path: impl AsRef<str>, body: Value) -> ApiResponse {
        self.send("PUT", path, Some(body.to_string().into_bytes())).await
    }

    pub async fn patch(&self, path: impl AsRef<str>, body: Value) -> ApiResponse {
        self.send("PATCH", path, Some(body.to_string().into_bytes())).await
    }

    /// Sends a request. A body is JSON unless a `Content-Type` was set.
    pub async fn send(&self, method: &str, path: impl AsRef<str>, body: Option<Vec<u8>>) -> ApiResponse {
        let path = path.as_ref();
        self.try_send(method, path, body).await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"))
    }

    /// Like `send`, but fails if no complete response arrived: for servers that may stop.
    pub async fn try_send(&self, method: &str, path: &str, body: Option<Vec<u8>>) -> reqwest::Result<ApiResponse> {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{PREFIX}{path}") };
        let mut headers = self.headers.clone();
        if body.is_some() && !headers.contains_key("content-type") {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request =
            self.http.request(method.clone(), format!("{}{path}", self.world.base())).headers(headers.clone());
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let request = format!("{method} {path}");
        let response = ApiResponse { request, status, headers, body: response.bytes().await?.to_vec() };
        response.check(method.as_str(), &path);
        Ok(response)
    }
}

#[derive(Clone, Debug)]
pub struct ApiResponse {
    /// Method and path of the request.
    pub request: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl ApiResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// A cookie that the response sets, with its attributes.
    pub fn set_cookie(&self, name: &str) -> Option<&str> {
        let all = self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        all.into_iter().find(|cookie| cookie.split('=').next() == Some(name))
    }

    /// A cookie that the response sets, as a client returns it: `name=value`.
    pub fn cookie(&self, name: &str) -> Option<String> {
        Some(self.set_cookie(name)?.split(';').next().unwrap().to_owned())
    }

    /// The URL in the `Link` header for `next` or `prev`.
    pub fn link(&self, direction: &str) -> Option<String> {
        let all = self.header("link")?;
        let part = all.split(", ").find(|part| part.ends_with(&format!("rel=\"{direction}\"")))?;
        Some(part.strip_prefix('<')?.split_once('>')?.0.to_owned())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null if it is empty.
    #[track_caller]
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.request, self.text()))
    }

    /// Returns the body as JSON. Fails if the status is another one.
    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.request, self.text());
        self.json()
    }

    /// Returns the problem. Fails if status or code are others.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.request, self.text());
        let problem = self.json();
        assert_eq!(problem["code"], code, "{}: {problem}", self.request);
        problem
    }

    /// Returns the sorted names of the invalid fields. Fails if the response is not a 400.
    #[track_caller]
    pub fn bad_fields(&self) -> Vec<String> {
        let problem = self.problem(400, "invalid");
        let errors = problem["errors"].as_object().unwrap_or_else(|| panic!("{}: no errors: {problem}", self.request));
        let mut names: Vec<String> = errors.keys().cloned().collect();
        names.sort();
        names
    }

    /// Checks the rules for all responses.
    #[track_caller]
    fn check(&self, method: &str, path: &str) {
        assert!(self.headers.contains_key("x-request-id"), "{}: no X-Request-Id", self.request);
        // The client does not decompress, so a test that accepts an encoding checks the body itself.
        if self.headers.contains_key("content-encoding") {
            return;
        }
        if self.status >= 400 && path.starts_with("/api/") {
            self.check_problem();
        }
        described::check_response(method, path, self);
    }

    #[track_caller]
    fn check_problem(&self) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}: {}", self.request, self.text());
        let problem = self.json();
        for name in ["type", "title", "detail", "code"] {
            assert!(problem[name].as_str().is_some_and(|it| !it.is_empty()), "{}: no {name}: {problem}", self.request);
        }
        assert_eq!(problem["status"], self.status, "{}: {problem}", self.request);
        if let Some(errors) = problem.get("errors") {
            assert_eq!(self.status, 400, "{}: {problem}", self.request);
            for (field, sentences) in errors.as_object().unwrap() {
                let sentences = sentences.as_array().unwrap();
                assert!(!sentences.is_empty() && sentences.iter().all(Value::is_string), "{field}: {problem}");
            }
        }
        match self.status {
            401 if problem["code"] == "unauthenticated" => {
                assert!(self.header("www-authenticate").unwrap_or_default().starts_with("Bearer"), "{}", self.request);
            }
            405 => assert!(self.header("allow").is_some(), "{}", self.request),
            429 | 503 => assert!(self.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1, "{}", self.request),
            _ => {}
        }
        assert_ne!(self.status, 500, "{}: {problem}", self.request);
    }
}

/// Sends raw bytes and reads until the server closes, for malformed requests. Returns the status, 0 if there was no
/// response, and all that was received.
pub async fn raw_http(world: &TestWorld, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    // Fails if the server closes before it has read everything; its response counts.
    let _ = stream.write_all(request).await;
    let mut received = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut received)).await;
    let text = String::from_utf8_lossy(&received).into_owned();
    let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
    (status.unwrap_or(0), text)
}
