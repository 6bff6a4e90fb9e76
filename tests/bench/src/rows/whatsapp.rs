//! Guests on WhatsApp: the webhook with their messages, and the outbox with the messages to them.

use std::{
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Bench, CpuCost, measure_cpu, median, sends, thousands};
use crate::{
    BenchResult,
    baseline::commit::CommitStatements,
    databases::BenchDatabaseKind,
    load::{LoadPace, Round},
    processes::{ChildProcess, product_path},
    site::{GeneratedSite, MAX_SOCKETS_PER_STAFF, PHONE_NUMBER_ID, Site, SiteSizes, WHATSAPP_SECRETS, fetch_json},
    table::BenchRow,
};

/// The rate as a part of that of bare commits.
const GOAL: f64 = 0.5;
/// Messages in the largest body that Meta posts.
const BATCH: usize = 1_000;
/// Milliseconds for a body.
const GOAL_BATCH: f64 = 2_000.0;
/// The rate limit of a WhatsApp number.
const MESSAGES_PER_SECOND: f64 = 60.0;
/// The rate as a part of the rate limit.
const GOAL_PACE: f64 = 0.95;
/// The part of the outbox after which connections are open and caches are filled.
const WARM_UP: f64 = 0.1;
/// The memory as a multiple of that after the warm-up.
const GOAL_MEMORY: f64 = 1.1;
/// An address without a listener: incoming messages cause no calls of the API.
const UNUSED_API: &str = "http://127.0.0.1:9";

const SIZES: SiteSizes = SiteSizes { hotels: 1, staff: 12, stays: 2_000, messages: 3 };

/// Posts of one message, and of a thousand.
pub fn measure_webhook(bench: &Bench) -> BenchResult<()> {
    for kind in BenchDatabaseKind::all() {
        let generated = GeneratedSite::generate(kind, SIZES, &bench.folder)?;
        let copy = generated.database.copy()?;
        let mut bare = match kind {
            BenchDatabaseKind::Sqlite => {
                Some(sends::commits(&copy, &generated.hotels[0], CommitStatements::ChangesOfReceived, bench)?)
            }
            BenchDatabaseKind::Postgres => sends::prepare(&copy, &generated.hotels).map(|()| None)?,
        };
        let mut commits = |round: Round| match &mut bare {
            Some(bare) => Ok(bare.round(round)?.rate()),
            None => sends::pgbench(&copy, include_str!("receive.sql"), SIZES, bench),
        };
        let site = generated.with_whatsapp(UNUSED_API)?.serve()?;
        let pace = LoadPace::AwaitAck(sends::IN_FLIGHT);
        let mut singly = site.guests(sends::IN_FLIGHT, 1)?;
        bench.warm_up(&mut [&mut singly], pace)?;
        let (round, mut costs) = (bench.round(pace), CpuCost::default());
        let compare_rates = bench.compare_rates(
            || Ok(measure_cpu(&mut singly, &site.server, round, &mut costs)?.rate()),
            || commits(round),
        )?;
        let what = format!("POST of a guest's message to the webhook, {}, against a loop of its changes", kind.name());
        compare_rates.row(what, "/s", Some(GOAL), [&costs, &CpuCost::default()]).print();
        drop(singly);
        batches(kind, &site, bench)?.print();
    }
    Ok(())
}

/// Posts of a thousand messages, one after another.
fn batches(kind: BenchDatabaseKind, site: &Site, bench: &Bench) -> BenchResult<BenchRow> {
    let mut guests = site.guests(1, BATCH)?;
    let round = bench.long_round(LoadPace::AwaitAck(1));
    let mut times = Vec::new();
    for _ in 0..bench.rounds {
        let report = guests.round(round)?;
        if report.completed == 0 {
            return Err("no POST of a thousand messages was completed within a round".into());
        }
        times.push(report.p50);
    }
    let took = median(&mut times);
    let most = times.iter().copied().fold(0.0, f64::max);
    // The goal is for SQLite alone.
    let required = (kind == BenchDatabaseKind::Sqlite).then_some(GOAL_BATCH);
    Ok(BenchRow {
        what: format!("a POST of {} guests' messages, {}", thousands(BATCH as f64), kind.name()),
        product: format!("{took:.0} ms ({most:.0} in the slowest round)"),
        baseline: String::new(),
        ratio: String::new(),
        required: required.map_or_else(String::new, |most| format!("≤ {most:.0} ms")),
        reached: required.map(|most| took <= most),
    })
}

