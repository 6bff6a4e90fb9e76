//! Forgetting what is over, in small batches that hold nobody up.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use crate::{
    StoreError, Tx,
    conn::on_db,
    idempotency, logins,
    schema::{events, idempotency_keys, login_attempts, sessions},
    sessions::Lifetimes,
    types::Ts,
};

/// The most rows of a table that one batch deletes.
const BATCH: i64 = 500;
/// How long revoked sessions are kept.
const REVOKED: TimeDelta = TimeDelta::hours(24);

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Events.
    pub events: TimeDelta,
    /// Sessions.
    pub sessions: Lifetimes,
}

/// Deletes a batch of what is over. Whether there may be more.
///
/// # Errors
/// [`StoreError`].
pub fn prune(tx: &mut Tx<'_>, keep: Keep, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let before = |age: TimeDelta| Ts::from(now - age);
    let conn = tx.changing();
    let deleted: [usize; 4] = on_db!(conn, |c| {
        let old: Vec<(i64, i64)> = events::table
            .filter(events::at.lt(before(keep.events)))
            .order(events::at)
            .select((events::hotel_id, events::seq))
            .limit(BATCH)
            .load(c)?;
        for (hotel, seq) in &old {
            diesel::delete(events::table.find((hotel, seq))).execute(c)?;
        }
        let keys: Vec<(i64, String, String)> = idempotency_keys::table
            .filter(idempotency_keys::created_at.lt(before(idempotency::KEPT)))
            .select((idempotency_keys::staff_id, idempotency_keys::path, idempotency_keys::key))
            .limit(BATCH)
            .load(c)?;
        for key in &keys {
            diesel::delete(idempotency_keys::table.find((key.0, &key.1, &key.2))).execute(c)?;
        }
        let attempts: Vec<i64> = login_attempts::table
            .filter(login_attempts::at.lt(before(logins::WINDOW)))
            .select(login_attempts::id)
            .limit(BATCH)
            .load(c)?;
        diesel::delete(login_attempts::table.filter(login_attempts::id.eq_any(&attempts))).execute(c)?;
        let over = sessions::last_used_at
            .lt(before(keep.sessions.idle))
            .or(sessions::created_at.lt(before(keep.sessions.most)));
        let dead: Vec<String> = sessions::table
            .filter(over.or(sessions::revoked_at.lt(before(REVOKED)).assume_not_null()))
            .select(sessions::id)
            .limit(BATCH)
            .load(c)?;
        diesel::delete(sessions::table.filter(sessions::id.eq_any(&dead))).execute(c)?;
        [old.len(), keys.len(), attempts.len(), dead.len()]
    });
    Ok(deleted.into_iter().any(|n| n as i64 == BATCH))
}
