//! A cluster under load while things go wrong, and a checker that then compares what each client saw with what is
//! stored: `make soak`. Three nodes on a PostgreSQL and a Redis of its own, or the only node of an SQLite file; a seed
//! decides what goes wrong, when.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on stops, and tells")]

mod by_socket;
mod check;
mod cluster;
mod database;
mod faults;
mod lines;
mod postgres;
mod readers;
mod report;
mod senders;
mod site;
mod socket;
mod whatsapp;

use std::{ops::Range, process::ExitCode, sync::Arc, time::Duration};

use acceptance::Meta;
use clap::Parser;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep};

use crate::{cluster::Cluster, database::Kind, readers::Reader, report::Report, senders::Senders, site::Site};

/// How long clients may take to come to rest when all is well again.
const REST: Duration = Duration::from_secs(60);
/// Stays of a hotel.
const STAYS: usize = 16;

/// What to do.
#[derive(Parser)]
struct Arguments {
    /// How long things go wrong, in seconds.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Reproduces a run: which things go wrong, in which order. Drawn and told where none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// Where everything is kept: by three nodes on PostgreSQL, or by the only one on SQLite.
    #[arg(long, value_enum, default_value_t = Kind::Postgres)]
    database: Kind,
    /// How nodes on PostgreSQL wake each other.
    #[arg(long, value_enum, default_value_t = Bus::Redis)]
    bus: Bus,
    /// With guests on WhatsApp, whose messages are what is looked at.
    #[arg(long)]
    whatsapp: bool,
}

/// Waits for a random time, in milliseconds.
async fn pause(time: Range<u64>) {
    let time = rand::rng().random_range(time);
    sleep(Duration::from_millis(time)).await;
}

/// How the nodes wake each other.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Bus {
    Postgres,
    Redis,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let (with_redis, what) = match (arguments.database, arguments.bus) {
        (Kind::Sqlite, _) => (false, "sqlite"),
        (Kind::Postgres, Bus::Postgres) => (false, "postgres"),
        (Kind::Postgres, Bus::Redis) => (true, "redis"),
    };
    let log = format!("soak-{what}-{seed}.log");
    println!("soak: {} s, seed {seed}, the nodes' log is in {log}", arguments.seconds);
    let mut cluster = Cluster::start(arguments.database, with_redis, log.as_ref()).await;
    let time = Duration::from_secs(arguments.seconds);
    let report = if arguments.whatsapp {
        let meta = Meta::start(2);
        cluster.program.settings.extend(whatsapp::settings(&meta));
        whatsapp::run(cluster.into(), meta.into(), time, seed).await
    } else {
        run(cluster.into(), time, seed).await
    };
    println!("{report}");
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(cluster: Arc<Cluster>, time: Duration, seed: u64) -> Report {
    let mut random = StdRng::seed_from_u64(seed);
    let mut report = Report { seed, ..Report::default() };
    let site = Arc::new(Site::made(&cluster, STAYS));
    cluster.all_well().await;
    let readers: Vec<Reader> = site.people.iter().map(|person| Reader::start(&cluster, person)).collect();
    for reader in &readers {
        reader.is_live().await;
    }
    let senders = Senders::start(&cluster, &site);
    let start = Instant::now();
    report.faults = faults::go_wrong(&cluster, start + time, &mut random).await;
    report.time = start.elapsed();
    cluster.all_well().await;
    let sent = senders.finish(&mut report).await;
    let stored = check::stored(&cluster, &site);
    let rest = Instant::now() + REST;
    while Instant::now() < rest && !readers.iter().all(|reader| check::has_all(reader, &stored)) {
        sleep(Duration::from_millis(200)).await;
    }
    check::compare(&sent, &readers, &stored, &mut report);
    report.wrong.extend(check::miscounted(&cluster));
    report
}
