//! Forgetting what is over, in small batches that hold nobody up.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{prelude::*, select, sql_query, sql_types::BigInt};
use domain::{Delivery, HotelId, MessageId};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    idempotency, logins,
    prepared::fixed,
    reports,
    schema::{
        audit, early_reports, events, former_tries, hotel_counters, inbound, login_attempts, messages, outbox, parked,
        sessions, webhook_failures,
    },
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

/// Deletes a batch of the audit log's oldest entries, as far as they are from before a moment. Whether there may be more.
///
/// # Errors
/// [`StoreError`].
pub fn forget_audit(tx: &mut Tx<'_>, before: DateTime<Utc>) -> Result<bool, StoreError> {
    if !is_alone(tx.conn())? {
        return Ok(false);
    }
    let first: Vec<(i64, Ts)> =
        on_db!(tx.conn(), |c| audit::table.order(audit::id).select((audit::id, audit::at)).limit(BATCH).load(c))?;
    let Some((last, more)) = old_ones(&first, before) else { return Ok(false) };
    on_db!(tx.changing(), |c| diesel::delete(audit::table.filter(audit::id.le(last))).execute(c))?;
    Ok(more)
}

/// Deletes a batch of the oldest guests' messages as they came, as far as they are from before a moment; the messages
/// stay. Whether there may be more.
///
/// # Errors
/// [`StoreError`].
pub fn forget_raw(tx: &mut Tx<'_>, before: DateTime<Utc>) -> Result<bool, StoreError> {
    if !is_alone(tx.conn())? {
        return Ok(false);
    }
    let first: Vec<(i64, Ts)> = on_db!(tx.conn(), |c| inbound::table
        .inner_join(messages::table.on(messages::id.eq(inbound::message_id)))
        .order(inbound::message_id)
        .select((inbound::message_id, messages::timestamp))
        .limit(BATCH)
        .load(c))?;
    let Some((last, more)) = old_ones(&first, before) else { return Ok(false) };
    on_db!(tx.changing(), |c| diesel::delete(inbound::table.filter(inbound::message_id.le(last))).execute(c))?;
    Ok(more)
}

/// Of a batch, in the order of ids, the last of those that are from before a moment and stand before a younger one;
/// and whether there may be more.
fn old_ones(first: &[(i64, Ts)], before: DateTime<Utc>) -> Option<(i64, bool)> {
    let old = first.iter().take_while(|(_, at)| at.0 < before);
    let count = old.clone().count();
    old.last().map(|(last, _)| (*last, count as i64 == BATCH))
}

/// Deletes a batch of what was parked and settled before a moment. Whether there may be more.
///
/// # Errors
/// [`StoreError`].
pub fn forget_parked(tx: &mut Tx<'_>, before: DateTime<Utc>) -> Result<bool, StoreError> {
    if !is_alone(tx.conn())? {
        return Ok(false);
    }
    let settled = parked::table
        .filter(fixed("parked.settled_at IS NOT NULL").and(parked::settled_at.lt(Ts::from(before)).assume_not_null()));
    on_db!(tx.changing(), |c| {
        let over: Vec<i64> = settled.order(parked::settled_at).select(parked::id).limit(BATCH).load(c)?;
        diesel::delete(parked::table.filter(parked::id.eq_any(&over))).execute(c)?;
        Ok(over.len() as i64 == BATCH)
    })
}

/// Deletes, from a batch after a message, what was needed to send those that were sent before a moment, with their
/// former tries. What failed, or is not known, stays, so that it can be sent again. After which message to go on;
/// `None` at the end of those that are old enough.
///
/// # Errors
/// [`StoreError`].
pub fn forget_sent(tx: &mut Tx<'_>, after: MessageId, before: DateTime<Utc>) -> Result<Option<MessageId>, StoreError> {
    type Row = (i64, String, Ts, Ts, Option<String>);
    if !is_alone(tx.conn())? {
        return Ok(None);
    }
    let batch: Vec<Row> = on_db!(tx.conn(), |c| outbox::table
        .inner_join(messages::table.on(messages::id.eq(outbox::message_id)))
        .filter(outbox::message_id.gt(after.0))
        .order(outbox::message_id)
        .select((outbox::message_id, outbox::state, outbox::due_at, messages::timestamp, messages::delivery))
        .limit(BATCH)
        .load(c))?;
    let is_sent = |delivery: &Option<String>| {
        let delivery: Option<Delivery> = delivery.as_deref().and_then(|it| it.parse().ok());
        matches!(delivery, Some(Delivery::Sent | Delivery::Delivered | Delivery::Read))
    };
    let old: Vec<&Row> = batch.iter().take_while(|(_, _, _, written, _)| written.0 < before).collect();
    let over: Vec<i64> = old
        .iter()
        .filter(|(_, state, due, _, delivery)| state == "settled" && due.0 < before && is_sent(delivery))
        .map(|(id, ..)| *id)
        .collect();
    on_db!(tx.changing(), |c| {
        diesel::delete(former_tries::table.filter(former_tries::message_id.eq_any(&over))).execute(c)?;
        diesel::delete(outbox::table.filter(outbox::message_id.eq_any(&over))).execute(c)
    })?;
    Ok(old.last().filter(|_| old.len() as i64 == BATCH).map(|(id, ..)| MessageId(*id)))
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
