//! From sending to the last of five receipts, at 200 messages a second.

use super::{Bench, fanout, median, sends};
use crate::{
    Outcome,
    baseline::commit::Statements,
    databases::{Database, Kind},
    load::{Pace, Report, Round},
    processes::Rounds,
    site::{Hotel, Made, SOCKETS_OF_ONE, Sizes, seated},
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
        let mut commit = Commits::on(&copy, &made.hotels[0], bench)?;
        let site = made.serve()?;
        let tokens = site.tokens(STAYS * fanout::OF_EACH / SOCKETS_OF_ONE)?;
        let of = tokens.len();
        let mut product = site.seats(tokens, fanout::seats(&site, STAYS, of))?;
        let (_bare, address) = fanout::broadcaster(bench)?;
        let seats = fanout::seats(&site, STAYS, 1);
        let mut baseline = seated(&address, vec![String::new()], seats, &bench.folder)?;
        let pace = Pace::Every(A_SECOND);
        bench.warm_up(&mut [&mut product, &mut baseline], pace)?;
        let round = bench.long_round(pace);
        let (mut products, mut baselines, mut commits) = (Vec::new(), Vec::new(), Vec::new());
        // Twice as many as elsewhere: a p99 of each is of its slowest sixteen messages.
        for _ in 0..2 * bench.rounds {
            // The database's server goes on writing after the commits: the baseline, which has none, comes between.
            commits.push(commit.measure(round, sizes, bench)?);
            baselines.push(baseline.round(round)?);
            products.push(product.round(round)?);
        }
        row(kind, &products, &baselines, &commits).print();
    }
    Ok(())
}

/// How long a single commit of the same statements takes, in the middle and at p99, where so many a second are
/// made as messages are sent. One after another without a pause, a core that is taken away for some milliseconds
/// would hit one commit of a thousand; of 200 a second it hits as large a part as it does of the messages.
enum Commits<'a> {
    Loop(Rounds),
    Pgbench(&'a Database),
}

impl<'a> Commits<'a> {
    fn on(database: &'a Database, hotel: &Hotel, bench: &Bench) -> Outcome<Self> {
        match database.kind() {
            Kind::Sqlite => Ok(Self::Loop(sends::commits(database, hotel, Statements::Sent, bench)?)),
            Kind::Postgres => {
                sends::prepare(database, std::slice::from_ref(hotel))?;
                Ok(Self::Pgbench(database))
            }
        }
    }

    fn measure(&mut self, round: Round, sizes: Sizes, bench: &Bench) -> Outcome<Report> {
        match self {
            Self::Loop(commit) => commit.round(round),
            Self::Pgbench(database) => sends::pgbench(database, sends::SEND, sizes, round, bench),
        }
    }
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
