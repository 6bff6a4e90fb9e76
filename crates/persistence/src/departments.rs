//! Departments of hotels.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{Department, DepartmentId, HotelId, Name};

use crate::{
    StoreError, Tx,
    sql::{column_types::Ts, pagination::Slice, schema::departments},
    store::connection::{Conn, on_db},
};

fn department((id, name): (i64, String)) -> Department {
    Department { id: DepartmentId(id), name }
}

/// Returns the number of departments and one slice of them, ordered by id.
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

pub fn find(conn: &mut Conn, hotel: HotelId, id: DepartmentId) -> Result<Option<Department>, StoreError> {
    let row: Option<(i64, String)> = on_db!(conn, |c| departments::table
        .filter(departments::hotel_id.eq(hotel.0).and(departments::id.eq(id.0)))
        .select((departments::id, departments::name))
        .first(c)
        .optional())?;
    Ok(row.map(department))
}

/// Returns departments of this hotel by id, in the order of `ids`.
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

/// Returns all departments of a hotel except these.
pub fn others(conn: &mut Conn, hotel: HotelId, ids: &[DepartmentId]) -> Result<Vec<DepartmentId>, StoreError> {
    let keys: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let found: Vec<i64> = on_db!(conn, |c| departments::table
        .filter(departments::hotel_id.eq(hotel.0).and(departments::id.ne_all(&keys)))
        .order(departments::id)
        .select(departments::id)
        .load(c))?;
    Ok(found.into_iter().map(DepartmentId).collect())
}

/// Stores a new department. Returns `None` if the hotel has a department with that name.
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

/// Renames a department. Returns `false` if another department of the hotel has the name.
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
