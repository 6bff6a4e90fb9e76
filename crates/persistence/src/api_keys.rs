//! API keys of other systems of a hotel. Only digests are stored.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{ApiKeyId, HotelId, Name};

use crate::{
    StoreError, Tx,
    sql::{column_types::Ts, schema::api_keys},
    store::connection::{Conn, on_db},
};

pub fn insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    name: &Name,
    digest: &str,
    at: DateTime<Utc>,
) -> Result<ApiKeyId, StoreError> {
    let id: i64 = on_db!(tx.changing(), |c| diesel::insert_into(api_keys::table)
        .values((
            api_keys::hotel_id.eq(hotel.0),
            api_keys::name.eq(name.as_str()),
            api_keys::digest.eq(digest),
            api_keys::created_at.eq(Ts::from(at)),
        ))
        .returning(api_keys::id)
        .get_result(c))?;
    Ok(ApiKeyId(id))
}

/// Returns the id and the hotel of the API key with this digest.
pub fn find(conn: &mut Conn, digest: &str) -> Result<Option<(ApiKeyId, HotelId)>, StoreError> {
    let row: Option<(i64, i64)> = on_db!(conn, |c| api_keys::table
        .filter(api_keys::digest.eq(digest))
        .select((api_keys::id, api_keys::hotel_id))
        .first(c)
        .optional())?;
    Ok(row.map(|(id, hotel)| (ApiKeyId(id), HotelId(hotel))))
}
