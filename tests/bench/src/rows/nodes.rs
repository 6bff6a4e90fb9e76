//! The throughput of two nodes on one machine beside one node: sends by socket in a hundred hotels.

use super::{Bench, CpuCost, sends};
use crate::{
    BenchResult,
    databases::{BenchDatabaseKind, postgres},
    load::{LoadPace, Round},
    processes::RoundProcess,
    redis,
    site::{GeneratedSite, Site, SiteSizes},
};

const HOTELS: usize = 100;
const GOAL: f64 = 0.8;

pub fn measure(bench: &Bench) -> BenchResult<()> {
    if postgres().is_none() || redis::program().is_none() {
        return Ok(());
    }
    let sizes = SiteSizes { hotels: HOTELS, staff: 3, stays: 20, messages: 3 };
    let generated = || GeneratedSite::generate(BenchDatabaseKind::Postgres, sizes, &bench.folder)?.with_redis();
    // Separate databases, or the single node would receive the signals of the other two.
    let (one, two) = (generated()?.serve()?, generated()?.serve_twice()?);
    // Every hotel has a socket at both nodes, so that every message crosses the cluster bus.
    let mut at_one = sends::by_socket(&one, one.tokens(1)?, sends::SOCKETS)?;
    let mut at_two = sends::by_socket(&two, two.tokens(1)?, sends::SOCKETS)?;
    let pace = LoadPace::AwaitAck(sends::IN_FLIGHT);
    bench.warm_up(&mut [&mut at_one, &mut at_two], pace)?;
    let round = bench.round(pace);
    let (mut costs_of_one, mut costs_of_two) = (CpuCost::default(), CpuCost::default());
    let compare_rates = bench.compare_rates(
        || rate(&mut at_two, &two, round, &mut costs_of_two),
        || rate(&mut at_one, &one, round, &mut costs_of_one),
    )?;
    let what = "send_message by socket, PostgreSQL and Redis, 100 hotels: two nodes, against one";
    compare_rates.row(what, "/s", Some(GOAL), [&costs_of_two, &costs_of_one]).print();
    Ok(())
}

/// Runs a round and adds the processor time of all nodes to the costs. Returns the rate.
fn rate(client: &mut RoundProcess, site: &Site, round: Round, costs: &mut CpuCost) -> BenchResult<f64> {
    let before = site.cpu_time()?;
    let report = client.round(round)?;
    costs.cpu_time += site.cpu_time()? - before;
    costs.done += report.completed;
    Ok(report.rate())
}
