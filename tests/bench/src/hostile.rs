//! Hostile clients of all kinds at the same time, in a process of their own that attacks one server.
//!
//! It reads a [`HostileJob`] from the first line of standard input and prints `ready` when all clients have started. After the next
//! line it prints its [`HostileCounts`]. All clients have a fixed rate, because they share two cores with the server.

use std::{
    cell::Cell,
    io,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpSocket, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    runtime,
    task::{LocalSet, spawn_local},
    time::{Interval, MissedTickBehavior, interval, sleep},
};

use crate::{
    BenchResult,
    load::{
        LoadSocket,
        frames::{self, FrameKind},
        open, print_line,
    },
    site::MAX_SOCKETS_PER_STAFF,
};

/// Connections that send a part of an upgrade request, or nothing. Fewer if the limit of open files is lower: the server needs two
/// files for each.
const HALF_OPEN: usize = 10_000;
/// Files for all other connections.
const RESERVED_FILES: usize = 1_500;
/// Sockets that do not read, all subscribed to the busy stay.
const STUCK: usize = 16;
/// Sockets that send commands far above their rate limit: one half to the busy stay, the other half invalid ones.
const FLOODS: usize = 8;
/// Connections that send a request head, and sockets that send a frame, at one byte per second.
const SLOW: usize = 100;
/// Webhook posts with invalid signatures whose bodies stop after [`STALLED_BYTES`]: together more than the server's limit for
/// bodies. Each is sent in parts and then waits until the server closes.
const STALLED: usize = 100;
const STALLED_BYTES: usize = 7 * STALLED_PART * 16;
const STALLED_PART: usize = 32 * 1024;
const STALLED_INTERVAL: Duration = Duration::from_millis(100);
/// Connections that send the body of a sign-in at one byte per second.
const SLOW_BODIES: usize = 100;
/// Connections with requests without a token; every fifth is a sign-in.
const UNSIGNED: usize = 8;
/// Staff members whose tokens are used: one for stuck sockets, one for floods, the others for slow sockets.
pub const STAFF: usize = 2 + SLOW.div_ceil(MAX_SOCKETS_PER_STAFF);

/// Commands of a flood at a time. Together 500 per second, ten times the limit.
const FLOOD_BURST: usize = 5;
const FLOOD_INTERVAL: Duration = Duration::from_millis(10);
/// For each connection; together they send 500 per second.
const UNSIGNED_INTERVAL: Duration = Duration::from_millis(2 * UNSIGNED as u64);
/// Between two bytes of a slow client.
const BYTE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a stuck socket stays: longer than the server needs to detect it and close it.
const STUCK_DURATION: Duration = Duration::from_secs(20);
/// Before a closed client connects again.
const RECONNECT_DELAY: Duration = Duration::from_millis(100);
/// Until all clients have started and the first heads have timed out.
const START_DURATION: Duration = Duration::from_secs(12);

#[derive(Serialize, Deserialize)]
pub struct HostileJob {
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// The access tokens of [`STAFF`] staff members.
    pub tokens: Vec<String>,
    /// The busy stay.
    pub stay: i64,
}

/// Counters of everything that the clients did.
#[derive(Default, Serialize, Deserialize)]
pub struct HostileCounts {
    pub seconds: Cell<f64>,
    /// Half-open connections: current, maximum and total.
    half_open: Cell<u64>,
    pub most_half_open: Cell<u64>,
    pub half_opened: Cell<u64>,
    /// Bytes sent singly.
    pub dripped: Cell<u64>,
    /// Commands of the floods, refused commands, and closed sockets.
    pub commands: Cell<u64>,
    pub refused: Cell<u64>,
    pub closed: Cell<u64>,
    /// Requests without a token.
    pub requests: Cell<u64>,
    /// Bytes of stalled bodies, and stalled bodies that the server closed.
    pub stalled: Cell<u64>,
    pub given_up: Cell<u64>,
}

struct HostileClients {
    job: HostileJob,
    done: HostileCounts,
}

