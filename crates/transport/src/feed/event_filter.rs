//! Reads the log for one staff member: replays of sockets, and `GET events/`. Who may see an event is decided in
//! `feed/recipients`; this file adds what was sent live already.

use std::collections::{HashMap, HashSet};

use desk::{
    Caller, Desk, Error,
    feed_query::{FeedQuery, FeedSnapshot, LogRange, SessionQuery, SessionView, ShownObjects},
};
use domain::{ConversationId, Event, EventKind, HotelId, Reach, Seq, StayId};
use wire::{response::EventPage, socket::LoggedEvent};

use crate::{
    feed::{
        event_context::department_shown_by,
        recipients::{EventForm, Viewer, client_ref_recipient},
    },
    socket::SocketHandle,
};

/// Maximum number of events that one call of [`events_after`] reads from the log.
const EVENTS_PAGE: i64 = 1000;

/// A cursor: the position from which a client continues to read the event log.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// Epoch of the log that the cursor belongs to. `None` means the current epoch.
    pub epoch: Option<String>,
    /// Sequence number of the last event that the client has received.
    pub after: Seq,
}

/// Returns a page of the log after a cursor, filtered for a staff member as if they subscribed to everything they may
/// see. Fails if the session is over ([`Error::Unauthenticated`]), or if the log does not continue from the cursor
/// ([`Error::ResyncRequired`]).
pub async fn events_after(desk: &Desk, caller: Caller, cursor: Cursor) -> Result<EventPage, Error> {
    let looks = vec![SessionQuery { caller, conversations: vec![] }];
    let log = Some(LogRange { after: cursor.after, limit: EVENTS_PAGE });
    let query = FeedQuery { hotel: caller.hotel, sessions: looks, log, shown: ShownObjects::default() };
    let snapshot = desk.query_feed_for_request(caller, query).await?;
    let Some(Some(seen)) = snapshot.sessions.first() else { return Err(Error::Unauthenticated) };
    if seen.live.must_change_password {
        return Err(Error::PasswordChangeRequired);
    }
    if !snapshot.continues_from(cursor.epoch.as_deref(), cursor.after) {
        return Err(Error::ResyncRequired);
    }
    let results = EventFilter::for_everything(caller.hotel, seen, &snapshot).select(&snapshot);
    Ok(EventPage { seq: snapshot.read_up_to().0, epoch: snapshot.epoch, results })
}

/// Log position from which a subscription sent events live. `None`: the subscription has sent no event live yet.
type LiveSince = Option<Seq>;

/// Selects the events of the log that one client may see and has not received live.
pub(crate) struct EventFilter {
    reach: Reach,
    /// The client's subscriptions to conversations that are visible now.
    subscriptions: HashMap<ConversationId, LiveSince>,
    /// The client's inbox subscription, if there is one.
    inbox: Option<LiveSince>,
    /// Log position at which the socket joined: events for all staff after it were sent live.
    joined: Seq,
    /// Log position up to which events were sent live, before the replay.
    live_until: Seq,
}

impl EventFilter {
    /// Creates the event filter of a socket in a replay. `inbox`: the replay adds an inbox subscription.
    pub(crate) fn for_socket(socket: &SocketHandle, seen: &SessionView, inbox: bool) -> Self {
        let guard = socket.state();
        let state = guard.as_ref();
        let visible = seen.conversations.iter().flatten().map(|conversation| conversation.id());
        let live_since = |id| state.and_then(|state| state.subscriptions.get(&id)).map(|it| it.since);
        let inbox_since = state.and_then(|state| state.inbox);
        Self {
            reach: seen.live.staff.reach(),
            subscriptions: visible.map(|id| (id, live_since(id))).collect(),
            inbox: (inbox || inbox_since.is_some()).then_some(inbox_since),
            joined: state.map_or(Seq(0), |state| state.joined),
            live_until: state.and_then(|state| state.replaying_from).unwrap_or_default(),
        }
    }

    /// Creates the event filter of a staff member without a socket: every visible conversation counts as subscribed,
    /// and no event as sent live.
    pub(crate) fn for_everything(hotel: HotelId, seen: &SessionView, snapshot: &FeedSnapshot) -> Self {
        let reach = seen.live.staff.reach();
        let conversations = snapshot.loaded.views.values().map(|view| &view.conversation);
        let visible = conversations.filter(|conversation| reach.covers(hotel, conversation.department()));
        Self {
            subscriptions: visible.map(|conversation| (conversation.id(), None)).collect(),
            reach,
            inbox: Some(None),
            joined: Seq(0),
            live_until: Seq(0),
        }
    }

    /// Selects the events of a page of the log that the client may see, in order. Of the changes of a conversation only
    /// the newest is kept, because each shows the conversation as it is now.
    pub(crate) fn select(&self, snapshot: &FeedSnapshot) -> Vec<LoggedEvent> {
        let mut changed = HashSet::new();
        let newest_first = snapshot.log.events.iter().rev();
        let mut events: Vec<LoggedEvent> =
            newest_first.filter_map(|event| self.select_event(event, snapshot, &mut changed)).collect();
        events.reverse();
        events
    }

