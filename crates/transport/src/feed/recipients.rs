//! Decides who receives an event. No other file decides this: live events (`feed/fan_out`, `feed/subscription`),
//! replays and `GET events/` (`feed/event_filter`) use the same predicate, [`Viewer::form_of`].

use domain::{DepartmentId, DirectoryPart, Event, EventKind, Message, Reach, StaffId};

use crate::socket::SocketState;

/// The client that may receive an event: a socket, or a staff member who reads the log without one.
pub(crate) struct Viewer<'a> {
    pub(crate) reach: &'a Reach,
    pub(crate) has_inbox: bool,
    /// Whether the client subscribes to the conversation of the event.
    pub(crate) is_subscribed: bool,
}

/// The form in which a client receives an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventForm {
    Message,
    MessageUpdated,
    MessageRemoved,
    MessageStatus,
    NewConversation,
    /// `conversation_updated`, which shows the conversation as it is now.
    Updated,
    /// `conversation_removed`, which ends the client's access to the conversation.
    Removed,
    Directory,
    /// `stay_updated` with the conversation of the stay, which the client may see.
    Stay,
    /// `stay_updated` without a conversation.
    StayWithoutConversation,
    Overdue,
    History,
    Scheduled,
}

/// The current department of the conversation that the event shows (of a stay: its conversation); the inner `None` means
/// unrouted. The outer `None` means that there is no such conversation.
pub(crate) type CurrentDepartment = Option<Option<DepartmentId>>;

impl<'a> Viewer<'a> {
    pub(crate) fn of_socket(state: &'a SocketState, is_subscribed: bool) -> Self {
        Self { reach: &state.reach, has_inbox: state.inbox.is_some(), is_subscribed }
    }

    /// Returns the form in which this client receives an event, or `None` if the event does not concern the client.
    ///
    /// A client gets an event once, even if several of its subscriptions match. `current` is the conversation's
    /// department now, which may be a later one than at the time of the event: a conversation that is not visible now
    /// is not shown at all.
    pub(crate) fn form_of(&self, event: &Event, current: CurrentDepartment) -> Option<EventForm> {
        let is_visible = |department| self.reach.covers(event.hotel, department);
        let is_visible_now = current.is_some_and(is_visible);
        match &event.kind {
            _ if is_of_removed_message(&event.kind) => None,
            EventKind::Message(_) => self.is_subscribed.then_some(EventForm::Message),
            EventKind::MessageUpdated(_) => self.is_subscribed.then_some(EventForm::MessageUpdated),
            EventKind::MessageRemoved { .. } => self.is_subscribed.then_some(EventForm::MessageRemoved),
            EventKind::MessageStatus(_) => self.is_subscribed.then_some(EventForm::MessageStatus),
            EventKind::NewConversation { department, .. } => {
                let is_concerned = department.is_none_or(|department| self.reach.is_member(department));
                (is_visible_now && is_concerned).then_some(EventForm::NewConversation)
            }
            EventKind::ConversationUpdated(change) => {
                let is_wanted = self.has_inbox || (self.is_subscribed && !change.only_message);
                let is_lost = self.has_inbox && is_visible(change.before) && !is_visible(change.after);
                match is_visible_now {
                    true => is_wanted.then_some(EventForm::Updated),
                    false => is_lost.then_some(EventForm::Removed),
                }
            }
            EventKind::ConversationRemoved { staff, .. } => {
                let is_lost = self.has_inbox && *staff == self.reach.staff && !is_visible_now;
                is_lost.then_some(EventForm::Removed)
            }
            EventKind::StaffChanged { .. } => None,
            EventKind::DirectoryUpdated { staff, .. } => {
                staff.is_none_or(|staff| staff == self.reach.staff).then_some(EventForm::Directory)
            }
            EventKind::StayUpdated { .. } => {
                let form = if is_visible_now { EventForm::Stay } else { EventForm::StayWithoutConversation };
                self.has_inbox.then_some(form)
            }
            EventKind::ResponseOverdue(_) => (self.has_inbox && is_visible_now).then_some(EventForm::Overdue),
            EventKind::HistoryAdded { .. } => self.is_subscribed.then_some(EventForm::History),
            EventKind::ScheduledUpdated { .. } => self.is_subscribed.then_some(EventForm::Scheduled),
        }
    }
}

/// Whether the numbers of a client's inbox may change by an event that the client receives in this form.
pub(crate) fn changes_counts(event: &Event, form: EventForm) -> bool {
    match form {
        EventForm::Updated
        | EventForm::Removed
        | EventForm::NewConversation
        | EventForm::Overdue
        | EventForm::Scheduled => true,
        // The numbers contain the names of departments.
        EventForm::Directory => {
            matches!(event.kind, EventKind::DirectoryUpdated { what: DirectoryPart::Departments, .. })
        }
        EventForm::Message
        | EventForm::MessageUpdated
        | EventForm::MessageRemoved
        | EventForm::MessageStatus
        | EventForm::Stay
        | EventForm::StayWithoutConversation
        | EventForm::History => false,
    }
}

/// Whether an event read from the log shows a message that has been taken back in the meantime. Nobody receives it.
pub(crate) fn is_of_removed_message(kind: &EventKind) -> bool {
    match kind {
        EventKind::Message(message) | EventKind::MessageUpdated(message) => message.is_removed,
        _ => false,
    }
}

/// Returns the staff member whose sockets receive a message with its `client_ref`: the author, and nobody else.
pub(crate) fn client_ref_recipient(message: &Message) -> Option<StaffId> {
    message.author.filter(|_| message.client_ref.is_some())
}
