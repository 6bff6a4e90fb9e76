//! Rate limit for sign-ins: failed and running attempts by name and by address.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use crate::{
    StoreError, Tx,
    sql::{column_types::Ts, schema::login_attempts},
    store::connection::on_db,
};

/// The period in which sign-in attempts count: older attempts do not.
pub const WINDOW: TimeDelta = TimeDelta::minutes(15);

/// Maximum number of sign-in attempts of one name from one address within [`WINDOW`].
const MAX_PER_NAME_AND_ADDRESS: i64 = 5;
const MAX_PER_NAME: i64 = 50;
const MAX_PER_ADDRESS: i64 = 20;

/// Records a sign-in attempt, which counts as failed until it succeeds; so the limits also hold for concurrent
/// attempts. Returns the time of the next permitted attempt if a limit is reached.
pub fn begin_attempt(
    tx: &mut Tx<'_>,
    name_digest: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<Result<(), DateTime<Utc>>, StoreError> {
    let both = allowed_at(tx, Some(name_digest), Some(address), MAX_PER_NAME_AND_ADDRESS, now)?;
    let name = allowed_at(tx, Some(name_digest), None, MAX_PER_NAME, now)?;
    let address_alone = allowed_at(tx, None, Some(address), MAX_PER_ADDRESS, now)?;
    if let Some(at) = both.max(name).max(address_alone) {
        return Ok(Err(at));
    }
    on_db!(tx.changing(), |c| diesel::insert_into(login_attempts::table)
        .values((
            login_attempts::name_digest.eq(name_digest),
            login_attempts::address.eq(address),
            login_attempts::at.eq(Ts::from(now)),
        ))
        .execute(c))?;
    Ok(Ok(()))
}

/// Returns the time of the next permitted sign-in attempt: when the oldest of the last `max_attempts` leaves the
/// window. Returns `None` if an attempt is permitted now.
fn allowed_at(
    tx: &mut Tx<'_>,
    name_digest: Option<&str>,
    address: Option<&str>,
    max_attempts: i64,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let at: Option<Ts> = on_db!(tx.conn(), |c| {
        let mut query = login_attempts::table.filter(login_attempts::at.gt(Ts::from(now - WINDOW))).into_boxed();
        if let Some(name_digest) = name_digest {
            query = query.filter(login_attempts::name_digest.eq(name_digest));
        }
        if let Some(address) = address {
            query = query.filter(login_attempts::address.eq(address));
        }
        query.order(login_attempts::at.desc()).select(login_attempts::at).offset(max_attempts - 1).first(c).optional()
    })?;
    Ok(at.map(|it| it.0 + WINDOW))
}

/// Deletes the sign-in attempts of a name from an address after a successful sign-in.
pub fn delete_attempts(tx: &mut Tx<'_>, name_digest: &str, address: &str) -> Result<(), StoreError> {
    let of = login_attempts::table
        .filter(login_attempts::name_digest.eq(name_digest).and(login_attempts::address.eq(address)));
    on_db!(tx.changing(), |c| diesel::delete(of).execute(c))?;
    Ok(())
}
