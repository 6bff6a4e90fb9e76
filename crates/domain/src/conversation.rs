//! A conversation and its lawful moves.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::{ConversationId, DepartmentId, GuestId, HotelId, Reach, SenderType, StaffId, Status::*, StayId};

/// For so long after a guest's message WhatsApp lets one write freely: its customer service window.
pub const SERVICE_WINDOW: TimeDelta = TimeDelta::hours(24);

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// No stay is known.
    Demo,
    /// The stay has not begun.
    Checkin,
    /// The guest talks with the flow.
    Active,
    /// Routed to a department: people talk.
    Relay,
    /// Over, until the guest writes again or staff reopen it.
    Closed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [Demo, Checkin, Active, Relay, Closed];

    /// The word for it in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Demo => "demo",
            Checkin => "checkin",
            Active => "active",
            Relay => "relay",
            Closed => "closed",
        }
    }
}

impl std::str::FromStr for Status {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|it| it.as_str() == word).ok_or(())
    }
}

/// A conversation with a guest: what decides where it may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Its hotel.
    pub hotel: HotelId,
    /// The guest.
    pub guest: GuestId,
    /// The stay, where one is known.
    pub stay: Option<StayId>,
    /// Where it stands.
    pub status: Status,
    /// Where it is routed; a closed one keeps it.
    pub department: Option<DepartmentId>,
    /// Who answers it.
    pub assignee: Option<StaffId>,
}

/// The conversation is closed, and this is not done to closed ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("conversation {0} is closed")]
pub struct ConversationClosed(pub ConversationId);

/// The conversation is not with a department.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("conversation {0} is not in relay")]
pub struct NotInRelay(pub ConversationId);

/// There is no department to route the conversation to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("staff member {0} has no department to take a conversation to")]
pub struct NoDepartment(pub StaffId);

/// The one to assign may not see the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("staff member {0} may not see the conversation")]
pub struct AssigneeOutOfReach(pub StaffId);

/// Whether the guest's words changed more than the last message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// They went on.
    GoesOn,
    /// They moved it: a closed one is open again, a stay has begun.
    Moved,
}

impl Conversation {
    /// Refuses a closed one.
    ///
    /// # Errors
    /// [`ConversationClosed`].
    pub fn open(&self) -> Result<(), ConversationClosed> {
        if self.status == Closed { Err(ConversationClosed(self.id)) } else { Ok(()) }
    }

    /// Routes it to a department, or transfers it to another. An assignee who may not see it
    /// there is cleared; `assignee` is their reach.
    ///
    /// # Errors
    /// [`ConversationClosed`].
    pub fn start_relay(&mut self, to: DepartmentId, assignee: Option<&Reach>) -> Result<(), ConversationClosed> {
        self.open()?;
        self.status = Relay;
        self.department = Some(to);
        self.keep_assignee_in_reach(assignee);
        Ok(())
    }

    /// Ends the talk with people: the guest is with the flow again.
    ///
    /// # Errors
    /// [`NotInRelay`].
    pub fn end_relay(&mut self) -> Result<(), NotInRelay> {
        if self.status != Relay {
            return Err(NotInRelay(self.id));
        }
        self.unroute();
        Ok(())
    }

    /// Closes it; department and assignee stay. Nothing happens to a closed one.
    pub fn close(&mut self) {
        self.status = Closed;
    }

    /// Opens a closed one where it was. Nothing happens to an open one. An assignee who may not see it, since they were
    /// changed while it was closed, is cleared; `assignee` is their reach.
    pub fn reopen(&mut self, assignee: Option<&Reach>) {
        if self.status == Closed {
            self.status = if self.department.is_some() { Relay } else { self.unrouted() };
            self.keep_assignee_in_reach(assignee);
        }
    }

    /// Gives it to a staff member, or to nobody.
    ///
    /// # Errors
    /// [`AssigneeOutOfReach`]. Whether it is open, the caller asks first.
    pub fn assign(&mut self, to: Option<&Reach>) -> Result<(), AssigneeOutOfReach> {
        if let Some(reach) = to.filter(|reach| !reach.covers(self.hotel, self.department)) {
            return Err(AssigneeOutOfReach(reach.staff));
        }
        self.assignee = to.map(|reach| reach.staff);
        Ok(())
    }

    /// Takes in that a staff member answers: an unrouted one becomes theirs, in their first
    /// department (a manager without one: the hotel's default); a routed one without assignee
    /// becomes theirs too.
    ///
    /// # Errors
    /// [`NoDepartment`] where there is none to route it to. Whether it is open, the caller asks first.
    pub fn answer(&mut self, by: &Reach, default_department: Option<DepartmentId>) -> Result<(), NoDepartment> {
        if self.status == Relay {
            self.assignee.get_or_insert(by.staff);
            return Ok(());
        }
        let default = if by.is_manager() { default_department } else { None };
        let department = by.departments.first().copied().or(default).ok_or(NoDepartment(by.staff))?;
        self.status = Relay;
        self.department = Some(department);
        self.assignee = Some(by.staff);
        Ok(())
    }

