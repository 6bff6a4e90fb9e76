//! The outbox: messages to guests that are sent by WhatsApp after the commit.
//!
//! Each row belongs to a message, whose delivery status is stored with the message. Only the node with the hotel's
//! [sender lease](crate::sender_leases) claims rows.
//!
//! ```text
//! held ──release_held (the guest writes)──▶ queued ──claim (lease and permit)──▶ sending ──finish──▶ settled
//! queued → queued    defer: the rate limit per guest is reached
//! queued → settled   finish_queued: the window is over, the hotel has no number, an earlier attempt was delivered
//! sending → queued   requeue: no connection or suspended sender (attempt not counted), retryable error (counted)
//! sending → settled  finish_sending: sent, failed, or unknown (no response, or the claiming node is gone)
//! held, queued → settled  finish_waiting_for_former_guest: the conversation has another guest now
//! held, queued → settled  finish_taken_back: staff take the message back
//! settled → queued   reset_for_retry: staff retry a failed or unknown message; receipts of former attempts still count
//! any → settled      finish_all_as_unknown: a restored backup begins a new epoch
//! ```

mod delivery;

pub use self::delivery::{
    OutboxEntry, OutboxKey, advance_delivery, find, find_recipient, lock_entry, set_delivery,
    set_former_whatsapp_message_id, set_whatsapp_message_id,
};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Integer, Nullable, Text},
};
use domain::{ConversationId, Delivery, GuestId, GuestIdentity, HotelId, MessageId, PhoneNumber};

use crate::{
    StoreError, Tx, answers,
    sender_leases::{MIN_REMAINING_LEASE, SenderLease, is_current, remaining},
    sql::{
        cached_statement::{Fixed, fixed},
        column_types::{Ts, UtcTs},
        schema::{conversations, former_tries, messages, outbox},
    },
    store::{
        connection::{Conn, WriteConn, on_db},
        read_only::select_sql,
    },
};

/// The condition "the message is queued or in flight", written literally, so that the partial index is used.
pub(crate) const OPEN: Fixed = fixed("outbox.state IN ('queued', 'sending')");
/// The condition "the message is held until its guest writes", written literally, so that the partial index is used.
pub(crate) const HELD: Fixed = fixed("outbox.state = 'held'");

/// The values of an outbox row that is to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewOutboxRow<'a> {
    pub message: MessageId,
    pub conversation: ConversationId,
    pub hotel: HotelId,
    /// The recipient of the message: the guest of the conversation at this moment.
    pub guest: GuestId,
    /// The callback id of this attempt, which delivery receipts repeat.
    pub callback: &'a str,
    /// The body for the WhatsApp API, if the message is more than text: a template or a file.
    pub body: Option<&'a str>,
    /// Whether the message is held until the guest writes.
    pub held: bool,
    pub at: DateTime<Utc>,
}

pub fn insert(tx: &mut Tx<'_>, new: &NewOutboxRow<'_>) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::insert_into(outbox::table)
        .values((
            outbox::message_id.eq(new.message.0),
            outbox::hotel_id.eq(new.hotel.0),
            outbox::conversation_id.eq(new.conversation.0),
            outbox::guest_id.eq(new.guest.0),
            outbox::callback.eq(new.callback),
            outbox::body.eq(new.body),
            outbox::state.eq(if new.held { "held" } else { "queued" }),
            outbox::due_at.eq(Ts::from(new.at)),
        ))
        .execute(c))?;
    Ok(())
}

/// A queued message that may be sent now.
#[derive(Clone, Debug)]
pub struct DueMessage {
    pub message: MessageId,
    pub conversation: ConversationId,
    pub text: String,
    /// The body for the WhatsApp API, if the message is more than text: a template or a file.
    pub body: Option<String>,
    /// The callback id of this attempt, which delivery receipts repeat.
    pub callback: String,
    /// Number of attempts to send this message so far.
    pub attempts: i32,
    pub guest: GuestId,
    pub to: GuestIdentity,
    /// The time at which the guest last wrote to the hotel's current WhatsApp number, in any conversation.
    pub last_guest_message_at: Option<DateTime<Utc>>,
    /// The message's attachment at WhatsApp, if it is uploaded already.
    pub upload: Option<UploadedMedia>,
    /// The WhatsApp id of the message that this one quotes.
    pub quotes: Option<String>,
}

