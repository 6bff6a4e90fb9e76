//! The words of messages (table `message_words`), by which [`message_search`](crate::message_search) finds them, and how
//! far the index reaches back (table `search_index`).
//!
//! SQLite has an FTS5 table without texts and places; its tokens are `hotel·term`. PostgreSQL has a `tsvector` for each
//! message with a GIN index; its lexemes are `hotel·block·term`, where a block is 16,384 ids: unlike FTS5, GIN cannot
//! return the newest hits first, so a search reads block after block. A term is a word of the message or its conversation.
//!
//! The index proposes candidates, and a search compares their present texts. So a row that is left over finds nothing.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Text},
};
use domain::{ConversationId, HotelId, MessageId, search::index_terms};

use crate::{
    StoreError, Tx,
    sql::{
        cached_statement::{Number, prepared},
        schema::{conversations, messages, search_index},
    },
    store::{
        connection::{Conn, WriteConn, on_db},
        transaction::NewWords,
    },
};

/// The number of low bits of a message id that do not belong to its block. `messages` repeats it where it stores a message
/// with its words in one statement.
pub(crate) const BLOCK_BITS: u32 = 14;
/// Separates the parts of a token. It occurs in no term, and FTS5's tokenizer `ascii` does not split at it.
const SEPARATOR: char = '·';
const ONLY_ROW: i64 = 1;

/// A message to be found by its words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexedMessage<'a> {
    pub(crate) id: MessageId,
    pub(crate) conversation: ConversationId,
    pub(crate) content: &'a str,
}

/// The columns of a stored message: id, conversation, text, whether it is a note, whether it is hidden, hotel.
type StoredColumns = (i64, i64, String, bool, bool, i64);

/// A query of [`StoredColumns`].
macro_rules! stored_messages {
    () => {
        messages::table.inner_join(conversations::table.on(conversations::id.eq(messages::conversation_id))).select((
            messages::id,
            messages::conversation_id,
            messages::content,
            messages::internal,
            messages::hidden,
            conversations::hotel_id,
        ))
    };
}
/// The beginning of all tokens of a hotel on SQLite.
pub(crate) fn hotel_prefix(hotel: HotelId) -> String {
    format!("{hotel}{SEPARATOR}")
}

/// The beginning of all tokens of a block of a hotel on PostgreSQL.
pub(crate) fn block_prefix(hotel: HotelId, block: i64) -> String {
    format!("{hotel}{SEPARATOR}{block}{SEPARATOR}")
}

/// The term of all messages of a conversation.
pub(crate) fn conversation_term(conversation: ConversationId) -> String {
    format!("{SEPARATOR}{conversation}")
}

/// Returns the terms under which a message is found.
pub(crate) fn terms(conversation: ConversationId, content: &str) -> Vec<String> {
    let mut terms = index_terms(content);
    terms.push(conversation_term(conversation));
    terms
}

/// Adds messages of a hotel that are not in the index.
pub(crate) fn insert(tx: &mut Tx<'_>, hotel: HotelId, new: &[IndexedMessage<'_>]) -> Result<(), StoreError> {
    if let Conn::Pg(conn) = tx.changing() {
        let ids: Vec<i64> = new.iter().map(|message| message.id.0).collect();
        let vectors: Vec<String> = new.iter().map(|message| postgres_vector(hotel, message)).collect();
        sql_query(
            "INSERT INTO message_words (message_id, words) SELECT id, vector::tsvector \
             FROM unnest($1, $2) AS new (id, vector) \
             ON CONFLICT (message_id) DO NOTHING",
        )
        .bind::<Array<BigInt>, _>(ids)
        .bind::<Array<Text>, _>(vectors)
        .execute(conn)?;
    } else {
        for message in new {
            tx.add_words(NewWords { message: message.id.0, tokens: sqlite_tokens(hotel, message) });
        }
    }
    Ok(())
}

/// Adds the words that the jobs of a transaction have left, on SQLite. In one statement, because FTS5 writes its changes
/// to the file before each statement.
pub(crate) fn insert_deferred(conn: WriteConn<'_>, words: &[NewWords]) -> Result<(), StoreError> {
    let Conn::Sqlite(conn) = conn else { return Ok(()) };
    if words.is_empty() {
        return Ok(());
    }
    let rows: Vec<(i64, &str)> = words.iter().map(|new| (new.message, new.tokens.as_str())).collect();
    let insert = sql_query(
        "INSERT INTO message_words (rowid, words) SELECT value ->> 0, value ->> 1 FROM json_each(?) \
         RETURNING rowid AS number",
    )
    .bind::<Text, _>(serde_json::json!(rows).to_string());
    prepared(insert).load::<Number>(conn)?;
    Ok(())
}

