//! What goes to guests by WhatsApp.
//!
//! A message to send has a row beside it: `queued` until a server claims it, `sending` while it is on its way,
//! `settled` when that has ended, however it did; `held` while it waits for the guest to write. How far the message
//! has come stands with the message. Who claims it holds the hotel's [channel](crate::channels).

mod found;

pub use self::found::{By, Outgoing, advance, find, guest_of, hold, name, name_former, set_delivery};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Integer, Nullable, Text},
};
use domain::{ConversationId, Delivery, GuestId, GuestIdentity, HotelId, MessageId, PhoneNumber};

use crate::{
    StoreError, Tx,
    channels::{LEAST_LEASE, is_held_by, lease_left},
    conn::{Conn, WriteConn, on_db},
    prepared::{Fixed, fixed},
    read_only::select_sql,
    schema::{conversations, former_tries, messages, outbox},
    types::{Ts, UtcTs},
};

/// Waits to be sent, or is on its way.
pub(crate) const OPEN: Fixed = fixed("outbox.state IN ('queued', 'sending')");
/// Waits for its guest to write.
pub(crate) const HELD: Fixed = fixed("outbox.state = 'held'");

/// What is to be stored for a message that is to go out.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The message.
    pub message: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its hotel.
    pub hotel: HotelId,
    /// The guest to whom it goes: that of the conversation now.
    pub guest: GuestId,
    /// Comes back in what is reported of it.
    pub callback: &'a str,
    /// What is sent, where it is not the message's text.
    pub body: Option<&'a str>,
    /// Whether it waits for the guest to write.
    pub held: bool,
    /// When it was stored.
    pub at: DateTime<Utc>,
}

/// Stores that a message is to go out.
///
/// # Errors
/// [`StoreError`].
pub fn insert(tx: &mut Tx<'_>, draft: &Draft<'_>) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::insert_into(outbox::table)
        .values((
            outbox::message_id.eq(draft.message.0),
            outbox::hotel_id.eq(draft.hotel.0),
            outbox::conversation_id.eq(draft.conversation.0),
            outbox::guest_id.eq(draft.guest.0),
            outbox::callback.eq(draft.callback),
            outbox::body.eq(draft.body),
            outbox::state.eq(if draft.held { "held" } else { "queued" }),
            outbox::due_at.eq(Ts::from(draft.at)),
        ))
        .execute(c))?;
    Ok(())
}

/// A message that may be sent now.
#[derive(Clone, Debug)]
pub struct Due {
    /// The message.
    pub message: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its text.
    pub text: String,
    /// What is sent, where it is not the text.
    pub body: Option<String>,
    /// Comes back in what is reported of it.
    pub callback: String,
    /// How often it was tried.
    pub attempts: i32,
    /// The guest to whom it goes.
    pub guest: GuestId,
    /// By what that guest is reached.
    pub to: GuestIdentity,
    /// When the guest last wrote to the hotel's number, in whatever conversation.
    pub last_heard: Option<DateTime<Utc>>,
    /// Its file, where that was uploaded.
    pub upload: Option<Upload>,
}

/// A file that was uploaded to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What WhatsApp calls it.
    pub media_id: String,
    /// The number of ours for which it was uploaded.
    pub number: String,
    /// When.
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
    last_heard: Option<Ts>,
    #[diesel(sql_type = Nullable<Text>)]
    media_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    media_number: Option<String>,
    #[diesel(sql_type = Nullable<UtcTs>)]
    media_uploaded_at: Option<Ts>,
}

impl DueRow {
    fn due(self) -> Result<Due, StoreError> {
        let phone = self.phone.map(|it| PhoneNumber::stored(&it).ok_or(StoreError::Corrupt("phone number")));
        let upload = match (self.media_id, self.media_number, self.media_uploaded_at) {
            (Some(media_id), Some(number), Some(at)) => Some(Upload { media_id, number, at: at.0 }),
            _ => None,
        };
        Ok(Due {
            upload,
            message: MessageId(self.message_id),
            conversation: ConversationId(self.conversation_id),
            text: self.content,
            body: self.body,
            callback: self.callback,
            attempts: self.attempts,
            guest: GuestId(self.guest_id),
            to: GuestIdentity { phone: phone.transpose()?, wa_id: self.wa_id, bsuid: self.bsuid },
            last_heard: self.last_heard.map(|it| it.0),
        })
    }
}

