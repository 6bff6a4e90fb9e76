//! The memory of an idle socket.

use std::{thread::sleep, time::Duration};

use super::{Bench, fanout};
use crate::{
    BenchResult,
    databases::BenchDatabaseKind,
    load::{LoadPace, LoadSocket},
    site::{MAX_SOCKETS_PER_STAFF, Site, get},
    table::BenchRow,
};

const SOCKETS: usize = 8_000;
const STAYS: usize = 1_000;
/// KiB of each socket.
const GOAL: f64 = 14.0;
/// A bare actor session, measured elsewhere.
const BARE: f64 = 11.3;

pub fn measure(bench: &Bench) -> BenchResult<()> {
    for kind in BenchDatabaseKind::all() {
        let site = Site::new(kind, fanout::sizes(SOCKETS, 2 * STAYS), &bench.folder)?;
        let tokens = site.tokens(SOCKETS / MAX_SOCKETS_PER_STAFF)?;
        // A new process: memory that was freed after password hashing would hide the memory of sockets.
        let site = site.restart()?;
        let mut pages = site.requests(8, vec![get(&site.address, &tokens[0], "conversations/")], 200)?;
        pages.round(bench.round(LoadPace::AwaitAck(8)))?;
        drop(pages);
        let before = site.server.resident_memory()?;
        let stays: Vec<i64> = site.generated.hotels[0].stays_in_relay().take(STAYS).map(|it| it.id).collect();
        let of = tokens.len();
        let spec = |n: usize| LoadSocket { token: n % of, stay: stays[n % STAYS], is_subscribed: true };
        let _open = site.sockets(tokens, (0..SOCKETS).map(spec).collect())?;
        // Until after the first heartbeat to all sockets.
        sleep(Duration::from_secs(30));
        let each = (site.server.resident_memory()? - before) as f64 / 1024.0 / SOCKETS as f64;
        let row = BenchRow {
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