    fn select_event(
        &self,
        event: &Event,
        snapshot: &FeedSnapshot,
        changed: &mut HashSet<ConversationId>,
    ) -> Option<LoggedEvent> {
        let loaded = &snapshot.loaded;
        let conversation = event.kind.conversation();
        let viewer = Viewer {
            reach: &self.reach,
            has_inbox: self.inbox.is_some(),
            is_subscribed: conversation.is_some_and(|it| self.subscriptions.contains_key(&it)),
        };
        let form = viewer.form_of(event, department_shown_by(event, loaded))?;
        if self.was_sent_live(event) {
            return None;
        }
        let view = conversation.and_then(|it| loaded.views.get(&it));
        match form {
            EventForm::Message => self.message(event),
            EventForm::MessageUpdated | EventForm::MessageRemoved | EventForm::MessageStatus => message_change(event),
            EventForm::NewConversation => view.map(|view| LoggedEvent::new_conversation(event.seq, event.at, view)),
            EventForm::Updated | EventForm::Removed if !changed.insert(conversation?) => None,
            EventForm::Updated => view.map(|view| LoggedEvent::conversation_updated(event.seq, view)),
            EventForm::Removed => {
                Some(LoggedEvent::conversation_removed(event.seq, conversation?, stay_of(&event.kind)))
            }
            EventForm::Directory => directory_updated(event),
            EventForm::Stay | EventForm::StayWithoutConversation => {
                let found = loaded.stays.get(&event.kind.shown_stay()?)?;
                Some(LoggedEvent::stay_updated(event.seq, found, form == EventForm::Stay))
            }
            EventForm::Overdue => response_overdue(event),
            EventForm::History => {
                let entry = loaded.history.get(&event.kind.history_entry()?)?;
                Some(LoggedEvent::history_added(event.seq, stay_of(&event.kind), entry))
            }
            EventForm::Scheduled => {
                let scheduled = loaded.scheduled.get(&event.kind.scheduled_message()?)?;
                Some(LoggedEvent::scheduled_updated(event.seq, stay_of(&event.kind), scheduled))
            }
        }
    }

    /// Returns `true` if the client has already received the event live, through one of its subscriptions.
    fn was_sent_live(&self, event: &Event) -> bool {
        let by_subscription = event.kind.conversation().and_then(|it| self.subscriptions.get(&it).copied().flatten());
        let by_inbox = self.inbox.flatten();
        match &event.kind {
            EventKind::Message(_)
            | EventKind::MessageUpdated(_)
            | EventKind::MessageRemoved { .. }
            | EventKind::MessageStatus(_)
            | EventKind::HistoryAdded { .. }
            | EventKind::ScheduledUpdated { .. } => self.is_live(event.seq, by_subscription),
            EventKind::NewConversation { .. } | EventKind::DirectoryUpdated { .. } => {
                self.is_live(event.seq, Some(self.joined))
            }
            EventKind::ConversationUpdated(change) => {
                self.is_live(event.seq, by_inbox) || (!change.only_message && self.is_live(event.seq, by_subscription))
            }
            EventKind::ConversationRemoved { .. } | EventKind::StayUpdated { .. } | EventKind::ResponseOverdue(_) => {
                self.is_live(event.seq, by_inbox)
            }
            EventKind::StaffChanged { .. } => false,
        }
    }

    fn is_live(&self, seq: Seq, since: LiveSince) -> bool {
        since.is_some_and(|since| since < seq && seq <= self.live_until)
    }

    fn message(&self, event: &Event) -> Option<LoggedEvent> {
        let EventKind::Message(message) = &event.kind else { return None };
        let is_author = client_ref_recipient(message) == Some(self.reach.staff);
        Some(LoggedEvent::message(event.seq, message, is_author))
    }
}

/// The event that a stored message has changed; `None` for another event.
fn message_change(event: &Event) -> Option<LoggedEvent> {
    let seq = event.seq;
    match &event.kind {
        EventKind::MessageUpdated(message) => Some(LoggedEvent::message_updated(seq, message)),
        EventKind::MessageRemoved { conversation, stay, message } => {
            Some(LoggedEvent::message_removed(seq, *conversation, *stay, *message))
        }
        EventKind::MessageStatus(change) => Some(LoggedEvent::message_status(seq, change)),
        _ => None,
    }
}

fn directory_updated(event: &Event) -> Option<LoggedEvent> {
    let EventKind::DirectoryUpdated { what, .. } = &event.kind else { return None };
    Some(LoggedEvent::directory_updated(Some(event.seq), *what))
}

fn response_overdue(event: &Event) -> Option<LoggedEvent> {
    let EventKind::ResponseOverdue(overdue) = &event.kind else { return None };
    Some(LoggedEvent::response_overdue(event.seq, overdue))
}

fn stay_of(kind: &EventKind) -> Option<StayId> {
    match kind {
        EventKind::ConversationUpdated(change) => change.stay,
        EventKind::MessageStatus(change) => change.stay,
        EventKind::ResponseOverdue(overdue) => overdue.stay,
        EventKind::Message(message) | EventKind::MessageUpdated(message) => message.stay,
        EventKind::MessageRemoved { stay, .. }
        | EventKind::NewConversation { stay, .. }
        | EventKind::ConversationRemoved { stay, .. }
        | EventKind::HistoryAdded { stay, .. }
        | EventKind::ScheduledUpdated { stay, .. } => *stay,
        EventKind::StaffChanged { .. } | EventKind::DirectoryUpdated { .. } | EventKind::StayUpdated { .. } => None,
    }
}
