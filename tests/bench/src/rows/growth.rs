//! Pages of a large database beside those of a small one. The messages are spread over all conversations, or concentrated in ten.

use super::{Bench, CpuCost, pages, thousands};
use crate::{
    BenchResult,
    baseline::sql::BaselineConnection,
    databases::{BenchDatabase, BenchDatabaseKind},
    load::{LoadPace, Round},
    processes::RoundProcess,
    site::{GeneratedSite, Site, SiteSizes, get},
};

/// The conversations in which the messages are concentrated.
const LARGE_CONVERSATIONS: usize = 10;
/// In the small site the large conversations have one page of messages.
const PAGE: usize = 100;
/// Equal speed, apart from noise.
const GOAL: f64 = 0.9;

pub fn measure(bench: &Bench) -> BenchResult<()> {
    for kind in BenchDatabaseKind::all() {
        let few = site_with_large_conversations(bench, kind, PAGE)?;
        let spread = FilledSite {
            site: Site::new(kind, sizes(bench.messages / pages::STAYS), &bench.folder)?,
            description: format!("{} messages spread", thousands(bench.messages as f64)),
            conversations: usize::MAX,
            limit: 1,
        };
        compare(bench, &few, &spread)?;
        drop(spread);
        let heaped = FilledSite {
            site: site_with_large_conversations(bench, kind, bench.messages / LARGE_CONVERSATIONS)?,
            description: format!("{} messages heaped in ten", thousands((bench.messages + pages::STAYS) as f64)),
            conversations: LARGE_CONVERSATIONS,
            limit: PAGE,
        };
        compare(bench, &few, &heaped)?;
    }
    Ok(())
}

/// A site with many messages.
struct FilledSite {
    site: Site,
    /// Their number and distribution, for the table.
    description: String,
    /// The number of conversations whose pages are requested.
    conversations: usize,
    /// Messages of a page: as many as the small site can fill.
    limit: usize,
}

fn compare(bench: &Bench, few: &Site, many: &FilledSite) -> BenchResult<()> {
    let messages = format!("messages/?limit={}", many.limit);
    let pages = [
        ("conversations/".to_owned(), None),
        (format!("…/{messages}"), Some(messages.as_str())),
        ("conversations/{id}/".to_owned(), Some("")),
    ];
    for (what, end) in pages {
        let (mut of_many, mut of_few) =
            (request_pages(&many.site, many.conversations, end)?, request_pages(few, many.conversations, end)?);
        let pace = LoadPace::AwaitAck(pages::CONNECTIONS);
        bench.warm_up(&mut [&mut of_many, &mut of_few], pace)?;
        let round = Round { seconds: 1.0, pace };
        let compare_rates =
            bench.compare_rates(|| Ok(of_many.round(round)?.rate()), || Ok(of_few.round(round)?.rate()))?;
        let small = thousands((pages::STAYS + LARGE_CONVERSATIONS * PAGE) as f64);
        let kind = many.site.generated.database.kind().name();
        let what = format!("GET {what} of {}, against {small}, {kind}", many.description);
        compare_rates.row(what, "/s", Some(GOAL), [&CpuCost::default(), &CpuCost::default()]).print();
    }
    Ok(())
}

fn sizes(messages: usize) -> SiteSizes {
    SiteSizes { hotels: 1, staff: 3, stays: pages::STAYS, messages }
}

/// Starts a client that requests pages of the first conversations of the department.
fn request_pages(site: &Site, conversations: usize, end: Option<&str>) -> BenchResult<RoundProcess> {
    let token = site.tokens(1)?.remove(0);
    let paths = match end {
        None => vec!["conversations/".to_owned()],
        Some(end) => {
            let stays = site.generated.hotels[0].stays_in_relay().take(conversations);
            stays.map(|it| format!("conversations/{}/{end}", it.conversation_id)).collect()
        }
    };
    site.requests(pages::CONNECTIONS, paths.iter().map(|path| get(&site.address, &token, path)).collect(), 200)
}

/// A site with one message in each conversation and `each` more in ten of them.
fn site_with_large_conversations(bench: &Bench, kind: BenchDatabaseKind, each: usize) -> BenchResult<Site> {
    let generated = GeneratedSite::generate(kind, sizes(1), &bench.folder)?;
    let ids: Vec<_> =
        generated.hotels[0].stays_in_relay().take(LARGE_CONVERSATIONS).map(|it| it.conversation_id).collect();
    add_messages(&generated.database, &ids, each)?;
    generated.database.settle()?;
    generated.serve()
}

fn add_messages(database: &BenchDatabase, ids: &[i64], each: usize) -> BenchResult<()> {
    let ids = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let (prepare, numbers, later) = match database.kind() {
        BenchDatabaseKind::Sqlite => (
            "",
            format!(
                "(WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {each}) \
                 SELECT n FROM n) AS n"
            ),
            "max",
        ),
        BenchDatabaseKind::Postgres => {
            ("SET statement_timeout = 0;", format!("generate_series(1, {each}) AS n (n)"), "greatest")
        }
    };
    // In turns, as in practice. The large conversations are on the first page.
    Ok(BaselineConnection::open(&database.url)?.run(&format!(
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
