//! Staff members and their departments.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{DepartmentId, HotelId, Name, Role, Staff, StaffId};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::Ts,
        id_list::among,
        pagination::Slice,
        schema::{staff, staff_departments},
    },
    store::connection::{Conn, on_db},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = staff)]
pub(crate) struct StaffRow {
    id: i64,
    hotel_id: i64,
    username: String,
    name: String,
    role: String,
    active: bool,
}

impl StaffRow {
    pub(crate) fn with(self, departments: Vec<DepartmentId>) -> Result<Staff, StoreError> {
        Ok(Staff {
            id: StaffId(self.id),
            hotel: HotelId(self.hotel_id),
            username: self.username,
            name: self.name,
            role: self.role.parse().map_err(|_| StoreError::Corrupt("role"))?,
            departments,
            active: self.active,
        })
    }
}

fn with_departments(conn: &mut Conn, rows: Vec<StaffRow>) -> Result<Vec<Staff>, StoreError> {
    let ids: Vec<i64> = rows.iter().map(|it| it.id).collect();
    let pairs: Vec<(i64, i64)> = on_db!(conn, |c| staff_departments::table
        .filter(staff_departments::staff_id.eq_any(&ids))
        .order((staff_departments::staff_id, staff_departments::position))
        .select((staff_departments::staff_id, staff_departments::department_id))
        .load(c))?;
    let mut departments_of: HashMap<i64, Vec<DepartmentId>> = HashMap::new();
    for (staff, department) in pairs {
        departments_of.entry(staff).or_default().push(DepartmentId(department));
    }
    rows.into_iter()
        .map(|row| {
            let departments = departments_of.remove(&row.id).unwrap_or_default();
            row.with(departments)
        })
        .collect()
}

pub fn find(conn: &mut Conn, id: StaffId) -> Result<Option<Staff>, StoreError> {
    let row: Option<StaffRow> =
        on_db!(conn, |c| staff::table.find(id.0).select(StaffRow::as_select()).first(c).optional())?;
    Ok(with_departments(conn, row.into_iter().collect())?.pop())
}

/// Locks a staff member against changes until the end of the transaction, so that visibility stays as checked. The lock
/// is shared: other transactions can hold it at the same time.
pub fn lock_shared(tx: &mut Tx<'_>, id: StaffId) -> Result<(), StoreError> {
    // SQLite has one writer and no row locks.
    let Conn::Pg(conn) = tx.conn() else { return Ok(()) };
    staff::table.find(id.0).select(staff::id).for_share().load::<i64>(conn)?;
    Ok(())
}

/// Locks a staff member as [`lock_shared`]. Fails with a conflict if another node has changed the member since `read`
/// was loaded; then the writer runs the job again.
pub fn lock_unchanged(tx: &mut Tx<'_>, read: &Staff) -> Result<(), StoreError> {
    lock_shared(tx, read.id)?;
    if matches!(tx.conn(), Conn::Pg(_)) && find(tx.conn(), read.id)?.as_ref() != Some(read) {
        return Err(StoreError::Conflict(diesel::result::Error::RollbackTransaction));
    }
    Ok(())
}

/// Locks staff members until the end of the transaction, for a change of them or by them. Excludes changes, sign-ins
/// and assignments of other transactions. Rows are locked in the order of ids, so that two changes do not deadlock.
pub fn lock(tx: &mut Tx<'_>, ids: &[StaffId]) -> Result<(), StoreError> {
    let Conn::Pg(conn) = tx.conn() else { return Ok(()) };
    let ids: Vec<i64> = ids.iter().map(|it| it.0).collect();
    // FOR UPDATE would block inserts of rows that refer to the staff member.
    let all = staff::table.filter(among(staff::id, &ids)).order(staff::id);
    all.select(staff::id).for_no_key_update().load::<i64>(conn)?;
    Ok(())
}

/// Returns the staff member with this username, and the password hash.
pub fn find_by_username(conn: &mut Conn, username: &str) -> Result<Option<(Staff, String)>, StoreError> {
    let row: Option<(StaffRow, String)> = on_db!(conn, |c| staff::table
        .filter(staff::username.eq(username))
        .select((StaffRow::as_select(), staff::password_hash))
        .first(c)
        .optional())?;
    let Some((row, hash)) = row else { return Ok(None) };
    Ok(with_departments(conn, vec![row])?.pop().map(|staff| (staff, hash)))
}

/// As [`find_by_username`], and locks the staff member against changes.
pub fn find_and_lock_for_sign_in(tx: &mut Tx<'_>, username: &str) -> Result<Option<(Staff, String)>, StoreError> {
    if let Conn::Pg(conn) = tx.conn() {
        staff::table.filter(staff::username.eq(username)).select(staff::id).for_share().load::<i64>(conn)?;
    }
    find_by_username(tx.conn(), username)
}

pub fn password_hash(conn: &mut Conn, id: StaffId) -> Result<String, StoreError> {
    Ok(on_db!(conn, |c| staff::table.find(id.0).select(staff::password_hash).first(c))?)
}

/// Returns the number of staff members and one slice of them, ordered by id.
pub fn list(conn: &mut Conn, hotel: HotelId, slice: Slice) -> Result<(i64, Vec<Staff>), StoreError> {
    let of = staff::table.filter(staff::hotel_id.eq(hotel.0));
    let (count, rows): (i64, Vec<StaffRow>) = on_db!(conn, |c| (
        of.count().get_result(c)?,
        of.order(staff::id).select(StaffRow::as_select()).offset(slice.offset).limit(slice.limit).load(c)?
    ));
    Ok((count, with_departments(conn, rows)?))
}

/// Returns all staff members of all hotels, ordered by id.
pub fn all(conn: &mut Conn) -> Result<Vec<Staff>, StoreError> {
    let rows: Vec<StaffRow> = on_db!(conn, |c| staff::table.order(staff::id).select(StaffRow::as_select()).load(c))?;
    with_departments(conn, rows)
}

/// The values of a staff member who is to be stored.
#[derive(Clone, Debug)]
pub struct NewStaffRow {
    /// The username for signing in, unique over all hotels.
    pub username: Name,
    /// The name of the staff member that others see.
    pub name: Name,
    pub role: Role,
    /// The departments of the staff member, without repetition. The main department comes first.
    pub departments: Vec<DepartmentId>,
    pub password_hash: String,
    pub active: bool,
}

/// Stores a new staff member. Returns `None` if the username is taken in any hotel.
pub fn insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    new: &NewStaffRow,
    at: DateTime<Utc>,
) -> Result<Option<Staff>, StoreError> {
    let row: Option<StaffRow> = on_db!(tx.changing(), |c| diesel::insert_into(staff::table)
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
        .returning(StaffRow::as_returning())
        .get_result(c)
        .optional())?;
    let Some(row) = row else { return Ok(None) };
    let member = row.with(new.departments.clone())?;
    set_departments(tx, &member)?;
    Ok(Some(member))
}

/// Stores the current data of a staff member. Returns `false` if another staff member has the username.
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

pub fn set_password_hash(tx: &mut Tx<'_>, id: StaffId, hash: &str) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::update(staff::table.find(id.0)).set(staff::password_hash.eq(hash)).execute(c))?;
    Ok(())
}
