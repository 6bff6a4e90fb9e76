//! Sending and receiving over WebSockets.
//!
//! Messages are told apart by a number at the beginning of their text. A round keeps some under
//! way, or sends at a pace; the receipts drive it, so nothing polls.

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
    Pace, Report, Round,
    frames::{self, Kind},
};
use crate::Outcome;

/// What every message says after its number: as long as such messages are.
const TEXT: &str = "Of course. Two more towels and a second pillow are on their way; \
                    is there anything else that we can do for you tonight?";
/// How long what is under way at the end of a round may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Sockets that are opened at once.
const AT_ONCE: usize = 32;

/// Which sockets to open.
#[derive(Serialize, Deserialize)]
pub struct Seats {
    /// The servers, each `127.0.0.1:PORT`; the seats are dealt out to them in runs of equal length.
    pub addresses: Vec<String>,
    /// The access tokens that they use.
    pub tokens: Vec<String>,
    /// The sockets.
    pub seats: Vec<Seat>,
    /// How many of them send, the first ones, in turns.
    pub senders: usize,
}

/// A socket.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Seat {
    /// Whose token it has: a place in the list.
    pub token: usize,
    /// The stay whose conversation it speaks in.
    pub stay: i64,
    /// Whether it is subscribed to that.
    pub listens: bool,
}

pub struct Client {
    state: Rc<State>,
}

struct State {
    sockets: Vec<TcpStream>,
    seats: Vec<Seat>,
    senders: usize,
    /// How many listen to a stay.
    listeners: HashMap<i64, usize>,
    round: RefCell<Option<UnderWay>>,
    /// The sender that is next, and the number of its message.
    next: Cell<usize>,
    number: Cell<u64>,
    failure: RefCell<Option<String>>,
    changed: Notify,
}

/// A round that goes on.
struct UnderWay {
    pace: Pace,
    until: Instant,
    /// What is not over: when it was sent, and how many receipts it still needs.
    messages: HashMap<u64, (Instant, usize)>,
    /// How long those took that are over.
    times: Vec<u32>,
    deliveries: u64,
}

impl Client {
    pub async fn connect(job: Seats) -> Outcome<Self> {
        let mut sockets = Vec::with_capacity(job.seats.len());
        let run = job.seats.len().div_ceil(job.addresses.len());
        let places: Vec<_> = job.seats.iter().enumerate().map(|(n, seat)| (&job.addresses[n / run], seat)).collect();
        for places in places.chunks(AT_ONCE) {
            let opening: Vec<_> = places
                .iter()
                .map(|&(address, seat)| {
                    let (address, token, seat) = (address.clone(), job.tokens[seat.token].clone(), *seat);
                    spawn_local(async move { open(&address, &token, seat).await })
                })
                .collect();
            for socket in opening {
                sockets.push(socket.await??);
            }
        }
        let mut listeners = HashMap::new();
        for seat in job.seats.iter().filter(|seat| seat.listens) {
            *listeners.entry(seat.stay).or_insert(0) += 1;
        }
        let state = Rc::new(State {
            sockets,
            seats: job.seats,
            senders: job.senders,
            listeners,
            round: RefCell::default(),
            next: Cell::new(0),
            number: Cell::new(0),
            failure: RefCell::default(),
            changed: Notify::new(),
        });
        for place in 0..state.sockets.len() {
            let state = state.clone();
            spawn_local(async move {
                if let Err(error) = state.read(place).await {
                    state.fail(error.to_string());
                }
            });
        }
        Ok(Self { state })
    }

    pub async fn round(&self, round: Round) -> Outcome<Report> {
        let state = &self.state;
        let began = Instant::now();
        let until = began + Duration::from_secs_f64(round.seconds);
        let (messages, times) = Default::default();
        *state.round.borrow_mut() = Some(UnderWay { pace: round.pace, until, messages, times, deliveries: 0 });
        match round.pace {
            Pace::UntilAcknowledged(most) | Pace::UntilDelivered(most) => (0..most).try_for_each(|_| state.send())?,
            Pace::Every(a_second) => {
                let mut at = began;
                while at < until {
                    sleep_until(at.into()).await;
                    state.send()?;
                    at += Duration::from_secs_f64(1.0 / a_second);
                }
            }
        }
        sleep_until(until.into()).await;
        timeout(PATIENCE, state.all_over()).await.map_err(|_| state.left_over())??;
        let ended = state.round.borrow_mut().take().ok_or("no round")?;
        Ok(Report::of(ended.times, ended.deliveries, round.seconds))
    }
}

/// Opens a socket, and subscribes if it listens.
pub async fn open(address: &str, token: &str, seat: Seat) -> Outcome<TcpStream> {
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
    if seat.listens {
        subscribe(&mut stream, seat.stay).await?;
    }
    Ok(stream)
}

