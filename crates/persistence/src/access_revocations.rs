//! Access revocations: departments whose closed conversations a staff member can no longer see (table `reach_losses`).
//!
//! Each closed conversation needs an event, and a department may have a hundred thousand of them. So the change of the
//! staff member stores one row here, and batches write the events afterwards. No transaction holds the event counter of
//! the hotel for long.

use diesel::{prelude::*, upsert::excluded};
use domain::{ConversationId, DepartmentId, HotelId, StaffId, Status, StayId};

use crate::{
    StoreError, Tx,
    sql::{
        id_list::among,
        schema::{conversations, reach_losses},
    },
    store::connection::{Conn, on_db},
};

/// Maximum number of conversations that one batch of an access revocation scans.
const BATCH_SIZE: i64 = 500;

/// A staff member who can no longer see a department and its closed conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessRevocation {
    pub hotel: HotelId,
    pub staff: StaffId,
    pub department: DepartmentId,
}

/// One batch of an access revocation: a part of the closed conversations of the department.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationBatch {
    /// The closed conversations of this batch with their stays, ordered by id.
    pub conversations: Vec<(ConversationId, Option<StayId>)>,
    pub has_more: bool,
}

/// Returns the conversations in relay with these departments, with their stays, ordered by id.
pub fn relay_conversations(
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

/// Stores an access revocation. An unfinished revocation of the same department starts again. Stores nothing if the
/// department has no closed conversation.
pub fn insert(tx: &mut Tx<'_>, revocation: AccessRevocation) -> Result<(), StoreError> {
    let of_hotel = conversations::table.filter(conversations::hotel_id.eq(revocation.hotel.0));
    let closed = of_hotel
        .filter(conversations::department_id.eq(revocation.department.0))
        .filter(conversations::status.eq(Status::Closed.as_str()));
    if !on_db!(tx.conn(), |c| diesel::select(diesel::dsl::exists(closed)).get_result::<bool>(c))? {
        return Ok(());
    }
    let newest = of_hotel.order(conversations::id.desc()).select(conversations::id);
    let last: i64 = on_db!(tx.conn(), |c| newest.first(c))?;
    on_db!(tx.changing(), |c| diesel::insert_into(reach_losses::table)
        .values((
            reach_losses::hotel_id.eq(revocation.hotel.0),
            reach_losses::staff_id.eq(revocation.staff.0),
            reach_losses::department_id.eq(revocation.department.0),
            reach_losses::done_id.eq(0),
            reach_losses::last_id.eq(last),
        ))
        .on_conflict((reach_losses::staff_id, reach_losses::department_id))
        .do_update()
        .set((reach_losses::done_id.eq(0), reach_losses::last_id.eq(excluded(reach_losses::last_id))))
        .execute(c))?;
    Ok(())
}

/// Returns the unfinished access revocations.
pub fn list_pending(conn: &mut Conn) -> Result<Vec<AccessRevocation>, StoreError> {
    let rows: Vec<(i64, i64, i64)> = on_db!(conn, |c| reach_losses::table
        .order((reach_losses::staff_id, reach_losses::department_id))
        .select((reach_losses::hotel_id, reach_losses::staff_id, reach_losses::department_id))
        .load(c))?;
    let revocation = |(hotel, staff, department)| AccessRevocation {
        hotel: HotelId(hotel),
        staff: StaffId(staff),
        department: DepartmentId(department),
    };
    Ok(rows.into_iter().map(revocation).collect())
}

/// Returns the next batch of an access revocation and advances its row. Returns `None` if the revocation is finished,
/// or if another node is processing it.
pub fn take_batch(tx: &mut Tx<'_>, revocation: AccessRevocation) -> Result<Option<RevocationBatch>, StoreError> {
    let this = reach_losses::table.find((revocation.staff.0, revocation.department.0));
    let columns = (reach_losses::done_id, reach_losses::last_id);
    let found: Option<(i64, i64)> = match tx.conn() {
        Conn::Pg(c) => this.select(columns).for_update().skip_locked().first(c).optional()?,
        Conn::Sqlite(c) => this.select(columns).first(c).optional()?,
    };
    let Some((done, last)) = found else { return Ok(None) };
    let rows: Vec<(i64, Option<i64>, Option<i64>, String)> = on_db!(tx.conn(), |c| conversations::table
        .filter(conversations::hotel_id.eq(revocation.hotel.0))
        .filter(conversations::id.gt(done).and(conversations::id.le(last)))
        .order(conversations::id)
        .select((conversations::id, conversations::stay_id, conversations::department_id, conversations::status))
        .limit(BATCH_SIZE)
        .load(c))?;
    let has_more = rows.len() as i64 == BATCH_SIZE;
    match rows.last().filter(|_| has_more) {
        Some((done, ..)) => {
            on_db!(tx.changing(), |c| diesel::update(this).set(reach_losses::done_id.eq(*done)).execute(c))?;
        }
        None => delete(tx, revocation)?,
    }
    let is_closed_in_department = |(_, _, department, status): &(_, _, Option<i64>, String)| {
        *department == Some(revocation.department.0) && status == Status::Closed.as_str()
    };
    let matching = rows.into_iter().filter(is_closed_in_department);
    let conversations = matching.map(|(id, stay, ..)| (ConversationId(id), stay.map(StayId))).collect();
    Ok(Some(RevocationBatch { conversations, has_more }))
}

/// Deletes an access revocation: it is finished, or the staff member sees the department again.
pub fn delete(tx: &mut Tx<'_>, revocation: AccessRevocation) -> Result<(), StoreError> {
    let this = reach_losses::table.find((revocation.staff.0, revocation.department.0));
    on_db!(tx.changing(), |c| diesel::delete(this).execute(c))?;
    Ok(())
}
