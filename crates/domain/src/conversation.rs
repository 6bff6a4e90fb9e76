//! Conversations: status, status transitions, and the view of a conversation for lists and detail pages.

mod status;
mod stored;

pub use status::Status;
pub use stored::{ImpossibleConversation, UncheckedConversation};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::{
    ids::{ConversationId, DepartmentId, GuestId, HotelId, MessageId, StaffId, StayId},
    label::Label,
    message::{Delivery, Reaction, SenderType},
    staff::Reach,
};

/// WhatsApp's customer service window: how long after a guest's message free text may be sent to the guest.
pub const SERVICE_WINDOW: TimeDelta = TimeDelta::hours(24);
/// The longest time for which a conversation can be snoozed.
pub const MAX_SNOOZE: TimeDelta = TimeDelta::days(90);

/// A conversation of a hotel with one guest about one stay, or about none.
///
/// It is built from an [`UncheckedConversation`], which is refused if its parts contradict each other, and every
/// transition is a method that keeps them consistent. The caller stores the result together with its events. In the
/// diagram, read `demo` for `active` if no stay is known:
///
/// ```text
/// demo ──attach_stay──▶ checkin ──begin_stay, receive_guest_message, record_check_in──▶ active
///                       (demo → active, if the stay has already begun)
/// any open ──start_relay, take_over──▶ relay
/// relay    ──start_relay (transfer)──▶ relay      an assignee without access to the new department is cleared
/// relay    ──end_relay──▶ active                  department and assignee are cleared
/// any      ──close──▶ closed                      department and assignee are kept
/// closed   ──reopen──▶ relay                      if a department is kept; otherwise → active
/// closed   ──receive_guest_message──▶ active      department and assignee are cleared
/// closed   ──record_check_in──▶ active            if no department is kept; otherwise it stays closed
/// checkin, active ──detach_stay──▶ demo
/// ```
///
/// An open conversation can be snoozed, in any status. The snooze ends at its time, and by `start_relay`, `end_relay`,
/// `assign`, `close` and `receive_guest_message`, so that nobody is handed a hidden conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "UncheckedConversation"))]
pub struct Conversation {
    id: ConversationId,
    hotel: HotelId,
    guest: GuestId,
    stay: Option<StayId>,
    status: Status,
    department: Option<DepartmentId>,
    assignee: Option<StaffId>,
    snoozed_until: Option<DateTime<Utc>>,
}

impl TryFrom<UncheckedConversation> for Conversation {
    type Error = ImpossibleConversation;

    fn try_from(stored: UncheckedConversation) -> Result<Self, ImpossibleConversation> {
        stored.check()?;
        let UncheckedConversation { id, hotel, guest, stay, status, department, assignee, snoozed_until } = stored;
        Ok(Self { id, hotel, guest, stay, status, department, assignee, snoozed_until })
    }
}

impl From<Conversation> for UncheckedConversation {
    fn from(conversation: Conversation) -> Self {
        let Conversation { id, hotel, guest, stay, status, department, assignee, snoozed_until } = conversation;
        Self { id, hotel, guest, stay, status, department, assignee, snoozed_until }
    }
}

/// Error: the conversation is closed, so it cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("conversation {0} is closed")]
pub struct ConversationClosed(pub ConversationId);

/// Error: the conversation is routed to no department, so there is no relay to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("conversation {0} is not in relay")]
pub struct NotInRelay(pub ConversationId);

/// Error: an unrouted conversation cannot be taken over, because the staff member is in no department and the hotel has
/// no default department.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("staff member {0} has no department that can take over a conversation")]
pub struct NoDepartment(pub StaffId);

/// Error: the conversation cannot be snoozed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnoozeRefused {
    /// The conversation is closed.
    #[error(transparent)]
    Closed(#[from] ConversationClosed),
    /// The end of the snooze is not in the future, or too late.
    #[error("Please give a time in the future, at most 90 days from now.")]
    TimeOutOfRange,
}

/// Error: the new assignee has no access to the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("staff member {0} may not see the conversation")]
pub struct AssigneeOutOfReach(pub StaffId);

