//! Figures for metrics and `doctor`: outbox, suspended senders, dead letters, by hotel.

use chrono::{DateTime, Utc};
use diesel::{
    dsl::{count_star, max},
    prelude::*,
};
use domain::HotelId;

use crate::{
    StoreError, nodes,
    outbox::{HELD, OPEN},
    sql::{
        cached_statement::Fixed,
        column_types::Ts,
        schema::{channels, conversations, outbox, parked},
    },
    store::connection::{Conn, on_db},
};

const MAX_NUMBERS: i64 = 10;

/// Returns the time of the database's clock. `None` for SQLite, which uses the clock of this machine.
pub fn database_time(conn: &mut Conn) -> Result<Option<DateTime<Utc>>, StoreError> {
    match conn {
        Conn::Sqlite(_) => Ok(None),
        Conn::Pg(_) => Ok(Some(nodes::database_time(conn)?.0)),
    }
}

/// Counts outbox messages that are queued or in flight, by hotel.
pub fn count_queued(conn: &mut Conn) -> Result<Vec<(HotelId, i64)>, StoreError> {
    count_outbox(conn, OPEN)
}

/// Counts outbox messages that are held until their guest writes, by hotel.
pub fn count_held(conn: &mut Conn) -> Result<Vec<(HotelId, i64)>, StoreError> {
    count_outbox(conn, HELD)
}

fn count_outbox(conn: &mut Conn, condition: Fixed) -> Result<Vec<(HotelId, i64)>, StoreError> {
    let rows: Vec<(i64, i64)> = on_db!(conn, |c| outbox::table
        .filter(condition)
        .group_by(outbox::hotel_id)
        .select((outbox::hotel_id, count_star()))
        .load(c))?;
    Ok(rows.into_iter().map(|(hotel, count)| (HotelId(hotel), count)).collect())
}

/// Returns hotels with a suspended sender, the error code, and the digest of the rejected access token.
pub fn suspended_senders(conn: &mut Conn) -> Result<Vec<(HotelId, i64, String)>, StoreError> {
    let rows: Vec<(i64, Option<i64>, Option<String>)> = on_db!(conn, |c| channels::table
        .filter(channels::stopped_code.is_not_null())
        .select((channels::hotel_id, channels::stopped_code, channels::stopped_token))
        .load(c))?;
    let stopped = rows.into_iter().filter_map(|(hotel, code, token)| Some((HotelId(hotel), code?, token?)));
    Ok(stopped.collect())
}

/// Returns the time of the newest guest message, by hotel.
pub fn last_guest_messages(conn: &mut Conn) -> Result<Vec<(HotelId, DateTime<Utc>)>, StoreError> {
    let rows: Vec<(i64, Option<Ts>)> = on_db!(conn, |c| conversations::table
        .group_by(conversations::hotel_id)
        .select((conversations::hotel_id, max(conversations::last_guest_message_at)))
        .load(c))?;
    Ok(rows.into_iter().filter_map(|(hotel, at)| Some((HotelId(hotel), at?.0))).collect())
}

/// Returns the number of unprocessed dead letters and the arrival time of the newest.
pub fn count_dead_letters(conn: &mut Conn) -> Result<(i64, Option<DateTime<Utc>>), StoreError> {
    let (count, newest): (i64, Option<Ts>) = on_db!(conn, |c| parked::table
        .filter(parked::settled_at.is_null())
        .select((count_star(), max(parked::received_at)))
        .get_result(c))?;
    Ok((count, newest.map(|it| it.0)))
}

/// Returns the WhatsApp numbers of dead letters that belong to no hotel, at most ten.
pub fn numbers_without_hotel(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    let rows: Vec<Option<String>> = on_db!(conn, |c| parked::table
        .filter(parked::settled_at.is_null().and(parked::hotel_id.is_null()))
        .filter(parked::phone_number_id.is_not_null())
        .select(parked::phone_number_id)
        .distinct()
        .order(parked::phone_number_id)
        .limit(MAX_NUMBERS)
        .load(c))?;
    Ok(rows.into_iter().flatten().collect())
}
