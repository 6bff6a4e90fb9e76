//! Stays: booked, changed, listed. Whoever books, by hand or by a table, does it here.

mod arrivals;
mod import;
mod table;

pub use import::{RowOutcome, RowResult};
pub use table::ImportError;

use auth::Caller;
use chrono::{DateTime, NaiveDate, Utc};
use domain::{BadPhoneNumber, Country, GuestId, Hotel, HotelId, Name, PhoneNumber, Stay, StayId, WrittenNumber};
use persistence::{
    Conn, Locks, Tx,
    conversations::{self, Which},
    guests, hotels,
    stays::{self, Booking},
};

use crate::{
    Desk, Done, Error, Once, Page, Principal, call::Agent, outgoing, receive::today, settle,
    staff::refuse_unless_manager,
};

/// What a booking says, with the guest's number as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenBooking {
    /// The booking's name for it, unique in the hotel.
    pub reservation_code: Name,
    /// The guest's name.
    pub guest_name: Name,
    /// The guest's number.
    pub guest_phone: WrittenNumber,
    /// The room.
    pub room_number: Name,
    /// The first day.
    pub check_in: NaiveDate,
    /// The last day, not before the first.
    pub check_out: NaiveDate,
}

impl WrittenBooking {
    /// The booking in a hotel of this country. `stored` is what the stay says now, if there is one.
    fn complete(&self, country: Option<Country>, stored: Option<&PhoneNumber>) -> Result<Booking, BadPhoneNumber> {
        Ok(Booking {
            reservation_code: self.reservation_code.clone(),
            guest_name: self.guest_name.clone(),
            guest_phone: completed(&self.guest_phone, country, stored)?,
            room_number: self.room_number.clone(),
            check_in: self.check_in,
            check_out: self.check_out,
        })
    }
}

/// The number that was written. The stored one is no change, also if it would be refused today.
fn completed(
    written: &WrittenNumber,
    country: Option<Country>,
    stored: Option<&PhoneNumber>,
) -> Result<PhoneNumber, BadPhoneNumber> {
    written.complete(country).or_else(|reason| stored.filter(|it| written.repeats(it)).cloned().ok_or(reason))
}

/// What is to be changed of a stay; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct StayChange {
    /// The booking's name for it, unique in the hotel.
    pub reservation_code: Option<Name>,
    /// The guest's name.
    pub guest_name: Option<Name>,
    /// The guest's number.
    pub guest_phone: Option<WrittenNumber>,
    /// The room.
    pub room_number: Option<Name>,
    /// The first day.
    pub check_in: Option<NaiveDate>,
    /// The last day.
    pub check_out: Option<NaiveDate>,
}

impl StayChange {
    fn of(&self, stay: &Stay, country: Option<Country>) -> Result<Booking, Error> {
        let guest_phone = match &self.guest_phone {
            Some(written) => completed(written, country, Some(&stay.guest_phone)).map_err(refused_phone)?,
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
        let days = Stay::check_days(booking.check_in, booking.check_out);
        days.map_err(|error| Error::invalid("check_out", error.to_string()))?;
        Ok(booking)
    }
}

impl Desk {
    /// Lists the hotel's stays: how many there are, and a page of them, last made first.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`] past the last page.
    pub async fn stays(&self, caller: Caller, page: Page) -> Result<(i64, Vec<Stay>), Error> {
        self.ask(caller, move |conn, live| {
            refuse_unless_manager(live)?;
            let (count, found) = stays::list(conn, live.staff.hotel, page.slice())?;
            page.refuse_past(count)?;
            Ok((count, found))
        })
        .await
    }

    /// A stay, for who administers them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`].
    pub async fn stay(&self, by: Principal, id: StayId) -> Result<Stay, Error> {
        match by {
            Principal::Staff(caller) => self.ask(caller, move |conn, live| of_agent(conn, live.into(), id)).await,
            Principal::ApiKey { hotel, .. } => self.store.read(move |conn| of_hotel(conn, hotel, id)).await,
        }
    }

    /// The country whose numbers the caller's hotel writes without a country code.
    async fn country(&self, caller: Caller) -> Result<Option<Country>, Error> {
        self.ask(caller, |conn, live| Ok(hotels::find(conn, live.staff.hotel)?.and_then(|hotel| hotel.country))).await
    }

    /// Books a stay. What its guest wrote before any stay of theirs was known becomes its conversation.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] where the hotel has a stay of this code.
    pub async fn create_stay(
        &self,
        caller: Caller,
        booking: WrittenBooking,
        once: Once<Stay>,
    ) -> Result<Done<Stay>, Error> {
        let now = self.now();
        let locks = Locks::default().creating(true);
        let locks = lock_number(locks, &booking.guest_phone, self.country(caller).await?);
        self.act_once(caller, locks, once, move |tx, live| {
            refuse_unless_manager(live)?;
            let hotel = hotels::find(tx.conn(), live.staff.hotel)?.ok_or(Error::NotFound)?;
            let booking = booking.complete(hotel.country, None).map_err(refused_phone)?;
            create(tx, &hotel, &booking, now)?.ok_or_else(taken)
        })
        .await
    }

