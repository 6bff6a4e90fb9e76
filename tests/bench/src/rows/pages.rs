//! Pages beside those of bare handlers: 25 of 1,000 conversations in the department, the newest messages of a conversation, its
//! details.

use std::path::Path;

use super::{Bench, CpuCost, measure_cpu};
use crate::{
    BenchResult,
    baseline::http::BaselineCaller,
    databases::BenchDatabaseKind,
    load::LoadPace,
    processes::ChildProcess,
    site::{Site, SiteSizes, connect_requests, fetch_json, get},
};

/// Requests in flight.
pub const CONNECTIONS: usize = 16;
/// One half is routed to the department.
pub const STAYS: usize = 2_000;
const GOAL: f64 = 0.6;

pub fn measure(bench: &Bench) -> BenchResult<()> {
    for kind in BenchDatabaseKind::all() {
        // At least one full page of messages.
        let messages = (bench.messages / STAYS).max(200);
        let site = Site::new(kind, SiteSizes { hotels: 1, staff: 3, stays: STAYS, messages }, &bench.folder)?;
        let (bare, address) = bare(&site, &bench.folder)?;
        for (what, paths) in paths(&site) {
            compare(bench, &site, (&bare, &address), &format!("{what}, {}", kind.name()), &paths)?;
        }
    }
    Ok(())
}

fn bare(site: &Site, folder: &Path) -> BenchResult<(ChildProcess, String)> {
    let hotel = &site.generated.hotels[0];
    let mut bare = ChildProcess::start_role("baseline-http", &folder.join("baseline.log"))?;
    bare.send(&BaselineCaller {
        database: site.generated.database.url.clone(),
        staff: hotel.staff[1].id,
        hotel: hotel.id,
        department: hotel.departments[0].id,
    })?;
    let address = bare.wait_until_listening()?;
    Ok((bare, address))
}

fn paths(site: &Site) -> [(String, Vec<String>); 3] {
    let of_all = |end: &str| {
        let each =
            site.generated.hotels[0].stays_in_relay().map(|it| format!("conversations/{}/{end}", it.conversation_id));
        each.collect()
    };
    [
        ("GET conversations/ (25 of 1,000)".to_owned(), vec!["conversations/".to_owned()]),
        ("GET …/messages/ (the newest 200)".to_owned(), of_all("messages/")),
        ("GET conversations/{id}/".to_owned(), of_all("")),
    ]
}

fn compare(bench: &Bench, site: &Site, bare: (&ChildProcess, &str), what: &str, paths: &[String]) -> BenchResult<()> {
    let (bare, address) = bare;
    let token = site.tokens(1)?.remove(0);
    check_equal_responses(site, address, &token, &paths[0])?;
    let asked = |address: &str| paths.iter().map(|path| get(address, &token, path)).collect();
    let mut product = site.requests(CONNECTIONS, asked(&site.address), 200)?;
    let mut baseline = connect_requests(address, CONNECTIONS, asked(address), 200, &bench.folder)?;
    let pace = LoadPace::AwaitAck(CONNECTIONS);
    bench.warm_up(&mut [&mut product, &mut baseline], pace)?;
    let round = bench.round(pace);
    let (mut costs, mut bare_costs) = (CpuCost::default(), CpuCost::default());
    let compare_rates = bench.compare_rates(
        || Ok(measure_cpu(&mut product, &site.server, round, &mut costs)?.rate()),
        || Ok(measure_cpu(&mut baseline, bare, round, &mut bare_costs)?.rate()),
    )?;
    compare_rates.row(what, "/s", Some(GOAL), [&costs, &bare_costs]).print();
    Ok(())
}

/// Fails if product and baseline return different pages.
fn check_equal_responses(site: &Site, bare: &str, token: &str, path: &str) -> BenchResult<()> {
    let product = fetch_json(&site.address, &get(&site.address, token, path))?;
    // Links contain the address.
    let text = fetch_json(bare, &get(bare, token, path))?.to_string().replace(bare, &site.address);
    let baseline: serde_json::Value = serde_json::from_str(&text)?;
    if product == baseline { Ok(()) } else { Err(format!("{path}: {product} is not {baseline}").into()) }
}
