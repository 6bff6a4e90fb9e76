//! Loads the data that events need for delivery: the log stores ids, and content is read at delivery.

use std::collections::HashMap;

use desk::feed_query::{FeedQuery, LoadedObjects, SessionQuery, SessionView, ShownObjects};
use domain::{ConversationId, Event, EventKind, StayId};

use crate::{
    feed::{recipients::CurrentDepartment, state::Feed},
    limits::FEED_RETRY_DELAY,
    socket::SocketId,
};

/// Event context: the objects that events show, as they are now, and the current sessions and visibility of changed
/// staff members.
#[derive(Default)]
pub(crate) struct EventContext {
    pub(crate) loaded: LoadedObjects,
    /// The session and visibility of each socket of a changed staff member. `None` if the session is over.
    pub(crate) seen: HashMap<SocketId, Option<SessionView>>,
}

impl EventContext {
    pub(crate) fn current_department(&self, conversation: ConversationId) -> CurrentDepartment {
        self.loaded.views.get(&conversation).map(|view| view.conversation.department())
    }
}

/// Returns the current department of the conversation that an event shows.
pub(crate) fn department_shown_by(event: &Event, loaded: &LoadedObjects) -> CurrentDepartment {
    match (event.kind.conversation(), event.kind.shown_stay()) {
        (Some(conversation), _) => loaded.views.get(&conversation).map(|view| view.conversation.department()),
        (None, Some(stay)) => loaded.stays.get(&stay)?.conversation.map(|(_, department)| department),
        (None, None) => None,
    }
}

impl Feed {
    /// Loads the context of some events from one snapshot. While the database is unavailable, it retries, and nothing
    /// is fanned out.
    pub(crate) async fn load_context(&mut self, events: &[&Event]) -> EventContext {
        let mut sessions: HashMap<SocketId, SessionQuery> = HashMap::new();
        for event in events {
            if let EventKind::StaffChanged { staff } = event.kind {
                for socket in self.sockets.values().filter(|socket| socket.caller.staff == staff) {
                    sessions.insert(socket.id, socket.session_query());
                }
            }
        }
        let shown = ShownObjects {
            conversations: events.iter().filter_map(|event| self.shown_conversation(event)).collect(),
            stays: events.iter().filter_map(|event| self.shown_stay(event)).collect(),
            history: self.subscribed(events).filter_map(|event| event.kind.history_entry()).collect(),
            scheduled: self.subscribed(events).filter_map(|event| event.kind.scheduled_message()).collect(),
        };
        if shown.is_empty() && sessions.is_empty() {
            return EventContext::default();
        }
        self.wake_sockets();
        let (ids, looks): (Vec<_>, Vec<_>) = sessions.into_iter().unzip();
        let query = FeedQuery { hotel: self.hotel, sessions: looks, log: None, shown };
        loop {
            match self.context.desk.query_feed(query.clone()).await {
                Ok(snapshot) => {
                    return EventContext {
                        loaded: snapshot.loaded,
                        seen: ids.into_iter().zip(snapshot.sessions).collect(),
                    };
                }
                Err(error) => {
                    log::warn!("hotel {}: the feed cannot read the database; retrying: {error}", self.hotel);
                    tokio::time::sleep(FEED_RETRY_DELAY).await;
                }
            }
        }
    }

    /// Returns the conversation that has to be loaded to show an event to the sockets of this node.
    fn shown_conversation(&self, event: &Event) -> Option<ConversationId> {
        match &event.kind {
            EventKind::NewConversation { conversation, .. } => Some(*conversation),
            EventKind::ConversationUpdated(change) => {
                let has_subscribers = !change.only_message && self.subscriptions.contains_key(&change.conversation);
                (has_subscribers || !self.inboxes.is_empty()).then_some(change.conversation)
            }
            EventKind::ResponseOverdue(overdue) => (!self.inboxes.is_empty()).then_some(overdue.conversation),
            // One change of a staff member may cause very many `conversation_removed` events, so the conversation is
            // loaded only if that staff member has an inbox subscription.
            EventKind::ConversationRemoved { conversation, staff, .. } => {
                let has_inbox = self.inboxes.values().any(|socket| socket.caller.staff == *staff);
                has_inbox.then_some(*conversation)
            }
            // Events about messages carry their content; the others show no conversation.
            EventKind::Message(_)
            | EventKind::MessageUpdated(_)
            | EventKind::MessageRemoved { .. }
            | EventKind::MessageStatus(_)
            | EventKind::StaffChanged { .. }
            | EventKind::DirectoryUpdated { .. }
            | EventKind::StayUpdated { .. }
            | EventKind::HistoryAdded { .. } => None,
            // Whether it needs a review is a part of the numbers of inboxes, which the event itself does not reach.
            EventKind::ScheduledUpdated { conversation, .. } => self.has_counts().then_some(*conversation),
        }
    }

    /// Returns the stay that has to be loaded to show an event to the sockets with an inbox subscription.
    fn shown_stay(&self, event: &Event) -> Option<StayId> {
        event.kind.shown_stay().filter(|_| !self.inboxes.is_empty())
    }

    /// Returns the events whose conversation has subscribers on this node.
    fn subscribed<'a>(&self, events: &[&'a Event]) -> impl Iterator<Item = &'a Event> {
        let is_subscribed = |it| self.subscriptions.contains_key(&it);
        events.iter().copied().filter(move |event| event.kind.conversation().is_some_and(is_subscribed))
    }
}
