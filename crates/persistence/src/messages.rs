//! Messages and notes.

mod heard;

pub use self::heard::{Heard, heard};

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    dsl,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Bool, Nullable, Text},
};
use domain::{
    ClientRef, ConversationId, Delivery, GuestId, Message, MessageId, SenderType, StaffId, stable_whatsapp_id,
};

use crate::{
    StoreError, Tx,
    among::among,
    attachments,
    conn::{Conn, on_db},
    marks,
    prepared::{Fixed, Number, fixed, prepared},
    schema::{conversations, guests, hotels, inbound, messages, staff, stays},
    types::{Ts, UtcTs},
};

/// A message to store.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// Its conversation.
    pub conversation: ConversationId,
    /// What was said.
    pub content: &'a str,
    /// Who spoke.
    pub sender: Sender<'a>,
    /// When it is stored.
    pub at: DateTime<Utc>,
    /// What WhatsApp told of it.
    pub came: Option<Came<'a>>,
    /// How far it has come; `None` for guests' messages and notes.
    pub delivery: Option<Delivery>,
    /// Whether it is a note.
    pub internal: bool,
    /// What the sender called it, and the digest of the request, to tell a repetition.
    pub client_ref: Option<(&'a ClientRef, &'a str)>,
}

/// What WhatsApp tells of a guest's message.
#[derive(Clone, Copy, Debug)]
pub struct Came<'a> {
    /// What it calls the message: the same name again is the same message.
    pub whatsapp_message_id: &'a str,
    /// When it was written.
    pub written_at: DateTime<Utc>,
    /// When the guest last wrote, this message among the others; unchanged where it does not count.
    pub last_heard: Option<DateTime<Utc>>,
    /// As it came.
    pub raw: &'a str,
}

