//! What reports are computed from: rows that are stored in the transaction of the message or closing that they count.
//!
//! The rows name instants, so a report groups them by the days of the hotel's present time zone. A department or staff
//! member of 0 means none.

pub mod backfill;
pub mod figures;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    dsl,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Nullable},
};
use domain::{Conversation, ConversationId, Delivery, MessageId, SenderType, StaffId};

use crate::{
    StoreError, Tx,
    sql::{
        cached_statement::{Number, prepared},
        column_types::{Ts, UtcTs},
        schema::{
            conversations, messages, report_activity, report_answers, report_backfill, report_closings, report_missed,
        },
    },
    store::connection::{Conn, on_db},
};

/// Microseconds in a quarter of an hour. Every time zone begins its days at one.
const QUARTER: i64 = 900_000_000;
/// If staff reopen a conversation within this time, it was not closed.
const UNDO_OF_CLOSING: TimeDelta = TimeDelta::hours(1);

/// Returns the number of the quarter of an hour since 1970.
pub(crate) fn quarter(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros().div_euclid(QUARTER)
}

/// A message that reports count: of a guest, or of staff to a guest.
#[derive(Clone, Copy)]
pub(crate) struct CountedMessage {
    pub(crate) id: i64,
    pub(crate) conversation: i64,
    /// The author; `None` for a message of a guest.
    pub(crate) author: Option<i64>,
    pub(crate) at: Ts,
}

/// Counts a message on SQLite; on PostgreSQL the statement that stores the message does. Call it before the message
/// changes since when the guest waits.
pub(crate) fn count(tx: &mut Tx<'_>, message: CountedMessage) -> Result<(), StoreError> {
    let by_guest = i64::from(message.author.is_none());
    let activity = sql_query(
        "INSERT INTO report_activity \
           (quarter, hotel_id, conversation_id, department_id, staff_id, guest_messages, staff_messages) \
         SELECT $1, hotel_id, id, COALESCE(department_id, 0), COALESCE($2, assigned_to, 0), $3, 1 - $3 \
         FROM conversations WHERE id = $4 \
         ON CONFLICT (hotel_id, quarter, conversation_id, department_id, staff_id) DO UPDATE \
         SET guest_messages = report_activity.guest_messages + excluded.guest_messages, \
           staff_messages = report_activity.staff_messages + excluded.staff_messages \
         RETURNING (SELECT CASE WHEN waiting_since IS NULL THEN 0 ELSE 1 END FROM conversations \
           WHERE id = report_activity.conversation_id) AS number",
    )
    .bind::<BigInt, _>(quarter(message.at.0))
    .bind::<Nullable<BigInt>, _>(message.author)
    .bind::<BigInt, _>(by_guest)
    .bind::<BigInt, _>(message.conversation);
    let waiting: Number = on_db!(tx.changing(), |c| prepared(activity).get_result(c))?;
    // The second statement is left out if nobody waits: each statement costs a send.
    let Some(author) = message.author.filter(|_| waiting.number > 0) else { return Ok(()) };
    let answer = sql_query(
        "INSERT INTO report_answers (at, message_id, staff_id, hotel_id, conversation_id, department_id, \
           asked_at, asked_due_at, answers_since, due_at) \
         SELECT $1, $2, $3, hotel_id, id, COALESCE(department_id, 0), waiting_since, response_due_at, waiting_since, \
           response_due_at \
         FROM conversations WHERE id = $4 AND waiting_since IS NOT NULL RETURNING message_id AS number",
    )
    .bind::<UtcTs, _>(message.at)
    .bind::<BigInt, _>(message.id)
    .bind::<BigInt, _>(author)
    .bind::<BigInt, _>(message.conversation);
    on_db!(tx.changing(), |c| prepared(answer).get_result::<Number>(c).optional())?;
    Ok(())
}

/// A stored message of staff to a guest.
struct StaffMessage {
    hotel: i64,
    conversation: i64,
    id: i64,
    department: i64,
    author: i64,
    at: Ts,
}

/// Counts a message of staff no more, because it has failed or was taken back, or counts it again (`is_counted`). If it
/// ended a wait, the next message of staff ends that wait. The caller's transaction must hold the lock of the
/// conversation, and the message must be changed already. Other messages are not counted, so nothing happens.
pub fn set_counted(tx: &mut Tx<'_>, message: MessageId, is_counted: bool) -> Result<(), StoreError> {
    let Some(message) = find_staff_message(tx.conn(), message)? else { return Ok(()) };
    if is_to_be_filled(tx.conn(), message.id)? {
        return Ok(());
    }
    let row = (
        report_activity::hotel_id.eq(message.hotel),
        report_activity::quarter.eq(quarter(message.at.0)),
        report_activity::conversation_id.eq(message.conversation),
        report_activity::department_id.eq(message.department),
        report_activity::staff_id.eq(message.author),
    );
    let staff_messages = report_activity::staff_messages;
    if is_counted {
        on_db!(tx.changing(), |c| diesel::insert_into(report_activity::table)
            .values((row, report_activity::guest_messages.eq(0), staff_messages.eq(1)))
            .on_conflict((
                report_activity::hotel_id,
                report_activity::quarter,
                report_activity::conversation_id,
                report_activity::department_id,
                report_activity::staff_id,
            ))
            .do_update()
            .set(staff_messages.eq(staff_messages + 1))
            .execute(c))?;
    } else {
        let (hotel, quarter, conversation, department, author) = row;
        let counted = report_activity::table
            .filter(hotel.and(quarter).and(conversation).and(department).and(author))
            .filter(staff_messages.gt(0));
        on_db!(tx.changing(), |c| diesel::update(counted).set(staff_messages.eq(staff_messages - 1)).execute(c))?;
    }
    let (before, next) = neighbours(tx.conn(), &message)?;
    let before = before.unwrap_or_default();
    let own = if is_counted { earliest_wait(tx.conn(), &message, (before, message.id))? } else { None };
    save_answer(tx, &message, own)?;
    if let Some(next) = next {
        let after = if is_counted { message.id } else { before };
        let of_next = earliest_wait(tx.conn(), &next, (after, next.id))?;
        save_answer(tx, &next, of_next)?;
    }
    Ok(())
}

