//! Search for messages in a large database: how long it takes, and its effect on pages of others meanwhile.

use std::thread;

use super::{Bench, median, thousands};
use crate::{
    BenchResult,
    databases::BenchDatabaseKind,
    load::{LoadPace, Round, RoundReport},
    processes::RoundProcess,
    site::{Site, SiteSizes, get},
    table::BenchRow,
};

const STAYS: usize = 2_000;
/// People who search in turns, so that the pause after a search of one person is not measured.
const SEARCHERS: usize = 20;
/// The time in which 95 of 100 searches are answered, in milliseconds.
const GOAL: f64 = 100.0;
/// Frequent words, several of them, a phrase, filters, a word that no message has, an unfinished word, a phone number.
const SEARCHES: [&str; 8] = [
    "q=towels",
    "q=umbrella+pool",
    "q=%22air+conditioning%22",
    "q=breakfast&sender_type=guest",
    "q=colleagues+shortly&page=4",
    "q=helicopter",
    "q=towe",
    "q=%2B49+171+1234567",
];

pub fn measure(bench: &Bench) -> BenchResult<()> {
    for kind in BenchDatabaseKind::all() {
        let sizes = SiteSizes { hotels: 1, staff: SEARCHERS + 2, stays: STAYS, messages: bench.messages / STAYS };
        let site = Site::new(kind, sizes, &bench.folder)?;
        let mut tokens = site.tokens(SEARCHERS + 1)?;
        let reader = tokens.pop().ok_or("no staff member is left to read")?;
        // The same person and the same search are far apart.
        let request = |n: usize| {
            let path = format!("search/?{}", SEARCHES[n % SEARCHES.len()]);
            get(&site.address, &tokens[n % SEARCHERS], &path)
        };
        let all: Vec<String> = (0..SEARCHERS * SEARCHES.len()).map(request).collect();
        let mut searches = site.requests(1, all, 200)?;
        let mut pages = site.requests(1, vec![get(&site.address, &reader, "conversations/")], 200)?;
        let round = bench.long_round(LoadPace::AwaitAck(1));
        bench.warm_up(&mut [&mut searches, &mut pages], round.pace)?;
        let (mut alone, mut found, mut beside) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            alone.push(pages.round(round)?);
            found.push(searches.round(round)?);
            beside.push(read_beside(&mut pages, &mut searches, round)?);
        }
        row(kind, bench.messages, &found, &alone, &beside).print();
    }
    Ok(())
}

/// Reads pages while searches run, which start before and end after them.
fn read_beside(pages: &mut RoundProcess, searches: &mut RoundProcess, round: Round) -> BenchResult<RoundReport> {
    let longer = Round { seconds: round.seconds + 1.0, ..round };
    thread::scope(|scope| {
        let searching = scope.spawn(|| searches.round(longer));
        let report = pages.round(round);
        searching.join().map_err(|_| "the searches failed")??;
        report
    })
}

fn row(
    kind: BenchDatabaseKind,
    messages: usize,
    found: &[RoundReport],
    alone: &[RoundReport],
    beside: &[RoundReport],
) -> BenchRow {
    let middle =
        |reports: &[RoundReport], of: fn(&RoundReport) -> f64| median(&mut reports.iter().map(of).collect::<Vec<_>>());
    let p95 = middle(found, |it| it.p95);
    let (before, after) = (middle(alone, |it| it.p50), middle(beside, |it| it.p50));
    BenchRow {
        what: format!("GET search/ in {} messages, {}", thousands(messages as f64), kind.name()),
        product: format!(
            "p95 {p95:.1} ms, p50 {:.1} ms; a list of 25 meanwhile p50 {after:.2} ms",
            middle(found, |it| it.p50)
        ),
        baseline: format!("the list without searches p50 {before:.2} ms"),
        ratio: format!("{:.2}", after / before),
        required: format!("p95 ≤ {GOAL:.0} ms"),
        reached: Some(p95 <= GOAL),
    }
}