    /// Takes in that the guest wrote. `stay_begun`: whether their stay, if one is known, has begun.
    pub fn hear(&mut self, stay_begun: bool) -> Heard {
        match self.status {
            Closed => self.unroute(),
            Checkin if stay_begun => self.stay_begins(),
            _ => return Heard::GoesOn,
        }
        Heard::Moved
    }

    /// Takes in that its stay has begun.
    pub fn stay_begins(&mut self) {
        if self.status == Checkin {
            self.status = Active;
        }
    }

    /// Takes in that the guest of its stay has arrived: where no department has it, the guest talks
    /// with the flow from now on, also in a closed one. Of that one an assignee who may not see it is cleared;
    /// `assignee` is their reach.
    pub fn guest_arrives(&mut self, assignee: Option<&Reach>) {
        if self.department.is_none() {
            if self.status == Closed {
                self.keep_assignee_in_reach(assignee);
            }
            self.status = Active;
        }
    }

    /// Becomes the conversation of a stay, having had none.
    pub fn belong_to(&mut self, stay: StayId, unrouted: Status) {
        self.stay = Some(stay);
        if self.status == Demo {
            self.status = unrouted;
        }
    }

    /// Clears an assignee who may not see it; `assignee` is their reach.
    pub fn keep_assignee_in_reach(&mut self, assignee: Option<&Reach>) {
        let seen =
            |staff| assignee.is_some_and(|reach| reach.staff == staff && reach.covers(self.hotel, self.department));
        self.assignee = self.assignee.filter(|&staff| seen(staff));
    }

    fn unroute(&mut self) {
        self.status = self.unrouted();
        self.department = None;
        self.assignee = None;
    }

    fn unrouted(&self) -> Status {
        if self.stay.is_some() { Active } else { Demo }
    }
}

/// A conversation as it is shown in lists and in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationView {
    /// Where it stands, and whom it belongs to.
    pub conversation: Conversation,
    /// The booking's name for the guest; where no stay is known, the guest's own, or a number.
    pub guest_name: String,
    /// The guest's number, where it is known.
    pub guest_phone: Option<String>,
    /// The room, where a stay is known.
    pub room_number: Option<String>,
    /// First and last day of the stay, where one is known.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// The name of its department.
    pub department_name: Option<String>,
    /// The name of its assignee.
    pub assignee: Option<Person>,
    /// Its last message; notes do not count.
    pub last_message: Option<LastMessage>,
    /// How many of the guest's messages came after the asker's mark.
    pub unread: i64,
    /// When the guest last wrote in it.
    pub last_guest_message_at: Option<DateTime<Utc>>,
    /// When the guest last wrote to the hotel's number at WhatsApp, in whatever conversation.
    pub window_opened_at: Option<DateTime<Utc>>,
    /// Whether its hotel has a number at WhatsApp.
    pub on_whatsapp: bool,
    /// The flow's step.
    pub current_step: String,
    /// The flow's memory: a JSON object.
    pub context_data: String,
    /// When it came into being.
    pub created_at: DateTime<Utc>,
    /// When anything was last added or changed.
    pub updated_at: DateTime<Utc>,
}

impl ConversationView {
    /// Until when the guest may be written to freely, by [`SERVICE_WINDOW`]; `None` where no WhatsApp is, or they
    /// never wrote to the hotel's number.
    pub fn window_expires_at(&self) -> Option<DateTime<Utc>> {
        self.window_opened_at.filter(|_| self.on_whatsapp).map(|at| at + SERVICE_WINDOW)
    }
}

/// A staff member, as shown to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their id.
    pub id: StaffId,
    /// Their display name.
    pub name: String,
}

