//! The rows of messages that are older than the reports. They are stored in small transactions, newest first, as far as
//! the database knows what was then: department and assignee follow from the audit log, and when an answer was due is not
//! known.

use diesel::{prelude::*, sql_query, sql_types::BigInt};

use crate::{
    StoreError, Tx,
    sql::schema::report_backfill,
    store::connection::{Conn, on_db},
};

/// A staff message that counts: neither note, nor failed, nor taken back.
const IS_COUNTED_ANSWER: &str =
    "m.sender_type = 'staff' AND NOT m.internal AND NOT m.hidden AND m.delivery <> 'failed'";

/// The columns by which `action` of the audit log changes a conversation, at the time of the message.
fn at_that_time(action: &str, present: &str) -> String {
    let of =
        format!("FROM audit a WHERE a.hotel_id = c.hotel_id AND a.conversation_id = c.id AND a.action = '{action}'");
    format!(
        "CAST(COALESCE(\
           (SELECT COALESCE(a.after, '0') {of} AND a.at <= m.timestamp ORDER BY a.at DESC, a.id DESC LIMIT 1), \
           (SELECT COALESCE(a.before, '0') {of} AND a.at > m.timestamp ORDER BY a.at, a.id LIMIT 1), \
           CAST({present} AS TEXT), '0') AS BIGINT)"
    )
}

/// Stores the rows of the next `limit` ids of messages. Returns `true` if more may be left.
pub fn fill(tx: &mut Tx<'_>, limit: i64) -> Result<bool, StoreError> {
    let next = report_backfill::table.select(report_backfill::below);
    // On PostgreSQL one node at a time continues.
    let below: Option<i64> = match tx.conn() {
        Conn::Sqlite(c) => next.first(c).optional()?,
        Conn::Pg(c) => next.for_update().skip_locked().first(c).optional()?,
    };
    let Some(below) = below else { return Ok(false) };
    let from = (below - limit).max(0);
    fill_range(tx, from, below)?;
    let is_done = from <= 1;
    on_db!(tx.changing(), |c| if is_done {
        diesel::delete(report_backfill::table).execute(c)
    } else {
        diesel::update(report_backfill::table).set(report_backfill::below.eq(from)).execute(c)
    })?;
    Ok(!is_done)
}

/// Stores the rows of the messages with ids from `from` to below `below`, which must have none.
pub fn fill_range(tx: &mut Tx<'_>, from: i64, below: i64) -> Result<(), StoreError> {
    let is_postgres = tx.is_postgres();
    let quarter = match is_postgres {
        true => "CAST(floor(date_part('epoch', m.timestamp) / 900) AS BIGINT)",
        false => "m.timestamp / 900000000",
    };
    let (department, assignee) =
        (at_that_time("transferred", "c.department_id"), at_that_time("assigned", "c.assigned_to"));
    let activity = format!(
        "INSERT INTO report_activity \
           (hotel_id, quarter, conversation_id, department_id, staff_id, guest_messages, staff_messages) \
         SELECT hotel_id, quarter, conversation_id, department_id, staff_id, SUM(by_guest), SUM(1 - by_guest) FROM (\
           SELECT c.hotel_id AS hotel_id, {quarter} AS quarter, c.id AS conversation_id, \
             {department} AS department_id, COALESCE(m.staff_sender, {assignee}) AS staff_id, \
             CASE WHEN m.sender_type = 'guest' THEN 1 ELSE 0 END AS by_guest \
           FROM messages m JOIN conversations c ON c.id = m.conversation_id \
           WHERE m.id >= $1 AND m.id < $2 AND (m.sender_type = 'guest' OR {IS_COUNTED_ANSWER})\
         ) AS counted WHERE TRUE GROUP BY hotel_id, quarter, conversation_id, department_id, staff_id \
         ON CONFLICT (hotel_id, quarter, conversation_id, department_id, staff_id) DO UPDATE \
         SET guest_messages = report_activity.guest_messages + excluded.guest_messages, \
           staff_messages = report_activity.staff_messages + excluded.staff_messages"
    );
    let asked_at = "(SELECT min(g.timestamp) FROM messages g \
         WHERE g.conversation_id = m.conversation_id AND g.id < m.id AND g.id > COALESCE((\
           SELECT p.id FROM messages p WHERE p.conversation_id = m.conversation_id AND p.id < m.id \
             AND p.sender_type = 'staff' AND NOT p.internal AND NOT p.hidden AND p.delivery <> 'failed' \
           ORDER BY p.id DESC LIMIT 1), 0) \
         AND g.sender_type = 'guest' AND NOT EXISTS (\
           SELECT 1 FROM conversation_history h WHERE h.conversation_id = m.conversation_id \
             AND h.kind IN ('handled', 'closed') AND h.staff_id IS NOT NULL \
             AND h.at >= g.timestamp AND h.at < m.timestamp))";
    let answers = format!(
        "INSERT INTO report_answers \
           (hotel_id, at, message_id, conversation_id, department_id, staff_id, asked_at, answers_since) \
         SELECT hotel_id, at, message_id, conversation_id, department_id, staff_id, asked_at, asked_at FROM (\
           SELECT c.hotel_id AS hotel_id, m.timestamp AS at, m.id AS message_id, c.id AS conversation_id, \
             {department} AS department_id, m.staff_sender AS staff_id, {asked_at} AS asked_at \
           FROM messages m JOIN conversations c ON c.id = m.conversation_id \
           WHERE m.id >= $1 AND m.id < $2 AND {IS_COUNTED_ANSWER}\
         ) AS answered WHERE asked_at IS NOT NULL"
    );
    for statement in [activity, answers] {
        let statement = sql_query(statement).bind::<BigInt, _>(from).bind::<BigInt, _>(below);
        on_db!(tx.changing(), |c| statement.execute(c))?;
    }
    Ok(())
}
