//! Staff members and their departments.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    result::{DatabaseErrorKind, Error},
};
use domain::{DepartmentId, HotelId, Name, Role, Staff, StaffId, Username, username::username_key};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::Ts,
        id_list::among,
        pagination::Slice,
        schema::{staff, staff_departments},
    },
    store::connection::{Conn, WriteConn, on_db},
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
    pub(crate) must_change_password: bool,
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
        return Err(StoreError::Conflict(Error::RollbackTransaction));
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

/// A condition for the staff members who have this user name: exactly, or after NFKC and case folding.
macro_rules! has_username {
    ($username:expr) => {
        staff::username.eq($username).or(staff::username_key.eq(Some(username_key($username))))
    };
}

/// Returns the staff member with this user name, and the password hash. User names are trimmed and compared after NFKC
/// and case folding; an exact match precedes others, because accounts older than this rule may differ only in case.
pub fn find_by_username(conn: &mut Conn, username: &str) -> Result<Option<(Staff, String)>, StoreError> {
    let username = username.trim();
    let row: Option<(StaffRow, String)> = on_db!(conn, |c| staff::table
        .filter(has_username!(username))
        .order(staff::username.eq(username).desc())
        .select((StaffRow::as_select(), staff::password_hash))
        .first(c)
        .optional())?;
    let Some((row, hash)) = row else { return Ok(None) };
    Ok(with_departments(conn, vec![row])?.pop().map(|staff| (staff, hash)))
}

/// As [`find_by_username`], and locks the staff member against changes.
pub fn find_and_lock_for_sign_in(tx: &mut Tx<'_>, username: &str) -> Result<Option<(Staff, String)>, StoreError> {
    if let Conn::Pg(conn) = tx.conn() {
        staff::table.filter(has_username!(username.trim())).select(staff::id).for_share().load::<i64>(conn)?;
    }
    find_by_username(tx.conn(), username)
}

/// Locks the staff members as [`lock`], together with all active managers of the hotel: for a change that may take the
/// last one away.
pub fn lock_with_managers(tx: &mut Tx<'_>, hotel: HotelId, ids: &[StaffId]) -> Result<(), StoreError> {
    let Conn::Pg(conn) = tx.conn() else { return Ok(()) };
    let ids: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let is_manager =
        staff::hotel_id.eq(hotel.0).and(staff::role.eq(Role::Manager.as_str())).and(staff::active.eq(true));
    let all = staff::table.filter(among(staff::id, &ids).or(is_manager)).order(staff::id);
    all.select(staff::id).for_no_key_update().load::<i64>(conn)?;
    Ok(())
}

/// Returns whether the hotel has an active manager besides this staff member.
pub fn has_other_manager(conn: &mut Conn, member: &Staff) -> Result<bool, StoreError> {
    let others = staff::table
        .filter(staff::hotel_id.eq(member.hotel.0).and(staff::id.ne(member.id.0)))
        .filter(staff::role.eq(Role::Manager.as_str()).and(staff::active.eq(true)));
    Ok(on_db!(conn, |c| diesel::select(diesel::dsl::exists(others)).get_result(c))?)
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

/// Returns all staff members of all hotels or of one, ordered by id.
pub fn all(conn: &mut Conn, hotel: Option<HotelId>) -> Result<Vec<Staff>, StoreError> {
    let rows: Vec<StaffRow> = on_db!(conn, |c| {
        let mut query = staff::table.order(staff::id).select(StaffRow::as_select()).into_boxed();
        if let Some(hotel) = hotel {
            query = query.filter(staff::hotel_id.eq(hotel.0));
        }
        query.load(c)
    })?;
    with_departments(conn, rows)
}

/// The values of a staff member who is to be stored.
#[derive(Clone, Debug)]
pub struct NewStaffRow {
    /// The user name for signing in, unique over all hotels.
    pub username: Username,
    /// The name of the staff member that others see.
    pub name: Name,
    pub role: Role,
    /// The departments of the staff member, without repetition. The main department comes first.
    pub departments: Vec<DepartmentId>,
    pub password_hash: String,
    /// Whether the person must choose another password at the first sign-in.
    pub must_change_password: bool,
    pub active: bool,
}

/// Stores a new staff member. Returns `None` if the user name is taken in any hotel.
pub fn insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    new: &NewStaffRow,
    at: DateTime<Utc>,
) -> Result<Option<Staff>, StoreError> {
    if is_taken(tx, new.username.as_str(), None)? {
        return Ok(None);
    }
    let row: Option<StaffRow> = on_db!(tx.changing(), |c| diesel::insert_into(staff::table)
        .values((
            staff::hotel_id.eq(hotel.0),
            staff::username.eq(new.username.as_str()),
            staff::username_key.eq(new.username.key()),
            staff::name.eq(new.name.as_str()),
            staff::role.eq(new.role.as_str()),
            staff::password_hash.eq(&new.password_hash),
            staff::must_change_password.eq(new.must_change_password),
            staff::active.eq(new.active),
            staff::created_at.eq(Ts::from(at)),
        ))
        .on_conflict_do_nothing()
        .returning(StaffRow::as_returning())
        .get_result(c)
        .optional())?;
    let Some(row) = row else { return Ok(None) };
    let member = row.with(new.departments.clone())?;
    set_departments(tx, &member)?;
    Ok(Some(member))
}

