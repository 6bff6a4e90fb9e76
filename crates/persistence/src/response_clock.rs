//! Response clocks: by when staff should answer a waiting guest, and the alarm that nobody has. Both are columns of the
//! conversation, beside `waiting_since`. A stored message changes them along with it
//! ([`messages::append`](crate::messages::append)).

use chrono::{DateTime, Utc};
use diesel::{dsl::exists, prelude::*, select};
use domain::{Conversation, ConversationId, HotelId, event::OverdueResponse};

use crate::{
    StoreError, Tx,
    conversations::{ClockColumns, ConversationRow, ResponseClock, response_clock},
    sql::{
        cached_statement::{Fixed, fixed, prepared},
        column_types::Ts,
        id_list::among,
        schema::{clock_refreshes, conversations, overdue_alarms},
    },
    store::connection::{Conn, on_db},
};

/// The condition "the guest waits", written literally, so that the partial index is used.
const WAITING: Fixed = fixed("conversations.waiting_since IS NOT NULL");

/// The condition "the alarm of the conversation is to be raised by now". During a snooze it waits.
macro_rules! alarm_is_due {
    ($now:expr) => {{
        let now = Ts::from($now);
        let is_awake = conversations::snoozed_until.is_null().or(conversations::snoozed_until.le(now));
        conversations::overdue_alarm_at.le(now).and(is_awake)
    }};
}

/// Returns the clocks of conversations, ordered by id. The caller's transaction must hold their locks to change them.
pub fn clocks(conn: &mut Conn, ids: &[ConversationId]) -> Result<Vec<(Conversation, ResponseClock)>, StoreError> {
    let ids: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let columns = (conversations::waiting_since, conversations::response_due_at, conversations::overdue_alarm_at);
    let rows: Vec<(ConversationRow, ClockColumns)> = on_db!(conn, |c| conversations::table
        .filter(among(conversations::id, &ids))
        .order(conversations::id)
        .select((ConversationRow::as_select(), columns))
        .load(c))?;
    rows.into_iter().map(|(row, of_clock)| Ok((row.try_into()?, response_clock(of_clock)))).collect()
}

/// Stores by when staff should answer the guest of a conversation, who waits. The alarm is raised then, unless it was
/// raised before.
pub fn set_due(tx: &mut Tx<'_>, id: ConversationId, due_at: Option<DateTime<Utc>>) -> Result<(), StoreError> {
    let at = due_at.map(Ts::from);
    let now = (conversations::response_due_at.eq(at), conversations::overdue_alarm_at.eq(at));
    let row = conversations::table.find(id.0);
    on_db!(tx.changing(), |c| prepared(diesel::update(row).set(now).returning(conversations::id))
        .get_result::<i64>(c))?;
    Ok(())
}

