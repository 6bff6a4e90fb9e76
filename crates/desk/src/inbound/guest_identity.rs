//! Guest identity resolution. A guest is found by phone number, WhatsApp id or business-scoped id. Identifiers that
//! appear together in one message are linked to the same guest.

use chrono::{DateTime, Utc};
use domain::{ConversationRef, Guest, GuestId, GuestIdentity, Hotel, PhoneNumber};
use persistence::{StoreError, Tx, conversations, guests};

use crate::{Error, conversation_for_stay::adopt_conversation_of_guest, save_conversation::record_changed_details};

/// Returns the guest with this identity, and creates a missing one. The guest and all conversations of the guest stay
/// locked until the end of the transaction.
///
/// If the identity matches two guests, they are merged, unless both have a conversation without a stay.
pub(crate) fn find_or_create_guest(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    identity: &GuestIdentity,
    now: DateTime<Utc>,
) -> Result<Guest, Error> {
    let mut matches = guests::lock_by_identity(tx, hotel.id, identity)?;
    if matches.is_empty() {
        guests::insert(tx, hotel.id, identity, now)?;
        matches = guests::lock_by_identity(tx, hotel.id, identity)?;
    }
    let mut matches = matches.into_iter();
    let guest = matches.next().ok_or(StoreError::Corrupt("guest"))?;
    merge_guests(tx, hotel, guest, matches, identity, now)
}

/// Adds new WhatsApp identifiers to a guest. A guest who was created under the new identifiers before is merged.
pub(crate) fn change_identity(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    guest: Guest,
    new: &GuestIdentity,
    now: DateTime<Utc>,
) -> Result<Guest, Error> {
    let mut others = guests::lock_by_identity(tx, hotel.id, new)?;
    others.retain(|other| other.id != guest.id);
    if guest.identity.phone.is_some() {
        // The phone number of the booking is kept, because other systems of the hotel use it.
        others.iter_mut().for_each(|other| other.identity.phone = None);
    }
    merge_guests(tx, hotel, guest, others, new, now)
}

/// Merges the guests `others` into `guest` and stores the combined identity.
fn merge_guests(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    guest: Guest,
    others: impl IntoIterator<Item = Guest>,
    identity: &GuestIdentity,
    now: DateTime<Utc>,
) -> Result<Guest, Error> {
    let mut combined = guest.identity.clone();
    let (mut has_merged, mut kept_separate) = (false, GuestIdentity::default());
    for other in others {
        if guests::merge(tx, other.id, guest.id)? {
            combined = combine(combined, other.identity);
            has_merged = true;
        } else {
            // Both guests have a conversation without a stay, and neither may be lost: each guest keeps its
            // identifiers.
            kept_separate = combine(kept_separate, other.identity);
        }
    }
    let combined = combine(without(identity, &kept_separate), combined);
    if combined != guest.identity {
        guests::set_identity(tx, guest.id, &combined)?;
    }
    // Staff see the phone number and search by it, so the guest's conversations are updated.
    if has_merged || combined.phone != guest.identity.phone {
        adopt_conversation_of_guest(tx, hotel, guest.id, now)?;
        record_changed_conversations(tx, guest.id, now)?;
    }
    Ok(Guest { identity: combined, ..guest })
}

fn record_changed_conversations(tx: &mut Tx<'_>, guest: GuestId, now: DateTime<Utc>) -> Result<(), Error> {
    for id in conversations::ids_of_guest(tx.conn(), guest)? {
        if let Some(conversation) = conversations::find(tx.conn(), ConversationRef::Conversation(id))? {
            record_changed_details(tx, &conversation, now)?;
        }
    }
    Ok(())
}

fn combine(newer: GuestIdentity, older: GuestIdentity) -> GuestIdentity {
    GuestIdentity {
        // The phone number keeps the form that the booking has.
        phone: older.phone.or(newer.phone),
        wa_id: newer.wa_id.or(older.wa_id),
        bsuid: newer.bsuid.or(older.bsuid),
    }
}

/// Returns the identity without the identifiers that belong to `others`.
fn without(identity: &GuestIdentity, others: &GuestIdentity) -> GuestIdentity {
    let own = |ours: &Option<String>, theirs: &Option<String>| ours.clone().filter(|it| theirs.as_ref() != Some(it));
    let is_theirs =
        |phone: &PhoneNumber| others.phone.as_ref().is_some_and(|other| phone.equivalent_forms().contains(other));
    GuestIdentity {
        phone: identity.phone.clone().filter(|phone| !is_theirs(phone)),
        wa_id: own(&identity.wa_id, &others.wa_id),
        bsuid: own(&identity.bsuid, &others.bsuid),
    }
}
