//! From sending to the last of five receipts, at 200 messages a second.

use std::time::Duration;

use super::{Bench, fanout, median, sends};
use crate::{
    Failure, Outcome,
    baseline::commit::Statements,
    databases::Kind,
    load::{Pace, Report},
    processes::{Rounds, stolen},
    site::{Made, SOCKETS_OF_ONE, seated},
    table::Row,
};

const STAYS: usize = 200;
const A_SECOND: f64 = 200.0;
/// How many times as long as the bare broadcaster's it may be, and a commit longer.
const GOAL: f64 = 3.0;

pub fn measure(bench: &Bench) -> Outcome<()> {
    for kind in Kind::all() {
        let sizes = fanout::sizes(STAYS * fanout::OF_EACH, 2 * STAYS);
        let made = Made::up(kind, sizes, &bench.folder)?;
        let copy = made.database.copy()?;
        let mut commit = sends::commits(&copy, &made.hotels[0], Statements::Sent, bench)?;
        let site = made.serve()?;
        let tokens = site.tokens(STAYS * fanout::OF_EACH / SOCKETS_OF_ONE)?;
        let of = tokens.len();
        let mut product = site.seats(tokens, fanout::seats(&site, STAYS, of))?;
        let (_bare, address) = fanout::broadcaster(bench)?;
        let seats = fanout::seats(&site, STAYS, 1);
        let mut baseline = seated(&address, vec![String::new()], seats, &bench.folder)?;
        let pace = Pace::Every(A_SECOND);
        bench.warm_up(&mut [&mut commit, &mut product, &mut baseline], pace)?;
        let round = bench.long_round(pace);
        let measured = |client: &mut Rounds| {
            let before = stolen()?;
            let report = client.round(round)?;
            Ok::<_, Failure>((stolen()?.saturating_sub(before), report))
        };
        let (mut products, mut baselines, mut commits) = (Vec::new(), Vec::new(), Vec::new());
        // Twice as many as elsewhere: half of them count.
        for _ in 0..2 * bench.rounds {
            // The database's server goes on writing after the commits: the baseline, which has none, comes between.
            commits.push(measured(&mut commit)?);
            baselines.push(measured(&mut baseline)?);
            products.push(measured(&mut product)?);
        }
        row(kind, &quieter(products), &quieter(baselines), &quieter(commits)).print();
    }
    Ok(())
}

/// The half of the rounds in which the machine's host took the least processor time away: what it takes is in nobody's
/// hand here, and some milliseconds of it decide a p99.
fn quieter(mut rounds: Vec<(Duration, Report)>) -> Vec<Report> {
    rounds.sort_by_key(|(stolen, _)| *stolen);
    let half = rounds.len().div_ceil(2);
    rounds.into_iter().take(half).map(|(_, report)| report).collect()
}

fn row(kind: Kind, products: &[Report], baselines: &[Report], commits: &[Report]) -> Row {
    let p50 = |reports: &[Report]| median(&mut reports.iter().map(|it| it.p50).collect::<Vec<_>>());
    let p99 = |reports: &[Report]| median(&mut reports.iter().map(|it| it.p99).collect::<Vec<_>>());
    // All three at their p99: a commit's own, since it is a part of what is measured.
    let (took, bare, commit) = (p99(products), p99(baselines), p99(commits));
    let most = GOAL * bare + commit;
    Row {
        what: format!("from send to last receipt, 200 messages/s on 5-socket stays, {}", kind.name()),
        product: format!("p99 {took:.2} ms, p50 {:.2} ms", p50(products)),
        baseline: format!(
            "p99 {bare:.2} ms, p50 {:.2} ms; a commit p99 {commit:.2} ms, p50 {:.2} ms",
            p50(baselines),
            p50(commits)
        ),
        ratio: format!("{:.2}", (took - commit) / bare),
        required: format!("≤ {most:.2} ms"),
        reached: Some(took <= most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quieter_half_counts() {
        let rounds = [(30, 3.0), (0, 1.0), (90, 9.0), (10, 2.0)];
        let rounds = rounds.map(|(stolen, p99)| (Duration::from_millis(stolen), Report { p99, ..Report::default() }));
        let counted: Vec<f64> = quieter(rounds.to_vec()).iter().map(|it| it.p99).collect();
        assert_eq!(counted, [1.0, 2.0]);
    }
}
