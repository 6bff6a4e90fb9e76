//! Guests on WhatsApp: the simulator of the Cloud API as a process of its own, and bodies as Meta would post them.

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

use crate::{Answer, Backend, Hotel, Options, Program, http, program::Serving, runtime, unique, world::log_file};

/// Signs what is posted.
pub const APP_SECRET: &str = "test-app-secret";
/// By which the webhook is verified.
pub const VERIFY_TOKEN: &str = "test-verify-token";
/// What the simulator's callers need.
pub const ACCESS_TOKEN: &str = "test-access-token";
/// The webhook's path.
const WEBHOOK: &str = "/webhooks/whatsapp/";
/// How many hotels the shared world has that guests reach by WhatsApp: one for each test.
const SHARED_LINES: usize = 100;
/// How long anything awaited may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The account of all numbers.
const ACCOUNT: &str = "104000000000001";

/// The simulator of the Cloud API, under way.
pub struct Meta {
    /// `http://127.0.0.1:PORT`.
    pub base: String,
    /// Where its log goes.
    pub log: PathBuf,
    http: reqwest::Client,
    _serving: Serving,
    _folder: TempDir,
}

impl Meta {
    /// Starts one that has so many numbers, posts nowhere yet, and answers at once.
    pub fn start(numbers: usize) -> Self {
        let folder = TempDir::with_prefix("mm-meta-").unwrap();
        let settings: BTreeMap<String, String> =
            secrets().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let program = Program { folder: folder.path().to_owned(), settings, through: Vec::new() };
        // Nobody listens there.
        let mut arguments: Vec<String> =
            ["simulate-whatsapp", "--quick", "--bind", "127.0.0.1:0", "--callback", "http://127.0.0.1:9/"]
                .map(str::to_owned)
                .into();
        for index in 0..numbers {
            arguments.extend(["--phone-number-id".to_owned(), phone_number_id(index)]);
        }
        let log = log_file("meta");
        let serving =
            program.listen(&arguments, &log).unwrap_or_else(|code| panic!("the simulator ended with {code:?}"));
        // Tests have a runtime each: a connection that one of them made is no use to another.
        let http = http().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        Self { base: serving.base.clone(), log, http, _serving: serving, _folder: folder }
    }

    /// GETs a path below `/control/`.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}/control/{path}", self.base)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// POSTs to a path below `/control/`; what it answered with 200.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.http.post(format!("{}/control/{path}", self.base)).json(&body).send().await.unwrap();
        let (status, told) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{path}: {body}: {told}");
        serde_json::from_str(&told).unwrap()
    }

    /// Changes some of its settings.
    pub async fn set(&self, settings: Value) {
        self.post("settings/", settings).await;
    }

    /// What it noted of a kind, oldest first.
    pub async fn transcript(&self, kind: &str) -> Vec<Value> {
        let told = self.get(&format!("transcript/?kind={kind}")).await;
        told["entries"].as_array().unwrap().clone()
    }

    /// Waits until nothing is left to be told: what was posted was answered with 200.
    pub async fn has_told(&self) {
        until("the simulator has told everything", async || {
            (self.get("").await["waiting_to_be_told"] == 0).then_some(())
        })
        .await;
    }
}

/// A running server whose guests write by WhatsApp, and what plays Meta for it.
pub struct Whatsapp {
    /// The server.
    pub world: Arc<crate::World>,
    /// What plays Meta.
    pub meta: Arc<Meta>,
    ahead: AtomicI64,
    next: AtomicUsize,
}

impl Whatsapp {
    /// The one that tests share, started by the first of them.
    pub fn shared(backend: Backend) -> Arc<Self> {
        static SHARED: [OnceLock<Arc<Whatsapp>>; 2] = [OnceLock::new(), OnceLock::new()];
        SHARED[backend as usize].get_or_init(|| Self::start(backend, Options::default().hotels(SHARED_LINES))).clone()
    }

    /// Starts both; a number for each hotel.
    pub fn start(backend: Backend, options: Options) -> Arc<Self> {
        let it = Self::prepare(backend, options);
        it.serve();
        it
    }

    /// Starts the simulator, and fills a new database; no server yet.
    pub fn prepare(backend: Backend, mut options: Options) -> Arc<Self> {
        let meta = Arc::new(Meta::start(options.hotels.max(1)));
        let mut settings: Vec<(String, String)> =
            secrets().iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        settings.push(("WHATSAPP_API_URL".to_owned(), meta.base.clone()));
        // What a test sets itself comes last, and counts.
        settings.append(&mut options.settings);
        options.settings = settings;
        let world = crate::World::prepare(backend, options);
        Arc::new(Self { world, meta, ahead: AtomicI64::default(), next: AtomicUsize::default() })
    }

    /// Starts the server, and tells the simulator where it is.
    pub fn serve(&self) {
        self.world.serve();
        let callback = json!({ "callback": format!("{}{WEBHOOK}", self.world.base()) });
        let meta = self.meta.clone();
        // Whoever calls may be within a runtime already.
        std::thread::spawn(move || runtime().block_on(meta.set(callback))).join().unwrap();
    }

    /// The next hotel that no test has had yet, which guests reach by WhatsApp.
    pub fn line(&self) -> Line {
        let hotel = self.world.hotel();
        let number = phone_number_id(self.next.fetch_add(1, Ordering::Relaxed));
        let set = ["hotel", "set", &hotel.id.to_string(), "--whatsapp-phone-number-id", &number];
        self.world.run(&set).json();
        Line { hotel, meta: self.meta.clone(), number }
    }

