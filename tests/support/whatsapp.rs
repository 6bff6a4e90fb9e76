//! Guests on WhatsApp: the simulated Cloud API as a process, and webhook bodies as Meta posts them.

use std::{
    collections::BTreeMap,
    ops::Deref,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

use crate::{
    ApiResponse, DatabaseKind, Program, TestHotel, WorldOptions, http, program::ServerProcess, runtime, unique,
    world::log_file,
};

/// Signs webhook bodies.
pub const APP_SECRET: &str = "test-app-secret";
/// Verifies the webhook subscription.
pub const VERIFY_TOKEN: &str = "test-verify-token";
/// Authorizes calls of the Cloud API.
pub const ACCESS_TOKEN: &str = "test-access-token";
const WEBHOOK_PATH: &str = "/webhooks/whatsapp/";
/// The hotels with a WhatsApp number in the shared world: at least one for each test on it.
const SHARED_WHATSAPP_HOTELS: usize = 100;
/// For each awaited condition.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);
/// The WhatsApp Business account of all numbers.
const ACCOUNT_ID: &str = "104000000000001";

/// The simulated Cloud API as a process. A drop kills it.
pub struct Meta {
    /// `http://127.0.0.1:PORT`.
    pub base: String,
    pub log: PathBuf,
    http: reqwest::Client,
    _server: ServerProcess,
    _folder: TempDir,
}

impl Meta {
    /// Starts a simulator that responds without delay and has no webhook yet.
    pub fn start(numbers: usize) -> Self {
        let folder = TempDir::with_prefix("mm-meta-").unwrap();
        let settings: BTreeMap<String, String> =
            secrets().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let program = Program { folder: folder.path().to_owned(), settings, through: Vec::new() };
        // A port without a listener.
        let mut arguments: Vec<String> =
            ["simulate-whatsapp", "--quick", "--bind", "127.0.0.1:0", "--callback", "http://127.0.0.1:9/"]
                .map(str::to_owned)
                .into();
        for index in 0..numbers {
            arguments.extend(["--phone-number-id".to_owned(), phone_number_id(index)]);
        }
        let log = log_file("meta");
        let server =
            program.listen(&arguments, &log).unwrap_or_else(|code| panic!("the simulator ended with {code:?}"));
        // Each test has a runtime of its own, so that tests cannot share idle connections.
        let http = http().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        Self { base: server.base.clone(), log, http, _server: server, _folder: folder }
    }

    /// GETs a path below `/control/`.
    pub async fn get(&self, path: &str) -> Value {
        let response = self.http.get(format!("{}/control/{path}", self.base)).send().await.unwrap();
        response.json().await.unwrap()
    }

    /// POSTs to a path below `/control/`. Returns the body of the response; fails if the status is not 200.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let response = self.http.post(format!("{}/control/{path}", self.base)).json(&body).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, 200, "{path}: {body}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Changes these settings of the simulator.
    pub async fn set(&self, settings: Value) {
        self.post("settings/", settings).await;
    }

    /// The entries of one kind in the simulator's transcript, oldest first.
    pub async fn transcript(&self, kind: &str) -> Vec<Value> {
        let transcript = self.get(&format!("transcript/?kind={kind}")).await;
        transcript["entries"].as_array().unwrap().clone()
    }

    /// Waits until all webhook bodies were posted and answered with 200.
    pub async fn wait_until_delivered(&self) {
        until("the simulator has delivered all webhook bodies", async || {
            (self.get("").await["waiting_to_be_told"] == 0).then_some(())
        })
        .await;
    }
}

/// A running server that is connected to a simulator of its own.
pub struct WhatsappWorld {
    pub world: Arc<crate::TestWorld>,
    pub meta: Arc<Meta>,
    /// Seconds by which both test clocks are ahead.
    ahead: AtomicI64,
    next: AtomicUsize,
}

impl WhatsappWorld {
    /// The world that tests share. The first of them starts it.
    pub fn shared(backend: DatabaseKind) -> Arc<Self> {
        static SHARED: [OnceLock<Arc<WhatsappWorld>>; 2] = [OnceLock::new(), OnceLock::new()];
        SHARED[backend as usize]
            .get_or_init(|| Self::start(backend, WorldOptions::default().hotels(SHARED_WHATSAPP_HOTELS)))
            .clone()
    }

    /// Starts simulator and server, with a number for each hotel.
    pub fn start(backend: DatabaseKind, options: WorldOptions) -> Arc<Self> {
        let whatsapp = Self::prepare(backend, options);
        whatsapp.serve();
        whatsapp
    }

    /// Starts the simulator and creates a filled database without starting the server.
    pub fn prepare(backend: DatabaseKind, mut options: WorldOptions) -> Arc<Self> {
        let meta = Arc::new(Meta::start(options.hotels.max(1)));
        let mut settings: Vec<(String, String)> =
            secrets().iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        settings.push(("WHATSAPP_API_URL".to_owned(), meta.base.clone()));
        // The test's own settings override these.
        settings.append(&mut options.settings);
        options.settings = settings;
        let world = crate::TestWorld::prepare(backend, options);
        Arc::new(Self { world, meta, ahead: AtomicI64::default(), next: AtomicUsize::default() })
    }

    /// Starts the server and sets the simulator's webhook.
    pub fn serve(&self) {
        self.world.serve();
        let callback = json!({ "callback": format!("{}{WEBHOOK_PATH}", self.world.base()) });
        let meta = self.meta.clone();
        // In a thread, because the caller may run in a runtime already.
        std::thread::spawn(move || runtime().block_on(meta.set(callback))).join().unwrap();
    }

    /// Returns a hotel that no test has used, and gives it a WhatsApp number.
    pub fn line(&self) -> WhatsappHotel {
        let hotel = self.world.hotel();
        let number = phone_number_id(self.next.fetch_add(1, Ordering::Relaxed));
        let set = ["hotel", "set", &hotel.id.to_string(), "--whatsapp-phone-number-id", &number];
        self.world.run(&set).json();
        WhatsappHotel { hotel, meta: self.meta.clone(), number }
    }

    /// Advances the clocks of server and simulator.
    pub async fn advance(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
        self.world.advance(seconds);
        self.meta.post("clock/", json!({ "advance_seconds": seconds })).await;
    }

    /// The time of both clocks in Unix seconds.
    pub fn now(&self) -> i64 {
        chrono::Utc::now().timestamp() + self.ahead.load(Ordering::Relaxed)
    }
}

/// A hotel with a WhatsApp number, which belongs to one test.
#[derive(Clone)]
pub struct WhatsappHotel {
    pub hotel: TestHotel,
    pub meta: Arc<Meta>,
    /// The hotel's phone number id.
    pub number: String,
}

impl Deref for WhatsappHotel {
    type Target = TestHotel;

    fn deref(&self) -> &TestHotel {
        &self.hotel
    }
}

impl WhatsappHotel {
    /// Sends messages of a guest to this hotel through the simulator. Returns their WhatsApp ids. `body` is that of the
    /// simulator's `guest/`.
    pub async fn guest(&self, mut body: Value) -> Vec<String> {
        body["to"] = self.number.as_str().into();
        let sent = self.meta.post("guest/", body).await;
        sent["ids"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
    }

    /// The entries of one kind about this hotel's number in the simulator's transcript.
    pub async fn transcript(&self, kind: &str) -> Vec<Value> {
        let all = self.meta.transcript(kind).await;
        all.into_iter().filter(|it| it["phone_number_id"] == self.number.as_str()).collect()
    }

    /// Posts a guest's text to the webhook, from a number without `+`. Returns its WhatsApp id; it is stored then.
    pub async fn send_guest_text(&self, from: &str, words: &str) -> String {
        let message = text(from, words);
        self.deliver_messages(std::slice::from_ref(&message)).await;
        message["id"].as_str().unwrap().to_owned()
    }

    /// Posts messages to this hotel in one webhook body. Fails if the status is not 200.
    pub async fn deliver_messages(&self, messages: &[Value]) {
        self.post(&self.body(messages)).await.is(200);
    }

    /// A webhook body with messages to this hotel and the profiles of their senders.
    pub fn body(&self, messages: &[Value]) -> Value {
        envelope(vec![self.change(messages)])
    }

    /// A webhook body with delivery receipts of this hotel.
    pub fn report(&self, statuses: &[Value]) -> Value {
        envelope(vec![change(&self.number, json!({ "statuses": statuses }))])
    }

    /// A change with messages to this hotel and the profiles of their senders.
    pub fn change(&self, messages: &[Value]) -> Value {
        let senders = messages.iter().filter(|it| it["type"] != "system");
        let contacts: Vec<Value> = senders.filter_map(profile).collect();
        change(&self.number, json!({ "contacts": contacts, "messages": messages }))
    }

    /// Posts a webhook body with Meta's signature.
    pub async fn post(&self, body: &Value) -> ApiResponse {
        self.post_bytes(body.to_string().into_bytes()).await
    }

    /// Posts bytes to the webhook with Meta's signature.
    pub async fn post_bytes(&self, body: Vec<u8>) -> ApiResponse {
        let signature = signature(APP_SECRET, &body);
        self.anonymous().with("x-hub-signature-256", &signature).send("POST", WEBHOOK_PATH, Some(body)).await
    }

    /// Polls until there is a value, and returns it.
    pub async fn until<T>(&self, condition: &str, poll: impl AsyncFnMut() -> Option<T>) -> T {
        until(condition, poll).await
    }

    /// Finds a conversation by the guest's name or number, as the manager sees it. Fails if there is not exactly one.
    pub async fn conversation(&self, search: &str) -> Value {
        let found =
            self.manager().await.get(format!("conversations/?search={search}&status={ALL_STATUSES}")).await.is(200);
        let results = found["results"].as_array().unwrap();
        assert_eq!(results.len(), 1, "{search}: {found}");
        results[0].clone()
    }

    /// The messages of a conversation, as the manager sees them.
    pub async fn messages(&self, conversation: i64) -> Vec<Value> {
        let path = format!("conversations/{conversation}/messages/?limit=1000");
        self.manager().await.get(path).await.is(200).as_array().unwrap().clone()
    }
}

const ALL_STATUSES: &str = "demo,checkin,active,relay,closed";

/// Polls until there is a value, and returns it.
async fn until<T>(condition: &str, mut poll: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = poll().await {
            return value;
        }
        assert!(start.elapsed() < WAIT_TIMEOUT, "timed out: {condition}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The value of `X-Hub-Signature-256`.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body).finalize();
    let hex: String = mac.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// A text message of a guest with a new id and the current time.
pub fn text(from: &str, text: &str) -> Value {
    message(from, json!({ "type": "text", "text": { "body": text } }))
}

/// A message of a guest with a new id and the current time. `fields` override these; null removes a field.
pub fn message(from: &str, fields: Value) -> Value {
    let mut message = json!({
        "from": from,
        "id": format!("wamid.{}", unique("test")),
        "timestamp": chrono::Utc::now().timestamp().to_string(),
    });
    for (name, value) in fields.as_object().unwrap() {
        if value.is_null() {
            message.as_object_mut().unwrap().remove(name);
        } else {
            message[name] = value.clone();
        }
    }
    message
}

/// A change of the field `messages` for a phone number id.
pub fn change(number: &str, value: Value) -> Value {
    let mut fields = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "442079460000", "phone_number_id": number },
    });
    fields.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
    json!({ "field": "messages", "value": fields })
}

/// A webhook body with these changes.
pub fn envelope(changes: Vec<Value>) -> Value {
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": ACCOUNT_ID, "changes": changes }] })
}

/// The element of `contacts` for the sender of a message.
fn profile(message: &Value) -> Option<Value> {
    let mut profile = json!({ "profile": { "name": "Ada Guest" } });
    for (field, contact_field) in [("from", "wa_id"), ("from_user_id", "user_id")] {
        if let Some(id) = message.get(field) {
            profile[contact_field] = id.clone();
        }
    }
    Some(profile)
}

fn secrets() -> [(&'static str, &'static str); 3] {
    [
        ("WHATSAPP_APP_SECRET", APP_SECRET),
        ("WHATSAPP_VERIFY_TOKEN", VERIFY_TOKEN),
        ("WHATSAPP_ACCESS_TOKEN", ACCESS_TOKEN),
    ]
}

/// The phone number id of the hotel with this index.
fn phone_number_id(index: usize) -> String {
    format!("{}", 105_000_000_000_001_u64 + index as u64)
}
