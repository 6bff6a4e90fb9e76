//! Staff members, and with them who may see what.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{DepartmentId, HotelId, Name, Role, Staff, StaffId};

use crate::{
    StoreError, Tx,
    among::among,
    conn::{Conn, on_db},
    conversations::Slice,
    schema::{staff, staff_departments},
    types::Ts,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = staff)]
pub(crate) struct Row {
    id: i64,
    hotel_id: i64,
    username: String,
    name: String,
    role: String,
    active: bool,
}

impl Row {
    pub(crate) fn with(self, departments: Vec<DepartmentId>) -> Result<Staff, StoreError> {
        Ok(Staff {
            id: StaffId(self.id),
            hotel: HotelId(self.hotel_id),
            username: self.username,
            name: self.name,
            role: self.role.parse().map_err(|()| StoreError::Corrupt("role"))?,
            departments,
            active: self.active,
        })
    }
}

fn with_departments(conn: &mut Conn, rows: Vec<Row>) -> Result<Vec<Staff>, StoreError> {
    let ids: Vec<i64> = rows.iter().map(|it| it.id).collect();
    let pairs: Vec<(i64, i64)> = on_db!(conn, |c| staff_departments::table
        .filter(staff_departments::staff_id.eq_any(&ids))
        .order((staff_departments::staff_id, staff_departments::position))
        .select((staff_departments::staff_id, staff_departments::department_id))
        .load(c))?;
    let mut of: HashMap<i64, Vec<DepartmentId>> = HashMap::new();
    for (staff, department) in pairs {
        of.entry(staff).or_default().push(DepartmentId(department));
    }
    rows.into_iter()
        .map(|row| {
            let departments = of.remove(&row.id).unwrap_or_default();
            row.with(departments)
        })
        .collect()
}

/// A staff member by id.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &mut Conn, id: StaffId) -> Result<Option<Staff>, StoreError> {
    let row: Option<Row> = on_db!(conn, |c| staff::table.find(id.0).select(Row::as_select()).first(c).optional())?;
    Ok(with_departments(conn, row.into_iter().collect())?.pop())
}

/// Holds a staff member as they are until the end of the transaction: nobody else changes them
/// meanwhile, so what they are given because they may see it, they may still see then.
///
/// # Errors
/// [`StoreError`].
pub fn hold(tx: &mut Tx<'_>, id: StaffId) -> Result<(), StoreError> {
    // SQLite has one writer anyway.
    let Conn::Pg(conn) = tx.conn() else { return Ok(()) };
    staff::table.find(id.0).select(staff::id).for_share().load::<i64>(conn)?;
    Ok(())
}

/// Holds a staff member as they were read in this transaction. Where another node has changed them
/// since, the transaction gives way, and is run again.
///
/// # Errors
/// [`StoreError`].
pub fn hold_as_read(tx: &mut Tx<'_>, read: &Staff) -> Result<(), StoreError> {
    hold(tx, read.id)?;
    if matches!(tx.conn(), Conn::Pg(_)) && find(tx.conn(), read.id)?.as_ref() != Some(read) {
        return Err(StoreError::Conflict(diesel::result::Error::RollbackTransaction));
    }
    Ok(())
}

/// Locks staff members who are to be changed, or who change another, until the end of the transaction: nobody else
/// changes them, signs in as them, or assigns them anything meanwhile. In the order of ids, so that two changes do not
/// wait for one another.
///
/// # Errors
/// [`StoreError`].
pub fn lock(tx: &mut Tx<'_>, ids: &[StaffId]) -> Result<(), StoreError> {
    let Conn::Pg(conn) = tx.conn() else { return Ok(()) };
    let ids: Vec<i64> = ids.iter().map(|it| it.0).collect();
    // Not FOR UPDATE: rows that refer to them may be added.
    let all = staff::table.filter(among(staff::id, &ids)).order(staff::id);
    all.select(staff::id).for_no_key_update().load::<i64>(conn)?;
    Ok(())
}

/// A staff member by the name they sign in with, and their password's hash.
///
/// # Errors
/// [`StoreError`].
pub fn find_by_username(conn: &mut Conn, username: &str) -> Result<Option<(Staff, String)>, StoreError> {
    let row: Option<(Row, String)> = on_db!(conn, |c| staff::table
        .filter(staff::username.eq(username))
        .select((Row::as_select(), staff::password_hash))
        .first(c)
        .optional())?;
    let Some((row, hash)) = row else { return Ok(None) };
    Ok(with_departments(conn, vec![row])?.pop().map(|staff| (staff, hash)))
}

/// As [`find_by_username`], and the staff member stays so until the end of the transaction.
///
/// # Errors
/// [`StoreError`].
pub fn find_to_sign_in(tx: &mut Tx<'_>, username: &str) -> Result<Option<(Staff, String)>, StoreError> {
    if let Conn::Pg(conn) = tx.conn() {
        staff::table.filter(staff::username.eq(username)).select(staff::id).for_share().load::<i64>(conn)?;
    }
    find_by_username(tx.conn(), username)
}

