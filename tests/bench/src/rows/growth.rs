//! A page costs the same whatever is stored: few messages, or very many, spread over all
//! conversations or heaped in ten.

use super::{Bench, Costs, pages, thousands};
use crate::{
    Outcome,
    baseline::sql::Conn,
    databases::{Database, Kind},
    load::{Pace, Round},
    processes::Rounds,
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
        let spread = Stored {
            site: Site::new(kind, sizes(bench.messages / pages::STAYS), &bench.folder)?,
            told: format!("{} messages spread", thousands(bench.messages as f64)),
            of: usize::MAX,
            limit: 1,
        };
        compare(bench, &few, &spread)?;
        drop(spread);
        let heaped = Stored {
            site: heaped(bench, kind, bench.messages / HEAPS)?,
            told: format!("{} messages heaped in ten", thousands((bench.messages + pages::STAYS) as f64)),
            of: HEAPS,
            limit: PAGE,
        };
        compare(bench, &few, &heaped)?;
    }
    Ok(())
}

/// A site with much in it.
struct Stored {
    site: Site,
    /// How much, and how it lies.
    told: String,
    /// Of how many conversations pages are asked for, and how many messages, so that the small site's
    /// pages are as full.
    of: usize,
    limit: usize,
}

fn compare(bench: &Bench, few: &Site, many: &Stored) -> Outcome<()> {
    let messages = format!("messages/?limit={}", many.limit);
    let pages = [
        ("conversations/".to_owned(), None),
        (format!("…/{messages}"), Some(messages.as_str())),
        ("conversations/{id}/".to_owned(), Some("")),
    ];
    for (what, end) in pages {
        let (mut of_many, mut of_few) = (asking(&many.site, many.of, end)?, asking(few, many.of, end)?);
        let pace = Pace::UntilAcknowledged(pages::CONNECTIONS);
        bench.warm_up(&mut [&mut of_many, &mut of_few], pace)?;
        let round = Round { seconds: 1.0, pace };
        let duel = bench.duel(|| Ok(of_many.round(round)?.rate()), || Ok(of_few.round(round)?.rate()))?;
        let small = thousands((pages::STAYS + HEAPS * PAGE) as f64);
        let kind = many.site.made.database.kind().name();
        let what = format!("GET {what} of {}, against {small}, {kind}", many.told);
        duel.row(what, "/s", Some(SAME), [&Costs::default(), &Costs::default()]).print();
    }
    Ok(())
}

fn sizes(messages: usize) -> Sizes {
    Sizes { hotels: 1, staff: 3, stays: pages::STAYS, messages }
}

/// A client that asks for pages of the first `of` conversations of the department.
fn asking(site: &Site, of: usize, end: Option<&str>) -> Outcome<Rounds> {
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
    let (prepare, numbers, later) = match database.kind() {
        Kind::Sqlite => (
            "",
            format!(
                "(WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {each}) \
                 SELECT n FROM n) AS n"
            ),
            "max",
        ),
        Kind::Postgres => ("SET statement_timeout = 0;", format!("generate_series(1, {each}) AS n (n)"), "greatest"),
    };
    // In turns, as they would come; and the heaps stand on the first page.
    Ok(Conn::open(&database.url)?.run(&format!(
        "{prepare} BEGIN; \
         INSERT INTO messages (conversation_id, content, sender_type, timestamp, internal, guest_ordinal) \
         SELECT c.id, 'Could we have two more towels and another pillow, please? Number ' || n.n, 'guest', \
                c.updated_at, FALSE, c.guest_messages + n.n \
         FROM {numbers} CROSS JOIN conversations AS c WHERE c.id IN ({ids}) ORDER BY n.n, c.id; \
         UPDATE conversations SET guest_messages = guest_messages + {each}, \
                last_message_id = (SELECT max(m.id) FROM messages AS m WHERE m.conversation_id = conversations.id), \
                last_guest_message_at = updated_at, \
                updated_at = {later}(updated_at, (SELECT max(o.updated_at) FROM conversations AS o)) \
         WHERE id IN ({ids}); \
         COMMIT"
    ))?)
}
