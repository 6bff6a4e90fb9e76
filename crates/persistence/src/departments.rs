//! Departments of hotels.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::{dsl::exists, prelude::*, result::OptionalEmptyChangesetExtension, sql_types::Bool};
use domain::{
    Department, DepartmentId, HotelId, Name,
    hotel::ResponseTarget,
    opening_hours::{DaySpan, OpeningHours},
};

use crate::{
    StoreError, Tx,
    sql::{column_types::Ts, pagination::Slice, schema::departments},
    store::connection::{Conn, on_db},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = departments)]
pub(crate) struct DepartmentRow {
    id: i64,
    name: String,
    active: bool,
    handles_stays: bool,
    first_response_minutes: Option<i64>,
    opening_hours: Option<String>,
}

pub(crate) fn department(row: DepartmentRow) -> Department {
    Department {
        id: DepartmentId(row.id),
        name: row.name,
        active: row.active,
        handles_stays: row.handles_stays,
        first_response: row.first_response_minutes.and_then(|it| ResponseTarget::parse(it).ok()),
        opening_hours: row.opening_hours.as_deref().and_then(stored_hours),
    }
}

/// Opening hours from their stored JSON. Unreadable ones count as none, so that the department can still be loaded.
fn stored_hours(json: &str) -> Option<OpeningHours> {
    OpeningHours::parse(serde_json::from_str(json).ok()?).ok()
}

fn hours_to_json(hours: &OpeningHours) -> String {
    let texts = |spans: &[DaySpan]| spans.iter().map(DaySpan::as_texts).collect::<Vec<_>>();
    let days: BTreeMap<_, _> = hours.days().map(|(day, spans)| (day, texts(spans))).collect();
    serde_json::json!(days).to_string()
}

/// Which departments a list contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepartmentSelector {
    Active,
    /// Inactive departments, too.
    All,
}

/// Returns the number of departments and one slice of them, ordered by id.
pub fn list(
    conn: &mut Conn,
    hotel: HotelId,
    selector: DepartmentSelector,
    slice: Slice,
) -> Result<(i64, Vec<Department>), StoreError> {
    let is_wanted = departments::active.or((selector == DepartmentSelector::All).into_sql::<Bool>());
    let of = departments::table.filter(departments::hotel_id.eq(hotel.0).and(is_wanted));
    let (count, rows): (i64, Vec<DepartmentRow>) = on_db!(conn, |c| (
        of.count().get_result(c)?,
        of.order(departments::id).select(DepartmentRow::as_select()).offset(slice.offset).limit(slice.limit).load(c)?
    ));
    Ok((count, rows.into_iter().map(department).collect()))
}

/// Returns all departments of a hotel, ordered by id.
pub fn all(conn: &mut Conn, hotel: HotelId) -> Result<Vec<Department>, StoreError> {
    let of = departments::table.filter(departments::hotel_id.eq(hotel.0)).order(departments::id);
    let rows: Vec<DepartmentRow> = on_db!(conn, |c| of.select(DepartmentRow::as_select()).load(c))?;
    Ok(rows.into_iter().map(department).collect())
}

pub fn find(conn: &mut Conn, hotel: HotelId, id: DepartmentId) -> Result<Option<Department>, StoreError> {
    let row: Option<DepartmentRow> = on_db!(conn, |c| departments::table
        .filter(departments::hotel_id.eq(hotel.0).and(departments::id.eq(id.0)))
        .select(DepartmentRow::as_select())
        .first(c)
        .optional())?;
    Ok(row.map(department))
}