/// A staff member's password's hash.
///
/// # Errors
/// [`StoreError`].
pub fn password_hash(conn: &mut Conn, id: StaffId) -> Result<String, StoreError> {
    Ok(on_db!(conn, |c| staff::table.find(id.0).select(staff::password_hash).first(c))?)
}

/// How many staff members a hotel has, and a slice of them, in the order of their ids.
///
/// # Errors
/// [`StoreError`].
pub fn list(conn: &mut Conn, hotel: HotelId, slice: Slice) -> Result<(i64, Vec<Staff>), StoreError> {
    let of = staff::table.filter(staff::hotel_id.eq(hotel.0));
    let (count, rows): (i64, Vec<Row>) = on_db!(conn, |c| (
        of.count().get_result(c)?,
        of.order(staff::id).select(Row::as_select()).offset(slice.offset).limit(slice.limit).load(c)?
    ));
    Ok((count, with_departments(conn, rows)?))
}

/// All staff members of all hotels, in the order of their ids.
///
/// # Errors
/// [`StoreError`].
pub fn all(conn: &mut Conn) -> Result<Vec<Staff>, StoreError> {
    let rows: Vec<Row> = on_db!(conn, |c| staff::table.order(staff::id).select(Row::as_select()).load(c))?;
    with_departments(conn, rows)
}

/// A staff member to be.
#[derive(Clone, Debug)]
pub struct NewStaff {
    /// The name they sign in with.
    pub username: Name,
    /// The name that others see.
    pub name: Name,
    /// What they may do.
    pub role: Role,
    /// Their departments, the first one first; each of the hotel, none twice.
    pub departments: Vec<DepartmentId>,
    /// Their password's hash.
    pub password_hash: String,
    /// Whether they may sign in.
    pub active: bool,
}

/// Stores a new staff member; `None` where the user name is taken, in whatever hotel.
///
/// # Errors
/// [`StoreError`].
pub fn insert(tx: &mut Tx<'_>, hotel: HotelId, new: &NewStaff, at: DateTime<Utc>) -> Result<Option<Staff>, StoreError> {
    let row: Option<Row> = on_db!(tx.changing(), |c| diesel::insert_into(staff::table)
        .values((
            staff::hotel_id.eq(hotel.0),
            staff::username.eq(new.username.as_str()),
            staff::name.eq(new.name.as_str()),
            staff::role.eq(new.role.as_str()),
            staff::password_hash.eq(&new.password_hash),
            staff::active.eq(new.active),
            staff::created_at.eq(Ts::from(at)),
        ))
        .on_conflict(staff::username)
        .do_nothing()
        .returning(Row::as_returning())
        .get_result(c)
        .optional())?;
    let Some(row) = row else { return Ok(None) };
    let member = row.with(new.departments.clone())?;
    set_departments(tx, &member)?;
    Ok(Some(member))
}

/// Stores what a staff member is now; false where the user name is taken by another.
///
/// # Errors
/// [`StoreError`].
pub fn save(tx: &mut Tx<'_>, member: &Staff) -> Result<bool, StoreError> {
    let taken = staff::table.filter(staff::username.eq(&member.username).and(staff::id.ne(member.id.0)));
    if on_db!(tx.conn(), |c| diesel::select(diesel::dsl::exists(taken)).get_result::<bool>(c))? {
        return Ok(false);
    }
    on_db!(tx.changing(), |c| diesel::update(staff::table.find(member.id.0))
        .set((
            staff::username.eq(&member.username),
            staff::name.eq(&member.name),
            staff::role.eq(member.role.as_str()),
            staff::active.eq(member.active),
        ))
        .execute(c))?;
    on_db!(tx.changing(), |c| diesel::delete(
        staff_departments::table.filter(staff_departments::staff_id.eq(member.id.0))
    )
    .execute(c))?;
    set_departments(tx, member)?;
    Ok(true)
}

fn set_departments(tx: &mut Tx<'_>, member: &Staff) -> Result<(), StoreError> {
    for (position, department) in (0i32..).zip(&member.departments) {
        on_db!(tx.changing(), |c| diesel::insert_into(staff_departments::table)
            .values((
                staff_departments::hotel_id.eq(member.hotel.0),
                staff_departments::staff_id.eq(member.id.0),
                staff_departments::department_id.eq(department.0),
                staff_departments::position.eq(position),
            ))
            .execute(c))?;
    }
    Ok(())
}

/// Stores the hash of a staff member's new password.
///
/// # Errors
/// [`StoreError`].
pub fn set_password_hash(tx: &mut Tx<'_>, id: StaffId, hash: &str) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(staff::table.find(id.0)).set(staff::password_hash.eq(hash)).execute(c))?;
    Ok(())
}
