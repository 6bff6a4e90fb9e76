//! The effect of hostile clients on the latency of others, and on the server's memory.

use std::{collections::BTreeMap, thread::sleep, time::Duration};

use super::{Bench, fanout, median, thousands};
use crate::{
    BenchResult,
    databases::BenchDatabaseKind,
    hostile::{HostileCounts, HostileJob, STAFF},
    load::{LoadPace, Round, RoundReport},
    processes::RoundProcess,
    site::{MAX_SOCKETS_PER_STAFF, Site},
    table::BenchRow,
};

const STAYS: usize = 200;
const MESSAGES_PER_SECOND: f64 = 200.0;
/// The latency with hostile clients as a multiple of that without.
const GOAL: f64 = 2.0;
/// The goal for the memory of request bodies, and for all other memory of hostile clients: connections and send queues.
const BODIES_MIB: u64 = 256;
const OTHERS_MIB: u64 = 192;
/// Until the server has closed the connections of the last round.
const PAUSE: Duration = Duration::from_secs(3);

pub fn measure(bench: &Bench) -> BenchResult<()> {
    for kind in BenchDatabaseKind::all() {
        let sizes = fanout::sizes(STAYS * fanout::SOCKETS_PER_STAY + STAFF * MAX_SOCKETS_PER_STAFF, 2 * (STAYS + 1));
        let site = Site::new(kind, sizes, &bench.folder)?;
        let mut tokens = site.tokens(STAYS * fanout::SOCKETS_PER_STAY / MAX_SOCKETS_PER_STAFF + STAFF)?;
        let hostile = tokens.split_off(tokens.len() - STAFF);
        // Hashing passwords takes memory that would hide what hostile clients take.
        let site = site.restart()?;
        let stay = site.generated.hotels[0].stays_in_relay().nth(STAYS).ok_or("no stay")?.id;
        let job = HostileJob { address: site.address.clone(), tokens: hostile, stay };
        let of = tokens.len();
        let mut client = site.sockets(tokens, fanout::sockets(&site, STAYS, of))?;
        let pace = LoadPace::PerSecond(MESSAGES_PER_SECOND);
        bench.warm_up(&mut [&mut client], pace)?;
        let round = Round { seconds: 5.0 * bench.seconds, pace };
        let before = site.server.resident_memory()?;
        let (mut without_load, mut with_load, mut attack, mut bodies) = (Vec::new(), Vec::new(), None, 0.0_f64);
        for _ in 0..bench.rounds {
            without_load.push(client.round(round)?);
            let one = HostileRound::run(&site, &job, bench, || client.round(round))?;
            with_load.push(one.report.clone());
            bodies = bodies.max(one.bodies);
            attack = Some(one);
            sleep(PAUSE);
        }
        let memory = [before, site.server.peak_memory()?, site.server.resident_memory()?];
        row(kind, &without_load, &with_load, &attack.ok_or("no round")?, memory).print();
        memory_row(kind, memory, bodies).print();
    }
    Ok(())
}

/// A round with hostile clients.
struct HostileRound {
    report: RoundReport,
    counts: HostileCounts,
    /// The cores that the hostile clients used.
    cpu_time: f64,
    /// The server's open files during the round.
    files: usize,
    /// The memory of request bodies during the round in bytes.
    bodies: f64,
    /// The differences of the server's metrics.
    metrics: BTreeMap<String, f64>,
}

impl HostileRound {
    fn run(
        site: &Site,
        job: &HostileJob,
        bench: &Bench,
        measured: impl FnOnce() -> BenchResult<RoundReport>,
    ) -> BenchResult<Self> {
        let before = site.metrics()?;
        let mut hostile = RoundProcess::start("hostile", job, &bench.folder.join("hostile.log"))?;
        let report = measured()?;
        let (files, mut metrics) = (site.server.open_files()?, site.metrics()?);
        let bodies = metrics.get("http_body_bytes").copied().ok_or("no http_body_bytes")?;
        let cpu_time = hostile.cpu_time()?.as_secs_f64();
        let counts: HostileCounts = hostile.call(&"enough")?;
        for (name, value) in &mut metrics {
            *value -= before.get(name).copied().unwrap_or(0.0);
        }
        metrics.retain(|_, value| *value != 0.0);
        Ok(Self { report, cpu_time: cpu_time / counts.seconds.get(), counts, files, bodies, metrics })
    }

