//! Keys under which a write is done once.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::{ClientRef, StaffId};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    schema::idempotency_keys,
    types::Ts,
};

/// How long keys of writes are good; those of sent messages live with the messages, for ever.
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
        .filter(idempotency_keys::created_at.gt(Ts::from(now - KEPT)))
        .select((idempotency_keys::request_digest, idempotency_keys::answer))
        .first(c)
        .optional())?;
    match row {
        None => Ok(Known::New),
        Some((digest, _)) if digest != key.request_digest => Ok(Known::Mismatch),
        Some((_, answer)) => answer.map(Known::Answered).ok_or(StoreError::Corrupt("answer")),
    }
}

/// Takes a new key for this transaction: another one with the same key waits for its end.
///
/// # Errors
/// [`StoreError`].
pub fn claim(tx: &mut Tx<'_>, key: &Key, at: DateTime<Utc>) -> Result<Known, StoreError> {
    match find(tx.conn(), key, at)? {
        Known::New => {}
        known => return Ok(known),
    }
    let too_old = idempotency_keys::table
        .find((key.staff.0, &key.path, key.key.as_str()))
        .filter(idempotency_keys::created_at.le(Ts::from(at - KEPT)));
    on_db!(tx.changing(), |c| diesel::delete(too_old).execute(c))?;
    let claimed = on_db!(tx.changing(), |c| diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::staff_id.eq(key.staff.0),
            idempotency_keys::path.eq(&key.path),
            idempotency_keys::key.eq(key.key.as_str()),
            idempotency_keys::request_digest.eq(&key.request_digest),
            idempotency_keys::created_at.eq(Ts::from(at)),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    if claimed == 1 { Ok(Known::New) } else { find(tx.conn(), key, at) }
}

/// Keeps the first answer to a key.
///
/// # Errors
/// [`StoreError`].
pub fn keep(tx: &mut Tx<'_>, key: &Key, answer: &str) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(idempotency_keys::table.find((
        key.staff.0,
        &key.path,
        key.key.as_str()
    )))
    .set(idempotency_keys::answer.eq(answer))
    .execute(c))?;
    Ok(())
}
