//! Messages and internal notes: storing and finding them.

mod change;
mod inbound_context;
mod read;

pub(crate) use self::read::{
    BeyondRange, MessageParts, MessageRow, SharedParts, authored, beyond_range, cut_page, cut_range, page, quoted,
    shared_columns,
};
pub use self::{
    change::{hide, insert_reaction_carrier, set_content},
    inbound_context::{InboundContext, inbound_context},
    read::{MessagePage, MessageRange, by_ids, find_shown, list_range, load_page},
};

use chrono::{DateTime, Utc};
use diesel::{
    dsl::{self, case_when},
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Nullable, Text},
};
use domain::{
    ClientRef, ConversationId, Delivery, GuestId, HotelId, Message, MessageId, Quote, SenderType, StaffId, StayId,
    whatsapp_id::stable_whatsapp_id,
};

use crate::{
    StoreError, Tx,
    message_words::{self, IndexedMessage},
    read_positions,
    reports::{self, CountedMessage, quarter},
    sql::{
        cached_statement::{Fixed, Number, fixed, prepared},
        column_types::{Ts, UtcTs},
        schema::{conversations, hotels, inbound, messages},
    },
    store::connection::{Conn, on_db},
};

/// The values of a message that is to be stored.
#[derive(Clone, Debug)]
pub struct NewMessage<'a> {
    pub conversation: ConversationId,
    pub content: &'a str,
    pub sender: MessageSender<'a>,
    /// The time at which the message is stored. A message from WhatsApp shows `InboundFields::written_at` instead.
    pub at: DateTime<Utc>,
    /// Metadata of WhatsApp, if a guest sent the message by WhatsApp.
    pub inbound: Option<InboundFields<'a>>,
    /// The initial delivery status; `None` for guest messages and notes.
    pub delivery: Option<Delivery>,
    /// Whether the message is an internal note, which guests never get.
    pub internal: bool,
    /// The client reference of a sent message (an idempotency key), and the digest of the request.
    pub client_ref: Option<(&'a ClientRef, &'a str)>,
    /// The message of the same conversation that this one quotes.
    pub quote: Option<Quote>,
    /// The time for which the message was scheduled.
    pub send_at: Option<DateTime<Utc>>,
}

/// Metadata of a guest message that came from WhatsApp.
#[derive(Clone, Copy, Debug)]
pub struct InboundFields<'a> {
    /// Meta's id of the message, unique: a second message with this id is a redelivery.
    pub whatsapp_message_id: &'a str,
    pub written_at: DateTime<Utc>,
    /// The new `last_guest_message_at` of the conversation; `None` leaves the column unchanged.
    pub last_guest_message_at: Option<DateTime<Utc>>,
    /// The JSON of the message as received from WhatsApp.
    pub raw: &'a str,
}

/// The sender of a message, with the name to show.
#[derive(Clone, Copy, Debug)]
pub enum MessageSender<'a> {
    Guest {
        name: &'a str,
        /// By when staff should answer, if the guest begins to wait with this message.
        response_due_at: Option<DateTime<Utc>>,
    },
    Staff(StaffId, &'a str),
    /// The guest flow, with the name of the hotel.
    System(&'a str),
}

#[derive(Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
struct NewMessageRow<'a> {
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
    reply_to: Option<i64>,
    has_quote: bool,
    send_at: Option<Ts>,
}

impl NewMessageRow<'_> {
    /// Whether reports count the message.
    fn is_counted(&self) -> bool {
        !self.internal && self.sender_type != SenderType::System.as_str()
    }
}

/// The changes of a conversation's row that a new message causes.
struct ConversationUpdate {
    at: Ts,
    of_guest: bool,
    /// The new `last_guest_message_at` of the conversation; `None` leaves the column unchanged.
    last_guest_message_at: Option<Ts>,
    /// By when staff should answer, if the guest begins to wait with this message.
    response_due_at: Option<Ts>,
}

