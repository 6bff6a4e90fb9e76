//! Two instances of [`Desk`] on one PostgreSQL database, as two nodes. Skipped without a PostgreSQL server.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    env,
    net::IpAddr,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use auth::{Caller, Password};
use chrono::TimeDelta;
use desk::{
    ConversationRef, DbUrl, Desk, KeyedWrite, Principal, SessionLifetimes, SystemClock, WriteOutcome,
    generate::{GeneratedHotel, GeneratedSizes},
    outbound::worker::OutboxWorker,
    reply::TextReply,
    sessions::RefreshCredential,
    sign_in::{ClientFacts, Credentials},
    stays::StayChange,
};
use domain::{MessageText, Name};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};
use whatsapp::CloudApiClient;

const PASSWORD: &str = "correct horse";

/// A test with one hotel, and two nodes that serve it.
struct TwoNodes {
    first: Desk,
    second: Desk,
    hotel: GeneratedHotel,
    manager: Caller,
}

impl TwoNodes {
    /// Returns `None` if there is no PostgreSQL server.
    async fn start(database: &str) -> Option<Self> {
        let url = create_database(database)?;
        let (first, second) = (open(&url).await, open(&url).await);
        let sizes = GeneratedSizes { hotels: 1, departments: 1, staff: 2, stays: 4, messages: 1 };
        let generated = first.generate(sizes, Password::parse(PASSWORD).unwrap()).await.unwrap();
        let hotel = generated.hotels.into_iter().next().unwrap();
        let manager = first.caller_of_token(&sign_in(&first, &hotel).await.access).unwrap();
        Some(Self { first, second, hotel, manager })
    }

    async fn reply(&self, stay: usize, text: &str) {
        let reply = TextReply {
            text: MessageText::parse(text).unwrap(),
            seen: None,
            hold: false,
            clears_draft: false,
            reply_to: None,
            client_ref: None,
        };
        let conversation = ConversationRef::Conversation(self.hotel.stays[stay].conversation_id);
        self.first.reply(self.manager, conversation, reply).await.unwrap();
    }
}

async fn open(url: &DbUrl) -> Desk {
    let lifetimes = SessionLifetimes { idle: TimeDelta::hours(12), max: TimeDelta::days(30) };
    Desk::open(url, &[7; 32], lifetimes, Arc::new(SystemClock), Arc::new(|_| {})).await.unwrap()
}

async fn sign_in(desk: &Desk, hotel: &GeneratedHotel) -> desk::sessions::SignInResult {
    let (username, password) = (hotel.staff[0].username.clone(), PASSWORD.to_owned());
    let client = ClientFacts { address: IpAddr::from([127, 0, 0, 1]), device: None, user_agent: None };
    desk.login(Credentials { username, password, remember: true, client }).await.unwrap()
}

/// Creates a database on the server of `MM_TEST_POSTGRES_URL` with `MM_TEST_PSQL`; `None` if there is none.
fn create_database(name: &str) -> Option<DbUrl> {
    let Ok(server) = env::var("MM_TEST_POSTGRES_URL") else {
        assert!(env::var("REQUIRE_ALL").as_deref() != Ok("1"), "MM_TEST_POSTGRES_URL is not set");
        println!("skipped: MM_TEST_POSTGRES_URL is not set (run it through tests/with-servers.sh)");
        return None;
    };
    let psql = env::var("MM_TEST_PSQL").unwrap();
    let name = format!("desk_{name}_{}", std::process::id());
    let created = Command::new(psql).args([&server, "-qc", &format!("create database {name}")]).status().unwrap();
    assert!(created.success(), "create database");
    Some(DbUrl::Postgres(format!("{}/{name}", server.rsplit_once('/').unwrap().0)))
}

/// A fake Cloud API that accepts every message, and records the bodies of the requests.
struct FakeWhatsApp {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FakeWhatsApp {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (recorded, ids) = (requests.clone(), Arc::new(AtomicUsize::new(0)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accept_message(stream, recorded.clone(), ids.clone()));
            }
        });
        Self { address, requests }
    }

    fn worker(&self, desk: &Desk) -> Arc<OutboxWorker> {
        let client = CloudApiClient::new(&self.address, "v25.0", "token").unwrap();
        OutboxWorker::new(desk.clone(), client, "digest".to_owned())
    }

    fn count(&self, text: &str) -> usize {
        self.requests.lock().unwrap().iter().filter(|body| body.contains(text)).count()
    }

    async fn wait_for(&self, text: &str) {
        for _ in 0..500 {
            if self.count(text) > 0 {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("{text} was not sent");
    }
}

/// Answers one request, and closes the connection.
async fn accept_message(mut stream: TcpStream, requests: Arc<Mutex<Vec<String>>>, ids: Arc<AtomicUsize>) {
    let mut received = Vec::new();
    let body = loop {
        if stream.read_buf(&mut received).await.unwrap() == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&received).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            break body.to_owned();
        }
    };
    requests.lock().unwrap().push(body);
    let response = format!(r#"{{"messages":[{{"id":"wamid.{}"}}]}}"#, ids.fetch_add(1, Relaxed));
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        response.len()
    );
    stream.write_all((head + &response).as_bytes()).await.unwrap();
}