    /// Puts both clocks forward.
    pub async fn advance(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
        self.world.advance(seconds);
        self.meta.post("clock/", json!({ "advance_seconds": seconds })).await;
    }

    /// The time by both clocks, in Unix seconds.
    pub fn now(&self) -> i64 {
        chrono::Utc::now().timestamp() + self.ahead.load(Ordering::Relaxed)
    }
}

/// A hotel that guests reach by WhatsApp.
#[derive(Clone)]
pub struct Line {
    /// The hotel.
    pub hotel: Hotel,
    /// What plays Meta.
    pub meta: Arc<Meta>,
    /// Its phone number id.
    pub number: String,
}

impl Deref for Line {
    type Target = Hotel;

    fn deref(&self) -> &Hotel {
        &self.hotel
    }
}

impl Line {
    /// Has the simulator post what a guest writes to this hotel; the ids of the messages. `what` is what its
    /// `guest/` takes.
    pub async fn guest(&self, mut what: Value) -> Vec<String> {
        what["to"] = self.number.as_str().into();
        let told = self.meta.post("guest/", what).await;
        told["ids"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
    }

    /// What the simulator noted of a kind about this hotel's number.
    pub async fn transcript(&self, kind: &str) -> Vec<Value> {
        let all = self.meta.transcript(kind).await;
        all.into_iter().filter(|it| it["phone_number_id"] == self.number.as_str()).collect()
    }

    /// Has a guest write a text, from a number without `+`; its id. It is stored when this returns.
    pub async fn says(&self, from: &str, words: &str) -> String {
        let message = text(from, words);
        self.brings(std::slice::from_ref(&message)).await;
        message["id"].as_str().unwrap().to_owned()
    }

    /// Posts messages to this hotel in one body, which is answered with 200.
    pub async fn brings(&self, messages: &[Value]) {
        self.post(&self.body(messages)).await.is(200);
    }

    /// A body with messages to this hotel; each sender has a profile.
    pub fn body(&self, messages: &[Value]) -> Value {
        envelope(vec![self.change(messages)])
    }

    /// A body with what became of messages of this hotel.
    pub fn report(&self, statuses: &[Value]) -> Value {
        envelope(vec![change(&self.number, json!({ "statuses": statuses }))])
    }

    /// A change with messages to this hotel; each sender has a profile.
    pub fn change(&self, messages: &[Value]) -> Value {
        let senders = messages.iter().filter(|it| it["type"] != "system");
        let contacts: Vec<Value> = senders.filter_map(profile).collect();
        change(&self.number, json!({ "contacts": contacts, "messages": messages }))
    }

    /// Posts a body, signed as Meta does.
    pub async fn post(&self, body: &Value) -> Answer {
        self.post_bytes(body.to_string().into_bytes()).await
    }

    /// Posts bytes, signed as Meta does.
    pub async fn post_bytes(&self, body: Vec<u8>) -> Answer {
        let signature = signature(APP_SECRET, &body);
        self.nobody().with("x-hub-signature-256", &signature).send("POST", WEBHOOK, Some(body)).await
    }

    /// Waits until something is there; what.
    pub async fn until<T>(&self, what: &str, found: impl AsyncFnMut() -> Option<T>) -> T {
        until(what, found).await
    }

    /// The conversation that a guest without a stay has, as the manager sees it, found by name or number.
    pub async fn conversation(&self, search: &str) -> Value {
        let found = self.manager().await.get(format!("conversations/?search={search}&status={ANY}")).await.is(200);
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

/// Every status.
const ANY: &str = "demo,checkin,active,relay,closed";

/// Waits until something is there; what.
async fn until<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found().await {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The value of `X-Hub-Signature-256`.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body).finalize();
    let hex: String = mac.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// A text of a guest, written now, with an id of its own.
pub fn text(from: &str, words: &str) -> Value {
    message(from, json!({ "type": "text", "text": { "body": words } }))
}

/// A message of a guest, written now, with an id of its own, unless `what` says otherwise; null takes a part away.
pub fn message(from: &str, what: Value) -> Value {
    let mut message = json!({
        "from": from,
        "id": format!("wamid.{}", unique("test")),
        "timestamp": chrono::Utc::now().timestamp().to_string(),
    });
    for (name, value) in what.as_object().unwrap() {
        if value.is_null() {
            message.as_object_mut().unwrap().remove(name);
        } else {
            message[name] = value.clone();
        }
    }
    message
}

/// A change of a phone number id's messages.
pub fn change(number: &str, value: Value) -> Value {
    let mut all = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "442079460000", "phone_number_id": number },
    });
    all.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
    json!({ "field": "messages", "value": all })
}

/// A body with such changes.
pub fn envelope(changes: Vec<Value>) -> Value {
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": ACCOUNT, "changes": changes }] })
}

/// The element of `contacts` that goes with a message.
fn profile(message: &Value) -> Option<Value> {
    let mut profile = json!({ "profile": { "name": "Ada Guest" } });
    for (ours, theirs) in [("from", "wa_id"), ("from_user_id", "user_id")] {
        if let Some(id) = message.get(ours) {
            profile[theirs] = id.clone();
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

/// The phone number id of the hotel with an index.
fn phone_number_id(index: usize) -> String {
    format!("{}", 105_000_000_000_001_u64 + index as u64)
}
