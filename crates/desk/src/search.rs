//! Search for messages, and the task that adds old messages to the index.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use auth::Caller;
use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::{
    ConversationId, ConversationView, Hotel, Message, MessageId, Reach, SenderType, Status, search::SearchQuery,
};
use persistence::{
    Conn, StoreError,
    conversations::{self, ConversationFilter},
    hotels,
    message_search::{self, SearchFilter},
    message_words, messages,
    sql::pagination::Slice,
};
use tokio::time::sleep;

use crate::{
    Desk, Error, PageRequest, hotel_calendar::start_of_day, phone_search::phone_search_terms, read_limit::ReadCost,
    transaction::WithCursor,
};

/// The most messages that a search finds: the newest that fit. They are ordered by how well they fit.
const MAX_HITS: usize = 1000;
/// The most conversations of guests with a phone number whose newest messages a search finds.
const MAX_PHONE_HITS: i64 = 100;
/// How long a search may take.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(2);
/// Few, so that other writes wait only a few milliseconds.
const MAX_INDEXED_PER_TRANSACTION: i64 = 200;

/// What a caller searches for. All conditions are combined with AND.
#[derive(Clone, Debug)]
pub struct MessageSearch {
    /// Words and quoted phrases, or a phone number.
    pub text: String,
    pub conversation: Option<ConversationId>,
    pub room: Option<String>,
    pub sender: Option<SenderType>,
    /// The first and the last day, in the hotel's time zone.
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
}

/// A page of the messages that a search found.
#[derive(Debug)]
pub struct SearchPage {
    /// Number of messages on all pages, at most 1,000.
    pub count: i64,
    pub results: Vec<FoundMessage>,
    /// Whether old messages are still being added to the index, so that they are not found yet.
    pub is_indexing: bool,
}

/// A message that a search found.
#[derive(Debug)]
pub struct FoundMessage {
    pub conversation: ConversationView,
    pub message: Message,
    /// The part of the text around the words, as HTML: the words in `<mark>`, everything else escaped.
    pub excerpt: String,
}

impl Desk {
    /// Returns a page of the visible messages that a search finds, the best first, of equally good ones the newest.
    pub async fn search_messages(
        &self,
        caller: Caller,
        search: MessageSearch,
        page: PageRequest,
    ) -> Result<WithCursor<SearchPage>, Error> {
        self.read_with_cursor(caller, ReadCost::Scan, move |conn, reach| {
            let begin = Instant::now();
            load_page(conn, reach, &search, page, begin + SEARCH_TIMEOUT).map_err(|error| match error {
                Error::Store(StoreError::TimedOut) => Error::SearchTimeout,
                // PostgreSQL reports a cancelled statement as an error without a kind.
                Error::Store(_) if begin.elapsed() >= SEARCH_TIMEOUT => Error::SearchTimeout,
                other => other,
            })
        })
        .await
    }

    /// Adds all messages to the index that are not in it, which are those of a time before the index existed. Works in
    /// small transactions, and pauses as long as each takes, so that sends do not suffer.
    pub async fn fill_search_index(&self) -> Result<(), Error> {
        let mut begun = false;
        loop {
            let begin = Instant::now();
            let has_more = self.write_global(|tx| Ok(message_words::fill(tx, MAX_INDEXED_PER_TRANSACTION)?)).await?;
            match (has_more, begun) {
                (true, false) => {
                    log::info!("old messages are being added to the search index; searches find them later")
                }
                (false, true) => log::info!("all messages are in the search index"),
                _ => {}
            }
            if !has_more {
                return Ok(());
            }
            begun = true;
            sleep(begin.elapsed()).await;
        }
    }
}

fn load_page(
    conn: &mut Conn,
    reach: &Reach,
    search: &MessageSearch,
    page: PageRequest,
    deadline: Instant,
) -> Result<SearchPage, Error> {
    let mut query = SearchQuery::parse(&search.text);
    let hotel = hotels::find(conn, reach.hotel)?.ok_or(Error::NotFound)?;
    let filter = search_filter(search, &hotel);
    let mut found = find_by_number(conn, reach, &search.text, &filter)?;
    let mut hits = message_search::find(conn, reach, &query, &filter, MAX_HITS, deadline)?;
    if found.is_empty()
        && hits.is_empty()
        && let Some(unfinished) = query.with_unfinished_last_word()
    {
        hits = message_search::find(conn, reach, &unfinished, &filter, MAX_HITS, deadline)?;
        query = unfinished;
    }
    hits.retain(|hit| !found.contains(&hit.message));
    hits.sort_by_key(|hit| (hit.closeness, std::cmp::Reverse((hit.at, hit.message))));
    found.extend(hits.into_iter().map(|hit| hit.message));
    found.truncate(MAX_HITS);
    let count = found.len() as i64;
    page.ensure_exists(count)?;
    let Slice { offset, limit } = page.slice();
    let shown: Vec<MessageId> = found.into_iter().skip(offset as usize).take(limit as usize).collect();
    let results = load_found(conn, reach, &query, &shown)?;
    Ok(SearchPage { count, results, is_indexing: !message_words::is_complete(conn)? })
}

/// Returns the newest messages of the conversations of guests with this phone number; none if the text is none.
fn find_by_number(conn: &mut Conn, reach: &Reach, text: &str, filter: &SearchFilter) -> Result<Vec<MessageId>, Error> {
    let search_numbers = phone_search_terms(conn, reach.hotel, text)?;
    if search_numbers.is_empty() {
        return Ok(Vec::new());
    }
    let of_guest = ConversationFilter {
        status: Status::ALL.to_vec(),
        search: Some(text.to_owned()),
        search_numbers,
        ..ConversationFilter::default()
    };
    let (_, views) = conversations::list(conn, reach, &of_guest, Slice { offset: 0, limit: MAX_PHONE_HITS })?;
    let newest: Vec<MessageId> = views.into_iter().filter_map(|view| view.last_message).map(|it| it.id).collect();
    Ok(message_search::narrow(conn, reach, filter, &newest)?)
}

fn load_found(
    conn: &mut Conn,
    reach: &Reach,
    query: &SearchQuery,
    ids: &[MessageId],
) -> Result<Vec<FoundMessage>, Error> {
    let mut found = messages::by_ids(conn, ids)?;
    let mut of: Vec<ConversationId> = found.values().map(|message| message.conversation).collect();
    of.sort_unstable();
    of.dedup();
    let views = conversations::views(conn, Some(reach.staff), &of)?;
    let views: HashMap<ConversationId, ConversationView> =
        views.into_iter().map(|view| (view.conversation.id(), view)).collect();
    let result = |id| {
        let message = found.remove(id)?;
        let conversation = views.get(&message.conversation)?.clone();
        Some(FoundMessage { excerpt: query.excerpt(&message.content), conversation, message })
    };
    Ok(ids.iter().filter_map(result).collect())
}

fn search_filter(search: &MessageSearch, hotel: &Hotel) -> SearchFilter {
    let begin = |day: NaiveDate| -> DateTime<Utc> { start_of_day(hotel, day) };
    SearchFilter {
        conversation: search.conversation,
        room: search.room.clone(),
        sender: search.sender,
        from: search.from.map(begin),
        before: search.to.and_then(|day| day.checked_add_days(Days::new(1))).map(begin),
    }
}