fn find_staff_message(conn: &mut Conn, id: MessageId) -> Result<Option<StaffMessage>, StoreError> {
    type Row = (i64, i64, Option<i64>, Option<i64>, Ts);
    let row: Option<Row> = on_db!(conn, |c| messages::table
        .inner_join(conversations::table.on(conversations::id.eq(messages::conversation_id)))
        .filter(messages::id.eq(id.0).and(messages::internal.eq(false)))
        .filter(messages::sender_type.eq(SenderType::Staff.as_str()))
        .select((
            conversations::hotel_id,
            conversations::id,
            messages::department_id,
            messages::staff_sender,
            messages::timestamp,
        ))
        .first(c)
        .optional())?;
    Ok(row.map(|(hotel, conversation, department, author, at)| StaffMessage {
        hotel,
        conversation,
        id: id.0,
        department: department.unwrap_or_default(),
        author: author.unwrap_or_default(),
        at,
    }))
}

/// Whether the rows of a message are still to be stored by the backfill, which reads the message as it is then.
fn is_to_be_filled(conn: &mut Conn, message: i64) -> Result<bool, StoreError> {
    let below: Option<i64> =
        on_db!(conn, |c| report_backfill::table.select(report_backfill::below).first(c).optional())?;
    Ok(below.is_some_and(|below| message < below))
}

/// Returns the last counted message of staff before a message, and the first one after it.
fn neighbours(conn: &mut Conn, of: &StaffMessage) -> Result<(Option<i64>, Option<StaffMessage>), StoreError> {
    let counted = messages::table
        .filter(messages::conversation_id.eq(of.conversation))
        .filter(messages::sender_type.eq(SenderType::Staff.as_str()).and(messages::internal.eq(false)))
        .filter(messages::delivery.ne(Delivery::Failed.as_str()).and(messages::hidden.eq(false)))
        .select(messages::id);
    let (before, next): (Option<i64>, Option<i64>) = on_db!(conn, |c| (
        counted.filter(messages::id.lt(of.id)).order(messages::id.desc()).first(c).optional()?,
        counted.filter(messages::id.gt(of.id)).order(messages::id.asc()).first(c).optional()?,
    ));
    let next = match next {
        Some(id) => find_staff_message(conn, MessageId(id))?,
        None => None,
    };
    Ok((before, next))
}

/// Returns the earliest wait among those that the messages after `range.0` up to `range.1` found as they were stored, and
/// the time at which its answer was due.
fn earliest_wait(
    conn: &mut Conn,
    of: &StaffMessage,
    range: (i64, i64),
) -> Result<Option<(Ts, Option<Ts>)>, StoreError> {
    let waits = report_answers::table
        .filter(report_answers::conversation_id.eq(of.conversation))
        .filter(report_answers::message_id.gt(range.0).and(report_answers::message_id.le(range.1)))
        .filter(report_answers::asked_at.is_not_null())
        .order(report_answers::asked_at.asc())
        .select((report_answers::asked_at.assume_not_null(), report_answers::asked_due_at));
    Ok(on_db!(conn, |c| waits.first(c).optional())?)
}

/// Stores the wait that a message has ended; `None`: none.
fn save_answer(tx: &mut Tx<'_>, message: &StaffMessage, wait: Option<(Ts, Option<Ts>)>) -> Result<(), StoreError> {
    let ended =
        (report_answers::answers_since.eq(wait.map(|it| it.0)), report_answers::due_at.eq(wait.and_then(|it| it.1)));
    let stored = report_answers::table.find((message.hotel, message.at, message.id));
    let updated = on_db!(tx.changing(), |c| diesel::update(stored).set(ended).execute(c))?;
    if updated > 0 || wait.is_none() {
        return Ok(());
    }
    let new = (
        report_answers::hotel_id.eq(message.hotel),
        report_answers::at.eq(message.at),
        report_answers::message_id.eq(message.id),
        report_answers::conversation_id.eq(message.conversation),
        report_answers::department_id.eq(message.department),
        report_answers::staff_id.eq(message.author),
    );
    on_db!(tx.changing(), |c| diesel::insert_into(report_answers::table).values((new, ended)).execute(c))?;
    Ok(())
}

