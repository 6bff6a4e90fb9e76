//! What it adds that who listens is at another node: from sending to the last of five receipts, at 500
//! messages a second.

use super::{Bench, fanout, median};
use crate::{
    Outcome,
    databases::{Kind, postgres},
    load::{Pace, Report, Seat},
    processes::Rounds,
    redis,
    site::{Made, SOCKETS_OF_ONE, Site},
    table::Row,
};

/// Stays of each of the two ways, with five sockets that listen to each and as many that only send.
const STAYS: usize = 100;
const LISTENERS: usize = STAYS * fanout::OF_EACH;
const A_SECOND: f64 = 500.0;
/// What crossing may add, in milliseconds.
const GOAL_P50: f64 = 2.0;
const GOAL_P99: f64 = 10.0;

pub fn measure(bench: &Bench) -> Outcome<()> {
    if postgres().is_none() {
        return Ok(());
    }
    for through_redis in [true, false] {
        if through_redis && redis::program().is_none() {
            continue;
        }
        let made = Made::up(Kind::Postgres, fanout::sizes(4 * LISTENERS, 4 * STAYS), &bench.folder)?;
        let made = if through_redis { made.with_redis()? } else { made };
        let bare = made
            .redis
            .as_ref()
            .map(|it| Rounds::start("baseline-redis", &it.address, &bench.folder.join("baseline.log")));
        compare(bench, &made.serve_twice()?, bare.transpose()?)?;
    }
    Ok(())
}

/// Lets the two ways take turns, and bare publishing with them.
fn compare(bench: &Bench, site: &Site, mut bare: Option<Rounds>) -> Outcome<()> {
    let [here, there] = <[String; 2]>::try_from(site.addresses()).map_err(|_| "not two nodes")?;
    let mut tokens = site.tokens(4 * LISTENERS / SOCKETS_OF_ONE)?;
    let of_crossing = tokens.split_off(tokens.len() / 2);
    // Each way has stays of its own: nobody hears the other's messages.
    let mut stays: Vec<i64> = site.made.hotels[0].relayed().map(|it| it.id).take(2 * STAYS).collect();
    let stays_of_crossing = stays.split_off(STAYS);
    let mut staying = site.spread(vec![here.clone()], tokens, seats(&stays), LISTENERS)?;
    let mut crossing = site.spread(vec![here, there], of_crossing, seats(&stays_of_crossing), LISTENERS)?;
    let pace = Pace::Every(A_SECOND);
    bench.warm_up(&mut [&mut staying, &mut crossing], pace)?;
    let round = bench.long_round(pace);
    let (mut stayed, mut crossed, mut bares) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..bench.rounds {
        let mut ways = [(&mut staying, &mut stayed), (&mut crossing, &mut crossed)];
        ways.rotate_left(n % 2);
        for (client, reports) in ways {
            reports.push(client.round(round)?);
        }
        if let Some(bare) = &mut bare {
            bares.push(bare.round(round)?);
        }
    }
    row(&stayed, &crossed, &bares).print();
    Ok(())
}

/// First who sends, then who listens, five to a stay.
fn seats(stays: &[i64]) -> Vec<Seat> {
    let seat = |n: usize| Seat { token: n / SOCKETS_OF_ONE, stay: stays[n % stays.len()], listens: n >= LISTENERS };
    (0..2 * LISTENERS).map(seat).collect()
}

fn row(stayed: &[Report], crossed: &[Report], bares: &[Report]) -> Row {
    let p50 = |it: &Report| it.p50;
    let p99 = |it: &Report| it.p99;
    let told = |reports: &[Report]| format!("p50 {:.2} ms, p99 {:.2} ms", middle(reports, p50), middle(reports, p99));
    let (adds_p50, told_p50) = added(stayed, crossed, p50);
    let (adds_p99, told_p99) = added(stayed, crossed, p99);
    let through_redis = !bares.is_empty();
    let way = if through_redis { "Redis" } else { "LISTEN/NOTIFY" };
    let bare = if through_redis { format!("; bare publish/subscribe {}", told(bares)) } else { String::new() };
    Row {
        what: format!(
            "crossing nodes through {way}: send on A to last receipt on B, 500 messages/s on 5-socket stays, PostgreSQL"
        ),
        product: format!("{}; adds p50 {told_p50} ms, p99 {told_p99} ms", told(crossed)),
        baseline: format!("to last receipt on A: {}{bare}", told(stayed)),
        ratio: String::new(),
        required: if through_redis { format!("adds p50 < {GOAL_P50} ms, p99 < {GOAL_P99} ms") } else { String::new() },
        reached: through_redis.then_some(adds_p50 < GOAL_P50 && adds_p99 < GOAL_P99),
    }
}

fn middle(reports: &[Report], of: fn(&Report) -> f64) -> f64 {
    median(&mut reports.iter().map(of).collect::<Vec<_>>())
}

/// How much more it is, in the middle of the rounds; and that told, with the least and the greatest.
fn added(stayed: &[Report], crossed: &[Report], of: fn(&Report) -> f64) -> (f64, String) {
    let mut added: Vec<f64> = stayed.iter().zip(crossed).map(|(stayed, crossed)| of(crossed) - of(stayed)).collect();
    let middle = median(&mut added);
    let (least, greatest) = (added[0], added[added.len() - 1]);
    (middle, format!("{middle:.2} ({least:.2}–{greatest:.2})"))
}
