//! What came from WhatsApp and could not be processed.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::HotelId;

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    prepared::{Fixed, fixed},
    schema::{parked, webhook_failures},
    types::Ts,
};

/// Why something is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It cannot be understood, now or later.
    Unusable,
    /// No hotel had the number that it came for.
    UnknownNumber,
    /// The store did not take it for hours. It is tried again by itself.
    Store,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unusable => "unusable",
            Self::UnknownNumber => "unknown_number",
            Self::Store => "store",
        }
    }
}

/// Something that was parked.
#[derive(Clone, Debug)]
pub struct Parked {
    /// Its id.
    pub id: i64,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// Why it could not be processed: a sentence.
    pub reason: String,
    /// The number that it came for.
    pub phone_number_id: Option<String>,
    /// The hotel that had the number then.
    pub hotel: Option<HotelId>,
    /// What came.
    pub raw: String,
    /// How often it was tried again by itself.
    pub attempts: i32,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = parked)]
struct Row {
    id: i64,
    received_at: Ts,
    reason: String,
    phone_number_id: Option<String>,
    hotel_id: Option<i64>,
    raw: String,
    attempts: i32,
}

impl From<Row> for Parked {
    fn from(row: Row) -> Self {
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

/// Something to park.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Why it is parked.
    pub kind: Kind,
    /// Why it could not be processed: a sentence.
    pub reason: &'a str,
    /// The number that it came for.
    pub phone_number_id: Option<&'a str>,
    /// The hotel that has the number.
    pub hotel: Option<HotelId>,
    /// What came. A NUL in it, which PostgreSQL keeps in no text, is kept as its JSON escape.
    pub raw: &'a str,
}

/// Parks something.
///
/// # Errors
/// [`StoreError`].
pub fn insert(tx: &mut Tx<'_>, draft: &Draft<'_>, at: DateTime<Utc>) -> Result<i64, StoreError> {
    let raw = draft.raw.replace('\0', "\\u0000");
    Ok(on_db!(tx.changing(), |c| diesel::insert_into(parked::table)
        .values((
            parked::received_at.eq(Ts::from(at)),
            parked::reason.eq(draft.reason),
            parked::phone_number_id.eq(draft.phone_number_id),
            parked::hotel_id.eq(draft.hotel.map(|it| it.0)),
            parked::raw.eq(raw),
            parked::kind.eq(draft.kind.as_str()),
            parked::next_attempt_at.eq((draft.kind == Kind::Store).then(|| Ts::from(at))),
        ))
        .returning(parked::id)
        .get_result(c))?)
}

/// What is parked after an id, oldest first, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub fn list(conn: &mut Conn, after: i64, limit: i64) -> Result<Vec<Parked>, StoreError> {
    let rows: Vec<Row> = on_db!(conn, |c| parked::table
        .filter(parked::settled_at.is_null().and(parked::id.gt(after)))
        .order(parked::id)
        .limit(limit)
        .select(Row::as_select())
        .load(c))?;
    Ok(rows.into_iter().map(Parked::from).collect())
}

/// Something parked, by its id.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &mut Conn, id: i64) -> Result<Option<Parked>, StoreError> {
    let open = parked::table.find(id).filter(parked::settled_at.is_null());
    let row: Option<Row> = on_db!(conn, |c| open.select(Row::as_select()).first(c).optional())?;
    Ok(row.map(Parked::from))
}

/// Says that something parked was processed after all; false where it is not parked any more.
///
/// # Errors
/// [`StoreError`].
pub fn settle(tx: &mut Tx<'_>, id: i64, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let open = parked::table.find(id).filter(parked::settled_at.is_null());
    let settled = on_db!(tx.changing(), |c| diesel::update(open).set(parked::settled_at.eq(Ts::from(at))).execute(c))?;
    Ok(settled == 1)
}

/// What is parked because the store did not take it, and is to be tried again by now; at most `limit`, the one that
/// waits longest first.
///
/// # Errors
/// [`StoreError`].
pub fn due(conn: &mut Conn, now: DateTime<Utc>, limit: i64) -> Result<Vec<Parked>, StoreError> {
    let rows: Vec<Row> = on_db!(conn, |c| parked::table
        .filter(DUE)
        .filter(parked::next_attempt_at.le(Ts::from(now)).assume_not_null())
        .order(parked::next_attempt_at)
        .limit(limit)
        .select(Row::as_select())
        .load(c))?;
    Ok(rows.into_iter().map(Parked::from).collect())
}

/// The condition of the index of what is to be tried again.
const DUE: Fixed = fixed("settled_at IS NULL AND kind = 'store'");

/// Says when something parked is to be tried again, after one more attempt in vain.
///
/// # Errors
/// [`StoreError`].
pub fn try_again_at(tx: &mut Tx<'_>, id: i64, at: DateTime<Utc>) -> Result<(), StoreError> {
    let again = (parked::attempts.eq(parked::attempts + 1), parked::next_attempt_at.eq(Ts::from(at)));
    on_db!(tx.changing(), |c| diesel::update(parked::table.find(id)).set(again).execute(c))?;
    Ok(())
}

/// Writes down that the store did not take updates, and says since when it has not taken each.
///
/// # Errors
/// [`StoreError`].
pub fn note_failures(
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

/// Forgets since when the store has not taken updates: they are parked now.
///
/// # Errors
/// [`StoreError`].
pub fn forget_failures(tx: &mut Tx<'_>, keys: &[String]) -> Result<(), StoreError> {
    let of = webhook_failures::table.filter(webhook_failures::update_key.eq_any(keys));
    on_db!(tx.changing(), |c| diesel::delete(of).execute(c))?;
    Ok(())
}
