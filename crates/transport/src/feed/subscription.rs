//! The subscription actor, which fans the events of one conversation out to its subscribers.

use std::{collections::HashMap, sync::Arc};

use actix::{Actor, Context, Handler, Message};
use bytestring::ByteString;
use domain::{ConversationId, DepartmentId, Event, HotelId, StaffId, StayId};
use wire::socket::UnsubscribeReason;

use crate::{
    feed::recipients::{EventForm, Viewer},
    socket::{SocketHandle, SocketId, frames, wake_list::WakeList},
};

/// The subscription actor: holds the sockets that subscribe to one conversation, and queues frames for them.
///
/// Owned by the hotel's feed, which starts the actor for the first subscriber and drops it after the last one. The feed
/// decides who may subscribe.
pub(crate) struct StaySubscription {
    hotel: HotelId,
    conversation: ConversationId,
    subscribers: HashMap<SocketId, Arc<SocketHandle>>,
    wake_list: WakeList,
}

impl StaySubscription {
    pub(crate) fn new(hotel: HotelId, conversation: ConversationId, wake_list: WakeList) -> Self {
        Self { hotel, conversation, subscribers: HashMap::new(), wake_list }
    }
}

impl Actor for StaySubscription {
    type Context = Context<Self>;
}

/// Message to the subscription actor: adds a socket as subscriber of the conversation.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Subscribe(pub(crate) Arc<SocketHandle>);

/// Message to the subscription actor: removes a socket. Returns the number of subscribers that are left.
#[derive(Message)]
#[rtype(result = "usize")]
pub(crate) struct Unsubscribe(pub(crate) SocketId);

/// Message to the subscription actor: queues frames for the live subscribers. Returns the number of subscribers left.
#[derive(Message)]
#[rtype(result = "usize")]
pub(crate) enum Broadcast {
    /// A broadcast of messages, notes, delivery statuses, scheduled messages and entries of the history, in order.
    Messages(Vec<MessageFrames>),
    /// A broadcast of a changed conversation. Subscribers without access to the new department are unsubscribed first.
    Updated {
        event: Event,
        routed_to: Option<DepartmentId>,
        stay: Option<StayId>,
        /// The frame that shows the conversation, and its current department. `None` if the conversation is gone.
        current: Option<(ByteString, Option<DepartmentId>)>,
    },
    /// A broadcast of a typing or read indicator to all sockets but those of the staff member `except`.
    Ephemeral { frame: ByteString, except: StaffId },
}

/// The frame of a message, or of another event for the subscribers, and the same frame with `client_ref` for the sockets
/// of the author.
pub(crate) struct MessageFrames {
    pub(crate) frame: ByteString,
    pub(crate) for_author: Option<(StaffId, ByteString)>,
}

impl MessageFrames {
    fn frame_for(&self, staff: StaffId) -> ByteString {
        match &self.for_author {
            Some((author, frame)) if *author == staff => frame.clone(),
            _ => self.frame.clone(),
        }
    }
}

impl Handler<Subscribe> for StaySubscription {
    type Result = ();

    fn handle(&mut self, Subscribe(socket): Subscribe, _: &mut Self::Context) {
        self.subscribers.insert(socket.id, socket);
    }
}

impl Handler<Unsubscribe> for StaySubscription {
    type Result = usize;

    fn handle(&mut self, Unsubscribe(socket): Unsubscribe, _: &mut Self::Context) -> usize {
        self.subscribers.remove(&socket);
        self.subscribers.len()
    }
}

impl Handler<Broadcast> for StaySubscription {
    type Result = usize;

    fn handle(&mut self, broadcast: Broadcast, _: &mut Self::Context) -> usize {
        match broadcast {
            Broadcast::Messages(messages) => {
                for socket in self.live_subscribers() {
                    let frames = messages.iter().map(|message| message.frame_for(socket.caller.staff));
                    self.wake_list.send_all(socket, frames);
                }
            }
            Broadcast::Updated { event, routed_to, stay, current } => {
                self.unsubscribe_without_access(routed_to, stay);
                if let Some((frame, department)) = current {
                    self.send_updated(&event, &frame, department);
                }
            }
            Broadcast::Ephemeral { frame, except } => {
                for socket in self.live_subscribers().filter(|socket| socket.caller.staff != except) {
                    self.wake_list.send(socket, frame.clone());
                }
            }
        }
        self.subscribers.len()
    }
}

impl StaySubscription {
    /// Returns the subscribers that are not in a replay, which reads the events from the log itself.
    fn live_subscribers(&self) -> impl Iterator<Item = &Arc<SocketHandle>> {
        self.subscribers.values().filter(|socket| socket.state().as_ref().is_some_and(|state| state.is_live()))
    }

    /// Sends a changed conversation to the subscribers without an inbox subscription. The others get it from the feed,
    /// once.
    fn send_updated(&self, event: &Event, frame: &ByteString, department: Option<DepartmentId>) {
        for socket in self.live_subscribers() {
            let form = socket
                .state()
                .as_ref()
                .filter(|state| state.inbox.is_none())
                .and_then(|state| Viewer::of_socket(state, true).form_of(event, Some(department)));
            if form == Some(EventForm::Updated) {
                self.wake_list.send(socket, frame.clone());
            }
        }
    }

    /// Ends the subscriptions of sockets without access to the conversation's new department. Sockets in a replay are
    /// checked at the end of the replay.
    fn unsubscribe_without_access(&mut self, department: Option<DepartmentId>, stay: Option<StayId>) {
        let (hotel, conversation, wake_list) = (self.hotel, self.conversation, &self.wake_list);
        self.subscribers.retain(|_, socket| {
            let mut guard = socket.state();
            let Some(state) = guard.as_mut() else { return false };
            if let Some(subscription) = state.subscriptions.get_mut(&conversation) {
                subscription.stay = stay;
            }
            if !state.is_live() || state.reach.covers(hotel, department) {
                return true;
            }
            state.subscriptions.remove(&conversation);
            drop(guard);
            wake_list.send(socket, frames::unsubscribed(stay, Some(conversation), UnsubscribeReason::RoutedAway));
            false
        });
    }
}