/// Who speaks, and under which name.
#[derive(Clone, Copy, Debug)]
pub enum Sender<'a> {
    /// The guest.
    Guest(&'a str),
    /// A staff member.
    Staff(StaffId, &'a str),
    /// The flow, in the hotel's name.
    System(&'a str),
}

#[derive(Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
struct NewRow<'a> {
    conversation_id: i64,
    content: &'a str,
    sender_type: &'a str,
    staff_sender: Option<i64>,
    timestamp: Ts,
    whatsapp_message_id: Option<&'a str>,
    whatsapp_stable_id: Option<String>,
    delivery: Option<&'a str>,
    internal: bool,
    client_ref: Option<&'a str>,
    request_digest: Option<&'a str>,
}

/// What a message changes in its conversation.
struct Told {
    at: Ts,
    of_guest: bool,
    /// When the guest last wrote, if that changes.
    last_heard: Option<Ts>,
}

/// Stores a message and makes it its conversation's newest; who replies has read up to the reply.
/// The conversation is locked by the caller's transaction.
///
/// # Errors
/// [`StoreError`].
pub fn append(tx: &mut Tx<'_>, draft: &Draft<'_>) -> Result<Message, StoreError> {
    let (sender_type, author, sender_name) = match draft.sender {
        Sender::Guest(name) => (SenderType::Guest, None, name),
        Sender::Staff(id, name) => (SenderType::Staff, Some(id), name),
        Sender::System(name) => (SenderType::System, None, name),
    };
    let row = NewRow {
        conversation_id: draft.conversation.0,
        content: draft.content,
        sender_type: sender_type.as_str(),
        staff_sender: author.map(|it| it.0),
        timestamp: draft.came.map_or(draft.at, |it| it.written_at).into(),
        whatsapp_message_id: draft.came.map(|it| it.whatsapp_message_id),
        whatsapp_stable_id: draft.came.map(|it| stable_whatsapp_id(it.whatsapp_message_id)),
        delivery: draft.delivery.map(Delivery::as_str),
        internal: draft.internal,
        client_ref: draft.client_ref.map(|(client_ref, _)| client_ref.as_str()),
        request_digest: draft.client_ref.map(|(_, digest)| digest),
    };
    let of_guest = matches!(draft.sender, Sender::Guest(_));
    let heard = draft.came.map_or_else(|| of_guest.then_some(draft.at), |it| it.last_heard);
    let told = Told { at: draft.at.into(), of_guest, last_heard: heard.map(Ts::from) };
    let raw = draft.came.map(|it| it.raw);
    let id = match tx.changing() {
        Conn::Pg(conn) => insert_at_once(conn, &row, &told, raw)?,
        Conn::Sqlite(_) => insert(tx, &row, &told, raw)?,
    };
    Ok(Message {
        id: MessageId(id),
        conversation: draft.conversation,
        content: draft.content.to_owned(),
        sender_type,
        author,
        sender_name: sender_name.to_owned(),
        at: row.timestamp.0,
        delivery: draft.delivery,
        failure: None,
        attachments: Vec::new(),
        internal: draft.internal,
        client_ref: draft.client_ref.map(|(client_ref, _)| client_ref.clone()),
    })
}

/// Stores a message, as it came, tells it to its conversation, and moves its author's mark.
fn insert(tx: &mut Tx<'_>, row: &NewRow<'_>, told: &Told, raw: Option<&str>) -> Result<i64, StoreError> {
    let conversation = conversations::table.find(row.conversation_id);
    let ordinal = conversation.select(conversations::guest_messages + i64::from(told.of_guest));
    let id: i64 = on_db!(tx.changing(), |c| diesel::insert_into(messages::table)
        .values((row, messages::guest_ordinal.eq(ordinal.single_value().assume_not_null())))
        .returning(messages::id)
        .get_result(c))?;
    let last_message = (!row.internal).then_some(conversations::last_message_id.eq(Some(id)));
    let last_heard = told.last_heard.map(|at| conversations::last_guest_message_at.eq(Some(at)));
    let of_guest = told.of_guest.then_some(conversations::guest_messages.eq(conversations::guest_messages + 1));
    let told = (conversations::updated_at.eq(told.at), last_message, last_heard, of_guest);
    on_db!(tx.changing(), |c| prepared(diesel::update(conversation).set(told).returning(conversations::id))
        .get_result::<i64>(c))?;
    if let Some(author) = row.staff_sender.filter(|_| !row.internal) {
        marks::advance(tx, StaffId(author), ConversationId(row.conversation_id), MessageId(id))?;
    }
    if let Some(raw) = raw {
        let kept = (inbound::message_id.eq(id), inbound::raw.eq(raw));
        on_db!(tx.changing(), |c| diesel::insert_into(inbound::table).values(kept).execute(c))?;
    }
    Ok(id)
}

/// What [`insert`] does in four statements, in one: on PostgreSQL each is a way to the server and back.
fn insert_at_once(conn: &mut PgConnection, row: &NewRow<'_>, told: &Told, raw: Option<&str>) -> QueryResult<i64> {
    let statement = sql_query(
        "WITH stored AS (\
           INSERT INTO messages (conversation_id, content, sender_type, staff_sender, timestamp, delivery, internal, \
             client_ref, request_digest, whatsapp_message_id, whatsapp_stable_id, guest_ordinal) \
           SELECT id, $2, $3, $4, $5, $6, $7, $8, $9, $11, $15, guest_messages + $10 FROM conversations WHERE id = $1 \
           RETURNING id, conversation_id, guest_ordinal\
         ), told AS (\
           UPDATE conversations SET updated_at = $12, guest_messages = stored.guest_ordinal, \
             last_message_id = CASE WHEN $7 THEN last_message_id ELSE stored.id END, \
             last_guest_message_at = COALESCE($13, last_guest_message_at) \
           FROM stored WHERE conversations.id = stored.conversation_id\
         ), read AS (\
           INSERT INTO read_marks (staff_id, conversation_id, message_id, guest_ordinal) \
           SELECT $4, conversation_id, id, guest_ordinal FROM stored WHERE $4 IS NOT NULL AND NOT $7 \
           ON CONFLICT (conversation_id, staff_id) DO UPDATE \
           SET message_id = excluded.message_id, guest_ordinal = excluded.guest_ordinal \
           WHERE read_marks.message_id < excluded.message_id\
         ), kept AS (\
           INSERT INTO inbound (message_id, raw) SELECT id, $14 FROM stored WHERE $14 IS NOT NULL\
         ) SELECT id AS number FROM stored",
    )
    .bind::<BigInt, _>(row.conversation_id)
    .bind::<Text, _>(row.content)
    .bind::<Text, _>(row.sender_type)
    .bind::<Nullable<BigInt>, _>(row.staff_sender)
    .bind::<UtcTs, _>(row.timestamp)
    .bind::<Nullable<Text>, _>(row.delivery)
    .bind::<Bool, _>(row.internal)
    .bind::<Nullable<Text>, _>(row.client_ref)
    .bind::<Nullable<Text>, _>(row.request_digest)
    .bind::<BigInt, _>(i64::from(told.of_guest))
    .bind::<Nullable<Text>, _>(row.whatsapp_message_id)
    .bind::<UtcTs, _>(told.at)
    .bind::<Nullable<UtcTs>, _>(told.last_heard)
    .bind::<Nullable<Text>, _>(raw)
    .bind::<Nullable<Text>, _>(row.whatsapp_stable_id.as_deref());
    let inserted: Number = prepared(statement).get_result(conn)?;
    Ok(inserted.number)
}

/// The message that WhatsApp calls so.
///
/// # Errors
/// [`StoreError`].
pub fn find_by_whatsapp_id(conn: &mut Conn, whatsapp_message_id: &str) -> Result<Option<Message>, StoreError> {
    let of = messages::table.filter(messages::whatsapp_message_id.eq(whatsapp_message_id));
    let id: Option<i64> = on_db!(conn, |c| of.select(messages::id).first(c).optional())?;
    let Some(id) = id.map(MessageId) else { return Ok(None) };
    Ok(by_ids(conn, &[id])?.remove(&id))
}

/// The message of a guest's conversations that WhatsApp means by an id in a quote or a reaction: by the part of the id
/// that does not vary.
///
/// # Errors
/// [`StoreError`].
pub fn find_quoted(conn: &mut Conn, guest: GuestId, whatsapp_message_id: &str) -> Result<Option<Message>, StoreError> {
    let stable = stable_whatsapp_id(whatsapp_message_id);
    let id: Option<i64> = on_db!(conn, |c| {
        let of_guest = messages::table
            .inner_join(conversations::table.on(conversations::id.eq(messages::conversation_id)))
            .filter(conversations::guest_id.eq(guest.0))
            .order(messages::id.desc())
            .select(messages::id);
        match of_guest.filter(messages::whatsapp_stable_id.eq(stable)).first(c).optional()? {
            Some(id) => Some(id),
            // From before there was a column for the stable part.
            None => of_guest.filter(messages::whatsapp_message_id.eq(whatsapp_message_id)).first(c).optional()?,
        }
    });
    let Some(id) = id.map(MessageId) else { return Ok(None) };
    Ok(by_ids(conn, &[id])?.remove(&id))
}

/// The condition of the index of messages whose id has not been looked at.
const WITHOUT_STABLE_ID: Fixed = fixed("whatsapp_message_id IS NOT NULL AND whatsapp_stable_id IS NULL");

/// Stores the stable part of the ids of messages from before there was a column for it, at most `limit`. Whether there
/// may be more.
///
/// # Errors
/// [`StoreError`].
pub fn fill_stable_ids(tx: &mut Tx<'_>, limit: i64) -> Result<bool, StoreError> {
    let without = messages::table.filter(WITHOUT_STABLE_ID).order(messages::id);
    let without = without.select((messages::id, messages::whatsapp_message_id)).limit(limit);
    let rows: Vec<(i64, Option<String>)> = match tx.conn() {
        Conn::Sqlite(c) => without.load(c)?,
        // Whoever changes one of them just now must not be waited for.
        Conn::Pg(c) => without.for_update().skip_locked().load(c)?,
    };
    for (id, whatsapp_message_id) in &rows {
        let stable = whatsapp_message_id.as_deref().map(stable_whatsapp_id);
        let update = diesel::update(messages::table.find(id)).set(messages::whatsapp_stable_id.eq(stable));
        on_db!(tx.changing(), |c| prepared(update.returning(messages::id)).get_result::<i64>(c))?;
    }
    Ok(rows.len() as i64 == limit)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = messages)]
