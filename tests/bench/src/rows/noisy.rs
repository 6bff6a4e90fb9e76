//! Noisy neighbour: the effect of one person's continuous searches on the latency of others.

use std::thread;

use super::{Bench, fanout, median, thousands};
use crate::{
    BenchResult,
    databases::BenchDatabaseKind,
    load::{LoadPace, Round, RoundReport},
    site::{MAX_SOCKETS_PER_STAFF, Site, SiteSizes, get},
    table::BenchRow,
};

/// Stays with subscribed sockets.
const STAYS: usize = 200;
const MESSAGES_PER_SECOND: f64 = 200.0;
/// Searches in progress at the same time.
const CONCURRENT_SEARCHES: usize = 8;
/// The latency with searches as a multiple of that without.
const GOAL: f64 = 2.0;
/// It matches nothing, so that all conversations of the hotel are scanned.
const SEARCH: &str = "conversations/?status=demo,checkin,active,relay,closed&search=nobody+of+this+name";

pub fn measure(bench: &Bench) -> BenchResult<()> {
    for kind in BenchDatabaseKind::all() {
        let stays = (bench.messages / 50).max(2 * STAYS);
        let staff = 2 + STAYS * fanout::SOCKETS_PER_STAY / MAX_SOCKETS_PER_STAFF;
        let site = Site::new(kind, SiteSizes { hotels: 1, staff, stays, messages: 3 }, &bench.folder)?;
        let mut tokens = site.tokens(staff - 1)?;
        let noisy = tokens.pop().ok_or("no staff member is left to search")?;
        let of = tokens.len();
        let mut client = site.sockets(tokens, fanout::sockets(&site, STAYS, of))?;
        let mut searches = site.requests(CONCURRENT_SEARCHES, vec![get(&site.address, &noisy, SEARCH)], 200)?;
        let pace = LoadPace::PerSecond(MESSAGES_PER_SECOND);
        bench.warm_up(&mut [&mut client, &mut searches], pace)?;
        let round = bench.long_round(pace);
        // The searches start before the measured round and end after it.
        let longer = Round { seconds: round.seconds + 1.0, ..round };
        let (mut without_load, mut with_load, mut rates) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            without_load.push(client.round(round)?);
            let (searched, report) = thread::scope(|scope| {
                let searching = scope.spawn(|| searches.round(longer));
                let report = client.round(round);
                (searching.join(), report)
            });
            with_load.push(report?);
            rates.push(searched.map_err(|_| "the searches failed")??.rate());
        }
        row(kind, stays, &without_load, &with_load, median(&mut rates)).print();
    }
    Ok(())
}

fn row(
    kind: BenchDatabaseKind,
    stays: usize,
    without_load: &[RoundReport],
    with_load: &[RoundReport],
    rate: f64,
) -> BenchRow {
    let p50 = |reports: &[RoundReport]| median(&mut reports.iter().map(|it| it.p50).collect::<Vec<_>>());
    let p99 = |reports: &[RoundReport]| median(&mut reports.iter().map(|it| it.p99).collect::<Vec<_>>());
    let mut ratios: Vec<f64> =
        with_load.iter().zip(without_load).map(|(with_load, without_load)| with_load.p99 / without_load.p99).collect();
    let ratio = median(&mut ratios);
    BenchRow {
        what: format!(
            "noisy neighbour: from send to last receipt, 200 messages/s on 5-socket stays, while one person searches {} \
             conversations without pause, against without, {}",
            thousands(stays as f64),
            kind.name()
        ),
        product: format!("p99 {:.2} ms, p50 {:.2} ms; {} searches/s", p99(with_load), p50(with_load), thousands(rate)),
        baseline: format!("p99 {:.2} ms, p50 {:.2} ms", p99(without_load), p50(without_load)),
        ratio: format!("{ratio:.2} ({:.2}–{:.2})", ratios[0], ratios[ratios.len() - 1]),
        required: format!("≤ {GOAL:.2}"),
        reached: Some(ratio <= GOAL),
    }
}
