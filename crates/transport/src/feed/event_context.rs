//! Loads the data that events need for delivery: the log stores ids, and content is read at delivery.

use std::collections::HashMap;

use desk::feed_query::{FeedQuery, SessionQuery, SessionView};
use domain::{ConversationId, ConversationView, Event, EventKind};

use crate::{
    feed::{recipients::CurrentDepartment, state::Feed},
    limits::FEED_RETRY_DELAY,
    socket::SocketId,
};

/// Event context: the conversations as they are now, and the current sessions and visibility of changed staff members.
#[derive(Default)]
pub(crate) struct EventContext {
    pub(crate) views: HashMap<ConversationId, ConversationView>,
    /// The session and visibility of each socket of a changed staff member. `None` if the session is over.
    pub(crate) seen: HashMap<SocketId, Option<SessionView>>,
}

impl EventContext {
    pub(crate) fn current_department(&self, conversation: ConversationId) -> CurrentDepartment {
        self.views.get(&conversation).map(|view| view.conversation.department)
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
        let mut views: Vec<ConversationId> = events.iter().filter_map(|event| self.shown_conversation(event)).collect();
        views.sort_unstable();
        views.dedup();
        if views.is_empty() && sessions.is_empty() {
            return EventContext::default();
        }
        self.wake_sockets();
        let (ids, looks): (Vec<_>, Vec<_>) = sessions.into_iter().unzip();
        let query = FeedQuery { hotel: self.hotel, sessions: looks, log: None, views };
        loop {
            match self.context.desk.query_feed(query.clone()).await {
                Ok(snapshot) => {
                    return EventContext {
                        views: snapshot.views,
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
            // One change of a staff member may cause very many `conversation_removed` events, so the conversation is
            // loaded only if that staff member has an inbox subscription.
            EventKind::ConversationRemoved { conversation, staff, .. } => {
                let has_inbox = self.inboxes.values().any(|socket| socket.caller.staff == *staff);
                has_inbox.then_some(*conversation)
            }
            // Messages and delivery statuses carry their content in the event; a staff change shows no conversation.
            EventKind::Message { .. } | EventKind::MessageStatus(_) | EventKind::StaffChanged { .. } => None,
        }
    }
}
