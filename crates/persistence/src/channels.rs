//! Who sends by WhatsApp: one server at a time for a hotel holds its channel.

use chrono::TimeDelta;
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use domain::HotelId;

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    nodes::clock,
    read_only::select_sql,
    schema::channels,
    types::{Ts, UtcTs},
};

/// A server that holds a channel and has not said so for this long has lost it.
pub const LEASE: TimeDelta = TimeDelta::seconds(20);

/// Of a lease so much has to be left to claim a message: a send that is begun then has time to connect and to be
/// answered before another server may take the channel.
pub(crate) const LEAST_LEASE: TimeDelta = TimeDelta::seconds(12);

/// How a channel stands for a server that asked to hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Another holds it.
    Others,
    /// This one holds it. `stopped`: nothing is to be sent, since this code was answered to its token.
    Ours {
        /// The code.
        stopped: Option<i64>,
    },
}

/// Takes or keeps a hotel's channel. `token` tells access tokens apart: with another one, a stopped channel goes on.
/// A stopped one is not kept from servers that may have another token, unless this one is `busy`: has something on its
/// way. Times are the database's, since the clocks of servers may differ.
///
/// # Errors
/// [`StoreError`].
pub fn hold(tx: &mut Tx<'_>, hotel: HotelId, holder: &str, token: &str, busy: bool) -> Result<Channel, StoreError> {
    let now = clock(tx.conn())?;
    on_db!(tx.changing(), |c| diesel::insert_into(channels::table)
        .values((channels::hotel_id.eq(hotel.0), channels::holder.eq(""), channels::held_until.eq(now)))
        .on_conflict(channels::hotel_id)
        .do_nothing()
        .execute(c))?;
    let row = channels::table.find(hotel.0).select((
        channels::holder,
        channels::held_until,
        channels::stopped_code,
        channels::stopped_token,
    ));
    let (by, held_until, code, stopped_token): (String, Ts, Option<i64>, Option<String>) = match tx.conn() {
        Conn::Pg(c) => row.for_update().first(c)?,
        Conn::Sqlite(c) => row.first(c)?,
    };
    if by != holder && held_until.0 > now.0 {
        return Ok(Channel::Others);
    }
    let stopped = code.filter(|_| stopped_token.as_deref() == Some(token));
    if by == holder && code == stopped && stopped.is_none() && held_until.0 > now.0 + LEASE * 3 / 4 {
        return Ok(Channel::Ours { stopped });
    }
    let until = if stopped.is_some() && !busy { now } else { Ts::from(now.0 + LEASE) };
    on_db!(tx.changing(), |c| diesel::update(channels::table.find(hotel.0))
        .set((
            channels::holder.eq(holder),
            channels::held_until.eq(until),
            channels::stopped_code.eq(stopped),
            channels::stopped_token.eq(stopped.map(|_| token)),
        ))
        .execute(c))?;
    Ok(Channel::Ours { stopped })
}

/// Gives the channels of a server back, so that another need not wait.
///
/// # Errors
/// [`StoreError`].
pub fn let_go(tx: &mut Tx<'_>, holder: &str) -> Result<(), StoreError> {
    let now = clock(tx.conn())?;
    on_db!(tx.changing(), |c| diesel::update(channels::table.filter(channels::holder.eq(holder)))
        .set((channels::holder.eq(""), channels::held_until.eq(now)))
        .execute(c))?;
    Ok(())
}

/// Stops a channel: nothing is sent with this token any more.
///
/// # Errors
/// [`StoreError`].
pub fn stop(tx: &mut Tx<'_>, hotel: HotelId, code: i64, token: &str) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(channels::table.find(hotel.0))
        .set((channels::stopped_code.eq(code), channels::stopped_token.eq(token)))
        .execute(c))?;
    Ok(())
}

/// Lets a stopped channel go on.
///
/// # Errors
/// [`StoreError`].
pub fn go_on(tx: &mut Tx<'_>, hotel: HotelId) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(channels::table.find(hotel.0))
        .set((channels::stopped_code.eq(None::<i64>), channels::stopped_token.eq(None::<String>)))
        .execute(c))?;
    Ok(())
}

/// Whether a server holds a channel. Nobody takes it from there until the transaction ends.
pub(crate) fn is_held_by(tx: &mut Tx<'_>, hotel: HotelId, holder: &str) -> Result<bool, StoreError> {
    let row = channels::table.find(hotel.0).select(channels::holder);
    let by: Option<String> = match tx.conn() {
        Conn::Pg(c) => row.for_share().first(c).optional()?,
        Conn::Sqlite(c) => row.first(c).optional()?,
    };
    Ok(by.as_deref() == Some(holder))
}

#[derive(QueryableByName)]
struct LeaseRow {
    #[diesel(sql_type = Text)]
    holder: String,
    #[diesel(sql_type = UtcTs)]
    held_until: Ts,
    #[diesel(sql_type = UtcTs)]
    now: Ts,
}

/// For how long a server holds a channel, unless it renews that; `None` where it does not. Nobody takes it from there
/// until the transaction ends.
pub(crate) fn lease_left(tx: &mut Tx<'_>, hotel: HotelId, holder: &str) -> Result<Option<TimeDelta>, StoreError> {
    let row: Option<LeaseRow> = match tx.conn() {
        Conn::Pg(c) => {
            let text =
                "SELECT holder, held_until, clock_timestamp() AS now FROM channels WHERE hotel_id = $1 FOR SHARE";
            select_sql(sql_query(text).bind::<BigInt, _>(hotel.0)).get_result(c).optional()?
        }
        Conn::Sqlite(c) => {
            let row = channels::table.find(hotel.0).select((channels::holder, channels::held_until));
            let row: Option<(String, Ts)> = row.first(c).optional()?;
            row.map(|(holder, held_until)| LeaseRow { holder, held_until, now: chrono::Utc::now().into() })
        }
    };
    Ok(row.filter(|it| it.holder == holder).map(|it| it.held_until.0 - it.now.0))
}