/// An attachment that was uploaded to WhatsApp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedMedia {
    pub media_id: String,
    /// The WhatsApp number of the hotel for which the attachment was uploaded.
    pub number: String,
    pub at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = BigInt)]
    message_id: i64,
    #[diesel(sql_type = BigInt)]
    conversation_id: i64,
    #[diesel(sql_type = Text)]
    content: String,
    #[diesel(sql_type = Nullable<Text>)]
    body: Option<String>,
    #[diesel(sql_type = Text)]
    callback: String,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = BigInt)]
    guest_id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    phone: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    wa_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    bsuid: Option<String>,
    #[diesel(sql_type = Nullable<UtcTs>)]
    last_guest_message_at: Option<Ts>,
    #[diesel(sql_type = Nullable<Text>)]
    media_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    media_number: Option<String>,
    #[diesel(sql_type = Nullable<UtcTs>)]
    media_uploaded_at: Option<Ts>,
    #[diesel(sql_type = Nullable<Text>)]
    quotes: Option<String>,
}

impl DueRow {
    fn into_message(self) -> Result<DueMessage, StoreError> {
        let phone = self.phone.map(|it| PhoneNumber::from_stored(&it).ok_or(StoreError::Corrupt("phone number")));
        let upload = match (self.media_id, self.media_number, self.media_uploaded_at) {
            (Some(media_id), Some(number), Some(at)) => Some(UploadedMedia { media_id, number, at: at.0 }),
            _ => None,
        };
        Ok(DueMessage {
            upload,
            quotes: self.quotes,
            message: MessageId(self.message_id),
            conversation: ConversationId(self.conversation_id),
            text: self.content,
            body: self.body,
            callback: self.callback,
            attempts: self.attempts,
            guest: GuestId(self.guest_id),
            to: GuestIdentity { phone: phone.transpose()?, wa_id: self.wa_id, bsuid: self.bsuid },
            last_guest_message_at: self.last_guest_message_at.map(|it| it.0),
        })
    }
}

