//! Reads messages with the names of their senders, their attachments, quotes and reactions.

use std::collections::HashMap;

use diesel::{dsl, prelude::*};
use domain::{
    Attachment, ClientRef, ConversationId, Message, MessageId, Quote, QuotedMessage, Reaction, SenderType, StaffId,
    StayId,
};

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
pub(crate) struct MessageRow {
    pub(crate) id: i64,
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
    send_at: Option<Ts>,
    #[diesel(select_expression = messages::whatsapp_message_id.is_not_null())]
    is_on_whatsapp: bool,
}

/// What all messages of a conversation share: the names of guest and hotel, and the stay.
#[derive(Clone, Debug)]
pub(crate) struct SharedParts {
    guest_name: String,
    hotel_name: String,
    stay: Option<StayId>,
}

/// The columns of [`SharedParts`]: the guest in the booking, the guest, the hotel, the stay.
pub(crate) type SharedColumns = (Option<String>, GuestNameColumns, String, Option<i64>);

impl From<SharedColumns> for SharedParts {
    fn from((of_booking, of_guest, hotel_name, stay): SharedColumns) -> Self {
        let guest_name = of_booking.unwrap_or_else(|| display_name(of_guest));
        Self { guest_name, hotel_name, stay: stay.map(StayId) }
    }
}

impl SharedParts {
    /// The name of a message's sender. `author` is the name of the staff member who wrote it.
    fn sender_name(&self, sender_type: SenderType, author: Option<String>) -> Result<String, StoreError> {
        match sender_type {
            SenderType::Staff => author.ok_or(StoreError::Corrupt("staff sender")),
            SenderType::System => Ok(self.hotel_name.clone()),
            SenderType::Guest => Ok(self.guest_name.clone()),
        }
    }
}

/// The columns of [`SharedParts`] in a join of conversations, hotels, guests and stays.
macro_rules! shared_columns {
    () => {
        (
            stays::guest_name.nullable(),
            (guests::profile_name, guests::phone, guests::wa_id, guests::bsuid),
            hotels::name,
            $crate::sql::schema::conversations::stay_id,
        )
    };
}
pub(crate) use shared_columns;

/// The row of a message, and the name of its author, if it is a staff member.
type AuthoredRow = (MessageRow, Option<String>);

/// A message with everything that belongs to it alone.
pub(crate) struct MessageParts {
    pub(crate) row: MessageRow,
    pub(crate) author: Option<String>,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) reactions: Vec<Reaction>,
    /// The quoted message, if it is stored and not hidden.
    pub(crate) quoted: Option<QuotedMessage>,
}

impl From<AuthoredRow> for MessageParts {
    fn from((row, author): AuthoredRow) -> Self {
        Self { row, author, attachments: Vec::new(), reactions: Vec::new(), quoted: None }
    }
}

fn message(parts: MessageParts, shared: &SharedParts) -> Result<Message, StoreError> {
    let MessageParts { row, author, attachments, reactions, quoted } = parts;
    let sender_type = sender_type(&row.sender_type)?;
    Ok(Message {
        id: MessageId(row.id),
        conversation: ConversationId(row.conversation_id),
        stay: shared.stay,
        content: row.content,
        sender_type,
        author: row.staff_sender.map(StaffId),
        sender_name: shared.sender_name(sender_type, author)?,
        at: row.timestamp.0,
        delivery: row.delivery.map(|it| it.parse().map_err(|_| StoreError::Corrupt("delivery"))).transpose()?,
        failure: row.failure,
        attachments,
        internal: row.internal,
        client_ref: row
            .client_ref
            .map(|it| ClientRef::parse(&it).map_err(|_| StoreError::Corrupt("client ref")))
            .transpose()?,
        reply_to: row.has_quote.then(|| quoted.map_or(Quote::Unknown, Quote::Known)),
        reactions,
        send_at: row.send_at.map(|it| it.0),
        is_removed: row.hidden,
    })
}

fn sender_type(value: &str) -> Result<SenderType, StoreError> {
    value.parse().map_err(|_| StoreError::Corrupt("sender type"))
}

/// The columns of a [`QuotedMessage`]: id, text, sender type, author.
type QuotedColumns = (i64, String, String, Option<String>);

