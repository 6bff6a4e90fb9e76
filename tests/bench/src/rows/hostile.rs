//! What well-behaved clients notice of hostile ones at the same server.

use std::{collections::BTreeMap, thread::sleep, time::Duration};

use super::{Bench, fanout, median, thousands};
use crate::{
    Outcome,
    databases::Kind,
    hostile::{Done, Job, STAFF},
    load::{Pace, Report, Round},
    processes::Rounds,
    site::{SOCKETS_OF_ONE, Site},
    table::Row,
};

const STAYS: usize = 200;
const A_SECOND: f64 = 200.0;
/// How many times as long it may take.
const GOAL: f64 = 2.0;
/// Megabytes that the bodies of requests may take, and all else that the hostile clients make the server hold: its
/// connections, and what waits for those who do not read.
const BODIES_MIB: u64 = 256;
const OTHERS_MIB: u64 = 192;
/// Until the server is rid of those who are gone.
const REST: Duration = Duration::from_secs(3);

pub fn measure(bench: &Bench) -> Outcome<()> {
    for kind in Kind::all() {
        let sizes = fanout::sizes(STAYS * fanout::OF_EACH + STAFF * SOCKETS_OF_ONE, 2 * (STAYS + 1));
        let site = Site::new(kind, sizes, &bench.folder)?;
        let mut tokens = site.tokens(STAYS * fanout::OF_EACH / SOCKETS_OF_ONE + STAFF)?;
        let hostile = tokens.split_off(tokens.len() - STAFF);
        // Hashing passwords takes memory that would hide what hostile clients take.
        let site = site.restart()?;
        let stay = site.made.hotels[0].relayed().nth(STAYS).ok_or("no stay")?.id;
        let job = Job { address: site.address.clone(), tokens: hostile, stay };
        let of = tokens.len();
        let mut client = site.seats(tokens, fanout::seats(&site, STAYS, of))?;
        let pace = Pace::Every(A_SECOND);
        bench.warm_up(&mut [&mut client], pace)?;
        let round = Round { seconds: 5.0 * bench.seconds, pace };
        let before = site.server.resident()?;
        let (mut alone, mut beside, mut attack, mut bodies) = (Vec::new(), Vec::new(), None, 0.0_f64);
        for _ in 0..bench.rounds {
            alone.push(client.round(round)?);
            let one = Attack::beside(&site, &job, bench, || client.round(round))?;
            beside.push(one.report.clone());
            bodies = bodies.max(one.bodies);
            attack = Some(one);
            sleep(REST);
        }
        let memory = [before, site.server.most_resident()?, site.server.resident()?];
        row(kind, &alone, &beside, &attack.ok_or("no round")?, memory).print();
        memory_row(kind, memory, bodies).print();
    }
    Ok(())
}

/// A round beside hostile clients.
struct Attack {
    report: Report,
    done: Done,
    /// What part of a core the hostile clients had.
    busy: f64,
    /// The server's open files, while they were there.
    files: usize,
    /// What the bodies of requests took, in bytes, while they were there.
    bodies: f64,
    /// By how much its figures moved.
    moved: BTreeMap<String, f64>,
}

impl Attack {
    fn beside(site: &Site, job: &Job, bench: &Bench, measured: impl FnOnce() -> Outcome<Report>) -> Outcome<Self> {
        let before = site.metrics()?;
        let mut hostile = Rounds::start("hostile", job, &bench.folder.join("hostile.log"))?;
        let report = measured()?;
        let (files, mut moved) = (site.server.files()?, site.metrics()?);
        let bodies = moved.get("http_body_bytes").copied().ok_or("no http_body_bytes")?;
        let busy = hostile.busy()?.as_secs_f64();
        let done: Done = hostile.ask(&"enough")?;
        for (name, value) in &mut moved {
            *value -= before.get(name).copied().unwrap_or(0.0);
        }
        moved.retain(|_, value| *value != 0.0);
        Ok(Self { report, busy: busy / done.seconds.get(), done, files, bodies, moved })
    }

    /// What was offered, a second where nothing else is said.
    fn offered(&self) -> String {
        let Self { done, busy, files, .. } = self;
        let rate = |count: u64| thousands(count as f64 / done.seconds.get());
        format!(
            "offered: {} half-open connections at the most, {}/s anew; {} single bytes/s; {} commands/s, {}/s of them \
             refused, {} sockets closed; {} requests/s unsigned; {} MiB of bodies that stall, of which {} were given up; the hostile took {busy:.2} cores; the server had {} files open",
            thousands(done.most_half_open.get() as f64),
            rate(done.half_opened.get()),
            rate(done.dripped.get()),
            rate(done.commands.get()),
            rate(done.refused.get()),
            done.closed.get(),
            rate(done.requests.get()),
            done.stalled.get() / 1024 / 1024,
            done.given_up.get(),
            thousands(*files as f64),
        )
    }
}

fn row(kind: Kind, alone: &[Report], beside: &[Report], attack: &Attack, memory: [u64; 3]) -> Row {
    let p50 = |reports: &[Report]| median(&mut reports.iter().map(|it| it.p50).collect::<Vec<_>>());
    let p99 = |reports: &[Report]| median(&mut reports.iter().map(|it| it.p99).collect::<Vec<_>>());
    let mut ratios: Vec<f64> = beside.iter().zip(alone).map(|(beside, alone)| beside.p99 / alone.p99).collect();
    let ratio = median(&mut ratios);
    let [before, most, after] = memory.map(|bytes| bytes / 1024 / 1024);
    let moved: Vec<_> = attack.moved.iter().map(|(name, by)| format!("{name} {by:+}")).collect();
    Row {
        what: format!(
            "from send to last receipt, 200 messages/s on 5-socket stays: beside hostile clients, against without, {}",
            kind.name()
        ),
        product: format!(
            "p99 {:.2} ms, p50 {:.2} ms; resident {before} MiB before, {most} at the most, {after} after; {}; moved: {}",
            p99(beside),
            p50(beside),
            attack.offered(),
            moved.join(", ")
        ),
        baseline: format!("p99 {:.2} ms, p50 {:.2} ms", p99(alone), p50(alone)),
        ratio: format!("{ratio:.2} ({:.2}–{:.2})", ratios[0], ratios[ratios.len() - 1]),
        required: format!("≤ {GOAL:.2}"),
        reached: Some(ratio <= GOAL),
    }
}

/// Whether bodies that stall and slow ones are bounded.
fn memory_row(kind: Kind, memory: [u64; 3], bodies: f64) -> Row {
    let [before, most, _] = memory.map(|bytes| bytes / 1024 / 1024);
    let (bodies, grown) = (bodies / 1024.0 / 1024.0, most.saturating_sub(before));
    Row {
        what: format!("memory beside hostile clients, whose bodies stall, {}", kind.name()),
        product: format!("bodies {bodies:.0} MiB, resident {grown} MiB more than before at the most"),
        baseline: "–".to_owned(),
        ratio: "–".to_owned(),
        required: format!("≤ {BODIES_MIB} MiB, ≤ {} MiB", BODIES_MIB + OTHERS_MIB),
        reached: Some(bodies <= BODIES_MIB as f64 && grown <= BODIES_MIB + OTHERS_MIB),
    }
}