/// The parts of the conversation.
impl Conversation {
    /// Id of the conversation, unique over all hotels.
    pub fn id(&self) -> ConversationId {
        self.id
    }

    /// The hotel that owns the conversation.
    pub fn hotel(&self) -> HotelId {
        self.hotel
    }

    /// The guest who writes in the conversation.
    pub fn guest(&self) -> GuestId {
        self.guest
    }

    /// The stay that the conversation is about, if one is known.
    pub fn stay(&self) -> Option<StayId> {
        self.stay
    }

    /// The current status of the conversation.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The department that the conversation is routed to. A closed conversation keeps it.
    pub fn department(&self) -> Option<DepartmentId> {
        self.department
    }

    /// The assignee: the staff member in charge of the conversation.
    pub fn assignee(&self) -> Option<StaffId> {
        self.assignee
    }

    /// Time until which the conversation is snoozed: hidden from the queues of all staff. `None` if it is not snoozed.
    pub fn snoozed_until(&self) -> Option<DateTime<Utc>> {
        self.snoozed_until
    }
}

/// The transitions.
impl Conversation {
    /// Fails if the conversation is closed.
    pub fn ensure_open(&self) -> Result<(), ConversationClosed> {
        if self.status == Status::Closed { Err(ConversationClosed(self.id)) } else { Ok(()) }
    }

    /// Routes the conversation to a department, or transfers it to another one. Ends a snooze. Clears an assignee without
    /// access to the new department; `assignee_reach` is the visibility scope of the current assignee.
    ///
    /// Fails if the conversation is closed.
    pub fn start_relay(&mut self, to: DepartmentId, assignee_reach: Option<&Reach>) -> Result<(), ConversationClosed> {
        self.ensure_open()?;
        self.status = Status::Relay;
        self.department = Some(to);
        self.unsnooze();
        self.clear_assignee_without_access(assignee_reach);
        Ok(())
    }

    /// Hands the conversation back to the guest flow, clears department and assignee, and ends a snooze.
    ///
    /// Fails if no department has the conversation.
    pub fn end_relay(&mut self) -> Result<(), NotInRelay> {
        if self.status != Status::Relay {
            return Err(NotInRelay(self.id));
        }
        self.unroute();
        self.unsnooze();
        Ok(())
    }

    /// Closes the conversation, keeps department and assignee, and ends a snooze. No effect if already closed.
    pub fn close(&mut self) {
        self.status = Status::Closed;
        self.unsnooze();
    }

    /// Routes a closed conversation to another department before it is reopened, because its own is inactive. No effect
    /// if the conversation is open.
    pub fn replace_inactive_department(&mut self, by: Option<DepartmentId>) {
        if self.status == Status::Closed {
            self.department = by;
        }
    }

    /// Reopens a closed conversation in the department that it had. No effect if open. Clears an assignee who has lost
    /// access since the conversation was closed; `assignee_reach` is the visibility scope of the assignee.
    pub fn reopen(&mut self, assignee_reach: Option<&Reach>) {
        if self.status == Status::Closed {
            self.status = if self.department.is_some() { Status::Relay } else { self.unrouted_status() };
            self.clear_assignee_without_access(assignee_reach);
        }
    }

    /// Assigns a staff member to the conversation, or clears the assignment. Ends a snooze. The caller checks first that the
    /// conversation is open.
    ///
    /// Fails if the staff member has no access to the conversation.
    pub fn assign(&mut self, to: Option<&Reach>) -> Result<(), AssigneeOutOfReach> {
        if let Some(reach) = to.filter(|reach| !reach.covers(self.hotel, self.department)) {
            return Err(AssigneeOutOfReach(reach.staff));
        }
        self.assignee = to.map(|reach| reach.staff);
        self.unsnooze();
        Ok(())
    }

    /// Snoozes the conversation, or changes the end of its snooze.
    ///
    /// Fails if the conversation is closed, or if the end is not after `now` or later than [`MAX_SNOOZE`].
    pub fn snooze(&mut self, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), SnoozeRefused> {
        self.ensure_open()?;
        if until <= now || until - now > MAX_SNOOZE {
            return Err(SnoozeRefused::TimeOutOfRange);
        }
        self.snoozed_until = Some(until);
        Ok(())
    }

