//! Import of stays from CSV.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{Hotel, HotelId};
use persistence::{Locks, Tx, hotels, stays};

use crate::{
    Desk, Error, KeyedWrite, Principal, WriteOutcome,
    principal::ensure_manager,
    stays::{
        ImportError, WrittenBooking, create,
        csv::{self, CsvRow},
        lock, lock_guest_of_number, update,
    },
};

/// Rows of a CSV import that one transaction stores: 20 take as long as a single row, and block other writes only
/// briefly.
const ROWS_PER_TRANSACTION: usize = 20;

/// The result of one row of a CSV import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StayImportRow {
    /// Number of the row in the CSV file, counted from 1 after the header.
    pub row: usize,
    /// The reservation code as written in the CSV file.
    pub reservation_code: String,
    pub result: ImportResult,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportResult {
    Created,
    Updated,
    Unchanged,
    /// Nothing was stored: the names of the row's invalid fields, each with a sentence for staff.
    Failed(Vec<(String, String)>),
}

impl Desk {
    /// Imports stays from CSV, as [`Desk::import_stays`], for a manager or an API key.
    ///
    /// An import takes several transactions, so the idempotency key is stored at the end. A concurrent retry on this
    /// node waits for the first import. On another node both run; that changes nothing, and both return the first
    /// result.
    pub async fn import_stays_as(
        &self,
        principal: Principal,
        csv: &[u8],
        write: KeyedWrite<Vec<StayImportRow>>,
    ) -> Result<WriteOutcome<Vec<StayImportRow>>, ImportError> {
        match principal {
            Principal::Staff(caller) => self.import_stays_once(caller, csv, write).await,
            Principal::ApiKey { hotel, .. } => Ok(WriteOutcome::Performed(self.import_stays(hotel, csv).await?)),
        }
    }

    async fn import_stays_once(
        &self,
        caller: Caller,
        csv: &[u8],
        write: KeyedWrite<Vec<StayImportRow>>,
    ) -> Result<WriteOutcome<Vec<StayImportRow>>, ImportError> {
        let _serialized;
        if let Some(key) = &write.key {
            _serialized = self.keyed_import.lock().await;
            if let Some(stored) = self.find_stored_result(caller, key.clone()).await? {
                return Ok(WriteOutcome::Replayed(stored));
            }
        }
        self.read_as(caller, |_, live| ensure_manager(live)).await?;
        let rows = self.import_stays(caller.hotel, csv).await?;
        Ok(self.write_once(caller, vec![], write, move |_, _| Ok(rows.clone())).await?)
    }

    /// Imports stays from CSV: UTF-8, comma or semicolon, columns named by the header. An invalid row does not affect
    /// the others.
    ///
    /// Fails if the file as a whole is invalid. If the database fails, the rows before are stored; importing the file
    /// again changes nothing.
    pub async fn import_stays(&self, hotel: HotelId, csv: &[u8]) -> Result<Vec<StayImportRow>, ImportError> {
        let hotel = self.read(move |conn| Ok(hotels::find(conn, hotel)?)).await?.ok_or(ImportError::NoSuchHotel)?;
        let rows = csv::parse(csv, hotel.country)?;
        let mut imported = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(ROWS_PER_TRANSACTION) {
            let results = self.import_rows(hotel.clone(), chunk.to_vec()).await?;
            for ((reservation_code, _), result) in chunk.iter().zip(results) {
                let (row, reservation_code) = (imported.len() + 1, reservation_code.clone());
                imported.push(StayImportRow { row, reservation_code, result });
            }
        }
        Ok(imported)
    }

    async fn import_rows(&self, hotel: Hotel, rows: Vec<CsvRow>) -> Result<Vec<ImportResult>, Error> {
        let now = self.now();
        let bookings = rows.iter().filter_map(|(_, booking)| booking.as_ref().ok());
        let locks = bookings.fold(Locks::default().creating(true), |locks, booking| {
            lock_guest_of_number(locks, &booking.guest_phone, hotel.country)
                .guest_of_reservation(booking.reservation_code.clone())
        });
        self.write(hotel.id, locks, move |tx| {
            let results = rows.iter().map(|(_, booking)| match booking {
                Ok(booking) => import_row(tx, &hotel, booking, now),
                Err(invalid_fields) => Ok(ImportResult::Failed(invalid_fields.clone())),
            });
            results.collect()
        })
        .await
    }
}

fn import_row(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    written: &WrittenBooking,
    now: DateTime<Utc>,
) -> Result<ImportResult, Error> {
    let existing = stays::find_by_code(tx.conn(), hotel.id, &written.reservation_code)?;
    let booking = match written.complete(hotel.country, existing.as_ref().map(|stay| &stay.guest_phone)) {
        Ok(booking) => booking,
        Err(reason) => return Ok(ImportResult::Failed(vec![csv::invalid_phone(reason)])),
    };
    let existing = match existing {
        Some(stay) => stay,
        None if create(tx, hotel, &booking, now)?.is_some() => return Ok(ImportResult::Created),
        // Another node has just created the stay.
        None => stays::find_by_code(tx.conn(), hotel.id, &booking.reservation_code)?.ok_or(Error::NotFound)?,
    };
    if booking.matches(&existing) {
        return Ok(ImportResult::Unchanged);
    }
    let stay = lock(tx, &existing)?;
    update(tx, hotel, &stay, &booking, now)?;
    Ok(ImportResult::Updated)
}
