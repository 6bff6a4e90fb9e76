//! The load client: a process of its own, the same for the product and for its baselines.
//!
//! It reads a [`Job`] from the first line of standard input, connects, says `ready`, and runs a round for
//! every line that follows, each answered by one line with a [`Report`]. One thread, raw sockets:
//! what it costs is taken from the two cores that the server needs, too.

pub mod frames;
mod http;
mod sockets;
pub mod webhook;

use std::io::{BufRead, Write, stdin, stdout};

use serde::{Deserialize, Serialize};
use tokio::{runtime, task::LocalSet};

pub use http::{Asks, Requests};
pub use sockets::{Seat, Seats, open};

use crate::Outcome;

/// What to connect.
#[derive(Serialize, Deserialize)]
pub enum Job {
    /// Connections that ask again and again.
    Requests(Requests),
    /// WebSockets.
    Seats(Seats),
}

/// What to do for some seconds.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Round {
    /// How long.
    pub seconds: f64,
    /// How; requests know only one way.
    pub pace: Pace,
}

/// When the next thing is sent.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Pace {
    /// So many are under way; each is over when it is acknowledged.
    UntilAcknowledged(usize),
    /// So many are under way; each is over when all who listen have it.
    UntilDelivered(usize),
    /// So many a second, come what may; each is over when all who listen have it.
    Every(f64),
}

/// What came of a round.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// How many were over within the round.
    pub done: u64,
    /// How many receipts there were within the round.
    pub deliveries: u64,
    /// How long it was.
    pub seconds: f64,
    /// From sending to being over, in milliseconds.
    pub p50: f64,
    /// The same for all but one in a hundred.
    pub p99: f64,
}

impl Report {
    pub(crate) fn of(mut micros: Vec<u32>, deliveries: u64, seconds: f64) -> Self {
        micros.sort_unstable();
        let at = |part: f64| {
            let place = (micros.len() as f64 * part) as usize;
            micros.get(place.min(micros.len().saturating_sub(1))).map_or(0.0, |it| f64::from(*it) / 1000.0)
        };
        Self { done: micros.len() as u64, deliveries, seconds, p50: at(0.5), p99: at(0.99) }
    }

    /// How many were over in a second.
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.seconds
    }
}

/// Runs the client.
///
/// # Errors
/// Anything that the server does not do as expected.
pub fn run() -> Outcome<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let mut lines = stdin().lock().lines();
    let job: Job = serde_json::from_str(&lines.next().ok_or("no job")??)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    let client = local.block_on(&runtime, async {
        Ok::<_, crate::Failure>(match job {
            Job::Requests(job) => Client::Requests(http::Client::connect(job).await?),
            Job::Seats(job) => Client::Seats(sockets::Client::connect(job).await?),
        })
    })?;
    say("ready")?;
    // Between the rounds it must go on reading: servers ping, and close whom they do not hear.
    let (rounds, mut waiting) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            if rounds.send(line).is_err() {
                break;
            }
        }
    });
    drop(lines);
    local.block_on(&runtime, async {
        while let Some(line) = waiting.recv().await {
            let round: Round = serde_json::from_str(&line)?;
            let report = match &client {
                Client::Requests(client) => client.round(round).await?,
                Client::Seats(client) => client.round(round).await?,
            };
            say(&serde_json::to_string(&report)?)?;
        }
        Ok(())
    })
}

enum Client {
    Requests(http::Client),
    Seats(sockets::Client),
}

/// Says a line to whoever started this process.
pub fn say(line: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
