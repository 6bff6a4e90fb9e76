//! Delivery receipts: finds the message of a receipt and moves its delivery status forward.
//!
//! A receipt names a message by its WhatsApp id, or by the callback id of the attempt. A receipt that arrives before
//! the response to the send is stored as an early receipt, and applied when the response has named the message.

use chrono::{DateTime, Utc};
use domain::{Delivery, Hotel, HotelId};
use persistence::{
    Conn, Tx, early_receipts,
    outbox::{self, OutboxEntry, OutboxKey},
};
use whatsapp::DeliveryReceipt;

use crate::{Error, outbound::outbox::advance_delivery};

/// The attempt to send a message that a delivery receipt is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Current,
    /// The current attempt, whose WhatsApp message id is still unknown.
    CurrentWithoutId,
    /// A former attempt, before the last retry by staff.
    Former,
}

/// Finds the message of a delivery receipt, and the attempt that the receipt is about.
pub(crate) fn find_attempt(
    conn: &mut Conn,
    receipt: &DeliveryReceipt,
) -> Result<Option<(OutboxEntry, Attempt)>, Error> {
    if let Some(found) = find_attempt_by_whatsapp_id(conn, &receipt.wamid)? {
        return Ok(Some(found));
    }
    let Some(callback) = receipt.callback.clone() else { return Ok(None) };
    if let Some(message) = outbox::find(conn, &OutboxKey::Callback(callback.clone()))? {
        return Ok(Some((message, Attempt::CurrentWithoutId)));
    }
    Ok(outbox::find(conn, &OutboxKey::FormerTry(callback))?.map(|message| (message, Attempt::Former)))
}

fn find_attempt_by_whatsapp_id(
    conn: &mut Conn,
    whatsapp_message_id: &str,
) -> Result<Option<(OutboxEntry, Attempt)>, Error> {
    if let Some(message) = outbox::find(conn, &OutboxKey::Name(whatsapp_message_id.to_owned()))? {
        return Ok(Some((message, Attempt::Current)));
    }
    let former = outbox::find(conn, &OutboxKey::FormerName(whatsapp_message_id.to_owned()))?;
    Ok(former.map(|message| (message, Attempt::Former)))
}

/// Applies a delivery receipt. The receipt of an unknown message is stored as an early receipt.
pub(crate) fn apply_receipt(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    receipt: &DeliveryReceipt,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(delivery) = receipt.state.delivery() else { return Ok(()) };
    let failure = receipt.failure();
    let mut found = find_attempt(tx.conn(), receipt)?;
    if let Some((message, _)) = &found
        && !outbox::lock_entry(tx, message)?
    {
        // Staff have retried the message since it was read, so that the receipt may now be about a former attempt.
        found = find_attempt(tx.conn(), receipt)?;
    }
    let Some((message, attempt)) = found.filter(|(message, _)| message.hotel == hotel.id) else {
        return Ok(early_receipts::insert(tx, hotel.id, &receipt.wamid, (delivery, failure.as_deref()), now)?);
    };
    match (attempt, &receipt.callback) {
        (Attempt::CurrentWithoutId, _) => outbox::set_whatsapp_message_id(tx, message.message, &receipt.wamid)?,
        (Attempt::Former, Some(callback)) => outbox::set_former_whatsapp_message_id(tx, callback, &receipt.wamid)?,
        _ => {}
    }
    apply_to_attempt(tx, &message, attempt, delivery, failure.as_deref(), now)
}

/// Applies the early receipts of a message whose WhatsApp message id has just become known. The conversation is locked.
pub(crate) fn apply_early_receipts(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    whatsapp_message_id: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if find_attempt_by_whatsapp_id(tx.conn(), whatsapp_message_id)?.is_none() {
        return Ok(());
    }
    for (delivery, failure) in early_receipts::take(tx, hotel, whatsapp_message_id)? {
        // The message is read again for each receipt, because the receipt before has changed it.
        let found = find_attempt_by_whatsapp_id(tx.conn(), whatsapp_message_id)?;
        if let Some((message, attempt)) = found.filter(|(message, _)| message.hotel == hotel) {
            apply_to_attempt(tx, &message, attempt, delivery, failure.as_deref(), now)?;
        }
    }
    Ok(())
}

fn apply_to_attempt(
    tx: &mut Tx<'_>,
    message: &OutboxEntry,
    attempt: Attempt,
    delivery: Delivery,
    failure: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    // A receipt that a former attempt was delivered ends the current attempt. Any other receipt of a former attempt is
    // irrelevant.
    if attempt == Attempt::Former && delivery < Delivery::Delivered {
        return Ok(());
    }
    outbox::finish(tx, message.message)?;
    advance_delivery(tx, message, delivery, failure, at)
}