/// Counts a scheduled message that was just stored as the answer to the guest messages before it. The guest has not
/// been waiting since the message was scheduled; when an answer was due before is not known.
pub fn count_scheduled_answer(tx: &mut Tx<'_>, message: MessageId) -> Result<(), StoreError> {
    let Some(message) = find_staff_message(tx.conn(), message)? else { return Ok(()) };
    let (before, _) = neighbours(tx.conn(), &message)?;
    let handled: i64 = on_db!(tx.conn(), |c| conversations::table
        .find(message.conversation)
        .select(conversations::handled_guest_messages)
        .first(c))?;
    let waited = messages::table
        .filter(messages::conversation_id.eq(message.conversation))
        .filter(messages::id.gt(before.unwrap_or_default()).and(messages::id.lt(message.id)))
        .filter(messages::sender_type.eq(SenderType::Guest.as_str()).and(messages::guest_ordinal.gt(handled)));
    let since: Option<Ts> = on_db!(tx.conn(), |c| waited.select(dsl::min(messages::timestamp)).first(c))?;
    let Some(since) = since else { return Ok(()) };
    save_answer(tx, &message, Some((since, None)))?;
    let stored = report_answers::table.find((message.hotel, message.at, message.id));
    let asked = (report_answers::asked_at.eq(Some(since)), report_answers::asked_due_at.eq(None::<Ts>));
    on_db!(tx.changing(), |c| diesel::update(stored).set(asked).execute(c))?;
    Ok(())
}

/// Records that staff end the waiting of a guest without a message, if the answer was due before. Call it before the
/// waiting ends.
pub fn record_end_of_wait(tx: &mut Tx<'_>, id: ConversationId, at: DateTime<Utc>) -> Result<(), StoreError> {
    let row: (i64, Option<i64>, Option<i64>, Option<Ts>) = on_db!(tx.conn(), |c| conversations::table
        .find(id.0)
        .select((
            conversations::hotel_id,
            conversations::department_id,
            conversations::assigned_to,
            conversations::response_due_at,
        ))
        .first(c))?;
    let (hotel, department, assignee, due) = row;
    let Some(due) = due.filter(|due| due.0 < at) else { return Ok(()) };
    on_db!(tx.changing(), |c| diesel::insert_into(report_missed::table)
        .values((
            report_missed::hotel_id.eq(hotel),
            report_missed::due_at.eq(due),
            report_missed::conversation_id.eq(id.0),
            report_missed::department_id.eq(department.unwrap_or_default()),
            report_missed::staff_id.eq(assignee.unwrap_or_default()),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Records that a staff member has closed a conversation.
pub fn record_closing(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    staff: StaffId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let opened: (Option<Ts>, Ts) = on_db!(tx.conn(), |c| conversations::table
        .find(conversation.id().0)
        .select((conversations::opened_at, conversations::created_at))
        .first(c))?;
    on_db!(tx.changing(), |c| diesel::insert_into(report_closings::table)
        .values((
            report_closings::hotel_id.eq(conversation.hotel().0),
            report_closings::at.eq(Ts::from(at)),
            report_closings::conversation_id.eq(conversation.id().0),
            report_closings::department_id.eq(conversation.department().map_or(0, |it| it.0)),
            report_closings::staff_id.eq(staff.0),
            report_closings::opened_at.eq(opened.0.unwrap_or(opened.1)),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Records that a closed conversation is open from now on.
pub fn record_opening(tx: &mut Tx<'_>, conversation: ConversationId, at: DateTime<Utc>) -> Result<(), StoreError> {
    save_opening(tx, conversation, Ts::from(at))
}

/// Deletes a closing that staff take back soon by reopening the conversation: it has been open since it was opened before.
pub fn take_back_closing(tx: &mut Tx<'_>, conversation: &Conversation, at: DateTime<Utc>) -> Result<(), StoreError> {
    let recent = report_closings::table
        .filter(report_closings::hotel_id.eq(conversation.hotel().0))
        .filter(report_closings::at.ge(Ts::from(at - UNDO_OF_CLOSING)))
        .filter(report_closings::conversation_id.eq(conversation.id().0));
    let last: Option<(Ts, Ts)> = on_db!(tx.conn(), |c| recent
        .order(report_closings::at.desc())
        .select((report_closings::at, report_closings::opened_at))
        .first(c)
        .optional())?;
    let Some((closed_at, opened_at)) = last else { return Ok(()) };
    let row = report_closings::table.find((conversation.hotel().0, closed_at, conversation.id().0));
    on_db!(tx.changing(), |c| diesel::delete(row).execute(c))?;
    save_opening(tx, conversation.id(), opened_at)
}

fn save_opening(tx: &mut Tx<'_>, conversation: ConversationId, at: Ts) -> Result<(), StoreError> {
    let row = conversations::table.find(conversation.0);
    on_db!(tx.changing(), |c| diesel::update(row).set(conversations::opened_at.eq(Some(at))).execute(c))?;
    Ok(())
}
