//! Presence: informs subscribers and other nodes who has which conversation on screen. Ephemeral; nothing is stored.
//!
//! A staff member views a conversation as long as one of their sockets does, on any node. An entry ends with the
//! subscription or the socket, or 90 s after its last repetition, which also ends entries of a node that died.

use domain::{Conversation, ConversationId, Person, StaffId, StayId};

use crate::{
    feed::{
        ephemeral::viewing_signal,
        state::Feed,
        subscription::Broadcast,
        viewers::{EndedViewing, ViewedOn},
    },
    socket::{SocketHandle, SocketId, frames},
};

impl Feed {
    /// Records that a socket of this node begins, continues or stops to view a conversation, and informs the other
    /// subscribers and the other nodes.
    pub(crate) async fn set_viewing(&mut self, socket: &SocketHandle, conversation: &Conversation, is_viewing: bool) {
        if !is_viewing {
            return self.stop_viewing(socket.id, conversation.id()).await;
        }
        let Some(person) = socket.state().as_ref().map(|state| state.person()) else { return };
        let now = self.context.desk.now();
        self.viewers.begin(conversation.id(), ViewedOn::Socket(socket.id), person.clone(), now);
        self.context.bus.publish_ephemeral(self.hotel, viewing_signal(conversation.id(), person.id, true));
        self.send_viewing(conversation.id(), conversation.stay(), &person, true).await;
    }

    /// Ends the entry of a socket in a conversation, if there is one.
    pub(crate) async fn stop_viewing(&mut self, socket: SocketId, conversation: ConversationId) {
        let ended = self.viewers.end_where(conversation, |on, _, _| *on == ViewedOn::Socket(socket));
        self.announce_ended(ended).await;
    }

    /// Ends the entries of sockets of this node that have lost their subscription to a conversation.
    pub(crate) async fn end_viewing_of_unsubscribed(&mut self, conversation: ConversationId) {
        let sockets = &self.sockets;
        let ended = self.viewers.end_where(conversation, |on, _, _| match on {
            ViewedOn::Socket(id) => !sockets.get(id).is_some_and(|socket| socket.is_subscribed(conversation)),
            ViewedOn::Node(_) => false,
        });
        self.announce_ended(ended).await;
    }

    /// Ends the entries that were not repeated for 90 s.
    pub(crate) async fn end_expired_viewing(&mut self) {
        let ended = self.viewers.end_expired(self.context.desk.now());
        self.announce_ended(ended).await;
    }

    /// Takes over from another node that a staff member begins or stops to view a conversation there.
    pub(crate) async fn set_remote_viewing(
        &mut self,
        node: u64,
        conversation: ConversationId,
        staff: StaffId,
        is_viewing: bool,
    ) {
        let on = ViewedOn::Node(node);
        if !is_viewing {
            let ended = self.viewers.end_where(conversation, |entry, person, _| *entry == on && person.id == staff);
            return self.announce_ended(ended).await;
        }
        let Some((person, stay)) = self.find_person_and_stay(staff, conversation).await else { return };
        self.viewers.begin(conversation, on, person.clone(), self.context.desk.now());
        self.send_viewing(conversation, stay, &person, true).await;
    }

    async fn announce_ended(&mut self, ended: Vec<EndedViewing>) {
        for EndedViewing { conversation, person, is_gone, has_left_node } in ended {
            if has_left_node {
                self.context.bus.publish_ephemeral(self.hotel, viewing_signal(conversation, person.id, false));
            }
            if is_gone {
                let stay = self.stay_of_subscribed(conversation);
                self.send_viewing(conversation, stay, &person, false).await;
            }
        }
    }

    /// Returns the stay of a conversation, as its subscribers know it.
    fn stay_of_subscribed(&self, conversation: ConversationId) -> Option<StayId> {
        let mut sockets = self.sockets.values();
        sockets.find_map(|socket| socket.state().as_ref()?.subscriptions.get(&conversation)?.stay)
    }

    async fn send_viewing(
        &mut self,
        conversation: ConversationId,
        stay: Option<StayId>,
        person: &Person,
        is_viewing: bool,
    ) {
        let frame = frames::viewing(stay, conversation, person, is_viewing);
        let broadcast = Broadcast::Ephemeral { frame, except: person.id };
        self.broadcast(conversation, broadcast).await;
    }
}
