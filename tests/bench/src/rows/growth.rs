//! A page costs the same whatever is stored: few messages, or very many, spread over all
//! conversations or heaped in ten.

use super::{Bench, Costs, pages, thousands};
use crate::{
    Outcome,
    baseline::sql::Conn,
    databases::{Database, Kind},
    load::Pace,
    site::{Made, Site, Sizes, get},
};

/// Conversations that the messages are heaped in.
const HEAPS: usize = 10;
/// In the small site the heaps have as many as a page.
const PAGE: usize = 100;
/// The same, apart from what the machine does besides.
const SAME: f64 = 0.9;

pub fn measure(bench: &Bench) -> Outcome<()> {
    for kind in Kind::all() {
        let few = heaped(bench, kind, PAGE)?;
        let heaped = heaped(bench, kind, bench.messages / HEAPS)?;
        let spread = Site::new(kind, sizes(bench.messages / pages::STAYS), &bench.folder)?;
        for (how, many) in [("spread", &spread), ("heaped in ten", &heaped)] {
            let stored = if how == "spread" { bench.messages } else { bench.messages + pages::STAYS };
            let limit = if how == "spread" { 1 } else { PAGE };
            for (what, end) in [
                ("GET conversations/", None),
                (&format!("GET …/messages/?limit={limit}"), Some(format!("messages/?limit={limit}"))),
                ("GET conversations/{id}/", Some(String::new())),
            ] {
                let of = if how == "spread" { usize::MAX } else { HEAPS };
                let mut clients = [many, &few].map(|site| asking(site, of, end.as_deref()));
                let [many, few] = &mut clients;
                let (many, few) = (many.as_mut().map_err(said)?, few.as_mut().map_err(said)?);
                let pace = Pace::UntilAcknowledged(pages::CONNECTIONS);
                bench.warm_up(&mut [many, few], pace)?;
                let round = bench.round(pace);
                let duel = bench.duel(|| Ok(many.round(round)?.rate()), || Ok(few.round(round)?.rate()))?;
                let (stored, small) = (thousands(stored as f64), thousands((pages::STAYS + HEAPS * PAGE) as f64));
                let what = format!("{what} of {stored} messages {how}, against {small}, {}", kind.name());
                duel.row(what, "/s", Some(SAME), [&Costs::default(), &Costs::default()]).print();
            }
        }
    }
    Ok(())
}

fn said(error: &mut crate::Failure) -> String {
    error.to_string()
}

fn sizes(messages: usize) -> Sizes {
    Sizes { hotels: 1, staff: 3, stays: pages::STAYS, messages }
}

/// A client that asks for pages of the first `of` conversations of the department.
fn asking(site: &Site, of: usize, end: Option<&str>) -> Outcome<crate::processes::Rounds> {
    let token = site.tokens(1)?.remove(0);
    let paths = match end {
        None => vec!["conversations/".to_owned()],
        Some(end) => {
            let conversations = site.made.hotels[0].relayed().take(of);
            conversations.map(|it| format!("conversations/{}/{end}", it.conversation_id)).collect()
        }
    };
    site.requests(pages::CONNECTIONS, paths.iter().map(|path| get(&site.address, &token, path)).collect(), 200)
}

/// A site with a message in each conversation, and `each` more in ten of them.
fn heaped(bench: &Bench, kind: Kind, each: usize) -> Outcome<Site> {
    let made = Made::up(kind, sizes(1), &bench.folder)?;
    let ids: Vec<_> = made.hotels[0].relayed().take(HEAPS).map(|it| it.conversation_id).collect();
    heap(&made.database, &ids, each)?;
    made.database.settle()?;
    made.serve()
}

fn heap(database: &Database, ids: &[i64], each: usize) -> Outcome<()> {
    let ids = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let (numbers, least) = match database.kind() {
        Kind::Sqlite => (
            format!(
                "(WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {each}) SELECT n FROM n) AS n"
            ),
            "max",
        ),
        Kind::Postgres => (format!("generate_series(1, {each}) AS n (n)"), "greatest"),
    };
    let mut conn = Conn::open(&database.url)?;
    conn.run("SELECT 1")?;
    if database.kind() == Kind::Postgres {
        conn.run("SET statement_timeout = 0")?;
    }
    // In turns, as they would come.
    conn.run(&format!(
        "BEGIN; \
         INSERT INTO messages (conversation_id, content, sender_type, timestamp, internal, guest_ordinal) \
         SELECT c.id, 'Could we have two more towels and another pillow, please? Number ' || n.n, 'guest', \
                c.updated_at, FALSE, c.guest_messages + n.n \
         FROM {numbers} CROSS JOIN conversations AS c WHERE c.id IN ({ids}) ORDER BY n.n, c.id; \
         UPDATE conversations SET guest_messages = guest_messages + {each}, \
                last_message_id = (SELECT max(m.id) FROM messages AS m WHERE m.conversation_id = conversations.id), \
                last_guest_message_at = updated_at, \
                updated_at = {least}(updated_at, (SELECT max(o.updated_at) FROM conversations AS o)) \
         WHERE id IN ({ids}); \
         COMMIT"
    ))?;
    Ok(())
}
