//! Preview of an import of stays: the result that it would have, without storing anything.

use std::collections::HashMap;

use domain::{Hotel, HotelId, Stay, StayId};
use persistence::{
    Conn, ReadPurpose, hotels,
    stays::{self, Booking},
};

use crate::{
    Desk, Error, Principal,
    principal::ensure_stay_handler,
    stays::{
        ImportError, ImportResult, StayImportRow,
        csv::{self, CsvRow},
    },
};

/// Rows whose stays are loaded together.
const ROWS_PER_QUERY: usize = 500;

impl Desk {
    /// Returns the result that an import of stays from CSV would have now. Stores nothing, no idempotency key either.
    pub async fn preview_import_as(&self, principal: Principal, csv: &[u8]) -> Result<Vec<StayImportRow>, ImportError> {
        let hotel = match principal {
            Principal::Staff(caller) => {
                self.read_as(caller, |conn, live| {
                    ensure_stay_handler(conn, live)?;
                    Ok(live.staff.hotel)
                })
                .await?
            }
            Principal::ApiKey { hotel, .. } => hotel,
        };
        self.preview_import(hotel, csv).await
    }

    /// As [`Desk::preview_import_as`], for the command line.
    pub async fn preview_import(&self, hotel: HotelId, csv: &[u8]) -> Result<Vec<StayImportRow>, ImportError> {
        let hotel = self.read(move |conn| Ok(hotels::find(conn, hotel)?)).await?.ok_or(ImportError::NoSuchHotel)?;
        let rows = csv::parse(csv, hotel.country)?;
        Ok(self.read_for(ReadPurpose::Scan, None, move |conn| preview(conn, &hotel, &rows)).await?)
    }
}

/// A stay as it would be after the rows so far; `id` is `None` for one that they would create.
struct StayAfterRows {
    id: Option<StayId>,
    booking: Booking,
}

fn preview(conn: &mut Conn, hotel: &Hotel, rows: &[CsvRow]) -> Result<Vec<StayImportRow>, Error> {
    let mut result = Vec::with_capacity(rows.len());
    let mut after: HashMap<String, StayAfterRows> = HashMap::new();
    for chunk in rows.chunks(ROWS_PER_QUERY) {
        let codes: Vec<&str> =
            chunk.iter().filter_map(|(_, row)| Some(row.as_ref().ok()?.reservation_code.as_str())).collect();
        for stay in stays::by_codes(conn, hotel.id, &codes)? {
            after.entry(stay.reservation_code.to_string()).or_insert_with(|| stored(stay));
        }
        for (reservation_code, row) in chunk {
            let (outcome, stay) = match row {
                Err(invalid_fields) => (ImportResult::Failed(invalid_fields.clone()), None),
                Ok(written) => {
                    let existing = after.get(written.reservation_code.as_str());
                    match written.complete(hotel.country, existing.map(|it| &it.booking.guest_phone)) {
                        Err(reason) => (ImportResult::Failed(vec![csv::invalid_phone(reason)]), None),
                        Ok(booking) => apply(&mut after, booking),
                    }
                }
            };
            let (row, reservation_code) = (result.len() + 1, reservation_code.clone());
            result.push(StayImportRow { row, reservation_code, result: outcome, stay });
        }
    }
    Ok(result)
}

fn stored(stay: Stay) -> StayAfterRows {
    let Stay { id, reservation_code, guest_name, guest_phone, room_number, check_in, check_out, .. } = stay;
    let booking = Booking { reservation_code, guest_name, guest_phone, room_number, check_in, check_out };
    StayAfterRows { id: Some(id), booking }
}

fn apply(after: &mut HashMap<String, StayAfterRows>, booking: Booking) -> (ImportResult, Option<StayId>) {
    let code = booking.reservation_code.to_string();
    match after.get_mut(&code) {
        None => {
            after.insert(code, StayAfterRows { id: None, booking });
            (ImportResult::Created, None)
        }
        Some(known) if known.booking == booking => (ImportResult::Unchanged, known.id),
        Some(known) => {
            known.booking = booking;
            (ImportResult::Updated, known.id)
        }
    }
}
