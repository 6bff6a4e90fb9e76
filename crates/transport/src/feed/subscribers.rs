//! The feed's side of the subscription actors: start, subscribe, unsubscribe, broadcast, and recovery from a panic.

use std::sync::Arc;

use actix::{Actor, prelude::SendError};
use domain::{Conversation, ConversationId};

use crate::{
    feed::{
        state::Feed,
        subscription::{Broadcast, StaySubscription, Subscribe, Unsubscribe},
    },
    socket::{SocketHandle, SocketId, Subscription, send_queue::CloseCause},
};

impl Feed {
    /// Subscribes a socket to a conversation. An existing subscription keeps its log position.
    pub(crate) async fn subscribe(&mut self, socket: &Arc<SocketHandle>, conversation: &Conversation) {
        let id = conversation.id();
        let subscription = Subscription { since: self.position, stay: conversation.stay() };
        if let Some(state) = socket.state().as_mut() {
            state.subscriptions.entry(id).or_insert(subscription);
        }
        let hotel = self.hotel;
        let start = || StaySubscription::new(hotel, id, self.wake_list.clone()).start();
        let actor = self.subscriptions.entry(id).or_insert_with(start);
        // Subscribes without waiting for the actor: its mailbox is rarely full and keeps the order of its messages.
        let is_subscribed = match actor.try_send(Subscribe(socket.clone())) {
            Ok(()) => true,
            Err(SendError::Closed(_)) => false,
            Err(SendError::Full(subscribe)) => actor.send(subscribe).await.is_ok(),
        };
        if !is_subscribed {
            self.handle_actor_failure(id);
        }
    }

    /// Removes a socket from the subscribers of a conversation.
    pub(crate) async fn unsubscribe(&mut self, socket: SocketId, conversation: ConversationId) {
        let Some(actor) = self.subscriptions.get(&conversation) else { return };
        match actor.send(Unsubscribe(socket)).await {
            Ok(subscribers_left) => self.drop_actor_if_unused(conversation, subscribers_left),
            Err(_) => self.handle_actor_failure(conversation),
        }
    }

    /// Sends a broadcast to the subscribers of a conversation, and waits until the frames are queued, so that events
    /// keep their order.
    pub(crate) async fn broadcast(&mut self, conversation: ConversationId, broadcast: Broadcast) {
        let Some(actor) = self.subscriptions.get(&conversation) else { return };
        match actor.send(broadcast).await {
            Ok(subscribers_left) => self.drop_actor_if_unused(conversation, subscribers_left),
            Err(_) => self.handle_actor_failure(conversation),
        }
    }

    /// Removes a socket and its subscriptions from the feed.
    pub(crate) async fn leave(&mut self, socket: &Arc<SocketHandle>) {
        self.sockets.remove(&socket.id);
        self.inboxes.remove(&socket.id);
        let state = socket.state().take();
        for conversation in state.into_iter().flat_map(|state| state.subscriptions.into_keys()) {
            self.unsubscribe(socket.id, conversation).await;
            self.stop_viewing(socket.id, conversation).await;
        }
    }

    fn drop_actor_if_unused(&mut self, conversation: ConversationId, subscribers_left: usize) {
        if subscribers_left == 0 {
            self.subscriptions.remove(&conversation);
        }
    }

    /// Recovers from a panic of a conversation's subscription actor. Its subscribers would miss events, so they are
    /// closed with 1012 and resume from the log.
    fn handle_actor_failure(&mut self, conversation: ConversationId) {
        log::error!(
            "hotel {}: the subscription of conversation {conversation} has failed; its sockets are closed to resume",
            self.hotel
        );
        self.subscriptions.remove(&conversation);
        for socket in self.sockets.values().filter(|socket| socket.is_subscribed(conversation)) {
            socket.close(CloseCause::Restart);
        }
    }
}
