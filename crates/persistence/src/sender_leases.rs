//! Sender leases: only the node that holds a hotel's lease sends messages by WhatsApp (table `channels`).
//!
//! A lease expires by the clock of the database, because the clocks of the nodes may differ. If WhatsApp rejects the
//! access token, the sender of the hotel is suspended for that token: nothing is sent until a probe succeeds or a node
//! acquires the lease with another access token.

use chrono::TimeDelta;
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use domain::HotelId;

use crate::{
    StoreError, Tx,
    nodes::database_time,
    sql::{
        column_types::{Ts, UtcTs},
        schema::channels,
    },
    store::{
        connection::{Conn, on_db},
        read_only::select_sql,
    },
};

/// How long a sender lease is valid without renewal.
pub const LEASE_DURATION: TimeDelta = TimeDelta::seconds(20);

/// Time that must be left on the sender lease to claim a message, so that the send can finish before another node may
/// take the lease.
pub(crate) const MIN_REMAINING_LEASE: TimeDelta = TimeDelta::seconds(12);

/// The sender lease of one hotel as one node claims to hold it. Only a query with the present time proves it.
#[derive(Clone, Copy, Debug)]
pub struct SenderLease<'a> {
    pub hotel: HotelId,
    /// The token of the node that holds the lease, chosen when the node starts.
    pub holder: &'a str,
}

/// The result of acquiring a sender lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseStatus {
    HeldByOther,
    /// This node holds the lease. `suspended_by`: the error code with which WhatsApp rejected the access token; if set,
    /// nothing may be sent.
    Held {
        suspended_by: Option<i64>,
    },
}

/// Acquires or renews a hotel's lease.
///
/// `token` is a digest of the access token: a suspended sender resumes if the digest has changed. The lease of a
/// suspended sender expires at once, so that a node with another access token can take over, unless this node `is_busy`
/// with messages in flight.
pub fn acquire(tx: &mut Tx<'_>, lease: SenderLease<'_>, token: &str, is_busy: bool) -> Result<LeaseStatus, StoreError> {
    let now = database_time(tx.conn())?;
    on_db!(tx.changing(), |c| diesel::insert_into(channels::table)
        .values((channels::hotel_id.eq(lease.hotel.0), channels::holder.eq(""), channels::held_until.eq(now)))
        .on_conflict(channels::hotel_id)
        .do_nothing()
        .execute(c))?;
    let row = channels::table.find(lease.hotel.0).select((
        channels::holder,
        channels::held_until,
        channels::stopped_code,
        channels::stopped_token,
    ));
    let (holder, held_until, code, suspended_token): (String, Ts, Option<i64>, Option<String>) = match tx.conn() {
        Conn::Pg(c) => row.for_update().first(c)?,
        Conn::Sqlite(c) => row.first(c)?,
    };
    if holder != lease.holder && held_until.0 > now.0 {
        return Ok(LeaseStatus::HeldByOther);
    }
    let suspended_by = code.filter(|_| suspended_token.as_deref() == Some(token));
    let is_fresh = held_until.0 > now.0 + LEASE_DURATION * 3 / 4;
    if holder == lease.holder && code == suspended_by && suspended_by.is_none() && is_fresh {
        return Ok(LeaseStatus::Held { suspended_by });
    }
    let until = if suspended_by.is_some() && !is_busy { now } else { Ts::from(now.0 + LEASE_DURATION) };
    on_db!(tx.changing(), |c| diesel::update(channels::table.find(lease.hotel.0))
        .set((
            channels::holder.eq(lease.holder),
            channels::held_until.eq(until),
            channels::stopped_code.eq(suspended_by),
            channels::stopped_token.eq(suspended_by.map(|_| token)),
        ))
        .execute(c))?;
    Ok(LeaseStatus::Held { suspended_by })
}

/// Releases all sender leases of a node, so that other nodes need not wait until they expire.
pub fn release_all(tx: &mut Tx<'_>, holder: &str) -> Result<(), StoreError> {
    let now = database_time(tx.conn())?;
    on_db!(tx.changing(), |c| diesel::update(channels::table.filter(channels::holder.eq(holder)))
        .set((channels::holder.eq(""), channels::held_until.eq(now)))
        .execute(c))?;
    Ok(())
}

/// Suspends the sender of a hotel for this access token.
pub fn suspend(tx: &mut Tx<'_>, hotel: HotelId, code: i64, token: &str) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(channels::table.find(hotel.0))
        .set((channels::stopped_code.eq(code), channels::stopped_token.eq(token)))
        .execute(c))?;
    Ok(())
}

/// Ends the suspension of a hotel's sender.
pub fn resume(tx: &mut Tx<'_>, hotel: HotelId) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(channels::table.find(hotel.0))
        .set((channels::stopped_code.eq(None::<i64>), channels::stopped_token.eq(None::<String>)))
        .execute(c))?;
    Ok(())
}

/// Ends the suspension of a hotel's sender if it is for this access token. Returns whether it was.
pub fn resume_for_token(tx: &mut Tx<'_>, hotel: HotelId, token: &str) -> Result<bool, StoreError> {
    let suspended =
        || channels::table.filter(channels::hotel_id.eq(hotel.0).and(channels::stopped_token.eq(Some(token))));
    if on_db!(tx.conn(), |c| suspended().count().get_result::<i64>(c))? == 0 {
        return Ok(false);
    }
    let resumed = on_db!(tx.changing(), |c| diesel::update(suspended())
        .set((channels::stopped_code.eq(None::<i64>), channels::stopped_token.eq(None::<String>)))
        .execute(c))?;
    Ok(resumed > 0)
}

/// Whether the node still holds the sender lease. If so, no other node can take it until the transaction ends.
pub(crate) fn is_current(tx: &mut Tx<'_>, lease: SenderLease<'_>) -> Result<bool, StoreError> {
    let row = channels::table.find(lease.hotel.0).select(channels::holder);
    let holder: Option<String> = match tx.conn() {
        Conn::Pg(c) => row.for_share().first(c).optional()?,
        Conn::Sqlite(c) => row.first(c).optional()?,
    };
    Ok(holder.as_deref() == Some(lease.holder))
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

/// Returns the time until the sender lease expires, or `None` if the node does not hold it. No other node can take the
/// lease until the transaction ends.
pub(crate) fn remaining(tx: &mut Tx<'_>, lease: SenderLease<'_>) -> Result<Option<TimeDelta>, StoreError> {
    let row: Option<LeaseRow> = match tx.conn() {
        Conn::Pg(c) => {
            let text =
                "SELECT holder, held_until, clock_timestamp() AS now FROM channels WHERE hotel_id = $1 FOR SHARE";
            select_sql(sql_query(text).bind::<BigInt, _>(lease.hotel.0)).get_result(c).optional()?
        }
        Conn::Sqlite(c) => {
            let row = channels::table.find(lease.hotel.0).select((channels::holder, channels::held_until));
            let row: Option<(String, Ts)> = row.first(c).optional()?;
            row.map(|(holder, held_until)| LeaseRow { holder, held_until, now: chrono::Utc::now().into() })
        }
    };
    Ok(row.filter(|it| it.holder == lease.holder).map(|it| it.held_until.0 - it.now.0))
}
