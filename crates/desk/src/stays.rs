//! Stays: bookings by staff or by import.

mod check_in;
mod conversation;
mod csv;
mod import;
mod preview;

pub use crate::stays::csv::ImportError;
pub use conversation::StayConversation;
pub use import::{ImportResult, StayImportRow};
pub use persistence::stays::StayFilter;

use auth::Caller;
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    ConversationRef, EventKind, Hotel, HotelId, Name, PhoneNumber, Reach, Stay, StayId, StayView, WrittenNumber,
    phone::{BadPhoneNumber, Country},
};
use persistence::{
    Conn, Locks, Tx, conversations, guests, hotels,
    stays::{self, Booking},
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
};

/// A booking as staff or a CSV file give it: the phone number is not completed with a country code yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenBooking {
    /// The reservation code, unique in the hotel.
    pub reservation_code: Name,
    pub guest_name: Name,
    pub guest_phone: WrittenNumber,
    pub room_number: Name,
    /// The first day of the stay.
    pub check_in: NaiveDate,
    /// The last day of the stay, not before the first.
    pub check_out: NaiveDate,
}

impl WrittenBooking {
    /// Completes the phone number of the booking by the country of the hotel. `stored` is the number of the existing
    /// stay.
    fn complete(&self, country: Option<Country>, stored: Option<&PhoneNumber>) -> Result<Booking, BadPhoneNumber> {
        Ok(Booking {
            reservation_code: self.reservation_code.clone(),
            guest_name: self.guest_name.clone(),
            guest_phone: complete_number(&self.guest_phone, country, stored)?,
            room_number: self.room_number.clone(),
            check_in: self.check_in,
            check_out: self.check_out,
        })
    }
}

/// Completes a phone number by the country of the hotel. A number that repeats the stored one is valid even if it would
/// be refused today.
fn complete_number(
    written: &WrittenNumber,
    country: Option<Country>,
    stored: Option<&PhoneNumber>,
) -> Result<PhoneNumber, BadPhoneNumber> {
    written.complete(country).or_else(|reason| stored.filter(|it| written.repeats(it)).cloned().ok_or(reason))
}

/// A change of a stay; a field that is `None` keeps its value.
#[derive(Clone, Debug, Default)]
pub struct StayChange {
    /// The new reservation code, unique in the hotel.
    pub reservation_code: Option<Name>,
    pub guest_name: Option<Name>,
    pub guest_phone: Option<WrittenNumber>,
    pub room_number: Option<Name>,
    pub check_in: Option<NaiveDate>,
    pub check_out: Option<NaiveDate>,
}

impl StayChange {
    fn apply(&self, stay: &Stay, country: Option<Country>) -> Result<Booking, Error> {
        let guest_phone = match &self.guest_phone {
            Some(written) => complete_number(written, country, Some(&stay.guest_phone)).map_err(invalid_phone)?,
            None => stay.guest_phone.clone(),
        };
        let booking = Booking {
            reservation_code: self.reservation_code.as_ref().unwrap_or(&stay.reservation_code).clone(),
            guest_name: self.guest_name.as_ref().unwrap_or(&stay.guest_name).clone(),
            guest_phone,
            room_number: self.room_number.as_ref().unwrap_or(&stay.room_number).clone(),
            check_in: self.check_in.unwrap_or(stay.check_in),
            check_out: self.check_out.unwrap_or(stay.check_out),
        };
        let days = Stay::validate_days(booking.check_in, booking.check_out);
        days.map_err(|error| Error::invalid("check_out", error.to_string()))?;
        Ok(booking)
    }
}

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
        let locks = lock_guest_of_number(locks, &booking.guest_phone, self.country(caller).await?);
        self.write_once(caller, locks, write, move |tx, live| {
            ensure_stay_handler(tx.conn(), live)?;
            let hotel = hotels::find(tx.conn(), live.staff.hotel)?.ok_or(Error::NotFound)?;
            let booking = booking.complete(hotel.country, None).map_err(invalid_phone)?;
            let stay = create(tx, &hotel, &booking, now)?.ok_or_else(code_taken)?;
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
        let may_create_guest = change.guest_phone.is_some() || change.reservation_code.is_some();
        let mut locks = Locks::from(vec![ConversationRef::Stay(id)]).guest_of_stay(id).creating(may_create_guest);
        if let Some(written) = &change.guest_phone {
            locks = lock_guest_of_number(locks, written, self.country(caller).await?);
        }
        self.write_once(caller, locks, write, move |tx, live| {
            let stay = lock_to_administer(tx, &live.into(), id)?;
            let reach = live.staff.reach();
            let hotel = hotels::find(tx.conn(), stay.hotel)?.ok_or(Error::NotFound)?;
            let booking = change.apply(&stay, hotel.country)?;
            if booking.matches(&stay) {
                return view(tx.conn(), Some(&reach), stay);
            }
            let with_code = stays::find_by_code(tx.conn(), stay.hotel, &booking.reservation_code)?;
            if with_code.is_some_and(|other| other.id != id) {
                return Err(code_taken());
            }
            let stay = update(tx, &hotel, &stay, &booking, now)?;
            record_update(tx, &stay, now);
            view(tx.conn(), Some(&reach), stay)
        })
        .await
    }
}