/// Returns departments of this hotel by id, in the order of `ids`.
pub fn by_ids(conn: &mut Conn, hotel: HotelId, ids: &[DepartmentId]) -> Result<Vec<Department>, StoreError> {
    let keys: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let rows: Vec<DepartmentRow> = on_db!(conn, |c| departments::table
        .filter(departments::hotel_id.eq(hotel.0).and(departments::id.eq_any(&keys)))
        .select(DepartmentRow::as_select())
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

/// Returns the first of these departments that is active.
pub fn first_active(conn: &mut Conn, hotel: HotelId, ids: &[DepartmentId]) -> Result<Option<DepartmentId>, StoreError> {
    Ok(by_ids(conn, hotel, ids)?.into_iter().find(|it| it.active).map(|it| it.id))
}

/// Whether one of these departments is active and handles stays.
pub fn any_handles_stays(conn: &mut Conn, hotel: HotelId, ids: &[DepartmentId]) -> Result<bool, StoreError> {
    Ok(by_ids(conn, hotel, ids)?.iter().any(|it| it.active && it.handles_stays))
}

/// Locks a department against deactivation until the end of the transaction. Returns `None` if it is inactive, or not of
/// this hotel. The lock is shared with other transactions that route to the department.
pub fn lock_active(tx: &mut Tx<'_>, hotel: HotelId, id: DepartmentId) -> Result<Option<Department>, StoreError> {
    if let Conn::Pg(conn) = tx.conn() {
        departments::table.find(id.0).select(departments::id).for_key_share().load::<i64>(conn)?;
    }
    Ok(find(tx.conn(), hotel, id)?.filter(|it| it.active))
}

/// Locks a department that the job has chosen as [`lock_active`]. Fails with a conflict if it is inactive; then the writer
/// runs the job again, which chooses another one.
pub fn lock_chosen(tx: &mut Tx<'_>, hotel: HotelId, id: DepartmentId) -> Result<Department, StoreError> {
    lock_active(tx, hotel, id)?.ok_or(StoreError::Conflict(diesel::result::Error::RollbackTransaction))
}

/// Locks a department for its deactivation: waits for transactions that route to it, and excludes new ones.
pub fn lock_exclusively(tx: &mut Tx<'_>, id: DepartmentId) -> Result<(), StoreError> {
    let Conn::Pg(conn) = tx.conn() else { return Ok(()) };
    departments::table.find(id.0).select(departments::id).for_update().load::<i64>(conn)?;
    Ok(())
}

/// Stores a new department; the first one of a hotel handles stays. Returns `None` if the hotel has a department with
/// that name.
pub fn insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    name: &Name,
    at: DateTime<Utc>,
) -> Result<Option<Department>, StoreError> {
    let others = departments::table.filter(departments::hotel_id.eq(hotel.0));
    let has_others: bool = on_db!(tx.conn(), |c| diesel::select(exists(others)).get_result(c))?;
    let row: Option<DepartmentRow> = on_db!(tx.changing(), |c| diesel::insert_into(departments::table)
        .values((
            departments::hotel_id.eq(hotel.0),
            departments::name.eq(name.as_str()),
            departments::created_at.eq(Ts::from(at)),
            departments::handles_stays.eq(!has_others),
        ))
        .on_conflict((departments::hotel_id, departments::name))
        .do_nothing()
        .returning(DepartmentRow::as_returning())
        .get_result(c)
        .optional())?;
    Ok(row.map(department))
}

/// A change of a department. Fields that are `None` stay as they are.
#[derive(Clone, Debug, Default)]
pub struct DepartmentFields {
    pub name: Option<Name>,
    pub active: Option<bool>,
    pub handles_stays: Option<bool>,
    /// The target for answers; `Some(None)` for none.
    pub first_response: Option<Option<ResponseTarget>>,
    /// The opening hours; `Some(None)` for always.
    pub opening_hours: Option<Option<OpeningHours>>,
}

/// Changes a department. Returns `false` if another department of the hotel has the name.
pub fn change(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    id: DepartmentId,
    change: &DepartmentFields,
) -> Result<bool, StoreError> {
    if let Some(name) = &change.name {
        let taken = departments::table
            .filter(departments::hotel_id.eq(hotel.0).and(departments::name.eq(name.as_str())))
            .filter(departments::id.ne(id.0));
        if on_db!(tx.conn(), |c| diesel::select(exists(taken)).get_result::<bool>(c))? {
            return Ok(false);
        }
    }
    on_db!(tx.changing(), |c| diesel::update(departments::table.find(id.0))
        .set((
            change.name.as_ref().map(|it| departments::name.eq(it.as_str())),
            change.active.map(|it| departments::active.eq(it)),
            change.handles_stays.map(|it| departments::handles_stays.eq(it)),
            change.first_response.map(|it| departments::first_response_minutes.eq(it.map(ResponseTarget::minutes))),
            change.opening_hours.as_ref().map(|it| departments::opening_hours.eq(it.as_ref().map(hours_to_json))),
        ))
        .execute(c)
        .optional_empty_changeset())?;
    Ok(true)
}
