//! How things stand with WhatsApp, hotel by hotel, for whoever looks after the servers.

use chrono::{DateTime, Utc};
use diesel::{
    dsl::{count_star, max},
    prelude::*,
};
use domain::HotelId;

use crate::{
    StoreError,
    conn::{Conn, on_db},
    nodes::clock,
    outbox::{HELD, OPEN},
    prepared::Fixed,
    schema::{channels, conversations, outbox, parked},
    types::Ts,
};

/// The most numbers without a hotel that are told.
const MOST_NUMBERS: i64 = 10;

/// The time by the database's own clock; `None` where it goes by the program's.
///
/// # Errors
/// [`StoreError`].
pub fn now(conn: &mut Conn) -> Result<Option<DateTime<Utc>>, StoreError> {
    match conn {
        Conn::Sqlite(_) => Ok(None),
        Conn::Pg(_) => Ok(Some(clock(conn)?.0)),
    }
}

/// How many messages wait to be sent or are on their way, of each hotel that has any.
///
/// # Errors
/// [`StoreError`].
pub fn queued(conn: &mut Conn) -> Result<Vec<(HotelId, i64)>, StoreError> {
    count(conn, OPEN)
}

/// How many messages wait for their guest to write, of each hotel that has any.
///
/// # Errors
/// [`StoreError`].
pub fn held(conn: &mut Conn) -> Result<Vec<(HotelId, i64)>, StoreError> {
    count(conn, HELD)
}

fn count(conn: &mut Conn, which: Fixed) -> Result<Vec<(HotelId, i64)>, StoreError> {
    let rows: Vec<(i64, i64)> = on_db!(conn, |c| outbox::table
        .filter(which)
        .group_by(outbox::hotel_id)
        .select((outbox::hotel_id, count_star()))
        .load(c))?;
    Ok(rows.into_iter().map(|(hotel, count)| (HotelId(hotel), count)).collect())
}

/// The hotels for which nothing is sent, the code for which, and what tells the token with which that was.
///
/// # Errors
/// [`StoreError`].
pub fn stopped(conn: &mut Conn) -> Result<Vec<(HotelId, i64, String)>, StoreError> {
    let rows: Vec<(i64, Option<i64>, Option<String>)> = on_db!(conn, |c| channels::table
        .filter(channels::stopped_code.is_not_null())
        .select((channels::hotel_id, channels::stopped_code, channels::stopped_token))
        .load(c))?;
    let stopped = rows.into_iter().filter_map(|(hotel, code, token)| Some((HotelId(hotel), code?, token?)));
    Ok(stopped.collect())
}

/// When a guest last wrote, to each hotel to which one has.
///
/// # Errors
/// [`StoreError`].
pub fn last_heard(conn: &mut Conn) -> Result<Vec<(HotelId, DateTime<Utc>)>, StoreError> {
    let rows: Vec<(i64, Option<Ts>)> = on_db!(conn, |c| conversations::table
        .group_by(conversations::hotel_id)
        .select((conversations::hotel_id, max(conversations::last_guest_message_at)))
        .load(c))?;
    Ok(rows.into_iter().filter_map(|(hotel, at)| Some((HotelId(hotel), at?.0))).collect())
}

/// How much is parked, and when the newest of it came.
///
/// # Errors
/// [`StoreError`].
pub fn parked(conn: &mut Conn) -> Result<(i64, Option<DateTime<Utc>>), StoreError> {
    let (count, newest): (i64, Option<Ts>) = on_db!(conn, |c| parked::table
        .filter(parked::settled_at.is_null())
        .select((count_star(), max(parked::received_at)))
        .get_result(c))?;
    Ok((count, newest.map(|it| it.0)))
}

/// Numbers for which something is parked, since no hotel had them; ten at most.
///
/// # Errors
/// [`StoreError`].
pub fn numbers_without_hotel(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    let rows: Vec<Option<String>> = on_db!(conn, |c| parked::table
        .filter(parked::settled_at.is_null().and(parked::hotel_id.is_null()))
        .filter(parked::phone_number_id.is_not_null())
        .select(parked::phone_number_id)
        .distinct()
        .order(parked::phone_number_id)
        .limit(MOST_NUMBERS)
        .load(c))?;
    Ok(rows.into_iter().flatten().collect())
}
