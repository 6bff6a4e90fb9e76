//! Sends by REST and by socket, 64 in flight, beside bare commits of the same statements.

use std::{path::Path, process::Command};

use super::{Bench, CpuCost, measure_cpu};
use crate::{
    BenchResult,
    baseline::{
        commit::{CommitLoad, CommitStatements},
        sql::BaselineConnection,
    },
    databases::{BenchDatabase, BenchDatabaseKind, postgres},
    load::{LoadPace, LoadSocket},
    processes::RoundProcess,
    site::{BenchHotel, GeneratedSite, MAX_SOCKETS_PER_STAFF, Site, SiteSizes},
};

pub const IN_FLIGHT: usize = 64;
/// The sockets that send.
pub const SOCKETS: usize = 200;
const GOAL_SQLITE: f64 = 0.5;
const GOAL_POSTGRES: f64 = 0.7;
/// The statements of a sent message on PostgreSQL, for pgbench.
const SEND: &str = include_str!("send.sql");
/// The session that the bare statements read.
const SESSION: &str = "of the bare loop";

pub fn on_sqlite(bench: &Bench) -> BenchResult<()> {
    let generated = GeneratedSite::generate(
        BenchDatabaseKind::Sqlite,
        SiteSizes { hotels: 1, staff: 12, stays: 2_000, messages: 3 },
        &bench.folder,
    )?;
    let (copy, copy_of_changes) = (generated.database.copy()?, generated.database.copy()?);
    let mut bare = commits(&copy, &generated.hotels[0], CommitStatements::Sent, bench)?;
    let mut bare_changes = commits(&copy_of_changes, &generated.hotels[0], CommitStatements::ChangesOfSent, bench)?;
    let site = generated.serve()?;
    for (path, mut product) in send_paths(&site)? {
        let pace = LoadPace::AwaitAck(IN_FLIGHT);
        bench.warm_up(&mut [&mut product, &mut bare, &mut bare_changes], pace)?;
        let round = bench.round(pace);
        for (bare, statements, goal) in
            [(&mut bare, "the same statements", Some(GOAL_SQLITE)), (&mut bare_changes, "only the changes", None)]
        {
            let mut costs = CpuCost::default();
            let compare_rates = bench.compare_rates(
                || Ok(measure_cpu(&mut product, &site.server, round, &mut costs)?.rate()),
                || Ok(bare.round(round)?.rate()),
            )?;
            let what = format!("send_message by {path}, SQLite, against a loop of {statements}");
            compare_rates.row(what, "/s", goal, [&costs, &CpuCost::default()]).print();
        }
    }
    Ok(())
}

pub fn on_postgres(bench: &Bench) -> BenchResult<()> {
    if postgres().is_none() {
        return Ok(());
    }
    for sizes in [
        SiteSizes { hotels: 1, staff: 12, stays: 2_000, messages: 3 },
        SiteSizes { hotels: 100, staff: 3, stays: 20, messages: 3 },
    ] {
        let generated = GeneratedSite::generate(BenchDatabaseKind::Postgres, sizes, &bench.folder)?;
        let copy = generated.database.copy()?;
        prepare(&copy, &generated.hotels)?;
        let site = generated.serve()?;
        for (path, mut product) in send_paths(&site)? {
            let pace = LoadPace::AwaitAck(IN_FLIGHT);
            bench.warm_up(&mut [&mut product], pace)?;
            let (round, mut costs) = (bench.round(pace), CpuCost::default());
            let compare_rates = bench.compare_rates(
                || Ok(measure_cpu(&mut product, &site.server, round, &mut costs)?.rate()),
                || pgbench(&copy, SEND, sizes, bench),
            )?;
            let hotels = if sizes.hotels == 1 { "1 hotel".into() } else { format!("{} hotels", sizes.hotels) };
            let what = format!("send_message by {path}, PostgreSQL, {hotels}, against pgbench -c 8");
            compare_rates.row(what, "/s", Some(GOAL_POSTGRES), [&costs, &CpuCost::default()]).print();
        }
    }
    Ok(())
}

