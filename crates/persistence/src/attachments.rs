//! Files of messages. Their bytes are kept in parts, so that none is ever in memory as a whole.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::{Attachment, AttachmentId, ConversationId, HotelId, MessageId};

use crate::{
    StoreError, Tx,
    among::among,
    conn::{Conn, on_db},
    prepared::fixed,
    schema::{attachment_parts, attachments, messages},
    types::Ts,
};

/// A file that is claimed to be fetched is left to its claimer for so long after each part.
const CLAIM: TimeDelta = TimeDelta::minutes(5);

/// A file to store.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// Its message.
    pub message: MessageId,
    /// The hotel.
    pub hotel: HotelId,
    /// What it is called.
    pub name: &'a str,
    /// Its media type, without parameters.
    pub content_type: &'a str,
    /// Where it is to be fetched; `None`: its bytes are stored with it.
    pub source: Option<Source<'a>>,
}

/// Where a file is at WhatsApp.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// What WhatsApp calls it.
    pub media_id: &'a str,
    /// The SHA-256 of its bytes, in hexadecimal digits, where it was told.
    pub sha256: Option<&'a str>,
}

/// Stores what is known of a file; its bytes follow.
///
/// # Errors
/// [`StoreError`].
pub fn insert(tx: &mut Tx<'_>, draft: &Draft<'_>, at: DateTime<Utc>) -> Result<AttachmentId, StoreError> {
    let id: i64 = on_db!(tx.changing(), |c| {
        diesel::update(messages::table.find(draft.message.0)).set(messages::has_attachments.eq(true)).execute(c)?;
        diesel::insert_into(attachments::table)
            .values((
                attachments::message_id.eq(draft.message.0),
                attachments::hotel_id.eq(draft.hotel.0),
                attachments::name.eq(draft.name),
                attachments::content_type.eq(draft.content_type),
                attachments::size.eq(0),
                attachments::state.eq(if draft.source.is_some() { "awaited" } else { "there" }),
                attachments::media_id.eq(draft.source.map(|it| it.media_id)),
                attachments::sha256.eq(draft.source.and_then(|it| it.sha256)),
                attachments::due_at.eq(Ts::from(at)),
            ))
            .returning(attachments::id)
            .get_result(c)
    })?;
    Ok(AttachmentId(id))
}

/// Stores a part of a file, in place of one that has this number.
///
/// # Errors
/// [`StoreError`].
pub fn put(tx: &mut Tx<'_>, of: AttachmentId, number: i32, bytes: &[u8]) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| {
        diesel::delete(attachment_parts::table.find((of.0, number))).execute(c)?;
        diesel::insert_into(attachment_parts::table)
            .values((
                attachment_parts::attachment_id.eq(of.0),
                attachment_parts::number.eq(number),
                attachment_parts::bytes.eq(bytes),
            ))
            .execute(c)
    })?;
    Ok(())
}

/// Says that all parts of a file are there.
///
/// # Errors
/// [`StoreError`].
pub fn complete(tx: &mut Tx<'_>, of: AttachmentId, parts: i32, size: i64, sha256: &str) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| {
        // Of a try that broke off there may be more.
        let beyond = attachment_parts::attachment_id.eq(of.0).and(attachment_parts::number.ge(parts));
        diesel::delete(attachment_parts::table.filter(beyond)).execute(c)?;
        diesel::update(attachments::table.find(of.0))
            .set((attachments::state.eq("there"), attachments::size.eq(size), attachments::sha256.eq(sha256)))
            .execute(c)
    })?;
    Ok(())
}

/// Files that are fetched by a claim, and only as long as that claim is the last one and the file is not there: who
/// was slower than the claim lasts finds another one, and changes nothing.
macro_rules! claimed {
    ($it:expr) => {
        attachments::table
            .find($it.id.0)
            .filter(fixed("attachments.state = 'awaited'").and(attachments::attempts.eq($it.attempts)))
    };
}

/// Stores a part of a file that is fetched, in place of one that has this number, and keeps the claim for longer. False,
/// and nothing is done, where the claim is over.
///
/// # Errors
/// [`StoreError`].
pub fn put_fetched(
    tx: &mut Tx<'_>,
    it: &Awaited,
    (number, bytes): (i32, &[u8]),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let renewed = on_db!(tx.changing(), |c| diesel::update(claimed!(it))
        .set(attachments::due_at.eq(Ts::from(now + CLAIM)))
        .execute(c))?;
    if renewed == 1 {
        put(tx, it.id, number, bytes)?;
    }
    Ok(renewed == 1)
}

/// Says that all parts of a file that is fetched are there; false, and nothing is done, where the claim is over.
///
/// # Errors
/// [`StoreError`].
pub fn complete_fetched(
    tx: &mut Tx<'_>,
    it: &Awaited,
    parts: i32,
    size: i64,
    sha256: &str,
) -> Result<bool, StoreError> {
    // The row first: it is held from then on.
    let held = on_db!(tx.changing(), |c| diesel::update(claimed!(it)).set(attachments::size.eq(size)).execute(c))?;
    if held == 1 {
        complete(tx, it.id, parts, size, sha256)?;
    }
    Ok(held == 1)
}

