//! Fan-out: one message to a thousand sockets of one stay, and many messages to five sockets each of a thousand stays.

use super::{Bench, CpuCost, measure_cpu, median, sends, thousands};
use crate::{
    BenchResult,
    databases::BenchDatabaseKind,
    load::{LoadPace, LoadSocket, Round},
    processes::ChildProcess,
    site::{MAX_SOCKETS_PER_STAFF, Site, SiteSizes, connect_sockets},
    table::BenchRow,
};

const LISTENERS: usize = 1_000;
const IN_FLIGHT: usize = 8;
const GOAL_MANY: f64 = 0.6;
const STAYS: usize = 1_000;
/// Subscribed sockets of each stay.
pub const SOCKETS_PER_STAY: usize = 5;
/// The offered rate as a part of the largest send rate.
const OFFERED: f64 = 0.8;
/// The part that has to be delivered within the round: all but the messages in flight.
const GOAL_FEW: f64 = 0.98;

pub fn to_many(bench: &Bench) -> BenchResult<()> {
    for kind in BenchDatabaseKind::all() {
        let site = Site::new(kind, sizes(LISTENERS, 20), &bench.folder)?;
        let stay = site.generated.hotels[0].stays_in_relay().next().ok_or("no stay")?.id;
        let sockets =
            |of: usize| (0..LISTENERS).map(|n| LoadSocket { token: n % of, stay, is_subscribed: true }).collect();
        let tokens = site.tokens(LISTENERS / MAX_SOCKETS_PER_STAFF)?;
        let mut product = site.sockets(tokens.clone(), sockets(tokens.len()))?;
        let (bare, address) = broadcaster(bench)?;
        let mut baseline = connect_sockets(&address, vec![String::new()], sockets(1), &bench.folder)?;
        let pace = LoadPace::AwaitDelivery(IN_FLIGHT);
        bench.warm_up(&mut [&mut product, &mut baseline], pace)?;
        let round = bench.round(pace);
        let (mut costs, mut bare_costs) = (CpuCost::default(), CpuCost::default());
        let compare_rates = bench.compare_rates(
            || Ok(measure_cpu(&mut product, &site.server, round, &mut costs)?.deliveries as f64 / bench.seconds),
            || Ok(measure_cpu(&mut baseline, &bare, round, &mut bare_costs)?.deliveries as f64 / bench.seconds),
        )?;
        let what = format!("fan-out to 1,000 sockets of one stay, 8 messages under way, {}", kind.name());
        compare_rates.row(what, "deliveries/s", Some(GOAL_MANY), [&costs, &bare_costs]).print();
    }
    Ok(())
}

pub fn to_few(bench: &Bench) -> BenchResult<()> {
    for kind in BenchDatabaseKind::all() {
        let site = Site::new(kind, sizes(STAYS * SOCKETS_PER_STAY + sends::SOCKETS, 2 * STAYS), &bench.folder)?;
        let mut tokens = site.tokens((STAYS * SOCKETS_PER_STAY + sends::SOCKETS) / MAX_SOCKETS_PER_STAFF)?;
        let senders = tokens.split_off(STAYS * SOCKETS_PER_STAY / MAX_SOCKETS_PER_STAFF);
        let mut alone = sends::by_socket(&site, senders, sends::SOCKETS)?;
        let pace = LoadPace::AwaitAck(sends::IN_FLIGHT);
        bench.warm_up(&mut [&mut alone], pace)?;
        // The send rate without subscribers.
        let mut rates =
            (0..bench.rounds).map(|_| Ok(alone.round(bench.round(pace))?.rate())).collect::<BenchResult<Vec<_>>>()?;
        let offered = OFFERED * median(&mut rates);
        let mut product = site.sockets(tokens.clone(), sockets(&site, STAYS, tokens.len()))?;
        let pace = LoadPace::PerSecond(offered);
        bench.warm_up(&mut [&mut product], LoadPace::PerSecond(offered / 2.0))?;
        // A longer round, so that messages in flight at its end do not matter, and a backlog would grow.
        let (round, mut costs) = (Round { seconds: 2.0 * bench.seconds, pace }, CpuCost::default());
        let (mut parts, mut p99) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            let report = measure_cpu(&mut product, &site.server, round, &mut costs)?;
            parts.push(report.deliveries as f64 / (report.completed as usize * SOCKETS_PER_STAY) as f64);
            p99.push(report.p99);
        }
        let (least, greatest) = (parts.iter().copied().fold(1.0, f64::min), parts.iter().copied().fold(0.0, f64::max));
        let part = median(&mut parts);
        let row = BenchRow {
            what: format!("1,000 stays of 5 sockets, deliveries at 80 % of the send rate, {}", kind.name()),
            product: format!(
                "{} deliveries/s{costs}; p99 {:.0} ms",
                thousands(part * offered * SOCKETS_PER_STAY as f64),
                median(&mut p99)
            ),
            baseline: format!("offered 5 × {}/s, of {}", thousands(offered), thousands(offered / OFFERED)),
            ratio: format!("{part:.3} ({least:.3}–{greatest:.3})"),
            required: format!("≥ {GOAL_FEW}"),
            reached: Some(part >= GOAL_FEW),
        };
        row.print();
    }
    Ok(())
}

/// Five subscribed sockets for each stay.
pub fn sockets(site: &Site, stays: usize, tokens: usize) -> Vec<LoadSocket> {
    let stays = site.generated.hotels[0].stays_in_relay().take(stays).map(|it| it.id).collect::<Vec<_>>();
    let each = (0..stays.len() * SOCKETS_PER_STAY).map(|n| LoadSocket {
        token: n % tokens,
        stay: stays[n % stays.len()],
        is_subscribed: true,
    });
    each.collect()
}

/// Sizes with enough staff members for this number of sockets. The first one is a manager and opens none.
pub fn sizes(sockets: usize, stays: usize) -> SiteSizes {
    SiteSizes { hotels: 1, staff: 1 + sockets / MAX_SOCKETS_PER_STAFF, stays, messages: 3 }
}

/// Starts the bare broadcaster. Returns it with its address.
pub fn broadcaster(bench: &Bench) -> BenchResult<(ChildProcess, String)> {
    let mut bare = ChildProcess::start_role("baseline-ws", &bench.folder.join("baseline.log"))?;
    let address = bare.wait_until_listening()?;
    Ok((bare, address))
}
