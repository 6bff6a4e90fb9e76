//! What everybody else notices of one person who searches without pause.

use std::thread;

use super::{Bench, fanout, median, thousands};
use crate::{
    Outcome,
    databases::Kind,
    load::{Pace, Report, Round},
    site::{SOCKETS_OF_ONE, Site, Sizes, get},
    table::Row,
};

/// Stays whose conversations are listened to.
const LISTENED: usize = 200;
const A_SECOND: f64 = 200.0;
/// Searches in progress at once.
const SEARCHES: usize = 8;
/// How many times as long live events may take.
const GOAL: f64 = 2.0;
/// Nothing is found, so all conversations of the hotel are looked at.
const SEARCH: &str = "conversations/?status=demo,checkin,active,relay,closed&search=nobody+of+this+name";

pub fn measure(bench: &Bench) -> Outcome<()> {
    for kind in Kind::all() {
        let stays = (bench.messages / 50).max(2 * LISTENED);
        let staff = 2 + LISTENED * fanout::OF_EACH / SOCKETS_OF_ONE;
        let site = Site::new(kind, Sizes { hotels: 1, staff, stays, messages: 3 }, &bench.folder)?;
        let mut tokens = site.tokens(staff - 1)?;
        let noisy = tokens.pop().ok_or("nobody to search")?;
        let of = tokens.len();
        let mut client = site.seats(tokens, fanout::seats(&site, LISTENED, of))?;
        let mut searches = site.requests(SEARCHES, vec![get(&site.address, &noisy, SEARCH)], 200)?;
        let pace = Pace::Every(A_SECOND);
        bench.warm_up(&mut [&mut client, &mut searches], pace)?;
        let round = bench.long_round(pace);
        // The searches begin before what is measured and end after it.
        let longer = Round { seconds: round.seconds + 1.0, ..round };
        let (mut alone, mut beside, mut rates) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            alone.push(client.round(round)?);
            let (searched, report) = thread::scope(|scope| {
                let searching = scope.spawn(|| searches.round(longer));
                let report = client.round(round);
                (searching.join(), report)
            });
            beside.push(report?);
            rates.push(searched.map_err(|_| "the searches came to grief")??.rate());
        }
        row(kind, stays, &alone, &beside, median(&mut rates)).print();
    }
    Ok(())
}

fn row(kind: Kind, stays: usize, alone: &[Report], beside: &[Report], rate: f64) -> Row {
    let p50 = |reports: &[Report]| median(&mut reports.iter().map(|it| it.p50).collect::<Vec<_>>());
    let p99 = |reports: &[Report]| median(&mut reports.iter().map(|it| it.p99).collect::<Vec<_>>());
    let mut ratios: Vec<f64> = beside.iter().zip(alone).map(|(beside, alone)| beside.p99 / alone.p99).collect();
    let ratio = median(&mut ratios);
    Row {
        what: format!(
            "noisy neighbour: from send to last receipt, 200 messages/s on 5-socket stays, while one person searches {} \
             conversations without pause, against without, {}",
            thousands(stays as f64),
            kind.name()
        ),
        product: format!("p99 {:.2} ms, p50 {:.2} ms; {} searches/s", p99(beside), p50(beside), thousands(rate)),
        baseline: format!("p99 {:.2} ms, p50 {:.2} ms", p99(alone), p50(alone)),
        ratio: format!("{ratio:.2} ({:.2}–{:.2})", ratios[0], ratios[ratios.len() - 1]),
        required: format!("≤ {GOAL:.2}"),
        reached: Some(ratio <= GOAL),
    }
}
