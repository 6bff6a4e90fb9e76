//! Pages, against bare handlers: 25 of 1,000 conversations in the department, the newest messages of
//! one, one in full.

use std::path::Path;

use super::{Bench, Costs, watched};
use crate::{
    Outcome,
    baseline::http::Asker,
    databases::Kind,
    load::Pace,
    processes::Process,
    site::{Site, Sizes, ask, get, requesting},
};

/// Requests under way.
pub const CONNECTIONS: usize = 16;
/// Of these, half are routed to the department.
pub const STAYS: usize = 2_000;
const GOAL: f64 = 0.6;

pub fn measure(bench: &Bench) -> Outcome<()> {
    for kind in Kind::all() {
        // As many as fill a page of them, at least.
        let messages = (bench.messages / STAYS).max(200);
        let site = Site::new(kind, Sizes { hotels: 1, staff: 3, stays: STAYS, messages }, &bench.folder)?;
        let (bare, address) = bare(&site, &bench.folder)?;
        for (what, paths) in paths(&site) {
            compare(bench, &site, (&bare, &address), &format!("{what}, {}", kind.name()), &paths)?;
        }
    }
    Ok(())
}

fn bare(site: &Site, folder: &Path) -> Outcome<(Process, String)> {
    let hotel = &site.made.hotels[0];
    let mut bare = Process::part("baseline-http", &folder.join("baseline.log"))?;
    bare.tell(&Asker {
        database: site.made.database.url.clone(),
        staff: hotel.staff[1].id,
        hotel: hotel.id,
        department: hotel.departments[0].id,
    })?;
    let address = bare.listening()?;
    Ok((bare, address))
}

fn paths(site: &Site) -> [(String, Vec<String>); 3] {
    let of_all = |end: &str| {
        let each = site.made.hotels[0].relayed().map(|it| format!("conversations/{}/{end}", it.conversation_id));
        each.collect()
    };
    [
        ("GET conversations/ (25 of 1,000)".to_owned(), vec!["conversations/".to_owned()]),
        ("GET …/messages/ (the newest 200)".to_owned(), of_all("messages/")),
        ("GET conversations/{id}/".to_owned(), of_all("")),
    ]
}

fn compare(bench: &Bench, site: &Site, bare: (&Process, &str), what: &str, paths: &[String]) -> Outcome<()> {
    let (bare, address) = bare;
    let token = site.tokens(1)?.remove(0);
    answer_alike(site, address, &token, &paths[0])?;
    let asked = |address: &str| paths.iter().map(|path| get(address, &token, path)).collect();
    let mut product = site.requests(CONNECTIONS, asked(&site.address), 200)?;
    let mut baseline = requesting(address, CONNECTIONS, asked(address), 200, &bench.folder)?;
    let pace = Pace::UntilAcknowledged(CONNECTIONS);
    bench.warm_up(&mut [&mut product, &mut baseline], pace)?;
    let round = bench.round(pace);
    let (mut costs, mut bare_costs) = (Costs::default(), Costs::default());
    let duel = bench.duel(
        || Ok(watched(&mut product, &site.server, round, &mut costs)?.rate()),
        || Ok(watched(&mut baseline, bare, round, &mut bare_costs)?.rate()),
    )?;
    duel.row(what, "/s", Some(GOAL), [&costs, &bare_costs]).print();
    Ok(())
}

/// Both must say the same, or they are not to be compared.
fn answer_alike(site: &Site, bare: &str, token: &str, path: &str) -> Outcome<()> {
    let product = ask(&site.address, &get(&site.address, token, path))?;
    // Links name the server.
    let text = ask(bare, &get(bare, token, path))?.to_string().replace(bare, &site.address);
    let baseline: serde_json::Value = serde_json::from_str(&text)?;
    if product == baseline { Ok(()) } else { Err(format!("{path}: {product} is not {baseline}").into()) }
}
