//! The history of a conversation: who routed, assigned, closed or reopened it, and the arrival and departure of the
//! guest.

use chrono::{DateTime, Utc};
use strum::{IntoStaticStr, VariantArray, VariantNames};

use crate::{
    conversation::{Conversation, Person, Status},
    ids::{ConversationId, DepartmentId, HistoryEntryId, StaffId},
};

/// What an entry of the history records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum HistoryKind {
    /// An unrouted conversation was routed to a department.
    Routed,
    /// The conversation was transferred from one department to another.
    Transferred,
    /// The assignee changed.
    Assigned,
    /// The department handed the conversation back to the guest flow.
    RelayEnded,
    /// The conversation was closed.
    Closed,
    /// A closed conversation was reopened, by staff or because the guest wrote.
    Reopened,
    /// The conversation was snoozed, or the end of its snooze was changed.
    Snoozed,
    /// Staff recorded that the guest needs no answer.
    Handled,
    /// Staff made the guest of a conversation without stay the guest of a stay.
    Linked,
    /// Staff undid such a link.
    Unlinked,
    /// The guest was checked in.
    CheckedIn,
    /// The guest was checked out.
    CheckedOut,
}

named_values!(HistoryKind);

/// An entry of the history, as staff see it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HistoryEntry {
    /// Id of the entry, ascending in the order in which entries are stored.
    pub id: HistoryEntryId,
    /// The conversation of the entry.
    pub conversation: ConversationId,
    /// Time of the change.
    pub at: DateTime<Utc>,
    /// What the entry records.
    pub kind: HistoryKind,
    /// The staff member who made the change; `None` for guests, timers, API keys and the command line.
    pub by: Option<Person>,
    /// The department or assignee before the change.
    pub from: Option<HistoryParty>,
    /// The department or assignee after the change.
    pub to: Option<HistoryParty>,
    /// The note that was given with a transfer.
    pub note: Option<String>,
}

/// The department or staff member that an entry of the history names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum HistoryParty {
    /// A department, with its present name.
    Department {
        /// Id of the department.
        id: DepartmentId,
        /// Display name of the department.
        name: String,
    },
    /// A staff member, with the present name.
    Staff(Person),
}

/// A change that becomes an entry of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HistoryChange {
    /// What the entry records.
    pub kind: HistoryKind,
    /// The department or assignee before the change.
    pub from: Option<HistoryTarget>,
    /// The department or assignee after the change.
    pub to: Option<HistoryTarget>,
}

/// The department or staff member that a change names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum HistoryTarget {
    /// A department.
    Department(DepartmentId),
    /// A staff member.
    Staff(StaffId),
}

impl HistoryChange {
    /// A change that names no department and no staff member.
    pub const fn of(kind: HistoryKind) -> Self {
        Self { kind, from: None, to: None }
    }

