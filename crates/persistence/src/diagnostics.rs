//! Figures for metrics and `doctor`: outbox, suspended senders, dead letters, staff and failed imports, by hotel.

use chrono::{DateTime, Utc};
use diesel::{
    dsl::{count_star, exists, max, not},
    prelude::*,
};
use domain::{HotelId, Role};

use crate::{
    StoreError, Tx, nodes,
    outbox::{HELD, OPEN},
    sql::{
        cached_statement::Fixed,
        column_types::Ts,
        schema::{
            channels, conversations, departments, hotels, import_failures, outbox, parked, staff, staff_departments,
        },
    },
    store::connection::{Conn, on_db},
};

const MAX_NUMBERS: i64 = 10;

/// Returns the time of the database's clock. `None` for SQLite, which uses the clock of this machine.
pub fn database_time(conn: &mut Conn) -> Result<Option<DateTime<Utc>>, StoreError> {
    match conn {
        Conn::Sqlite(_) => Ok(None),
        Conn::Pg(_) => Ok(Some(nodes::database_time(conn)?.0)),
    }
}

/// Counts outbox messages that are queued or in flight, by hotel.
pub fn count_queued(conn: &mut Conn) -> Result<Vec<(HotelId, i64)>, StoreError> {
    count_outbox(conn, OPEN)
}

/// Counts outbox messages that are held until their guest writes, by hotel.
pub fn count_held(conn: &mut Conn) -> Result<Vec<(HotelId, i64)>, StoreError> {
    count_outbox(conn, HELD)
}

fn count_outbox(conn: &mut Conn, condition: Fixed) -> Result<Vec<(HotelId, i64)>, StoreError> {
    let rows: Vec<(i64, i64)> = on_db!(conn, |c| outbox::table
        .filter(condition)
        .group_by(outbox::hotel_id)
        .select((outbox::hotel_id, count_star()))
        .load(c))?;
    Ok(rows.into_iter().map(|(hotel, count)| (HotelId(hotel), count)).collect())
}

/// Returns hotels with a suspended sender, the error code, and the digest of the rejected access token.
pub fn suspended_senders(conn: &mut Conn) -> Result<Vec<(HotelId, i64, String)>, StoreError> {
    let rows: Vec<(i64, Option<i64>, Option<String>)> = on_db!(conn, |c| channels::table
        .filter(channels::stopped_code.is_not_null())
        .select((channels::hotel_id, channels::stopped_code, channels::stopped_token))
        .load(c))?;
    let stopped = rows.into_iter().filter_map(|(hotel, code, token)| Some((HotelId(hotel), code?, token?)));
    Ok(stopped.collect())
}

/// Returns the time of the newest guest message, by hotel.
pub fn last_guest_messages(conn: &mut Conn) -> Result<Vec<(HotelId, DateTime<Utc>)>, StoreError> {
    let rows: Vec<(i64, Option<Ts>)> = on_db!(conn, |c| conversations::table
        .group_by(conversations::hotel_id)
        .select((conversations::hotel_id, max(conversations::last_guest_message_at)))
        .load(c))?;
    Ok(rows.into_iter().filter_map(|(hotel, at)| Some((HotelId(hotel), at?.0))).collect())
}

/// Returns the number of unprocessed dead letters and the arrival time of the newest.
pub fn count_dead_letters(conn: &mut Conn) -> Result<(i64, Option<DateTime<Utc>>), StoreError> {
    let (count, newest): (i64, Option<Ts>) = on_db!(conn, |c| parked::table
        .filter(parked::settled_at.is_null())
        .select((count_star(), max(parked::received_at)))
        .get_result(c))?;
    Ok((count, newest.map(|it| it.0)))
}

/// Returns the WhatsApp numbers of dead letters that belong to no hotel, at most ten.
pub fn numbers_without_hotel(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    let rows: Vec<Option<String>> = on_db!(conn, |c| parked::table
        .filter(parked::settled_at.is_null().and(parked::hotel_id.is_null()))
        .filter(parked::phone_number_id.is_not_null())
        .select(parked::phone_number_id)
        .distinct()
        .order(parked::phone_number_id)
        .limit(MAX_NUMBERS)
        .load(c))?;
    Ok(rows.into_iter().flatten().collect())
}

/// Returns the hotels that have no active manager.
pub fn hotels_without_manager(conn: &mut Conn) -> Result<Vec<HotelId>, StoreError> {
    let managers = staff::table
        .filter(staff::hotel_id.eq(hotels::id).and(staff::active).and(staff::role.eq(Role::Manager.as_str())))
        .select(staff::id);
    let ids: Vec<i64> =
        on_db!(conn, |c| hotels::table.filter(not(exists(managers))).order(hotels::id).select(hotels::id).load(c))?;
    Ok(ids.into_iter().map(HotelId).collect())
}

/// Returns the user names of active staff without an active department, by hotel. Managers need none.
pub fn staff_without_department(conn: &mut Conn) -> Result<Vec<(HotelId, String)>, StoreError> {
    let memberships = staff_departments::table
        .inner_join(departments::table.on(departments::id.eq(staff_departments::department_id)))
        .filter(staff_departments::staff_id.eq(staff::id).and(departments::active))
        .select(departments::id);
    let rows: Vec<(i64, String)> = on_db!(conn, |c| staff::table
        .filter(staff::active.and(staff::role.eq(Role::Staff.as_str())).and(not(exists(memberships))))
        .order(staff::id)
        .select((staff::hotel_id, staff::username))
        .load(c))?;
    Ok(rows.into_iter().map(|(hotel, username)| (HotelId(hotel), username)).collect())
}

/// Imports of stays of a hotel that failed one after another, in whole or in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportFailures {
    pub count: i64,
    pub last_at: DateTime<Utc>,
}

/// Returns the failed imports since the last one without failure, by hotel.
pub fn import_failures(conn: &mut Conn) -> Result<Vec<(HotelId, ImportFailures)>, StoreError> {
    let rows: Vec<(i64, i64, Ts)> = on_db!(conn, |c| import_failures::table
        .select((import_failures::hotel_id, import_failures::failures, import_failures::last_at))
        .load(c))?;
    let failures =
        |(hotel, count, last_at): (i64, i64, Ts)| (HotelId(hotel), ImportFailures { count, last_at: last_at.0 });
    Ok(rows.into_iter().map(failures).collect())
}

/// Whether the last import of stays of a hotel failed, in whole or in part.
pub fn has_import_failures(conn: &mut Conn, hotel: HotelId) -> Result<bool, StoreError> {
    Ok(on_db!(conn, |c| diesel::select(exists(import_failures::table.find(hotel.0))).get_result(c))?)
}

/// Counts a failed import of stays.
pub fn record_failed_import(tx: &mut Tx<'_>, hotel: HotelId, at: DateTime<Utc>) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::insert_into(import_failures::table)
        .values((
            import_failures::hotel_id.eq(hotel.0),
            import_failures::failures.eq(1),
            import_failures::last_at.eq(Ts::from(at)),
        ))
        .on_conflict(import_failures::hotel_id)
        .do_update()
        .set((import_failures::failures.eq(import_failures::failures + 1), import_failures::last_at.eq(Ts::from(at)),))
        .execute(c))?;
    Ok(())
}

/// Forgets the failed imports of a hotel, after an import without failure.
pub fn forget_failed_imports(tx: &mut Tx<'_>, hotel: HotelId) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::delete(import_failures::table.find(hotel.0)).execute(c))?;
    Ok(())
}