/// Returns the messages of a hotel that may be sent now, oldest first. Per guest only the oldest unfinished message is
/// due, across all conversations, because the guest sees a single chat.
pub fn list_due(
    conn: &mut Conn,
    hotel: HotelId,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<DueMessage>, StoreError> {
    let rows: Vec<DueRow> = on_db!(conn, |c| {
        select_sql(sql_query(
        "SELECT o.message_id, o.conversation_id, m.content, o.body, o.callback, o.attempts, \
           o.guest_id, g.phone, g.wa_id, g.bsuid, o.media_id, o.media_number, o.media_uploaded_at, \
           q.whatsapp_message_id AS quotes, \
           CASE WHEN g.window_phone_number_id = h.whatsapp_phone_number_id THEN g.last_wrote_at END AS last_guest_message_at \
         FROM outbox o \
         INNER JOIN messages m ON m.id = o.message_id \
         INNER JOIN guests g ON g.id = o.guest_id \
         LEFT JOIN messages q ON q.id = m.reply_to \
         INNER JOIN hotels h ON h.id = o.hotel_id \
         WHERE o.hotel_id = $1 AND o.state IN ('queued', 'sending') AND o.state = 'queued' AND o.due_at <= $2 AND NOT EXISTS (\
           SELECT 1 FROM outbox before WHERE before.hotel_id = $1 AND before.guest_id = o.guest_id \
             AND before.message_id < o.message_id AND before.state IN ('queued', 'sending')) \
         ORDER BY o.message_id LIMIT $3",
    )
    .bind::<BigInt, _>(hotel.0)
    .bind::<UtcTs, _>(Ts::from(now))
    .bind::<BigInt, _>(limit))
    .load(c)
    })?;
    rows.into_iter().map(DueRow::into_message).collect()
}

/// Returns the hotels with messages that are queued or in flight.
pub fn hotels_with_open_messages(conn: &mut Conn) -> Result<Vec<HotelId>, StoreError> {
    let ids: Vec<i64> = on_db!(conn, |c| outbox::table.filter(OPEN).select(outbox::hotel_id).distinct().load(c))?;
    Ok(ids.into_iter().map(HotelId).collect())
}

/// Claims a queued message for the holder of the sender lease and counts the attempt. Returns the time left on the
/// lease. Returns `None` if the message is not queued, or if the lease is lost or about to expire.
pub fn claim(tx: &mut Tx<'_>, lease: SenderLease<'_>, callback: &str) -> Result<Option<TimeDelta>, StoreError> {
    let Some(left) = remaining(tx, lease)?.filter(|it| *it >= MIN_REMAINING_LEASE) else { return Ok(None) };
    let queued = outbox::table.filter(outbox::callback.eq(callback).and(outbox::state.eq("queued")));
    let claimed = on_db!(tx.changing(), |c| diesel::update(queued)
        .set((outbox::state.eq("sending"), outbox::attempts.eq(outbox::attempts + 1)))
        .execute(c))?;
    Ok((claimed == 1).then_some(left))
}

/// Settles an outbox message in any state. Returns `false` if it was settled before.
pub fn finish(tx: &mut Tx<'_>, message: MessageId) -> Result<bool, StoreError> {
    let open = outbox::table.find(message.0).filter(outbox::state.ne("settled"));
    let settled = on_db!(tx.changing(), |c| diesel::update(open).set(outbox::state.eq("settled")).execute(c))?;
    Ok(settled == 1)
}

/// Settles a queued message without sending it. Returns `false` if it is not queued any more or if the sender lease is
/// lost.
pub fn finish_queued(tx: &mut Tx<'_>, lease: SenderLease<'_>, callback: &str) -> Result<bool, StoreError> {
    if !is_current(tx, lease)? {
        return Ok(false);
    }
    let queued = outbox::table.filter(outbox::callback.eq(callback).and(outbox::state.eq("queued")));
    let refused = on_db!(tx.changing(), |c| diesel::update(queued).set(outbox::state.eq("settled")).execute(c))?;
    Ok(refused == 1)
}

/// Settles a message in flight. Returns `false` if it was not in flight.
pub fn finish_sending(tx: &mut Tx<'_>, callback: &str) -> Result<bool, StoreError> {
    let sending = outbox::table.filter(outbox::callback.eq(callback).and(outbox::state.eq("sending")));
    let ended = on_db!(tx.changing(), |c| diesel::update(sending).set(outbox::state.eq("settled")).execute(c))?;
    Ok(ended == 1)
}

/// Returns a message in flight to the queue until `due`. `counted`: whether the attempt counts. If the sender lease is
/// lost, nothing changes, because the new holder marks the message as unknown.
///
/// Returns `false` if the conversation has another guest now: then the message is settled. The caller's transaction
/// must hold the lock of the conversation.
pub fn requeue(
    tx: &mut Tx<'_>,
    lease: SenderLease<'_>,
    callback: &str,
    due: DateTime<Utc>,
    counted: bool,
) -> Result<bool, StoreError> {
    if !is_current(tx, lease)? {
        return Ok(true);
    }
    let guest_now = conversations::table
        .filter(conversations::id.eq(outbox::conversation_id))
        .select(conversations::guest_id.nullable())
        .single_value();
    let of_other = outbox::table
        .filter(outbox::callback.eq(callback).and(outbox::state.eq("sending")))
        .filter(outbox::guest_id.ne(guest_now));
    let ended = on_db!(tx.changing(), |c| diesel::update(of_other).set(outbox::state.eq("settled")).execute(c))?;
    if ended > 0 {
        return Ok(false);
    }
    let sending = outbox::table.filter(outbox::callback.eq(callback).and(outbox::state.eq("sending")));
    on_db!(tx.changing(), |c| diesel::update(sending)
        .set((
            outbox::state.eq("queued"),
            outbox::due_at.eq(Ts::from(due)),
            outbox::attempts.eq(outbox::attempts - i32::from(!counted)),
        ))
        .execute(c))?;
    Ok(true)
}

/// Lets a queued message wait until `due`. `counted`: whether this counts as an attempt.
pub fn defer(tx: &mut Tx<'_>, callback: &str, due: DateTime<Utc>, counted: bool) -> Result<(), StoreError> {
    let queued = outbox::table.filter(outbox::callback.eq(callback).and(outbox::state.eq("queued")));
    on_db!(tx.changing(), |c| diesel::update(queued)
        .set((outbox::due_at.eq(Ts::from(due)), outbox::attempts.eq(outbox::attempts + i32::from(counted))))
        .execute(c))?;
    Ok(())
}

/// Stores the upload of a queued message's attachment, so that later attempts reuse it.
pub fn save_upload(tx: &mut Tx<'_>, callback: &str, upload: &UploadedMedia) -> Result<(), StoreError> {
    let queued = outbox::table.filter(outbox::callback.eq(callback).and(outbox::state.eq("queued")));
    on_db!(tx.changing(), |c| diesel::update(queued)
        .set((
            outbox::media_id.eq(&upload.media_id),
            outbox::media_number.eq(&upload.number),
            outbox::media_uploaded_at.eq(Ts::from(upload.at)),
        ))
        .execute(c))?;
    Ok(())
}

/// Queues a settled message again with a new callback id, for the current guest of the conversation. Receipts of the
/// former attempt still find the message ([`OutboxKey::FormerTry`], [`OutboxKey::FormerName`]), unless that attempt
/// went to another guest.
pub fn reset_for_retry(
    tx: &mut Tx<'_>,
    message: MessageId,
    guest: GuestId,
    callback: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let row = outbox::table.find(message.0);
    on_db!(tx.changing(), |c| {
        let before: Option<i64> = row.select(outbox::guest_id).first(c)?;
        if before.is_none_or(|it| it == guest.0) {
            row.inner_join(messages::table.on(messages::id.eq(outbox::message_id)))
                .select((outbox::callback, outbox::message_id, messages::whatsapp_message_id))
                .insert_into(former_tries::table)
                .into_columns((former_tries::callback, former_tries::message_id, former_tries::whatsapp_message_id))
                .execute(c)?;
        } else {
            diesel::delete(former_tries::table.filter(former_tries::message_id.eq(message.0))).execute(c)?;
        }
        diesel::update(row)
            .set((
                outbox::state.eq("queued"),
                outbox::attempts.eq(0),
                outbox::callback.eq(callback),
                outbox::guest_id.eq(guest.0),
                // The uploaded attachment may have been the cause of the failure.
                outbox::media_id.eq(None::<String>),
                outbox::media_number.eq(None::<String>),
                outbox::media_uploaded_at.eq(None::<Ts>),
                outbox::due_at.eq(Ts::from(at)),
            ))
            .execute(c)?;
        diesel::update(messages::table.find(message.0)).set(messages::whatsapp_message_id.eq(None::<String>)).execute(c)
    })?;
    Ok(())
}

/// Settles held and queued messages of a conversation that were meant for its former guest. Returns the message ids in
/// order. The caller's transaction must hold the lock of the conversation.
pub fn finish_waiting_for_former_guest(
    tx: &mut Tx<'_>,
    former: GuestId,
    conversation: ConversationId,
) -> Result<Vec<MessageId>, StoreError> {
    let waiting = outbox::table
        .filter(outbox::guest_id.eq(former.0).and(outbox::conversation_id.eq(conversation.0)))
        .filter(outbox::state.eq("held").or(outbox::state.eq("queued")));
    let mut ids: Vec<i64> = on_db!(tx.changing(), |c| diesel::update(waiting)
        .set(outbox::state.eq("settled"))
        .returning(outbox::message_id)
        .get_results(c))?;
    ids.sort_unstable();
    Ok(ids.into_iter().map(MessageId).collect())
}

/// Whether a message is held, and stays so until the end of the transaction.
pub fn lock_held(tx: &mut Tx<'_>, message: MessageId) -> Result<bool, StoreError> {
    let held = outbox::table.filter(outbox::message_id.eq(message.0).and(HELD)).select(outbox::message_id);
    let found: Option<i64> = match tx.conn() {
        // SQLite has one writer and no row locks.
        Conn::Sqlite(c) => held.first(c).optional()?,
        Conn::Pg(c) => held.for_no_key_update().first(c).optional()?,
    };
    Ok(found.is_some())
}

/// Settles a message that is held, or queued and not claimed, because it is taken back. Returns `false` if it is
/// neither.
pub fn finish_taken_back(tx: &mut Tx<'_>, message: MessageId) -> Result<bool, StoreError> {
    let waiting = outbox::table.find(message.0).filter(outbox::state.eq("held").or(outbox::state.eq("queued")));
    let settled = on_db!(tx.changing(), |c| diesel::update(waiting).set(outbox::state.eq("settled")).execute(c))?;
    Ok(settled == 1)
}

/// Queues all held messages to a guest, in any conversation. Returns the message ids in order.
pub fn release_held(tx: &mut Tx<'_>, of: GuestId, at: DateTime<Utc>) -> Result<Vec<MessageId>, StoreError> {
    let held = outbox::table.filter(outbox::guest_id.eq(of.0).and(HELD));
    let ids: Vec<i64> = on_db!(tx.conn(), |c| held.order(outbox::message_id).select(outbox::message_id).load(c))?;
    if !ids.is_empty() {
        on_db!(tx.changing(), |c| diesel::update(held)
            .set((outbox::state.eq("queued"), outbox::due_at.eq(Ts::from(at))))
            .execute(c))?;
    }
    Ok(ids.into_iter().map(MessageId).collect())
}

/// Returns callback ids and conversations of the messages of a hotel that are in flight.
pub fn list_in_flight(conn: &mut Conn, hotel: HotelId) -> Result<Vec<(String, ConversationId)>, StoreError> {
    let rows: Vec<(String, i64)> = on_db!(conn, |c| outbox::table
        .filter(outbox::hotel_id.eq(hotel.0).and(OPEN).and(outbox::state.eq("sending")))
        .order(outbox::message_id)
        .select((outbox::callback, outbox::conversation_id))
        .load(c))?;
    Ok(rows.into_iter().map(|(callback, conversation)| (callback, ConversationId(conversation))).collect())
}

/// Settles every unfinished message as unknown. Messages in a restored backup may have been sent already, so they are
/// not sent again.
pub(crate) fn finish_all_as_unknown(mut conn: WriteConn<'_>) -> Result<(), StoreError> {
    on_db!(conn.reborrow(), |c| {
        let open = outbox::table.filter(outbox::state.ne("settled"));
        diesel::update(messages::table.filter(messages::id.eq_any(open.select(outbox::message_id))))
            .set((messages::delivery.eq(Delivery::Unknown.as_str()), messages::failure.eq(RESTORED)))
            .execute(c)?;
        diesel::update(open).set(outbox::state.eq("settled")).execute(c)
    })?;
    answers::recount_held_as_unknown(conn)
}

/// The failure shown to staff for messages that were unfinished when the backup was made.
const RESTORED: &str = "The database was restored from a backup, so it is not known whether the guest got this.";
