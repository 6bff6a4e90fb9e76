//! Guests on WhatsApp: taking in what they write, and sending what waits for them.

use std::{
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Bench, Costs, median, sends, thousands, watched};
use crate::{
    Outcome,
    baseline::commit::Statements,
    databases::Kind,
    load::{Pace, Round},
    processes::{Process, product},
    site::{Made, PHONE_NUMBER_ID, SOCKETS_OF_ONE, Site, Sizes, WHATSAPP_SECRETS, ask},
    table::Row,
};

/// Of the rate at which the same is committed by nobody but the database.
const GOAL: f64 = 0.5;
/// Messages in the largest POST that Meta makes.
const BATCH: usize = 1_000;
/// In milliseconds.
const GOAL_BATCH: f64 = 2_000.0;
/// What a number may send a second.
const A_SECOND: f64 = 60.0;
/// What part of that is reached.
const GOAL_PACE: f64 = 0.95;
/// When so much of a queue is sent, connections are open and caches are filled.
const AT_FIRST: f64 = 0.1;
/// How many times as much memory may be resident from then on.
const GOAL_MEMORY: f64 = 1.1;
/// Nobody is there: what is only taken in asks nothing of the API.
const NOWHERE: &str = "http://127.0.0.1:9";

const SIZES: Sizes = Sizes { hotels: 1, staff: 12, stays: 2_000, messages: 3 };

/// Taking in what guests write, a message a POST, and a thousand.
pub fn take_in(bench: &Bench) -> Outcome<()> {
    for kind in Kind::all() {
        let made = Made::up(kind, SIZES, &bench.folder)?;
        let copy = made.database.copy()?;
        let mut bare = match kind {
            Kind::Sqlite => Some(sends::commits(&copy, &made.hotels[0], Statements::ChangesOfReceived, bench)?),
            Kind::Postgres => sends::prepare(&copy, &made.hotels).map(|()| None)?,
        };
        let mut commits = |round: Round| match &mut bare {
            Some(bare) => Ok(bare.round(round)?.rate()),
            None => sends::pgbench(&copy, include_str!("receive.sql"), SIZES, bench),
        };
        let site = made.with_whatsapp(NOWHERE)?.serve()?;
        let pace = Pace::UntilAcknowledged(sends::UNDER_WAY);
        let mut singly = site.guests(sends::UNDER_WAY, 1)?;
        bench.warm_up(&mut [&mut singly], pace)?;
        let (round, mut costs) = (bench.round(pace), Costs::default());
        let duel =
            bench.duel(|| Ok(watched(&mut singly, &site.server, round, &mut costs)?.rate()), || commits(round))?;
        let what = format!("POST of a guest's message to the webhook, {}, against a loop of its changes", kind.name());
        duel.row(what, "/s", Some(GOAL), [&costs, &Costs::default()]).print();
        drop(singly);
        batches(kind, &site, bench)?.print();
    }
    Ok(())
}

/// One POST of a thousand messages after another.
fn batches(kind: Kind, site: &Site, bench: &Bench) -> Outcome<Row> {
    let mut guests = site.guests(1, BATCH)?;
    let round = bench.long_round(Pace::UntilAcknowledged(1));
    let mut times = Vec::new();
    for _ in 0..bench.rounds {
        let report = guests.round(round)?;
        if report.done == 0 {
            return Err("no POST of a thousand messages was answered within a round".into());
        }
        times.push(report.p50);
    }
    let took = median(&mut times);
    let most = times.iter().copied().fold(0.0, f64::max);
    // Only on SQLite it was promised.
    let required = (kind == Kind::Sqlite).then_some(GOAL_BATCH);
    Ok(Row {
        what: format!("a POST of {} guests' messages, {}", thousands(BATCH as f64), kind.name()),
        product: format!("{took:.0} ms ({most:.0} in the slowest round)"),
        baseline: String::new(),
        ratio: String::new(),
        required: required.map_or_else(String::new, |most| format!("≤ {most:.0} ms")),
        reached: required.map(|most| took <= most),
    })
}

