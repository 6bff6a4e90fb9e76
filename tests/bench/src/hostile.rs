//! Hostile clients, all at once: a process of its own that does its worst to one server.
//!
//! It reads a [`Job`] from the first line of standard input, says `ready` when all is under way, and answers the next
//! line with what it has [`Done`]. All of it is paced: it shares two cores with whom it attacks.

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
    Outcome,
    load::{
        Seat,
        frames::{self, Kind},
        open, say,
    },
    site::SOCKETS_OF_ONE,
};

/// Connections that send a part of an upgrade, or nothing; fewer where the limit of open files does not allow a
/// server so many, which needs two files for each.
const HALF_OPEN: usize = 10_000;
/// Connections of all others that the limit has to be enough for.
const OTHERS: usize = 1_500;
/// Sockets that stop reading, all subscribed to the busy stay.
const STUCK: usize = 16;
/// Sockets that send commands far beyond what they may: every other one sends to the busy stay, the others nonsense.
const FLOODS: usize = 8;
/// Connections that send a request's head a byte a second, and sockets that send a frame so.
const SLOW: usize = 100;
/// Posts to the webhook, with signatures of nobody, whose bodies come to [`STALLED_BYTES`] and then no further: more than
/// a server may hold of bodies. Each comes in parts, and then waits until the server gives it up.
const STALLED: usize = 100;
const STALLED_BYTES: usize = 7 * STALLED_PART * 16;
const STALLED_PART: usize = 32 * 1024;
const STALLED_EVERY: Duration = Duration::from_millis(100);
/// Connections that send a sign-in's body a byte a second.
const SLOW_BODIES: usize = 100;
/// Connections that ask without being signed in; every fifth request is a sign-in.
const UNSIGNED: usize = 8;
/// Whose tokens it needs: one for the stuck, one for the floods, the others for the slow.
pub const STAFF: usize = 2 + SLOW.div_ceil(SOCKETS_OF_ONE);

/// Commands of each flood, and how often: 500 a second, ten times as many as are allowed.
const AT_ONCE: usize = 5;
const FLOOD_EVERY: Duration = Duration::from_millis(10);
/// Requests of each connection: 500 a second, of all together.
const UNSIGNED_EVERY: Duration = Duration::from_millis(2 * UNSIGNED as u64);
/// Between one byte and the next.
const DRIP: Duration = Duration::from_secs(1);
/// How long who does not read stays: longer than a server needs to find out, and to cut it off.
const STAY: Duration = Duration::from_secs(20);
/// Before it comes again after the server has closed.
const AGAIN: Duration = Duration::from_millis(100);
/// Until all is under way: heads have begun to time out by then.
const LEAD: Duration = Duration::from_secs(12);

/// Whom to attack, and as whom.
#[derive(Serialize, Deserialize)]
pub struct Job {
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// Those of [`STAFF`] staff members.
    pub tokens: Vec<String>,
    /// The stay that is made busy.
    pub stay: i64,
}

/// What it has done.
#[derive(Default, Serialize, Deserialize)]
pub struct Done {
    /// For so many seconds.
    pub seconds: Cell<f64>,
    /// Half-open connections: now, at the most, and made.
    half_open: Cell<u64>,
    pub most_half_open: Cell<u64>,
    pub half_opened: Cell<u64>,
    /// Bytes sent alone.
    pub dripped: Cell<u64>,
    /// Commands of the floods, those that were refused, and how often the server closed such a socket.
    pub commands: Cell<u64>,
    pub refused: Cell<u64>,
    pub closed: Cell<u64>,
    /// Requests without a token.
    pub requests: Cell<u64>,
    /// Bytes of bodies that then stalled, and how many of these bodies the server has given up.
    pub stalled: Cell<u64>,
    pub given_up: Cell<u64>,
}

struct Hostile {
    job: Job,
    done: Done,
}

/// Attacks until it is told something, or nobody is there to do so.
///
/// # Errors
/// None but those of the start: what the server does is its own affair.
pub fn run() -> Outcome<()> {
    let files = usize::try_from(rlimit::increase_nofile_limit(u64::MAX)?)?;
    let half_open = HALF_OPEN.min((files / 2).saturating_sub(OTHERS));
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        let job = serde_json::from_str(&lines.next_line().await?.ok_or("no job")?)?;
        let (hostile, began) = (Rc::new(Hostile { job, done: Done::default() }), Instant::now());
        hostile.for_ever(half_open, self::half_open);
        hostile.for_ever(SLOW, slow_head);
        hostile.for_ever(SLOW, slow_frame);
        hostile.for_ever(SLOW_BODIES, slow_body);
        hostile.for_ever(STALLED, stalled_body);
        hostile.for_ever(STUCK, stuck);
        hostile.for_ever(FLOODS, flood);
        hostile.for_ever(UNSIGNED, unsigned);
        sleep(LEAD).await;
        say("ready")?;
        lines.next_line().await?;
        hostile.done.seconds.set(began.elapsed().as_secs_f64());
        Ok(say(&serde_json::to_string(&hostile.done)?)?)
    })
}

