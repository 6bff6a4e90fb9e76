//! Idempotency keys: a repeated write returns the stored result of the first one.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{dsl::not, prelude::*};
use domain::{ClientRef, StaffId};

use crate::{
    StoreError, Tx,
    sql::{column_types::Ts, schema::idempotency_keys},
    store::connection::{Conn, on_db},
};

/// How long idempotency keys of [`KeyRetention::Day`] are kept. Client references of sent messages are stored with the
/// messages, for ever.
pub(crate) const KEY_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// An idempotency key with the request that it belongs to.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    pub staff: StaffId,
    pub path: String,
    pub key: ClientRef,
    /// The digest of the request body. A key must not be reused with another body.
    pub request_digest: String,
}

/// How long an idempotency key is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRetention {
    /// The key is kept for 24 hours.
    Day,
    /// The key is kept for ever, because a late repetition of the write would reach the guest twice.
    Forever,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    New,
    /// The write with this key was performed; the JSON of its result.
    Completed(String),
    /// The key was used with another request body.
    Mismatch,
}

/// Returns the status of an idempotency key. An expired key counts as new.
pub fn find(conn: &mut Conn, key: &IdempotencyKey, now: DateTime<Utc>) -> Result<KeyStatus, StoreError> {
    let row: Option<(String, Option<String>)> = on_db!(conn, |c| idempotency_keys::table
        .find((key.staff.0, &key.path, key.key.as_str()))
        .filter(idempotency_keys::kept_forever.or(idempotency_keys::created_at.gt(Ts::from(now - KEY_LIFETIME))))
        .select((idempotency_keys::request_digest, idempotency_keys::answer))
        .first(c)
        .optional())?;
    match row {
        None => Ok(KeyStatus::New),
        Some((digest, _)) if digest != key.request_digest => Ok(KeyStatus::Mismatch),
        Some((_, answer)) => answer.map(KeyStatus::Completed).ok_or(StoreError::Corrupt("answer")),
    }
}

/// Stores an idempotency key with the result of the write. Call it last in the transaction, so that a refused or failed
/// write leaves no key.
///
/// Fails with [`StoreError::Conflict`] if a concurrent transaction stored the same key: the writer then runs the job
/// again, and the job finds that result.
pub fn save(
    tx: &mut Tx<'_>,
    key: &IdempotencyKey,
    answer: &str,
    lifetime: KeyRetention,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    if insert(tx, key, answer, lifetime, at)? {
        return Ok(());
    }
    let too_old = idempotency_keys::table
        .find((key.staff.0, &key.path, key.key.as_str()))
        .filter(idempotency_keys::created_at.le(Ts::from(at - KEY_LIFETIME)).and(not(idempotency_keys::kept_forever)));
    let deleted = on_db!(tx.changing(), |c| diesel::delete(too_old).execute(c))?;
    if deleted == 1 && insert(tx, key, answer, lifetime, at)? {
        return Ok(());
    }
    Err(StoreError::Conflict(diesel::result::Error::RollbackTransaction))
}

/// Stores an idempotency key. Returns `false` if the key exists. Waits for a concurrent transaction that is storing it.
fn insert(
    tx: &mut Tx<'_>,
    key: &IdempotencyKey,
    answer: &str,
    lifetime: KeyRetention,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let inserted = on_db!(tx.changing(), |c| diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::staff_id.eq(key.staff.0),
            idempotency_keys::path.eq(&key.path),
            idempotency_keys::key.eq(key.key.as_str()),
            idempotency_keys::request_digest.eq(&key.request_digest),
            idempotency_keys::answer.eq(answer),
            idempotency_keys::created_at.eq(Ts::from(at)),
            idempotency_keys::kept_forever.eq(lifetime == KeyRetention::Forever),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}