pub(crate) fn quoted(
    (id, content, sender, author): QuotedColumns,
    shared: &SharedParts,
) -> Result<QuotedMessage, StoreError> {
    let sender_type = sender_type(&sender)?;
    let sender_name = shared.sender_name(sender_type, author)?;
    Ok(QuotedMessage::new(MessageId(id), &content, sender_type, sender_name))
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

/// A page of a conversation's messages, oldest first.
#[derive(Debug, Default)]
pub struct MessagePage {
    pub messages: Vec<Message>,
    /// The least message id of the page if there are older messages, otherwise `None`. The first message of a page need
    /// not have the least id.
    pub older: Option<MessageId>,
    /// The greatest message id of the page if there are newer messages, otherwise `None`.
    pub newer: Option<MessageId>,
}

/// All messages that are shown, joined with the authors who are staff: a boxed query.
macro_rules! authored {
    () => {
        messages::table
            .left_join(staff::table.on(staff::id.nullable().eq(messages::staff_sender)))
            .filter(messages::hidden.eq(false))
            .into_boxed()
    };
}
pub(crate) use authored;

/// Cuts a range (without `around`) of `messages` out of a boxed query, and one message more than the page holds, which
/// shows whether the range goes on.
macro_rules! cut_range {
    ($query:expr, $range:expr) => {{
        let mut query = $query;
        if !$range.notes {
            query = query.filter(messages::internal.eq(false));
        }
        if let Some(before) = $range.before {
            query = query.filter(messages::id.lt(before.0));
        }
        query = match $range.after {
            Some(after) => query.filter(messages::id.gt(after.0)).order(messages::id.asc()),
            None => query.order(messages::id.desc()),
        };
        query.limit($range.limit + 1)
    }};
}
pub(crate) use cut_range;

/// Whether messages lie beyond the bounds of a range: from `before` on, and up to `after`.
#[derive(Clone, Copy, Default)]
pub(crate) struct BeyondRange {
    pub(crate) from_before: bool,
    pub(crate) up_to_after: bool,
}

/// The columns of [`BeyondRange`] for one conversation. Without a bound nothing lies beyond it.
macro_rules! beyond_range {
    ($conversation:expr, $range:expr) => {{
        let with_notes = messages::internal.eq(false).or(messages::internal.eq($range.notes));
        let of = messages::table
            .filter(messages::conversation_id.eq($conversation))
            .filter(with_notes.and(messages::hidden.eq(false)));
        let before = $range.before.map_or(i64::MAX, |it| it.0);
        let after = $range.after.map_or(i64::MIN, |it| it.0);
        (dsl::exists(of.filter(messages::id.ge(before))), dsl::exists(of.filter(messages::id.le(after))))
    }};
}
pub(crate) use beyond_range;

/// The rows of a page by ascending id, and whether there are older and newer ones.
pub(crate) struct CutRange<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) has_older: bool,
    pub(crate) has_newer: bool,
}

/// Makes a page of the rows that `cut_range` selects.
pub(crate) fn cut_page<T>(mut rows: Vec<T>, range: MessageRange, beyond: BeyondRange) -> CutRange<T> {
    let size = usize::try_from(range.limit).unwrap_or(0);
    let is_cut = rows.len() > size;
    rows.truncate(size);
    if range.after.is_some() {
        return CutRange { rows, has_older: beyond.up_to_after, has_newer: is_cut || beyond.from_before };
    }
    rows.reverse();
    CutRange { rows, has_older: is_cut, has_newer: beyond.from_before }
}

/// Returns a page of messages, oldest first. Ranges are cut by id, so that a late message is on the newest page; within
/// the range, guest messages are sorted by their WhatsApp time.
pub fn load_page(
    conn: &mut Conn,
    conversation: ConversationId,
    range: MessageRange,
) -> Result<MessagePage, StoreError> {
    let Some(shared) = find_shared(conn, conversation)? else { return Ok(MessagePage::default()) };
    let cut = match range.around {
        None => {
            let beyond = find_beyond(conn, conversation, range)?;
            cut_page(load_range(conn, conversation, range)?, range, beyond)
        }
        Some(middle) => load_around(conn, conversation, middle, range)?,
    };
    let CutRange { rows, has_older, has_newer } = cut;
    page(CutRange { rows: with_details(conn, rows)?, has_older, has_newer }, &shared)
}

