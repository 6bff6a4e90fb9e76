//! Stays: bookings by staff or by import.

mod audit;
mod check_in;
mod conversation;
mod csv;
mod import;
mod import_error;
mod link;
mod parts;
mod preview;
mod status;
mod table;
mod written;

pub use conversation::StayConversation;
pub use import::{ImportResult, StayImportRow};
pub use import_error::ImportError;
pub use persistence::stays::StayFilter;
pub use written::{StayChange, WrittenBooking};

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{
    ConversationRef, EventKind, Guest, Hotel, HotelId, PhoneNumber, Reach, Stay, StayId, StayView, WrittenNumber,
    phone::Country, stay::StayStatus,
};
use numbering::CompleteNumber;
use persistence::{
    Conn, Locks, Tx, conversations, guests, hotels,
    stays::{self, Booking, StayGuest},
};

use crate::{
    Desk, Error, KeyedWrite, PageRequest, Principal, WriteOutcome,
    conversation_for_stay::adopt_conversation,
    hotel_calendar::today,
    outbound::outbox,
    phone_search::phone_search_terms,
    principal::{Initiator, ensure_stay_handler},
    read_limit::ReadCost,
    save_conversation::record_changed_details,
    stays::written::invalid_phone,
};

impl Desk {
    /// Returns the number of stays that match a filter and one page of them, newest first.
    pub async fn list_stays(
        &self,
        principal: Principal,
        mut filter: StayFilter,
        page: PageRequest,
    ) -> Result<(i64, Vec<StayView>), Error> {
        let now = self.now();
        let cost = if filter.is_indexed() { ReadCost::Indexed } else { ReadCost::Scan };
        self.read_by(principal, cost, move |conn, hotel, reach| {
            if let Some(text) = &filter.search {
                filter.search_numbers = phone_search_terms(conn, hotel, text)?;
            }
            let hotel = hotels::find(conn, hotel)?.ok_or(Error::NotFound)?;
            let (count, stays) = stays::list(conn, hotel.id, &filter, today(&hotel, now), page.slice())?;
            page.ensure_exists(count)?;
            let stays = stays::with_conversations(conn, stays)?.into_iter().map(|it| it.seen_by(reach));
            Ok((count, stays.collect()))
        })
        .await
    }

    pub async fn stay(&self, principal: Principal, id: StayId) -> Result<StayView, Error> {
        self.read_by(principal, ReadCost::Indexed, move |conn, hotel, reach| {
            let stay = find_in_hotel(conn, hotel, id)?;
            view(conn, reach, stay)
        })
        .await
    }

    /// Returns the country whose rules complete phone numbers of the caller's hotel.
    async fn country(&self, caller: Caller) -> Result<Option<Country>, Error> {
        self.read_as(caller, |conn, live| Ok(hotels::find(conn, live.staff.hotel)?.and_then(|hotel| hotel.country)))
            .await
    }

    /// Creates a stay. The first stay of a guest gets the guest's earlier conversation. Fails with [`Error::Invalid`]
    /// if the hotel has a stay with this reservation code.
    pub async fn create_stay(
        &self,
        caller: Caller,
        booking: WrittenBooking,
        write: KeyedWrite<StayView>,
    ) -> Result<WriteOutcome<StayView>, Error> {
        let now = self.now();
        let locks = Locks::default().creating(true);
        let locks = lock_guest_of_number(locks, booking.guest_phone.as_ref(), self.country(caller).await?);
        self.write_once(caller, locks, write, move |tx, live| {
            ensure_stay_handler(tx.conn(), live)?;
            let hotel = hotels::find(tx.conn(), live.staff.hotel)?.ok_or(Error::NotFound)?;
            let booking = booking.complete(hotel.country, None).map_err(invalid_phone)?;
            let stay = create(tx, &hotel, &booking, StayStatus::Booked, now)?.ok_or_else(code_taken)?;
            audit::record_new(tx, live.staff.id.into(), &stay, now)?;
            record_update(tx, &stay, now);
            view(tx.conn(), Some(&live.staff.reach()), stay)
        })
        .await
    }

