//! Import of stays from CSV.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{DirectoryPart, Hotel, HotelId, Stay, StayId, stay::StayStatus};
use persistence::{Locks, Tx, audit_log::AuditActor, hotels, stays};

use crate::{
    Desk, Error, KeyedWrite, Principal, WriteOutcome, directory,
    principal::ensure_stay_handler,
    stays::{
        audit, create,
        csv::{self, CsvRow},
        import_error::ImportError,
        lock, lock_guest_of_number,
        parts::{self, BookingRows, PlannedRow},
        status::StayStatusChange,
        update,
    },
};

/// Rows of a CSV import that one transaction stores: 20 take as long as a single row, and block other writes only
/// briefly.
const ROWS_PER_TRANSACTION: usize = 20;

/// The result of one row of a CSV import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StayImportRow {
    /// Number of the row in the CSV file, counted from 1 after the header; empty rows count, and have no result.
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
pub(super) type RowOutcome = (ImportResult, Option<StayId>);

impl PlannedRow {
    /// The effect of the row, as it is reported.
    pub(super) fn result(&self) -> ImportResult {
        match self {
            Self::Create { .. } => ImportResult::Created,
            Self::Update { .. } => ImportResult::Updated,
            Self::Unchanged(_) => ImportResult::Unchanged,
            Self::Failed(invalid) => ImportResult::Failed(invalid.clone()),
        }
    }
}

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
    fn is_due(self, has_changes: bool) -> bool {
        match self {
            Self::Later => false,
            Self::IfChanged => has_changes,
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
            Principal::ApiKey { id, hotel } => {
                let imported = self.import_table(hotel, AuditActor::ApiKey(id), csv).await;
                self.record_outcome(hotel, &imported).await;
                Ok(WriteOutcome::Performed(imported?))
            }
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
        let imported = self.import_table(caller.hotel, AuditActor::Staff(caller.staff), csv).await;
        self.record_outcome(caller.hotel, &imported).await;
        let rows = imported?;
        Ok(self.write_once(caller, vec![], write, move |_, _| Ok(rows.clone())).await?)
    }

    /// Imports stays from CSV: UTF-8, comma, semicolon or tab, columns named by the header. An invalid row does not affect
    /// the others.
    ///
    /// Fails if the file as a whole is invalid. If the database fails, the rows before are stored; importing the file
    /// again changes nothing.
    pub async fn import_stays(&self, hotel: HotelId, csv: &[u8]) -> Result<Vec<StayImportRow>, ImportError> {
        let imported = self.import_table(hotel, AuditActor::CommandLine, csv).await;
        self.record_outcome(hotel, &imported).await;
        imported
    }

    /// Records for the doctor whether an import of the hotel failed.
    async fn record_outcome(&self, hotel: HotelId, imported: &Result<Vec<StayImportRow>, ImportError>) {
        let is_failure = |row: &StayImportRow| matches!(row.result, ImportResult::Failed(_));
        if !matches!(imported, Err(ImportError::NoSuchHotel)) {
            self.record_import(hotel, imported.as_ref().map_or(true, |rows| rows.iter().any(is_failure))).await;
        }
    }

    async fn import_table(
        &self,
        hotel: HotelId,
        actor: AuditActor,
        csv: &[u8],
    ) -> Result<Vec<StayImportRow>, ImportError> {
        let hotel = self.read(move |conn| Ok(hotels::find(conn, hotel)?)).await?.ok_or(ImportError::NoSuchHotel)?;
        let rows = csv::parse(csv, hotel.country)?;
        let mut outcomes = outcomes_of_invalid_rows(&rows);
        // One event announces the whole import, in the transaction of the last rows.
        let mut has_changes = false;
        let mut chunks = transactions(parts::group_by_booking(&rows)).into_iter().peekable();
        while let Some(chunk) = chunks.next() {
            let announcement = match (chunks.peek().is_none(), has_changes) {
                (false, _) => ImportAnnouncement::Later,
                (true, false) => ImportAnnouncement::IfChanged,
                (true, true) => ImportAnnouncement::Due,
            };
            let results = match self.import_bookings(hotel.clone(), actor, chunk, announcement).await {
                Ok(results) => results,
                Err(error) if has_changes => {
                    self.announce_imported_rows(hotel.id).await;
                    return Err(error.into());
                }
                Err(error) => return Err(error.into()),
            };
            has_changes |= results.iter().any(|(_, (result, _))| result.is_change());
            results.into_iter().for_each(|(position, outcome)| outcomes[position] = Some(outcome));
        }
        Ok(import_rows(rows, outcomes))
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

    /// Imports the rows of some bookings in one transaction. Returns outcomes with the positions of the rows.
    async fn import_bookings(
        &self,
        hotel: Hotel,
        actor: AuditActor,
        bookings: Vec<BookingRows>,
        announcement: ImportAnnouncement,
    ) -> Result<Vec<(usize, RowOutcome)>, Error> {
        let now = self.now();
        let locks = bookings.iter().fold(Locks::default().creating(true), |locks, booking| {
            let locks = locks.guest_of_reservation(booking.code.clone());
            let phones = booking.rows.iter().map(|(_, row)| row.booking.guest_phone.as_ref());
            phones.fold(locks, |locks, phone| lock_guest_of_number(locks, phone, hotel.country))
        });
        self.write(hotel.id, locks, move |tx| {
            let mut results = Vec::new();
            for booking in &bookings {
                let outcomes = import_booking(tx, &hotel, actor, booking, now)?;
                results.extend(booking.rows.iter().map(|(position, _)| *position).zip(outcomes));
            }
            if announcement.is_due(results.iter().any(|(_, (result, _))| result.is_change())) {
                directory::announce(tx, hotel.id, DirectoryPart::Stays, now);
            }
            Ok(results)
        })
        .await
    }
}

/// Returns a list with an outcome for each invalid row of a table, and `None` for the others.
pub(super) fn outcomes_of_invalid_rows(rows: &[CsvRow]) -> Vec<Option<RowOutcome>> {
    let outcome =
        |row: &CsvRow| row.content.as_ref().err().map(|invalid| (ImportResult::Failed(invalid.clone()), None));
    rows.iter().map(outcome).collect()
}

/// Returns the results of all rows. Every row has an outcome.
pub(super) fn import_rows(rows: Vec<CsvRow>, outcomes: Vec<Option<RowOutcome>>) -> Vec<StayImportRow> {
    let results = rows.into_iter().zip(outcomes).filter_map(|(row, outcome)| {
        let (result, stay) = outcome?;
        Some(StayImportRow { row: row.number, reservation_code: row.reservation_code, result, stay })
    });
    results.collect()
}

/// Divides the bookings of a table among transactions. The rows of one booking are stored together.
fn transactions(bookings: Vec<BookingRows>) -> Vec<Vec<BookingRows>> {
    let mut chunks: Vec<Vec<BookingRows>> = Vec::new();
    let mut rows_in_last = ROWS_PER_TRANSACTION;
    for booking in bookings {
        match chunks.last_mut() {
            Some(last) if rows_in_last + booking.rows.len() <= ROWS_PER_TRANSACTION => {
                rows_in_last += booking.rows.len();
                last.push(booking);
            }
            _ => {
                rows_in_last = booking.rows.len();
                chunks.push(vec![booking]);
            }
        }
    }
    chunks
}

/// Imports the rows of one booking.
fn import_booking(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    actor: AuditActor,
    booking: &BookingRows,
    now: DateTime<Utc>,
) -> Result<Vec<RowOutcome>, Error> {
    let read = stays::by_codes(tx.conn(), hotel.id, &[booking.code.as_str()])?;
    let planned = parts::plan(booking, &read, hotel.country);
    let changes = |row: &PlannedRow| matches!(row, PlannedRow::Create { .. } | PlannedRow::Update { .. });
    if !planned.iter().any(changes) {
        let ids = parts::ids_by_part(&read);
        return Ok(planned
            .into_iter()
            .map(|row| (row.result(), row.part().and_then(|it| ids.get(&it).copied())))
            .collect());
    }
    // The stays may have changed since they were read.
    let mut stored = read.iter().map(|stay| lock(tx, stay)).collect::<Result<Vec<_>, _>>()?;
    let planned = parts::plan(booking, &stored, hotel.country);
    let mut import = BookingImport { hotel, actor, stored: &mut stored, now };
    planned.into_iter().map(|row| import.store(tx, row)).collect()
}

/// The import of the rows of one booking.
struct BookingImport<'a> {
    hotel: &'a Hotel,
    actor: AuditActor,
    /// The locked stays of the booking.
    stored: &'a mut Vec<Stay>,
    now: DateTime<Utc>,
}

