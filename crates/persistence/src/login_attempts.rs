//! Rate limit for sign-ins: failed and running attempts by name, by address and by device.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use crate::{
    StoreError, Tx,
    sql::{column_types::Ts, schema::login_attempts},
    store::connection::{Conn, on_db},
};

/// The period in which sign-in attempts count: older attempts do not.
pub const WINDOW: TimeDelta = TimeDelta::minutes(15);

/// Maximum number of sign-in attempts of one name from one address within [`WINDOW`].
const MAX_PER_NAME_AND_ADDRESS: i64 = 5;
const MAX_PER_NAME: i64 = 50;
const MAX_PER_ADDRESS: i64 = 100;
/// Maximum number of sign-in attempts of one name in a browser that knows the person.
const MAX_PER_NAME_AND_DEVICE: i64 = 5;

/// By what a sign-in attempt is counted.
#[derive(Clone, Debug)]
pub struct AttemptKey {
    /// The digest of the user name, because a person may type the password into that field by mistake.
    pub name_digest: String,
    /// The network of the client.
    pub network: String,
    /// The digest of the device cookie, if this browser knows the person. Such an attempt counts by name and device
    /// only.
    pub device_digest: Option<String>,
}

/// The columns that the attempts of one count have in common.
#[derive(Clone, Copy, Default)]
struct CountedBy<'a> {
    name: Option<&'a str>,
    network: Option<&'a str>,
    device: Option<&'a str>,
}

/// Returns the time of the next permitted sign-in attempt if a limit is reached, `None` if an attempt is permitted now.
pub fn refused_until(
    conn: &mut Conn,
    key: &AttemptKey,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let (name, network) = (Some(key.name_digest.as_str()), Some(key.network.as_str()));
    if let Some(device) = &key.device_digest {
        let by_device = CountedBy { name, device: Some(device), network: None };
        return full_until(conn, by_device, MAX_PER_NAME_AND_DEVICE, now);
    }
    let limits = [
        (CountedBy { name, network, device: None }, MAX_PER_NAME_AND_ADDRESS),
        (CountedBy { name, ..CountedBy::default() }, MAX_PER_NAME),
        (CountedBy { network, ..CountedBy::default() }, MAX_PER_ADDRESS),
    ];
    let mut until = None;
    for (counted_by, limit) in limits {
        until = until.max(full_until(conn, counted_by, limit, now)?);
    }
    Ok(until)
}

/// Records a sign-in attempt, which counts as failed until it succeeds; so the limits also hold for concurrent
/// attempts. Returns the id of the attempt, or the time of the next permitted one if a limit is reached.
pub fn begin_attempt(
    tx: &mut Tx<'_>,
    key: &AttemptKey,
    now: DateTime<Utc>,
) -> Result<Result<i64, DateTime<Utc>>, StoreError> {
    if let Some(at) = refused_until(tx.conn(), key, now)? {
        return Ok(Err(at));
    }
    let id = on_db!(tx.changing(), |c| diesel::insert_into(login_attempts::table)
        .values((
            login_attempts::name_digest.eq(&key.name_digest),
            login_attempts::address.eq(&key.network),
            login_attempts::at.eq(Ts::from(now)),
            login_attempts::device_digest.eq(&key.device_digest),
        ))
        .returning(login_attempts::id)
        .get_result(c))?;
    Ok(Ok(id))
}

/// Returns when the oldest of the last `limit` attempts leaves the window; `None` if there are fewer.
fn full_until(
    conn: &mut Conn,
    counted_by: CountedBy<'_>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let at: Option<Ts> = on_db!(conn, |c| {
        let mut query = login_attempts::table.filter(login_attempts::at.gt(Ts::from(now - WINDOW))).into_boxed();
        if let Some(name) = counted_by.name {
            query = query.filter(login_attempts::name_digest.eq(name));
        }
        if let Some(network) = counted_by.network {
            query = query.filter(login_attempts::address.eq(network));
        }
        query = match counted_by.device {
            Some(device) => query.filter(login_attempts::device_digest.eq(device)),
            None => query.filter(login_attempts::device_digest.is_null()),
        };
        query.order(login_attempts::at.desc()).select(login_attempts::at).offset(limit - 1).first(c).optional()
    })?;
    Ok(at.map(|it| it.0 + WINDOW))
}

/// Deletes an attempt that was given up before the password was verified.
pub fn cancel_attempt(tx: &mut Tx<'_>, id: i64) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::delete(login_attempts::table.find(id)).execute(c))?;
    Ok(())
}

/// Deletes the sign-in attempts of a name from an address, and those in the same browser, after a success.
pub fn delete_attempts(tx: &mut Tx<'_>, key: &AttemptKey) -> Result<(), StoreError> {
    let of_name = login_attempts::table.filter(login_attempts::name_digest.eq(&key.name_digest));
    let at_address =
        of_name.filter(login_attempts::address.eq(&key.network).and(login_attempts::device_digest.is_null()));
    on_db!(tx.changing(), |c| diesel::delete(at_address).execute(c))?;
    if let Some(device) = &key.device_digest {
        let in_browser = of_name.filter(login_attempts::device_digest.eq(device));
        on_db!(tx.changing(), |c| diesel::delete(in_browser).execute(c))?;
    }
    Ok(())
}
