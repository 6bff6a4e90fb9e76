//! Access of the hotel's sockets: takes over a new visibility scope and ends what it no longer covers.

use std::{collections::HashSet, sync::Arc};

use desk::feed_query::SessionView;
use domain::{ConversationId, ConversationRef, StaffId};
use wire::socket::UnsubscribeReason;

use crate::{
    feed::{event_context::EventContext, state::Feed},
    socket::{SocketHandle, frames, send_queue::CloseCause},
};

impl Feed {
    /// Rechecks the sockets of a staff member whose visibility scope or sessions have changed.
    pub(crate) async fn recheck_staff(&mut self, staff: StaffId, context: &EventContext) {
        let sockets: Vec<Arc<SocketHandle>> =
            self.sockets.values().filter(|socket| socket.caller.staff == staff).cloned().collect();
        for socket in sockets {
            match context.seen.get(&socket.id) {
                Some(Some(seen)) => self.update_access(&socket, seen).await,
                Some(None) => {
                    socket.close(CloseCause::SessionOver);
                    self.leave(&socket).await;
                }
                // No session was loaded for a socket that joined after the query; its own snapshot is newer.
                None => {}
            }
        }
    }

    /// Takes over a socket's visibility scope from a snapshot, and ends the subscriptions that it does not cover.
    pub(crate) async fn update_access(&mut self, socket: &Arc<SocketHandle>, seen: &SessionView) {
        socket.set_session_end(seen.live.ends_at);
        let visible: HashSet<ConversationId> =
            seen.conversations.iter().flatten().map(|conversation| conversation.id()).collect();
        // Subscriptions that began after the query are not in its result; they were checked when they began.
        let queried: HashSet<ConversationId> = seen.requested.iter().filter_map(conversation_id).collect();
        let mut lost = Vec::new();
        let mut reason = UnsubscribeReason::RoutedAway;
        // The access of a socket in a replay is checked at the end of the replay.
        if let Some(state) = socket.state().as_mut().filter(|state| state.is_live()) {
            let reach = seen.live.staff.reach();
            if state.reach != reach {
                state.reach = reach;
                self.counts.mark(state);
                reason = UnsubscribeReason::ReachChanged;
            }
            state.name.clone_from(&seen.live.staff.name);
            lost = state.subscriptions.iter().map(|(id, subscription)| (*id, subscription.stay)).collect();
            lost.retain(|(id, _)| queried.contains(id) && !visible.contains(id));
            for (id, _) in &lost {
                state.subscriptions.remove(id);
            }
        }
        for (conversation, stay) in lost {
            self.unsubscribe(socket.id, conversation).await;
            self.stop_viewing(socket.id, conversation).await;
            self.wake_list.send(socket, frames::unsubscribed(stay, Some(conversation), reason));
        }
    }
}

fn conversation_id(which: &ConversationRef) -> Option<ConversationId> {
    match which {
        ConversationRef::Conversation(id) | ConversationRef::Both(id, _) => Some(*id),
        ConversationRef::Stay(_) => None,
    }
}
