//! Fan-out: one message to a thousand sockets of one stay, and to five of each of a thousand.

use super::{Bench, Costs, median, sends, thousands, watched};
use crate::{
    Outcome,
    databases::Kind,
    load::{Pace, Round, Seat},
    processes::Process,
    site::{SOCKETS_OF_ONE, Site, Sizes, seated},
    table::Row,
};

const LISTENERS: usize = 1_000;
const UNDER_WAY: usize = 8;
const GOAL_MANY: f64 = 0.6;
const STAYS: usize = 1_000;
/// Sockets of each of the many stays.
pub const OF_EACH: usize = 5;
/// The part of the send rate that is offered.
const OFFERED: f64 = 0.8;
/// How much of what is offered has to arrive while it is offered: all but what is just under way.
const GOAL_FEW: f64 = 0.98;

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
        let offered = OFFERED * median(&mut rates);
        let mut product = site.seats(tokens.clone(), seats(&site, STAYS, tokens.len()))?;
        let pace = Pace::Every(offered);
        bench.warm_up(&mut [&mut product], Pace::Every(offered / 2.0))?;
        // Longer than others: what is under way at the end must not weigh, and a backlog would grow.
        let (round, mut costs) = (Round { seconds: 2.0 * bench.seconds, pace }, Costs::default());
        let (mut parts, mut p99) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            let report = watched(&mut product, &site.server, round, &mut costs)?;
            parts.push(report.deliveries as f64 / (report.done as usize * OF_EACH) as f64);
            p99.push(report.p99);
        }
        let (least, greatest) = (parts.iter().copied().fold(1.0, f64::min), parts.iter().copied().fold(0.0, f64::max));
        let part = median(&mut parts);
        let row = Row {
            what: format!("1,000 stays of 5 sockets, deliveries at 80 % of the send rate, {}", kind.name()),
            product: format!(
                "{} deliveries/s{costs}; p99 {:.0} ms",
                thousands(part * offered * OF_EACH as f64),
                median(&mut p99)
            ),
            baseline: format!("offered 5 × {}/s, of {}", thousands(offered), thousands(offered / OFFERED)),
            ratio: format!("{part:.3} ({least:.3}–{greatest:.3})"),
            required: format!("≥ {GOAL_FEW}"),
            reached: Some(part >= GOAL_FEW),
        };
        row.print();
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
