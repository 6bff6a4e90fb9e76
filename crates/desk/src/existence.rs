//! Checks that hotels and departments named by a request exist.

use domain::{DepartmentId, Hotel, HotelId};
use persistence::{Conn, Tx, departments, hotels};

use crate::Error;

/// Returns a hotel that is named on the command line. Fails with [`Error::Invalid`] if it does not exist.
pub(crate) fn find_hotel(conn: &mut Conn, id: HotelId) -> Result<Hotel, Error> {
    hotels::find(conn, id)?.ok_or_else(|| Error::invalid("hotel", "There is no such hotel."))
}

/// Fails with [`Error::Invalid`] for `field` if the department does not belong to the hotel.
pub(crate) fn ensure_department(
    conn: &mut Conn,
    hotel: HotelId,
    field: &'static str,
    id: DepartmentId,
) -> Result<(), Error> {
    match departments::find(conn, hotel, id)? {
        Some(_) => Ok(()),
        None => Err(Error::invalid(field, "There is no such department.")),
    }
}

/// Fails with [`Error::Invalid`] for `field` if the department is not an active one of the hotel. Locks the department
/// against deactivation until the end of the transaction.
pub(crate) fn ensure_active_department(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    field: &'static str,
    id: DepartmentId,
) -> Result<(), Error> {
    ensure_department(tx.conn(), hotel, field, id)?;
    match departments::lock_active(tx, hotel, id)? {
        Some(_) => Ok(()),
        None => Err(Error::invalid(field, "This department is not active any more. Please choose another one.")),
    }
}

/// Fails with [`Error::Invalid`] for `department_ids` if a department does not belong to the hotel, or is given twice.
pub(crate) fn ensure_departments(conn: &mut Conn, hotel: HotelId, ids: &[DepartmentId]) -> Result<(), Error> {
    let mut distinct = ids.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < ids.len() {
        return Err(Error::invalid("department_ids", "A department is named twice."));
    }
    if departments::by_ids(conn, hotel, ids)?.len() < ids.len() {
        return Err(Error::invalid("department_ids", "There is no such department."));
    }
    Ok(())
}
