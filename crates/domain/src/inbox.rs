//! The inbox of a staff member: all visible conversations that are open or whose guest waits for an answer, and how many
//! of them need attention.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    conversation::Status,
    ids::{ConversationId, DepartmentId, StaffId},
};

/// The part of a conversation that the counts of an inbox depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InboxEntry {
    /// Id of the conversation.
    pub id: ConversationId,
    /// The current status of the conversation.
    pub status: Status,
    /// The department that the conversation is routed to. A closed conversation keeps it.
    pub department: Option<DepartmentId>,
    /// The assignee of the conversation.
    pub assignee: Option<StaffId>,
    /// Whether the guest waits for an answer.
    pub is_waiting: bool,
    /// Whether the time by which the guest should have an answer has passed.
    pub is_overdue: bool,
    /// Whether the conversation is snoozed.
    pub is_snoozed: bool,
    /// Whether staff have to review a scheduled message of the conversation.
    pub needs_review: bool,
    /// Whether the conversation has guest messages after the read position of the staff member.
    pub is_unread: bool,
    /// Time of the newest message in the conversation or change of it.
    pub updated_at: DateTime<Utc>,
}

/// Numbers of conversations in the inbox of a staff member. Snoozed ones count in `snoozed` alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InboxCounts {
    /// Routed conversations that are assigned to the staff member.
    pub mine: i64,
    /// Routed conversations without assignee.
    pub unassigned: i64,
    /// Conversations whose guest waits for an answer.
    pub waiting: i64,
    /// Conversations whose guest should have an answer by now.
    pub overdue: i64,
    /// Open conversations that are routed to no department.
    pub unrouted: i64,
    /// Conversations with guest messages that the staff member has not read.
    pub unread: i64,
    /// Conversations with a scheduled message that staff have to review.
    pub needs_review: i64,
    /// Snoozed conversations.
    pub snoozed: i64,
    /// The numbers of each department that has a conversation in the inbox.
    pub departments: BTreeMap<DepartmentId, DepartmentCounts>,
}

/// Numbers of conversations of one department in the inbox of a staff member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DepartmentCounts {
    /// Conversations that are routed to the department.
    pub open: i64,
    /// Conversations whose guest waits for an answer.
    pub waiting: i64,
    /// Conversations with guest messages that the staff member has not read.
    pub unread: i64,
}

impl InboxCounts {
    /// Counts the entries of the inbox of staff member `me`.
    pub fn of(entries: &[InboxEntry], me: StaffId) -> Self {
        let snoozed = entries.iter().filter(|it| it.is_snoozed).count() as i64;
        let mut counts = Self { snoozed, ..Self::default() };
        for entry in entries.iter().filter(|it| !it.is_snoozed) {
            let is_open = entry.status != Status::Closed;
            counts.mine += i64::from(entry.status == Status::Relay && entry.assignee == Some(me));
            counts.unassigned += i64::from(entry.status == Status::Relay && entry.assignee.is_none());
            counts.waiting += i64::from(entry.is_waiting);
            counts.overdue += i64::from(entry.is_overdue);
            counts.needs_review += i64::from(entry.needs_review);
            counts.unrouted += i64::from(is_open && entry.department.is_none());
            counts.unread += i64::from(entry.is_unread);
            if let Some(department) = entry.department {
                let of_department = counts.departments.entry(department).or_default();
                of_department.open += i64::from(is_open);
                of_department.waiting += i64::from(entry.is_waiting);
                of_department.unread += i64::from(entry.is_unread);
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_counts_where_it_belongs() {
        let entry = |status, department: Option<i64>, assignee: Option<i64>, is_waiting, is_unread| InboxEntry {
            id: ConversationId(1),
            status,
            department: department.map(DepartmentId),
            assignee: assignee.map(StaffId),
            is_waiting,
            is_overdue: false,
            is_snoozed: false,
            needs_review: false,
            is_unread,
            updated_at: DateTime::UNIX_EPOCH,
        };
        let entries = [
            entry(Status::Demo, None, None, true, true),
            entry(Status::Active, None, Some(7), false, false),
            entry(Status::Relay, Some(3), None, true, false),
            entry(Status::Relay, Some(3), Some(8), false, true),
            entry(Status::Relay, Some(3), Some(7), false, false),
            entry(Status::Closed, Some(4), Some(7), true, false),
            entry(Status::Closed, None, None, true, false),
            InboxEntry { is_overdue: true, ..entry(Status::Relay, Some(4), Some(8), true, false) },
            InboxEntry { needs_review: true, ..entry(Status::Relay, Some(4), Some(8), false, false) },
            InboxEntry { is_snoozed: true, ..entry(Status::Relay, Some(3), Some(7), true, true) },
            InboxEntry {
                is_snoozed: true,
                is_overdue: true,
                needs_review: true,
                ..entry(Status::Demo, None, None, true, true)
            },
        ];
        let departments = BTreeMap::from([
            (DepartmentId(3), DepartmentCounts { open: 3, waiting: 1, unread: 1 }),
            (DepartmentId(4), DepartmentCounts { open: 2, waiting: 2, unread: 0 }),
        ]);
        let expected = InboxCounts {
            mine: 1,
            unassigned: 1,
            waiting: 5,
            overdue: 1,
            unrouted: 2,
            unread: 2,
            needs_review: 1,
            snoozed: 2,
            departments,
        };
        assert_eq!(InboxCounts::of(&entries, StaffId(7)), expected);
    }
}