/// Replaces the words of a message by those of another text, which is not stored yet. `None`: the message is not to be
/// found any more.
pub(crate) fn replace(tx: &mut Tx<'_>, id: MessageId, content: Option<&str>) -> Result<(), StoreError> {
    let Some(stored) = find_shown(tx.conn(), id)? else { return Ok(()) };
    let message = stored.as_indexed();
    // The message may have been stored in this transaction.
    let words = tx.take_words();
    insert_deferred(tx.changing(), &words)?;
    match tx.changing() {
        Conn::Sqlite(conn) => {
            let below = search_index::table.find(ONLY_ROW).select(search_index::unindexed_below);
            if id.0 < below.get_result::<i64>(conn)? {
                return Ok(());
            }
            let delete = sql_query("INSERT INTO message_words (message_words, rowid, words) VALUES ('delete', ?, ?)");
            delete.bind::<BigInt, _>(id.0).bind::<Text, _>(sqlite_tokens(stored.hotel, &message)).execute(conn)?;
        }
        Conn::Pg(conn) => {
            sql_query("DELETE FROM message_words WHERE message_id = $1").bind::<BigInt, _>(id.0).execute(conn)?;
        }
    }
    match content {
        Some(content) => insert(tx, stored.hotel, &[IndexedMessage { content, ..message }]),
        None => Ok(()),
    }
}

/// Whether all messages are in the index.
pub fn is_complete(conn: &mut Conn) -> Result<bool, StoreError> {
    Ok(unindexed_below(conn)? == 0)
}

/// Adds the newest messages that are not in the index yet, at most `limit`. Returns `false` if none are left, or if
/// another server adds some at the moment.
pub fn fill(tx: &mut Tx<'_>, limit: i64) -> Result<bool, StoreError> {
    let state = search_index::table.find(ONLY_ROW).select(search_index::unindexed_below);
    let below: Option<i64> = match tx.conn() {
        Conn::Sqlite(c) => state.first(c).optional()?,
        Conn::Pg(c) => state.for_update().skip_locked().first(c).optional()?,
    };
    let Some(below) = below.filter(|below| *below > 0) else { return Ok(false) };
    let rows: Vec<StoredColumns> = on_db!(tx.conn(), |c| stored_messages!()
        .filter(messages::id.lt(below))
        .order(messages::id.desc())
        .limit(limit)
        .load(c))?;
    let is_last = (rows.len() as i64) < limit;
    let least = rows.last().map_or(0, |row| row.0);
    let mut shown: Vec<MessageOfHotel> = rows.into_iter().filter_map(MessageOfHotel::if_shown).collect();
    shown.sort_by_key(|message| (message.hotel, message.id));
    for of_hotel in shown.chunk_by(|one, next| one.hotel == next.hotel) {
        let new: Vec<IndexedMessage<'_>> = of_hotel.iter().map(MessageOfHotel::as_indexed).collect();
        insert(tx, of_hotel[0].hotel, &new)?;
    }
    let reached = search_index::unindexed_below.eq(if is_last { 0 } else { least });
    on_db!(tx.changing(), |c| diesel::update(search_index::table.find(ONLY_ROW)).set(reached).execute(c))?;
    Ok(!is_last)
}

/// Marks all messages as not in the index, which is empty, so that a server fills it.
pub(crate) const MARK_ALL_UNINDEXED: &str =
    "UPDATE search_index SET unindexed_below = (SELECT COALESCE(MAX(id) + 1, 0) FROM messages)";

fn unindexed_below(conn: &mut Conn) -> Result<i64, StoreError> {
    let state = search_index::table.find(ONLY_ROW).select(search_index::unindexed_below);
    Ok(on_db!(conn, |c| state.first(c))?)
}

fn sqlite_tokens(hotel: HotelId, message: &IndexedMessage<'_>) -> String {
    tokens(&hotel_prefix(hotel), message, |token| token)
}

fn postgres_vector(hotel: HotelId, message: &IndexedMessage<'_>) -> String {
    let prefix = block_prefix(hotel, message.id.0 >> BLOCK_BITS);
    tokens(&prefix, message, |token| format!("'{token}'"))
}

fn tokens(prefix: &str, message: &IndexedMessage<'_>, quote: fn(String) -> String) -> String {
    let terms = terms(message.conversation, message.content);
    terms.iter().map(|term| quote(format!("{prefix}{term}"))).collect::<Vec<_>>().join(" ")
}

struct MessageOfHotel {
    hotel: HotelId,
    id: MessageId,
    conversation: ConversationId,
    content: String,
}

impl MessageOfHotel {
    fn if_shown((id, conversation, content, internal, hidden, hotel): StoredColumns) -> Option<Self> {
        let (id, conversation, hotel) = (MessageId(id), ConversationId(conversation), HotelId(hotel));
        (!internal && !hidden).then_some(Self { hotel, id, conversation, content })
    }

    fn as_indexed(&self) -> IndexedMessage<'_> {
        IndexedMessage { id: self.id, conversation: self.conversation, content: &self.content }
    }
}

fn find_shown(conn: &mut Conn, id: MessageId) -> Result<Option<MessageOfHotel>, StoreError> {
    let row: Option<StoredColumns> =
        on_db!(conn, |c| stored_messages!().filter(messages::id.eq(id.0)).first(c).optional())?;
    Ok(row.and_then(MessageOfHotel::if_shown))
}