struct Row {
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

/// The names that a message's sender can have: the staff member's, the booking's, the profile's,
/// the guest's identities', the hotel's.
type Names = (Option<String>, Option<String>, (Option<String>, Option<String>, Option<String>, Option<String>), String);

fn message((row, (of_staff, of_booking, of_guest, of_hotel)): (Row, Names)) -> Result<Message, StoreError> {
    let sender_type: SenderType = row.sender_type.parse().map_err(|()| StoreError::Corrupt("sender type"))?;
    let sender_name = match sender_type {
        SenderType::Staff => of_staff.ok_or(StoreError::Corrupt("staff sender"))?,
        SenderType::System => of_hotel,
        SenderType::Guest => of_booking.unwrap_or_else(|| crate::guests::display_name(of_guest)),
    };
    Ok(Message {
        id: MessageId(row.id),
        conversation: ConversationId(row.conversation_id),
        content: row.content,
        sender_type,
        author: row.staff_sender.map(StaffId),
        sender_name,
        at: row.timestamp.0,
        delivery: row.delivery.map(|it| it.parse().map_err(|()| StoreError::Corrupt("delivery"))).transpose()?,
        failure: row.failure,
        attachments: Vec::new(),
        internal: row.internal,
        client_ref: row
            .client_ref
            .map(|it| ClientRef::parse(&it).map_err(|_| StoreError::Corrupt("client ref")))
            .transpose()?,
    })
}

/// Messages joined with the names of all who may have sent them.
macro_rules! with_names {
    () => {
        messages::table
            .inner_join(conversations::table.on(conversations::id.eq(messages::conversation_id)))
            .inner_join(hotels::table.on(hotels::id.eq(conversations::hotel_id)))
            .inner_join(guests::table.on(guests::id.eq(conversations::guest_id)))
            .left_join(stays::table.on(stays::id.nullable().eq(conversations::stay_id)))
            .left_join(staff::table.on(staff::id.nullable().eq(messages::staff_sender)))
            .select((
                Row::as_select(),
                (
                    staff::name.nullable(),
                    stays::guest_name.nullable(),
                    (guests::profile_name, guests::phone, guests::wa_id, guests::bsuid),
                    hotels::name,
                ),
            ))
    };
}

/// Which messages of a conversation to read.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Only those with a smaller id.
    pub before: Option<MessageId>,
    /// Only those with a greater id; given, the oldest of them, else the newest.
    pub after: Option<MessageId>,
    /// At most so many.
    pub limit: i64,
    /// With the notes.
    pub notes: bool,
}