impl BookingImport<'_> {
    fn store(&mut self, tx: &mut Tx<'_>, row: PlannedRow) -> Result<RowOutcome, Error> {
        let result = row.result();
        let (stay, status) = match row {
            PlannedRow::Failed(_) => return Ok((result, None)),
            PlannedRow::Unchanged(part) => {
                return Ok((result, self.stored.iter().find(|stay| stay.part == part).map(|stay| stay.id)));
            }
            PlannedRow::Create { booking, status } => {
                let created = create(tx, self.hotel, &booking, status, self.now)?.ok_or(Error::NotFound)?;
                audit::record_new(tx, self.actor, &created, self.now)?;
                self.stored.push(created);
                (self.stored.len() - 1, (status != StayStatus::Booked).then_some(status))
            }
            PlannedRow::Update { part, booking, status } => {
                let at = self.stored.iter().position(|stay| stay.part == part).ok_or(Error::NotFound)?;
                let after = update(tx, self.hotel, &self.stored[at], &booking, self.now)?;
                let before = std::mem::replace(&mut self.stored[at], after);
                audit::record_change(tx, self.actor, (&before, &self.stored[at]), self.now)?;
                (at, status)
            }
        };
        let stay = &mut self.stored[stay];
        if let Some(status) = status {
            StayStatusChange { hotel: self.hotel, stay, actor: self.actor, now: self.now }.import(tx, status)?;
        }
        Ok((result, Some(stay.id)))
    }
}
