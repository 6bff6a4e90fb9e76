//! The inbox of a staff member: all visible conversations that are open or wait, without their content.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_types::Bool};
use domain::{ConversationId, DepartmentId, HotelId, Reach, StaffId, inbox::InboxEntry};

use crate::{
    StoreError, scheduled_messages,
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

/// The columns of an entry: id, status, department, assignee, waiting since, response due at, snoozed until, guest
/// messages, change, guest messages read.
type EntryColumns = (i64, String, Option<i64>, Option<i64>, Option<Ts>, Option<Ts>, Option<Ts>, i64, Ts, Option<i64>);

/// Returns the visible conversations that are open or whose guest waits for an answer, last changed first. The cost
/// depends on their number, not on that of all conversations. Who should have been answered by `now` is overdue.
pub fn inbox(conn: &mut Conn, reach: &Reach, now: DateTime<Utc>) -> Result<Vec<InboxEntry>, StoreError> {
    let departments = (!reach.is_manager()).then_some(reach.departments.as_slice());
    let mut entries = entries(conn, reach.hotel, departments, Some(reach.staff), now)?;
    entries.sort_unstable_by_key(|it| std::cmp::Reverse((it.updated_at, it.id)));
    Ok(entries)
}

/// The inboxes of several staff members of a hotel.
pub struct HotelInbox {
    /// The conversations of the hotel that are open or whose guest waits for an answer, in any order.
    entries: Vec<InboxEntry>,
    /// The conversations whose guest messages these staff members have read completely.
    read: HashSet<(StaffId, ConversationId)>,
}

impl HotelInbox {
    /// Returns the inbox of one of the staff members for whom this was loaded, in any order.
    pub fn of(&self, reach: &Reach) -> Vec<InboxEntry> {
        let visible = self.entries.iter().filter(|it| reach.covers(reach.hotel, it.department));
        let seen_by = |entry: &InboxEntry| {
            let is_unread = entry.is_unread && !self.read.contains(&(reach.staff, entry.id));
            InboxEntry { is_unread, ..*entry }
        };
        visible.map(seen_by).collect()
    }
}

/// Returns the inboxes of several staff members of a hotel, in five statements.
pub fn hotel_inbox(
    conn: &mut Conn,
    hotel: HotelId,
    staff: &[StaffId],
    now: DateTime<Utc>,
) -> Result<HotelInbox, StoreError> {
    let entries = entries(conn, hotel, None, None, now)?;
    let mut read = HashSet::new();
    let readers: Vec<i64> = staff.iter().map(|it| it.0).collect();
    for condition in [OPEN, CLOSED_WAITING] {
        let completely = read_marks::guest_ordinal.ge(conversations::guest_messages);
        let found = conversations::table
            .inner_join(read_marks::table.on(read_marks::conversation_id.eq(conversations::id).and(completely)))
            .filter(conversations::hotel_id.eq(hotel.0))
            .filter(condition)
            .filter(among(read_marks::staff_id, &readers))
            .select((read_marks::staff_id, conversations::id));
        let pairs: Vec<(i64, i64)> = on_db!(conn, |c| prepared(found).load(c))?;
        read.extend(pairs.into_iter().map(|(staff, id)| (StaffId(staff), ConversationId(id))));
    }
    Ok(HotelInbox { entries, read })
}

/// Loads the conversations of a hotel that are open or whose guest waits, in any order: unrouted ones and those of these
/// departments, with `None` all. Without a reader every guest message is unread.
fn entries(
    conn: &mut Conn,
    hotel: HotelId,
    departments: Option<&[DepartmentId]>,
    reader: Option<StaffId>,
    now: DateTime<Utc>,
) -> Result<Vec<InboxEntry>, StoreError> {
    let of: Vec<i64> = departments.unwrap_or_default().iter().map(|it| it.0).collect();
    let reader_id = reader.map_or(0, |it| it.0);
    let mut rows: Vec<EntryColumns> = Vec::new();
    for condition in [OPEN, CLOSED_WAITING] {
        let is_any = departments.is_none().into_sql::<Bool>();
        let in_reach = conversations::department_id.is_null().or(among(conversations::department_id, &of));
        let mark = read_marks::conversation_id.eq(conversations::id).and(read_marks::staff_id.eq(reader_id));
        let found = conversations::table
            .left_join(read_marks::table.on(mark))
            .filter(conversations::hotel_id.eq(hotel.0))
            .filter(condition)
            .filter(is_any.or(in_reach))
            .select((
                conversations::id,
                conversations::status,
                conversations::department_id,
                conversations::assigned_to,
                conversations::waiting_since,
                conversations::response_due_at,
                conversations::snoozed_until,
                conversations::guest_messages,
                conversations::updated_at,
                read_marks::guest_ordinal.nullable(),
            ));
        rows.extend(on_db!(conn, |c| prepared(found).load::<EntryColumns>(c))?);
    }
    let to_review = scheduled_messages::conversations_to_review(conn, hotel)?;
    rows.into_iter().map(|row| entry(row, &to_review, now)).collect()
}

fn entry(
    (id, status, department, assignee, waiting_since, due_at, snoozed_until, guest_messages, updated_at, read): EntryColumns,
    to_review: &HashSet<ConversationId>,
    now: DateTime<Utc>,
) -> Result<InboxEntry, StoreError> {
    Ok(InboxEntry {
        id: ConversationId(id),
        status: status.parse().map_err(|_| StoreError::Corrupt("status"))?,
        department: department.map(DepartmentId),
        assignee: assignee.map(StaffId),
        is_waiting: waiting_since.is_some(),
        is_overdue: due_at.is_some_and(|at| at.0 <= now),
        is_snoozed: snoozed_until.is_some(),
        needs_review: to_review.contains(&ConversationId(id)),
        is_unread: guest_messages > read.unwrap_or(0),
        updated_at: updated_at.0,
    })
}