/// Whether another staff member than `except`, of any hotel, has this user name.
fn is_taken(tx: &mut Tx<'_>, username: &str, except: Option<StaffId>) -> Result<bool, StoreError> {
    let taken = staff::table.filter(has_username!(username)).filter(staff::id.ne(except.map_or(0, |it| it.0)));
    Ok(on_db!(tx.conn(), |c| diesel::select(diesel::dsl::exists(taken)).get_result(c))?)
}

/// Stores the current data of a staff member. Returns `false` if another staff member has the user name, which is
/// compared only if it has changed.
pub fn save(tx: &mut Tx<'_>, member: &Staff) -> Result<bool, StoreError> {
    let stored: String = on_db!(tx.conn(), |c| staff::table.find(member.id.0).select(staff::username).first(c))?;
    let key = match stored == member.username {
        true => None,
        false if is_taken(tx, &member.username, Some(member.id))? => return Ok(false),
        false => Some(staff::username_key.eq(Some(username_key(&member.username)))),
    };
    on_db!(tx.changing(), |c| diesel::update(staff::table.find(member.id.0))
        .set((
            key,
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

/// Stores a new password. `must_change` is whether the person must choose another one at the next sign-in.
pub fn set_password_hash(tx: &mut Tx<'_>, id: StaffId, hash: &str, must_change: bool) -> Result<(), StoreError> {
    let columns = (staff::password_hash.eq(hash), staff::must_change_password.eq(must_change));
    on_db!(tx.changing(), |c| diesel::update(staff::table.find(id.0)).set(columns).execute(c))?;
    Ok(())
}

/// Stores the user names for comparisons of accounts that have none, which are older than this column. If two accounts
/// have the same one, the older account gets it, and the other one keeps signing in by its exact user name.
pub(crate) fn fill_username_keys(mut conn: WriteConn<'_>) -> Result<(), StoreError> {
    let missing: Vec<(i64, String)> = on_db!(conn.reborrow(), |c| staff::table
        .filter(staff::username_key.is_null())
        .order(staff::id)
        .select((staff::id, staff::username))
        .load(c))?;
    for (id, username) in missing {
        let key = username_key(&username);
        let same = staff::table.filter(staff::username_key.eq(Some(&key)));
        if on_db!(conn.reborrow(), |c| diesel::select(diesel::dsl::exists(same)).get_result::<bool>(c))? {
            log::warn!(
                "staff member {id}: the user name equals that of another account but for case or form; it is accepted \
                 only exactly as it was given. Change one of the two"
            );
            continue;
        }
        let filled = on_db!(conn.reborrow(), |c| diesel::update(staff::table.find(id))
            .filter(staff::username_key.is_null())
            .set(staff::username_key.eq(Some(&key)))
            .execute(c));
        match filled {
            // Another node was first.
            Ok(_) | Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
