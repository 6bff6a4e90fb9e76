//! Retention: deletes expired rows in small batches. Only one node deletes at a time.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{prelude::*, select, sql_query, sql_types::BigInt};
use domain::{Delivery, HotelId, MessageId};

use crate::{
    StoreError, Tx, early_receipts, idempotency,
    sessions::SessionLifetimes,
    sign_in_devices::DEVICE_LIFETIME,
    sql::{
        cached_statement::fixed,
        column_types::{Ts, UtcTs},
        schema::{
            audit, early_reports, events, former_tries, hotel_counters, inbound, login_attempts, messages, outbox,
            parked, reaction_updates, sessions, sign_in_devices, webhook_failures,
        },
    },
    store::connection::{Conn, on_db},
};

/// Maximum number of rows that one batch deletes per table.
const BATCH_SIZE: i64 = 500;
/// The key of an advisory lock, an arbitrary constant. Only the node with this lock deletes expired rows.
const ADVISORY_LOCK: i64 = 7_206_311_552;
/// How long revoked sessions are kept.
const REVOKED_SESSION_RETENTION: TimeDelta = TimeDelta::hours(24);
/// How long failures of webhook updates are kept: Meta redelivers a failed update for at most seven days.
const UPDATE_FAILURE_RETENTION: TimeDelta = TimeDelta::days(8);

/// Returns the hotels whose oldest logged event is older than `before`.
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

/// Deletes a batch of the oldest events of a hotel that are older than `before`. Stops at the first younger event,
/// because after a jump of the clock the log must not get a gap. Returns `true` if more may be left.
pub fn delete_events(tx: &mut Tx<'_>, hotel: HotelId, before: DateTime<Utc>) -> Result<bool, StoreError> {
    if !try_lock(tx.conn())? {
        return Ok(false);
    }
    let of_hotel = events::hotel_id.eq(hotel.0);
    let first: Vec<(i64, Ts)> = on_db!(tx.conn(), |c| events::table
        .filter(of_hotel)
        .order(events::seq)
        .select((events::seq, events::at))
        .limit(BATCH_SIZE)
        .load(c))?;
    let old = first.iter().take_while(|(_, at)| at.0 < before);
    let (count, Some((last, _))) = (old.clone().count(), old.last()) else { return Ok(false) };
    on_db!(tx.changing(), |c| diesel::delete(events::table.filter(of_hotel.and(events::seq.le(last)))).execute(c))?;
    Ok(count as i64 == BATCH_SIZE)
}