    /// Ends the snooze of the conversation. No effect if it is not snoozed.
    pub fn unsnooze(&mut self) {
        self.snoozed_until = None;
    }

    /// Ends the snooze of the conversation if its time has come.
    pub fn end_due_snooze(&mut self, now: DateTime<Utc>) {
        self.snoozed_until = self.snoozed_until.filter(|until| *until > now);
    }

    /// Records that a staff member replies. An unrouted conversation is routed to `own_department`, the sender's first
    /// active department (for a manager without one: the hotel's default), and assigned to the sender. A routed
    /// conversation without an assignee is assigned to the sender. The caller checks first that the conversation is open.
    ///
    /// Fails if there is no department to route the conversation to.
    pub fn take_over(
        &mut self,
        sender: &Reach,
        own_department: Option<DepartmentId>,
        default_department: Option<DepartmentId>,
    ) -> Result<(), NoDepartment> {
        if self.status == Status::Relay {
            self.assignee.get_or_insert(sender.staff);
            return Ok(());
        }
        let default = if sender.is_manager() { default_department } else { None };
        let department = own_department.or(default).ok_or(NoDepartment(sender.staff))?;
        self.status = Status::Relay;
        self.department = Some(department);
        self.assignee = Some(sender.staff);
        Ok(())
    }

    /// Records that the guest has written: ends a snooze, reopens a closed conversation without department, and leaves
    /// `checkin` if the stay has begun.
    pub fn receive_guest_message(&mut self, stay_has_begun: bool) {
        self.unsnooze();
        match self.status {
            Status::Closed => self.unroute(),
            Status::Checkin if stay_has_begun => self.begin_stay(),
            _ => {}
        }
    }

    /// Changes the status from `checkin` to `active`, on the first day of the stay.
    pub fn begin_stay(&mut self) {
        if self.status == Status::Checkin {
            self.status = Status::Active;
        }
    }

    /// Records the check-in of the guest. If no department has the conversation, it becomes `active` (without a stay,
    /// `demo`), even if it was closed. A reopened conversation loses an assignee without access; `assignee_reach` is the
    /// assignee's scope.
    pub fn record_check_in(&mut self, assignee_reach: Option<&Reach>) {
        if self.department.is_none() {
            if self.status == Status::Closed {
                self.clear_assignee_without_access(assignee_reach);
            }
            self.status = self.unrouted_status();
        }
    }

    /// Attaches a stay to a conversation without one. In status `demo` it becomes `checkin`, or `active` if the stay has
    /// begun or is over.
    pub fn attach_stay(&mut self, stay: StayId, has_begun_or_ended: bool) {
        self.stay = Some(stay);
        if self.status == Status::Demo {
            self.status = if has_begun_or_ended { Status::Active } else { Status::Checkin };
        }
    }

    /// Makes another person the guest of the conversation. All else stays as it is.
    pub fn give_to_guest(&mut self, guest: GuestId) {
        self.guest = guest;
    }

    /// Detaches the stay from the conversation; `demo` replaces the status that the stay gave it.
    pub fn detach_stay(&mut self) {
        self.stay = None;
        if matches!(self.status, Status::Checkin | Status::Active) {
            self.status = Status::Demo;
        }
    }

    /// Clears the assignee unless `assignee_reach` is the assignee's scope and covers the conversation.
    pub fn clear_assignee_without_access(&mut self, assignee_reach: Option<&Reach>) {
        let has_access = |staff| {
            assignee_reach.is_some_and(|reach| reach.staff == staff && reach.covers(self.hotel, self.department))
        };
        self.assignee = self.assignee.filter(|&staff| has_access(staff));
    }

    fn unroute(&mut self) {
        self.status = self.unrouted_status();
        self.department = None;
        self.assignee = None;
    }

    fn unrouted_status(&self) -> Status {
        if self.stay.is_some() { Status::Active } else { Status::Demo }
    }
}