/// Adds the lock of the guest with this phone number to the locks of a write. An invalid number belongs to no guest.
fn lock_guest_of_number(locks: Locks, written: &WrittenNumber, country: Option<Country>) -> Locks {
    match written.complete(country) {
        Ok(phone) => locks.guest(phone.into()),
        Err(_) => locks,
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
    guests::lock_with_conversations(tx, read.guest)?;
    Ok(stays::lock_and_reload(tx, read)?)
}

fn invalid_phone(reason: BadPhoneNumber) -> Error {
    Error::invalid("guest_phone", reason.to_string())
}

fn code_taken() -> Error {
    Error::invalid("reservation_code", "The hotel has a stay of this reservation code already.")
}

/// Creates a stay. Returns `None` if the hotel has a stay with this reservation code, also if another node has just
/// created it.
fn create(tx: &mut Tx<'_>, hotel: &Hotel, booking: &Booking, now: DateTime<Utc>) -> Result<Option<Stay>, Error> {
    if stays::find_by_code(tx.conn(), hotel.id, &booking.reservation_code)?.is_some() {
        return Ok(None);
    }
    let guest = guests::find_or_insert(tx, hotel.id, &booking.guest_phone, now)?;
    guests::lock_with_conversations(tx, guest.id)?;
    let is_first = !stays::has_any(tx.conn(), guest.id)?;
    let Some(stay) = stays::insert(tx, hotel.id, guest.id, booking, now)? else { return Ok(None) };
    if is_first {
        adopt_conversation(tx, hotel, &stay, now)?;
    }
    Ok(Some(stay))
}

/// Changes a locked stay. If the guest changes, messages that wait for the former guest fail.
fn update(tx: &mut Tx<'_>, hotel: &Hotel, stay: &Stay, booking: &Booking, now: DateTime<Utc>) -> Result<Stay, Error> {
    let former_guest = stay.guest;
    let (guest, is_first) = if booking.guest_phone == stay.guest_phone {
        (stay.guest, false)
    } else {
        let guest = guests::find_or_insert(tx, hotel.id, &booking.guest_phone, now)?.id;
        guests::lock_with_conversations(tx, guest)?;
        (guest, !stays::has_any(tx.conn(), guest)?)
    };
    let stay = stays::update(tx, stay, guest, booking)?;
    match conversations::find(tx.conn(), ConversationRef::Stay(stay.id))? {
        Some(conversation) => {
            if guest != former_guest {
                outbox::fail_messages_of_former_guest(tx, conversation.id, former_guest, now)?;
            }
            record_changed_details(tx, &conversation, now)?;
        }
        None if is_first => adopt_conversation(tx, hotel, &stay, now)?,
        None => {}
    }
    Ok(stay)
}

#[cfg(test)]
mod tests;