/// Deletes a batch of expired idempotency keys, sign-in attempts, sessions, devices, early receipts and update failures.
/// Returns `true` if more may be left.
pub fn delete_expired(tx: &mut Tx<'_>, lifetimes: SessionLifetimes, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let before = |age: TimeDelta| Ts::from(now - age);
    if !try_lock(tx.conn())? {
        return Ok(false);
    }
    let conn = tx.changing();
    let deleted: [usize; 6] = on_db!(conn, |c| {
        let keys = sql_query(
            "DELETE FROM idempotency_keys WHERE (staff_id, path, key) IN \
             (SELECT staff_id, path, key FROM idempotency_keys \
              WHERE NOT kept_forever AND created_at < $1 ORDER BY created_at LIMIT $2)",
        );
        let keys = keys.bind::<UtcTs, _>(before(idempotency::KEY_LIFETIME)).bind::<BigInt, _>(BATCH_SIZE).execute(c)?;
        let attempts: Vec<i64> = login_attempts::table
            .filter(login_attempts::at.lt(before(crate::login_attempts::WINDOW)))
            .select(login_attempts::id)
            .limit(BATCH_SIZE)
            .load(c)?;
        diesel::delete(login_attempts::table.filter(login_attempts::id.eq_any(&attempts))).execute(c)?;
        let shared = lifetimes.on_shared_computers();
        let over = sessions::last_used_at.lt(before(lifetimes.idle)).or(sessions::created_at.lt(before(lifetimes.max)));
        let over = over.or(sessions::remember
            .eq(false)
            .and(sessions::last_used_at.lt(before(shared.idle)).or(sessions::created_at.lt(before(shared.max)))));
        let dead: Vec<String> = sessions::table
            .filter(over.or(sessions::revoked_at.lt(before(REVOKED_SESSION_RETENTION)).assume_not_null()))
            .select(sessions::id)
            .limit(BATCH_SIZE)
            .load(c)?;
        diesel::delete(sessions::table.filter(sessions::id.eq_any(&dead))).execute(c)?;
        let devices: Vec<(String, i64)> = sign_in_devices::table
            .filter(sign_in_devices::last_used_at.lt(before(DEVICE_LIFETIME)))
            .select((sign_in_devices::digest, sign_in_devices::staff_id))
            .limit(BATCH_SIZE)
            .load(c)?;
        for (digest, staff) in &devices {
            diesel::delete(sign_in_devices::table.find((digest, staff))).execute(c)?;
        }
        let receipts: Vec<i64> = early_reports::table
            .filter(early_reports::received_at.lt(before(early_receipts::RECEIPT_LIFETIME)))
            .select(early_reports::id)
            .limit(BATCH_SIZE)
            .load(c)?;
        diesel::delete(early_reports::table.filter(early_reports::id.eq_any(&receipts))).execute(c)?;
        let failures: Vec<String> = webhook_failures::table
            .filter(webhook_failures::first_failed_at.lt(before(UPDATE_FAILURE_RETENTION)))
            .select(webhook_failures::update_key)
            .limit(BATCH_SIZE)
            .load(c)?;
        diesel::delete(webhook_failures::table.filter(webhook_failures::update_key.eq_any(&failures))).execute(c)?;
        [keys, attempts.len(), dead.len(), devices.len(), receipts.len(), failures.len()]
    });
    Ok(deleted.into_iter().any(|n| n as i64 == BATCH_SIZE))
}

/// Deletes a batch of audit entries that are older than `before`. Returns `true` if more may be left.
pub fn delete_audit_entries(tx: &mut Tx<'_>, before: DateTime<Utc>) -> Result<bool, StoreError> {
    if !try_lock(tx.conn())? {
        return Ok(false);
    }
    let first: Vec<(i64, Ts)> =
        on_db!(tx.conn(), |c| audit::table.order(audit::id).select((audit::id, audit::at)).limit(BATCH_SIZE).load(c))?;
    let Some((last, more)) = oldest_before(&first, before) else { return Ok(false) };
    on_db!(tx.changing(), |c| diesel::delete(audit::table.filter(audit::id.le(last))).execute(c))?;
    Ok(more)
}

/// Deletes a batch of the raw JSON of guest messages that are older than `before`. The messages stay. Returns `true` if
/// more may be left.
pub fn delete_raw_messages(tx: &mut Tx<'_>, before: DateTime<Utc>) -> Result<bool, StoreError> {
    if !try_lock(tx.conn())? {
        return Ok(false);
    }
    let first: Vec<(i64, Ts)> = on_db!(tx.conn(), |c| inbound::table
        .inner_join(messages::table.on(messages::id.eq(inbound::message_id)))
        .order(inbound::message_id)
        .select((inbound::message_id, messages::timestamp))
        .limit(BATCH_SIZE)
        .load(c))?;
    let Some((last, more)) = oldest_before(&first, before) else { return Ok(false) };
    on_db!(tx.changing(), |c| diesel::delete(inbound::table.filter(inbound::message_id.le(last))).execute(c))?;
    Ok(more)
}

/// Deletes a batch of the updates by which guests reacted that were received before `before`. The reactions stay.
/// Returns `true` if more may be left.
pub fn delete_reaction_updates(tx: &mut Tx<'_>, before: DateTime<Utc>) -> Result<bool, StoreError> {
    if !try_lock(tx.conn())? {
        return Ok(false);
    }
    let old = reaction_updates::table.filter(reaction_updates::received_at.lt(Ts::from(before)));
    on_db!(tx.changing(), |c| {
        let over: Vec<String> = old.select(reaction_updates::whatsapp_message_id).limit(BATCH_SIZE).load(c)?;
        diesel::delete(reaction_updates::table.filter(reaction_updates::whatsapp_message_id.eq_any(&over)))
            .execute(c)?;
        Ok(over.len() as i64 == BATCH_SIZE)
    })
}