/// Loads the rows of a range around a message: up to half of them after it, the others up to it.
fn load_around(
    conn: &mut Conn,
    conversation: ConversationId,
    middle: MessageId,
    range: MessageRange,
) -> Result<CutRange<AuthoredRow>, StoreError> {
    let newer = MessageRange { before: None, after: Some(middle), limit: range.limit / 2, ..range };
    let mut newer = cut_page(load_range(conn, conversation, newer)?, newer, BeyondRange::default());
    let before = Some(MessageId(middle.0.saturating_add(1)));
    let older = MessageRange { before, after: None, limit: range.limit - newer.rows.len() as i64, ..range };
    let mut both = cut_page(load_range(conn, conversation, older)?, older, BeyondRange::default());
    both.rows.append(&mut newer.rows);
    both.has_newer = newer.has_newer;
    Ok(both)
}

/// Returns a range of messages, as [`load_page`].
pub fn list_range(
    conn: &mut Conn,
    conversation: ConversationId,
    range: MessageRange,
) -> Result<Vec<Message>, StoreError> {
    Ok(load_page(conn, conversation, range)?.messages)
}

/// Loads the rows of a range (without `around`), the newest first, unless the range is after a message; with one more
/// than the page holds.
fn load_range(
    conn: &mut Conn,
    conversation: ConversationId,
    range: MessageRange,
) -> Result<Vec<AuthoredRow>, StoreError> {
    Ok(on_db!(conn, |c| {
        let of = authored!().filter(messages::conversation_id.eq(conversation.0));
        cut_range!(of, range).select((MessageRow::as_select(), staff::name.nullable())).load(c)
    })?)
}

fn find_beyond(conn: &mut Conn, conversation: ConversationId, range: MessageRange) -> Result<BeyondRange, StoreError> {
    if range.before.is_none() && range.after.is_none() {
        return Ok(BeyondRange::default());
    }
    let (from_before, up_to_after) =
        on_db!(conn, |c| diesel::select(beyond_range!(conversation.0, range)).get_result(c))?;
    Ok(BeyondRange { from_before, up_to_after })
}

fn find_shared(conn: &mut Conn, conversation: ConversationId) -> Result<Option<SharedParts>, StoreError> {
    let shared: Option<SharedColumns> = on_db!(conn, |c| conversations::table
        .inner_join(hotels::table)
        .inner_join(guests::table)
        .left_join(stays::table)
        .filter(conversations::id.eq(conversation.0))
        .select(shared_columns!())
        .first(c)
        .optional())?;
    Ok(shared.map(SharedParts::from))
}

/// Converts the rows of a page to messages, in the order in which they are shown.
pub(crate) fn page(cut: CutRange<MessageParts>, shared: &SharedParts) -> Result<MessagePage, StoreError> {
    let CutRange { mut rows, has_older, has_newer } = cut;
    let ends = rows.first().map(|it| MessageId(it.row.id)).zip(rows.last().map(|it| MessageId(it.row.id)));
    sort_by_whatsapp_time(&mut rows);
    Ok(MessagePage {
        messages: rows.into_iter().map(|parts| message(parts, shared)).collect::<Result<_, _>>()?,
        older: ends.map(|(least, _)| least).filter(|_| has_older),
        newer: ends.map(|(_, greatest)| greatest).filter(|_| has_newer),
    })
}

/// Sorts WhatsApp messages, which can arrive in any order, by WhatsApp time. No message moves above a staff reply,
/// because the author of the reply had not seen it. The times of other messages come from another clock and are not
/// compared.
fn sort_by_whatsapp_time(rows: &mut [MessageParts]) {
    let is_inbound = |row: &MessageRow| row.is_on_whatsapp && row.sender_type == "guest";
    let is_reply = |row: &MessageRow| row.sender_type == "staff" && !row.internal;
    for at in 1..rows.len() {
        let late = &rows[at].row;
        if !is_inbound(late) {
            continue;
        }
        let since_reply = rows[..at].iter().enumerate().rev().take_while(|(_, parts)| !is_reply(&parts.row));
        let written_later = since_reply
            .filter(|(_, parts)| is_inbound(&parts.row))
            .take_while(|(_, parts)| parts.row.timestamp.0 > late.timestamp.0);
        if let Some((place, _)) = written_later.last() {
            rows[place..=at].rotate_right(1);
        }
    }
}