/// Stores a message and makes it the last message of its conversation. A reply moves the read position of its author and
/// ends the waiting of the guest; a guest message that opens the 24-hour window begins it, with the response clock.
/// `stay` is the stay of the conversation, whose lock the caller's transaction must hold.
pub fn append(tx: &mut Tx<'_>, new: &NewMessage<'_>, stay: Option<StayId>) -> Result<Message, StoreError> {
    let (sender_type, author, sender_name) = match new.sender {
        MessageSender::Guest { name, .. } => (SenderType::Guest, None, name),
        MessageSender::Staff(id, name) => (SenderType::Staff, Some(id), name),
        MessageSender::System(name) => (SenderType::System, None, name),
    };
    let row = NewMessageRow {
        conversation_id: new.conversation.0,
        content: new.content,
        sender_type: sender_type.as_str(),
        staff_sender: author.map(|it| it.0),
        timestamp: new.inbound.map_or(new.at, |it| it.written_at).into(),
        whatsapp_message_id: new.inbound.map(|it| it.whatsapp_message_id),
        whatsapp_stable_id: new.inbound.map(|it| stable_whatsapp_id(it.whatsapp_message_id)),
        delivery: new.delivery.map(Delivery::as_str),
        internal: new.internal,
        client_ref: new.client_ref.map(|(client_ref, _)| client_ref.as_str()),
        request_digest: new.client_ref.map(|(_, digest)| digest),
        reply_to: match &new.quote {
            Some(Quote::Known(quoted)) => Some(quoted.id.0),
            Some(Quote::Unknown) | None => None,
        },
        has_quote: new.quote.is_some(),
        send_at: new.send_at.map(Ts::from),
    };
    let (of_guest, response_due_at) = match new.sender {
        MessageSender::Guest { response_due_at, .. } => (true, response_due_at),
        MessageSender::Staff(..) | MessageSender::System(_) => (false, None),
    };
    let last_guest_message_at = new.inbound.map_or_else(|| of_guest.then_some(new.at), |it| it.last_guest_message_at);
    let update = ConversationUpdate {
        at: new.at.into(),
        of_guest,
        last_guest_message_at: last_guest_message_at.map(Ts::from),
        response_due_at: response_due_at.map(Ts::from),
    };
    let raw = new.inbound.map(|it| it.raw);
    let id = match tx.changing() {
        Conn::Pg(conn) => insert_at_once(conn, &row, &update, raw)?,
        Conn::Sqlite(_) => insert(tx, &row, &update, raw)?,
    };
    Ok(Message {
        id: MessageId(id),
        conversation: new.conversation,
        stay,
        content: new.content.to_owned(),
        sender_type,
        author,
        sender_name: sender_name.to_owned(),
        at: row.timestamp.0,
        delivery: new.delivery,
        failure: None,
        attachments: Vec::new(),
        internal: new.internal,
        client_ref: new.client_ref.map(|(client_ref, _)| client_ref.clone()),
        reply_to: new.quote.clone(),
        reactions: Vec::new(),
        send_at: row.send_at.map(|it| it.0),
        is_removed: false,
    })
}

