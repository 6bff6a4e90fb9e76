//! Fan-out: one message to a thousand sockets of one stay, and to five of each of a thousand.

use super::{Bench, Costs, sends, watched};
use crate::{
    Outcome,
    databases::Kind,
    load::{Pace, Seat},
    processes::Process,
    site::{SOCKETS_OF_ONE, Site, Sizes, seated},
};

const LISTENERS: usize = 1_000;
const UNDER_WAY: usize = 8;
const GOAL_MANY: f64 = 0.6;
const STAYS: usize = 1_000;
/// Sockets of each of the many stays.
pub const OF_EACH: usize = 5;
const GOAL_FEW: f64 = 0.8;

pub fn to_many(bench: &Bench) -> Outcome<()> {
    for kind in Kind::all() {
        let site = Site::new(kind, sizes(LISTENERS, 20), &bench.folder)?;
        let stay = site.made.hotels[0].relayed().next().ok_or("no stay")?.id;
        let seats = |of: usize| (0..LISTENERS).map(|n| Seat { token: n % of, stay, listens: true }).collect();
        let tokens = site.tokens(LISTENERS / SOCKETS_OF_ONE)?;
        let mut product = site.seats(tokens.clone(), seats(tokens.len()))?;
        let (bare, address) = broadcaster(bench)?;
        let mut baseline = seated(&address, vec![String::new()], seats(1), &bench.folder)?;
        let pace = Pace::UntilDelivered(UNDER_WAY);
        bench.warm_up(&mut [&mut product, &mut baseline], pace)?;
        let round = bench.round(pace);
        let (mut costs, mut bare_costs) = (Costs::default(), Costs::default());
        let duel = bench.duel(
            || Ok(watched(&mut product, &site.server, round, &mut costs)?.deliveries as f64 / bench.seconds),
            || Ok(watched(&mut baseline, &bare, round, &mut bare_costs)?.deliveries as f64 / bench.seconds),
        )?;
        let what = format!("fan-out to 1,000 sockets of one stay, 8 messages under way, {}", kind.name());
        duel.row(what, "deliveries/s", Some(GOAL_MANY), [&costs, &bare_costs]).print();
    }
    Ok(())
}

pub fn to_few(bench: &Bench) -> Outcome<()> {
    for kind in Kind::all() {
        let site = Site::new(kind, sizes(STAYS * OF_EACH + sends::SOCKETS, 2 * STAYS), &bench.folder)?;
        let mut tokens = site.tokens((STAYS * OF_EACH + sends::SOCKETS) / SOCKETS_OF_ONE)?;
        let senders = tokens.split_off(STAYS * OF_EACH / SOCKETS_OF_ONE);
        let mut alone = sends::by_socket(&site, senders, sends::SOCKETS)?;
        let pace = Pace::UntilAcknowledged(sends::UNDER_WAY);
        bench.warm_up(&mut [&mut alone], pace)?;
        // Without anybody who listens: the send rate.
        let mut rates =
            (0..bench.rounds).map(|_| Ok(alone.round(bench.round(pace))?.rate())).collect::<Outcome<Vec<_>>>()?;
        let alone = super::median(&mut rates);
        let mut product = site.seats(tokens.clone(), seats(&site, STAYS, tokens.len()))?;
        let pace = Pace::UntilDelivered(sends::UNDER_WAY);
        bench.warm_up(&mut [&mut product], pace)?;
        let (round, mut costs) = (bench.round(pace), Costs::default());
        let duel = bench.duel(|| Ok(watched(&mut product, &site.server, round, &mut costs)?.rate()), || Ok(alone))?;
        let what =
            format!("1,000 stays of 5 sockets, messages that all five have, against the send rate, {}", kind.name());
        duel.row(what, "messages/s", Some(GOAL_FEW), [&costs, &Costs::default()]).print();
    }
    Ok(())
}

/// Five sockets for each of so many stays.
pub fn seats(site: &Site, stays: usize, tokens: usize) -> Vec<Seat> {
    let stays = site.made.hotels[0].relayed().take(stays).map(|it| it.id).collect::<Vec<_>>();
    let each =
        (0..stays.len() * OF_EACH).map(|n| Seat { token: n % tokens, stay: stays[n % stays.len()], listens: true });
    each.collect()
}

/// Staff enough for so many sockets; the first one, a manager, opens none.
pub fn sizes(sockets: usize, stays: usize) -> Sizes {
    Sizes { hotels: 1, staff: 1 + sockets / SOCKETS_OF_ONE, stays, messages: 3 }
}

/// A bare broadcaster, and where it listens.
pub fn broadcaster(bench: &Bench) -> Outcome<(Process, String)> {
    let mut bare = Process::part("baseline-ws", &bench.folder.join("baseline.log"))?;
    let address = bare.listening()?;
    Ok((bare, address))
}
