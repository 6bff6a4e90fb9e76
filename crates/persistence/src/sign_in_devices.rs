//! Browsers in which staff members have signed in before, by the digest of the device cookie.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{prelude::*, upsert::excluded};
use domain::{Staff, StaffId};

use crate::{
    StoreError, Tx,
    sql::{column_types::Ts, schema::sign_in_devices},
    store::connection::{Conn, on_db},
};

/// How long a browser is known after the last sign-in of the person.
pub const DEVICE_LIFETIME: TimeDelta = TimeDelta::days(180);
/// The most browsers that one person is known in: those of the last sign-ins. A program without cookies is a new browser
/// at each sign-in.
const MAX_DEVICES: i64 = 100;
/// The most people whom one browser keeps when it gets a new device cookie: those who signed in last.
const MAX_PEOPLE: i64 = 50;

/// Returns whether this staff member has signed in with this device cookie within [`DEVICE_LIFETIME`].
pub fn is_known(conn: &mut Conn, digest: &str, staff: StaffId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let this = sign_in_devices::table
        .find((digest, staff.0))
        .filter(sign_in_devices::last_used_at.gt(Ts::from(now - DEVICE_LIFETIME)));
    Ok(on_db!(conn, |c| diesel::select(diesel::dsl::exists(this)).get_result(c))?)
}

/// Stores that the staff member has signed in with this device cookie, and forgets the browsers beyond the last
/// `MAX_DEVICES`.
pub fn save(tx: &mut Tx<'_>, digest: &str, member: &Staff, at: DateTime<Utc>) -> Result<(), StoreError> {
    insert(tx, digest, vec![(member.hotel.0, member.id.0, Ts::from(at))])?;
    let of_member = sign_in_devices::table.filter(sign_in_devices::staff_id.eq(member.id.0));
    let oldest: Vec<String> = on_db!(tx.conn(), |c| of_member
        .order(sign_in_devices::last_used_at.desc())
        .offset(MAX_DEVICES)
        .limit(MAX_DEVICES)
        .select(sign_in_devices::digest)
        .load(c))?;
    for digest in oldest {
        let this = of_member.filter(sign_in_devices::digest.eq(digest));
        on_db!(tx.changing(), |c| diesel::delete(this).execute(c))?;
    }
    Ok(())
}

/// Copies the people of a browser to a new device cookie of the same browser.
pub fn copy(tx: &mut Tx<'_>, from: &str, to: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    let people: Vec<(i64, i64, Ts)> = on_db!(tx.conn(), |c| sign_in_devices::table
        .filter(sign_in_devices::digest.eq(from))
        .filter(sign_in_devices::last_used_at.gt(Ts::from(now - DEVICE_LIFETIME)))
        .order(sign_in_devices::last_used_at.desc())
        .limit(MAX_PEOPLE)
        .select((sign_in_devices::hotel_id, sign_in_devices::staff_id, sign_in_devices::last_used_at))
        .load(c))?;
    insert(tx, to, people)
}

fn insert(tx: &mut Tx<'_>, digest: &str, people: Vec<(i64, i64, Ts)>) -> Result<(), StoreError> {
    for (hotel, staff, at) in people {
        on_db!(tx.changing(), |c| diesel::insert_into(sign_in_devices::table)
            .values((
                sign_in_devices::digest.eq(digest),
                sign_in_devices::hotel_id.eq(hotel),
                sign_in_devices::staff_id.eq(staff),
                sign_in_devices::last_used_at.eq(at),
            ))
            .on_conflict((sign_in_devices::digest, sign_in_devices::staff_id))
            .do_update()
            .set(sign_in_devices::last_used_at.eq(excluded(sign_in_devices::last_used_at)))
            .execute(c))?;
    }
    Ok(())
}
