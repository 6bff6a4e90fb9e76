//! Two nodes on one machine beside one: sending by socket in a hundred hotels.

use super::{Bench, Costs, sends};
use crate::{
    Outcome,
    databases::{Kind, postgres},
    load::{Pace, Round},
    processes::Rounds,
    redis,
    site::{Made, Site, Sizes},
};

const HOTELS: usize = 100;
const GOAL: f64 = 0.8;

pub fn measure(bench: &Bench) -> Outcome<()> {
    if postgres().is_none() || redis::program().is_none() {
        return Ok(());
    }
    let sizes = Sizes { hotels: HOTELS, staff: 3, stays: 20, messages: 3 };
    let made = || Made::up(Kind::Postgres, sizes, &bench.folder)?.with_redis();
    // Each has data of its own: else the node that has no socket would still hear what the other does.
    let (one, two) = (made()?.serve()?, made()?.serve_twice()?);
    // Every hotel has a socket at each of the two nodes, so that all that is sent is told to the other.
    let mut at_one = sends::by_socket(&one, one.tokens(1)?, sends::SOCKETS)?;
    let mut at_two = sends::by_socket(&two, two.tokens(1)?, sends::SOCKETS)?;
    let pace = Pace::UntilAcknowledged(sends::UNDER_WAY);
    bench.warm_up(&mut [&mut at_one, &mut at_two], pace)?;
    let round = bench.round(pace);
    let (mut costs_of_one, mut costs_of_two) = (Costs::default(), Costs::default());
    let duel = bench.duel(
        || rate(&mut at_two, &two, round, &mut costs_of_two),
        || rate(&mut at_one, &one, round, &mut costs_of_one),
    )?;
    let what = "send_message by socket, PostgreSQL and Redis, 100 hotels: two nodes, against one";
    duel.row(what, "/s", Some(GOAL), [&costs_of_two, &costs_of_one]).print();
    Ok(())
}

/// The rate of a round; what processor time all nodes took for it is added up.
fn rate(client: &mut Rounds, site: &Site, round: Round, costs: &mut Costs) -> Outcome<f64> {
    let before = site.busy()?;
    let report = client.round(round)?;
    costs.busy += site.busy()? - before;
    costs.done += report.done;
    Ok(report.rate())
}
