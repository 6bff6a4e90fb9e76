//! A WebSocket client that checks every event against the contract.

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

use crate::{StaffClient, TestHotel, TestWorld, described, unique};

/// For each expected frame.
const FRAME_TIMEOUT: Duration = Duration::from_secs(30);

/// The response to a WebSocket upgrade that was refused.
#[derive(Debug)]
pub struct UpgradeRefusal {
    pub status: u16,
    pub problem: Value,
    pub retry_after: Option<String>,
}

/// An open WebSocket.
pub struct TestSocket {
    /// The first event.
    pub welcome: Value,
    /// The subprotocol that the server chose.
    pub protocol: Option<String>,
    stream: WebSocketStream<TcpStream>,
    /// Received events that the test has not read.
    received: VecDeque<Value>,
    heartbeats: Vec<Value>,
    /// The number of the last `request_id`.
    last_request: u64,
    is_fence_subscribed: bool,
    /// Whether the test reads the events of [`SIDE_EVENTS`].
    reads_side_events: bool,
}

/// Events that many changes cause beside their own: only tests about them read them.
const SIDE_EVENTS: [&str; 3] = ["directory_updated", "stay_updated", "history_added"];

impl TestSocket {
    /// Opens a socket with the staff member's token.
    pub async fn open(staff: &StaffClient) -> Self {
        let bearer = format!("Bearer {}", staff.access);
        Self::try_open(&staff.world, &[("authorization", &bearer)]).await.expect("the upgrade was refused")
    }