/// Sends a long outbox at the rate limit of a number.
pub fn measure_outbox(bench: &Bench) -> BenchResult<()> {
    for kind in BenchDatabaseKind::all() {
        let (_simulator, api_url) = start_simulator(bench)?;
        let site = GeneratedSite::generate(kind, SIZES, &bench.folder)?.with_whatsapp(&api_url)?.serve()?;
        configure_simulator(&api_url, &json!({ "callback": format!("http://{}/webhooks/whatsapp/", site.address) }))?;
        let queued = fill_outbox(&site, bench.queue)?;
        let start = Instant::now();
        wait_until_at_most(&site, queued * (1.0 - WARM_UP))?;
        let resident_memory = site.server.resident_memory()?;
        let most = wait_until_at_most(&site, 0.0)?;
        let rate = queued / start.elapsed().as_secs_f64();
        let of = format!("{} queued messages sent by WhatsApp, {}", thousands(queued), kind.name());
        let ratio = rate / MESSAGES_PER_SECOND;
        let pace = BenchRow {
            what: format!("{of}: how fast, beside what is allowed"),
            product: format!("{rate:.1} /s"),
            baseline: format!("{MESSAGES_PER_SECOND} /s"),
            ratio: format!("{ratio:.2}"),
            required: format!("≥ {GOAL_PACE:.2}"),
            reached: Some(ratio >= GOAL_PACE),
        };
        pace.print();
        let ratio = most as f64 / resident_memory as f64;
        let [most, resident_memory] = [most, resident_memory].map(|bytes| bytes / 1024 / 1024);
        let memory = BenchRow {
            what: format!("{of}: the most resident memory, beside that when a tenth was sent"),
            product: format!("{most} MiB"),
            baseline: format!("{resident_memory} MiB"),
            ratio: format!("{ratio:.2}"),
            required: format!("≤ {GOAL_MEMORY:.2}"),
            reached: Some(ratio <= GOAL_MEMORY),
        };
        memory.print();
    }
    Ok(())
}

/// Sends replies until at least this number is queued. Returns the number.
fn fill_outbox(site: &Site, at_least: u64) -> BenchResult<f64> {
    let tokens = site.tokens(sends::SOCKETS / MAX_SOCKETS_PER_STAFF)?;
    let mut staff = sends::by_rest(site, &tokens)?;
    let round = Round { seconds: 0.5, pace: LoadPace::AwaitAck(sends::IN_FLIGHT) };
    while queued_messages(site)? < at_least as f64 {
        staff.round(round)?;
    }
    queued_messages(site)
}

/// Waits until at most this number is queued. Returns the largest resident memory meanwhile.
fn wait_until_at_most(site: &Site, left: f64) -> BenchResult<u64> {
    let mut most = 0;
    while queued_messages(site)? > left {
        most = most.max(site.server.resident_memory()?);
        sleep(Duration::from_millis(500));
    }
    Ok(most)
}

/// The number of messages that are queued or in flight.
fn queued_messages(site: &Site) -> BenchResult<f64> {
    let metrics = site.metrics()?;
    let queued = metrics.iter().find(|(name, _)| name.contains("whatsapp_queued"));
    Ok(*queued.ok_or("no metric whatsapp_queued")?.1)
}

/// Starts the simulated Cloud API. Returns it with its URL.
fn start_simulator(bench: &Bench) -> BenchResult<(ChildProcess, String)> {
    let mut command = Command::new(product_path()?);
    command.env_clear().envs(WHATSAPP_SECRETS).current_dir(&bench.folder);
    command.args(["simulate-whatsapp", "--quick", "--bind=127.0.0.1:0", "--phone-number-id", PHONE_NUMBER_ID]);
    let mut simulator = ChildProcess::start(&mut command, &bench.folder.join("simulator.log"))?;
    let address = simulator.wait_until_listening()?;
    Ok((simulator, format!("http://{address}")))
}

/// Changes settings of the simulator.
fn configure_simulator(api_url: &str, settings: &Value) -> BenchResult<()> {
    let (address, body) = (api_url.trim_start_matches("http://"), settings.to_string());
    let request = format!(
        "POST /control/settings/ HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    fetch_json(address, &request).map(drop)
}
