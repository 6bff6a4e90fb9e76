//! Import of stays from CSV.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{DirectoryPart, Hotel, HotelId, StayId};
use persistence::{Locks, Tx, hotels, stays};

use crate::{
    Desk, Error, KeyedWrite, Principal, WriteOutcome, directory,
    principal::ensure_stay_handler,
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
    /// The stay; `None` if the row failed, and for a stay that a preview would create.
    pub stay: Option<StayId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportResult {
    Created,
    Updated,
    Unchanged,
    /// Nothing was stored: the names of the row's invalid fields, each with a sentence for staff.
    Failed(Vec<(String, String)>),
}

/// The result of a row, with the stay unless the row failed.
type RowOutcome = (ImportResult, Option<StayId>);

impl ImportResult {
    fn is_change(&self) -> bool {
        matches!(self, Self::Created | Self::Updated)
    }
}

/// Whether the transaction of some rows announces the import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ImportAnnouncement {
    /// A later transaction does.
    Later,
    /// This transaction does, if it changes a stay.
    IfChanged,
    /// This transaction does: earlier rows have changed stays.
    Due,
}

impl ImportAnnouncement {
    fn is_due(self, results: &[RowOutcome]) -> bool {
        match self {
            Self::Later => false,
            Self::IfChanged => results.iter().any(|(result, _)| result.is_change()),
            Self::Due => true,
        }
    }
}

impl Desk {
    /// Imports stays from CSV, as [`Desk::import_stays`], for a stay handler or an API key.
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
        self.read_as(caller, ensure_stay_handler).await?;
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
        // One event announces the whole import, in the transaction of the last rows.
        let mut has_changes = false;
        let mut chunks = rows.chunks(ROWS_PER_TRANSACTION).peekable();
        while let Some(chunk) = chunks.next() {
            let announcement = match (chunks.peek().is_none(), has_changes) {
                (false, _) => ImportAnnouncement::Later,
                (true, false) => ImportAnnouncement::IfChanged,
                (true, true) => ImportAnnouncement::Due,
            };
            let results = match self.import_rows(hotel.clone(), chunk.to_vec(), announcement).await {
                Ok(results) => results,
                Err(error) if has_changes => {
                    self.announce_imported_rows(hotel.id).await;
                    return Err(error.into());
                }
                Err(error) => return Err(error.into()),
            };
            has_changes |= results.iter().any(|(result, _)| result.is_change());
            for ((reservation_code, _), (result, stay)) in chunk.iter().zip(results) {
                let (row, reservation_code) = (imported.len() + 1, reservation_code.clone());
                imported.push(StayImportRow { row, reservation_code, result, stay });
            }
        }
        Ok(imported)
    }

    /// Announces the rows of an import that were stored before the import failed.
    async fn announce_imported_rows(&self, hotel: HotelId) {
        let now = self.now();
        let announced = self.write(hotel, vec![], move |tx| {
            directory::announce(tx, hotel, DirectoryPart::Stays, now);
            Ok(())
        });
        if let Err(error) = announced.await {
            log::warn!("hotel {hotel}: clients do not know of imported stays; import the table again: {error}");
        }
    }

    async fn import_rows(
        &self,
        hotel: Hotel,
        rows: Vec<CsvRow>,
        announcement: ImportAnnouncement,
    ) -> Result<Vec<RowOutcome>, Error> {
        let now = self.now();
        let bookings = rows.iter().filter_map(|(_, booking)| booking.as_ref().ok());
        let locks = bookings.fold(Locks::default().creating(true), |locks, booking| {
            lock_guest_of_number(locks, &booking.guest_phone, hotel.country)
                .guest_of_reservation(booking.reservation_code.clone())
        });
        self.write(hotel.id, locks, move |tx| {
            let results = rows.iter().map(|(_, booking)| match booking {
                Ok(booking) => import_row(tx, &hotel, booking, now),
                Err(invalid_fields) => Ok((ImportResult::Failed(invalid_fields.clone()), None)),
            });
            let results = results.collect::<Result<Vec<_>, Error>>()?;
            if announcement.is_due(&results) {
                directory::announce(tx, hotel.id, DirectoryPart::Stays, now);
            }
            Ok(results)
        })
        .await
    }
}

fn import_row(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    written: &WrittenBooking,
    now: DateTime<Utc>,
) -> Result<RowOutcome, Error> {
    let existing = stays::find_by_code(tx.conn(), hotel.id, &written.reservation_code)?;
    let booking = match written.complete(hotel.country, existing.as_ref().map(|stay| &stay.guest_phone)) {
        Ok(booking) => booking,
        Err(reason) => return Ok((ImportResult::Failed(vec![csv::invalid_phone(reason)]), None)),
    };
    let existing = match existing {
        Some(stay) => stay,
        None => match create(tx, hotel, &booking, now)? {
            Some(created) => return Ok((ImportResult::Created, Some(created.id))),
            // Another node has just created the stay.
            None => stays::find_by_code(tx.conn(), hotel.id, &booking.reservation_code)?.ok_or(Error::NotFound)?,
        },
    };
    if booking.matches(&existing) {
        return Ok((ImportResult::Unchanged, Some(existing.id)));
    }
    let stay = lock(tx, &existing)?;
    update(tx, hotel, &stay, &booking, now)?;
    Ok((ImportResult::Updated, Some(stay.id)))
}