/// Starts a load client for each of the two send paths.
fn send_paths(site: &Site) -> BenchResult<[(&'static str, RoundProcess); 2]> {
    let hotels = site.generated.hotels.len();
    let tokens = site.tokens(if hotels == 1 { SOCKETS / MAX_SOCKETS_PER_STAFF } else { 1 })?;
    Ok([("REST", by_rest(site, &tokens)?), ("socket", by_socket(site, tokens, SOCKETS)?)])
}

/// Staff members who reply in one conversation after another.
pub fn by_rest(site: &Site, tokens: &[String]) -> BenchResult<RoundProcess> {
    let requests = targets(site).zip(tokens.iter().cycle()).map(|((conversation, _), token)| {
        let body = r#"{"text":"Of course. Two more towels and a second pillow are on their way; is there anything else that we can do for you tonight?"}"#;
        format!(
            "POST /api/message_manager/conversations/{conversation}/send_message/ HTTP/1.1\r\nHost: {}\r\n\
             Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            site.address,
            body.len()
        )
    });
    site.requests(IN_FLIGHT, requests.collect(), 201)
}

/// Sockets that only send, evenly in all stays.
pub fn by_socket(site: &Site, tokens: Vec<String>, sockets: usize) -> BenchResult<RoundProcess> {
    let of = tokens.len();
    let sockets = targets(site).cycle().take(sockets).enumerate();
    let sockets = sockets.map(|(n, (_, stay))| LoadSocket { token: n % of, stay, is_subscribed: false }).collect();
    site.sockets(tokens, sockets)
}

/// Conversations with their stays, hotel by hotel in turns, in the order of the tokens.
fn targets(site: &Site) -> impl Iterator<Item = (i64, i64)> + Clone {
    let hotels = &site.generated.hotels;
    let most = hotels.first().map_or(0, |hotel| hotel.stays_in_relay().count());
    (0..most).flat_map(move |n| {
        hotels.iter().filter_map(move |hotel| hotel.stays_in_relay().nth(n)).map(|it| (it.conversation_id, it.id))
    })
}

/// Starts a bare loop of commits on a database of its own.
pub fn commits(
    database: &BenchDatabase,
    hotel: &BenchHotel,
    statements: CommitStatements,
    bench: &Bench,
) -> BenchResult<RoundProcess> {
    let staff = hotel.staff[1].id;
    sign_in(&mut BaselineConnection::open(&database.url)?, hotel.id, staff, SESSION)?;
    let commits = CommitLoad {
        database: database.url.clone(),
        staff,
        session: SESSION.to_owned(),
        hotel: hotel.id,
        department: hotel.departments[0].id,
        conversations: hotel.stays_in_relay().map(|it| (it.conversation_id, it.id)).collect(),
        statements,
    };
    RoundProcess::start("baseline-commit", &commits, &bench.folder.join("baseline.log"))
}

fn sign_in(conn: &mut BaselineConnection, hotel: i64, staff: i64, session: &str) -> BenchResult<()> {
    let now = match conn {
        BaselineConnection::Pg(_) => "now()",
        BaselineConnection::Sqlite(_) => "unixepoch() * 1000000",
    };
    Ok(conn.run(&format!(
        "INSERT INTO sessions (id, hotel_id, staff_id, cookie_digest, generation, created_at, last_used_at) \
         VALUES ('{session}', {hotel}, {staff}, '{session}', 0, {now}, {now})"
    ))?)
}

/// Prepares a database for pgbench: the second staff member of each hotel gets a session with the hotel's id. Fails if the ids are
/// not those that the script computes.
pub fn prepare(database: &BenchDatabase, hotels: &[BenchHotel]) -> BenchResult<()> {
    let mut conn = BaselineConnection::open(&database.url)?;
    for (n, hotel) in (1..).zip(hotels) {
        sign_in(&mut conn, hotel.id, hotel.staff[1].id, &hotel.id.to_string())?;
        let staff = i64::try_from(hotel.staff.len())?;
        let first = hotel.stays[0].id;
        let in_order = (first..).zip(&hotel.stays).all(|(id, stay)| stay.id == id && stay.conversation_id == id);
        let stays = i64::try_from(hotel.stays.len())?;
        if (hotel.id, hotel.departments[0].id, hotel.staff[1].id) != (n, n, (n - 1) * staff + 2)
            || first != (n - 1) * stays + 1
            || !in_order
        {
            return Err("the ids of the generated data are not in order".into());
        }
    }
    database.settle()
}

/// Runs pgbench with eight clients for a round. Returns its transactions per second.
pub fn pgbench(database: &BenchDatabase, script: &str, sizes: SiteSizes, bench: &Bench) -> BenchResult<f64> {
    let psql = std::env::var("MM_TEST_PSQL")?;
    let folder = tempfile::tempdir_in(&bench.folder)?;
    let file = folder.path().join("script.sql");
    std::fs::write(&file, script)?;
    let seconds = (bench.seconds.ceil() as u64).max(1);
    let output = Command::new(Path::new(&psql).with_file_name("pgbench"))
        .args(["--no-vacuum", "--protocol=prepared", "--client=8", &format!("--time={seconds}")])
        .args(["--define", &format!("hotels={}", sizes.hotels), "--define", &format!("staff={}", sizes.staff)])
        .args(["--define", &format!("stays={}", sizes.stays)])
        .arg("--file")
        .arg(file)
        .arg(&database.url)
        // The settings of the product's connections.
        .env("PGOPTIONS", "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off")
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.ok_or_else(|| format!("pgbench: {text}{}", String::from_utf8_lossy(&output.stderr)).into())
}
