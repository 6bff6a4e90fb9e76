//! Asking over the WebSocket.

use std::{collections::VecDeque, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue},
    },
};

use crate::{Hotel, Staff, World, described, unique};

/// How long anything awaited may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// An upgrade that was refused.
#[derive(Debug)]
pub struct Refused {
    /// The status.
    pub status: u16,
    /// The problem.
    pub problem: Value,
    /// `Retry-After`.
    pub retry_after: Option<String>,
}

/// An open WebSocket.
pub struct Socket {
    /// What the server said first.
    pub welcome: Value,
    /// The subprotocol it chose.
    pub protocol: Option<String>,
    wire: WebSocketStream<TcpStream>,
    came: VecDeque<Value>,
    heartbeats: Vec<Value>,
    asked: u64,
    fenced: bool,
}

impl Socket {
    /// Opens one with the staff member's token.
    pub async fn open(staff: &Staff) -> Self {
        let bearer = format!("Bearer {}", staff.access);
        Self::try_open(&staff.world, &[("authorization", &bearer)]).await.expect("the upgrade was refused")
    }

    /// Opens one whose line holds little, for a reader who stops reading.
    pub async fn open_narrow(staff: &Staff) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(staff.world.address().parse().unwrap()).await.unwrap();
        let bearer = format!("Bearer {}", staff.access);
        Self::try_open_on(stream, &staff.world, &[("authorization", &bearer)]).await.expect("the upgrade was refused")
    }

    /// Opens one with these headers.
    ///
    /// # Errors
    /// The answer, where it is no upgrade.
    pub async fn try_open(world: &World, headers: &[(&str, &str)]) -> Result<Self, Refused> {
        let stream = TcpStream::connect(world.address()).await.unwrap();
        Self::try_open_on(stream, world, headers).await
    }

    /// Opens one on a connection that was made already.
    ///
    /// # Errors
    /// The answer, where it is no upgrade.
    pub async fn try_open_on(stream: TcpStream, world: &World, headers: &[(&str, &str)]) -> Result<Self, Refused> {
        let mut request = format!("ws://{}/ws/staff/", world.address()).into_client_request().unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
        }
        let (wire, answer) = match client_async(request, stream).await {
            Ok(open) => open,
            Err(Error::Http(answer)) => return Err(refused(&answer)),
            Err(error) => panic!("the upgrade failed: {error:?}"),
        };
        let protocol = answer.headers().get("sec-websocket-protocol").map(|it| it.to_str().unwrap().to_owned());
        let (came, heartbeats) = Default::default();
        let mut it = Self { welcome: Value::Null, protocol, wire, came, heartbeats, asked: 0, fenced: false };
        it.welcome = it.expect("welcome").await;
        Ok(it)
    }

    /// Sends JSON.
    pub async fn send(&mut self, command: Value) {
        self.send_raw(Message::text(command.to_string())).await;
    }

    /// Sends anything; whether the peer still takes it shows in what comes.
    pub async fn send_raw(&mut self, message: Message) {
        let _ = timeout(PATIENCE, self.wire.send(message)).await.expect("the server does not read");
    }

    /// The next event; heartbeats are put aside.
    pub async fn next(&mut self) -> Value {
        if let Some(event) = self.came.pop_front() {
            return event;
        }
        self.read().await.unwrap_or_else(|code| panic!("closed with {code} instead of an event"))
    }

    /// The next event, or the code that the socket was closed with.
    ///
    /// # Errors
    /// The code.
    pub async fn next_or_closed(&mut self) -> Result<Value, u16> {
        match self.came.pop_front() {
            Some(event) => Ok(event),
            None => self.read().await,
        }
    }

    /// The next event, being of this type.
    pub async fn expect(&mut self, word: &str) -> Value {
        let event = self.next().await;
        assert_eq!(event["type"], word, "{event}");
        event
    }

    /// The next event of this type; others before it are dropped.
    pub async fn skip_to(&mut self, word: &str) -> Value {
        loop {
            let event = self.next().await;
            if event["type"] == word {
                return event;
            }
        }
    }

    /// Sends a command with a `request_id`; its outcome. Events that come before it wait.
    pub async fn ask(&mut self, mut command: Value) -> Value {
        self.asked += 1;
        let request = format!("r{}", self.asked);
        command["request_id"] = request.clone().into();
        self.send(command).await;
        loop {
            let event = self.read().await.unwrap_or_else(|code| panic!("closed with {code} instead of an outcome"));
            if event["request_id"] == request.as_str() {
                return event;
            }
            self.came.push_back(event);
        }
    }

    /// Sends a command that is acknowledged; the `ack`.
    pub async fn ok(&mut self, command: Value) -> Value {
        let word = command["command"].clone();
        let ack = self.ask(command).await;
        assert_eq!((&ack["type"], &ack["command"]), (&"ack".into(), &word), "{ack}");
        ack
    }

    /// Sends a command that is refused with this code; the `error`.
    pub async fn refused(&mut self, command: Value, code: &str) -> Value {
        let word = command["command"].clone();
        let error = self.ask(command).await;
        assert_eq!((&error["type"], &error["code"]), (&"error".into(), &code.into()), "{error}");
        assert!(error["detail"].as_str().is_some_and(|it| !it.is_empty()), "{error}");
        if word.is_string() {
            assert_eq!(error["command"], word, "{error}");
        }
        error
    }

    /// Subscribes to a stay; the `ack`.
    pub async fn subscribe(&mut self, stay: i64) -> Value {
        self.ok(json!({ "command": "subscribe_to_conversation", "stay_id": stay })).await
    }

    /// Subscribes to the inbox; the `ack`.
    pub async fn subscribe_to_inbox(&mut self) -> Value {
        self.ok(json!({ "command": "subscribe_to_inbox" })).await
    }

    /// Resumes; the events replayed, and `resumed` (or `resync_required`).
    pub async fn resume(&mut self, mut what: Value) -> (Vec<Value>, Value) {
        what["command"] = "resume".into();
        self.send(what).await;
        let mut replayed = Vec::new();
        loop {
            let event = self.next().await;
            match event["type"].as_str() {
                Some("resumed" | "resync_required") => return (replayed, event),
                Some("error") => panic!("resume was refused: {event}"),
                _ => replayed.push(event),
            }
        }
    }

    /// Everything that has come, and everything that is still to come of what has happened:
    /// a note in the hotel's fence comes after all of it, since events come in one order.
    pub async fn so_far(&mut self, hotel: &Hotel) -> Vec<Value> {
        let fence = hotel.fence();
        if !self.fenced {
            self.subscribe(fence.id).await;
            self.fenced = true;
        }
        let words = unique("fence");
        let path = format!("conversations/{}/notes/", fence.conversation);
        hotel.manager().await.post(path, json!({ "text": words })).await.is(201);
        let mut all = Vec::new();
        loop {
            let event = self.next().await;
            if event["type"] == "new_note" && event["content"] == words.as_str() {
                return all;
            }
            // An inbox tells of the fence too.
            let of_fence =
                event["conversation_id"] == fence.conversation || event["conversation"]["id"] == fence.conversation;
            if !of_fence {
                all.push(event);
            }
        }
    }

    /// Fails if anything has come, or is still to come of what has happened.
    pub async fn nothing(&mut self, hotel: &Hotel) {
        let came = self.so_far(hotel).await;
        assert!(came.is_empty(), "{came:?}");
    }

    /// Answers a ping: the server has read all that was sent before.
    pub async fn ping(&mut self) {
        let pong = self.ask(json!({ "command": "ping" })).await;
        assert_eq!(pong["type"], "pong");
    }

    /// The code the server closes with; what comes before is kept.
    pub async fn closed(&mut self) -> u16 {
        self.closed_within(PATIENCE).await
    }

    /// The same, waiting longer.
    pub async fn closed_within(&mut self, patience: Duration) -> u16 {
        let waiting = async {
            loop {
                match self.read_without_limit().await {
                    Ok(event) => self.came.push_back(event),
                    Err(code) => return code,
                }
            }
        };
        timeout(patience, waiting).await.expect("it is not closed")
    }

    /// Whether the server ends the line, having closed.
    pub async fn ends_within(&mut self, patience: Duration) -> bool {
        // Reading on sends the answer to the close as well.
        let ended = async { while let Some(Ok(_)) = self.wire.next().await {} };
        timeout(patience, ended).await.is_ok()
    }

    /// What the next pong says; events that come before it wait.
    pub async fn pong(&mut self) -> Vec<u8> {
        let waiting = async {
            loop {
                match self.wire.next().await {
                    Some(Ok(Message::Pong(said))) => return said.to_vec(),
                    Some(Ok(Message::Text(text))) => self.came.push_back(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Ping(_))) => {}
                    other => panic!("{other:?} instead of a pong"),
                }
            }
        };
        timeout(PATIENCE, waiting).await.expect("no pong")
    }

    /// The next heartbeat, which may take its time.
    pub async fn heartbeat(&mut self, patience: Duration) -> Value {
        let waiting = async {
            while self.heartbeats.is_empty() {
                let event = self.read_anything().await.expect("closed instead of a heartbeat");
                self.put_aside(event);
            }
            self.heartbeats.remove(0)
        };
        timeout(patience, waiting).await.expect("no heartbeat")
    }

    /// What has come already and was not looked at.
    pub fn waiting(&mut self) -> Vec<Value> {
        self.came.drain(..).collect()
    }

    /// Sends a frame that the library would not make: its first byte, and its payload, masked with
    /// zeros.
    pub async fn send_frame(&mut self, first: u8, payload: &[u8]) {
        let mut frame = head_of_frame(first, payload.len() as u64);
        frame.extend_from_slice(payload);
        self.send_bytes(&frame).await;
    }

    /// Sends bytes as they are. The server may have closed already: what it said counts.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = timeout(PATIENCE, self.stream().write_all(bytes)).await.expect("the server does not read");
    }

    /// The connection beneath, for what breaks the rules.
    pub fn stream(&mut self) -> &mut TcpStream {
        self.wire.get_mut()
    }

    async fn read(&mut self) -> Result<Value, u16> {
        timeout(PATIENCE, self.read_without_limit()).await.expect("nothing came")
    }

    /// The next event, or the code of the close; 1006 where the line just ended.
    async fn read_without_limit(&mut self) -> Result<Value, u16> {
        loop {
            let event = self.read_anything().await?;
            if event["type"] != "heartbeat" {
                return Ok(event);
            }
            self.put_aside(event);
        }
    }

    fn put_aside(&mut self, event: Value) {
        if event["type"] == "heartbeat" {
            self.heartbeats.push(event);
        } else {
            self.came.push_back(event);
        }
    }

    /// The same, a heartbeat being an event.
    async fn read_anything(&mut self) -> Result<Value, u16> {
        loop {
            match self.wire.next().await {
                Some(Ok(Message::Text(text))) => {
                    let event: Value = serde_json::from_str(&text).expect("an event that is no JSON");
                    described::check_event(&event);
                    return Ok(event);
                }
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(Message::Binary(_))) => panic!("a binary message"),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }
}

/// The head of a frame, masked with zeros, which leave the payload as it is.
pub fn head_of_frame(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..126 => head.push(0x80 | length as u8),
        126..0x1_0000 => {
            head.push(0x80 | 126);
            head.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend_from_slice(&length.to_be_bytes());
        }
    }
    head.extend_from_slice(&[0; 4]);
    head
}

fn refused(answer: &tokio_tungstenite::tungstenite::http::Response<Option<Vec<u8>>>) -> Refused {
    let body = answer.body().as_deref().unwrap_or_default();
    let header = |name| answer.headers().get(name).map(|it: &HeaderValue| it.to_str().unwrap().to_owned());
    assert!(header("x-request-id").is_some(), "no X-Request-Id: {answer:?}");
    assert_eq!(header("content-type").as_deref(), Some("application/problem+json"), "{answer:?}");
    Refused {
        status: answer.status().as_u16(),
        problem: serde_json::from_slice(body).expect("a refusal that is no JSON"),
        retry_after: header("retry-after"),
    }
}
