//! Runs the feed requests of sockets. All requests of a batch are answered from one snapshot of the database, after the
//! feed has fanned out exactly the events of that snapshot, so that no event lies between the snapshot and its effect.

use std::sync::Arc;

use desk::feed_query::{FeedQuery, SessionQuery, SessionView, ShownObjects};
use domain::{Conversation, ConversationRef, Seq};

use crate::{
    feed::{
        ephemeral,
        requests::{FeedRequest, SocketRequest},
        state::Feed,
    },
    limits::MAX_SUBSCRIPTIONS,
    socket::{
        CountsInterest, SocketHandle, SocketState,
        frames::{self, ReplyTo},
        send_queue::CloseCause,
    },
};

impl Feed {
    pub(crate) async fn serve_requests(&mut self, mut batch: Vec<FeedRequest>) {
        // Requests that end a replay come last: they fan out events beyond the snapshot of the other requests.
        batch.sort_by_key(|request| matches!(request, FeedRequest::Socket(_, SocketRequest::FinishReplay(_))));
        let looks: Vec<SessionQuery> = batch.iter().filter_map(session_query).collect();
        let is_log_check = batch.iter().any(|request| matches!(request, FeedRequest::CheckLog));
        let mut sessions = Vec::new().into_iter();
        if !looks.is_empty() || is_log_check {
            let query = FeedQuery { hotel: self.hotel, sessions: looks, log: None, shown: ShownObjects::default() };
            match self.context.desk.query_feed(query).await {
                Ok(snapshot) => {
                    self.check_epoch(&snapshot).await;
                    self.set_first_position(snapshot.head);
                    self.fan_out_to(snapshot.head).await;
                    sessions = snapshot.sessions.into_iter();
                }
                Err(error) => {
                    log::warn!("hotel {}: requests of sockets are refused: {error}", self.hotel);
                    return self.refuse_requests(batch, &error).await;
                }
            }
        }
        for request in batch {
            let seen = if needs_session(&request) { sessions.next().flatten() } else { None };
            self.serve_request(request, seen).await;
            self.wake_sockets();
        }
    }

    /// Sets the position of a feed without sockets to the head of the log, where its first socket starts.
    fn set_first_position(&mut self, head: Seq) {
        if self.sockets.is_empty() {
            self.pending.clear();
            self.head = head;
            self.set_position(head.max(self.position));
        }
    }

    async fn serve_request(&mut self, request: FeedRequest, seen: Option<SessionView>) {
        match request {
            FeedRequest::Socket(socket, request) => self.serve_socket(&socket, request, seen).await,
            // The log is compared already, by `check_epoch` for the whole batch.
            FeedRequest::CheckLog => {}
            FeedRequest::Read(read) => {
                let signal = ephemeral::read_signal(read.conversation, read.reader.id);
                self.context.bus.publish_ephemeral(self.hotel, signal);
                self.send_read(read).await;
            }
            FeedRequest::Draft(draft) => {
                let signal = ephemeral::draft_signal(draft.conversation, draft.writer);
                self.context.bus.publish_ephemeral(self.hotel, signal);
                self.send_draft(draft).await;
            }
            FeedRequest::Settings(staff) => {
                self.context.bus.publish_ephemeral(self.hotel, ephemeral::settings_signal(staff));
                self.send_settings_change(staff);
            }
            FeedRequest::RemoteSignal { node, signal, .. } => self.send_remote_signal(node, signal).await,
            FeedRequest::EndExpiredViewing => self.end_expired_viewing().await,
        }
    }

    async fn serve_socket(&mut self, socket: &Arc<SocketHandle>, request: SocketRequest, seen: Option<SessionView>) {
        let has_joined = self.sockets.contains_key(&socket.id);
        if !has_joined && !matches!(request, SocketRequest::Join(_)) {
            return self.leave(socket).await;
        }
        match request {
            SocketRequest::Leave => self.leave(socket).await,
            SocketRequest::Unsubscribe(which, reply_to, _done) if !matches!(which, ConversationRef::Both(..)) => {
                self.serve_unsubscribe(socket, which, &reply_to).await;
            }
            SocketRequest::Pause(_done) => {
                if let Some(state) = socket.state().as_mut() {
                    state.replaying_from = Some(self.position);
                }
            }
            SocketRequest::FinishReplay(end) => self.finish_replay(socket, end).await,
            SocketRequest::Join(_)
            | SocketRequest::RecheckAccess
            | SocketRequest::Subscribe(..)
            | SocketRequest::Unsubscribe(..)
            | SocketRequest::SetInbox { .. }
            | SocketRequest::Typing { .. }
            | SocketRequest::Viewing { .. } => match seen {
                Some(seen) => self.serve_with_session(socket, request, seen).await,
                None => {
                    socket.close(CloseCause::SessionOver);
                    self.leave(socket).await;
                }
            },
        }
    }

