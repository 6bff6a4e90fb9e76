//! What an idle socket holds.

use std::{thread::sleep, time::Duration};

use super::{Bench, fanout};
use crate::{
    Outcome,
    databases::Kind,
    load::{Pace, Seat},
    site::{SOCKETS_OF_ONE, Site, get},
    table::Row,
};

const SOCKETS: usize = 8_000;
const STAYS: usize = 1_000;
/// In KiB.
const GOAL: f64 = 14.0;
/// A bare actor session, measured once.
const BARE: f64 = 11.3;

pub fn measure(bench: &Bench) -> Outcome<()> {
    for kind in Kind::all() {
        let site = Site::new(kind, fanout::sizes(SOCKETS, 2 * STAYS), &bench.folder)?;
        let tokens = site.tokens(SOCKETS / SOCKETS_OF_ONE)?;
        // Hashing passwords takes memory that sockets would move into unseen.
        let site = site.restart()?;
        let mut pages = site.requests(8, vec![get(&site.address, &tokens[0], "conversations/")], 200)?;
        pages.round(bench.round(Pace::UntilAcknowledged(8)))?;
        drop(pages);
        let before = site.server.resident()?;
        let stays: Vec<i64> = site.made.hotels[0].relayed().take(STAYS).map(|it| it.id).collect();
        let of = tokens.len();
        let seat = |n: usize| Seat { token: n % of, stay: stays[n % STAYS], listens: true };
        let _open = site.seats(tokens, (0..SOCKETS).map(seat).collect())?;
        // Past the first heartbeat, which all have to be sent.
        sleep(Duration::from_secs(30));
        let each = (site.server.resident()? - before) as f64 / 1024.0 / SOCKETS as f64;
        let row = Row {
            what: format!("an idle signed-in socket with one subscription, of 8,000 on 1,000 stays, {}", kind.name()),
            product: format!("{each:.1} KiB"),
            baseline: format!("{BARE} KiB (a bare actor session, measured elsewhere)"),
            ratio: format!("{:.2}", each / BARE),
            required: format!("≤ {GOAL} KiB"),
            reached: Some(each <= GOAL),
        };
        row.print();
    }
    Ok(())
}
