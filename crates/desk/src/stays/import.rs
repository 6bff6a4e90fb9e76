//! Taking in stays from a table that another system wrote.

use chrono::{DateTime, Utc};
use domain::{Hotel, HotelId};
use persistence::{Locks, Tx, hotels, stays};

use super::{
    ImportError, WrittenBooking, create, hold_read, lock_number,
    table::{self, Row},
    update,
};
use crate::{Desk, Done, Error, Once, Principal, staff::refuse_unless_manager};

/// Rows that are stored in one transaction: it costs what one alone costs, and nobody waits long for it.
const AT_ONCE: usize = 20;

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
    /// As [`Desk::import_stays`], for a manager or an API key of the hotel.
    ///
    /// # Errors
    /// [`ImportError`]; in it [`Error::Forbidden`].
    pub async fn import(
        &self,
        by: Principal,
        csv: &[u8],
        once: Once<Vec<RowOutcome>>,
    ) -> Result<Done<Vec<RowOutcome>>, ImportError> {
        let caller = match by {
            Principal::Staff(caller) => caller,
            Principal::ApiKey { hotel, .. } => return Ok(Done::Now(self.import_stays(hotel, csv).await?)),
        };
        // It is no one transaction: who comes with the same key waits, and finds the answer. On another node
        // the same import may be under way, which does no harm; the first answer is that of both.
        let mut turn = None;
        if let Some(key) = &once.key {
            turn = Some(self.importing.lock().await);
            if let Some(answer) = self.answered(caller, key.clone()).await? {
                return Ok(Done::Before(answer));
            }
        }
        self.ask(caller, |_, live| refuse_unless_manager(live)).await?;
        let rows = self.import_stays(caller.hotel, csv).await?;
        let done = self.act_once(caller, vec![], once, move |_, _| Ok(rows.clone())).await?;
        drop(turn);
        Ok(done)
    }

    /// Takes in stays from CSV (UTF-8, comma or semicolon, fields named by the header), row by row; a
    /// failed one stops no other.
    ///
    /// # Errors
    /// [`ImportError`] where the table as a whole is of no use. Rows before a failure of the
    /// database are stored; importing the table again is harmless.
    pub async fn import_stays(&self, hotel: HotelId, csv: &[u8]) -> Result<Vec<RowOutcome>, ImportError> {
        let found = self.store.read(move |conn| Ok::<_, Error>(hotels::find(conn, hotel)?)).await?;
        let hotel = found.ok_or(ImportError::NoSuchHotel)?;
        let rows = table::read(csv, hotel.country)?;
        let mut outcomes = Vec::with_capacity(rows.len());
        for together in rows.chunks(AT_ONCE) {
            let results = self.take_in_all(hotel.clone(), together.to_vec()).await?;
            for ((reservation_code, _), result) in together.iter().zip(results) {
                let (row, reservation_code) = (outcomes.len() + 1, reservation_code.clone());
                outcomes.push(RowOutcome { row, reservation_code, result });
            }
        }
        Ok(outcomes)
    }

    async fn take_in_all(&self, hotel: Hotel, rows: Vec<Row>) -> Result<Vec<RowResult>, Error> {
        let now = self.now();
        let bookings = rows.iter().filter_map(|(_, booking)| booking.as_ref().ok());
        let locks = bookings.fold(Locks::default().creating(true), |locks, it| {
            lock_number(locks, &it.guest_phone, hotel.country).guest_of_reservation(it.reservation_code.clone())
        });
        self.store
            .write(hotel.id, locks, move |tx| {
                let results = rows.iter().map(|(_, booking)| match booking {
                    Ok(booking) => take_in(tx, &hotel, booking, now),
                    Err(faults) => Ok(RowResult::Failed(faults.clone())),
                });
                results.collect()
            })
            .await
    }
}

fn take_in(tx: &mut Tx<'_>, hotel: &Hotel, row: &WrittenBooking, now: DateTime<Utc>) -> Result<RowResult, Error> {
    let found = stays::find_by_code(tx.conn(), hotel.id, &row.reservation_code)?;
    let booking = match row.complete(hotel.country, found.as_ref().map(|it| &it.guest_phone)) {
        Ok(booking) => booking,
        Err(reason) => return Ok(RowResult::Failed(vec![table::refused_phone(reason)])),
    };
    let found = match found {
        Some(stay) => stay,
        None if create(tx, hotel, &booking, now)?.is_some() => return Ok(RowResult::Created),
        // Another node has just made it.
        None => stays::find_by_code(tx.conn(), hotel.id, &booking.reservation_code)?.ok_or(Error::NotFound)?,
    };
    if booking.is_of(&found) {
        return Ok(RowResult::Unchanged);
    }
    let stay = hold_read(tx, &found)?;
    update(tx, hotel, &stay, &booking, now)?;
    Ok(RowResult::Updated)
}