impl Hostile {
    /// Does so many of something, each again and again. They begin a millisecond apart, so as to come evenly.
    fn for_ever<F>(self: &Rc<Self>, count: usize, deed: impl Fn(Rc<Self>, usize) -> F + Copy + 'static)
    where
        F: Future<Output = Outcome<()>> + 'static,
    {
        for n in 0..count {
            let hostile = self.clone();
            spawn_local(async move {
                sleep(Duration::from_millis(n as u64)).await;
                loop {
                    // Refused, closed, cut off: that is what is to be expected.
                    let _ = deed(hostile.clone(), n).await;
                    sleep(AGAIN).await;
                }
            });
        }
    }

    /// A connection from one of eight addresses: each has ports enough.
    async fn connect(&self, n: usize) -> Outcome<TcpStream> {
        let (socket, from) = (TcpSocket::new_v4()?, Ipv4Addr::new(127, 0, 0, 2 + (n % 8) as u8));
        socket.bind((from, 0).into())?;
        Ok(socket.connect(self.job.address.parse::<SocketAddr>()?).await?)
    }

    /// A signed-in socket.
    async fn sit(&self, token: usize, listens: bool) -> Outcome<TcpStream> {
        open(&self.job.address, &self.job.tokens[token], Seat { token, stay: self.job.stay, listens }).await
    }
}

async fn half_open(hostile: Rc<Hostile>, n: usize) -> Outcome<()> {
    let parts =
        ["", "GET /ws/staff/ HTT", "GET /ws/staff/ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upg"];
    let mut stream = hostile.connect(n).await?;
    let done = &hostile.done;
    add(&done.half_opened, 1);
    add(&done.half_open, 1);
    done.most_half_open.set(done.most_half_open.get().max(done.half_open.get()));
    let closed = held(&mut stream, parts[n % parts.len()]).await;
    done.half_open.set(done.half_open.get() - 1);
    Ok(closed?)
}

/// Sends something, and then only waits until the server closes.
async fn held(stream: &mut TcpStream, part: &str) -> io::Result<()> {
    stream.write_all(part.as_bytes()).await?;
    while stream.read(&mut [0; 256]).await? > 0 {}
    Ok(())
}

async fn slow_head(hostile: Rc<Hostile>, n: usize) -> Outcome<()> {
    let mut stream = hostile.connect(n).await?;
    drip(&hostile, &mut stream, b"GET /api/message_manager/conversations/ HTTP/1.1\r\nHost: a\r\n").await
}

async fn slow_frame(hostile: Rc<Hostile>, n: usize) -> Outcome<()> {
    let mut socket = hostile.sit(2 + n / SOCKETS_OF_ONE, false).await?;
    drip(&hostile, &mut socket, &frames::masked(Kind::Text, &[b' '; 4_000])).await
}

async fn slow_body(hostile: Rc<Hostile>, n: usize) -> Outcome<()> {
    let mut stream = hostile.connect(n).await?;
    stream.write_all(b"POST /api/auth/login/ HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n").await?;
    drip(&hostile, &mut stream, &[b' '; 4_000]).await
}

async fn stalled_body(hostile: Rc<Hostile>, n: usize) -> Outcome<()> {
    let mut stream = hostile.connect(n).await?;
    let (signature, length) = ("0".repeat(64), STALLED_BYTES + 1);
    let head = format!(
        "POST /webhooks/whatsapp/ HTTP/1.1\r\nHost: a\r\nX-Hub-Signature-256: sha256={signature}\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut times = every(STALLED_EVERY);
    for _ in 0..STALLED_BYTES / STALLED_PART {
        times.tick().await;
        stream.write_all(&[b' '; STALLED_PART]).await?;
        add(&hostile.done.stalled, STALLED_PART as u64);
    }
    while stream.read(&mut [0; 1024]).await? > 0 {}
    add(&hostile.done.given_up, 1);
    Ok(())
}

async fn drip(hostile: &Hostile, stream: &mut TcpStream, bytes: &[u8]) -> Outcome<()> {
    for byte in bytes {
        stream.write_u8(*byte).await?;
        add(&hostile.done.dripped, 1);
        sleep(DRIP).await;
    }
    Ok(())
}

async fn stuck(hostile: Rc<Hostile>, _: usize) -> Outcome<()> {
    let _unread = hostile.sit(0, true).await?;
    sleep(STAY).await;
    Ok(())
}

async fn flood(hostile: Rc<Hostile>, n: usize) -> Outcome<()> {
    let command = if n.is_multiple_of(2) {
        format!(r#"{{"command":"send_message","stay_id":{},"text":"{}"}}"#, hostile.job.stay, "flood ".repeat(30))
    } else {
        r#"{"command":"nonsense"}"#.to_owned()
    };
    let some = frames::masked(Kind::Text, command.as_bytes()).repeat(AT_ONCE);
    let mut socket = hostile.sit(1, false).await?;
    let (reads, writes) = socket.split();
    tokio::try_join!(offend(&hostile.done, writes, &some), suffer(&hostile.done, reads)).map(drop)
}

async fn offend(done: &Done, mut socket: WriteHalf<'_>, commands: &[u8]) -> Outcome<()> {
    let mut times = every(FLOOD_EVERY);
    loop {
        times.tick().await;
        socket.write_all(commands).await?;
        add(&done.commands, AT_ONCE as u64);
    }
}

/// Reads what comes of it, until the server closes.
async fn suffer(done: &Done, mut socket: ReadHalf<'_>) -> Outcome<()> {
    let (mut buffer, error) = (vec![0; 16 * 1024], br#"{"type":"error""#);
    // The code 1008 of a close frame; in JSON these bytes never follow each other.
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

async fn unsigned(hostile: Rc<Hostile>, n: usize) -> Outcome<()> {
    let mut stream = hostile.connect(n).await?;
    let (mut times, mut answer) = (every(UNSIGNED_EVERY), vec![0; 16 * 1024]);
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
        if stream.read(&mut answer).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// Who is late is not to catch up.
fn every(period: Duration) -> Interval {
    let mut times = interval(period);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    times
}

fn add(count: &Cell<u64>, more: u64) {
    count.set(count.get() + more);
}
