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
    load::{Pace, Report, Round, Seat},
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
pub const SEND: &str = include_str!("send.sql");
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
                || Ok(pgbench(&copy, SEND, sizes, bench.round(Pace::UntilAcknowledged(8)), bench)?.rate()),
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

/// The transactions of pgbench: of so many clients, or of one that begins so many a second.
pub fn pgbench(database: &Database, script: &str, sizes: Sizes, round: Round, bench: &Bench) -> Outcome<Report> {
    let (clients, rate) = match round.pace {
        Pace::UntilAcknowledged(clients) => (clients, None),
        Pace::Every(a_second) => (1, Some(format!("--rate={a_second}"))),
        Pace::UntilDelivered(_) => return Err("pgbench delivers nothing".into()),
    };
    let psql = std::env::var("MM_TEST_PSQL")?;
    let folder = tempfile::tempdir_in(&bench.folder)?;
    let file = folder.path().join("script.sql");
    std::fs::write(&file, script)?;
    let seconds = (round.seconds.ceil() as u64).max(1);
    let output = Command::new(Path::new(&psql).with_file_name("pgbench"))
        .args(["--no-vacuum", "--protocol=prepared", &format!("--client={clients}"), &format!("--time={seconds}")])
        .args(["--define", &format!("hotels={}", sizes.hotels), "--define", &format!("staff={}", sizes.staff)])
        .args(["--define", &format!("stays={}", sizes.stays)])
        .args(rate)
        .arg("--file")
        .arg(file)
        // A line for each transaction, of which the third word is how long it took, in microseconds. With a rate
        // that is counted from when it was due, and the last word is how long it then waited for the one before.
        .arg("--log")
        .current_dir(folder.path())
        .arg(&database.url)
        // As the product's connections are set.
        .env("PGOPTIONS", "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off")
        .output()?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = told.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse::<f64>().ok());
    let rate = rate.ok_or_else(|| format!("pgbench: {told}{}", String::from_utf8_lossy(&output.stderr)))?;
    let mut times = Vec::new();
    for entry in std::fs::read_dir(folder.path())? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pgbench_log")) {
            let log = std::fs::read_to_string(path)?;
            times.extend(log.lines().filter_map(took));
        }
    }
    let seconds = times.len() as f64 / rate;
    Ok(Report::of(times, 0, seconds))
}

/// How long the transaction of a line of pgbench's log took.
fn took(line: &str) -> Option<u32> {
    let mut words = line.split(' ').skip(2).map(str::parse::<u32>);
    let (since_due, waited) = (words.next()?.ok()?, words.nth(3).and_then(Result::ok).unwrap_or_default());
    since_due.checked_sub(waited)
}
