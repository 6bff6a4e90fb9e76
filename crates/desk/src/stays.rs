//! Stays, from a table that another system wrote.

mod table;

pub use table::ImportError;

use chrono::{DateTime, Utc};
use domain::{Hotel, HotelId, Stay};
use persistence::{
    Tx,
    conversations::{self, Which},
    guests, hotels,
    stays::{self, Booking},
};

use crate::{Desk, Error, receive::today, settle};

/// What came of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowOutcome {
    /// Which: 1 is the first after the header.
    pub row: usize,
    /// The reservation code, as it stands there.
    pub reservation_code: String,
    /// What came of it.
    pub result: RowResult,
}

/// What came of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowResult {
    /// There is a new stay.
    Created,
    /// The stay says something else now.
    Updated,
    /// The stay says the same already.
    Unchanged,
    /// Nothing was done: fields, and what is wrong with each, as a sentence.
    Failed(Vec<(String, String)>),
}

impl Desk {
    /// Takes in stays from CSV (UTF-8, comma or semicolon, fields named by the header). Each row
    /// is a transaction of its own; a failed one stops no other.
    ///
    /// # Errors
    /// [`ImportError`] where the table as a whole is of no use. Rows before a failure of the
    /// database are stored; importing the table again is harmless.
    pub async fn import_stays(&self, hotel: HotelId, csv: &[u8]) -> Result<Vec<RowOutcome>, ImportError> {
        let rows = table::read(csv)?;
        let found = self.store.read(move |conn| Ok::<_, Error>(hotels::find(conn, hotel)?)).await?;
        let hotel = found.ok_or(ImportError::NoSuchHotel)?;
        let mut outcomes = Vec::with_capacity(rows.len());
        for (row, (reservation_code, booking)) in (1..).zip(rows) {
            let result = match booking {
                Ok(booking) => self.take_in(&hotel, booking).await?,
                Err(faults) => RowResult::Failed(faults),
            };
            outcomes.push(RowOutcome { row, reservation_code, result });
        }
        Ok(outcomes)
    }

    async fn take_in(&self, hotel: &Hotel, booking: Booking) -> Result<RowResult, Error> {
        let (hotel, now) = (hotel.clone(), self.now());
        self.store
            .write(hotel.id, vec![], move |tx| {
                if stays::find_by_code(tx.conn(), hotel.id, &booking.reservation_code)?.is_none()
                    && create(tx, &hotel, &booking, now)?
                {
                    return Ok(RowResult::Created);
                }
                let stay = stays::find_by_code(tx.conn(), hotel.id, &booking.reservation_code)?;
                let stay = stay.ok_or(Error::NotFound)?;
                if booking.is_of(&stay) { Ok(RowResult::Unchanged) } else { update(tx, &hotel, &stay, &booking, now) }
            })
            .await
    }
}

/// Whether it was made: another import of the same code may have been faster.
fn create(tx: &mut Tx<'_>, hotel: &Hotel, booking: &Booking, now: DateTime<Utc>) -> Result<bool, Error> {
    let guest = guests::find_or_insert(tx, hotel.id, &booking.guest_phone, now)?;
    guests::hold(tx, guest.id)?;
    let is_first = !stays::any_of(tx.conn(), guest.id)?;
    let Some(stay) = stays::insert(tx, hotel.id, guest.id, booking, now)? else { return Ok(false) };
    if is_first {
        adopt(tx, hotel, &stay, now)?;
    }
    Ok(true)
}

fn update(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    stay: &Stay,
    booking: &Booking,
    now: DateTime<Utc>,
) -> Result<RowResult, Error> {
    guests::hold(tx, stay.guest)?;
    let (mut guest, mut is_first) = (stay.guest, false);
    if booking.guest_phone != stay.guest_phone {
        guest = guests::find_or_insert(tx, hotel.id, &booking.guest_phone, now)?.id;
        guests::hold(tx, guest)?;
        is_first = !stays::any_of(tx.conn(), guest)?;
    }
    stays::update(tx, stay, guest, booking)?;
    match conversations::find(tx.conn(), Which::Stay(stay.id))? {
        Some(it) => settle::show_anew(tx, &it, now)?,
        None if is_first => {
            let stay = stays::find(tx.conn(), stay.id)?.ok_or(Error::NotFound)?;
            adopt(tx, hotel, &stay, now)?;
        }
        None => {}
    }
    Ok(RowResult::Updated)
}

/// Makes the conversation that a guest had without a stay the one of their first stay, which has none.
fn adopt(tx: &mut Tx<'_>, hotel: &Hotel, stay: &Stay, now: DateTime<Utc>) -> Result<(), Error> {
    let Some(before) = conversations::find_without_stay(tx.conn(), stay.guest)? else { return Ok(()) };
    let mut it = before.clone();
    it.belong_to(stay.id, stay.unrouted_status(today(hotel, now)));
    settle::save(tx, &before, &it, None, now)?;
    Ok(conversations::index(tx, it.id)?)
}

#[cfg(test)]
mod tests;