    /// The changes between two states of a conversation, in this order: reopened, routed, assigned, snoozed, closed. If
    /// department and assignee are cleared together, there is an entry for the department alone.
    pub fn between(before: &Conversation, after: &Conversation) -> Vec<Self> {
        let department = |it: &Conversation| it.department().map(HistoryTarget::Department);
        let assignee = |it: &Conversation| it.assignee().map(HistoryTarget::Staff);
        let (was_closed, is_closed) = (before.status() == Status::Closed, after.status() == Status::Closed);
        let mut changes = Vec::new();
        if was_closed && !is_closed {
            let from = department(before).filter(|_| after.department().is_none());
            changes.push(Self { kind: HistoryKind::Reopened, from, to: department(after) });
        }
        let routing = match (before.department(), after.department()) {
            (None, Some(_)) => Some(HistoryKind::Routed),
            (Some(from), Some(to)) if from != to => Some(HistoryKind::Transferred),
            // A closed conversation that the guest reopens leaves its department by the reopening.
            (Some(_), None) if !was_closed => Some(HistoryKind::RelayEnded),
            _ => None,
        };
        if let Some(kind) = routing {
            changes.push(Self { kind, from: department(before), to: department(after) });
        }
        let is_unrouted = before.department().is_some() && after.department().is_none();
        if before.assignee() != after.assignee() && !is_unrouted {
            changes.push(Self { kind: HistoryKind::Assigned, from: assignee(before), to: assignee(after) });
        }
        if after.snoozed_until().is_some() && before.snoozed_until() != after.snoozed_until() {
            changes.push(Self::of(HistoryKind::Snoozed));
        }
        if is_closed && !was_closed {
            changes.push(Self::of(HistoryKind::Closed));
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{HistoryKind::*, *};
    use crate::{
        conversation::UncheckedConversation,
        ids::{GuestId, HotelId, StayId},
    };

    fn conversation(status: Status, department: Option<i64>, assignee: Option<i64>) -> Conversation {
        let stored = UncheckedConversation {
            id: ConversationId(1),
            hotel: HotelId(1),
            guest: GuestId(1),
            stay: Some(StayId(1)),
            status,
            department: department.map(DepartmentId),
            assignee: assignee.map(StaffId),
            snoozed_until: None,
        };
        stored.try_into().unwrap()
    }

    /// Kind, department or assignee before, and after.
    type Expected = (HistoryKind, Option<i64>, Option<i64>);

    #[track_caller]
    fn check(before: &Conversation, after: &Conversation, expected: &[Expected]) {
        let id = |target: Option<HistoryTarget>| {
            target.map(|it| match it {
                HistoryTarget::Department(DepartmentId(id)) | HistoryTarget::Staff(StaffId(id)) => id,
            })
        };
        let changes = HistoryChange::between(before, after);
        let changes: Vec<Expected> = changes.into_iter().map(|it| (it.kind, id(it.from), id(it.to))).collect();
        assert_eq!(changes, expected);
    }

    #[test]
    fn routing_and_assignment_are_entries() {
        let unrouted = conversation(Status::Active, None, None);
        let routed = conversation(Status::Relay, Some(1), Some(7));
        check(&unrouted, &routed, &[(Routed, None, Some(1)), (Assigned, None, Some(7))]);
        let transferred = conversation(Status::Relay, Some(2), None);
        check(&routed, &transferred, &[(Transferred, Some(1), Some(2)), (Assigned, Some(7), None)]);
        check(&routed, &conversation(Status::Relay, Some(1), Some(8)), &[(Assigned, Some(7), Some(8))]);
        check(&routed, &unrouted, &[(RelayEnded, Some(1), None)]);
        check(&routed, &routed, &[]);
    }

    #[test]
    fn a_snooze_is_an_entry_and_its_end_is_none() {
        let awake = conversation(Status::Relay, Some(1), Some(7));
        let until = |second| {
            let mut snoozed = awake.clone();
            snoozed.snooze(DateTime::UNIX_EPOCH + TimeDelta::seconds(second), DateTime::UNIX_EPOCH).unwrap();
            snoozed
        };
        check(&awake, &until(1), &[(Snoozed, None, None)]);
        check(&until(1), &until(2), &[(Snoozed, None, None)]);
        check(&until(1), &until(1), &[]);
        check(&until(1), &awake, &[]);
    }

    #[test]
    fn closing_and_reopening_are_entries() {
        let (open, closed) =
            (conversation(Status::Relay, Some(1), Some(7)), conversation(Status::Closed, Some(1), Some(7)));
        check(&open, &closed, &[(Closed, None, None)]);
        check(&closed, &open, &[(Reopened, None, Some(1))]);
        let without_assignee = conversation(Status::Relay, Some(1), None);
        check(&closed, &without_assignee, &[(Reopened, None, Some(1)), (Assigned, Some(7), None)]);
        // The guest writes: department and assignee are cleared.
        check(&closed, &conversation(Status::Active, None, None), &[(Reopened, Some(1), None)]);
        check(&conversation(Status::Checkin, None, None), &conversation(Status::Active, None, None), &[]);
    }
}