    /// The load of the hostile clients as text, per second unless stated otherwise.
    fn offered(&self) -> String {
        let Self { counts, cpu_time, files, .. } = self;
        let rate = |count: u64| thousands(count as f64 / counts.seconds.get());
        format!(
            "offered: {} half-open connections at the most, {}/s anew; {} single bytes/s; {} commands/s, {}/s of them \
             refused, {} sockets closed; {} requests/s unsigned; {} MiB of bodies that stall, of which {} were given up; the hostile took {cpu_time:.2} cores; the server had {} files open",
            thousands(counts.most_half_open.get() as f64),
            rate(counts.half_opened.get()),
            rate(counts.dripped.get()),
            rate(counts.commands.get()),
            rate(counts.refused.get()),
            counts.closed.get(),
            rate(counts.requests.get()),
            counts.stalled.get() / 1024 / 1024,
            counts.given_up.get(),
            thousands(*files as f64),
        )
    }
}

fn row(
    kind: BenchDatabaseKind,
    without_load: &[RoundReport],
    with_load: &[RoundReport],
    attack: &HostileRound,
    memory: [u64; 3],
) -> BenchRow {
    let p50 = |reports: &[RoundReport]| median(&mut reports.iter().map(|it| it.p50).collect::<Vec<_>>());
    let p99 = |reports: &[RoundReport]| median(&mut reports.iter().map(|it| it.p99).collect::<Vec<_>>());
    let mut ratios: Vec<f64> =
        with_load.iter().zip(without_load).map(|(with_load, without_load)| with_load.p99 / without_load.p99).collect();
    let ratio = median(&mut ratios);
    let [before, most, after] = memory.map(|bytes| bytes / 1024 / 1024);
    let metrics: Vec<_> = attack.metrics.iter().map(|(name, by)| format!("{name} {by:+}")).collect();
    BenchRow {
        what: format!(
            "from send to last receipt, 200 messages/s on 5-socket stays: beside hostile clients, against without, {}",
            kind.name()
        ),
        product: format!(
            "p99 {:.2} ms, p50 {:.2} ms; resident {before} MiB before, {most} at the most, {after} after; {}; moved: {}",
            p99(with_load),
            p50(with_load),
            attack.offered(),
            metrics.join(", ")
        ),
        baseline: format!("p99 {:.2} ms, p50 {:.2} ms", p99(without_load), p50(without_load)),
        ratio: format!("{ratio:.2} ({:.2}–{:.2})", ratios[0], ratios[ratios.len() - 1]),
        required: format!("≤ {GOAL:.2}"),
        reached: Some(ratio <= GOAL),
    }
}

/// The row about the memory limits.
fn memory_row(kind: BenchDatabaseKind, memory: [u64; 3], bodies: f64) -> BenchRow {
    let [before, most, _] = memory.map(|bytes| bytes / 1024 / 1024);
    let (bodies, grown) = (bodies / 1024.0 / 1024.0, most.saturating_sub(before));
    BenchRow {
        what: format!("memory beside hostile clients, whose bodies stall, {}", kind.name()),
        product: format!("bodies {bodies:.0} MiB, resident {grown} MiB more than before at the most"),
        baseline: "–".to_owned(),
        ratio: "–".to_owned(),
        required: format!("≤ {BODIES_MIB} MiB, ≤ {} MiB", BODIES_MIB + OTHERS_MIB),
        reached: Some(bodies <= BODIES_MIB as f64 && grown <= BODIES_MIB + OTHERS_MIB),
    }
}
