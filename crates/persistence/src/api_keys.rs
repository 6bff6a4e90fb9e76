//! API keys of other systems of a hotel. Only digests are stored. A revoked key keeps its row for the audit log.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::{ApiKeyEntry, ApiKeyId, HotelId, Name};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::Ts,
        pagination::Slice,
        schema::{api_keys, hotels},
    },
    store::connection::{Conn, on_db},
};

/// The shortest time between two updates of the last use of a key.
const USE_INTERVAL: TimeDelta = TimeDelta::minutes(1);

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
struct ApiKeyRow {
    id: i64,
    hotel_id: i64,
    name: String,
    created_at: Ts,
    expires_at: Option<Ts>,
    last_used_at: Option<Ts>,
}

impl From<ApiKeyRow> for ApiKeyEntry {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: ApiKeyId(row.id),
            hotel: HotelId(row.hotel_id),
            name: row.name,
            created_at: row.created_at.0,
            expires_at: row.expires_at.map(|it| it.0),
            last_used_at: row.last_used_at.map(|it| it.0),
        }
    }
}

/// The values of an API key that is to be stored.
#[derive(Clone, Debug)]
pub struct NewApiKeyRow {
    pub name: Name,
    pub expires_at: Option<DateTime<Utc>>,
    /// The digest of the key.
    pub digest: String,
}

/// Locks the list of API keys of a hotel against other transactions that add keys, and returns the number of keys that
/// are not revoked.
pub fn lock_and_count(tx: &mut Tx<'_>, hotel: HotelId) -> Result<i64, StoreError> {
    if let Conn::Pg(conn) = tx.conn() {
        hotels::table.find(hotel.0).select(hotels::id).for_no_key_update().load::<i64>(conn)?;
    }
    let of = api_keys::table.filter(api_keys::hotel_id.eq(hotel.0).and(api_keys::revoked_at.is_null()));
    Ok(on_db!(tx.conn(), |c| of.count().get_result(c))?)
}

pub fn insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    new: &NewApiKeyRow,
    at: DateTime<Utc>,
) -> Result<ApiKeyEntry, StoreError> {
    let row: ApiKeyRow = on_db!(tx.changing(), |c| diesel::insert_into(api_keys::table)
        .values((
            api_keys::hotel_id.eq(hotel.0),
            api_keys::name.eq(new.name.as_str()),
            api_keys::digest.eq(&new.digest),
            api_keys::created_at.eq(Ts::from(at)),
            api_keys::expires_at.eq(new.expires_at.map(Ts::from)),
        ))
        .returning(ApiKeyRow::as_returning())
        .get_result(c))?;
    Ok(row.into())
}

/// Returns the API key with this digest, unless it is revoked or has expired.
pub fn find_valid(conn: &mut Conn, digest: &str, now: DateTime<Utc>) -> Result<Option<ApiKeyEntry>, StoreError> {
    let row: Option<ApiKeyRow> = on_db!(conn, |c| api_keys::table
        .filter(api_keys::digest.eq(digest).and(api_keys::revoked_at.is_null()))
        .select(ApiKeyRow::as_select())
        .first(c)
        .optional())?;
    Ok(row.map(ApiKeyEntry::from).filter(|key| key.expires_at.is_none_or(|end| now < end)))
}

/// Whether an API key is neither revoked nor expired.
pub fn is_valid(conn: &mut Conn, id: ApiKeyId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let valid = api_keys::table
        .filter(api_keys::id.eq(id.0).and(api_keys::revoked_at.is_null()))
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(Ts::from(now))));
    Ok(on_db!(conn, |c| diesel::select(diesel::dsl::exists(valid)).get_result(c))?)
}

/// Whether the hotel has this API key, and it is not revoked.
pub fn is_listed(conn: &mut Conn, hotel: HotelId, id: ApiKeyId) -> Result<bool, StoreError> {
    let key = api_keys::table
        .filter(api_keys::id.eq(id.0).and(api_keys::hotel_id.eq(hotel.0)).and(api_keys::revoked_at.is_null()));
    Ok(on_db!(conn, |c| diesel::select(diesel::dsl::exists(key)).get_result(c))?)
}

/// Returns the number of API keys of a hotel that are not revoked, and one slice of them, ordered by id.
pub fn list(conn: &mut Conn, hotel: HotelId, slice: Slice) -> Result<(i64, Vec<ApiKeyEntry>), StoreError> {
    let of = api_keys::table.filter(api_keys::hotel_id.eq(hotel.0).and(api_keys::revoked_at.is_null()));
    let (count, rows): (i64, Vec<ApiKeyRow>) = on_db!(conn, |c| (
        of.count().get_result(c)?,
        of.order(api_keys::id).select(ApiKeyRow::as_select()).offset(slice.offset).limit(slice.limit).load(c)?
    ));
    Ok((count, rows.into_iter().map(ApiKeyEntry::from).collect()))
}

/// Returns the API keys of all hotels that end before this time and are not revoked, ordered by id.
pub fn ending_before(conn: &mut Conn, before: DateTime<Utc>) -> Result<Vec<ApiKeyEntry>, StoreError> {
    let rows: Vec<ApiKeyRow> = on_db!(conn, |c| api_keys::table
        .filter(api_keys::expires_at.lt(Ts::from(before)).and(api_keys::revoked_at.is_null()))
        .order(api_keys::id)
        .select(ApiKeyRow::as_select())
        .load(c))?;
    Ok(rows.into_iter().map(ApiKeyEntry::from).collect())
}

/// Revokes an API key. Returns `None` if there is no such key, it is of another hotel than `hotel`, or it was revoked
/// before.
pub fn revoke(
    tx: &mut Tx<'_>,
    id: ApiKeyId,
    hotel: Option<HotelId>,
    at: DateTime<Utc>,
) -> Result<Option<ApiKeyEntry>, StoreError> {
    let key = || api_keys::table.filter(api_keys::id.eq(id.0).and(api_keys::revoked_at.is_null()));
    let found: Option<i64> = on_db!(tx.conn(), |c| key().select(api_keys::hotel_id).first(c).optional())?;
    if found.is_none_or(|found| hotel.is_some_and(|hotel| hotel.0 != found)) {
        return Ok(None);
    }
    let row: Option<ApiKeyRow> = on_db!(tx.changing(), |c| diesel::update(key())
        .set(api_keys::revoked_at.eq(Ts::from(at)))
        .returning(ApiKeyRow::as_returning())
        .get_result(c)
        .optional())?;
    Ok(row.map(ApiKeyEntry::from))
}

/// Whether the use of a key at this time must be stored. The last use is stored at most once a minute, so that reads
/// with a key do not become writes.
pub fn is_use_due(key: &ApiKeyEntry, now: DateTime<Utc>) -> bool {
    key.last_used_at.is_none_or(|last| now - last >= USE_INTERVAL)
}

/// Stores the time of the last use of a key, unless another call has stored a use in the last minute.
pub fn record_use(tx: &mut Tx<'_>, id: ApiKeyId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let is_due = api_keys::last_used_at.is_null().or(api_keys::last_used_at.le(Ts::from(now - USE_INTERVAL)));
    on_db!(tx.changing(), |c| diesel::update(api_keys::table.filter(api_keys::id.eq(id.0).and(is_due)))
        .set(api_keys::last_used_at.eq(Ts::from(now)))
        .execute(c))?;
    Ok(())
}
