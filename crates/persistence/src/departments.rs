//! Departments.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{Department, DepartmentId, HotelId, Name};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    conversations::Slice,
    schema::departments,
    types::Ts,
};

fn department((id, name): (i64, String)) -> Department {
    Department { id: DepartmentId(id), name }
}

/// How many departments a hotel has, and a slice of them, in the order of their ids.
///
/// # Errors
/// [`StoreError`].
pub fn list(conn: &mut Conn, hotel: HotelId, slice: Slice) -> Result<(i64, Vec<Department>), StoreError> {
    let of = departments::table.filter(departments::hotel_id.eq(hotel.0));
    let (count, rows): (i64, Vec<(i64, String)>) = on_db!(conn, |c| (
        of.count().get_result(c)?,
        of.order(departments::id)
            .select((departments::id, departments::name))
            .offset(slice.offset)
            .limit(slice.limit)
            .load(c)?
    ));
    Ok((count, rows.into_iter().map(department).collect()))
}

/// A department of this hotel.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &mut Conn, hotel: HotelId, id: DepartmentId) -> Result<Option<Department>, StoreError> {
    let row: Option<(i64, String)> = on_db!(conn, |c| departments::table
        .filter(departments::hotel_id.eq(hotel.0).and(departments::id.eq(id.0)))
        .select((departments::id, departments::name))
        .first(c)
        .optional())?;
    Ok(row.map(department))
}

/// Departments by their ids, in the order of the ids.
///
/// # Errors
/// [`StoreError`].
pub fn by_ids(conn: &mut Conn, hotel: HotelId, ids: &[DepartmentId]) -> Result<Vec<Department>, StoreError> {
    let keys: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let rows: Vec<(i64, String)> = on_db!(conn, |c| departments::table
        .filter(departments::hotel_id.eq(hotel.0).and(departments::id.eq_any(&keys)))
        .select((departments::id, departments::name))
        .load(c))?;
    let mut rows: Vec<Department> = rows.into_iter().map(department).collect();
    rows.sort_by_key(|it| ids.iter().position(|id| *id == it.id));
    Ok(rows)
}

/// The departments of a hotel but these.
///
/// # Errors
/// [`StoreError`].
pub fn others(conn: &mut Conn, hotel: HotelId, ids: &[DepartmentId]) -> Result<Vec<DepartmentId>, StoreError> {
    let keys: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let found: Vec<i64> = on_db!(conn, |c| departments::table
        .filter(departments::hotel_id.eq(hotel.0).and(departments::id.ne_all(&keys)))
        .order(departments::id)
        .select(departments::id)
        .load(c))?;
    Ok(found.into_iter().map(DepartmentId).collect())
}

/// Stores a new department; `None` where the hotel has one of that name.
///
/// # Errors
/// [`StoreError`].
pub fn insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    name: &Name,
    at: DateTime<Utc>,
) -> Result<Option<Department>, StoreError> {
    let row: Option<(i64, String)> = on_db!(tx.changing(), |c| diesel::insert_into(departments::table)
        .values((
            departments::hotel_id.eq(hotel.0),
            departments::name.eq(name.as_str()),
            departments::created_at.eq(Ts::from(at)),
        ))
        .on_conflict((departments::hotel_id, departments::name))
        .do_nothing()
        .returning((departments::id, departments::name))
        .get_result(c)
        .optional())?;
    Ok(row.map(department))
}

/// Gives a department another name; false where the hotel has one of that name.
///
/// # Errors
/// [`StoreError`].
pub fn rename(tx: &mut Tx<'_>, hotel: HotelId, id: DepartmentId, name: &Name) -> Result<bool, StoreError> {
    let taken = departments::table
        .filter(departments::hotel_id.eq(hotel.0).and(departments::name.eq(name.as_str())))
        .filter(departments::id.ne(id.0));
    if on_db!(tx.conn(), |c| diesel::select(diesel::dsl::exists(taken)).get_result::<bool>(c))? {
        return Ok(false);
    }
    on_db!(tx.changing(), |c| diesel::update(departments::table.find(id.0))
        .set(departments::name.eq(name.as_str()))
        .execute(c))?;
    Ok(true)
}
