//! A simulator together with a receiver for its webhooks, in place of the product.

use std::{
    collections::VecDeque,
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::StatusCode,
    rt::System,
    web::{self, Bytes, Data},
};
use serde_json::{Value, json};
use simulator::{RunningSimulator, SimulatorOptions, SimulatorSettings, start_simulator};
use tokio::time::sleep;

pub const GUEST: &str = "+447700900123";
const TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(5);
const MAX_WEBHOOK_BYTES: usize = 4 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedWebhook {
    pub body: String,
    pub signature: String,
}

#[derive(Default)]
struct WebhookReceiver {
    webhooks: Mutex<Vec<ReceivedWebhook>>,
    /// The HTTP statuses of the next webhook responses. After the last one the status is 200.
    statuses: Mutex<VecDeque<u16>>,
}

pub struct SimulatorHarness {
    pub simulator: RunningSimulator,
    receiver: Arc<WebhookReceiver>,
    pub http: reqwest::Client,
}

impl SimulatorHarness {
    pub fn new(settings: SimulatorSettings) -> Self {
        let (receiver, port) = start_receiver();
        let callback = Some(format!("http://127.0.0.1:{port}/webhooks/whatsapp/"));
        let settings = SimulatorSettings { callback, ..settings };
        let simulator = start_simulator(SimulatorOptions { settings, ..SimulatorOptions::default() }).unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().unwrap();
        Self { simulator, receiver, http }
    }

    /// Starts a simulator without delays.
    pub fn immediate() -> Self {
        Self::new(SimulatorSettings::immediate())
    }

    /// Sends a request to the control API, which must succeed.
    pub async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/control/{path}", self.simulator.url());
        let response = self.http.post(url).json(&body).send().await.unwrap();
        let (status, json) = (response.status(), response.json::<Value>().await.unwrap());
        assert_eq!(status, 200, "{path}: {json}");
        json
    }

    /// Returns the transcript entries of one kind.
    pub async fn transcript(&self, kind: &str) -> Vec<Value> {
        let url = format!("{}/control/transcript/?kind={kind}", self.simulator.url());
        let transcript: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        transcript["entries"].as_array().unwrap().clone()
    }

    /// Opens the 24-hour window of a guest: the guest writes a message.
    pub async fn open_window(&self, guest: &str) {
        self.control("guest/", json!({ "from": guest, "text": "Hello" })).await;
    }

    /// Sends a message with the valid access token. Returns the HTTP status and JSON of the response.
    pub async fn send(&self, body: Value) -> Result<(u16, Value), reqwest::Error> {
        self.send_with_token("development-access-token", body).await
    }

    pub async fn send_with_token(&self, token: &str, mut body: Value) -> Result<(u16, Value), reqwest::Error> {
        body["messaging_product"] = "whatsapp".into();
        let url = format!("{}/v25.0/105000000000001/messages", self.simulator.url());
        let response = self.http.post(url).bearer_auth(token).json(&body).send().await?;
        let status = response.status().as_u16();
        Ok((status, serde_json::from_slice(&response.bytes().await?).unwrap_or_default()))
    }

    /// Sends a text message. Returns the HTTP status and the error code of the response.
    pub async fn send_text(&self, to: &str) -> (u16, Option<i64>) {
        let (status, json) = self.send(text_message(to)).await.unwrap();
        (status, json["error"]["code"].as_i64())
    }

    /// Sets the HTTP statuses of the next webhook responses.
    pub fn respond_with(&self, statuses: impl IntoIterator<Item = u16>) {
        self.receiver.statuses.lock().unwrap().extend(statuses);
    }

    pub fn webhooks(&self) -> Vec<ReceivedWebhook> {
        self.receiver.webhooks.lock().unwrap().clone()
    }

    /// Returns the elements of a list (`messages`, `statuses`, …) of all received webhooks, in order.
    pub fn received(&self, list: &str) -> Vec<Value> {
        let mut elements = Vec::new();
        for webhook in self.webhooks() {
            let body: Value = serde_json::from_str(&webhook.body).unwrap_or_default();
            for entry in body["entry"].as_array().into_iter().flatten() {
                for change in entry["changes"].as_array().into_iter().flatten() {
                    elements.extend(change["value"][list].as_array().into_iter().flatten().cloned());
                }
            }
        }
        elements
    }

    /// Returns the statuses of the received receipts of a message, such as `delivered`.
    pub fn receipts(&self, wamid: &Value) -> Vec<String> {
        let receipts = self.received("statuses").into_iter().filter(|it| it["id"] == *wamid);
        receipts.map(|it| it["status"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits for a condition. `condition_name` is shown if it times out.
    pub async fn wait_for(&self, condition_name: &str, mut condition: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !condition(self) {
            assert!(Instant::now() < deadline, "{condition_name}: {:?}", self.webhooks());
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until the webhook queue is empty.
    pub async fn wait_until_delivered(&self) {
        self.wait_for_zero("waiting_to_be_told").await;
    }

    /// Waits until no webhook is due. Retries may be scheduled for later.
    pub async fn wait_until_none_due(&self) {
        self.wait_for_zero("due_to_be_told").await;
    }

    async fn wait_for_zero(&self, field: &str) {
        let url = format!("{}/control/", self.simulator.url());
        loop {
            let overview: Value = self.http.get(&url).send().await.unwrap().json().await.unwrap();
            if overview[field] == 0 {
                return;
            }
            sleep(POLL_INTERVAL).await;
        }
    }
}

pub fn text_message(to: &str) -> Value {
    json!({ "to": to, "type": "text", "text": { "body": "Yes, until 22:00." }, "biz_opaque_callback_data": "out_1" })
}

/// Starts the webhook receiver in its own thread. Returns the receiver and its port.
fn start_receiver() -> (Arc<WebhookReceiver>, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let receiver = Arc::new(WebhookReceiver::default());
    let data = Data::from(receiver.clone());
    thread::spawn(move || {
        System::new().block_on(async {
            let app = move || {
                let limit = web::PayloadConfig::new(MAX_WEBHOOK_BYTES);
                let resource = web::resource("/webhooks/whatsapp/").get(return_challenge).post(receive_webhook);
                App::new().app_data(data.clone()).app_data(limit).service(resource)
            };
            HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run().await
        })
    });
    (receiver, port)
}

async fn return_challenge(query: web::Query<Vec<(String, String)>>) -> HttpResponse {
    let parameter = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    if parameter("hub.verify_token").as_deref() == Some("development-verify-token") {
        return HttpResponse::Ok().body(parameter("hub.challenge").unwrap_or_default());
    }
    HttpResponse::Forbidden().finish()
}

async fn receive_webhook(receiver: Data<WebhookReceiver>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = request.headers().get("x-hub-signature-256").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    receiver.webhooks.lock().unwrap().push(ReceivedWebhook { body, signature: header.to_owned() });
    let status = receiver.statuses.lock().unwrap().pop_front().unwrap_or(200);
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).finish()
}
