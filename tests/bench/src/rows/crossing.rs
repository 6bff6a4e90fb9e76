//! The latency that a second node adds: from send to the last of five receipts, if the subscribers are connected to another node
//! than the sender, beside the same on one node, at 500 messages per second.

use super::{Bench, fanout, median};
use crate::{
    BenchResult,
    databases::{BenchDatabaseKind, postgres},
    load::{LoadPace, LoadSocket, RoundReport},
    processes::RoundProcess,
    redis,
    site::{GeneratedSite, MAX_SOCKETS_PER_STAFF, Site},
    table::BenchRow,
};

/// Stays of each of the two paths. Each stay has five subscribed sockets and as many that only send.
const STAYS: usize = 100;
const LISTENERS: usize = STAYS * fanout::SOCKETS_PER_STAY;
const MESSAGES_PER_SECOND: f64 = 500.0;
/// Added milliseconds.
const GOAL_P50: f64 = 2.0;
const GOAL_P99: f64 = 10.0;

pub fn measure(bench: &Bench) -> BenchResult<()> {
    if postgres().is_none() {
        return Ok(());
    }
    for through_redis in [true, false] {
        if through_redis && redis::program().is_none() {
            continue;
        }
        let generated = GeneratedSite::generate(
            BenchDatabaseKind::Postgres,
            fanout::sizes(4 * LISTENERS, 4 * STAYS),
            &bench.folder,
        )?;
        let generated = if through_redis { generated.with_redis()? } else { generated };
        let bare = generated
            .redis
            .as_ref()
            .map(|it| RoundProcess::start("baseline-redis", &it.address, &bench.folder.join("baseline.log")));
        compare(bench, &generated.serve_twice()?, bare.transpose()?)?;
    }
    Ok(())
}

/// Measures both paths and bare publishing in turns.
fn compare(bench: &Bench, site: &Site, mut bare: Option<RoundProcess>) -> BenchResult<()> {
    let [here, there] = <[String; 2]>::try_from(site.addresses()).map_err(|_| "not two nodes")?;
    let mut tokens = site.tokens(4 * LISTENERS / MAX_SOCKETS_PER_STAFF)?;
    let crossing_tokens = tokens.split_off(tokens.len() / 2);
    // Each path has stays of its own, so that it does not receive messages of the other.
    let mut stays: Vec<i64> = site.generated.hotels[0].stays_in_relay().map(|it| it.id).take(2 * STAYS).collect();
    let crossing_stays = stays.split_off(STAYS);
    let mut on_one_node = site.spread(vec![here.clone()], tokens, sockets(&stays), LISTENERS)?;
    let mut crossing = site.spread(vec![here, there], crossing_tokens, sockets(&crossing_stays), LISTENERS)?;
    let pace = LoadPace::PerSecond(MESSAGES_PER_SECOND);
    bench.warm_up(&mut [&mut on_one_node, &mut crossing], pace)?;
    let round = bench.long_round(pace);
    let (mut stayed, mut crossed, mut bares) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..bench.rounds {
        let mut paths = [(&mut on_one_node, &mut stayed), (&mut crossing, &mut crossed)];
        paths.rotate_left(n % 2);
        for (client, reports) in paths {
            reports.push(client.round(round)?);
        }
        if let Some(bare) = &mut bare {
            bares.push(bare.round(round)?);
        }
    }
    row(&stayed, &crossed, &bares).print();
    Ok(())
}

/// The senders, then the subscribers, five for each stay.
fn sockets(stays: &[i64]) -> Vec<LoadSocket> {
    let spec = |n: usize| LoadSocket {
        token: n / MAX_SOCKETS_PER_STAFF,
        stay: stays[n % stays.len()],
        is_subscribed: n >= LISTENERS,
    };
    (0..2 * LISTENERS).map(spec).collect()
}

fn row(stayed: &[RoundReport], crossed: &[RoundReport], bares: &[RoundReport]) -> BenchRow {
    let p50 = |it: &RoundReport| it.p50;
    let p99 = |it: &RoundReport| it.p99;
    let text =
        |reports: &[RoundReport]| format!("p50 {:.2} ms, p99 {:.2} ms", middle(reports, p50), middle(reports, p99));
    let (adds_p50, text_p50) = added(stayed, crossed, p50);
    let (adds_p99, text_p99) = added(stayed, crossed, p99);
    let through_redis = !bares.is_empty();
    let bus = if through_redis { "Redis" } else { "LISTEN/NOTIFY" };
    let bare = if through_redis { format!("; bare publish/subscribe {}", text(bares)) } else { String::new() };
    BenchRow {
        what: format!(
            "crossing nodes through {bus}: send on A to last receipt on B, 500 messages/s on 5-socket stays, PostgreSQL"
        ),
        product: format!("{}; adds p50 {text_p50} ms, p99 {text_p99} ms", text(crossed)),
        baseline: format!("to last receipt on A: {}{bare}", text(stayed)),
        ratio: String::new(),
        required: if through_redis { format!("adds p50 < {GOAL_P50} ms, p99 < {GOAL_P99} ms") } else { String::new() },
        reached: through_redis.then_some(adds_p50 < GOAL_P50 && adds_p99 < GOAL_P99),
    }
}

fn middle(reports: &[RoundReport], of: fn(&RoundReport) -> f64) -> f64 {
    median(&mut reports.iter().map(of).collect::<Vec<_>>())
}

/// The median difference between crossing and staying on one node; and as text, with its range.
fn added(stayed: &[RoundReport], crossed: &[RoundReport], of: fn(&RoundReport) -> f64) -> (f64, String) {
    let mut added: Vec<f64> = stayed.iter().zip(crossed).map(|(stayed, crossed)| of(crossed) - of(stayed)).collect();
    let middle = median(&mut added);
    let (least, greatest) = (added[0], added[added.len() - 1]);
    (middle, format!("{middle:.2} ({least:.2}–{greatest:.2})"))
}