/// Attacks until a line or the end of standard input. Fails only at the start.
pub fn run() -> BenchResult<()> {
    let files = usize::try_from(rlimit::increase_nofile_limit(u64::MAX)?)?;
    let half_open = HALF_OPEN.min((files / 2).saturating_sub(RESERVED_FILES));
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        let job = serde_json::from_str(&lines.next_line().await?.ok_or("no job")?)?;
        let (hostile, began) = (Rc::new(HostileClients { job, done: HostileCounts::default() }), Instant::now());
        hostile.repeat(half_open, self::half_open);
        hostile.repeat(SLOW, slow_head);
        hostile.repeat(SLOW, slow_frame);
        hostile.repeat(SLOW_BODIES, slow_body);
        hostile.repeat(STALLED, stalled_body);
        hostile.repeat(STUCK, stuck);
        hostile.repeat(FLOODS, flood);
        hostile.repeat(UNSIGNED, unsigned);
        sleep(START_DURATION).await;
        print_line("ready")?;
        lines.next_line().await?;
        hostile.done.seconds.set(began.elapsed().as_secs_f64());
        Ok(print_line(&serde_json::to_string(&hostile.done)?)?)
    })
}

impl HostileClients {
    /// Runs this number of clients, each repeatedly. They start a millisecond apart, so that they spread evenly.
    fn repeat<F>(self: &Rc<Self>, count: usize, attack: impl Fn(Rc<Self>, usize) -> F + Copy + 'static)
    where
        F: Future<Output = BenchResult<()>> + 'static,
    {
        for n in 0..count {
            let hostile = self.clone();
            spawn_local(async move {
                sleep(Duration::from_millis(n as u64)).await;
                loop {
                    // Errors are expected: the server refuses and closes.
                    let _ = attack(hostile.clone(), n).await;
                    sleep(RECONNECT_DELAY).await;
                }
            });
        }
    }

    /// Connects from one of eight addresses, because one has too few ports.
    async fn connect(&self, n: usize) -> BenchResult<TcpStream> {
        let (socket, from) = (TcpSocket::new_v4()?, Ipv4Addr::new(127, 0, 0, 2 + (n % 8) as u8));
        socket.bind((from, 0).into())?;
        Ok(socket.connect(self.job.address.parse::<SocketAddr>()?).await?)
    }

    /// Opens a socket with one of the tokens.
    async fn open_socket(&self, token: usize, is_subscribed: bool) -> BenchResult<TcpStream> {
        open(&self.job.address, &self.job.tokens[token], LoadSocket { token, stay: self.job.stay, is_subscribed }).await
    }
}

async fn half_open(hostile: Rc<HostileClients>, n: usize) -> BenchResult<()> {
    let parts =
        ["", "GET /ws/staff/ HTT", "GET /ws/staff/ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upg"];
    let mut stream = hostile.connect(n).await?;
    let done = &hostile.done;
    add(&done.half_opened, 1);
    add(&done.half_open, 1);
    done.most_half_open.set(done.most_half_open.get().max(done.half_open.get()));
    let closed = send_and_wait(&mut stream, parts[n % parts.len()]).await;
    done.half_open.set(done.half_open.get() - 1);
    Ok(closed?)
}

/// Sends a part of a request and waits until the server closes.
async fn send_and_wait(stream: &mut TcpStream, part: &str) -> io::Result<()> {
    stream.write_all(part.as_bytes()).await?;
    while stream.read(&mut [0; 256]).await? > 0 {}
    Ok(())
}

async fn slow_head(hostile: Rc<HostileClients>, n: usize) -> BenchResult<()> {
    let mut stream = hostile.connect(n).await?;
    send_slowly(&hostile, &mut stream, b"GET /api/message_manager/conversations/ HTTP/1.1\r\nHost: a\r\n").await
}

async fn slow_frame(hostile: Rc<HostileClients>, n: usize) -> BenchResult<()> {
    let mut socket = hostile.open_socket(2 + n / MAX_SOCKETS_PER_STAFF, false).await?;
    send_slowly(&hostile, &mut socket, &frames::masked(FrameKind::Text, &[b' '; 4_000])).await
}

async fn slow_body(hostile: Rc<HostileClients>, n: usize) -> BenchResult<()> {
    let mut stream = hostile.connect(n).await?;
    stream.write_all(b"POST /api/auth/login/ HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n").await?;
    send_slowly(&hostile, &mut stream, &[b' '; 4_000]).await
}

async fn stalled_body(hostile: Rc<HostileClients>, n: usize) -> BenchResult<()> {
    let mut stream = hostile.connect(n).await?;
    let (signature, length) = ("0".repeat(64), STALLED_BYTES + 1);
    let head = format!(
        "POST /webhooks/whatsapp/ HTTP/1.1\r\nHost: a\r\nX-Hub-Signature-256: sha256={signature}\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut times = ticks_every(STALLED_INTERVAL);
    for _ in 0..STALLED_BYTES / STALLED_PART {
        times.tick().await;
        stream.write_all(&[b' '; STALLED_PART]).await?;
        add(&hostile.done.stalled, STALLED_PART as u64);
    }
    while stream.read(&mut [0; 1024]).await? > 0 {}
    add(&hostile.done.given_up, 1);
    Ok(())
}

async fn send_slowly(hostile: &HostileClients, stream: &mut TcpStream, bytes: &[u8]) -> BenchResult<()> {
    for byte in bytes {
        stream.write_u8(*byte).await?;
        add(&hostile.done.dripped, 1);
        sleep(BYTE_INTERVAL).await;
    }
    Ok(())
}

async fn stuck(hostile: Rc<HostileClients>, _: usize) -> BenchResult<()> {
    let _unread = hostile.open_socket(0, true).await?;
    sleep(STUCK_DURATION).await;
    Ok(())
}

async fn flood(hostile: Rc<HostileClients>, n: usize) -> BenchResult<()> {
    let command = if n.is_multiple_of(2) {
        format!(r#"{{"command":"send_message","stay_id":{},"text":"{}"}}"#, hostile.job.stay, "flood ".repeat(30))
    } else {
        r#"{"command":"nonsense"}"#.to_owned()
    };
    let some = frames::masked(FrameKind::Text, command.as_bytes()).repeat(FLOOD_BURST);
    let mut socket = hostile.open_socket(1, false).await?;
    let (reads, writes) = socket.split();
    tokio::try_join!(send_flood(&hostile.done, writes, &some), read_refusals(&hostile.done, reads)).map(drop)
}

async fn send_flood(done: &HostileCounts, mut socket: WriteHalf<'_>, commands: &[u8]) -> BenchResult<()> {
    let mut times = ticks_every(FLOOD_INTERVAL);
    loop {
        times.tick().await;
        socket.write_all(commands).await?;
        add(&done.commands, FLOOD_BURST as u64);
    }
}

/// Counts refused commands until the server closes.
async fn read_refusals(done: &HostileCounts, mut socket: ReadHalf<'_>) -> BenchResult<()> {
    let (mut buffer, error) = (vec![0; 16 * 1024], br#"{"type":"error""#);
    // Close code 1008. These two bytes never follow each other in JSON.
    let close = &1008_u16.to_be_bytes();
    loop {
        let read = socket.read(&mut buffer).await.unwrap_or(0);
        if read == 0 || buffer[..read].windows(2).any(|it| it == close) {
            add(&done.closed, 1);
            return Err("closed".into());
        }
        add(&done.refused, buffer[..read].windows(error.len()).filter(|it| it == error).count() as u64);
    }
}

async fn unsigned(hostile: Rc<HostileClients>, n: usize) -> BenchResult<()> {
    let mut stream = hostile.connect(n).await?;
    let (mut times, mut response) = (ticks_every(UNSIGNED_INTERVAL), vec![0; 16 * 1024]);
    let body = r#"{"username":"nobody","password":"a guess, one of many"}"#;
    let sign_in = format!(
        "POST /api/auth/login/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let page = "GET /api/message_manager/conversations/ HTTP/1.1\r\nHost: a\r\n\r\n";
    for request in [page, page, page, page, &sign_in].into_iter().cycle() {
        times.tick().await;
        stream.write_all(request.as_bytes()).await?;
        add(&hostile.done.requests, 1);
        if stream.read(&mut response).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// An interval that does not catch up after a delay.
fn ticks_every(period: Duration) -> Interval {
    let mut times = interval(period);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    times
}

fn add(count: &Cell<u64>, more: u64) {
    count.set(count.get() + more);
}
