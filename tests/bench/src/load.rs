//! The load client: a process of its own, the same for the product and the baselines.
//!
//! It reads a [`LoadJob`] from the first line of standard input, connects and prints `ready`. Every further line is a [`Round`],
//! after which it prints a [`RoundReport`]. It uses one thread and raw sockets, because it shares two cores with the server.

pub mod frames;
mod http;
mod sockets;
pub mod webhook;

use std::io::{BufRead, Write, stdin, stdout};

use serde::{Deserialize, Serialize};
use tokio::{runtime, task::LocalSet};

pub use http::{HttpLoad, RequestSource};
pub use sockets::{LoadSocket, SocketLoad, open};

use crate::BenchResult;
use http::HttpClientPool;
use sockets::SocketPool;

#[derive(Serialize, Deserialize)]
pub enum LoadJob {
    HttpLoad(HttpLoad),
    SocketLoad(SocketLoad),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Round {
    pub seconds: f64,
    /// HTTP requests always await the response.
    pub pace: LoadPace,
}

/// When the next message is sent.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum LoadPace {
    /// This number is in flight; a message is complete when it is acknowledged.
    AwaitAck(usize),
    /// This number is in flight; a message is complete when all subscribers have received it.
    AwaitDelivery(usize),
    /// A fixed rate per second; a message is complete when all subscribers have received it.
    PerSecond(f64),
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RoundReport {
    /// Messages or requests that were completed within the round.
    pub completed: u64,
    /// Messages received within the round, by all subscribers together.
    pub deliveries: u64,
    pub seconds: f64,
    /// The median latency from sending to completion, in milliseconds.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
}

impl RoundReport {
    pub(crate) fn new(mut micros: Vec<u32>, deliveries: u64, seconds: f64) -> Self {
        micros.sort_unstable();
        let at = |part: f64| {
            let index = (micros.len() as f64 * part) as usize;
            micros.get(index.min(micros.len().saturating_sub(1))).map_or(0.0, |it| f64::from(*it) / 1000.0)
        };
        Self { completed: micros.len() as u64, deliveries, seconds, p50: at(0.5), p95: at(0.95), p99: at(0.99) }
    }

    /// Completions per second.
    pub fn rate(&self) -> f64 {
        self.completed as f64 / self.seconds
    }
}

/// Fails if the server does not behave as expected.
pub fn run() -> BenchResult<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let mut lines = stdin().lock().lines();
    let job: LoadJob = serde_json::from_str(&lines.next().ok_or("no job")??)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    let client = local.block_on(&runtime, async {
        Ok::<_, crate::BenchError>(match job {
            LoadJob::HttpLoad(job) => LoadClient::HttpLoad(HttpClientPool::connect(job).await?),
            LoadJob::SocketLoad(job) => LoadClient::SocketLoad(SocketPool::connect(job).await?),
        })
    })?;
    print_line("ready")?;
    // Sockets must be read between the rounds as well: servers send pings and close silent sockets.
    let (rounds, mut queue) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            if rounds.send(line).is_err() {
                break;
            }
        }
    });
    drop(lines);
    local.block_on(&runtime, async {
        while let Some(line) = queue.recv().await {
            let round: Round = serde_json::from_str(&line)?;
            let report = match &client {
                LoadClient::HttpLoad(client) => client.round(round).await?,
                LoadClient::SocketLoad(client) => client.round(round).await?,
            };
            print_line(&serde_json::to_string(&report)?)?;
        }
        Ok(())
    })
}

enum LoadClient {
    HttpLoad(HttpClientPool),
    SocketLoad(SocketPool),
}

/// Prints a line for the parent process.
pub fn print_line(line: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
