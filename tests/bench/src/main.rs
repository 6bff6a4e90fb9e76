//! The benchmark compares the product with bare baselines that do the same work with the least code.
//!
//! `make bench` runs it. The same binary is also the baselines and the load client, each in a process of its own. Every figure is
//! a median of rounds that alternate between product and baseline, so that other load on the machine slows both.

mod baseline;
mod databases;
mod hostile;
mod load;
mod processes;
mod redis;
mod rows;
mod site;
mod table;

use clap::{Parser, Subcommand};

/// Any error; it ends the benchmark.
type BenchError = Box<dyn std::error::Error + Send + Sync>;
type BenchResult<T> = Result<T, BenchError>;

#[derive(Parser)]
#[command(about = "Measures message_manager against bare baselines and prints a table")]
struct BenchArguments {
    #[command(subcommand)]
    process: Option<BenchProcess>,
    /// Only these rows, separated by commas: pages, growth, reports, send-sqlite, send-postgres, fanout,
    /// spread, latency, memory, crossing, nodes, hostile, noisy, search, sign-in, restart, webhook, outbox
    #[arg(long, default_value = "")]
    rows: String,
    /// Shorter rounds
    #[arg(long)]
    quick: bool,
}

#[derive(Subcommand)]
enum BenchProcess {
    /// The load client
    Load,
    /// Baseline: bare HTTP handlers
    BaselineHttp,
    /// Baseline: a bare loop of commits
    BaselineCommit,
    /// Baseline: a bare WebSocket broadcaster
    BaselineWs,
    /// Baseline: bare publish and subscribe
    BaselineRedis,
    /// Hostile clients
    Hostile,
}

fn main() -> BenchResult<()> {
    let arguments = BenchArguments::parse();
    match arguments.process {
        Some(BenchProcess::Load) => load::run(),
        Some(BenchProcess::BaselineHttp) => baseline::http::run(),
        Some(BenchProcess::BaselineCommit) => baseline::commit::run(),
        Some(BenchProcess::BaselineWs) => baseline::ws::run(),
        Some(BenchProcess::BaselineRedis) => baseline::redis::run(),
        Some(BenchProcess::Hostile) => hostile::run(),
        None => rows::run(&arguments.rows, arguments.quick),
    }
}