    /// Runs a feed request that needs a live session, or the visibility of a conversation.
    async fn serve_with_session(&mut self, socket: &Arc<SocketHandle>, request: SocketRequest, seen: SessionView) {
        let found = seen.conversations.first().cloned().flatten();
        match request {
            SocketRequest::Join(_done) => self.join(socket, &seen),
            SocketRequest::RecheckAccess => self.update_access(socket, &seen).await,
            SocketRequest::Subscribe(which, reply_to, _done) => match found {
                Some(found) if !which.matches_stay(found.stay()) => {
                    socket.send_client_error(frames::not_together(&reply_to))
                }
                Some(found) => self.serve_subscribe(socket, &found, &reply_to).await,
                None => socket.send_client_error(frames::not_found(&reply_to)),
            },
            SocketRequest::Unsubscribe(which, reply_to, _done) => match found {
                Some(found) if !which.matches_stay(found.stay()) => {
                    socket.send_client_error(frames::not_together(&reply_to))
                }
                _ => self.serve_unsubscribe(socket, which, &reply_to).await,
            },
            SocketRequest::SetInbox { is_wanted, with_counts, reply_to, done: _done } => {
                self.set_inbox(socket, is_wanted);
                set_counts(socket, with_counts);
                self.send_ack(socket, &reply_to);
            }
            SocketRequest::Typing { which, typing, reply_to, done: _done } => match found {
                Some(found) if !which.matches_stay(found.stay()) => {
                    socket.send_client_error(frames::not_together(&reply_to))
                }
                Some(found) => self.serve_typing(socket, &found, typing, &reply_to).await,
                None => socket.send_client_error(frames::not_found(&reply_to)),
            },
            SocketRequest::Viewing { which, viewing, reply_to, done: _done } => match found {
                Some(found) if !which.matches_stay(found.stay()) => {
                    socket.send_client_error(frames::not_together(&reply_to))
                }
                Some(found) if !socket.is_subscribed(found.id()) => {
                    socket.send_client_error(frames::not_subscribed(&reply_to, which))
                }
                Some(found) => {
                    self.set_viewing(socket, &found, viewing).await;
                    if let Some(ack) = frames::ack(&reply_to, None) {
                        socket.send(ack);
                    }
                }
                None => socket.send_client_error(frames::not_found(&reply_to)),
            },
            SocketRequest::Leave | SocketRequest::Pause(_) | SocketRequest::FinishReplay(_) => {}
        }
    }

    fn join(&mut self, socket: &Arc<SocketHandle>, seen: &SessionView) {
        socket.set_session_end(seen.live.ends_at);
        // `welcome` is sent before the socket is registered, so that it is the first frame.
        socket.send(frames::welcome(socket.caller.session, &self.epoch, self.position));
        *socket.state() = Some(SocketState::new(&seen.live, self.position));
        self.sockets.insert(socket.id, socket.clone());
    }

    async fn serve_subscribe(&mut self, socket: &Arc<SocketHandle>, conversation: &Conversation, reply_to: &ReplyTo) {
        let is_full = socket.state().as_ref().is_some_and(|state| {
            state.subscriptions.len() >= MAX_SUBSCRIPTIONS && !state.subscriptions.contains_key(&conversation.id())
        });
        if is_full {
            return socket.send_client_error(frames::too_many_subscriptions(reply_to));
        }
        self.subscribe(socket, conversation).await;
        let viewers = self.viewers.viewers(conversation.id(), socket.caller.staff);
        if let Some(ack) = frames::subscribed(reply_to, self.position, &viewers) {
            socket.send(ack);
        }
    }

    async fn serve_unsubscribe(&mut self, socket: &Arc<SocketHandle>, which: ConversationRef, reply_to: &ReplyTo) {
        let removed = socket.state().as_mut().and_then(|state| {
            let id = match which {
                ConversationRef::Conversation(id) | ConversationRef::Both(id, _) => Some(id),
                ConversationRef::Stay(stay) => {
                    state.subscriptions.iter().find(|(_, it)| it.stay == Some(stay)).map(|(id, _)| *id)
                }
            };
            id.filter(|id| state.subscriptions.remove(id).is_some())
        });
        if let Some(conversation) = removed {
            self.unsubscribe(socket.id, conversation).await;
            self.stop_viewing(socket.id, conversation).await;
        }
        self.send_ack(socket, reply_to);
    }