/// Returns the last id of the leading rows that are older than `before`, and `true` if the batch is full, so that more
/// old rows may be left. The rows are ordered by id.
fn oldest_before(first: &[(i64, Ts)], before: DateTime<Utc>) -> Option<(i64, bool)> {
    let old = first.iter().take_while(|(_, at)| at.0 < before);
    let count = old.clone().count();
    old.last().map(|(last, _)| (*last, count as i64 == BATCH_SIZE))
}

/// Deletes a batch of dead letters that were processed before `before`. Returns `true` if more may be left.
pub fn delete_dead_letters(tx: &mut Tx<'_>, before: DateTime<Utc>) -> Result<bool, StoreError> {
    if !try_lock(tx.conn())? {
        return Ok(false);
    }
    let settled = parked::table
        .filter(fixed("parked.settled_at IS NOT NULL").and(parked::settled_at.lt(Ts::from(before)).assume_not_null()));
    on_db!(tx.changing(), |c| {
        let over: Vec<i64> = settled.order(parked::settled_at).select(parked::id).limit(BATCH_SIZE).load(c)?;
        diesel::delete(parked::table.filter(parked::id.eq_any(&over))).execute(c)?;
        Ok(over.len() as i64 == BATCH_SIZE)
    })
}

/// Deletes outbox rows, with their former attempts, of messages that were sent or taken back before `before`. Scans one
/// batch of rows after message `after`. Failed and unknown messages keep their rows for a retry. Returns the message to
/// continue after, or `None` at the end.
pub fn delete_sent_outbox_rows(
    tx: &mut Tx<'_>,
    after: MessageId,
    before: DateTime<Utc>,
) -> Result<Option<MessageId>, StoreError> {
    type Row = (i64, String, Ts, Ts, Option<String>, bool);
    if !try_lock(tx.conn())? {
        return Ok(None);
    }
    let batch: Vec<Row> = on_db!(tx.conn(), |c| outbox::table
        .inner_join(messages::table.on(messages::id.eq(outbox::message_id)))
        .filter(outbox::message_id.gt(after.0))
        .order(outbox::message_id)
        .select((
            outbox::message_id,
            outbox::state,
            outbox::due_at,
            messages::timestamp,
            messages::delivery,
            messages::hidden,
        ))
        .limit(BATCH_SIZE)
        .load(c))?;
    let is_sent = |delivery: &Option<String>| {
        let delivery: Option<Delivery> = delivery.as_deref().and_then(|it| it.parse().ok());
        matches!(delivery, Some(Delivery::Sent | Delivery::Delivered | Delivery::Read))
    };
    let old: Vec<&Row> = batch.iter().take_while(|(_, _, _, written, ..)| written.0 < before).collect();
    let over: Vec<i64> = old
        .iter()
        .filter(|(_, state, due, _, delivery, taken_back)| {
            state == "settled" && due.0 < before && (*taken_back || is_sent(delivery))
        })
        .map(|(id, ..)| *id)
        .collect();
    on_db!(tx.changing(), |c| {
        diesel::delete(former_tries::table.filter(former_tries::message_id.eq_any(&over))).execute(c)?;
        diesel::delete(outbox::table.filter(outbox::message_id.eq_any(&over))).execute(c)
    })?;
    Ok(old.last().filter(|_| old.len() as i64 == BATCH_SIZE).map(|(id, ..)| MessageId(*id)))
}

diesel::define_sql_function! {
    /// PostgreSQL: acquires an advisory lock until the end of the transaction, or returns `false` at once.
    fn pg_try_advisory_xact_lock(key: BigInt) -> Bool;
}

/// Tries to acquire the lock for deletion. Returns `false` if another node deletes at the moment: two nodes could
/// deadlock with each other and with other writes.
fn try_lock(conn: &mut Conn) -> Result<bool, StoreError> {
    match conn {
        Conn::Pg(conn) => Ok(select(pg_try_advisory_xact_lock(ADVISORY_LOCK)).get_result(conn)?),
        Conn::Sqlite(_) => Ok(true),
    }
}
