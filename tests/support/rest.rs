//! Asking over HTTP.

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

use crate::{World, described};

/// What relative paths are relative to.
const PREFIX: &str = "/api/message_manager/";

/// Someone who asks over HTTP; what its headers are decides who.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// The world it asks.
    pub world: Arc<World>,
    headers: HeaderMap,
}

/// The beginning of an HTTP client. To build one otherwise panics where the whole workspace is built: the
/// product's has TLS, and somebody must have chosen its arithmetic.
pub fn http() -> reqwest::ClientBuilder {
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder()
}

impl Client {
    /// Nobody in particular.
    pub fn new(world: &Arc<World>) -> Self {
        let http = http().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        Self { http, world: world.clone(), headers: HeaderMap::new() }
    }

    /// The same with a header, in place of one of that name.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        other.headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        other
    }

    /// The same without a header.
    pub fn without(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.headers.remove(name);
        other
    }

    /// The same with a token.
    pub fn bearer(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// The same with an `Idempotency-Key`.
    pub fn key(&self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// GETs a path; a relative one under the API's prefix.
    pub async fn get(&self, path: impl AsRef<str>) -> Answer {
        self.send("GET", path, None).await
    }

    /// GETs a path again and again until the answer has this status: `/readyz` may be a second old.
    pub async fn get_until(&self, path: &str, status: u16) -> Answer {
        let start = Instant::now();
        loop {
            let answer = self.get(path).await;
            if answer.status == status {
                return answer;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{path} is {}, not {status}", answer.status);
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Follows a link of an answer, which is absolute.
    pub async fn follow(&self, url: &str) -> Answer {
        let base = self.world.base();
        self.get(url.strip_prefix(&base).unwrap_or_else(|| panic!("{url} is not under {base}"))).await
    }

    /// POSTs JSON.
    pub async fn post(&self, path: impl AsRef<str>, body: Value) -> Answer {
        self.send("POST", path, Some(body.to_string().into_bytes())).await
    }

    /// POSTs nothing.
    pub async fn post_empty(&self, path: impl AsRef<str>) -> Answer {
        self.send("POST", path, None).await
    }

    /// PATCHes with JSON.
    pub async fn patch(&self, path: impl AsRef<str>, body: Value) -> Answer {
        self.send("PATCH", path, Some(body.to_string().into_bytes())).await
    }

    /// Sends any request; a body goes as JSON unless a `Content-Type` was set.
    pub async fn send(&self, method: &str, path: impl AsRef<str>, body: Option<Vec<u8>>) -> Answer {
        let path = path.as_ref();
        self.try_send(method, path, body).await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"))
    }

    /// The same, of a server that may be gone.
    ///
    /// # Errors
    /// Where no whole answer came.
    pub async fn try_send(&self, method: &str, path: &str, body: Option<Vec<u8>>) -> reqwest::Result<Answer> {
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
        let asked = format!("{method} {path}");
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let answer = Answer { asked, status, headers, body: answer.bytes().await?.to_vec() };
        answer.check(method.as_str(), &path);
        Ok(answer)
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Method and path of the question.
    pub asked: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The address that its `Link` header gives for one direction.
    pub fn link(&self, direction: &str) -> Option<String> {
        let all = self.header("link")?;
        let part = all.split(", ").find(|part| part.ends_with(&format!("rel=\"{direction}\"")))?;
        Some(part.strip_prefix('<')?.split_once('>')?.0.to_owned())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null where there is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.asked, self.text()))
    }

    /// The body, the status being this one.
    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text());
        self.json()
    }

    /// The problem that was told, being this one.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text());
        let problem = self.json();
        assert_eq!(problem["code"], code, "{}: {problem}", self.asked);
        problem
    }

    /// The fields that a 400 names, sorted.
    #[track_caller]
    pub fn bad_fields(&self) -> Vec<String> {
        let problem = self.problem(400, "invalid");
        let errors = problem["errors"].as_object().unwrap_or_else(|| panic!("{}: no errors: {problem}", self.asked));
        let mut names: Vec<String> = errors.keys().cloned().collect();
        names.sort();
        names
    }

    /// What holds for every answer.
    #[track_caller]
    fn check(&self, method: &str, path: &str) {
        assert!(self.headers.contains_key("x-request-id"), "{}: no X-Request-Id", self.asked);
        if self.status >= 400 && path.starts_with("/api/") {
            self.check_problem();
        }
        described::check_answer(method, path, self);
    }

    #[track_caller]
    fn check_problem(&self) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}: {}", self.asked, self.text());
        let problem = self.json();
        for name in ["type", "title", "detail", "code"] {
            assert!(problem[name].as_str().is_some_and(|it| !it.is_empty()), "{}: no {name}: {problem}", self.asked);
        }
        assert_eq!(problem["status"], self.status, "{}: {problem}", self.asked);
        if let Some(errors) = problem.get("errors") {
            assert_eq!(self.status, 400, "{}: {problem}", self.asked);
            for (field, sentences) in errors.as_object().unwrap() {
                let sentences = sentences.as_array().unwrap();
                assert!(!sentences.is_empty() && sentences.iter().all(Value::is_string), "{field}: {problem}");
            }
        }
        match self.status {
            401 if problem["code"] == "unauthenticated" => {
                assert!(self.header("www-authenticate").unwrap_or_default().starts_with("Bearer"), "{}", self.asked);
            }
            405 => assert!(self.header("allow").is_some(), "{}", self.asked),
            429 | 503 => assert!(self.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1, "{}", self.asked),
            _ => {}
        }
        assert_ne!(self.status, 500, "{}: {problem}", self.asked);
    }
}

/// Sends these bytes as they are, and reads until the server closes: for requests that no
/// well-behaved client makes. The status (0 where there was no answer), and all that came.
pub async fn raw_http(world: &World, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    // The server may close before it has read everything: what it said counts.
    let _ = stream.write_all(request).await;
    let mut came = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut came)).await;
    let text = String::from_utf8_lossy(&came).into_owned();
    let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
    (status.unwrap_or(0), text)
}