/// Sending a long queue, at the pace that a number has.
pub fn drain(bench: &Bench) -> Outcome<()> {
    for kind in Kind::all() {
        let (_simulator, api_url) = simulator(bench)?;
        let site = Made::up(kind, SIZES, &bench.folder)?.with_whatsapp(&api_url)?.serve()?;
        tell(&api_url, &json!({ "callback": format!("http://{}/webhooks/whatsapp/", site.address) }))?;
        let queued = queue(&site, bench.queue)?;
        let start = Instant::now();
        wait_until_at_most(&site, queued * (1.0 - AT_FIRST))?;
        let resident = site.server.resident()?;
        let most = wait_until_at_most(&site, 0.0)?;
        let rate = queued / start.elapsed().as_secs_f64();
        let of = format!("{} queued messages sent by WhatsApp, {}", thousands(queued), kind.name());
        let ratio = rate / A_SECOND;
        let pace = Row {
            what: format!("{of}: how fast, beside what is allowed"),
            product: format!("{rate:.1} /s"),
            baseline: format!("{A_SECOND} /s"),
            ratio: format!("{ratio:.2}"),
            required: format!("≥ {GOAL_PACE:.2}"),
            reached: Some(ratio >= GOAL_PACE),
        };
        pace.print();
        let ratio = most as f64 / resident as f64;
        let [most, resident] = [most, resident].map(|bytes| bytes / 1024 / 1024);
        let memory = Row {
            what: format!("{of}: the most resident memory, beside that when a tenth was sent"),
            product: format!("{most} MiB"),
            baseline: format!("{resident} MiB"),
            ratio: format!("{ratio:.2}"),
            required: format!("≤ {GOAL_MEMORY:.2}"),
            reached: Some(ratio <= GOAL_MEMORY),
        };
        memory.print();
    }
    Ok(())
}

/// Has so many messages queued at least; how many wait then.
fn queue(site: &Site, at_least: u64) -> Outcome<f64> {
    let tokens = site.tokens(sends::SOCKETS / SOCKETS_OF_ONE)?;
    let mut staff = sends::by_rest(site, &tokens)?;
    let round = Round { seconds: 0.5, pace: Pace::UntilAcknowledged(sends::UNDER_WAY) };
    while waiting(site)? < at_least as f64 {
        staff.round(round)?;
    }
    waiting(site)
}

/// Waits until so many messages are left; the most memory that was resident meanwhile.
fn wait_until_at_most(site: &Site, left: f64) -> Outcome<u64> {
    let mut most = 0;
    while waiting(site)? > left {
        most = most.max(site.server.resident()?);
        sleep(Duration::from_millis(500));
    }
    Ok(most)
}

/// Messages that wait to be sent, or are on their way.
fn waiting(site: &Site) -> Outcome<f64> {
    let figures = site.metrics()?;
    let waiting = figures.iter().find(|(name, _)| name.contains("whatsapp_queued"));
    Ok(*waiting.ok_or("no figure of what waits")?.1)
}

/// The simulator of the Cloud API, and where it is.
fn simulator(bench: &Bench) -> Outcome<(Process, String)> {
    let mut command = Command::new(product()?);
    command.env_clear().envs(WHATSAPP_SECRETS).current_dir(&bench.folder);
    command.args(["simulate-whatsapp", "--quick", "--bind=127.0.0.1:0", "--phone-number-id", PHONE_NUMBER_ID]);
    let mut simulator = Process::start(&mut command, &bench.folder.join("simulator.log"))?;
    let address = simulator.listening()?;
    Ok((simulator, format!("http://{address}")))
}

/// Changes settings of the simulator.
fn tell(api_url: &str, settings: &Value) -> Outcome<()> {
    let (address, body) = (api_url.trim_start_matches("http://"), settings.to_string());
    let request = format!(
        "POST /control/settings/ HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    ask(address, &request).map(drop)
}
