//! Search for messages by their words, with the index of [`message_words`](crate::message_words).
//!
//! Candidates are read in steps, the newest first, until enough fit. Each statement is short, and between two statements
//! the deadline is checked: SQLite would not stop a statement.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::{
    dsl::max,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use domain::{
    ConversationId, DepartmentId, HotelId, MessageId, Reach, SenderType,
    search::{Closeness, IndexTerm, SearchQuery},
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

/// The most portions of candidates that one statement reads. The first statement reads one portion, each next one twice as
/// many: the newest of frequent words are found at once, and rare words with few statements.
const MAX_PORTIONS: i64 = 64;
/// The size of a portion if a term is a prefix, on SQLite.
const PREFIX_PORTION: i64 = 2000;
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

/// Candidates of one statement, the newest first.
struct CandidateStep {
    ids: Vec<i64>,
    /// The candidates that are left have lower ids. Zero: none is left.
    rest_below: i64,
}

/// Returns the visible messages with all words of a search that were stored last, at most `limit`, the last one first.
/// Fails with [`StoreError::TimedOut`] after the deadline.
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
    let of_conversation = |id| IndexTerm { text: conversation_term(id), is_prefix: false };
    terms.extend(filter.conversation.map(of_conversation));
    let newest: Option<i64> = on_db!(conn, |c| messages::table.select(max(messages::id)).first(c))?;
    let (mut below, mut portions) = (newest.unwrap_or(0) + 1, 1);
    while below > 0 && hits.len() < limit {
        limit_time(conn, deadline)?;
        let step = candidates(conn, reach, &terms, below, portions)?;
        for candidates in step.ids.chunks(MAX_CANDIDATES) {
            if hits.len() >= limit {
                break;
            }
            limit_time(conn, deadline)?;
            let fitting = load_visible(conn, reach, filter, candidates)?.into_iter().filter_map(|(id, at, content)| {
                query.closeness(&content).map(|closeness| SearchHit { message: MessageId(id), at: at.0, closeness })
            });
            hits.extend(fitting);
        }
        (below, portions) = (step.rest_below, (portions * 2).min(MAX_PORTIONS));
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

/// Returns the next candidates: messages of the hotel below an id that have all terms. A portion is a block of ids.
///
/// If a term is a prefix, SQLite merges the messages of all its words in each statement, whatever the range of ids. Then a
/// portion is a number of candidates, so that there are few statements: one for a rare prefix.
fn candidates(
    conn: &mut Conn,
    reach: &Reach,
    terms: &[IndexTerm],
    below: i64,
    portions: i64,
) -> Result<CandidateStep, StoreError> {
    let last = (below - 1) >> BLOCK_BITS;
    let first = (last - portions + 1).max(0);
    let rest_below = first << BLOCK_BITS;
    match conn {
        Conn::Sqlite(conn) if terms.iter().any(|term| term.is_prefix) => {
            let limit = portions * PREFIX_PORTION;
            let query = sql_query(
                "SELECT rowid AS number FROM message_words WHERE message_words MATCH ? AND rowid < ? \
                 ORDER BY rowid DESC LIMIT ?",
            )
            .bind::<Text, _>(fts5_query(reach.hotel, terms))
            .bind::<BigInt, _>(below)
            .bind::<BigInt, _>(limit);
            let ids = newest_first(select_sql(prepared(query)).load(conn)?);
            let oldest = ids.last().copied().filter(|_| ids.len() as i64 == limit);
            Ok(CandidateStep { ids, rest_below: oldest.unwrap_or(0) })
        }
        Conn::Sqlite(conn) => {
            let query = sql_query(
                "SELECT rowid AS number FROM message_words WHERE message_words MATCH ? AND rowid < ? AND rowid >= ? \
                 ORDER BY rowid DESC",
            )
            .bind::<Text, _>(fts5_query(reach.hotel, terms))
            .bind::<BigInt, _>(below)
            .bind::<BigInt, _>(rest_below);
            Ok(CandidateStep { ids: newest_first(select_sql(prepared(query)).load(conn)?), rest_below })
        }
        Conn::Pg(conn) => {
            let wanted: Vec<String> = (first..=last).map(|block| tsquery(reach.hotel, block, terms)).collect();
            let query = sql_query("SELECT message_id AS number FROM message_words WHERE words @@ $1::tsquery")
                .bind::<Text, _>(wanted.join(" | "));
            Ok(CandidateStep { ids: newest_first(select_sql(prepared(query)).load(conn)?), rest_below })
        }
    }
}

fn fts5_query(hotel: HotelId, terms: &[IndexTerm]) -> String {
    let prefix = hotel_prefix(hotel);
    let wanted = |term: &IndexTerm| format!("\"{prefix}{}\"{}", term.text, if term.is_prefix { " *" } else { "" });
    terms.iter().map(wanted).collect::<Vec<_>>().join(" AND ")
}

fn tsquery(hotel: HotelId, block: i64, terms: &[IndexTerm]) -> String {
    let prefix = block_prefix(hotel, block);
    let wanted = |term: &IndexTerm| format!("'{prefix}{}'{}", term.text, if term.is_prefix { ":*" } else { "" });
    terms.iter().map(wanted).collect::<Vec<_>>().join(" & ")
}

fn newest_first(rows: Vec<Number>) -> Vec<i64> {
    let mut ids: Vec<i64> = rows.into_iter().map(|row| row.number).collect();
    ids.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
    ids
}

/// Id, time and text of a message.
type VisibleRow = (i64, Ts, String);
/// Id, hotel and department of a conversation.
type ConversationKeys = (i64, i64, Option<i64>);

/// Loads those of these messages that are visible to the caller and fit the filter, newest first.
///
/// The statement has no condition on the conversation, so that it begins with the ids: SQLite would begin with the
/// conversations of the hotel and look for each id in each of them.
fn load_visible(
    conn: &mut Conn,
    reach: &Reach,
    filter: &SearchFilter,
    ids: &[i64],
) -> Result<Vec<VisibleRow>, StoreError> {
    let rows: Vec<(VisibleRow, ConversationKeys)> = on_db!(conn, |c| {
        let mut query = messages::table
            .inner_join(conversations::table.on(conversations::id.eq(messages::conversation_id)))
            .filter(among(messages::id, ids))
            .filter(messages::internal.eq(false).and(messages::hidden.eq(false)))
            .select((
                (messages::id, messages::timestamp, messages::content),
                (conversations::id, conversations::hotel_id, conversations::department_id),
            ))
            .into_boxed();
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
    let fits = |(id, hotel, department): ConversationKeys| {
        filter.conversation.is_none_or(|wanted| wanted.0 == id)
            && reach.covers(HotelId(hotel), department.map(DepartmentId))
    };
    let mut visible: Vec<VisibleRow> =
        rows.into_iter().filter(|(_, conversation)| fits(*conversation)).map(|(row, _)| row).collect();
    visible.sort_unstable_by_key(|row| std::cmp::Reverse(row.0));
    Ok(visible)
}
