//! A headless Chromium, controlled over its DevTools protocol.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, Command, Stdio},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpStream, sync::oneshot, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::database::skip;

/// For the start, and for each command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// A browser with one page. A drop kills it.
pub struct Browser {
    child: Child,
    devtools: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: String,
    last_command: u64,
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Returns `None` and prints a line if `MM_TEST_CHROMIUM` is not set. With `REQUIRE_ALL=1` the test fails instead.
    pub async fn start() -> Option<Self> {
        let Ok(program) = std::env::var("MM_TEST_CHROMIUM") else {
            skip("MM_TEST_CHROMIUM");
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
        let url = devtools_url(child.stderr.take().unwrap());
        let url = timeout(COMMAND_TIMEOUT, url).await.expect("Chromium does not start").expect("Chromium ended");
        let (devtools, _) = connect_async(url).await.unwrap();
        let mut browser =
            Self { child, devtools, session: String::new(), last_command: 0, events: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" })).await["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true })).await;
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Log", "Network", "Runtime"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        Some(browser)
    }

    /// Opens a page and waits until it is loaded.
    pub async fn open(&mut self, url: &str) {
        let navigation = self.call("Page.navigate", json!({ "url": url })).await;
        assert!(navigation.get("errorText").is_none(), "{navigation}");
        self.run("new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))")
            .await;
        let location = self.run("location.href").await;
        assert_eq!(location, url);
    }

    /// Runs JavaScript in the page. Waits for its promise and returns the value.
    pub async fn run(&mut self, script: &str) -> Value {
        let parameters = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let evaluated = self.call("Runtime.evaluate", parameters).await;
        assert!(evaluated.get("exceptionDetails").is_none(), "{script}: {evaluated}");
        evaluated["result"]["value"].clone()
    }

    /// Waits until the page is idle. Returns all DevTools events since the start: requests, exceptions, console output.
    pub async fn events(&mut self) -> &[Value] {
        self.run("new Promise(done => requestIdleCallback(() => setTimeout(done)))").await;
        &self.events
    }

    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last_command += 1;
        let mut command = json!({ "id": self.last_command, "method": method, "params": parameters });
        if !self.session.is_empty() {
            command["sessionId"] = self.session.clone().into();
        }
        self.devtools.send(Message::text(command.to_string())).await.unwrap();
        let waiting = async {
            loop {
                match self.next_response().await {
                    Some(response) if response["id"] == self.last_command => return response,
                    _ => {}
                }
            }
        };
        let response = timeout(COMMAND_TIMEOUT, waiting).await.unwrap_or_else(|_| panic!("no response to {method}"));
        assert!(response.get("error").is_none(), "{method}: {response}");
        response["result"].clone()
    }

    /// Reads one message. Returns it if it is a response; an event is kept.
    async fn next_response(&mut self) -> Option<Value> {
        let Message::Text(text) = self.devtools.next().await.unwrap().unwrap() else { return None };
        let message: Value = serde_json::from_str(&text).unwrap();
        if message["method"].is_string() {
            self.events.push(message);
            return None;
        }
        Some(message)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Receives the URL that Chromium prints. Its output is read to the end, because a full pipe would block it.
fn devtools_url(stderr: ChildStderr) -> oneshot::Receiver<String> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut sender = Some(sender);
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some(url) = line.strip_prefix("DevTools listening on ")
                && let Some(sender) = sender.take()
            {
                let _ = sender.send(url.to_owned());
            }
        }
    });
    receiver
}
