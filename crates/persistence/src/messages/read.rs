//! Reads messages with the names of their senders, their attachments, quotes and reactions.

use std::collections::HashMap;

use diesel::{dsl, prelude::*};
use domain::{ClientRef, ConversationId, Message, MessageId, Quote, QuotedMessage, SenderType, StaffId, StayId};

use crate::{
    StoreError, attachments,
    guests::{GuestNameColumns, display_name},
    reactions,
    sql::{
        column_types::Ts,
        id_list::among,
        schema::{conversations, guests, hotels, messages, staff, stays},
    },
    store::connection::{Conn, on_db},
};

/// The row of a message, without the names of its possible senders.
#[derive(Queryable, Selectable)]
#[diesel(table_name = messages)]
struct MessageRow {
    id: i64,
    conversation_id: i64,
    content: String,
    sender_type: String,
    staff_sender: Option<i64>,
    timestamp: Ts,
    delivery: Option<String>,
    failure: Option<String>,
    internal: bool,
    client_ref: Option<String>,
    has_attachments: bool,
    reply_to: Option<i64>,
    has_quote: bool,
    hidden: bool,
    has_reactions: bool,
    #[diesel(select_expression = messages::whatsapp_message_id.is_not_null())]
    is_on_whatsapp: bool,
}

/// The names of the possible senders of a message: staff member, guest in the booking, guest, hotel.
type NameColumns = (Option<String>, Option<String>, GuestNameColumns, String);
/// The columns of a message: its row, the names of its possible senders, the stay of its conversation.
type MessageParts = (MessageRow, NameColumns, Option<i64>);

fn message((row, (of_staff, of_booking, of_guest, of_hotel), stay): MessageParts) -> Result<Message, StoreError> {
    let sender_type: SenderType = row.sender_type.parse().map_err(|_| StoreError::Corrupt("sender type"))?;
    let sender_name = match sender_type {
        SenderType::Staff => of_staff.ok_or(StoreError::Corrupt("staff sender"))?,
        SenderType::System => of_hotel,
        SenderType::Guest => of_booking.unwrap_or_else(|| display_name(of_guest)),
    };
    Ok(Message {
        id: MessageId(row.id),
        conversation: ConversationId(row.conversation_id),
        stay: stay.map(StayId),
        content: row.content,
        sender_type,
        author: row.staff_sender.map(StaffId),
        sender_name,
        at: row.timestamp.0,
        delivery: row.delivery.map(|it| it.parse().map_err(|_| StoreError::Corrupt("delivery"))).transpose()?,
        failure: row.failure,
        attachments: Vec::new(),
        internal: row.internal,
        client_ref: row
            .client_ref
            .map(|it| ClientRef::parse(&it).map_err(|_| StoreError::Corrupt("client ref")))
            .transpose()?,
        // Replaced by the quoted message if it is stored.
        reply_to: row.has_quote.then_some(Quote::Unknown),
        reactions: Vec::new(),
        is_removed: row.hidden,
    })
}

/// A query for messages joined with the names of their possible senders.
macro_rules! with_names {
    () => {
        messages::table
            .inner_join(conversations::table.on(conversations::id.eq(messages::conversation_id)))
            .inner_join(hotels::table.on(hotels::id.eq(conversations::hotel_id)))
            .inner_join(guests::table.on(guests::id.eq(conversations::guest_id)))
            .left_join(stays::table.on(stays::id.nullable().eq(conversations::stay_id)))
            .left_join(staff::table.on(staff::id.nullable().eq(messages::staff_sender)))
            .select((
                MessageRow::as_select(),
                (
                    staff::name.nullable(),
                    stays::guest_name.nullable(),
                    (guests::profile_name, guests::phone, guests::wa_id, guests::bsuid),
                    hotels::name,
                ),
                conversations::stay_id,
            ))
    };
}

/// A range of the messages of one conversation.
#[derive(Clone, Copy, Debug)]
pub struct MessageRange {
    /// Selects only messages with a smaller id.
    pub before: Option<MessageId>,
    /// Selects only messages with a greater id. If set, the oldest of them are returned, otherwise the newest.
    pub after: Option<MessageId>,
    /// Selects the messages next to this id: half of the limit after it, the others up to it. Replaces `before` and
    /// `after`. The conversation need not have a message with this id.
    pub around: Option<MessageId>,
    pub limit: i64,
    /// Whether to include internal notes.
    pub notes: bool,
}

/// Returns a range of messages, oldest first. Ranges are cut by id, so that a late message is on the newest page;
/// within the range, guest messages are sorted by their WhatsApp time.
pub fn list_range(
    conn: &mut Conn,
    conversation: ConversationId,
    page: MessageRange,
) -> Result<Vec<Message>, StoreError> {
    let mut rows = match page.around {
        None => load_rows(conn, conversation, page)?,
        Some(middle) => {
            let newer = MessageRange { before: None, after: Some(middle), limit: page.limit / 2, ..page };
            let newer = load_rows(conn, conversation, newer)?;
            let before = Some(MessageId(middle.0.saturating_add(1)));
            let older = MessageRange { before, after: None, limit: page.limit - newer.len() as i64, ..page };
            let mut rows = load_rows(conn, conversation, older)?;
            rows.extend(newer);
            rows
        }
    };
    sort_by_whatsapp_time(&mut rows);
    with_details(conn, rows)
}