/// Says that a file will not come any more; nothing where the claim is over.
///
/// # Errors
/// [`StoreError`].
pub fn lose(tx: &mut Tx<'_>, it: &Awaited) -> Result<(), StoreError> {
    let lost = on_db!(tx.changing(), |c| diesel::update(claimed!(it)).set(attachments::state.eq("lost")).execute(c))?;
    if lost == 1 {
        let parts = attachment_parts::table.filter(attachment_parts::attachment_id.eq(it.id.0));
        on_db!(tx.changing(), |c| diesel::delete(parts).execute(c))?;
    }
    Ok(())
}

/// A file that is to be fetched.
#[derive(Clone, Debug)]
pub struct Awaited {
    /// The file.
    pub id: AttachmentId,
    /// The hotel.
    pub hotel: HotelId,
    /// What WhatsApp calls it.
    pub media_id: String,
    /// The SHA-256 of its bytes, in hexadecimal digits, where it was told.
    pub sha256: Option<String>,
    /// How often it was tried: this claim's number.
    pub attempts: i32,
}

/// Claims files that are to be fetched now, oldest first, at most `limit`, of other hotels than these: other servers
/// leave them alone.
///
/// # Errors
/// [`StoreError`].
pub fn claim(tx: &mut Tx<'_>, now: DateTime<Utc>, limit: i64, but_of: &[HotelId]) -> Result<Vec<Awaited>, StoreError> {
    let but_of: Vec<i64> = but_of.iter().map(|it| it.0).collect();
    let due = attachments::table
        .filter(fixed("attachments.state = 'awaited'").and(attachments::due_at.le(Ts::from(now))))
        .filter(attachments::hotel_id.ne_all(&but_of))
        .order(attachments::id)
        .select(attachments::id)
        .limit(limit);
    let ids: Vec<i64> = match tx.conn() {
        Conn::Pg(c) => due.for_update().skip_locked().load(c)?,
        Conn::Sqlite(c) => due.load(c)?,
    };
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    type Row = (i64, i64, Option<String>, Option<String>, i32);
    let rows: Vec<Row> = on_db!(tx.changing(), |c| {
        diesel::update(attachments::table.filter(attachments::id.eq_any(&ids)))
            .set((attachments::due_at.eq(Ts::from(now + CLAIM)), attachments::attempts.eq(attachments::attempts + 1)))
            .execute(c)?;
        attachments::table
            .filter(attachments::id.eq_any(&ids))
            .order(attachments::id)
            .select((
                attachments::id,
                attachments::hotel_id,
                attachments::media_id,
                attachments::sha256,
                attachments::attempts,
            ))
            .load(c)
    })?;
    let awaited = |(id, hotel, media_id, sha256, attempts): Row| {
        let media_id = media_id.ok_or(StoreError::Corrupt("media id"))?;
        Ok(Awaited { id: AttachmentId(id), hotel: HotelId(hotel), media_id, sha256, attempts })
    };
    rows.into_iter().map(awaited).collect()
}

/// Puts the next try off; nothing where the claim is over.
///
/// # Errors
/// [`StoreError`].
pub fn put_off(tx: &mut Tx<'_>, it: &Awaited, due: DateTime<Utc>) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(claimed!(it)).set(attachments::due_at.eq(Ts::from(due))).execute(c))?;
    Ok(())
}

/// The files of messages, in the order in which they were stored. Those that will not come are left out.
///
/// # Errors
/// [`StoreError`].
pub fn of_messages(conn: &mut Conn, messages: &[MessageId]) -> Result<HashMap<MessageId, Vec<Attachment>>, StoreError> {
    let ids: Vec<i64> = messages.iter().map(|it| it.0).collect();
    let rows: Vec<(i64, i64, String, String, i64)> = on_db!(conn, |c| attachments::table
        .filter(among(attachments::message_id, &ids))
        .filter(attachments::state.ne("lost"))
        .order(attachments::id)
        .select((
            attachments::message_id,
            attachments::id,
            attachments::name,
            attachments::content_type,
            attachments::size
        ))
        .load(c))?;
    let mut of: HashMap<MessageId, Vec<Attachment>> = HashMap::new();
    for (message, id, name, content_type, size) in rows {
        let it = Attachment { id: AttachmentId(id), name, content_type, size };
        of.entry(MessageId(message)).or_default().push(it);
    }
    Ok(of)
}

/// Whether a file can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is still to be fetched.
    Awaited,
    /// It is there.
    There,
}

/// A file with the conversation that it is of; one that will not come is not there.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &mut Conn, id: AttachmentId) -> Result<Option<(Attachment, ConversationId, State)>, StoreError> {
    let row: Option<(String, String, i64, String, i64)> = on_db!(conn, |c| attachments::table
        .inner_join(messages::table.on(messages::id.eq(attachments::message_id)))
        .filter(attachments::id.eq(id.0).and(attachments::state.ne("lost")))
        .select((
            attachments::name,
            attachments::content_type,
            attachments::size,
            attachments::state,
            messages::conversation_id
        ))
        .first(c)
        .optional())?;
    Ok(row.map(|(name, content_type, size, state, conversation)| {
        let state = if state == "there" { State::There } else { State::Awaited };
        (Attachment { id, name, content_type, size }, ConversationId(conversation), state)
    }))
}

/// A part of a file; `None` after the last.
///
/// # Errors
/// [`StoreError`].
pub fn part(conn: &mut Conn, of: AttachmentId, number: i32) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(on_db!(conn, |c| attachment_parts::table
        .find((of.0, number))
        .select(attachment_parts::bytes)
        .first(c)
        .optional())?)
}
