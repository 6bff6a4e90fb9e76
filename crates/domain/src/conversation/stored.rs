//! Conversations as they are stored, and the rules that every conversation keeps.

use chrono::{DateTime, Utc};

use super::status::Status;
use crate::ids::{ConversationId, DepartmentId, GuestId, HotelId, StaffId, StayId};

/// A conversation as it was stored or sent, before [`Conversation`](super::Conversation) is built from it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
pub struct UncheckedConversation {
    /// Id of the conversation, unique over all hotels.
    pub id: ConversationId,
    /// The hotel that owns the conversation.
    pub hotel: HotelId,
    /// The guest who writes in the conversation.
    pub guest: GuestId,
    /// The stay that the conversation is about, if one is known.
    pub stay: Option<StayId>,
    /// The current status of the conversation.
    pub status: Status,
    /// The department that the conversation is routed to. A closed conversation keeps it.
    pub department: Option<DepartmentId>,
    /// The assignee: the staff member in charge of the conversation.
    pub assignee: Option<StaffId>,
    /// Time until which the conversation is snoozed; `None` if it is not snoozed.
    pub snoozed_until: Option<DateTime<Utc>>,
}

/// Error: no transitions lead to such a conversation, because its parts contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImpossibleConversation {
    /// Only a department can have a conversation in relay.
    #[error("conversation {0} is in relay without a department")]
    RelayWithoutDepartment(ConversationId),
    /// A conversation that a department has is in relay or closed.
    #[error("conversation {0} has a department, but is neither in relay nor closed")]
    DepartmentWithoutRelay(ConversationId),
    /// In status `demo`, no stay is known.
    #[error("conversation {0} has a stay, but is in status demo")]
    DemoWithStay(ConversationId),
    /// In the statuses `checkin` and `active`, a stay is known.
    #[error("conversation {0} has no stay, but is in status checkin or active")]
    StayMissing(ConversationId),
    /// A closed conversation is in no queue, so there is nothing to hide it from.
    #[error("conversation {0} is closed and snoozed")]
    ClosedAndSnoozed(ConversationId),
}

impl UncheckedConversation {
    /// Fails if the parts contradict each other. The database has the same rules.
    pub(super) fn check(&self) -> Result<(), ImpossibleConversation> {
        let (has_stay, has_department) = (self.stay.is_some(), self.department.is_some());
        match self.status {
            Status::Relay if !has_department => Err(ImpossibleConversation::RelayWithoutDepartment(self.id)),
            Status::Demo | Status::Checkin | Status::Active if has_department => {
                Err(ImpossibleConversation::DepartmentWithoutRelay(self.id))
            }
            Status::Demo if has_stay => Err(ImpossibleConversation::DemoWithStay(self.id)),
            Status::Checkin | Status::Active if !has_stay => Err(ImpossibleConversation::StayMissing(self.id)),
            Status::Closed if self.snoozed_until.is_some() => Err(ImpossibleConversation::ClosedAndSnoozed(self.id)),
            _ => Ok(()),
        }
    }
}
