//! Sending and receiving over WebSockets.
//!
//! Messages are identified by a number at the beginning of their text. A round keeps a number of messages in flight or sends at a
//! fixed rate. Received events trigger the next send, so that nothing polls.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    task::spawn_local,
    time::{sleep_until, timeout},
};

use super::{
    LoadPace, Round, RoundReport,
    frames::{self, FrameKind},
};
use crate::BenchResult;

/// The text of every message after its number, of typical length.
const TEXT: &str = "Of course. Two more towels and a second pillow are on their way; \
                    is there anything else that we can do for you tonight?";
/// For messages that are in flight at the end of a round.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Sockets that are opened at the same time.
const MAX_OPENING: usize = 32;

#[derive(Serialize, Deserialize)]
pub struct SocketLoad {
    /// The nodes, each `127.0.0.1:PORT`. Each gets an equal, contiguous part of the sockets.
    pub addresses: Vec<String>,
    /// The access tokens of the sockets.
    pub tokens: Vec<String>,
    pub sockets: Vec<LoadSocket>,
    /// The first so many sockets send, in turns.
    pub senders: usize,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct LoadSocket {
    /// Index in the list of tokens.
    pub token: usize,
    /// The stay in whose conversation it sends.
    pub stay: i64,
    /// It is subscribed to the stay.
    pub is_subscribed: bool,
}

pub struct SocketPool {
    state: Rc<SocketPoolState>,
}

struct SocketPoolState {
    sockets: Vec<TcpStream>,
    specs: Vec<LoadSocket>,
    senders: usize,
    /// The number of subscribed sockets of each stay.
    subscribers: HashMap<i64, usize>,
    round: RefCell<Option<RunningRound>>,
    /// The index of the next sender.
    next_sender: Cell<usize>,
    next_number: Cell<u64>,
    failure: RefCell<Option<String>>,
    changed: Notify,
}

struct RunningRound {
    pace: LoadPace,
    until: Instant,
    /// Messages in flight: time of sending, and number of events that are still expected.
    messages: HashMap<u64, (Instant, usize)>,
    /// Latencies of complete messages in microseconds.
    times: Vec<u32>,
    deliveries: u64,
}

impl SocketPool {
    pub async fn connect(job: SocketLoad) -> BenchResult<Self> {
        let mut sockets = Vec::with_capacity(job.sockets.len());
        let run = job.sockets.len().div_ceil(job.addresses.len());
        let targets: Vec<_> = job.sockets.iter().enumerate().map(|(n, spec)| (&job.addresses[n / run], spec)).collect();
        for targets in targets.chunks(MAX_OPENING) {
            let opening: Vec<_> = targets
                .iter()
                .map(|&(address, spec)| {
                    let (address, token, spec) = (address.clone(), job.tokens[spec.token].clone(), *spec);
                    spawn_local(async move { open(&address, &token, spec).await })
                })
                .collect();
            for socket in opening {
                sockets.push(socket.await??);
            }
        }
        let mut subscribers = HashMap::new();
        for spec in job.sockets.iter().filter(|spec| spec.is_subscribed) {
            *subscribers.entry(spec.stay).or_insert(0) += 1;
        }
        let state = Rc::new(SocketPoolState {
            sockets,
            specs: job.sockets,
            senders: job.senders,
            subscribers,
            round: RefCell::default(),
            next_sender: Cell::new(0),
            next_number: Cell::new(0),
            failure: RefCell::default(),
            changed: Notify::new(),
        });
        for index in 0..state.sockets.len() {
            let state = state.clone();
            spawn_local(async move {
                if let Err(error) = state.read(index).await {
                    state.fail(error.to_string());
                }
            });
        }
        Ok(Self { state })
    }