/// The messages of a hotel that may be sent now, oldest first: of each guest the first that is not sent yet, in
/// whatever conversation, since the guest sees one chat.
///
/// # Errors
/// [`StoreError`].
pub fn due(conn: &mut Conn, hotel: HotelId, now: DateTime<Utc>, limit: i64) -> Result<Vec<Due>, StoreError> {
    let rows: Vec<DueRow> = on_db!(conn, |c| {
        select_sql(sql_query(
        "SELECT o.message_id, o.conversation_id, m.content, o.body, o.callback, o.attempts, \
           o.guest_id, g.phone, g.wa_id, g.bsuid, o.media_id, o.media_number, o.media_uploaded_at, \
           CASE WHEN g.window_phone_number_id = h.whatsapp_phone_number_id THEN g.last_wrote_at END AS last_heard \
         FROM outbox o \
         INNER JOIN messages m ON m.id = o.message_id \
         INNER JOIN guests g ON g.id = o.guest_id \
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
    rows.into_iter().map(DueRow::due).collect()
}

/// Hotels that have something to send, or on its way.
///
/// # Errors
/// [`StoreError`].
pub fn open_hotels(conn: &mut Conn) -> Result<Vec<HotelId>, StoreError> {
    let ids: Vec<i64> = on_db!(conn, |c| outbox::table.filter(OPEN).select(outbox::hotel_id).distinct().load(c))?;
    Ok(ids.into_iter().map(HotelId).collect())
}

/// Claims a queued message for the server that holds its hotel's channel: for how long it may be sent then, before
/// another server may take the channel. `None` where this one does not hold it any more, or not for long enough, or the
/// message is not queued.
///
/// # Errors
/// [`StoreError`].
pub fn claim(tx: &mut Tx<'_>, hotel: HotelId, holder: &str, callback: &str) -> Result<Option<TimeDelta>, StoreError> {
    let Some(left) = lease_left(tx, hotel, holder)?.filter(|it| *it >= LEAST_LEASE) else { return Ok(None) };
    let queued = outbox::table.filter(outbox::callback.eq(callback).and(outbox::state.eq("queued")));
    let claimed = on_db!(tx.changing(), |c| diesel::update(queued)
        .set((outbox::state.eq("sending"), outbox::attempts.eq(outbox::attempts + 1)))
        .execute(c))?;
    Ok((claimed == 1).then_some(left))
}

/// Ends a message's way; false where it was not on its way.
///
/// # Errors
/// [`StoreError`].
pub fn settle(tx: &mut Tx<'_>, message: MessageId) -> Result<bool, StoreError> {
    let open = outbox::table.find(message.0).filter(outbox::state.ne("settled"));
    let settled = on_db!(tx.changing(), |c| diesel::update(open).set(outbox::state.eq("settled")).execute(c))?;
    Ok(settled == 1)
}

/// Ends the way of a message that is not yet on it; false where it is not queued any more, since
/// somebody has claimed, ended or reset it meanwhile, or where this server does not hold the channel.
///
/// # Errors
/// [`StoreError`].
pub fn refuse(tx: &mut Tx<'_>, (hotel, holder): (HotelId, &str), callback: &str) -> Result<bool, StoreError> {
    if !is_held_by(tx, hotel, holder)? {
        return Ok(false);
    }
    let queued = outbox::table.filter(outbox::callback.eq(callback).and(outbox::state.eq("queued")));
    let refused = on_db!(tx.changing(), |c| diesel::update(queued).set(outbox::state.eq("settled")).execute(c))?;
    Ok(refused == 1)
}

/// Ends the way of a message that is on it; false where it is not.
///
/// # Errors
/// [`StoreError`].
pub fn abandon(tx: &mut Tx<'_>, callback: &str) -> Result<bool, StoreError> {
    let sending = outbox::table.filter(outbox::callback.eq(callback).and(outbox::state.eq("sending")));
    let ended = on_db!(tx.changing(), |c| diesel::update(sending).set(outbox::state.eq("settled")).execute(c))?;
    Ok(ended == 1)
}

/// Puts a message that is on its way back into the queue, not to be tried before `due`; nothing where this server
/// does not hold the channel any more: then another has given the message up. `counted`: whether the try counts.
/// False where the conversation has another guest by now, for whom the message is not: its way has ended then. The
/// caller holds the conversation.
///
/// # Errors
/// [`StoreError`].
pub fn put_back(
    tx: &mut Tx<'_>,
    (hotel, holder): (HotelId, &str),
    callback: &str,
    due: DateTime<Utc>,
    counted: bool,
) -> Result<bool, StoreError> {
    if !is_held_by(tx, hotel, holder)? {
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

/// Lets a queued message wait until `due`. `counted`: whether that follows a try that counts.
///
/// # Errors
/// [`StoreError`].
pub fn put_off(tx: &mut Tx<'_>, callback: &str, due: DateTime<Utc>, counted: bool) -> Result<(), StoreError> {
    let queued = outbox::table.filter(outbox::callback.eq(callback).and(outbox::state.eq("queued")));
    on_db!(tx.changing(), |c| diesel::update(queued)
        .set((outbox::due_at.eq(Ts::from(due)), outbox::attempts.eq(outbox::attempts + i32::from(counted))))
        .execute(c))?;
    Ok(())
}

/// Keeps the upload of a queued message's file, so that this attempt and later ones use it.
///
/// # Errors
/// [`StoreError`].
pub fn keep_upload(tx: &mut Tx<'_>, callback: &str, upload: &Upload) -> Result<(), StoreError> {
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

/// Queues a message once more, for the guest whom its conversation has now, as if it had never been tried. What is
/// reported of the try before finds it as [`By::FormerTry`] or [`By::FormerName`] from now on; unless that went to
/// another guest, of whom it says nothing to this one.
///
/// # Errors
/// [`StoreError`].
pub fn begin_anew(
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
                // It may be what was wrong.
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

/// Ends the way of what waits in a conversation for a guest who was its guest before, and is not yet on it: which
/// messages, in order. The caller holds the conversation.
///
/// # Errors
/// [`StoreError`].
pub fn refuse_all_for(
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

/// Releases what was held for a guest, in whatever conversation, in order: which messages.
///
/// # Errors
/// [`StoreError`].
pub fn release(tx: &mut Tx<'_>, of: GuestId, at: DateTime<Utc>) -> Result<Vec<MessageId>, StoreError> {
    let held = outbox::table.filter(outbox::guest_id.eq(of.0).and(HELD));
    let ids: Vec<i64> = on_db!(tx.conn(), |c| held.order(outbox::message_id).select(outbox::message_id).load(c))?;
    if !ids.is_empty() {
        on_db!(tx.changing(), |c| diesel::update(held)
            .set((outbox::state.eq("queued"), outbox::due_at.eq(Ts::from(at))))
            .execute(c))?;
    }
    Ok(ids.into_iter().map(MessageId).collect())
}

/// What is on its way for a hotel: callbacks and conversations.
///
/// # Errors
/// [`StoreError`].
pub fn on_their_way(conn: &mut Conn, hotel: HotelId) -> Result<Vec<(String, ConversationId)>, StoreError> {
    let rows: Vec<(String, i64)> = on_db!(conn, |c| outbox::table
        .filter(outbox::hotel_id.eq(hotel.0).and(OPEN).and(outbox::state.eq("sending")))
        .order(outbox::message_id)
        .select((outbox::callback, outbox::conversation_id))
        .load(c))?;
    Ok(rows.into_iter().map(|(callback, conversation)| (callback, ConversationId(conversation))).collect())
}

/// What waits, waits in a restored backup: it may have been sent since that was made, so it is not sent again.
pub(crate) fn doubt_all(conn: WriteConn<'_>) -> Result<(), StoreError> {
    on_db!(conn, |c| {
        let open = outbox::table.filter(outbox::state.ne("settled"));
        diesel::update(messages::table.filter(messages::id.eq_any(open.select(outbox::message_id))))
            .set((messages::delivery.eq(Delivery::Unknown.as_str()), messages::failure.eq(RESTORED)))
            .execute(c)?;
        diesel::update(open).set(outbox::state.eq("settled")).execute(c)
    })?;
    Ok(())
}

/// What staff are told of a message that waited when a backup was made.
const RESTORED: &str = "The database was restored from a backup, so it is not known whether the guest got this.";