/// Finds a message or note of a conversation that is not hidden.
pub fn find_shown(conn: &mut Conn, conversation: ConversationId, id: MessageId) -> Result<Option<Message>, StoreError> {
    let found = by_ids(conn, &[id])?.remove(&id);
    Ok(found.filter(|message| message.conversation == conversation && !message.is_removed))
}

/// Loads messages by id with everything that belongs to them, hidden ones too.
pub fn by_ids(conn: &mut Conn, ids: &[MessageId]) -> Result<HashMap<MessageId, Message>, StoreError> {
    let rows = rows_by_ids(conn, ids)?;
    let (rows, shared): (Vec<_>, Vec<_>) =
        rows.into_iter().map(|(row, author, shared)| ((row, author), shared)).unzip();
    let parts = with_details(conn, rows)?;
    let read = parts.into_iter().zip(shared).map(|(parts, shared)| message(parts, &shared.into()));
    read.map(|it| it.map(|it| (it.id, it))).collect()
}

fn rows_by_ids(
    conn: &mut Conn,
    ids: &[MessageId],
) -> Result<Vec<(MessageRow, Option<String>, SharedColumns)>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = ids.iter().map(|it| it.0).collect();
    Ok(on_db!(conn, |c| messages::table
        .inner_join(conversations::table.on(conversations::id.eq(messages::conversation_id)))
        .inner_join(hotels::table.on(hotels::id.eq(conversations::hotel_id)))
        .inner_join(guests::table.on(guests::id.eq(conversations::guest_id)))
        .left_join(stays::table.on(stays::id.nullable().eq(conversations::stay_id)))
        .left_join(staff::table.on(staff::id.nullable().eq(messages::staff_sender)))
        .filter(among(messages::id, &ids))
        .select((MessageRow::as_select(), staff::name.nullable(), shared_columns!()))
        .load(c))?)
}

/// Loads attachments, quoted messages and reactions of messages: each with one query, if a row has any.
fn with_details(conn: &mut Conn, rows: Vec<AuthoredRow>) -> Result<Vec<MessageParts>, StoreError> {
    let ids = |has: fn(&MessageRow) -> bool| {
        rows.iter().filter(|(row, _)| has(row)).map(|(row, _)| MessageId(row.id)).collect::<Vec<_>>()
    };
    let (with_files, with_reactions) = (ids(|row| row.has_attachments), ids(|row| row.has_reactions));
    let mut parts: Vec<MessageParts> = rows.into_iter().map(MessageParts::from).collect();
    if !with_files.is_empty() {
        let mut files = attachments::of_messages(conn, &with_files)?;
        parts.iter_mut().for_each(|it| it.attachments = files.remove(&MessageId(it.row.id)).unwrap_or_default());
    }
    if !with_reactions.is_empty() {
        let mut of = reactions::of_messages(conn, &with_reactions)?;
        parts.iter_mut().for_each(|it| it.reactions = of.remove(&MessageId(it.row.id)).unwrap_or_default());
    }
    let quotes = load_quoted(conn, parts.iter().filter_map(|it| it.row.reply_to).collect())?;
    for it in &mut parts {
        it.quoted = it.row.reply_to.and_then(|id| quotes.get(&id).cloned());
    }
    Ok(parts)
}

fn load_quoted(conn: &mut Conn, mut ids: Vec<i64>) -> Result<HashMap<i64, QuotedMessage>, StoreError> {
    ids.sort_unstable();
    ids.dedup();
    let ids: Vec<MessageId> = ids.into_iter().map(MessageId).collect();
    let rows = rows_by_ids(conn, &ids)?;
    let shown = rows.into_iter().filter(|(row, ..)| !row.hidden);
    let quote = |(row, author, shared): (MessageRow, Option<String>, SharedColumns)| {
        Ok((row.id, quoted((row.id, row.content, row.sender_type, author), &shared.into())?))
    };
    shown.map(quote).collect()
}
