//! Reads messages with the names of their senders and with their attachments.

use std::collections::HashMap;

use diesel::{dsl, prelude::*};
use domain::{ClientRef, ConversationId, Message, MessageId, SenderType, StaffId};

use crate::{
    StoreError, attachments,
    guests::{GuestNameColumns, display_name},
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
    #[diesel(select_expression = messages::whatsapp_message_id.is_not_null())]
    is_on_whatsapp: bool,
}

/// The names of the possible senders of a message: staff member, guest in the booking, guest, hotel.
type NameColumns = (Option<String>, Option<String>, GuestNameColumns, String);

fn message(
    (row, (of_staff, of_booking, of_guest, of_hotel)): (MessageRow, NameColumns),
) -> Result<Message, StoreError> {
    let sender_type: SenderType = row.sender_type.parse().map_err(|_| StoreError::Corrupt("sender type"))?;
    let sender_name = match sender_type {
        SenderType::Staff => of_staff.ok_or(StoreError::Corrupt("staff sender"))?,
        SenderType::System => of_hotel,
        SenderType::Guest => of_booking.unwrap_or_else(|| display_name(of_guest)),
    };
    Ok(Message {
        id: MessageId(row.id),
        conversation: ConversationId(row.conversation_id),
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
    let mut rows: Vec<(MessageRow, NameColumns)> = on_db!(conn, |c| {
        let mut query = with_names!().filter(messages::conversation_id.eq(conversation.0)).into_boxed();
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
    sort_by_whatsapp_time(&mut rows);
    with_attachments(conn, rows)
}

/// Sorts WhatsApp messages, which can arrive in any order, by WhatsApp time. No message moves above a staff reply,
/// because the author of the reply had not seen it. The times of other messages come from another clock and are not
/// compared.
fn sort_by_whatsapp_time(rows: &mut [(MessageRow, NameColumns)]) {
    let is_inbound = |row: &MessageRow| row.is_on_whatsapp && row.sender_type == "guest";
    let is_reply = |row: &MessageRow| row.sender_type == "staff" && !row.internal;
    for at in 1..rows.len() {
        let late = &rows[at].0;
        if !is_inbound(late) {
            continue;
        }
        let since_reply = rows[..at].iter().enumerate().rev().take_while(|(_, (row, _))| !is_reply(row));
        let written_later = since_reply
            .filter(|(_, (row, _))| is_inbound(row))
            .take_while(|(_, (row, _))| row.timestamp.0 > late.timestamp.0);
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
    let of = messages::table.filter(messages::conversation_id.eq(conversation.0)).filter(with_notes);
    on_db!(conn, |c| {
        let before = diesel::select(dsl::exists(of.filter(messages::id.lt(first.0)))).get_result(c)?;
        let after = diesel::select(dsl::exists(of.filter(messages::id.gt(last.0)))).get_result(c)?;
        Ok((before, after))
    })
}

/// Loads messages by id, with their attachments.
pub fn by_ids(conn: &mut Conn, ids: &[MessageId]) -> Result<HashMap<MessageId, Message>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let rows: Vec<(MessageRow, NameColumns)> =
        on_db!(conn, |c| with_names!().filter(among(messages::id, &ids)).load(c))?;
    Ok(with_attachments(conn, rows)?.into_iter().map(|it| (it.id, it)).collect())
}

/// Converts rows to messages and loads the attachments.
fn with_attachments(conn: &mut Conn, rows: Vec<(MessageRow, NameColumns)>) -> Result<Vec<Message>, StoreError> {
    let with_files: Vec<MessageId> =
        rows.iter().filter(|(row, _)| row.has_attachments).map(|(row, _)| MessageId(row.id)).collect();
    let mut read = rows.into_iter().map(message).collect::<Result<Vec<_>, _>>()?;
    if !with_files.is_empty() {
        let mut files = attachments::of_messages(conn, &with_files)?;
        read.iter_mut().for_each(|it| it.attachments = files.remove(&it.id).unwrap_or_default());
    }
    Ok(read)
}