/// A page of a conversation's messages, oldest first. It is cut by ids, so that what comes late is on the newest
/// page; on it, guests' messages stand in the order in which they were written.
///
/// # Errors
/// [`StoreError`].
pub fn page(conn: &mut Conn, conversation: ConversationId, page: Page) -> Result<Vec<Message>, StoreError> {
    let mut rows: Vec<(Row, Names)> = on_db!(conn, |c| {
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
    in_order_of_writing(&mut rows);
    messages_of(conn, rows)
}

/// Puts what a guest wrote by WhatsApp, which comes in any order, in that of WhatsApp's times. Nothing moves above a
/// reply of staff, who had not seen it then. With other messages' times, from another clock, they are not compared.
fn in_order_of_writing(rows: &mut [(Row, Names)]) {
    let came = |row: &Row| row.is_on_whatsapp && row.sender_type == "guest";
    let is_reply = |row: &Row| row.sender_type == "staff" && !row.internal;
    for at in 1..rows.len() {
        let late = &rows[at].0;
        if !came(late) {
            continue;
        }
        let since_reply = rows[..at].iter().enumerate().rev().take_while(|(_, (row, _))| !is_reply(row));
        let written_later = since_reply
            .filter(|(_, (row, _))| came(row))
            .take_while(|(_, (row, _))| row.timestamp.0 > late.timestamp.0);
        if let Some((place, _)) = written_later.last() {
            rows[place..=at].rotate_right(1);
        }
    }
}

/// Whether a conversation has a message before one id, and one after another: what is left
/// beside a page.
///
/// # Errors
/// [`StoreError`].
pub fn beside(
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

/// Messages by their ids.
///
/// # Errors
/// [`StoreError`].
pub fn by_ids(conn: &mut Conn, ids: &[MessageId]) -> Result<HashMap<MessageId, Message>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let rows: Vec<(Row, Names)> = on_db!(conn, |c| with_names!().filter(among(messages::id, &ids)).load(c))?;
    Ok(messages_of(conn, rows)?.into_iter().map(|it| (it.id, it)).collect())
}

/// Rows as messages, with their files.
fn messages_of(conn: &mut Conn, rows: Vec<(Row, Names)>) -> Result<Vec<Message>, StoreError> {
    let with_files: Vec<MessageId> =
        rows.iter().filter(|(row, _)| row.has_attachments).map(|(row, _)| MessageId(row.id)).collect();
    let mut read = rows.into_iter().map(message).collect::<Result<Vec<_>, _>>()?;
    if !with_files.is_empty() {
        let mut files = attachments::of_messages(conn, &with_files)?;
        read.iter_mut().for_each(|it| it.attachments = files.remove(&it.id).unwrap_or_default());
    }
    Ok(read)
}

/// The message that a staff member called so in a conversation, with its request's digest.
///
/// # Errors
/// [`StoreError`].
pub fn find_by_client_ref(
    conn: &mut Conn,
    conversation: ConversationId,
    author: StaffId,
    client_ref: &ClientRef,
) -> Result<Option<(Message, String)>, StoreError> {
    let found: Option<(i64, Option<String>)> = on_db!(conn, |c| messages::table
        .filter(messages::conversation_id.eq(conversation.0))
        .filter(messages::staff_sender.eq(author.0))
        .filter(messages::client_ref.eq(client_ref.as_str()))
        .select((messages::id, messages::request_digest))
        .first(c)
        .optional())?;
    let Some((id, digest)) = found else { return Ok(None) };
    let message = by_ids(conn, &[MessageId(id)])?.remove(&MessageId(id)).ok_or(StoreError::Corrupt("message"))?;
    Ok(Some((message, digest.ok_or(StoreError::Corrupt("request digest"))?)))
}

/// The newest message that a guest wrote by WhatsApp in a conversation, up to one; the number that it came to, and
/// what WhatsApp calls it.
///
/// # Errors
/// [`StoreError`].
pub fn newest_heard(
    conn: &mut Conn,
    of: ConversationId,
    to: MessageId,
) -> Result<Option<(MessageId, String, String)>, StoreError> {
    let newest: Option<(i64, Option<String>, Option<String>)> = on_db!(conn, |c| messages::table
        .inner_join(conversations::table.on(conversations::id.eq(messages::conversation_id)))
        .inner_join(hotels::table.on(hotels::id.eq(conversations::hotel_id)))
        .filter(messages::conversation_id.eq(of.0).and(messages::id.le(to.0)))
        .filter(messages::sender_type.eq("guest").and(messages::whatsapp_message_id.is_not_null()))
        .order(messages::id.desc())
        .select((messages::id, hotels::whatsapp_phone_number_id, messages::whatsapp_message_id))
        .first(c)
        .optional())?;
    Ok(newest.and_then(|(id, number, name)| number.zip(name).map(|(number, name)| (MessageId(id), number, name))))
}

/// Whether the conversation has this message or note.
///
/// # Errors
/// [`StoreError`].
pub fn exists(conn: &mut Conn, conversation: ConversationId, id: MessageId) -> Result<bool, StoreError> {
    let of = messages::table.filter(messages::conversation_id.eq(conversation.0).and(messages::id.eq(id.0)));
    Ok(on_db!(conn, |c| diesel::select(dsl::exists(of)).get_result(c))?)
}

/// Whether another staff member has written a message or note after this one.
///
/// # Errors
/// [`StoreError`].
pub fn other_staff_wrote_after(
    conn: &mut Conn,
    conversation: ConversationId,
    seen: MessageId,
    me: StaffId,
) -> Result<bool, StoreError> {
    let theirs = messages::table
        .filter(messages::conversation_id.eq(conversation.0).and(messages::id.gt(seen.0)))
        .filter(messages::staff_sender.ne(me.0));
    Ok(on_db!(conn, |c| diesel::select(dsl::exists(theirs)).get_result(c))?)
}