/// The last message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastMessage {
    /// Its whole text.
    pub content: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Who spoke.
    pub sender_type: SenderType,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn conversation(status: Status, stay: Option<i64>, department: Option<i64>) -> Conversation {
        Conversation {
            id: ConversationId(1),
            hotel: HotelId(1),
            guest: GuestId(1),
            stay: stay.map(StayId),
            status,
            department: department.map(DepartmentId),
            assignee: None,
        }
    }

    fn reach(staff: i64, role: Role, departments: &[i64]) -> Reach {
        let departments = departments.iter().copied().map(DepartmentId).collect();
        Reach { staff: StaffId(staff), hotel: HotelId(1), role, departments }
    }

    #[test]
    fn the_answer_takes_an_unrouted_conversation_over() {
        let mut it = conversation(Active, Some(1), None);
        it.answer(&reach(7, Role::Staff, &[3, 4]), Some(DepartmentId(9))).unwrap();
        assert_eq!((it.status, it.department, it.assignee), (Relay, Some(DepartmentId(3)), Some(StaffId(7))));
    }

    #[test]
    fn a_manager_without_department_takes_it_to_the_default_one_and_staff_may_not() {
        let mut it = conversation(Demo, None, None);
        assert_eq!(it.answer(&reach(7, Role::Staff, &[]), Some(DepartmentId(9))), Err(NoDepartment(StaffId(7))));
        it.answer(&reach(8, Role::Manager, &[]), Some(DepartmentId(9))).unwrap();
        assert_eq!((it.status, it.department), (Relay, Some(DepartmentId(9))));
    }

    #[test]
    fn an_answer_leaves_a_routed_conversation_with_its_assignee() {
        let mut it = conversation(Relay, Some(1), Some(3));
        it.answer(&reach(7, Role::Manager, &[]), None).unwrap();
        it.answer(&reach(8, Role::Staff, &[3]), None).unwrap();
        assert_eq!((it.department, it.assignee), (Some(DepartmentId(3)), Some(StaffId(7))));
    }

    #[test]
    fn a_transfer_clears_an_assignee_who_does_not_see_it_any_more() {
        let assignee = reach(7, Role::Staff, &[3]);
        let mut it = conversation(Relay, Some(1), Some(3));
        it.assign(Some(&assignee)).unwrap();
        it.start_relay(DepartmentId(3), Some(&assignee)).unwrap();
        assert_eq!(it.assignee, Some(StaffId(7)));
        it.start_relay(DepartmentId(4), Some(&assignee)).unwrap();
        assert_eq!(it.assignee, None);
    }

    #[test]
    fn who_arrives_talks_with_the_flow_unless_a_department_has_them() {
        for status in [Checkin, Active, Closed] {
            let mut it = conversation(status, Some(1), None);
            it.guest_arrives(None);
            assert_eq!(it.status, Active);
        }
        for status in [Relay, Closed] {
            let mut it = conversation(status, Some(1), Some(3));
            it.guest_arrives(None);
            assert_eq!((it.status, it.department), (status, Some(DepartmentId(3))));
        }
    }

    #[test]
    fn end_relay_leaves_nothing_and_needs_a_relay() {
        for (stay, left) in [(Some(1), Active), (None, Demo)] {
            let mut it = conversation(Relay, stay, Some(3));
            it.assignee = Some(StaffId(7));
            it.end_relay().unwrap();
            assert_eq!((it.status, it.department, it.assignee), (left, None, None));
        }
        for status in [Demo, Checkin, Active, Closed] {
            assert_eq!(conversation(status, None, None).end_relay(), Err(NotInRelay(ConversationId(1))));
        }
    }

    #[test]
    fn close_keeps_and_reopen_gives_back() {
        for (status, department, back) in [(Relay, Some(3), Relay), (Active, None, Active), (Checkin, None, Active)] {
            let mut it = conversation(status, Some(1), department);
            it.close();
            assert_eq!((it.status, it.department), (Closed, department.map(DepartmentId)));
            assert!(it.start_relay(DepartmentId(1), None).is_err());
            it.reopen(None);
            assert_eq!((it.status, it.department), (back, department.map(DepartmentId)));
        }
        let mut open = conversation(Checkin, Some(1), None);
        open.reopen(None);
        assert_eq!(open.status, Checkin);
    }

    #[test]
    fn what_is_opened_again_keeps_an_assignee_who_may_see_it() {
        let sees = reach(7, Role::Staff, &[3]);
        for (assignee, kept) in [(Some(&sees), Some(StaffId(7))), (None, None)] {
            let mut it = conversation(Closed, Some(1), Some(3));
            it.assignee = Some(StaffId(7));
            it.reopen(assignee);
            assert_eq!((it.status, it.assignee), (Relay, kept));
            it.reopen(None);
            assert_eq!(it.assignee, kept, "it was open");
            let mut unrouted = conversation(Closed, Some(1), None);
            unrouted.assignee = Some(StaffId(7));
            unrouted.guest_arrives(assignee);
            assert_eq!((unrouted.status, unrouted.assignee), (Active, kept));
        }
        let mut moved = conversation(Closed, Some(1), Some(4));
        moved.assignee = Some(StaffId(7));
        moved.reopen(Some(&sees));
        assert_eq!(moved.assignee, None);
    }

    #[test]
    fn a_guest_who_writes_opens_a_closed_one_unrouted() {
        let mut it = conversation(Closed, Some(1), Some(3));
        it.assignee = Some(StaffId(7));
        assert_eq!(it.hear(true), Heard::Moved);
        assert_eq!((it.status, it.department, it.assignee), (Active, None, None));
        assert_eq!(it.hear(true), Heard::GoesOn);
        let mut before = conversation(Checkin, Some(1), None);
        assert_eq!((before.hear(false), before.status), (Heard::GoesOn, Checkin));
        assert_eq!((before.hear(true), before.status), (Heard::Moved, Active));
    }

    #[test]
    fn nobody_is_assigned_what_they_do_not_see() {
        let mut it = conversation(Relay, Some(1), Some(3));
        assert_eq!(it.assign(Some(&reach(7, Role::Staff, &[4]))), Err(AssigneeOutOfReach(StaffId(7))));
        assert!(it.assign(Some(&reach(7, Role::Staff, &[3]))).is_ok());
        assert!(it.assign(None).is_ok());
        assert_eq!(it.assignee, None);
    }
}