    pub async fn round(&self, round: Round) -> BenchResult<RoundReport> {
        let state = &self.state;
        let began = Instant::now();
        let until = began + Duration::from_secs_f64(round.seconds);
        let (messages, times) = Default::default();
        *state.round.borrow_mut() = Some(RunningRound { pace: round.pace, until, messages, times, deliveries: 0 });
        match round.pace {
            LoadPace::AwaitAck(most) | LoadPace::AwaitDelivery(most) => (0..most).try_for_each(|_| state.send())?,
            LoadPace::PerSecond(a_second) => {
                let mut at = began;
                while at < until {
                    sleep_until(at.into()).await;
                    state.send()?;
                    at += Duration::from_secs_f64(1.0 / a_second);
                }
            }
        }
        sleep_until(until.into()).await;
        timeout(TIMEOUT, state.wait_until_complete()).await.map_err(|_| state.incomplete_error())??;
        let ended = state.round.borrow_mut().take().ok_or("no round")?;
        Ok(RoundReport::new(ended.times, ended.deliveries, round.seconds))
    }
}

/// Opens a socket and subscribes it if requested.
pub async fn open(address: &str, token: &str, spec: LoadSocket) -> BenchResult<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /ws/staff/ HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        return Err(format!("no upgrade: {}", String::from_utf8_lossy(&head)).into());
    }
    if spec.is_subscribed {
        subscribe(&mut stream, spec.stay).await?;
    }
    Ok(stream)
}