/// A conversation with everything that lists and the detail page show, as one staff member sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ConversationView {
    /// The conversation itself: status, routing and assignment.
    pub conversation: Conversation,
    /// The name of the guest on the booking. If no stay is known: the guest's profile name in WhatsApp, or else the
    /// phone number or another identifier of the guest.
    pub guest_name: String,
    /// The guest's phone number in E.164, if known.
    pub guest_phone: Option<String>,
    /// The room number of the stay, if a stay is known.
    pub room_number: Option<String>,
    /// First and last day of the stay, if a stay is known.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// Display name of the department that the conversation is routed to.
    pub department_name: Option<String>,
    /// Id and name of the assignee.
    pub assignee: Option<Person>,
    /// The newest message of the conversation; internal notes do not count.
    pub last_message: Option<LastMessage>,
    /// Number of guest messages in the conversation; it never decreases.
    pub guest_messages: i64,
    /// Number of guest messages up to the read position of the staff member who views the conversation; 0 without a
    /// viewer.
    pub read_guest_messages: i64,
    /// Whether the staff member who views the conversation has a draft in it.
    pub has_draft: bool,
    /// Time of the guest's newest message in this conversation.
    pub last_guest_message_at: Option<DateTime<Utc>>,
    /// Time of the guest's newest message to the hotel's WhatsApp number, in any conversation: the start of the 24-hour
    /// window.
    pub window_opened_at: Option<DateTime<Utc>>,
    /// Whether the hotel has a WhatsApp number.
    pub on_whatsapp: bool,
    /// Time of the oldest guest message since the last answer; `None` if the guest waits for none.
    pub waiting_since: Option<DateTime<Utc>>,
    /// By when staff should answer; `None` if the guest does not wait, or the department has no target.
    pub response_due_at: Option<DateTime<Utc>>,
    /// Numbers of staff messages that the guest has not got.
    pub unsent: UnsentCounts,
    /// The labels of the conversation, ordered by id.
    pub labels: Vec<Label>,
    /// Name of the conversation's step in the guest flow.
    pub current_step: String,
    /// Memory of the guest flow in this conversation: the text of a JSON object.
    pub context_data: String,
    /// Time when the conversation was created.
    pub created_at: DateTime<Utc>,
    /// Time of the newest message in the conversation or change of it.
    pub updated_at: DateTime<Utc>,
}

impl ConversationView {
    /// Unread count: the number of guest messages after the read position of the staff member who views the
    /// conversation.
    pub fn unread(&self) -> i64 {
        self.guest_messages - self.read_guest_messages
    }

    /// End of the 24-hour window in which free text may be sent. `None` if the hotel has no WhatsApp number or the
    /// guest has never written to it.
    pub fn window_expires_at(&self) -> Option<DateTime<Utc>> {
        self.window_opened_at.filter(|_| self.on_whatsapp).map(|at| at + SERVICE_WINDOW)
    }
}

/// Numbers of staff messages that the guest has not got, by delivery status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UnsentCounts {
    /// Messages that were refused permanently, and that staff have not handled since.
    pub failed: i64,
    /// Messages without a response of WhatsApp, and that staff have not handled since.
    pub unknown: i64,
    /// Messages that wait until the guest writes.
    pub held: i64,
}

/// Read position of a staff member in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReadPosition {
    /// The newest message or note read; `None` if none is.
    pub message: Option<MessageId>,
    /// Number of guest messages up to that message.
    pub guest_messages: i64,
}

impl ReadPosition {
    /// The position before the first message.
    pub const START: Self = Self { message: None, guest_messages: 0 };
}

/// Id and name of a staff member, as colleagues see them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Person {
    /// Id of the staff member.
    pub id: StaffId,
    /// Display name of the staff member.
    pub name: String,
}

/// The newest message of a conversation, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LastMessage {
    /// Id of the message.
    pub id: MessageId,
    /// The full text of the message.
    pub content: String,
    /// Time of the message.
    pub at: DateTime<Utc>,
    /// The side that sent the message: guest, staff or system.
    pub sender_type: SenderType,
    /// Display name of the message's sender.
    pub sender_name: String,
    /// Delivery status; `None` for guest messages.
    pub delivery: Option<Delivery>,
    /// The reactions to the message, that of the guest first.
    pub reactions: Vec<Reaction>,
}

#[cfg(test)]
mod tests;
