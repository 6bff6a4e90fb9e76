//! Reports of messages that are not known yet: a report may be faster than the answer to the sending.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::{Delivery, HotelId};

use crate::{StoreError, Tx, conn::on_db, schema::early_reports, types::Ts};

/// How long a report waits for its message.
pub const KEPT: TimeDelta = TimeDelta::days(1);

/// Keeps a report.
///
/// # Errors
/// [`StoreError`].
pub fn keep(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    whatsapp_message_id: &str,
    (delivery, failure): (Delivery, Option<&str>),
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::insert_into(early_reports::table)
        .values((
            early_reports::hotel_id.eq(hotel.0),
            early_reports::whatsapp_message_id.eq(whatsapp_message_id),
            early_reports::delivery.eq(delivery.as_str()),
            early_reports::failure.eq(failure),
            early_reports::received_at.eq(Ts::from(at)),
        ))
        .execute(c))?;
    Ok(())
}

/// Takes the reports of a message that is known now, in the order in which they came.
///
/// # Errors
/// [`StoreError`].
pub fn take(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    whatsapp_message_id: &str,
) -> Result<Vec<(Delivery, Option<String>)>, StoreError> {
    let of = early_reports::table
        .filter(early_reports::whatsapp_message_id.eq(whatsapp_message_id).and(early_reports::hotel_id.eq(hotel.0)));
    let rows: Vec<(String, Option<String>)> = on_db!(tx.conn(), |c| of
        .order(early_reports::id)
        .select((early_reports::delivery, early_reports::failure))
        .load(c))?;
    if !rows.is_empty() {
        on_db!(tx.changing(), |c| diesel::delete(of).execute(c))?;
    }
    let read = |(delivery, failure): (String, _)| {
        Ok((delivery.parse().map_err(|()| StoreError::Corrupt("delivery"))?, failure))
    };
    rows.into_iter().map(read).collect()
}
