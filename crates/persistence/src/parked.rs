//! What came from WhatsApp and could not be processed.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::HotelId;

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    schema::parked,
    types::Ts,
};

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
        }
    }
}

/// Something to park.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
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