    /// Opens a socket with a small receive buffer, for a client that stops reading.
    pub async fn open_narrow(staff: &StaffClient) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(staff.world.address().parse().unwrap()).await.unwrap();
        let bearer = format!("Bearer {}", staff.access);
        Self::try_open_on(stream, &staff.world, &[("authorization", &bearer)]).await.expect("the upgrade was refused")
    }

    /// Opens a socket with these headers. Fails if the upgrade is refused.
    pub async fn try_open(world: &TestWorld, headers: &[(&str, &str)]) -> Result<Self, UpgradeRefusal> {
        let stream = TcpStream::connect(world.address()).await.unwrap();
        Self::try_open_on(stream, world, headers).await
    }

    /// Opens a socket on an open connection. Fails if the upgrade is refused.
    pub async fn try_open_on(
        stream: TcpStream,
        world: &TestWorld,
        headers: &[(&str, &str)],
    ) -> Result<Self, UpgradeRefusal> {
        let mut request = format!("ws://{}/ws/staff/", world.address()).into_client_request().unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
        }
        let (stream, response) = match client_async(request, stream).await {
            Ok(open) => open,
            Err(Error::Http(response)) => return Err(read_refusal(&response)),
            Err(error) => panic!("the upgrade failed: {error:?}"),
        };
        let protocol = response.headers().get("sec-websocket-protocol").map(|it| it.to_str().unwrap().to_owned());
        let mut socket = Self {
            welcome: Value::Null,
            protocol,
            stream,
            received: VecDeque::new(),
            heartbeats: Vec::new(),
            last_request: 0,
            is_fence_subscribed: false,
            reads_side_events: false,
        };
        socket.welcome = socket.expect("welcome").await;
        Ok(socket)
    }

    /// Lets the test also read the events of directory, stays and history.
    pub fn with_side_events(mut self) -> Self {
        self.reads_side_events = true;
        self
    }

    /// Sends a command.
    pub async fn send(&mut self, command: Value) {
        self.send_raw(Message::text(command.to_string())).await;
    }

    /// Sends a frame. Errors are ignored: if the server has closed, the next read shows it.
    pub async fn send_raw(&mut self, message: Message) {
        let _ = timeout(FRAME_TIMEOUT, self.stream.send(message)).await.expect("the server does not read");
    }

    /// Returns the next event other than a heartbeat.
    pub async fn next(&mut self) -> Value {
        if let Some(event) = self.received.pop_front() {
            return event;
        }
        self.read().await.unwrap_or_else(|code| panic!("closed with {code} instead of an event"))
    }

    /// Returns the next event, or the close code as an error.
    pub async fn next_or_closed(&mut self) -> Result<Value, u16> {
        match self.received.pop_front() {
            Some(event) => Ok(event),
            None => self.read().await,
        }
    }

    /// Returns the next event. Fails if it has another type.
    pub async fn expect(&mut self, event_type: &str) -> Value {
        let event = self.next().await;
        assert_eq!(event["type"], event_type, "{event}");
        event
    }

    /// Returns the next event of this type and drops the events before it.
    pub async fn skip_to(&mut self, event_type: &str) -> Value {
        loop {
            let event = self.next().await;
            if event["type"] == event_type {
                return event;
            }
        }
    }

    /// Sends a command with a `request_id` and returns its `ack` or `error`. Events before it are kept.
    pub async fn ask(&mut self, mut command: Value) -> Value {
        self.last_request += 1;
        let request = format!("r{}", self.last_request);
        command["request_id"] = request.clone().into();
        self.send(command).await;
        loop {
            let event = self.read().await.unwrap_or_else(|code| panic!("closed with {code} instead of ack or error"));
            if event["request_id"] == request.as_str() {
                return event;
            }
            self.received.push_back(event);
        }
    }

    /// Sends a command and returns the `ack`. Fails if the command is refused.
    pub async fn ok(&mut self, command: Value) -> Value {
        let name = command["command"].clone();
        let ack = self.ask(command).await;
        assert_eq!((&ack["type"], &ack["command"]), (&"ack".into(), &name), "{ack}");
        ack
    }

    /// Sends a command and returns the `error`. Fails if the command is not refused with this code.
    pub async fn refused(&mut self, command: Value, code: &str) -> Value {
        let name = command["command"].clone();
        let error = self.ask(command).await;
        assert_eq!((&error["type"], &error["code"]), (&"error".into(), &code.into()), "{error}");
        assert!(error["detail"].as_str().is_some_and(|it| !it.is_empty()), "{error}");
        if name.is_string() {
            assert_eq!(error["command"], name, "{error}");
        }
        error
    }

    /// Subscribes to a stay and returns the `ack`.
    pub async fn subscribe(&mut self, stay: i64) -> Value {
        self.ok(json!({ "command": "subscribe_to_conversation", "stay_id": stay })).await
    }

    /// Subscribes to the inbox and returns the `ack`.
    pub async fn subscribe_to_inbox(&mut self) -> Value {
        self.ok(json!({ "command": "subscribe_to_inbox" })).await
    }

    /// Sends `resume` with these fields. Returns the replayed events, and `resumed` or `resync_required`.
    pub async fn resume(&mut self, mut command: Value) -> (Vec<Value>, Value) {
        command["command"] = "resume".into();
        self.send(command).await;
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

    /// Returns all events of changes before this call. A note in the hotel's fence marks their end, because a hotel's
    /// events arrive in order.
    pub async fn events_so_far(&mut self, hotel: &TestHotel) -> Vec<Value> {
        let fence = hotel.fence();
        if !self.is_fence_subscribed {
            self.subscribe(fence.id).await;
            self.is_fence_subscribed = true;
        }
        let text = unique("fence");
        let path = format!("conversations/{}/notes/", fence.conversation);
        hotel.manager().await.post(path, json!({ "text": text })).await.is(201);
        let mut events = Vec::new();
        loop {
            let event = self.next().await;
            if event["type"] == "new_note" && event["content"] == text.as_str() {
                return events;
            }
            // A subscribed inbox receives events of the fence as well.
            let is_of_fence =
                event["conversation_id"] == fence.conversation || event["conversation"]["id"] == fence.conversation;
            if !is_of_fence {
                events.push(event);
            }
        }
    }

    /// Fails if a change before this call caused an event.
    pub async fn nothing(&mut self, hotel: &TestHotel) {
        let events = self.events_so_far(hotel).await;
        assert!(events.is_empty(), "{events:?}");
    }

    /// Sends `ping` and waits for `pong`: the server has then read all earlier frames.
    pub async fn ping(&mut self) {
        let pong = self.ask(json!({ "command": "ping" })).await;
        assert_eq!(pong["type"], "pong");
    }

    /// Waits for the close and returns its code. Events before it are kept.
    pub async fn closed(&mut self) -> u16 {
        self.closed_within(FRAME_TIMEOUT).await
    }

    /// Like `closed`, with another timeout.
    pub async fn closed_within(&mut self, limit: Duration) -> u16 {
        let waiting = async {
            loop {
                match self.read_without_limit().await {
                    Ok(event) => self.received.push_back(event),
                    Err(code) => return code,
                }
            }
        };
        timeout(limit, waiting).await.expect("the socket was not closed")
    }

    /// Returns `true` if the server ends the TCP connection in time.
    pub async fn ends_within(&mut self, limit: Duration) -> bool {
        // Reading also sends the response to a close frame.
        let ended = async { while let Some(Ok(_)) = self.stream.next().await {} };
        timeout(limit, ended).await.is_ok()
    }

    /// Returns the payload of the next pong frame. Events before it are kept.
    pub async fn pong(&mut self) -> Vec<u8> {
        let waiting = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Pong(payload))) => return payload.to_vec(),
                    Some(Ok(Message::Text(text))) => self.received.push_back(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Ping(_))) => {}
                    other => panic!("{other:?} instead of a pong"),
                }
            }
        };
        timeout(FRAME_TIMEOUT, waiting).await.expect("no pong")
    }

    /// Returns the next heartbeat. Events before it are kept.
    pub async fn heartbeat(&mut self, limit: Duration) -> Value {
        let waiting = async {
            while self.heartbeats.is_empty() {
                let event = self.read_event().await.expect("closed instead of a heartbeat");
                self.keep(event);
            }
            self.heartbeats.remove(0)
        };
        timeout(limit, waiting).await.expect("no heartbeat")
    }

    /// Removes and returns the events that were received and not read.
    pub fn waiting(&mut self) -> Vec<Value> {
        self.received.drain(..).collect()
    }

    /// Sends a frame that the library would not send, masked with zeros. `first` has its flags and opcode.
    pub async fn send_frame(&mut self, first: u8, payload: &[u8]) {
        let mut frame = head_of_frame(first, payload.len() as u64);
        frame.extend_from_slice(payload);
        self.send_bytes(&frame).await;
    }

    /// Sends raw bytes. Errors are ignored: if the server has closed, the next read shows it.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = timeout(FRAME_TIMEOUT, self.stream().write_all(bytes)).await.expect("the server does not read");
    }

    /// The TCP connection, for bytes that violate the protocol.
    pub fn stream(&mut self) -> &mut TcpStream {
        self.stream.get_mut()
    }

    async fn read(&mut self) -> Result<Value, u16> {
        timeout(FRAME_TIMEOUT, self.read_without_limit()).await.expect("no event arrived")
    }

    /// Returns the next event other than a heartbeat, or the close code as an error; 1006 if the connection ended without
    /// a close frame.
    async fn read_without_limit(&mut self) -> Result<Value, u16> {
        loop {
            let event = self.read_event().await?;
            let is_skipped =
                !self.reads_side_events && SIDE_EVENTS.contains(&event["type"].as_str().unwrap_or_default());
            if event["type"] == "heartbeat" {
                self.keep(event);
            } else if !is_skipped {
                return Ok(event);
            }
        }
    }

    fn keep(&mut self, event: Value) {
        if event["type"] == "heartbeat" {
            self.heartbeats.push(event);
        } else {
            self.received.push_back(event);
        }
    }

    /// Like `read_without_limit`, heartbeats included.
    async fn read_event(&mut self) -> Result<Value, u16> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let event: Value = serde_json::from_str(&text).expect("an event is no JSON");
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

/// The header of a client's frame. Its mask is zero, which leaves the payload unchanged.
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

fn read_refusal(response: &tokio_tungstenite::tungstenite::http::Response<Option<Vec<u8>>>) -> UpgradeRefusal {
    let body = response.body().as_deref().unwrap_or_default();
    let header = |name| response.headers().get(name).map(|it: &HeaderValue| it.to_str().unwrap().to_owned());
    assert!(header("x-request-id").is_some(), "no X-Request-Id: {response:?}");
    assert_eq!(header("content-type").as_deref(), Some("application/problem+json"), "{response:?}");
    UpgradeRefusal {
        status: response.status().as_u16(),
        problem: serde_json::from_slice(body).expect("a refusal is no JSON"),
        retry_after: header("retry-after"),
    }
}