/// Stores the message, its raw JSON, the changes of the conversation and the read position, with one statement each.
fn insert(
    tx: &mut Tx<'_>,
    row: &NewMessageRow<'_>,
    update: &ConversationUpdate,
    raw: Option<&str>,
) -> Result<i64, StoreError> {
    let conversation = conversations::table.find(row.conversation_id);
    let ordinal = conversation.select(conversations::guest_messages + i64::from(update.of_guest));
    let id: i64 = on_db!(tx.changing(), |c| diesel::insert_into(messages::table)
        .values((
            row,
            messages::guest_ordinal.eq(ordinal.single_value().assume_not_null()),
            messages::department_id.eq(conversation.select(conversations::department_id).single_value()),
        ))
        .returning(messages::id)
        .get_result(c))?;
    if row.is_counted() {
        let (conversation, author) = (row.conversation_id, row.staff_sender);
        reports::count(tx, CountedMessage { id, conversation, author, at: row.timestamp })?;
    }
    let last_message = (!row.internal).then_some(conversations::last_message_id.eq(Some(id)));
    let last_guest_message_at =
        update.last_guest_message_at.map(|at| conversations::last_guest_message_at.eq(Some(at)));
    let of_guest = update.of_guest.then_some(conversations::guest_messages.eq(conversations::guest_messages + 1));
    let is_answer = row.staff_sender.is_some() && !row.internal;
    let answered = is_answer.then_some((
        conversations::waiting_since.eq(None::<Ts>),
        conversations::response_due_at.eq(None::<Ts>),
        conversations::overdue_alarm_at.eq(None::<Ts>),
    ));
    // A message that arrives late may be older than the one that the guest waits with.
    let is_older = || conversations::waiting_since.is_null().or(conversations::waiting_since.gt(row.timestamp));
    let since =
        case_when(is_older(), row.timestamp.into_sql::<Nullable<UtcTs>>()).otherwise(conversations::waiting_since);
    let due_at = || update.response_due_at.into_sql::<Nullable<UtcTs>>();
    let waits = update.last_guest_message_at.map(|_| {
        let due = case_when(is_older(), due_at()).otherwise(conversations::response_due_at);
        let alarm = case_when(is_older(), due_at()).otherwise(conversations::overdue_alarm_at);
        (
            conversations::waiting_since.eq(since),
            conversations::response_due_at.eq(due),
            conversations::overdue_alarm_at.eq(alarm),
        )
    });
    let is_held = is_answer && row.delivery == Some(Delivery::Held.as_str());
    let held = is_held.then_some(conversations::unsent_held.eq(conversations::unsent_held + 1));
    let message = (last_message, last_guest_message_at, of_guest);
    let changes = (conversations::updated_at.eq(update.at), message, answered, waits, held);
    let hotel: i64 = on_db!(tx.changing(), |c| prepared(
        diesel::update(conversation).set(changes).returning(conversations::hotel_id)
    )
    .get_result(c))?;
    if !row.internal {
        let conversation = ConversationId(row.conversation_id);
        let message = IndexedMessage { id: MessageId(id), conversation, content: row.content };
        message_words::insert(tx, HotelId(hotel), &[message])?;
    }
    if let Some(author) = row.staff_sender.filter(|_| !row.internal) {
        read_positions::advance(tx, StaffId(author), ConversationId(row.conversation_id), MessageId(id))?;
    }
    if let Some(raw) = raw {
        let values = (inbound::message_id.eq(id), inbound::raw.eq(raw));
        on_db!(tx.changing(), |c| diesel::insert_into(inbound::table).values(values).execute(c))?;
    }
    Ok(id)
}

