//! Restart storm: after a restart all sockets connect at the same time and resume fifty conversations each, while others send
//! requests.

use std::{
    rc::Rc,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime,
    sync::Semaphore,
    task::{JoinSet, LocalSet},
    time::timeout,
};

use super::{Bench, thousands};
use crate::{
    BenchError, BenchResult,
    databases::BenchDatabaseKind,
    load::{
        LoadPace, LoadSocket, Round,
        frames::{self, FrameKind},
        open,
    },
    site::{MAX_SOCKETS_PER_STAFF, Site, SiteSizes, get},
    table::BenchRow,
};

const CONVERSATIONS_PER_SOCKET: usize = 50;
/// Connections that are opened at the same time.
const MAX_OPENING: usize = 256;
/// Connections that send requests during the storm.
const REQUEST_CONNECTIONS: usize = 4;
/// Seconds until all sockets have resumed, and milliseconds at the p99 of the requests.
const GOAL: f64 = 8.0;
const GOAL_OTHERS: f64 = 250.0;
const TIMEOUT: Duration = Duration::from_secs(120);

pub fn measure(bench: &Bench) -> BenchResult<()> {
    // 4,000, or 400 if the benchmark is quick.
    let sockets = usize::try_from(bench.queue)? * 2 / 5;
    for kind in BenchDatabaseKind::all() {
        let sizes = SiteSizes { hotels: 1, staff: 2 + sockets / MAX_SOCKETS_PER_STAFF, stays: 2_000, messages: 10 };
        let site = Site::new(kind, sizes, &bench.folder)?;
        let mut tokens = site.tokens(1 + sockets / MAX_SOCKETS_PER_STAFF)?;
        let other = tokens.pop().ok_or("no staff member is left for requests")?;
        let cursor = run(first_welcome(&site.address, &other))?;
        let site = site.restart()?;
        let hotel = &site.generated.hotels[0];
        let ids: Vec<i64> = hotel.stays_in_relay().map(|it| it.conversation_id).collect();
        let asked = ids.iter().map(|id| get(&site.address, &other, &format!("conversations/{id}/"))).collect();
        let mut others = site.requests(REQUEST_CONNECTIONS, asked, 200)?;
        let round = Round { seconds: GOAL, pace: LoadPace::AwaitAck(REQUEST_CONNECTIONS) };
        let storm = RestartStorm { address: site.address.clone(), tokens, ids, cursor };
        let (took, report) = thread::scope(|scope| {
            let asking = scope.spawn(|| others.round(round));
            let took = run(storm.start(sockets));
            (took, asking.join())
        });
        let (took, report) = (took?, report.map_err(|_| "the requests failed")??);
        row(kind, sockets, took, report.p99, report.p50).print();
    }
    Ok(())
}

fn row(kind: BenchDatabaseKind, sockets: usize, took: Duration, p99: f64, p50: f64) -> BenchRow {
    let seconds = took.as_secs_f64();
    BenchRow {
        what: format!(
            "restart storm: {} sockets resume {CONVERSATIONS_PER_SOCKET} conversations each, while others read, {}",
            thousands(sockets as f64),
            kind.name()
        ),
        product: format!("{seconds:.1} s; reads of others p99 {p99:.1} ms, p50 {p50:.1} ms"),
        baseline: String::new(),
        ratio: String::new(),
        required: format!("≤ {GOAL} s, p99 ≤ {GOAL_OTHERS} ms"),
        reached: Some(seconds <= GOAL && p99 <= GOAL_OTHERS),
    }
}

fn run<T>(future: impl Future<Output = BenchResult<T>>) -> BenchResult<T> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, future)
}

const UNSUBSCRIBED: LoadSocket = LoadSocket { token: 0, stay: 0, is_subscribed: false };

async fn first_welcome(address: &str, token: &str) -> BenchResult<Value> {
    let mut socket = open(address, token, UNSUBSCRIBED).await?;
    read_until(&mut socket, "welcome", &mut Vec::new()).await
}

/// Reads up to an event of this type.
async fn read_until(socket: &mut TcpStream, event_type: &str, bytes: &mut Vec<u8>) -> BenchResult<Value> {
    loop {
        while let Some(frame) = frames::parse_first(bytes) {
            let payload = bytes[frame.payload.clone()].to_vec();
            bytes.drain(..frame.payload.end);
            match frame.kind {
                FrameKind::Text => {
                    let event: Value = serde_json::from_slice(&payload)?;
                    if event["type"] == event_type {
                        return Ok(event);
                    }
                    if event["type"] == "error" {
                        return Err(event.to_string().into());
                    }
                }
                FrameKind::Close => return Err("closed instead of resumed".into()),
                FrameKind::Ping | FrameKind::Pong => {}
            }
        }
        if socket.read_buf(bytes).await? == 0 {
            return Err("the server closed the connection".into());
        }
    }
}

struct RestartStorm {
    address: String,
    tokens: Vec<String>,
    ids: Vec<i64>,
    cursor: Value,
}

impl RestartStorm {
    /// Connects and resumes all sockets. Returns the time until the last has resumed.
    async fn start(self, sockets: usize) -> BenchResult<Duration> {
        let (began, storm, opening) = (Instant::now(), Rc::new(self), Arc::new(Semaphore::new(MAX_OPENING)));
        let mut tasks = JoinSet::new();
        for n in 0..sockets {
            let (storm, opening) = (storm.clone(), opening.clone());
            tasks.spawn_local(async move {
                let permit = opening.acquire_owned().await?;
                let token = &storm.tokens[n % storm.tokens.len()];
                let mut socket = open(&storm.address, token, UNSUBSCRIBED).await?;
                drop(permit);
                let ids: Vec<i64> =
                    (0..CONVERSATIONS_PER_SOCKET).map(|k| storm.ids[(n + 7 * k) % storm.ids.len()]).collect();
                let resume = json!({
                    "command": "resume", "epoch": storm.cursor["epoch"], "after_seq": storm.cursor["seq"],
                    "conversation_ids": ids, "inbox": true,
                });
                socket.write_all(&frames::masked(FrameKind::Text, resume.to_string().as_bytes())).await?;
                read_until(&mut socket, "resumed", &mut Vec::new()).await?;
                // All stay open until the last has resumed.
                Ok::<_, BenchError>(socket)
            });
        }
        let mut open = Vec::with_capacity(sockets);
        let all = async {
            while let Some(ended) = tasks.join_next().await {
                open.push(ended??);
            }
            Ok::<_, BenchError>(began.elapsed())
        };
        timeout(TIMEOUT, all).await.map_err(|_| "not all have resumed")?
    }
}
