//! Sending: by REST and by socket, 64 under way, beside bare commits of the same statements.

use std::{path::Path, process::Command};

use super::{Bench, Costs, watched};
use crate::{
    Outcome,
    baseline::{
        commit::{Commits, Statements},
        sql::Conn,
    },
    databases::{Database, Kind, postgres},
    load::{Pace, Seat},
    processes::Rounds,
    site::{Hotel, Made, SOCKETS_OF_ONE, Site, Sizes},
};

/// Messages under way.
pub const UNDER_WAY: usize = 64;
/// Sockets that they are spread over.
pub const SOCKETS: usize = 200;
const GOAL_SQLITE: f64 = 0.5;
const GOAL_POSTGRES: f64 = 0.7;
/// What a sent message takes on PostgreSQL, for pgbench.
const SEND: &str = include_str!("send.sql");
/// The session that the bare statements look up.
const SESSION: &str = "of the bare loop";

pub fn on_sqlite(bench: &Bench) -> Outcome<()> {
    let made = Made::up(Kind::Sqlite, Sizes { hotels: 1, staff: 12, stays: 2_000, messages: 3 }, &bench.folder)?;
    let (copy, copy_of_changes) = (made.database.copy()?, made.database.copy()?);
    let mut bare = commits(&copy, &made.hotels[0], Statements::Sent, bench)?;
    let mut bare_changes = commits(&copy_of_changes, &made.hotels[0], Statements::ChangesOfSent, bench)?;
    let site = made.serve()?;
    for (way, mut product) in ways(&site)? {
        let pace = Pace::UntilAcknowledged(UNDER_WAY);
        bench.warm_up(&mut [&mut product, &mut bare, &mut bare_changes], pace)?;
        let round = bench.round(pace);
        for (bare, statements, goal) in
            [(&mut bare, "the same statements", Some(GOAL_SQLITE)), (&mut bare_changes, "only the changes", None)]
        {
            let mut costs = Costs::default();
            let duel = bench.duel(
                || Ok(watched(&mut product, &site.server, round, &mut costs)?.rate()),
                || Ok(bare.round(round)?.rate()),
            )?;
            let what = format!("send_message by {way}, SQLite, against a loop of {statements}");
            duel.row(what, "/s", goal, [&costs, &Costs::default()]).print();
        }
    }
    Ok(())
}

pub fn on_postgres(bench: &Bench) -> Outcome<()> {
    if postgres().is_none() {
        return Ok(());
    }
    for sizes in [
        Sizes { hotels: 1, staff: 12, stays: 2_000, messages: 3 },
        Sizes { hotels: 100, staff: 3, stays: 20, messages: 3 },
    ] {
        let made = Made::up(Kind::Postgres, sizes, &bench.folder)?;
        let copy = made.database.copy()?;
        prepare(&copy, &made.hotels)?;
        let site = made.serve()?;
        for (way, mut product) in ways(&site)? {
            let pace = Pace::UntilAcknowledged(UNDER_WAY);
            bench.warm_up(&mut [&mut product], pace)?;
            let (round, mut costs) = (bench.round(pace), Costs::default());
            let duel = bench.duel(
                || Ok(watched(&mut product, &site.server, round, &mut costs)?.rate()),
                || pgbench(&copy, SEND, sizes, bench),
            )?;
            let hotels = if sizes.hotels == 1 { "1 hotel".into() } else { format!("{} hotels", sizes.hotels) };
            let what = format!("send_message by {way}, PostgreSQL, {hotels}, against pgbench -c 8");
            duel.row(what, "/s", Some(GOAL_POSTGRES), [&costs, &Costs::default()]).print();
        }
    }
    Ok(())
}

/// The two ways to send.
fn ways(site: &Site) -> Outcome<[(&'static str, Rounds); 2]> {
    let hotels = site.made.hotels.len();
    let tokens = site.tokens(if hotels == 1 { SOCKETS / SOCKETS_OF_ONE } else { 1 })?;
    Ok([("REST", by_rest(site, &tokens)?), ("socket", by_socket(site, tokens, SOCKETS)?)])
}

/// Staff who answer in one conversation after another.
pub fn by_rest(site: &Site, tokens: &[String]) -> Outcome<Rounds> {
    let requests = targets(site).zip(tokens.iter().cycle()).map(|((conversation, _), token)| {
        let body = r#"{"text":"Of course. Two more towels and a second pillow are on their way; is there anything else that we can do for you tonight?"}"#;
        format!(
            "POST /api/message_manager/conversations/{conversation}/send_message/ HTTP/1.1\r\nHost: {}\r\n\
             Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            site.address,
            body.len()
        )
    });
    site.requests(UNDER_WAY, requests.collect(), 201)
}

/// Sockets that only send, spread over the stays.
pub fn by_socket(site: &Site, tokens: Vec<String>, sockets: usize) -> Outcome<Rounds> {
    let of = tokens.len();
    let seats = targets(site).cycle().take(sockets).enumerate();
    let seats = seats.map(|(n, (_, stay))| Seat { token: n % of, stay, listens: false }).collect();
    site.seats(tokens, seats)
}

/// Conversations with their stays, in turns from one hotel after another, as the tokens are.
fn targets(site: &Site) -> impl Iterator<Item = (i64, i64)> + Clone {
    let hotels = &site.made.hotels;
    let most = hotels.first().map_or(0, |hotel| hotel.relayed().count());
    (0..most).flat_map(move |n| {
        hotels.iter().filter_map(move |hotel| hotel.relayed().nth(n)).map(|it| (it.conversation_id, it.id))
    })
}

/// A loop of commits on a database of its own.
pub fn commits(database: &Database, hotel: &Hotel, statements: Statements, bench: &Bench) -> Outcome<Rounds> {
    let staff = hotel.staff[1].id;
    sign_in(&mut Conn::open(&database.url)?, hotel.id, staff, SESSION)?;
    let commits = Commits {
        database: database.url.clone(),
        staff,
        session: SESSION.to_owned(),
        hotel: hotel.id,
        department: hotel.departments[0].id,
        conversations: hotel.relayed().map(|it| (it.conversation_id, it.id)).collect(),
        statements,
    };
    Rounds::start("baseline-commit", &commits, &bench.folder.join("baseline.log"))
}

fn sign_in(conn: &mut Conn, hotel: i64, staff: i64, session: &str) -> Outcome<()> {
    let now = match conn {
        Conn::Pg(_) => "now()",
        Conn::Sqlite(_) => "unixepoch() * 1000000",
    };
    Ok(conn.run(&format!(
        "INSERT INTO sessions (id, hotel_id, staff_id, cookie_digest, generation, created_at, last_used_at) \
         VALUES ('{session}', {hotel}, {staff}, '{session}', 0, {now}, {now})"
    ))?)
}

/// Gives the second staff member of each hotel a session that is named like the hotel, which pgbench
/// can tell; and looks that ids are as its script computes them.
pub fn prepare(database: &Database, hotels: &[Hotel]) -> Outcome<()> {
    let mut conn = Conn::open(&database.url)?;
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
            return Err("the ids of the made-up data are not in order".into());
        }
    }
    database.settle()
}

/// How many of these transactions pgbench makes a second with eight clients, in a round as long as all.
pub fn pgbench(database: &Database, script: &str, sizes: Sizes, bench: &Bench) -> Outcome<f64> {
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
        // As the product's connections are set.
        .env("PGOPTIONS", "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off")
        .output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let rate = told.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.ok_or_else(|| format!("pgbench: {told}{}", String::from_utf8_lossy(&output.stderr)).into())
}