/// Subscribes, and reads up to the acknowledgement, behind which nothing follows before a message is
/// sent.
async fn subscribe(stream: &mut TcpStream, stay: i64) -> Outcome<()> {
    let command = format!(r#"{{"command":"subscribe_to_conversation","stay_id":{stay},"request_id":"subscribe"}}"#);
    stream.write_all(&frames::masked(Kind::Text, command.as_bytes())).await?;
    let mut bytes = Vec::new();
    loop {
        while let Some(frame) = frames::first(&bytes) {
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

impl State {
    /// Sends the next message from the next socket.
    fn send(&self) -> Outcome<()> {
        let (place, number) = (self.next.get(), self.number.get());
        self.next.set((place + 1) % self.senders);
        self.number.set(number + 1);
        let stay = self.seats[place].stay;
        if let Some(round) = self.round.borrow_mut().as_mut() {
            let needs = match round.pace {
                Pace::UntilAcknowledged(_) => 1,
                _ => self.listeners.get(&stay).copied().unwrap_or(0),
            };
            round.messages.insert(number, (Instant::now(), needs));
        }
        let command = format!(
            r#"{{"command":"send_message","stay_id":{stay},"text":"{number} {TEXT}","request_id":"{number}"}}"#
        );
        self.write(place, &frames::masked(Kind::Text, command.as_bytes()))
    }

    /// Writes a small frame, for which a socket that is read has always room.
    fn write(&self, place: usize, frame: &[u8]) -> Outcome<()> {
        let written = self.sockets[place].try_write(frame)?;
        if written == frame.len() { Ok(()) } else { Err("the server does not read".into()) }
    }

    /// Reads a socket to its end, which is not to come.
    async fn read(&self, place: usize) -> Outcome<()> {
        let socket = &self.sockets[place];
        // What has come of a frame that is not whole.
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
                        let taken = self.take(place, &buffer[..read])?;
                        rest.extend_from_slice(&buffer[taken..read]);
                    } else {
                        rest.extend_from_slice(&buffer[..read]);
                        let taken = self.take(place, &rest)?;
                        rest.drain(..taken);
                    }
                    Ok::<_, crate::Failure>(read)
                })?;
                // Less than would fit: there is no more for now.
                if read < BUFFER_SIZE {
                    break;
                }
            }
            if rest.is_empty() {
                rest = Vec::new();
            }
        }
    }

    /// Takes the whole frames off the bytes; how many bytes those are.
    fn take(&self, place: usize, bytes: &[u8]) -> Outcome<usize> {
        let mut at = 0;
        while let Some(frame) = frames::first(&bytes[at..]) {
            let payload = &bytes[at..][frame.payload.clone()];
            match frame.kind {
                Kind::Text => self.hear(payload)?,
                Kind::Ping => self.write(place, &frames::masked(Kind::Pong, payload))?,
                Kind::Pong => {}
                Kind::Close => return Err(format!("closed: {:?}", String::from_utf8_lossy(payload)).into()),
            }
            at += frame.payload.end;
        }
        Ok(at)
    }

    fn hear(&self, event: &[u8]) -> Outcome<()> {
        if event.starts_with(br#"{"type":"new_message""#) {
            self.receipt(number_after(event, br#""content":""#)?, Heard::Message)
        } else if event.starts_with(br#"{"type":"ack""#) {
            self.receipt(number_after(event, br#""request_id":""#)?, Heard::Ack)
        } else if event.starts_with(br#"{"type":"error""#) {
            Err(String::from_utf8_lossy(event).into_owned().into())
        } else {
            Ok(())
        }
    }

    fn receipt(&self, number: u64, heard: Heard) -> Outcome<()> {
        let now = Instant::now();
        {
            let mut round = self.round.borrow_mut();
            let Some(round) = round.as_mut() else { return Ok(()) };
            let by_ack = matches!(round.pace, Pace::UntilAcknowledged(_));
            if heard == Heard::Message && now < round.until {
                round.deliveries += 1;
            }
            if by_ack != (heard == Heard::Ack) {
                return Ok(());
            }
            let Some(message) = round.messages.get_mut(&number) else { return Ok(()) };
            message.1 -= 1;
            if message.1 > 0 {
                return Ok(());
            }
            let took = now - message.0;
            round.messages.remove(&number);
            let paced = matches!(round.pace, Pace::Every(_));
            // At a pace all that was sent counts, however late it comes.
            if paced || now < round.until {
                round.times.push(u32::try_from(took.as_micros())?);
            }
            if paced || now >= round.until {
                self.changed.notify_waiters();
                return Ok(());
            }
        }
        self.send()
    }

    async fn all_over(&self) -> Outcome<()> {
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

    fn left_over(&self) -> String {
        let left = self.round.borrow().as_ref().map_or(0, |it| it.messages.len());
        format!("{left} messages did not come within {PATIENCE:?}")
    }

    fn fail(&self, failure: String) {
        self.failure.borrow_mut().get_or_insert(failure);
        self.changed.notify_waiters();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Message,
    Ack,
}

fn number_after(event: &[u8], key: &[u8]) -> Outcome<u64> {
    let at = event.windows(key.len()).position(|it| it == key).ok_or("an event without a number")? + key.len();
    let digits = event[at..].iter().take_while(|it| it.is_ascii_digit());
    Ok(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

const BUFFER_SIZE: usize = 64 * 1024;

thread_local! {
    /// One for all sockets: a frame is worked off where it lies.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_SIZE]);
}
