//! What stands in the product's place: it takes webhooks and sends.

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
use simulator::{Options, Running, Settings, start};
use tokio::time::sleep;

pub const GUEST: &str = "+447700900123";
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A POST that came.
#[derive(Clone, Debug, PartialEq)]
pub struct Came {
    pub body: String,
    pub signature: String,
}

#[derive(Default)]
struct Receiver {
    came: Mutex<Vec<Came>>,
    /// With what the next are answered; then with 200.
    answers: Mutex<VecDeque<u16>>,
}

/// A simulator and a receiver that know each other.
pub struct World {
    pub simulator: Running,
    receiver: Arc<Receiver>,
    pub http: reqwest::Client,
}

impl World {
    pub fn new(settings: Settings) -> Self {
        let (receiver, port) = receive();
        let callback = Some(format!("http://127.0.0.1:{port}/webhooks/whatsapp/"));
        let settings = Settings { callback, ..settings };
        let simulator = start(Options { settings, ..Options::default() }).unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { simulator, receiver, http }
    }

    /// One where nothing waits.
    pub fn immediate() -> Self {
        Self::new(Settings::immediate())
    }

    /// A call under `/control/`, which must succeed.
    pub async fn control(&self, call: &str, body: Value) -> Value {
        let url = format!("{}/control/{call}", self.simulator.url());
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        let (status, answer) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert_eq!(status, 200, "{call}: {answer}");
        answer
    }

    pub async fn transcript(&self, kind: &str) -> Vec<Value> {
        let url = format!("{}/control/transcript/?kind={kind}", self.simulator.url());
        let read: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        read["entries"].as_array().unwrap().clone()
    }

    /// A guest writes, so that they may be written to.
    pub async fn open(&self, guest: &str) {
        self.control("guest/", json!({ "from": guest, "text": "Hello" })).await;
    }

    /// Sends; the HTTP status and the answer, where one came.
    pub async fn send(&self, body: Value) -> Result<(u16, Value), reqwest::Error> {
        self.send_with("development-access-token", body).await
    }

    pub async fn send_with(&self, token: &str, mut body: Value) -> Result<(u16, Value), reqwest::Error> {
        body["messaging_product"] = "whatsapp".into();
        let url = format!("{}/v25.0/105000000000001/messages", self.simulator.url());
        let answer = self.http.post(url).bearer_auth(token).json(&body).send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_slice(&answer.bytes().await?).unwrap_or_default()))
    }

    /// Sends a text to a number; the HTTP status and the error's code.
    pub async fn text(&self, to: &str) -> (u16, Option<i64>) {
        let (status, answer) = self.send(text(to)).await.unwrap();
        (status, answer["error"]["code"].as_i64())
    }

    /// What the next POSTs are answered with.
    pub fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.receiver.answers.lock().unwrap().extend(statuses);
    }

    pub fn came(&self) -> Vec<Came> {
        self.receiver.came.lock().unwrap().clone()
    }

    /// All elements of a list that came, in the order in which they did.
    pub fn told(&self, list: &str) -> Vec<Value> {
        let mut told = Vec::new();
        for came in self.came() {
            let body: Value = serde_json::from_str(&came.body).unwrap_or_default();
            for entry in body["entry"].as_array().into_iter().flatten() {
                for change in entry["changes"].as_array().into_iter().flatten() {
                    told.extend(change["value"][list].as_array().into_iter().flatten().cloned());
                }
            }
        }
        told
    }

    /// The statuses of a message that came.
    pub fn statuses(&self, wamid: &Value) -> Vec<String> {
        let told = self.told("statuses").into_iter().filter(|it| it["id"] == *wamid);
        told.map(|it| it["status"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so(self) {
            assert!(Instant::now() < deadline, "{what}: {:?}", self.came());
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until nothing waits to be told any more.
    pub async fn until_quiet(&self) {
        self.until_none("waiting_to_be_told").await;
    }

    /// Waits until nothing that is due is left to be told.
    pub async fn until_told(&self) {
        self.until_none("due_to_be_told").await;
    }

    async fn until_none(&self, figure: &str) {
        let url = format!("{}/control/", self.simulator.url());
        loop {
            let overview: Value = self.http.get(&url).send().await.unwrap().json().await.unwrap();
            if overview[figure] == 0 {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}

pub fn text(to: &str) -> Value {
    json!({ "to": to, "type": "text", "text": { "body": "Yes, until 22:00." }, "biz_opaque_callback_data": "out_1" })
}

fn receive() -> (Arc<Receiver>, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let receiver = Arc::new(Receiver::default());
    let data = Data::from(receiver.clone());
    thread::spawn(move || {
        System::new().block_on(async {
            let app = move || {
                let limit = web::PayloadConfig::new(4 * 1024 * 1024);
                let resource = web::resource("/webhooks/whatsapp/").get(challenge).post(take);
                App::new().app_data(data.clone()).app_data(limit).service(resource)
            };
            HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run().await
        })
    });
    (receiver, port)
}

async fn challenge(query: web::Query<Vec<(String, String)>>) -> HttpResponse {
    let of = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    if of("hub.verify_token").as_deref() == Some("development-verify-token") {
        return HttpResponse::Ok().body(of("hub.challenge").unwrap_or_default());
    }
    HttpResponse::Forbidden().finish()
}

async fn take(receiver: Data<Receiver>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = request.headers().get("x-hub-signature-256").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    receiver.came.lock().unwrap().push(Came { body, signature: header.to_owned() });
    let status = receiver.answers.lock().unwrap().pop_front().unwrap_or(200);
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).finish()
}
