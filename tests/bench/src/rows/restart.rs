//! The restart storm: every socket comes back at once, and resumes fifty conversations. Others ask meanwhile.

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
    Failure, Outcome,
    databases::Kind,
    load::{
        Pace, Round, Seat,
        frames::{self, Kind as FrameKind},
        open,
    },
    site::{SOCKETS_OF_ONE, Site, Sizes, get},
    table::Row,
};

/// Conversations that each socket resumes.
const OF_EACH: usize = 50;
/// Connections that are being opened at once.
const OPENING: usize = 256;
/// Connections that ask meanwhile.
const OTHERS: usize = 4;
/// How long all of it may take, and the p99 of what others ask, in milliseconds.
const GOAL: f64 = 8.0;
const GOAL_OTHERS: f64 = 250.0;
const PATIENCE: Duration = Duration::from_secs(120);

pub fn measure(bench: &Bench) -> Outcome<()> {
    // 4,000; fewer where the bench is quick.
    let sockets = usize::try_from(bench.queue)? * 2 / 5;
    for kind in Kind::all() {
        let sizes = Sizes { hotels: 1, staff: 2 + sockets / SOCKETS_OF_ONE, stays: 2_000, messages: 10 };
        let site = Site::new(kind, sizes, &bench.folder)?;
        let mut tokens = site.tokens(1 + sockets / SOCKETS_OF_ONE)?;
        let other = tokens.pop().ok_or("nobody to ask")?;
        let cursor = run(first_welcome(&site.address, &other))?;
        let site = site.restart()?;
        let hotel = &site.made.hotels[0];
        let ids: Vec<i64> = hotel.relayed().map(|it| it.conversation_id).collect();
        let asked = ids.iter().map(|id| get(&site.address, &other, &format!("conversations/{id}/"))).collect();
        let mut others = site.requests(OTHERS, asked, 200)?;
        let round = Round { seconds: GOAL, pace: Pace::UntilAcknowledged(OTHERS) };
        let storm = Storm { address: site.address.clone(), tokens, ids, cursor };
        let (took, report) = thread::scope(|scope| {
            let asking = scope.spawn(|| others.round(round));
            let took = run(storm.rage(sockets));
            (took, asking.join())
        });
        let (took, report) = (took?, report.map_err(|_| "the requests came to grief")??);
        row(kind, sockets, took, report.p99, report.p50).print();
    }
    Ok(())
}

fn row(kind: Kind, sockets: usize, took: Duration, p99: f64, p50: f64) -> Row {
    let seconds = took.as_secs_f64();
    Row {
        what: format!(
            "restart storm: {} sockets resume {OF_EACH} conversations each, while others read, {}",
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

fn run<T>(what: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, what)
}

const SILENT: Seat = Seat { token: 0, stay: 0, listens: false };

async fn first_welcome(address: &str, token: &str) -> Outcome<Value> {
    let mut socket = open(address, token, SILENT).await?;
    event(&mut socket, "welcome", &mut Vec::new()).await
}

/// Reads up to an event of this type.
async fn event(socket: &mut TcpStream, word: &str, bytes: &mut Vec<u8>) -> Outcome<Value> {
    loop {
        while let Some(frame) = frames::first(bytes) {
            let payload = bytes[frame.payload.clone()].to_vec();
            bytes.drain(..frame.payload.end);
            match frame.kind {
                FrameKind::Text => {
                    let event: Value = serde_json::from_slice(&payload)?;
                    if event["type"] == word {
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

struct Storm {
    address: String,
    tokens: Vec<String>,
    ids: Vec<i64>,
    cursor: Value,
}

impl Storm {
    /// Lets all come back; how long it took until the last has resumed.
    async fn rage(self, sockets: usize) -> Outcome<Duration> {
        let (began, storm, opening) = (Instant::now(), Rc::new(self), Arc::new(Semaphore::new(OPENING)));
        let mut tasks = JoinSet::new();
        for n in 0..sockets {
            let (storm, opening) = (storm.clone(), opening.clone());
            tasks.spawn_local(async move {
                let permit = opening.acquire_owned().await?;
                let token = &storm.tokens[n % storm.tokens.len()];
                let mut socket = open(&storm.address, token, SILENT).await?;
                drop(permit);
                let ids: Vec<i64> = (0..OF_EACH).map(|k| storm.ids[(n + 7 * k) % storm.ids.len()]).collect();
                let resume = json!({
                    "command": "resume", "epoch": storm.cursor["epoch"], "after_seq": storm.cursor["seq"],
                    "conversation_ids": ids, "inbox": true,
                });
                socket.write_all(&frames::masked(FrameKind::Text, resume.to_string().as_bytes())).await?;
                event(&mut socket, "resumed", &mut Vec::new()).await?;
                // All stay open until the last has come.
                Ok::<_, Failure>(socket)
            });
        }
        let mut open = Vec::with_capacity(sockets);
        let all = async {
            while let Some(ended) = tasks.join_next().await {
                open.push(ended??);
            }
            Ok::<_, Failure>(began.elapsed())
        };
        timeout(PATIENCE, all).await.map_err(|_| "not all have resumed")?
    }
}
