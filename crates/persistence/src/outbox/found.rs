//! Finding a message that goes out, and how far it has come.

use diesel::prelude::*;
use domain::{ConversationId, Delivery, GuestId, HotelId, MessageId, StayId, stable_whatsapp_id};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    schema::{conversations, former_tries, messages, outbox},
};

/// How a message that goes out stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The message.
    pub message: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The conversation's stay.
    pub stay: Option<StayId>,
    /// Its hotel.
    pub hotel: HotelId,
    /// How far it has come.
    pub delivery: Delivery,
    /// Our own word for the try that counts.
    pub callback: String,
}

/// By what an outgoing message is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// Its id.
    Id(MessageId),
    /// What WhatsApp calls it.
    Name(String),
    /// Our own word for the try that counts.
    Callback(String),
    /// Our own word for a try after which staff began another one.
    FormerTry(String),
    /// What WhatsApp called such a try.
    FormerName(String),
}

/// Message, conversation, hotel, stay, delivery, callback.
type OutgoingRow = (i64, i64, i64, Option<i64>, Option<String>, String);

/// A message that goes out by WhatsApp.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &mut Conn, by: &By) -> Result<Option<Outgoing>, StoreError> {
    let row: Option<OutgoingRow> = on_db!(conn, |c| {
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
            ));
        match by {
            By::Id(id) => query.filter(outbox::message_id.eq(id.0)).first(c).optional(),
            By::Name(name) => query.filter(messages::whatsapp_message_id.eq(name)).first(c).optional(),
            By::Callback(callback) => query.filter(outbox::callback.eq(callback)).first(c).optional(),
            By::FormerTry(callback) => query
                .inner_join(former_tries::table.on(former_tries::message_id.eq(outbox::message_id)))
                .filter(former_tries::callback.eq(callback))
                .first(c)
                .optional(),
            By::FormerName(name) => query
                .inner_join(former_tries::table.on(former_tries::message_id.eq(outbox::message_id)))
                .filter(former_tries::whatsapp_message_id.eq(name))
                .first(c)
                .optional(),
        }
    })?;
    let Some((message, conversation, hotel, stay, delivery, callback)) = row else { return Ok(None) };
    Ok(Some(Outgoing {
        message: MessageId(message),
        conversation: ConversationId(conversation),
        stay: stay.map(StayId),
        hotel: HotelId(hotel),
        delivery: delivery.and_then(|it| it.parse().ok()).ok_or(StoreError::Corrupt("delivery"))?,
        callback,
    }))
}

/// Holds a message that was found until the end of the transaction; false where another try has begun since it was
/// found.
///
/// # Errors
/// [`StoreError`].
pub fn hold(tx: &mut Tx<'_>, found: &Outgoing) -> Result<bool, StoreError> {
    // SQLite has one writer anyway.
    let Conn::Pg(conn) = tx.conn() else { return Ok(true) };
    let row = outbox::table.find(found.message.0).select(outbox::callback);
    let callback: Option<String> = row.for_no_key_update().first(conn).optional()?;
    Ok(callback.as_deref() == Some(found.callback.as_str()))
}

/// Stores that a message has come further, and why it failed; false where it has come so far already.
///
/// # Errors
/// [`StoreError`].
pub fn advance(
    tx: &mut Tx<'_>,
    message: MessageId,
    delivery: Delivery,
    failure: Option<&str>,
) -> Result<bool, StoreError> {
    let before: Vec<&str> = Delivery::ALL.iter().filter(|it| **it < delivery).map(|it| it.as_str()).collect();
    let behind = messages::table.find(message.0).filter(messages::delivery.eq_any(before));
    let advanced = on_db!(tx.changing(), |c| diesel::update(behind)
        .set((messages::delivery.eq(delivery.as_str()), messages::failure.eq(failure)))
        .execute(c))?;
    Ok(advanced == 1)
}

/// Stores how far a message has come, and why it failed, whatever was before.
///
/// # Errors
/// [`StoreError`].
pub fn set_delivery(
    tx: &mut Tx<'_>,
    message: MessageId,
    delivery: Delivery,
    failure: Option<&str>,
) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(messages::table.find(message.0))
        .set((messages::delivery.eq(delivery.as_str()), messages::failure.eq(failure)))
        .execute(c))?;
    Ok(())
}

/// Stores what WhatsApp calls a message, unless that is known.
///
/// # Errors
/// [`StoreError`].
pub fn name(tx: &mut Tx<'_>, message: MessageId, whatsapp_message_id: &str) -> Result<(), StoreError> {
    let nameless = messages::table.find(message.0).filter(messages::whatsapp_message_id.is_null());
    on_db!(tx.changing(), |c| diesel::update(nameless)
        .set((
            messages::whatsapp_message_id.eq(whatsapp_message_id),
            messages::whatsapp_stable_id.eq(stable_whatsapp_id(whatsapp_message_id)),
        ))
        .execute(c))?;
    Ok(())
}

/// Stores what WhatsApp called a former try, unless that is known.
///
/// # Errors
/// [`StoreError`].
pub fn name_former(tx: &mut Tx<'_>, callback: &str, whatsapp_message_id: &str) -> Result<(), StoreError> {
    let nameless = former_tries::table.find(callback).filter(former_tries::whatsapp_message_id.is_null());
    on_db!(tx.changing(), |c| diesel::update(nameless)
        .set(former_tries::whatsapp_message_id.eq(whatsapp_message_id))
        .execute(c))?;
    Ok(())
}

/// The guest to whom the try with this callback goes, or went.
///
/// # Errors
/// [`StoreError`].
pub fn guest_of(conn: &mut Conn, callback: &str) -> Result<Option<GuestId>, StoreError> {
    let of = outbox::table.filter(outbox::callback.eq(callback)).select(outbox::guest_id);
    let guest: Option<Option<i64>> = on_db!(conn, |c| of.first(c).optional())?;
    Ok(guest.flatten().map(GuestId))
}
