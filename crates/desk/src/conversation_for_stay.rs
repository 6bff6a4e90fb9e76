//! Finds or creates the conversation of a stay, and moves a guest's earlier conversation to their first stay.

use chrono::{DateTime, Utc};
use domain::{Conversation, ConversationRef, EventKind, GuestId, Hotel, Status, Stay, StayId};
use persistence::{Tx, audit_log::AuditActor, conversations, stays};

use crate::{Error, hotel_calendar::today, save_conversation};

/// Returns the conversation of the stay, or if `stay` is `None` the guest's conversation that belongs to no stay.
/// Creates a missing conversation.
pub(crate) fn find_or_create_conversation(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    guest: GuestId,
    stay: Option<&Stay>,
    now: DateTime<Utc>,
) -> Result<Conversation, Error> {
    let existing = match stay {
        Some(stay) => conversations::find(tx.conn(), ConversationRef::Stay(stay.id))?,
        None => conversations::find_without_stay(tx.conn(), guest)?,
    };
    if let Some(existing) = existing {
        return Ok(existing);
    }
    let status = stay.map_or(Status::Demo, |stay| stay.unrouted_status(today(hotel, now)));
    create_conversation(tx, hotel, guest, stay.map(|it| it.id), status, now)
}

pub(crate) fn create_conversation(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    guest: GuestId,
    stay: Option<StayId>,
    status: Status,
    at: DateTime<Utc>,
) -> Result<Conversation, Error> {
    let conversation = conversations::insert(tx, (hotel.id, guest, stay), status, at)?;
    tx.record(hotel.id, at, EventKind::NewConversation { conversation: conversation.id(), stay, department: None });
    Ok(conversation)
}

/// Gives the guest's conversation without a stay to a stay that has no conversation yet. Does nothing if the guest has
/// no such conversation.
pub(crate) fn adopt_conversation(tx: &mut Tx<'_>, hotel: &Hotel, stay: &Stay, now: DateTime<Utc>) -> Result<(), Error> {
    let Some(guest) = stay.guest else { return Ok(()) };
    let Some(conversation) = conversations::find_without_stay(tx.conn(), guest)? else { return Ok(()) };
    attach_to_stay(tx, hotel, &conversation, stay, AuditActor::System, now)
}

/// Makes a conversation without stay the conversation of a stay that has none.
pub(crate) fn attach_to_stay(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    before: &Conversation,
    stay: &Stay,
    actor: AuditActor,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let mut conversation = before.clone();
    conversation.attach_stay(stay.id, stay.has_begun_or_ended(today(hotel, now)));
    save_conversation::save_with_events(tx, before, &conversation, actor, now)?;
    Ok(conversations::update_search_key(tx, conversation.id())?)
}

/// Gives the guest's conversation without a stay to the guest's first stay that has neither check-out, cancellation
/// nor conversation yet; see [`adopt_conversation`].
pub(crate) fn adopt_conversation_of_guest(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    guest: GuestId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for stay in stays::not_checked_out(tx.conn(), guest)? {
        if conversations::find(tx.conn(), ConversationRef::Stay(stay.id))?.is_none() {
            return adopt_conversation(tx, hotel, &stay, now);
        }
    }
    Ok(())
}
