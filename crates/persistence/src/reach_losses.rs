//! Departments whose closed conversations a staff member does not see any more, until that is in the log for each.
//!
//! A department may have a hundred thousand closed conversations. The change of the staff member writes one row here,
//! and batches write the events afterwards, so that no transaction holds the hotel's log for long.

use diesel::{prelude::*, upsert::excluded};
use domain::{ConversationId, DepartmentId, HotelId, StaffId, Status, StayId};

use crate::{
    StoreError, Tx,
    among::among,
    conn::{Conn, on_db},
    schema::{conversations, reach_losses},
};

/// Conversations that one batch looks at.
const BATCH: i64 = 500;

/// A staff member who does not see a department any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReachLoss {
    /// The hotel.
    pub hotel: HotelId,
    /// The staff member.
    pub staff: StaffId,
    /// The department.
    pub department: DepartmentId,
}

/// A part of the closed conversations of a department.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The conversations, and their stays, in the order of ids.
    pub conversations: Vec<(ConversationId, Option<StayId>)>,
    /// Whether there may be more.
    pub more: bool,
}

/// Conversations of a hotel in relay with these departments, in the order of ids.
///
/// # Errors
/// [`StoreError`].
pub fn in_relay_with(
    conn: &mut Conn,
    hotel: HotelId,
    departments: &[DepartmentId],
) -> Result<Vec<(ConversationId, Option<StayId>)>, StoreError> {
    let ids: Vec<i64> = departments.iter().map(|it| it.0).collect();
    let rows: Vec<(i64, Option<i64>)> = on_db!(conn, |c| conversations::table
        .filter(conversations::hotel_id.eq(hotel.0).and(among(conversations::department_id, &ids)))
        .filter(conversations::status.eq(Status::Relay.as_str()))
        .order(conversations::id)
        .select((conversations::id, conversations::stay_id))
        .load(c))?;
    Ok(rows.into_iter().map(|(id, stay)| (ConversationId(id), stay.map(StayId))).collect())
}

/// Stores a loss; one of the same department that is not done yet begins again. Nothing where the department has no
/// closed conversation.
///
/// # Errors
/// [`StoreError`].
pub fn insert(tx: &mut Tx<'_>, loss: ReachLoss) -> Result<(), StoreError> {
    let of_hotel = conversations::table.filter(conversations::hotel_id.eq(loss.hotel.0));
    let closed = of_hotel
        .filter(conversations::department_id.eq(loss.department.0))
        .filter(conversations::status.eq(Status::Closed.as_str()));
    if !on_db!(tx.conn(), |c| diesel::select(diesel::dsl::exists(closed)).get_result::<bool>(c))? {
        return Ok(());
    }
    let newest = of_hotel.order(conversations::id.desc()).select(conversations::id);
    let last: i64 = on_db!(tx.conn(), |c| newest.first(c))?;
    on_db!(tx.changing(), |c| diesel::insert_into(reach_losses::table)
        .values((
            reach_losses::hotel_id.eq(loss.hotel.0),
            reach_losses::staff_id.eq(loss.staff.0),
            reach_losses::department_id.eq(loss.department.0),
            reach_losses::done_id.eq(0),
            reach_losses::last_id.eq(last),
        ))
        .on_conflict((reach_losses::staff_id, reach_losses::department_id))
        .do_update()
        .set((reach_losses::done_id.eq(0), reach_losses::last_id.eq(excluded(reach_losses::last_id))))
        .execute(c))?;
    Ok(())
}

/// The losses that are not done yet.
///
/// # Errors
/// [`StoreError`].
pub fn pending(conn: &mut Conn) -> Result<Vec<ReachLoss>, StoreError> {
    let rows: Vec<(i64, i64, i64)> = on_db!(conn, |c| reach_losses::table
        .order((reach_losses::staff_id, reach_losses::department_id))
        .select((reach_losses::hotel_id, reach_losses::staff_id, reach_losses::department_id))
        .load(c))?;
    let loss = |(hotel, staff, department)| ReachLoss {
        hotel: HotelId(hotel),
        staff: StaffId(staff),
        department: DepartmentId(department),
    };
    Ok(rows.into_iter().map(loss).collect())
}

/// Takes the next batch of a loss; `None` where there is none, or another node has one at work.
///
/// # Errors
/// [`StoreError`].
pub fn take_batch(tx: &mut Tx<'_>, loss: ReachLoss) -> Result<Option<Batch>, StoreError> {
    let this = reach_losses::table.find((loss.staff.0, loss.department.0));
    let columns = (reach_losses::done_id, reach_losses::last_id);
    let found: Option<(i64, i64)> = match tx.conn() {
        Conn::Pg(c) => this.select(columns).for_update().skip_locked().first(c).optional()?,
        Conn::Sqlite(c) => this.select(columns).first(c).optional()?,
    };
    let Some((done, last)) = found else { return Ok(None) };
    let rows: Vec<(i64, Option<i64>, Option<i64>, String)> = on_db!(tx.conn(), |c| conversations::table
        .filter(conversations::hotel_id.eq(loss.hotel.0))
        .filter(conversations::id.gt(done).and(conversations::id.le(last)))
        .order(conversations::id)
        .select((conversations::id, conversations::stay_id, conversations::department_id, conversations::status))
        .limit(BATCH)
        .load(c))?;
    let more = rows.len() as i64 == BATCH;
    match rows.last().filter(|_| more) {
        Some((done, ..)) => {
            on_db!(tx.changing(), |c| diesel::update(this).set(reach_losses::done_id.eq(*done)).execute(c))?;
        }
        None => delete(tx, loss)?,
    }
    let is_meant = |(_, _, department, status): &(_, _, Option<i64>, String)| {
        *department == Some(loss.department.0) && status == Status::Closed.as_str()
    };
    let meant = rows.into_iter().filter(is_meant);
    let conversations = meant.map(|(id, stay, ..)| (ConversationId(id), stay.map(StayId))).collect();
    Ok(Some(Batch { conversations, more }))
}

/// Forgets a loss: it is done, or the staff member sees the department again.
///
/// # Errors
/// [`StoreError`].
pub fn delete(tx: &mut Tx<'_>, loss: ReachLoss) -> Result<(), StoreError> {
    let this = reach_losses::table.find((loss.staff.0, loss.department.0));
    on_db!(tx.changing(), |c| diesel::delete(this).execute(c))?;
    Ok(())
}