    /// Changes a booking. Fails with [`Error::Invalid`] if another stay has the reservation code, or the last day would
    /// be before the first.
    pub async fn change_stay(
        &self,
        caller: Caller,
        id: StayId,
        change: StayChange,
        write: KeyedWrite<StayView>,
    ) -> Result<WriteOutcome<StayView>, Error> {
        let now = self.now();
        let may_create_guest =
            change.guest_phone.is_some() || change.reservation_code.is_some() || change.part.is_some();
        let mut locks = Locks::from(vec![ConversationRef::Stay(id)]).guest_of_stay(id).creating(may_create_guest);
        if let Some(Some(written)) = &change.guest_phone {
            locks = lock_guest_of_number(locks, Some(written), self.country(caller).await?);
        }
        self.write_once(caller, locks, write, move |tx, live| {
            let stay = lock_to_administer(tx, &live.into(), id)?;
            let reach = live.staff.reach();
            let hotel = hotels::find(tx.conn(), stay.hotel)?.ok_or(Error::NotFound)?;
            let booking = change.apply(&stay, hotel.country)?;
            if booking == Booking::from(&stay) {
                return view(tx.conn(), Some(&reach), stay);
            }
            let with_code = stays::find_part(tx.conn(), stay.hotel, &booking.reservation_code, booking.part)?;
            if with_code.is_some_and(|other| other.id != id) {
                return Err(code_taken());
            }
            let before = stay;
            let stay = update(tx, &hotel, &before, &booking, now)?;
            audit::record_change(tx, live.staff.id.into(), (&before, &stay), now)?;
            record_update(tx, &stay, now);
            view(tx.conn(), Some(&reach), stay)
        })
        .await
    }
}

/// Adds the lock of the guest with this phone number to the locks of a write. An invalid number belongs to no guest.
fn lock_guest_of_number(locks: Locks, written: Option<&WrittenNumber>, country: Option<Country>) -> Locks {
    match written.map(|written| written.complete(country)) {
        Some(Ok(phone)) => locks.guest(phone.into()),
        Some(Err(_)) | None => locks,
    }
}

/// Returns a stay as its reader sees it; an API key has no visibility scope.
fn view(conn: &mut Conn, reach: Option<&Reach>, stay: Stay) -> Result<StayView, Error> {
    let found = stays::with_conversations(conn, vec![stay])?.pop().ok_or(Error::NotFound)?;
    Ok(found.seen_by(reach))
}

/// Records the event that staff or another system of the hotel created or changed a stay. Imports have an event of
/// their own.
fn record_update(tx: &mut Tx<'_>, stay: &Stay, at: DateTime<Utc>) {
    tx.record(stay.hotel, at, EventKind::StayUpdated { stay: stay.id });
}

fn find_in_hotel(conn: &mut Conn, hotel: HotelId, id: StayId) -> Result<Stay, Error> {
    stays::find(conn, id)?.filter(|stay| stay.hotel == hotel).ok_or(Error::NotFound)
}

fn find_to_administer(conn: &mut Conn, initiator: &Initiator, id: StayId) -> Result<Stay, Error> {
    let stay = find_in_hotel(conn, initiator.hotel, id)?;
    initiator.ensure_may_handle_stays(conn)?;
    Ok(stay)
}

/// Returns the stay, with the guest and the stay locked until the end of the transaction.
fn lock_to_administer(tx: &mut Tx<'_>, initiator: &Initiator, id: StayId) -> Result<Stay, Error> {
    let stay = find_to_administer(tx.conn(), initiator, id)?;
    lock(tx, &stay)
}

/// Locks guest and stay, and returns the stay as it is now: it may have changed since it was read.
fn lock(tx: &mut Tx<'_>, read: &Stay) -> Result<Stay, Error> {
    if let Some(guest) = read.guest {
        guests::lock_with_conversations(tx, guest)?;
    }
    Ok(stays::lock_and_reload(tx, read)?)
}