/// Subscribes and reads up to the ack. No event follows it before a message is sent.
async fn subscribe(stream: &mut TcpStream, stay: i64) -> BenchResult<()> {
    let command = format!(r#"{{"command":"subscribe_to_conversation","stay_id":{stay},"request_id":"subscribe"}}"#);
    stream.write_all(&frames::masked(FrameKind::Text, command.as_bytes())).await?;
    let mut bytes = Vec::new();
    loop {
        while let Some(frame) = frames::parse_first(&bytes) {
            let event = std::str::from_utf8(&bytes[frame.payload.clone()])?;
            if event.starts_with(r#"{"type":"ack""#) {
                return Ok(());
            }
            if !event.starts_with(r#"{"type":"welcome""#) {
                return Err(format!("no subscription: {event}").into());
            }
            bytes.drain(..frame.payload.end);
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err("closed instead of subscribed".into());
        }
    }
}

impl SocketPoolState {
    /// Sends the next message from the next sender.
    fn send(&self) -> BenchResult<()> {
        let (index, number) = (self.next_sender.get(), self.next_number.get());
        self.next_sender.set((index + 1) % self.senders);
        self.next_number.set(number + 1);
        let stay = self.specs[index].stay;
        if let Some(round) = self.round.borrow_mut().as_mut() {
            let needs = match round.pace {
                LoadPace::AwaitAck(_) => 1,
                _ => self.subscribers.get(&stay).copied().unwrap_or(0),
            };
            round.messages.insert(number, (Instant::now(), needs));
        }
        let command = format!(
            r#"{{"command":"send_message","stay_id":{stay},"text":"{number} {TEXT}","request_id":"{number}"}}"#
        );
        self.write(index, &frames::masked(FrameKind::Text, command.as_bytes()))
    }

    /// Writes a small frame. A socket that is read always has room for it.
    fn write(&self, index: usize, frame: &[u8]) -> BenchResult<()> {
        let written = self.sockets[index].try_write(frame)?;
        if written == frame.len() { Ok(()) } else { Err("the server does not read".into()) }
    }

    /// Reads a socket until it ends, which is an error.
    async fn read(&self, index: usize) -> BenchResult<()> {
        let socket = &self.sockets[index];
        // The bytes of an incomplete frame.
        let mut rest: Vec<u8> = Vec::new();
        loop {
            socket.readable().await?;
            loop {
                let read = BUFFER.with_borrow_mut(|buffer| {
                    let read = match socket.try_read(buffer) {
                        Ok(0) => return Err("the server closed the connection".into()),
                        Ok(read) => read,
                        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(0),
                        Err(error) => return Err(error.into()),
                    };
                    if rest.is_empty() {
                        let handled = self.handle_frames(index, &buffer[..read])?;
                        rest.extend_from_slice(&buffer[handled..read]);
                    } else {
                        rest.extend_from_slice(&buffer[..read]);
                        let handled = self.handle_frames(index, &rest)?;
                        rest.drain(..handled);
                    }
                    Ok::<_, crate::BenchError>(read)
                })?;
                // The buffer was not filled: nothing more is available.
                if read < BUFFER_SIZE {
                    break;
                }
            }
            if rest.is_empty() {
                rest = Vec::new();
            }
        }
    }

    /// Handles the complete frames. Returns their length in bytes.
    fn handle_frames(&self, index: usize, bytes: &[u8]) -> BenchResult<usize> {
        let mut at = 0;
        while let Some(frame) = frames::parse_first(&bytes[at..]) {
            let payload = &bytes[at..][frame.payload.clone()];
            match frame.kind {
                FrameKind::Text => self.handle_event(payload)?,
                FrameKind::Ping => self.write(index, &frames::masked(FrameKind::Pong, payload))?,
                FrameKind::Pong => {}
                FrameKind::Close => return Err(format!("closed: {:?}", String::from_utf8_lossy(payload)).into()),
            }
            at += frame.payload.end;
        }
        Ok(at)
    }

    fn handle_event(&self, event: &[u8]) -> BenchResult<()> {
        if event.starts_with(br#"{"type":"new_message""#) {
            self.record_receipt(number_after(event, br#""content":""#)?, ReceiptKind::Message)
        } else if event.starts_with(br#"{"type":"ack""#) {
            self.record_receipt(number_after(event, br#""request_id":""#)?, ReceiptKind::Ack)
        } else if event.starts_with(br#"{"type":"error""#) {
            Err(String::from_utf8_lossy(event).into_owned().into())
        } else {
            Ok(())
        }
    }

    fn record_receipt(&self, number: u64, kind: ReceiptKind) -> BenchResult<()> {
        let now = Instant::now();
        {
            let mut round = self.round.borrow_mut();
            let Some(round) = round.as_mut() else { return Ok(()) };
            let is_by_ack = matches!(round.pace, LoadPace::AwaitAck(_));
            if kind == ReceiptKind::Message && now < round.until {
                round.deliveries += 1;
            }
            if is_by_ack != (kind == ReceiptKind::Ack) {
                return Ok(());
            }
            let Some(message) = round.messages.get_mut(&number) else { return Ok(()) };
            message.1 -= 1;
            if message.1 > 0 {
                return Ok(());
            }
            let took = now - message.0;
            round.messages.remove(&number);
            let is_paced = matches!(round.pace, LoadPace::PerSecond(_));
            // At a fixed rate every message counts, even if it completes after the round.
            if is_paced || now < round.until {
                round.times.push(u32::try_from(took.as_micros())?);
            }
            if is_paced || now >= round.until {
                self.changed.notify_waiters();
                return Ok(());
            }
        }
        self.send()
    }

    async fn wait_until_complete(&self) -> BenchResult<()> {
        loop {
            let changed = self.changed.notified();
            if let Some(failure) = self.failure.borrow().as_ref() {
                return Err(failure.clone().into());
            }
            if self.round.borrow().as_ref().is_none_or(|it| it.messages.is_empty()) {
                return Ok(());
            }
            changed.await;
        }
    }

    fn incomplete_error(&self) -> String {
        let left = self.round.borrow().as_ref().map_or(0, |it| it.messages.len());
        format!("{left} messages did not come within {TIMEOUT:?}")
    }

    fn fail(&self, failure: String) {
        self.failure.borrow_mut().get_or_insert(failure);
        self.changed.notify_waiters();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ReceiptKind {
    Message,
    Ack,
}

fn number_after(event: &[u8], key: &[u8]) -> BenchResult<u64> {
    let at = event.windows(key.len()).position(|it| it == key).ok_or("an event without a number")? + key.len();
    let digits = event[at..].iter().take_while(|it| it.is_ascii_digit());
    Ok(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

const BUFFER_SIZE: usize = 64 * 1024;

thread_local! {
    /// Shared by all sockets: frames are handled in place.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_SIZE]);
}
