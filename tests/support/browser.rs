//! A headless Chromium, driven over its DevTools protocol.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// How long the browser may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page.
pub struct Browser {
    child: Child,
    line: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: String,
    asked: u64,
    happened: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts one; nothing where `MM_TEST_CHROMIUM` is not set (a failure with `REQUIRE_ALL=1`).
    pub async fn start() -> Option<Self> {
        let Ok(program) = std::env::var("MM_TEST_CHROMIUM") else {
            assert!(std::env::var("REQUIRE_ALL").as_deref() != Ok("1"), "MM_TEST_CHROMIUM is not set");
            println!("skipped: MM_TEST_CHROMIUM is not set (run it through tests/with-servers.sh)");
            return None;
        };
        let profile = TempDir::with_prefix("mm-chromium-").unwrap();
        let mut child = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let (told, address) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut told = Some(told);
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let (Some(url), Some(_)) = (line.strip_prefix("DevTools listening on "), &told) {
                    let _ = told.take().map(|told| told.send(url.to_owned()));
                }
            }
        });
        let address = timeout(PATIENCE, address).await.expect("Chromium does not start").expect("Chromium ended");
        let (line, _) = connect_async(address).await.unwrap();
        let mut it = Self { child, line, session: String::new(), asked: 0, happened: Vec::new(), _profile: profile };
        let target = it.ask("Target.createTarget", json!({ "url": "about:blank" })).await["targetId"].clone();
        let attached = it.ask("Target.attachToTarget", json!({ "targetId": target, "flatten": true })).await;
        it.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Log", "Network", "Runtime"] {
            it.ask(&format!("{domain}.enable"), json!({})).await;
        }
        Some(it)
    }

    /// Opens a page, and waits until it is loaded.
    pub async fn open(&mut self, url: &str) {
        let went = self.ask("Page.navigate", json!({ "url": url })).await;
        assert!(went.get("errorText").is_none(), "{went}");
        self.run("new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))")
            .await;
        let at = self.run("location.href").await;
        assert_eq!(at, url);
    }

    /// Runs JavaScript in the page, waits for its promise, and gives its value.
    pub async fn run(&mut self, script: &str) -> Value {
        let what = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let ran = self.ask("Runtime.evaluate", what).await;
        assert!(ran.get("exceptionDetails").is_none(), "{script}: {ran}");
        ran["result"]["value"].clone()
    }

    /// What has happened since it was started, as DevTools events: requests, exceptions, what the
    /// console was told. The page is first let do what it has begun.
    pub async fn happened(&mut self) -> &[Value] {
        self.run("new Promise(done => requestIdleCallback(() => setTimeout(done)))").await;
        &self.happened
    }

    async fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut command = json!({ "id": self.asked, "method": method, "params": parameters });
        if !self.session.is_empty() {
            command["sessionId"] = self.session.clone().into();
        }
        self.line.send(Message::text(command.to_string())).await.unwrap();
        let answer = async {
            loop {
                match self.hear().await {
                    Some(told) if told["id"] == self.asked => return told,
                    _ => {}
                }
            }
        };
        let told = timeout(PATIENCE, answer).await.unwrap_or_else(|_| panic!("no answer to {method}"));
        assert!(told.get("error").is_none(), "{method}: {told}");
        told["result"].clone()
    }

    /// The next answer; an event is kept.
    async fn hear(&mut self) -> Option<Value> {
        let Message::Text(text) = self.line.next().await.unwrap().unwrap() else { return None };
        let told: Value = serde_json::from_str(&text).unwrap();
        if told["method"].is_string() {
            self.happened.push(told);
            return None;
        }
        Some(told)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