fn code_taken() -> Error {
    Error::invalid("reservation_code", "The hotel has a stay of this reservation code and part already.")
}

/// Creates a stay. Returns `None` if the hotel has a stay with this reservation code and part, also if another node has
/// just created it. A stay that the guest does not come for, or that is over, gets no conversation.
fn create(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    booking: &Booking,
    status: StayStatus,
    now: DateTime<Utc>,
) -> Result<Option<Stay>, Error> {
    if stays::find_part(tx.conn(), hotel.id, &booking.reservation_code, booking.part)?.is_some() {
        return Ok(None);
    }
    let guest = lock_guest(tx, hotel, booking, now)?;
    let is_first = match &guest {
        Some(guest) => !stays::has_any(tx.conn(), guest.id)?,
        None => false,
    };
    let id = guest.map(|guest| guest.id);
    let Some(stay) = stays::insert(tx, hotel.id, id, booking, now)? else { return Ok(None) };
    if is_first && matches!(status, StayStatus::Booked | StayStatus::CheckedIn) {
        adopt_conversation(tx, hotel, &stay, now)?;
    }
    Ok(Some(stay))
}

/// Finds or creates the guest of a booking, and locks the guest. Returns `None` without a phone number.
fn lock_guest(tx: &mut Tx<'_>, hotel: &Hotel, booking: &Booking, now: DateTime<Utc>) -> Result<Option<Guest>, Error> {
    let Some(phone) = &booking.guest_phone else { return Ok(None) };
    let guest = guests::find_or_insert(tx, hotel.id, phone, now)?;
    guests::lock_with_conversations(tx, guest.id)?;
    Ok(Some(guest))
}

/// Changes a locked stay. If the guest changes, messages that wait for the former guest fail. A linked stay keeps the guest
/// and the link, unless it gets another phone number.
///
/// Fails with [`Error::NotAllowedNow`] if the phone number is removed although the stay has a conversation: its messages
/// would have no receiver.
fn update(tx: &mut Tx<'_>, hotel: &Hotel, stay: &Stay, booking: &Booking, now: DateTime<Utc>) -> Result<Stay, Error> {
    let conversation = conversations::find(tx.conn(), ConversationRef::Stay(stay.id))?;
    let kept = StayGuest { guest: stay.guest, link: stay.link };
    let is_lent = stay.link.is_some_and(|link| link.conversation_lender.is_some());
    let (guest, is_first) = if is_same_number(booking.guest_phone.as_ref(), stay.guest_phone.as_ref()) {
        (kept, false)
    } else {
        match lock_guest(tx, hotel, booking, now)? {
            Some(guest) => {
                let is_first = stay.cancellation.is_none() && !stays::has_any(tx.conn(), guest.id)?;
                (StayGuest { guest: Some(guest.id), link: None }, is_first)
            }
            // The conversation returns to its guest when the link ends, so it needs no number.
            None if is_lent => (kept, false),
            None if conversation.is_some() => return Err(Error::NotAllowedNow(HAS_CONVERSATION)),
            None => (StayGuest { guest: None, link: None }, false),
        }
    };
    let former_guest = stay.guest;
    let stay = stays::update(tx, stay, guest, booking)?;
    match conversation {
        Some(conversation) => {
            if let Some(former) = former_guest.filter(|former| stay.guest != Some(*former)) {
                outbox::fail_messages_of_former_guest(tx, conversation.id(), former, now)?;
            }
            record_changed_details(tx, &conversation, now)?;
        }
        None if is_first => adopt_conversation(tx, hotel, &stay, now)?,
        None => {}
    }
    Ok(stay)
}

/// Whether two phone numbers of bookings reach the same person, however they are written; none equals none.
fn is_same_number(one: Option<&PhoneNumber>, other: Option<&PhoneNumber>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other || one.equivalent_forms().contains(other),
        (None, None) => true,
        _ => false,
    }
}

const HAS_CONVERSATION: &str =
    "This stay has a conversation with its guest. Enter another number instead of removing it.";

#[cfg(test)]
mod tests;