    /// Adds or removes a socket's inbox subscription. An existing subscription keeps its log position.
    pub(crate) fn set_inbox(&mut self, socket: &Arc<SocketHandle>, is_wanted: bool) {
        let since = self.position;
        if let Some(state) = socket.state().as_mut() {
            state.inbox = is_wanted.then(|| state.inbox.unwrap_or(since));
        }
        if is_wanted {
            self.inboxes.insert(socket.id, socket.clone());
        } else {
            self.inboxes.remove(&socket.id);
        }
    }

    async fn serve_typing(
        &mut self,
        socket: &Arc<SocketHandle>,
        conversation: &Conversation,
        typing: bool,
        reply_to: &ReplyTo,
    ) {
        let person = socket.state().as_ref().map(SocketState::person);
        if let Some(person) = person {
            let signal = ephemeral::typing_signal(conversation.id(), person.id, typing);
            self.context.bus.publish_ephemeral(self.hotel, signal);
            self.send_typing(conversation.id(), conversation.stay(), &person, typing).await;
        }
        if let Some(ack) = frames::ack(reply_to, None) {
            socket.send(ack);
        }
    }

    /// Acknowledges a command with the feed's position, if the client wants an ack.
    pub(crate) fn send_ack(&self, socket: &SocketHandle, reply_to: &ReplyTo) {
        if let Some(ack) = frames::ack(reply_to, Some(self.position)) {
            socket.send(ack);
        }
    }

    /// Handles a batch of feed requests while the database is unavailable: refuses those that need it and runs the
    /// others.
    async fn refuse_requests(&mut self, batch: Vec<FeedRequest>, error: &desk::Error) {
        for request in batch {
            if !needs_session(&request) {
                self.serve_request(request, None).await;
                continue;
            }
            let FeedRequest::Socket(socket, request) = request else { continue };
            match request {
                SocketRequest::Unsubscribe(_, reply_to, _)
                | SocketRequest::Subscribe(_, reply_to, _)
                | SocketRequest::SetInbox { reply_to, .. }
                | SocketRequest::Typing { reply_to, .. }
                | SocketRequest::Viewing { reply_to, .. } => socket.send(frames::refused(&reply_to, error)),
                // A socket that cannot join is closed: its client reconnects, perhaps to another node.
                SocketRequest::Join(_) => socket.close(CloseCause::Restart),
                // A recheck of access is skipped here: the watchdog repeats it after a second.
                SocketRequest::RecheckAccess
                | SocketRequest::Leave
                | SocketRequest::Pause(_)
                | SocketRequest::FinishReplay(_) => {}
            }
        }
        self.wake_sockets();
    }
}

/// Begins or ends the event `counts` for a socket. Numbers that wait to be sent still are if the socket asks again.
fn set_counts(socket: &SocketHandle, is_wanted: bool) {
    if let Some(state) = socket.state().as_mut() {
        state.counts = match (is_wanted, state.counts) {
            (false, _) => CountsInterest::None,
            (true, CountsInterest::None) => CountsInterest::UpToDate,
            (true, wanted) => wanted,
        };
    }
}

/// Returns the query that a feed request needs, or `None` if the request needs no snapshot.
fn session_query(request: &FeedRequest) -> Option<SessionQuery> {
    let FeedRequest::Socket(socket, request) = request else { return None };
    let caller = socket.caller;
    match request {
        SocketRequest::Subscribe(which, ..)
        | SocketRequest::Typing { which, .. }
        | SocketRequest::Viewing { which, .. }
        | SocketRequest::Unsubscribe(which @ ConversationRef::Both(..), ..) => {
            Some(SessionQuery { caller, conversations: vec![*which] })
        }
        SocketRequest::Join(_) | SocketRequest::SetInbox { .. } => Some(SessionQuery { caller, conversations: vec![] }),
        SocketRequest::RecheckAccess => Some(socket.session_query()),
        SocketRequest::Leave
        | SocketRequest::Unsubscribe(..)
        | SocketRequest::Pause(_)
        | SocketRequest::FinishReplay(_) => None,
    }
}

/// Returns `true` for the feed requests that have a [`session_query`].
fn needs_session(request: &FeedRequest) -> bool {
    matches!(
        request,
        FeedRequest::Socket(
            _,
            SocketRequest::Join(_)
                | SocketRequest::RecheckAccess
                | SocketRequest::Subscribe(..)
                | SocketRequest::Unsubscribe(ConversationRef::Both(..), ..)
                | SocketRequest::SetInbox { .. }
                | SocketRequest::Typing { .. }
                | SocketRequest::Viewing { .. }
        )
    )
}
