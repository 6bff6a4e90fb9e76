//! The start of a client: `inbox/` and `conversations/counts/` of a hotel with 2,000 open conversations, one request after another.

use super::{Bench, median, pages::STAYS};
use crate::{
    BenchResult,
    databases::BenchDatabaseKind,
    load::LoadPace,
    site::{Site, SiteSizes, get},
    table::BenchRow,
};

const MESSAGES: usize = 20;
/// The most milliseconds of half of the requests.
const GOAL: f64 = 30.0;

pub fn measure(bench: &Bench) -> BenchResult<()> {
    for kind in BenchDatabaseKind::all() {
        let site = Site::new(kind, SiteSizes { hotels: 1, staff: 3, stays: STAYS, messages: MESSAGES }, &bench.folder)?;
        let token = site.tokens(1)?.remove(0);
        for path in ["inbox/", "conversations/counts/"] {
            let mut client = site.requests(1, vec![get(&site.address, &token, path)], 200)?;
            let pace = LoadPace::AwaitAck(1);
            bench.warm_up(&mut [&mut client], pace)?;
            let rounds = (0..bench.rounds).map(|_| client.round(bench.round(pace))).collect::<BenchResult<Vec<_>>>()?;
            let p50 = median(&mut rounds.iter().map(|it| it.p50).collect::<Vec<_>>());
            let p99 = median(&mut rounds.iter().map(|it| it.p99).collect::<Vec<_>>());
            let row = BenchRow {
                what: format!("GET {path} of 2,000 open conversations, {}", kind.name()),
                product: format!("p50 {p50:.1} ms, p99 {p99:.1} ms"),
                baseline: "–".to_owned(),
                ratio: "–".to_owned(),
                required: format!("p50 ≤ {GOAL:.0} ms"),
                reached: Some(p50 <= GOAL),
            };
            row.print();
        }
    }
    Ok(())
}
