//! Personal settings of staff members: a JSON object for each, which only clients read.

use diesel::{prelude::*, upsert::excluded};
use domain::StaffId;

use crate::{
    StoreError, Tx,
    sql::schema::staff_settings,
    store::connection::{Conn, on_db},
};

/// Returns the text of a staff member's settings; `None` if none were stored.
pub fn find(conn: &mut Conn, staff: StaffId) -> Result<Option<String>, StoreError> {
    Ok(on_db!(conn, |c| staff_settings::table.find(staff.0).select(staff_settings::settings).first(c).optional())?)
}

/// Stores a staff member's settings, whose row in `staff` the caller has locked.
pub fn save(tx: &mut Tx<'_>, staff: StaffId, settings: &str) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::insert_into(staff_settings::table)
        .values((staff_settings::staff_id.eq(staff.0), staff_settings::settings.eq(settings)))
        .on_conflict(staff_settings::staff_id)
        .do_update()
        .set(staff_settings::settings.eq(excluded(staff_settings::settings)))
        .execute(c))?;
    Ok(())
}
