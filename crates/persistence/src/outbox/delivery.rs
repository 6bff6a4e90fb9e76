//! Finding sent messages, and their delivery status.

use diesel::prelude::*;
use domain::{ConversationId, Delivery, GuestId, HotelId, MessageId, StayId, whatsapp_id::stable_whatsapp_id};

use crate::{
    StoreError, Tx,
    sql::schema::{conversations, former_tries, messages, outbox},
    store::connection::{Conn, on_db},
};

/// A message in the outbox, in any state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    pub message: MessageId,
    pub conversation: ConversationId,
    pub stay: Option<StayId>,
    pub hotel: HotelId,
    pub delivery: Delivery,
    /// The callback id of the current attempt to send the message.
    pub callback: String,
    /// The message to which this one carries a reaction of staff; `None` for a message that is shown.
    pub reacts_to: Option<MessageId>,
}

/// The key by which an outbox entry is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxKey {
    Id(MessageId),
    /// The WhatsApp message id of the current attempt.
    Name(String),
    /// The callback id of the current attempt.
    Callback(String),
    /// The callback id of an attempt before a retry by staff.
    FormerTry(String),
    /// The WhatsApp message id of an attempt before a retry by staff.
    FormerName(String),
}

/// The columns of an outbox entry: message, conversation, hotel, stay, delivery status, callback id, reaction.
type OutboxEntryColumns = (i64, i64, i64, Option<i64>, Option<String>, String, Option<i64>);

pub fn find(conn: &mut Conn, by: &OutboxKey) -> Result<Option<OutboxEntry>, StoreError> {
    let row: Option<OutboxEntryColumns> = on_db!(conn, |c| {
        let query = outbox::table
            .inner_join(messages::table.on(messages::id.eq(outbox::message_id)))
            .inner_join(conversations::table.on(conversations::id.eq(outbox::conversation_id)))
            .select((
                outbox::message_id,
                outbox::conversation_id,
                outbox::hotel_id,
                conversations::stay_id,
                messages::delivery,
                outbox::callback,
                messages::reacts_to,
            ));
        match by {
            OutboxKey::Id(id) => query.filter(outbox::message_id.eq(id.0)).first(c).optional(),
            OutboxKey::Name(name) => query.filter(messages::whatsapp_message_id.eq(name)).first(c).optional(),
            OutboxKey::Callback(callback) => query.filter(outbox::callback.eq(callback)).first(c).optional(),
            OutboxKey::FormerTry(callback) => query
                .inner_join(former_tries::table.on(former_tries::message_id.eq(outbox::message_id)))
                .filter(former_tries::callback.eq(callback))
                .first(c)
                .optional(),
            OutboxKey::FormerName(name) => query
                .inner_join(former_tries::table.on(former_tries::message_id.eq(outbox::message_id)))
                .filter(former_tries::whatsapp_message_id.eq(name))
                .first(c)
                .optional(),
        }
    })?;
    let Some((message, conversation, hotel, stay, delivery, callback, reacts_to)) = row else { return Ok(None) };
    Ok(Some(OutboxEntry {
        message: MessageId(message),
        conversation: ConversationId(conversation),
        stay: stay.map(StayId),
        hotel: HotelId(hotel),
        delivery: delivery.and_then(|it| it.parse().ok()).ok_or(StoreError::Corrupt("delivery"))?,
        callback,
        reacts_to: reacts_to.map(MessageId),
    }))
}

/// Locks an outbox entry until the end of the transaction. Returns `false` if another attempt has begun since it was
/// found.
pub fn lock_entry(tx: &mut Tx<'_>, found: &OutboxEntry) -> Result<bool, StoreError> {
    // SQLite has one writer and no row locks.
    let Conn::Pg(conn) = tx.conn() else { return Ok(true) };
    let row = outbox::table.find(found.message.0).select(outbox::callback);
    let callback: Option<String> = row.for_no_key_update().first(conn).optional()?;
    Ok(callback.as_deref() == Some(found.callback.as_str()))
}

/// Moves the delivery status of a message forward. Returns `false` if the status is already as far or further: receipts
/// can arrive out of order.
pub fn advance_delivery(
    tx: &mut Tx<'_>,
    message: MessageId,
    delivery: Delivery,
    failure: Option<&str>,
) -> Result<bool, StoreError> {
    let before: Vec<&str> = Delivery::ALL.iter().filter(|it| **it < delivery).map(|it| it.as_str()).collect();
    let behind = messages::table.find(message.0).filter(messages::delivery.eq_any(before));
    let advanced = on_db!(tx.changing(), |c| diesel::update(behind)
        .set((
            messages::delivery.eq(delivery.as_str()),
            messages::failure.eq(failure),
            messages::failure_handled.eq(false),
        ))
        .execute(c))?;
    Ok(advanced == 1)
}

/// Sets the delivery status of a message, without a check that it moves forward.
pub fn set_delivery(
    tx: &mut Tx<'_>,
    message: MessageId,
    delivery: Delivery,
    failure: Option<&str>,
) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(messages::table.find(message.0))
        .set((
            messages::delivery.eq(delivery.as_str()),
            messages::failure.eq(failure),
            messages::failure_handled.eq(false),
        ))
        .execute(c))?;
    Ok(())
}

/// Stores the WhatsApp message id of a message, if it has none yet.
pub fn set_whatsapp_message_id(
    tx: &mut Tx<'_>,
    message: MessageId,
    whatsapp_message_id: &str,
) -> Result<(), StoreError> {
    let without_id = messages::table.find(message.0).filter(messages::whatsapp_message_id.is_null());
    on_db!(tx.changing(), |c| diesel::update(without_id)
        .set((
            messages::whatsapp_message_id.eq(whatsapp_message_id),
            messages::whatsapp_stable_id.eq(stable_whatsapp_id(whatsapp_message_id)),
        ))
        .execute(c))?;
    Ok(())
}

/// Stores the WhatsApp message id of a former attempt, if it has none yet.
pub fn set_former_whatsapp_message_id(
    tx: &mut Tx<'_>,
    callback: &str,
    whatsapp_message_id: &str,
) -> Result<(), StoreError> {
    let without_id = former_tries::table.find(callback).filter(former_tries::whatsapp_message_id.is_null());
    on_db!(tx.changing(), |c| diesel::update(without_id)
        .set(former_tries::whatsapp_message_id.eq(whatsapp_message_id))
        .execute(c))?;
    Ok(())
}

/// Returns the guest to whom the attempt with this callback id goes or went.
pub fn find_recipient(conn: &mut Conn, callback: &str) -> Result<Option<GuestId>, StoreError> {
    let of = outbox::table.filter(outbox::callback.eq(callback)).select(outbox::guest_id);
    let guest: Option<Option<i64>> = on_db!(conn, |c| of.first(c).optional())?;
    Ok(guest.flatten().map(GuestId))
}
