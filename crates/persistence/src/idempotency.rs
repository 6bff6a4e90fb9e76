//! Keys under which a write is done once.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{dsl::not, prelude::*};
use domain::{ClientRef, StaffId};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    schema::idempotency_keys,
    types::Ts,
};

/// How long keys of most writes are good; those of sent messages live with the messages, for ever.
pub(crate) const KEPT: TimeDelta = TimeDelta::hours(24);

/// A key, and what it was sent with.
#[derive(Clone, Debug)]
pub struct Key {
    /// Who sent it.
    pub staff: StaffId,
    /// To which path.
    pub path: String,
    /// The key itself.
    pub key: ClientRef,
    /// The digest of the request's body, to tell another one.
    pub request_digest: String,
}

/// How long a key is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// 24 hours.
    Day,
    /// For ever: a late repetition would reach the guest a second time.
    Forever,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is new.
    New,
    /// The first answer to it: JSON.
    Answered(String),
    /// It came with another body.
    Mismatch,
}

/// What is known of a key at `now`: one that is too old is new again.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &mut Conn, key: &Key, now: DateTime<Utc>) -> Result<Known, StoreError> {
    let row: Option<(String, Option<String>)> = on_db!(conn, |c| idempotency_keys::table
        .find((key.staff.0, &key.path, key.key.as_str()))
        .filter(idempotency_keys::kept_forever.or(idempotency_keys::created_at.gt(Ts::from(now - KEPT))))
        .select((idempotency_keys::request_digest, idempotency_keys::answer))
        .first(c)
        .optional())?;
    match row {
        None => Ok(Known::New),
        Some((digest, _)) if digest != key.request_digest => Ok(Known::Mismatch),
        Some((_, answer)) => answer.map(Known::Answered).ok_or(StoreError::Corrupt("answer")),
    }
}

/// Keeps a key with its first answer, as the last statement of the write: what is refused or fails leaves nothing.
/// Where another transaction has kept the same key meanwhile, this one has to be undone: it is a conflict, and
/// when the write is run again it finds that answer.
///
/// # Errors
/// [`StoreError::Conflict`], and others.
pub fn keep(tx: &mut Tx<'_>, key: &Key, answer: &str, lifetime: Lifetime, at: DateTime<Utc>) -> Result<(), StoreError> {
    if insert(tx, key, answer, lifetime, at)? {
        return Ok(());
    }
    let too_old = idempotency_keys::table
        .find((key.staff.0, &key.path, key.key.as_str()))
        .filter(idempotency_keys::created_at.le(Ts::from(at - KEPT)).and(not(idempotency_keys::kept_forever)));
    let deleted = on_db!(tx.changing(), |c| diesel::delete(too_old).execute(c))?;
    if deleted == 1 && insert(tx, key, answer, lifetime, at)? {
        return Ok(());
    }
    Err(StoreError::Conflict(diesel::result::Error::RollbackTransaction))
}

/// Whether the key was new. Another transaction that is keeping it is waited for.
fn insert(tx: &mut Tx<'_>, key: &Key, answer: &str, lifetime: Lifetime, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let inserted = on_db!(tx.changing(), |c| diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::staff_id.eq(key.staff.0),
            idempotency_keys::path.eq(&key.path),
            idempotency_keys::key.eq(key.key.as_str()),
            idempotency_keys::request_digest.eq(&key.request_digest),
            idempotency_keys::answer.eq(answer),
            idempotency_keys::created_at.eq(Ts::from(at)),
            idempotency_keys::kept_forever.eq(lifetime == Lifetime::Forever),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}