/// Loads the rows of a range (without `around`), by ascending id.
fn load_rows(
    conn: &mut Conn,
    conversation: ConversationId,
    page: MessageRange,
) -> Result<Vec<MessageParts>, StoreError> {
    let mut rows: Vec<MessageParts> = on_db!(conn, |c| {
        let mut query = with_names!()
            .filter(messages::conversation_id.eq(conversation.0).and(messages::hidden.eq(false)))
            .into_boxed();
        if !page.notes {
            query = query.filter(messages::internal.eq(false));
        }
        if let Some(before) = page.before {
            query = query.filter(messages::id.lt(before.0));
        }
        query = match page.after {
            Some(after) => query.filter(messages::id.gt(after.0)).order(messages::id.asc()),
            None => query.order(messages::id.desc()),
        };
        query.limit(page.limit).load(c)
    })?;
    if page.after.is_none() {
        rows.reverse();
    }
    Ok(rows)
}

/// Sorts WhatsApp messages, which can arrive in any order, by WhatsApp time. No message moves above a staff reply,
/// because the author of the reply had not seen it. The times of other messages come from another clock and are not
/// compared.
fn sort_by_whatsapp_time(rows: &mut [MessageParts]) {
    let is_inbound = |row: &MessageRow| row.is_on_whatsapp && row.sender_type == "guest";
    let is_reply = |row: &MessageRow| row.sender_type == "staff" && !row.internal;
    for at in 1..rows.len() {
        let late = &rows[at].0;
        if !is_inbound(late) {
            continue;
        }
        let since_reply = rows[..at].iter().enumerate().rev().take_while(|(_, (row, ..))| !is_reply(row));
        let written_later = since_reply
            .filter(|(_, (row, ..))| is_inbound(row))
            .take_while(|(_, (row, ..))| row.timestamp.0 > late.timestamp.0);
        if let Some((place, _)) = written_later.last() {
            rows[place..=at].rotate_right(1);
        }
    }
}

/// Returns whether the conversation has a message before `first`, and one after `last`.
pub fn exist_before_and_after(
    conn: &mut Conn,
    conversation: ConversationId,
    (first, last): (MessageId, MessageId),
    notes: bool,
) -> Result<(bool, bool), StoreError> {
    let with_notes = messages::internal.eq(false).or(messages::internal.eq(notes));
    let of = messages::table
        .filter(messages::conversation_id.eq(conversation.0))
        .filter(with_notes.and(messages::hidden.eq(false)));
    on_db!(conn, |c| {
        let before = diesel::select(dsl::exists(of.filter(messages::id.lt(first.0)))).get_result(c)?;
        let after = diesel::select(dsl::exists(of.filter(messages::id.gt(last.0)))).get_result(c)?;
        Ok((before, after))
    })
}

/// Finds a message or note of a conversation that is not hidden.
pub fn find_shown(conn: &mut Conn, conversation: ConversationId, id: MessageId) -> Result<Option<Message>, StoreError> {
    let found = by_ids(conn, &[id])?.remove(&id);
    Ok(found.filter(|message| message.conversation == conversation && !message.is_removed))
}

/// Loads messages by id with everything that belongs to them, hidden ones too.
pub fn by_ids(conn: &mut Conn, ids: &[MessageId]) -> Result<HashMap<MessageId, Message>, StoreError> {
    let rows = rows_by_ids(conn, ids)?;
    Ok(with_details(conn, rows)?.into_iter().map(|it| (it.id, it)).collect())
}

fn rows_by_ids(conn: &mut Conn, ids: &[MessageId]) -> Result<Vec<MessageParts>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = ids.iter().map(|it| it.0).collect();
    Ok(on_db!(conn, |c| with_names!().filter(among(messages::id, &ids)).load(c))?)
}

/// Converts rows to messages, and loads attachments, quoted messages and reactions: each with one query, if a row has
/// any.
fn with_details(conn: &mut Conn, rows: Vec<MessageParts>) -> Result<Vec<Message>, StoreError> {
    let ids = |has: fn(&MessageRow) -> bool| {
        rows.iter().filter(|(row, ..)| has(row)).map(|(row, ..)| MessageId(row.id)).collect::<Vec<_>>()
    };
    let (with_files, with_reactions) = (ids(|row| row.has_attachments), ids(|row| row.has_reactions));
    let quoted: HashMap<MessageId, MessageId> =
        rows.iter().filter_map(|(row, ..)| Some((MessageId(row.id), MessageId(row.reply_to?)))).collect();
    let mut read = rows.into_iter().map(message).collect::<Result<Vec<_>, _>>()?;
    if !with_files.is_empty() {
        let mut files = attachments::of_messages(conn, &with_files)?;
        read.iter_mut().for_each(|it| it.attachments = files.remove(&it.id).unwrap_or_default());
    }
    if !with_reactions.is_empty() {
        let mut of = reactions::of_messages(conn, &with_reactions)?;
        read.iter_mut().for_each(|it| it.reactions = of.remove(&it.id).unwrap_or_default());
    }
    if !quoted.is_empty() {
        let quotes = load_quoted(conn, quoted.values().copied().collect())?;
        for message in &mut read {
            if let Some(found) = quoted.get(&message.id).and_then(|id| quotes.get(id)) {
                message.reply_to = Some(Quote::Known(found.clone()));
            }
        }
    }
    Ok(read)
}

fn load_quoted(conn: &mut Conn, mut ids: Vec<MessageId>) -> Result<HashMap<MessageId, QuotedMessage>, StoreError> {
    ids.sort_unstable();
    ids.dedup();
    let rows = rows_by_ids(conn, &ids)?;
    let shown = rows.into_iter().filter(|(row, ..)| !row.hidden);
    shown.map(|row| message(row).map(|message| (message.id, message.quoted()))).collect()
}
