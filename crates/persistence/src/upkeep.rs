//! Forgetting what is over, in small batches that hold nobody up.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{prelude::*, select, sql_query, sql_types::BigInt};
use domain::HotelId;

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    idempotency, logins, reports,
    schema::{early_reports, events, hotel_counters, login_attempts, sessions, webhook_failures},
    sessions::Lifetimes,
    types::{Ts, UtcTs},
};

/// The most rows of a table that one batch deletes.
const BATCH: i64 = 500;
/// Any constant will do: who holds it deletes, and other nodes leave it to them.
const ADVISORY_LOCK: i64 = 7_206_311_552;
/// How long revoked sessions are kept.
const REVOKED: TimeDelta = TimeDelta::hours(24);
/// Meta delivers for at most seven days what was not taken.
const DELIVERED_AGAIN: TimeDelta = TimeDelta::days(8);

/// The hotels whose log begins with an event from before a moment.
///
/// # Errors
/// [`StoreError`].
pub fn hotels_with_events_before(conn: &mut Conn, before: DateTime<Utc>) -> Result<Vec<HotelId>, StoreError> {
    let first_of_hotel = events::table
        .filter(events::hotel_id.eq(hotel_counters::hotel_id))
        .order(events::seq)
        .select(events::at)
        .limit(1)
        .single_value();
    let ids: Vec<i64> = on_db!(conn, |c| hotel_counters::table
        .filter(first_of_hotel.lt(Ts::from(before)))
        .order(hotel_counters::hotel_id)
        .select(hotel_counters::hotel_id)
        .load(c))?;
    Ok(ids.into_iter().map(HotelId).collect())
}

/// Deletes a batch of the events with which a hotel's log begins, as far as they are from before a moment.
/// One that is younger ends it, whatever follows: a clock may have jumped, and the log must not get a gap.
/// Whether there may be more.
///
/// # Errors
/// [`StoreError`].
pub fn forget_events(tx: &mut Tx<'_>, hotel: HotelId, before: DateTime<Utc>) -> Result<bool, StoreError> {
    if !is_alone(tx.conn())? {
        return Ok(false);
    }
    let of_hotel = events::hotel_id.eq(hotel.0);
    let first: Vec<(i64, Ts)> = on_db!(tx.conn(), |c| events::table
        .filter(of_hotel)
        .order(events::seq)
        .select((events::seq, events::at))
        .limit(BATCH)
        .load(c))?;
    let old = first.iter().take_while(|(_, at)| at.0 < before);
    let (count, Some((last, _))) = (old.clone().count(), old.last()) else { return Ok(false) };
    on_db!(tx.changing(), |c| diesel::delete(events::table.filter(of_hotel.and(events::seq.le(last)))).execute(c))?;
    Ok(count as i64 == BATCH)
}

/// Deletes a batch of the keys, failed sign-ins, sessions, early reports and webhook failures that are over. Whether there may be more.
///
/// # Errors
/// [`StoreError`].
pub fn prune(tx: &mut Tx<'_>, keep: Lifetimes, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let before = |age: TimeDelta| Ts::from(now - age);
    if !is_alone(tx.conn())? {
        return Ok(false);
    }
    let conn = tx.changing();
    let deleted: [usize; 5] = on_db!(conn, |c| {
        let keys = sql_query(
            "DELETE FROM idempotency_keys WHERE (staff_id, path, key) IN \
             (SELECT staff_id, path, key FROM idempotency_keys \
              WHERE NOT kept_forever AND created_at < $1 ORDER BY created_at LIMIT $2)",
        );
        let keys = keys.bind::<UtcTs, _>(before(idempotency::KEPT)).bind::<BigInt, _>(BATCH).execute(c)?;
        let attempts: Vec<i64> = login_attempts::table
            .filter(login_attempts::at.lt(before(logins::WINDOW)))
            .select(login_attempts::id)
            .limit(BATCH)
            .load(c)?;
        diesel::delete(login_attempts::table.filter(login_attempts::id.eq_any(&attempts))).execute(c)?;
        let over = sessions::last_used_at.lt(before(keep.idle)).or(sessions::created_at.lt(before(keep.most)));
        let dead: Vec<String> = sessions::table
            .filter(over.or(sessions::revoked_at.lt(before(REVOKED)).assume_not_null()))
            .select(sessions::id)
            .limit(BATCH)
            .load(c)?;
        diesel::delete(sessions::table.filter(sessions::id.eq_any(&dead))).execute(c)?;
        let in_vain: Vec<i64> = early_reports::table
            .filter(early_reports::received_at.lt(before(reports::KEPT)))
            .select(early_reports::id)
            .limit(BATCH)
            .load(c)?;
        diesel::delete(early_reports::table.filter(early_reports::id.eq_any(&in_vain))).execute(c)?;
        let taken: Vec<String> = webhook_failures::table
            .filter(webhook_failures::first_failed_at.lt(before(DELIVERED_AGAIN)))
            .select(webhook_failures::update_key)
            .limit(BATCH)
            .load(c)?;
        diesel::delete(webhook_failures::table.filter(webhook_failures::update_key.eq_any(&taken))).execute(c)?;
        [keys, attempts.len(), dead.len(), in_vain.len(), taken.len()]
    });
    Ok(deleted.into_iter().any(|n| n as i64 == BATCH))
}

diesel::define_sql_function! {
    /// PostgreSQL's: takes a lock until the transaction ends, unless another transaction has it.
    fn pg_try_advisory_xact_lock(key: BigInt) -> Bool;
}

/// Whether no other node deletes at this moment, nor will before this transaction ends: two of them could
/// stand in each other's way, and in that of the writes beside them.
fn is_alone(conn: &mut Conn) -> Result<bool, StoreError> {
    match conn {
        Conn::Pg(conn) => Ok(select(pg_try_advisory_xact_lock(ADVISORY_LOCK)).get_result(conn)?),
        Conn::Sqlite(_) => Ok(true),
    }
}
