//! Search for messages by their words, with the index of [`message_words`](crate::message_words).
//!
//! Candidates are read in ranges of ids, the newest first, until enough fit. Each statement is short, and between two
//! statements the deadline is checked: SQLite would not stop a statement.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::{
    dsl::max,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use domain::{
    ConversationId, MessageId, Reach, SenderType,
    search::{Closeness, SearchQuery},
};

use crate::{
    StoreError,
    message_words::{BLOCK_BITS, block_prefix, conversation_term, hotel_prefix},
    sql::{
        cached_statement::{Number, prepared},
        column_types::Ts,
        id_list::among,
        schema::{conversations, messages, stays},
    },
    store::{
        connection::{Conn, on_db},
        read_only::select_sql,
    },
};

/// The most blocks of ids whose candidates one statement reads. The first statement reads one block, each next one twice
/// as many: the newest of frequent words are found at once, and rare words with few statements.
const MAX_BLOCKS: i64 = 64;
/// The most candidates that one statement loads.
const MAX_CANDIDATES: usize = 500;

/// Conditions of a search besides its words, combined with AND.
#[derive(Clone, Debug, Default)]
pub struct SearchFilter {
    pub conversation: Option<ConversationId>,
    /// Selects messages of conversations about a stay in this room.
    pub room: Option<String>,
    pub sender: Option<SenderType>,
    /// Selects messages of this time and later.
    pub from: Option<DateTime<Utc>>,
    /// Selects messages before this time.
    pub before: Option<DateTime<Utc>>,
}

/// A message that fits a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchHit {
    pub message: MessageId,
    /// The time that the message shows.
    pub at: DateTime<Utc>,
    pub closeness: Closeness,
}

/// Ids of messages, both ends included.
#[derive(Clone, Copy, Debug)]
struct BlockRange {
    first: i64,
    last: i64,
}

/// Returns the visible messages with all words of a search that were stored last, at most `limit`, the last one first. Fails with
/// [`StoreError::TimedOut`] after the deadline.
pub fn find(
    conn: &mut Conn,
    reach: &Reach,
    query: &SearchQuery,
    filter: &SearchFilter,
    limit: usize,
    deadline: Instant,
) -> Result<Vec<SearchHit>, StoreError> {
    let mut hits = Vec::new();
    if query.is_empty() {
        return Ok(hits);
    }
    let mut terms = query.index_terms();
    terms.extend(filter.conversation.map(conversation_term));
    let newest: Option<i64> = on_db!(conn, |c| messages::table.select(max(messages::id)).first(c))?;
    let (mut last, mut count) = (newest.unwrap_or(0) >> BLOCK_BITS, 1);
    while last >= 0 && hits.len() < limit {
        let range = BlockRange { first: (last - count + 1).max(0), last };
        limit_time(conn, deadline)?;
        let candidates = candidates(conn, reach, &terms, range)?;
        for candidates in candidates.chunks(MAX_CANDIDATES) {
            if hits.len() >= limit {
                break;
            }
            limit_time(conn, deadline)?;
            let fitting = load_visible(conn, reach, filter, candidates)?.into_iter().filter_map(|(id, at, content)| {
                query.closeness(&content).map(|closeness| SearchHit { message: MessageId(id), at: at.0, closeness })
            });
            hits.extend(fitting);
        }
        (last, count) = (range.first - 1, (count * 2).min(MAX_BLOCKS));
    }
    hits.truncate(limit);
    Ok(hits)
}

/// Returns those of these messages that are visible and fit the filter, newest first.
pub fn narrow(
    conn: &mut Conn,
    reach: &Reach,
    filter: &SearchFilter,
    ids: &[MessageId],
) -> Result<Vec<MessageId>, StoreError> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    Ok(load_visible(conn, reach, filter, &ids)?.into_iter().map(|row| MessageId(row.0)).collect())
}

/// Fails after the deadline, and lets the database cancel statements then.
fn limit_time(conn: &mut Conn, deadline: Instant) -> Result<(), StoreError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left < Duration::from_millis(1) {
        return Err(StoreError::TimedOut);
    }
    Ok(conn.limit_statements(left)?)
}

/// Returns the ids of messages of the hotel in a range that have all terms, newest first.
fn candidates(conn: &mut Conn, reach: &Reach, terms: &[String], range: BlockRange) -> Result<Vec<i64>, StoreError> {
    let mut rows: Vec<Number> = match conn {
        Conn::Sqlite(conn) => {
            let prefix = hotel_prefix(reach.hotel);
            let wanted: Vec<String> = terms.iter().map(|term| format!("\"{prefix}{term}\"")).collect();
            let query = sql_query(
                "SELECT rowid AS number FROM message_words WHERE message_words MATCH ? AND rowid BETWEEN ? AND ? \
                 ORDER BY rowid DESC",
            )
            .bind::<Text, _>(wanted.join(" AND "))
            .bind::<BigInt, _>(range.first << BLOCK_BITS)
            .bind::<BigInt, _>(((range.last + 1) << BLOCK_BITS) - 1);
            select_sql(prepared(query)).load(conn)?
        }
        Conn::Pg(conn) => {
            let in_block = |block: i64| {
                let prefix = block_prefix(reach.hotel, block);
                terms.iter().map(|term| format!("'{prefix}{term}'")).collect::<Vec<_>>().join(" & ")
            };
            let wanted: Vec<String> = (range.first..=range.last).map(in_block).collect();
            let query = sql_query("SELECT message_id AS number FROM message_words WHERE words @@ $1::tsquery")
                .bind::<Text, _>(wanted.join(" | "));
            select_sql(prepared(query)).load(conn)?
        }
    };
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.number));
    Ok(rows.into_iter().map(|row| row.number).collect())
}

/// Id, time and text of a message.
type VisibleRow = (i64, Ts, String);

/// Loads those of these messages that are visible to the caller and fit the filter, newest first.
fn load_visible(
    conn: &mut Conn,
    reach: &Reach,
    filter: &SearchFilter,
    ids: &[i64],
) -> Result<Vec<VisibleRow>, StoreError> {
    let mine: Vec<i64> = reach.departments.iter().map(|id| id.0).collect();
    let mut rows: Vec<VisibleRow> = on_db!(conn, |c| {
        let mut query = messages::table
            .inner_join(conversations::table.on(conversations::id.eq(messages::conversation_id)))
            .filter(among(messages::id, ids))
            .filter(messages::internal.eq(false).and(messages::hidden.eq(false)))
            .filter(conversations::hotel_id.eq(reach.hotel.0))
            .select((messages::id, messages::timestamp, messages::content))
            .into_boxed();
        if !reach.is_manager() {
            let unrouted = conversations::department_id.is_null();
            query = query.filter(unrouted.or(among(conversations::department_id, &mine)));
        }
        if let Some(id) = filter.conversation {
            query = query.filter(conversations::id.eq(id.0));
        }
        if let Some(room) = &filter.room {
            // A subquery for each row: as a join it could begin with all stays in the room.
            let stay = stays::table.filter(stays::id.nullable().eq(conversations::stay_id));
            query = query.filter(stay.select(stays::room_number).single_value().eq(room.as_str()));
        }
        if let Some(sender) = filter.sender {
            query = query.filter(messages::sender_type.eq(sender.as_str()));
        }
        if let Some(from) = filter.from {
            query = query.filter(messages::timestamp.ge(Ts::from(from)));
        }
        if let Some(before) = filter.before {
            query = query.filter(messages::timestamp.lt(Ts::from(before)));
        }
        prepared(query).load(c)
    })?;
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.0));
    Ok(rows)
}
