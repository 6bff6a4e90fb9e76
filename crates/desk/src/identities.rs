//! Who wrote: guests are told by any part of their identity, and what a message carries together is linked.

use chrono::{DateTime, Utc};
use domain::{Guest, GuestId, GuestIdentity, Hotel, PhoneNumber};
use persistence::{
    StoreError, Tx,
    conversations::{self, Which},
    guests,
};

use crate::{Error, settle, stays};

/// The guest whom an identity names; made where there is none. They and their conversations are held until the
/// end of the transaction. What names two guests makes them one, where both are not in a talk without a stay.
pub(crate) fn recognise(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    identity: &GuestIdentity,
    now: DateTime<Utc>,
) -> Result<Guest, Error> {
    let mut known = guests::hold_by_identity(tx, hotel.id, identity)?;
    if known.is_empty() {
        guests::insert(tx, hotel.id, identity, now)?;
        known = guests::hold_by_identity(tx, hotel.id, identity)?;
    }
    let mut known = known.into_iter();
    let guest = known.next().ok_or(StoreError::Corrupt("guest"))?;
    join(tx, hotel, guest, known, identity, now)
}

/// A guest has other names at WhatsApp now: those that they had before, and the new ones. Who was met under the
/// new ones before this was told is the same guest.
pub(crate) fn rename(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    guest: Guest,
    after: &GuestIdentity,
    now: DateTime<Utc>,
) -> Result<Guest, Error> {
    let mut met = guests::hold_by_identity(tx, hotel.id, after)?;
    met.retain(|it| it.id != guest.id);
    if guest.identity.phone.is_some() {
        // The number of the booking stays: by it the hotel's other systems know the guest.
        met.iter_mut().for_each(|it| it.identity.phone = None);
    }
    join(tx, hotel, guest, met, after, now)
}

/// Makes one guest of one and others, and keeps what they are known by now.
fn join(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    guest: Guest,
    with: impl IntoIterator<Item = Guest>,
    identity: &GuestIdentity,
    now: DateTime<Utc>,
) -> Result<Guest, Error> {
    let mut all = guest.identity.clone();
    let (mut linked, mut others) = (false, GuestIdentity::default());
    for other in with {
        if guests::merge(tx, other.id, guest.id)? {
            all = both(all, other.identity);
            linked = true;
        } else {
            // Two talks, of which neither may vanish: each keeps what it is known by.
            others = both(others, other.identity);
        }
    }
    let all = both(without(identity, &others), all);
    if all != guest.identity {
        guests::set_identity(tx, guest.id, &all)?;
    }
    // Staff see the number, and find by it.
    if linked || all.phone != guest.identity.phone {
        link(tx, hotel, guest.id, now)?;
    }
    Ok(Guest { identity: all, ..guest })
}

/// After two guests were found to be one, or one's number was learned: their talk becomes that of a stay that has
/// none, and all are shown anew.
fn link(tx: &mut Tx<'_>, hotel: &Hotel, guest: GuestId, now: DateTime<Utc>) -> Result<(), Error> {
    stays::adopt_for(tx, hotel, guest, now)?;
    for it in conversations::of_guest(tx.conn(), guest)? {
        if let Some(it) = conversations::find(tx.conn(), Which::Conversation(it))? {
            settle::show_anew(tx, &it, now)?;
        }
    }
    Ok(())
}

/// What is known by either; the first is the newer.
fn both(newer: GuestIdentity, older: GuestIdentity) -> GuestIdentity {
    GuestIdentity {
        // The booking's way of writing a number stays.
        phone: older.phone.or(newer.phone),
        wa_id: newer.wa_id.or(older.wa_id),
        bsuid: newer.bsuid.or(older.bsuid),
    }
}

/// What is not another's.
fn without(identity: &GuestIdentity, others: &GuestIdentity) -> GuestIdentity {
    let free = |ours: &Option<String>, theirs: &Option<String>| ours.clone().filter(|it| theirs.as_ref() != Some(it));
    let alike = |it: &PhoneNumber| others.phone.as_ref().is_some_and(|other| it.alike().contains(other));
    GuestIdentity {
        phone: identity.phone.clone().filter(|it| !alike(it)),
        wa_id: free(&identity.wa_id, &others.wa_id),
        bsuid: free(&identity.bsuid, &others.bsuid),
    }
}
