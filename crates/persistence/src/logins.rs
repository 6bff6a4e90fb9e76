//! Sign-ins that failed or are under way, to slow guessing down.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use crate::{StoreError, Tx, conn::on_db, schema::login_attempts, types::Ts};

/// Since when attempts count.
pub const WINDOW: TimeDelta = TimeDelta::minutes(15);

/// The most failures within [`WINDOW`].
const OF_NAME_AND_ADDRESS: i64 = 5;
const OF_NAME: i64 = 50;
const OF_ADDRESS: i64 = 20;

/// Counts an attempt as failed until it succeeds, or says when the next may be made. So the
/// limits hold for attempts made at the same time as well.
///
/// # Errors
/// [`StoreError`].
pub fn begin(
    tx: &mut Tx<'_>,
    name_digest: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<Result<(), DateTime<Utc>>, StoreError> {
    let both = free_at(tx, Some(name_digest), Some(address), OF_NAME_AND_ADDRESS, now)?;
    let name = free_at(tx, Some(name_digest), None, OF_NAME, now)?;
    let address_alone = free_at(tx, None, Some(address), OF_ADDRESS, now)?;
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

/// When fewer than `most` attempts count again; `None` where that is now. It is when the
/// `most`-last one leaves the window.
fn free_at(
    tx: &mut Tx<'_>,
    name_digest: Option<&str>,
    address: Option<&str>,
    most: i64,
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
        query.order(login_attempts::at.desc()).select(login_attempts::at).offset(most - 1).first(c).optional()
    })?;
    Ok(at.map(|it| it.0 + WINDOW))
}

/// Forgets the attempts of a name from an address, after one that succeeded.
///
/// # Errors
/// [`StoreError`].
pub fn forget(tx: &mut Tx<'_>, name_digest: &str, address: &str) -> Result<(), StoreError> {
    let of = login_attempts::table
        .filter(login_attempts::name_digest.eq(name_digest).and(login_attempts::address.eq(address)));
    on_db!(tx.changing(), |c| diesel::delete(of).execute(c))?;
    Ok(())
}
