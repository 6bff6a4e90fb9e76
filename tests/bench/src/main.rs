//! The benchmark: how fast the product is beside the least that does the same work.
//!
//! `make bench` runs it. This one program is also its own baselines and its own load client, each
//! a process of its own. Every figure is a median of rounds that alternate between the product and
//! its baseline, so that a machine with other work to do slows both.

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

/// Any failure: the benchmark ends with it.
type Failure = Box<dyn std::error::Error + Send + Sync>;
/// What may fail.
type Outcome<T> = Result<T, Failure>;

#[derive(Parser)]
#[command(about = "Measures message_manager against bare baselines and prints a table")]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// Only these rows, separated by commas: pages, growth, send-sqlite, send-postgres, fanout,
    /// spread, latency, memory, crossing, nodes, hostile, noisy, restart, webhook, outbox
    #[arg(long, default_value = "")]
    rows: String,
    /// Shorter rounds
    #[arg(long)]
    quick: bool,
}

#[derive(Subcommand)]
enum Part {
    /// The load client
    Load,
    /// Bare handlers
    BaselineHttp,
    /// A bare loop of commits
    BaselineCommit,
    /// A bare broadcaster
    BaselineWs,
    /// Bare publish and subscribe
    BaselineRedis,
    /// Hostile clients
    Hostile,
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    match arguments.part {
        Some(Part::Load) => load::run(),
        Some(Part::BaselineHttp) => baseline::http::run(),
        Some(Part::BaselineCommit) => baseline::commit::run(),
        Some(Part::BaselineWs) => baseline::ws::run(),
        Some(Part::BaselineRedis) => baseline::redis::run(),
        Some(Part::Hostile) => hostile::run(),
        None => rows::run(&arguments.rows, arguments.quick),
    }
}