/// Stores a message as `insert` does, but in one statement, which saves round trips to PostgreSQL.
fn insert_at_once(
    conn: &mut PgConnection,
    row: &NewMessageRow<'_>,
    update: &ConversationUpdate,
    raw: Option<&str>,
) -> QueryResult<i64> {
    let terms = match row.internal {
        true => Vec::new(),
        false => message_words::terms(ConversationId(row.conversation_id), row.content),
    };
    let statement = sql_query(
        "WITH stored AS (\
           INSERT INTO messages (conversation_id, content, sender_type, staff_sender, timestamp, delivery, internal, \
             client_ref, request_digest, whatsapp_message_id, whatsapp_stable_id, guest_ordinal, reply_to, has_quote, \
             send_at, department_id) \
           SELECT id, $2, $3, $4, $5, $6, $7, $8, $9, $11, $15, guest_messages + $10, $16, $17, $18, department_id \
           FROM conversations WHERE id = $1 \
           RETURNING id, conversation_id, guest_ordinal\
         ), updated AS (\
           UPDATE conversations SET updated_at = $12, guest_messages = stored.guest_ordinal, \
             last_message_id = CASE WHEN $7 THEN last_message_id ELSE stored.id END, \
             last_guest_message_at = COALESCE($13, last_guest_message_at), \
             waiting_since = CASE WHEN $4 IS NOT NULL AND NOT $7 THEN NULL \
               WHEN $13 IS NOT NULL THEN LEAST(waiting_since, $5) ELSE waiting_since END, \
             response_due_at = CASE WHEN $4 IS NOT NULL AND NOT $7 THEN NULL \
               WHEN $13 IS NOT NULL AND (waiting_since IS NULL OR waiting_since > $5) THEN $19 \
               ELSE response_due_at END, \
             overdue_alarm_at = CASE WHEN $4 IS NOT NULL AND NOT $7 THEN NULL \
               WHEN $13 IS NOT NULL AND (waiting_since IS NULL OR waiting_since > $5) THEN $19 \
               ELSE overdue_alarm_at END, \
             unsent_held = unsent_held + CASE WHEN $4 IS NOT NULL AND $6 = 'held' THEN 1 ELSE 0 END \
           FROM stored WHERE conversations.id = stored.conversation_id\
         ), read AS (\
           INSERT INTO read_marks (staff_id, conversation_id, message_id, guest_ordinal) \
           SELECT $4, conversation_id, id, guest_ordinal FROM stored WHERE $4 IS NOT NULL AND NOT $7 \
           ON CONFLICT (conversation_id, staff_id) DO UPDATE \
           SET message_id = excluded.message_id, guest_ordinal = excluded.guest_ordinal \
           WHERE read_marks.message_id < excluded.message_id\
         ), raw AS (\
           INSERT INTO inbound (message_id, raw) SELECT id, $14 FROM stored WHERE $14 IS NOT NULL\
         ), counted AS (\
           INSERT INTO report_activity \
             (hotel_id, quarter, conversation_id, department_id, staff_id, guest_messages, staff_messages) \
           SELECT hotel_id, $20, id, COALESCE(department_id, 0), COALESCE($4, assigned_to, 0), $10, 1 - $10 \
           FROM conversations WHERE id = $1 AND $21 \
           ON CONFLICT (hotel_id, quarter, conversation_id, department_id, staff_id) DO UPDATE \
           SET guest_messages = report_activity.guest_messages + excluded.guest_messages, \
             staff_messages = report_activity.staff_messages + excluded.staff_messages\
         ), answered AS (\
           INSERT INTO report_answers (hotel_id, at, message_id, conversation_id, department_id, staff_id, asked_at, \
             asked_due_at, answers_since, due_at) \
           SELECT c.hotel_id, $5, stored.id, c.id, COALESCE(c.department_id, 0), $4, c.waiting_since, \
             c.response_due_at, c.waiting_since, c.response_due_at \
           FROM stored JOIN conversations c ON c.id = stored.conversation_id \
           WHERE $4 IS NOT NULL AND $21 AND c.waiting_since IS NOT NULL\
         ), words AS (\
           INSERT INTO message_words (message_id, words) \
           SELECT stored.id, array_to_tsvector(ARRAY(\
             SELECT conversations.hotel_id || '·' || (stored.id >> 14) || '·' || term FROM unnest($22) AS term)) \
           FROM stored JOIN conversations ON conversations.id = stored.conversation_id WHERE cardinality($22) > 0\
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
    .bind::<BigInt, _>(i64::from(update.of_guest))
    .bind::<Nullable<Text>, _>(row.whatsapp_message_id)
    .bind::<UtcTs, _>(update.at)
    .bind::<Nullable<UtcTs>, _>(update.last_guest_message_at)
    .bind::<Nullable<Text>, _>(raw)
    .bind::<Nullable<Text>, _>(row.whatsapp_stable_id.as_deref())
    .bind::<Nullable<BigInt>, _>(row.reply_to)
    .bind::<Bool, _>(row.has_quote)
    .bind::<Nullable<UtcTs>, _>(row.send_at)
    .bind::<Nullable<UtcTs>, _>(update.response_due_at)
    .bind::<BigInt, _>(quarter(row.timestamp.0))
    .bind::<Bool, _>(row.is_counted())
    .bind::<Array<Text>, _>(&terms);
    let inserted: Number = prepared(statement).get_result(conn)?;
    Ok(inserted.number)
}

pub fn find_by_whatsapp_id(conn: &mut Conn, whatsapp_message_id: &str) -> Result<Option<Message>, StoreError> {
    let of = messages::table.filter(messages::whatsapp_message_id.eq(whatsapp_message_id));
    let id: Option<i64> = on_db!(conn, |c| of.select(messages::id).first(c).optional())?;
    let Some(id) = id.map(MessageId) else { return Ok(None) };
    Ok(by_ids(conn, &[id])?.remove(&id))
}

/// Returns the WhatsApp id of a message, if the message has one.
pub fn find_whatsapp_id(conn: &mut Conn, message: MessageId) -> Result<Option<String>, StoreError> {
    let of = messages::table.find(message.0).select(messages::whatsapp_message_id);
    let id: Option<Option<String>> = on_db!(conn, |c| of.first(c).optional())?;
    Ok(id.flatten())
}

/// Finds the message that a quote or reaction refers to, among the conversations of the guest. Only the stable part of
/// the WhatsApp id is compared: the rest of the id may differ between deliveries.
pub fn find_quoted(conn: &mut Conn, guest: GuestId, whatsapp_message_id: &str) -> Result<Option<Message>, StoreError> {
    let stable = stable_whatsapp_id(whatsapp_message_id);
    let id: Option<i64> = on_db!(conn, |c| {
        let of_guest = messages::table
            .inner_join(conversations::table.on(conversations::id.eq(messages::conversation_id)))
            .filter(conversations::guest_id.eq(guest.0).and(messages::hidden.eq(false)))
            .order(messages::id.desc())
            .select(messages::id);
        match of_guest.filter(messages::whatsapp_stable_id.eq(stable)).first(c).optional()? {
            Some(id) => Some(id),
            // Messages stored before the column `whatsapp_stable_id` existed, as long as the backfill is not done.
            None => of_guest.filter(messages::whatsapp_message_id.eq(whatsapp_message_id)).first(c).optional()?,
        }
    });
    let Some(id) = id.map(MessageId) else { return Ok(None) };
    Ok(by_ids(conn, &[id])?.remove(&id))
}

/// The condition "the stable part of the WhatsApp id is not filled in yet", written literally, so that the partial
/// index is used.
const WITHOUT_STABLE_ID: Fixed = fixed("whatsapp_message_id IS NOT NULL AND whatsapp_stable_id IS NULL");

/// Fills in the stable part of WhatsApp ids of messages that were stored before that column existed, at most `limit`
/// messages. Returns `true` if more may be left.
pub fn backfill_stable_ids(tx: &mut Tx<'_>, limit: i64) -> Result<bool, StoreError> {
    let without = messages::table.filter(WITHOUT_STABLE_ID).order(messages::id);
    let without = without.select((messages::id, messages::whatsapp_message_id)).limit(limit);
    let rows: Vec<(i64, Option<String>)> = match tx.conn() {
        Conn::Sqlite(c) => without.load(c)?,
        // The backfill does not wait for messages that another transaction is changing.
        Conn::Pg(c) => without.for_update().skip_locked().load(c)?,
    };
    for (id, whatsapp_message_id) in &rows {
        let stable = whatsapp_message_id.as_deref().map(stable_whatsapp_id);
        let update = diesel::update(messages::table.find(id)).set(messages::whatsapp_stable_id.eq(stable));
        on_db!(tx.changing(), |c| prepared(update.returning(messages::id)).get_result::<i64>(c))?;
    }
    Ok(rows.len() as i64 == limit)
}

/// Finds a staff member's message by its client reference. Returns the message and the digest of the request that
/// created it.
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

/// Returns the newest WhatsApp message of the guest in a conversation, up to message `up_to`: its id, the WhatsApp
/// number it was sent to, and its WhatsApp id.
pub fn newest_guest_message(
    conn: &mut Conn,
    conversation: ConversationId,
    up_to: MessageId,
) -> Result<Option<(MessageId, String, String)>, StoreError> {
    let newest: Option<(i64, Option<String>, Option<String>)> = on_db!(conn, |c| messages::table
        .inner_join(conversations::table.on(conversations::id.eq(messages::conversation_id)))
        .inner_join(hotels::table.on(hotels::id.eq(conversations::hotel_id)))
        .filter(messages::conversation_id.eq(conversation.0).and(messages::id.le(up_to.0)))
        .filter(messages::sender_type.eq("guest").and(messages::whatsapp_message_id.is_not_null()))
        .order(messages::id.desc())
        .select((messages::id, hotels::whatsapp_phone_number_id, messages::whatsapp_message_id))
        .first(c)
        .optional())?;
    Ok(newest.and_then(|(id, number, name)| number.zip(name).map(|(number, name)| (MessageId(id), number, name))))
}

/// Whether a conversation contains this message or note, even if it was taken back: a client may still show it.
pub fn exists(conn: &mut Conn, conversation: ConversationId, id: MessageId) -> Result<bool, StoreError> {
    let of = messages::table.filter(messages::conversation_id.eq(conversation.0).and(messages::id.eq(id.0)));
    Ok(on_db!(conn, |c| diesel::select(dsl::exists(of)).get_result(c))?)
}

/// Whether a staff member other than `author` has written a message or note after message `seen`.
pub fn other_staff_wrote_after(
    conn: &mut Conn,
    conversation: ConversationId,
    seen: MessageId,
    author: StaffId,
) -> Result<bool, StoreError> {
    let theirs = messages::table
        .filter(messages::conversation_id.eq(conversation.0).and(messages::id.gt(seen.0)))
        .filter(messages::staff_sender.ne(author.0).and(messages::hidden.eq(false)));
    Ok(on_db!(conn, |c| diesel::select(dsl::exists(theirs)).get_result(c))?)
}
