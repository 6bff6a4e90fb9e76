//! Dead letters: webhook updates that could not be processed, kept for a retry (table `parked`).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::HotelId;

use crate::{
    StoreError, Tx,
    sql::{
        cached_statement::{Fixed, fixed},
        column_types::Ts,
        schema::{parked, webhook_failures},
    },
    store::connection::{Conn, on_db},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterKind {
    /// The update cannot be processed, now or later.
    Unusable,
    /// No hotel had the WhatsApp number of the update.
    UnknownNumber,
    /// The update could not be stored for hours. The dead letter is retried automatically.
    Store,
}

impl DeadLetterKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unusable => "unusable",
            Self::UnknownNumber => "unknown_number",
            Self::Store => "store",
        }
    }
}

#[derive(Clone, Debug)]
pub struct DeadLetter {
    pub id: i64,
    pub received_at: DateTime<Utc>,
    /// The reason why the update was not processed, as a sentence for people.
    pub reason: String,
    /// The WhatsApp number to which the update was sent.
    pub phone_number_id: Option<String>,
    /// The hotel that had the WhatsApp number of the update when the update arrived.
    pub hotel: Option<HotelId>,
    /// The JSON of the update as received.
    pub raw: String,
    /// Number of automatic retries so far.
    pub attempts: i32,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = parked)]
struct DeadLetterRow {
    id: i64,
    received_at: Ts,
    reason: String,
    phone_number_id: Option<String>,
    hotel_id: Option<i64>,
    raw: String,
    attempts: i32,
}

impl From<DeadLetterRow> for DeadLetter {
    fn from(row: DeadLetterRow) -> Self {
        Self {
            id: row.id,
            received_at: row.received_at.0,
            reason: row.reason,
            phone_number_id: row.phone_number_id,
            hotel: row.hotel_id.map(HotelId),
            raw: row.raw,
            attempts: row.attempts,
        }
    }
}

/// The values of a dead letter that is to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewDeadLetter<'a> {
    pub kind: DeadLetterKind,
    /// The reason why the update was not processed, as a sentence for people.
    pub reason: &'a str,
    pub phone_number_id: Option<&'a str>,
    pub hotel: Option<HotelId>,
    /// The JSON of the update as received. PostgreSQL stores no NUL in text, so a NUL is stored as its JSON escape.
    pub raw: &'a str,
}

pub fn insert(tx: &mut Tx<'_>, new: &NewDeadLetter<'_>, at: DateTime<Utc>) -> Result<i64, StoreError> {
    let raw = new.raw.replace('\0', "\\u0000");
    Ok(on_db!(tx.changing(), |c| diesel::insert_into(parked::table)
        .values((
            parked::received_at.eq(Ts::from(at)),
            parked::reason.eq(new.reason),
            parked::phone_number_id.eq(new.phone_number_id),
            parked::hotel_id.eq(new.hotel.map(|it| it.0)),
            parked::raw.eq(raw),
            parked::kind.eq(new.kind.as_str()),
            parked::next_attempt_at.eq((new.kind == DeadLetterKind::Store).then(|| Ts::from(at))),
        ))
        .returning(parked::id)
        .get_result(c))?)
}

/// Returns unprocessed dead letters with a greater id than `after`, oldest first.
pub fn list(conn: &mut Conn, after: i64, limit: i64) -> Result<Vec<DeadLetter>, StoreError> {
    let rows: Vec<DeadLetterRow> = on_db!(conn, |c| parked::table
        .filter(parked::settled_at.is_null().and(parked::id.gt(after)))
        .order(parked::id)
        .limit(limit)
        .select(DeadLetterRow::as_select())
        .load(c))?;
    Ok(rows.into_iter().map(DeadLetter::from).collect())
}

/// Returns an unprocessed dead letter.
pub fn find(conn: &mut Conn, id: i64) -> Result<Option<DeadLetter>, StoreError> {
    let open = parked::table.find(id).filter(parked::settled_at.is_null());
    let row: Option<DeadLetterRow> = on_db!(conn, |c| open.select(DeadLetterRow::as_select()).first(c).optional())?;
    Ok(row.map(DeadLetter::from))
}

/// Marks a dead letter as processed. Returns `false` if it was processed before.
pub fn mark_processed(tx: &mut Tx<'_>, id: i64, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let open = parked::table.find(id).filter(parked::settled_at.is_null());
    let settled = on_db!(tx.changing(), |c| diesel::update(open).set(parked::settled_at.eq(Ts::from(at))).execute(c))?;
    Ok(settled == 1)
}

/// Returns dead letters whose automatic retry is due, longest due first.
pub fn list_due_retries(conn: &mut Conn, now: DateTime<Utc>, limit: i64) -> Result<Vec<DeadLetter>, StoreError> {
    let rows: Vec<DeadLetterRow> = on_db!(conn, |c| parked::table
        .filter(DUE)
        .filter(parked::next_attempt_at.le(Ts::from(now)).assume_not_null())
        .order(parked::next_attempt_at)
        .limit(limit)
        .select(DeadLetterRow::as_select())
        .load(c))?;
    Ok(rows.into_iter().map(DeadLetter::from).collect())
}

/// The condition "the dead letter is retried automatically", written literally, so that the partial index is used.
const DUE: Fixed = fixed("settled_at IS NULL AND kind = 'store'");

/// Counts a failed retry of a dead letter and schedules the next one.
pub fn schedule_retry(tx: &mut Tx<'_>, id: i64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let again = (parked::attempts.eq(parked::attempts + 1), parked::next_attempt_at.eq(Ts::from(at)));
    on_db!(tx.changing(), |c| diesel::update(parked::table.find(id)).set(again).execute(c))?;
    Ok(())
}

/// Records that webhook updates could not be stored. Returns the time of the first failure of each update.
pub fn record_update_failures(
    tx: &mut Tx<'_>,
    keys: &[String],
    now: DateTime<Utc>,
) -> Result<HashMap<String, DateTime<Utc>>, StoreError> {
    let rows: Vec<_> = keys
        .iter()
        .map(|key| (webhook_failures::update_key.eq(key), webhook_failures::first_failed_at.eq(Ts::from(now))))
        .collect();
    let since: Vec<(String, Ts)> = on_db!(tx.changing(), |c| {
        for row in rows {
            diesel::insert_into(webhook_failures::table).values(row).on_conflict_do_nothing().execute(c)?;
        }
        webhook_failures::table.filter(webhook_failures::update_key.eq_any(keys)).load(c)?
    });
    Ok(since.into_iter().map(|(key, at)| (key, at.0)).collect())
}

/// Deletes the recorded failures of webhook updates that are dead letters now.
pub fn delete_update_failures(tx: &mut Tx<'_>, keys: &[String]) -> Result<(), StoreError> {
    let of = webhook_failures::table.filter(webhook_failures::update_key.eq_any(keys));
    on_db!(tx.changing(), |c| diesel::delete(of).execute(c))?;
    Ok(())
}
