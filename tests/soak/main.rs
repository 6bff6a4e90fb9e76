//! Soak test: injects faults into a cluster under load, then compares what each client received with what is stored. `make
//! soak` runs it. The cluster is three nodes on a PostgreSQL and a Redis of its own, or one node on an SQLite file. A seed
//! chooses the faults and their order.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on stops, and prints its report")]

mod check;
mod cluster;
mod database;
mod faults;
mod links;
mod postgres;
mod readers;
mod redis_proxy;
mod report;
mod scheduled;
mod senders;
mod site;
mod snoozes;
mod socket;
mod socket_sender;
mod whatsapp;

use std::{ops::Range, process::ExitCode, sync::Arc, time::Duration};

use acceptance::{DatabaseKind, Meta};
use clap::Parser;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep};

use crate::{
    cluster::SoakCluster, readers::SoakReader, report::SoakReport, scheduled::Schedulers, senders::Senders,
    site::SoakSite,
};

/// For the alarms that are due to be raised.
const ALARM_TIMEOUT: Duration = Duration::from_secs(6);
/// For readers to receive everything after the last fault.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(60);
const STAYS_PER_HOTEL: usize = 16;

/// Injects faults into a cluster under load and checks what clients received
#[derive(Parser)]
struct SoakArguments {
    /// How long faults are injected, in seconds
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Repeats the faults of an earlier run in their order; without it a seed is drawn and printed
    #[arg(long)]
    seed: Option<u64>,
    /// Three nodes on PostgreSQL, or one on SQLite
    #[arg(long, value_enum, default_value_t = DatabaseKind::Postgres)]
    database: DatabaseKind,
    /// The cluster bus of nodes on PostgreSQL
    #[arg(long, value_enum, default_value_t = SoakBus::Redis)]
    bus: SoakBus,
    /// Check messages to and from guests on WhatsApp instead
    #[arg(long)]
    whatsapp: bool,
}

/// Waits for a random time in milliseconds.
async fn pause(time: Range<u64>) {
    let time = rand::rng().random_range(time);
    sleep(Duration::from_millis(time)).await;
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SoakBus {
    Postgres,
    Redis,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = SoakArguments::parse();
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let (with_redis, name) = match (arguments.database, arguments.bus) {
        (DatabaseKind::Sqlite, _) => (false, "sqlite"),
        (DatabaseKind::Postgres, SoakBus::Postgres) => (false, "postgres"),
        (DatabaseKind::Postgres, SoakBus::Redis) => (true, "redis"),
    };
    let log = format!("soak-{name}-{seed}.log");
    println!("soak: {} s, seed {seed}, the nodes' log is in {log}", arguments.seconds);
    let mut cluster = SoakCluster::create(arguments.database, with_redis, log.as_ref()).await;
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

async fn run(cluster: Arc<SoakCluster>, time: Duration, seed: u64) -> SoakReport {
    let mut random = StdRng::seed_from_u64(seed);
    let mut report = SoakReport { seed, ..SoakReport::default() };
    let site = Arc::new(SoakSite::generate(&cluster, STAYS_PER_HOTEL));
    cluster.repair_all().await;
    let readers: Vec<SoakReader> = site.people.iter().map(|person| SoakReader::start(&cluster, person)).collect();
    for reader in &readers {
        reader.wait_until_live().await;
    }
    let senders = Senders::start(&cluster, &site);
    let schedulers = Schedulers::start(&cluster, &site);
    let start = Instant::now();
    report.faults = faults::inject_faults(&cluster, start + time, &mut random).await;
    report.time = start.elapsed();
    cluster.repair_all().await;
    let sent = senders.finish(&mut report).await;
    schedulers.finish(&cluster, &mut report).await;
    let stored = check::read_stored_history(&cluster, &site);
    let deadline = Instant::now() + DELIVERY_TIMEOUT;
    while Instant::now() < deadline && !readers.iter().all(|reader| check::has_received_all(reader, &stored)) {
        sleep(Duration::from_millis(200)).await;
    }
    check::compare(&sent, &readers, &stored, &mut report);
    report.wrong.extend(check::find_wrong_guest_counts(&cluster));
    report.wrong.extend(check::find_wrong_waiting(&cluster));
    snoozes::check(&cluster, &site, &mut report).await;
    sleep(ALARM_TIMEOUT).await;
    check::check_alarms(&cluster, &mut report);
    report
}
