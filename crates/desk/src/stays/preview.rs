//! Preview of an import of stays: the result that it would have, without storing anything.

use std::collections::HashMap;

use domain::{Hotel, HotelId, Stay};
use persistence::{Conn, ReadPurpose, hotels, stays};

use crate::{
    Desk, Error, Principal,
    principal::ensure_stay_handler,
    stays::{
        csv::{self, CsvRow},
        import::{StayImportRow, import_rows, outcomes_of_invalid_rows},
        import_error::ImportError,
        parts,
    },
};

/// Bookings whose stays are loaded together.
const BOOKINGS_PER_QUERY: usize = 500;

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
        Ok(self.read_for(ReadPurpose::Scan, None, move |conn| preview(conn, &hotel, rows.clone())).await?)
    }
}

fn preview(conn: &mut Conn, hotel: &Hotel, rows: Vec<CsvRow>) -> Result<Vec<StayImportRow>, Error> {
    let mut outcomes = outcomes_of_invalid_rows(&rows);
    for bookings in parts::group_by_booking(&rows).chunks(BOOKINGS_PER_QUERY) {
        let codes: Vec<&str> = bookings.iter().map(|booking| booking.code.as_str()).collect();
        let mut stored: HashMap<String, Vec<Stay>> = HashMap::new();
        for stay in stays::by_codes(conn, hotel.id, &codes)? {
            stored.entry(stay.reservation_code.to_string()).or_default().push(stay);
        }
        for booking in bookings {
            let stored = stored.remove(booking.code.as_str()).unwrap_or_default();
            let ids = parts::ids_by_part(&stored);
            let planned = parts::plan(booking, &stored, hotel.country);
            for ((position, _), row) in booking.rows.iter().zip(planned) {
                let stay = row.part().and_then(|part| ids.get(&part).copied());
                outcomes[*position] = Some((row.result(), stay));
            }
        }
    }
    Ok(import_rows(rows, outcomes))
}