/// Returns conversations of a hotel whose guests wait, with ids above `after`, in ascending order.
pub fn waiting_after(
    conn: &mut Conn,
    hotel: HotelId,
    after: ConversationId,
    limit: i64,
) -> Result<Vec<ConversationId>, StoreError> {
    let ids: Vec<i64> = on_db!(conn, |c| conversations::table
        .filter(conversations::hotel_id.eq(hotel.0).and(WAITING))
        .filter(conversations::id.gt(after.0))
        .order(conversations::id)
        .select(conversations::id)
        .limit(limit)
        .load(c))?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

/// Returns conversations whose alarm is due, the longest due first, with their hotels.
pub fn due_alarms(
    conn: &mut Conn,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(HotelId, ConversationId)>, StoreError> {
    let due = conversations::table.filter(alarm_is_due!(now)).order(conversations::overdue_alarm_at);
    let rows: Vec<(i64, i64)> =
        on_db!(conn, |c| due.select((conversations::hotel_id, conversations::id)).limit(limit).load(c))?;
    Ok(rows.into_iter().map(|(hotel, id)| (HotelId(hotel), ConversationId(id))).collect())
}

/// Clears the alarms of conversations that are still due, and returns the conversations with the time since which their
/// guests wait. The caller's transaction must hold the locks of the conversations.
pub fn take_due_alarms(
    tx: &mut Tx<'_>,
    ids: &[ConversationId],
    now: DateTime<Utc>,
) -> Result<Vec<(Conversation, DateTime<Utc>)>, StoreError> {
    let ids: Vec<i64> = ids.iter().map(|it| it.0).collect();
    let due = conversations::table.filter(among(conversations::id, &ids)).filter(alarm_is_due!(now));
    let mut rows: Vec<(ConversationRow, Option<Ts>)> = on_db!(tx.changing(), |c| diesel::update(due)
        .set(conversations::overdue_alarm_at.eq(None::<Ts>))
        .returning((ConversationRow::as_returning(), conversations::waiting_since))
        .get_results(c))?;
    rows.sort_unstable_by_key(|(row, _)| row.id);
    let taken = rows.into_iter().filter_map(|(row, since)| Some((row, since?)));
    taken.map(|(row, since)| Ok((row.try_into()?, since.0))).collect()
}

/// Records that an alarm is raised. Returns `false` if it was raised before, for the same wait and department.
pub fn record_alarm(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    overdue: &OverdueResponse,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let inserted = on_db!(tx.changing(), |c| diesel::insert_into(overdue_alarms::table)
        .values((
            overdue_alarms::hotel_id.eq(hotel.0),
            overdue_alarms::conversation_id.eq(overdue.conversation.0),
            overdue_alarms::department_id.eq(overdue.department.0),
            overdue_alarms::waiting_since.eq(Ts::from(overdue.waiting_since)),
            overdue_alarms::raised_at.eq(Ts::from(at)),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

/// Requests that the clocks of a hotel are computed again at a time.
pub fn request_refresh(tx: &mut Tx<'_>, hotel: HotelId, run_at: DateTime<Utc>) -> Result<(), StoreError> {
    let run_at = clock_refreshes::run_at.eq(Ts::from(run_at));
    on_db!(tx.changing(), |c| diesel::insert_into(clock_refreshes::table)
        .values((clock_refreshes::hotel_id.eq(hotel.0), run_at))
        .on_conflict(clock_refreshes::hotel_id)
        .do_update()
        .set(run_at)
        .execute(c))?;
    Ok(())
}

/// Returns the hotels whose clocks have to be computed again by now.
pub fn due_refreshes(conn: &mut Conn, now: DateTime<Utc>) -> Result<Vec<HotelId>, StoreError> {
    let due = clock_refreshes::table.filter(clock_refreshes::run_at.le(Ts::from(now)));
    let ids: Vec<i64> =
        on_db!(conn, |c| due.order(clock_refreshes::hotel_id).select(clock_refreshes::hotel_id).load(c))?;
    Ok(ids.into_iter().map(HotelId).collect())
}

/// Postpones a due refresh to `until`, so that no other node begins it meanwhile, and it is repeated if this node dies.
/// Returns `false` if it is not due any more.
pub fn claim_refresh(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let due = clock_refreshes::table.find(hotel.0).filter(clock_refreshes::run_at.le(Ts::from(now)));
    if !on_db!(tx.conn(), |c| select(exists(due)).get_result::<bool>(c))? {
        return Ok(false);
    }
    let claimed =
        on_db!(tx.changing(), |c| diesel::update(due).set(clock_refreshes::run_at.eq(Ts::from(until))).execute(c))?;
    Ok(claimed == 1)
}

/// Deletes a refresh that is done, unless it was requested again after it was claimed.
pub fn finish_refresh(tx: &mut Tx<'_>, hotel: HotelId, claimed_until: DateTime<Utc>) -> Result<(), StoreError> {
    let done = clock_refreshes::table.find(hotel.0).filter(clock_refreshes::run_at.eq(Ts::from(claimed_until)));
    on_db!(tx.changing(), |c| diesel::delete(done).execute(c))?;
    Ok(())
}