#[tokio::test]
async fn another_node_takes_over_the_sender_lease_after_a_stop() {
    let Some(nodes) = TwoNodes::start("lease").await else { return };
    nodes.first.set_whatsapp(nodes.hotel.id, "1001".to_owned()).await.unwrap();
    let whatsapp = FakeWhatsApp::start().await;
    let (first, second) = (whatsapp.worker(&nodes.first), whatsapp.worker(&nodes.second));
    nodes.reply(0, "before the stop").await;
    first.clone().send_due().await.unwrap();
    whatsapp.wait_for("before the stop").await;

    nodes.reply(1, "after the stop").await;
    second.clone().send_due().await.unwrap();
    sleep(Duration::from_millis(200)).await;
    assert_eq!(whatsapp.count("after the stop"), 0, "sent without the lease");

    first.stop().await.unwrap();
    second.clone().send_due().await.unwrap();
    whatsapp.wait_for("after the stop").await;
    second.stop().await.unwrap();
}

#[tokio::test]
async fn two_nodes_send_each_message_once() {
    let Some(nodes) = TwoNodes::start("once").await else { return };
    nodes.first.set_whatsapp(nodes.hotel.id, "1002".to_owned()).await.unwrap();
    let whatsapp = FakeWhatsApp::start().await;
    let (first, second) = (whatsapp.worker(&nodes.first), whatsapp.worker(&nodes.second));
    let texts: Vec<String> = (0..12).map(|n| format!("message number {n}.")).collect();
    for (n, text) in texts.iter().enumerate() {
        nodes.reply(n % 4, text).await;
    }
    let (first_run, second_run) = (tokio::spawn(first.clone().run()), tokio::spawn(second.clone().run()));
    for text in &texts {
        whatsapp.wait_for(text).await;
    }
    first.stop().await.unwrap();
    second.stop().await.unwrap();
    first_run.await.unwrap();
    second_run.await.unwrap();
    for text in &texts {
        assert_eq!(whatsapp.count(text), 1, "{text}");
    }
}

#[tokio::test]
async fn two_nodes_answer_the_same_refresh_token_with_the_same_pair() {
    let Some(nodes) = TwoNodes::start("refresh").await else { return };
    let token = sign_in(&nodes.first, &nodes.hotel).await.refresh;
    let (first, second) = tokio::join!(
        nodes.first.refresh(RefreshCredential::Token(token.clone())),
        nodes.second.refresh(RefreshCredential::Token(token.clone())),
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_ne!(first.refresh, token);
    assert_eq!(first.refresh, second.refresh);
    assert!(nodes.second.refresh(RefreshCredential::Token(first.refresh)).await.is_ok());
}

#[tokio::test]
async fn concurrent_changes_of_a_stay_on_two_nodes_are_both_kept() {
    let Some(nodes) = TwoNodes::start("stay").await else { return };
    let stay = nodes.hotel.stays[0].id;
    for round in 0..5 {
        let (name, room) = (format!("Guest {round}"), format!("Room {round}"));
        let rename = StayChange { guest_name: Some(Name::parse(&name).unwrap()), ..StayChange::default() };
        let change_room = StayChange { room_number: Some(Name::parse(&room).ok()), ..StayChange::default() };
        let (renamed, moved) = tokio::join!(
            nodes.first.change_stay(nodes.manager, stay, rename, KeyedWrite::without_key()),
            nodes.second.change_stay(nodes.manager, stay, change_room, KeyedWrite::without_key()),
        );
        assert!(matches!(renamed.unwrap(), WriteOutcome::Performed(_)));
        assert!(matches!(moved.unwrap(), WriteOutcome::Performed(_)));
        let stored = nodes.first.stay(Principal::Staff(nodes.manager), stay).await.unwrap();
        let stored_room = stored.stay.room_number.as_ref().map(Name::as_str);
        assert_eq!((stored.stay.guest_name.as_str(), stored_room), (name.as_str(), Some(room.as_str())));
    }
}