    /// Changes what a booking says.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Invalid`] where another stay has the code, or the
    /// last day would be before the first.
    pub async fn change_stay(
        &self,
        caller: Caller,
        id: StayId,
        change: StayChange,
        once: Once<Stay>,
    ) -> Result<Done<Stay>, Error> {
        let now = self.now();
        let creates = change.guest_phone.is_some() || change.reservation_code.is_some();
        let mut locks = Locks::from(vec![Which::Stay(id)]).guest_of_stay(id).creating(creates);
        if let Some(written) = &change.guest_phone {
            locks = lock_number(locks, written, self.country(caller).await?);
        }
        self.act_once(caller, locks, once, move |tx, live| {
            let stay = hold(tx, live.into(), id)?;
            let hotel = hotels::find(tx.conn(), stay.hotel)?.ok_or(Error::NotFound)?;
            let booking = change.of(&stay, hotel.country)?;
            if booking.is_of(&stay) {
                return Ok(stay);
            }
            let namesake = stays::find_by_code(tx.conn(), stay.hotel, &booking.reservation_code)?;
            if namesake.is_some_and(|it| it.id != id) {
                return Err(taken());
            }
            update(tx, &hotel, &stay, &booking, now)
        })
        .await
    }
}

/// Adds the lock of the guest who has a number. A number that is refused has no guest.
fn lock_number(locks: Locks, written: &WrittenNumber, country: Option<Country>) -> Locks {
    match written.complete(country) {
        Ok(phone) => locks.guest(phone.into()),
        Err(_) => locks,
    }
}

/// A stay of the hotel.
fn of_hotel(conn: &mut Conn, hotel: HotelId, id: StayId) -> Result<Stay, Error> {
    stays::find(conn, id)?.filter(|stay| stay.hotel == hotel).ok_or(Error::NotFound)
}

/// A stay of the hotel, for who administers them.
fn of_agent(conn: &mut Conn, agent: Agent, id: StayId) -> Result<Stay, Error> {
    let stay = of_hotel(conn, agent.hotel, id)?;
    agent.refuse_unless_administers()?;
    Ok(stay)
}

/// The stay, with its guest and its row held until the end of the transaction: nobody else changes it meanwhile.
fn hold(tx: &mut Tx<'_>, agent: Agent, id: StayId) -> Result<Stay, Error> {
    let stay = of_agent(tx.conn(), agent, id)?;
    hold_read(tx, &stay)
}

/// As [`hold`], for a stay that was read. It may say something else by now.
fn hold_read(tx: &mut Tx<'_>, read: &Stay) -> Result<Stay, Error> {
    guests::hold(tx, read.guest)?;
    Ok(stays::hold(tx, read)?)
}

fn refused_phone(reason: BadPhoneNumber) -> Error {
    Error::invalid("guest_phone", reason.to_string())
}

/// Books a stay; `None` where the hotel has one of this code, which another may just have made.
fn create(tx: &mut Tx<'_>, hotel: &Hotel, booking: &Booking, now: DateTime<Utc>) -> Result<Option<Stay>, Error> {
    if stays::find_by_code(tx.conn(), hotel.id, &booking.reservation_code)?.is_some() {
        return Ok(None);
    }
    let guest = guests::find_or_insert(tx, hotel.id, &booking.guest_phone, now)?;
    guests::hold(tx, guest.id)?;
    let is_first = !stays::any_of(tx.conn(), guest.id)?;
    let Some(stay) = stays::insert(tx, hotel.id, guest.id, booking, now)? else { return Ok(None) };
    if is_first {
        adopt(tx, hotel, &stay, now)?;
    }
    Ok(Some(stay))
}

/// Makes a stay, which is held, what the booking says.
fn update(tx: &mut Tx<'_>, hotel: &Hotel, stay: &Stay, booking: &Booking, now: DateTime<Utc>) -> Result<Stay, Error> {
    let (mut guest, mut is_first) = (stay.guest, false);
    if booking.guest_phone != stay.guest_phone {
        guest = guests::find_or_insert(tx, hotel.id, &booking.guest_phone, now)?.id;
        guests::hold(tx, guest)?;
        is_first = !stays::any_of(tx.conn(), guest)?;
    }
    let former = stay.guest;
    let stay = stays::update(tx, stay, guest, booking)?;
    match conversations::find(tx.conn(), Which::Stay(stay.id))? {
        Some(it) => {
            if guest != former {
                outgoing::refuse_for_former_guest(tx, it.id, former, now)?;
            }
            settle::show_anew(tx, &it, now)?;
        }
        None if is_first => adopt(tx, hotel, &stay, now)?,
        None => {}
    }
    Ok(stay)
}

/// As [`adopt`], for the newest stay of a guest that has no conversation.
pub(crate) fn adopt_for(tx: &mut Tx<'_>, hotel: &Hotel, guest: GuestId, now: DateTime<Utc>) -> Result<(), Error> {
    for stay in stays::not_checked_out(tx.conn(), guest)? {
        if conversations::find(tx.conn(), Which::Stay(stay.id))?.is_none() {
            return adopt(tx, hotel, &stay, now);
        }
    }
    Ok(())
}

/// Makes the conversation that a guest had without a stay the one of their first stay, which has none.
fn adopt(tx: &mut Tx<'_>, hotel: &Hotel, stay: &Stay, now: DateTime<Utc>) -> Result<(), Error> {
    let Some(before) = conversations::find_without_stay(tx.conn(), stay.guest)? else { return Ok(()) };
    let mut it = before.clone();
    it.belong_to(stay.id, stay.unrouted_status(today(hotel, now)));
    settle::save(tx, &before, &it, None, now)?;
    Ok(conversations::index(tx, it.id)?)
}

fn taken() -> Error {
    Error::invalid("reservation_code", "The hotel has a stay of this reservation code already.")
}

#[cfg(test)]
mod tests;
