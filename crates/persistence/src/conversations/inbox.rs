//! The inbox of a staff member: all visible conversations that are open or wait, without their content.

use diesel::{prelude::*, sql_types::Bool};
use domain::{ConversationId, DepartmentId, Reach, StaffId, inbox::InboxEntry};

use crate::{
    StoreError,
    sql::{
        cached_statement::{Fixed, fixed, prepared},
        column_types::Ts,
        id_list::among,
        schema::{conversations, read_marks},
    },
    store::connection::{Conn, on_db},
};

/// The condition "the conversation is open", written as a list of statuses, so that the index by status is used.
const OPEN: Fixed = fixed("conversations.status IN ('demo', 'checkin', 'active', 'relay')");
/// The condition "the conversation is closed, but its guest waits", written literally, so that the partial index is used.
const CLOSED_WAITING: Fixed = fixed("conversations.status = 'closed' AND conversations.waiting_since IS NOT NULL");

/// The columns of an entry: id, status, department, assignee, waiting since, guest messages, change, guest messages read.
type EntryColumns = (i64, String, Option<i64>, Option<i64>, Option<Ts>, i64, Ts, Option<i64>);

/// Returns the visible conversations that are open or whose guest waits for an answer, last changed first. The cost
/// depends on their number, not on that of all conversations.
pub fn inbox(conn: &mut Conn, reach: &Reach) -> Result<Vec<InboxEntry>, StoreError> {
    let mine: Vec<i64> = reach.departments.iter().map(|it| it.0).collect();
    let mut rows: Vec<EntryColumns> = Vec::new();
    for condition in [OPEN, CLOSED_WAITING] {
        let is_manager = reach.is_manager().into_sql::<Bool>();
        let in_reach = conversations::department_id.is_null().or(among(conversations::department_id, &mine));
        let mark = read_marks::conversation_id.eq(conversations::id).and(read_marks::staff_id.eq(reach.staff.0));
        let found = conversations::table
            .left_join(read_marks::table.on(mark))
            .filter(conversations::hotel_id.eq(reach.hotel.0))
            .filter(condition)
            .filter(is_manager.or(in_reach))
            .select((
                conversations::id,
                conversations::status,
                conversations::department_id,
                conversations::assigned_to,
                conversations::waiting_since,
                conversations::guest_messages,
                conversations::updated_at,
                read_marks::guest_ordinal.nullable(),
            ));
        rows.extend(on_db!(conn, |c| prepared(found).load::<EntryColumns>(c))?);
    }
    let mut entries = rows.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    entries.sort_unstable_by_key(|it| std::cmp::Reverse((it.updated_at, it.id)));
    Ok(entries)
}

fn entry(
    (id, status, department, assignee, waiting_since, guest_messages, updated_at, read): EntryColumns,
) -> Result<InboxEntry, StoreError> {
    Ok(InboxEntry {
        id: ConversationId(id),
        status: status.parse().map_err(|_| StoreError::Corrupt("status"))?,
        department: department.map(DepartmentId),
        assignee: assignee.map(StaffId),
        is_waiting: waiting_since.is_some(),
        is_unread: guest_messages > read.unwrap_or(0),
        updated_at: updated_at.0,
    })
}
