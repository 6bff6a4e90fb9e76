//! Typing and read indicators: not logged, sent to the sockets of this node, and to other nodes over the cluster bus. A
//! lost one does no harm.

use domain::{ConversationId, MessageId, Person, StaffId, StayId};
use wire::cluster_signal::ClusterSignal;

use crate::{
    feed::{
        requests::ReadIndicator,
        state::Feed,
        subscription::{Broadcast, Except},
    },
    socket::frames,
};

/// Returns the cluster signal of a typing indicator.
pub(crate) fn typing_signal(conversation: ConversationId, staff: StaffId, typing: bool) -> ClusterSignal {
    ClusterSignal::Typing { conversation: conversation.0, staff: staff.0, typing }
}

/// Returns the cluster signal of a read indicator.
pub(crate) fn read_signal(conversation: ConversationId, staff: StaffId, message: MessageId) -> ClusterSignal {
    ClusterSignal::Read { conversation: conversation.0, staff: staff.0, message: message.0 }
}

impl Feed {
    /// Sends a typing or read indicator of another node to the sockets of this node. The signal carries ids only; the
    /// name of the staff member is loaded, and only if a socket is concerned.
    pub(crate) async fn send_remote_signal(&mut self, signal: ClusterSignal) {
        let (conversation, staff) = match signal {
            ClusterSignal::Head { .. } => return,
            ClusterSignal::Typing { conversation, staff, .. } | ClusterSignal::Read { conversation, staff, .. } => {
                (ConversationId(conversation), StaffId(staff))
            }
        };
        let is_read = matches!(signal, ClusterSignal::Read { .. });
        let has_own_socket = is_read && self.sockets.values().any(|socket| socket.caller.staff == staff);
        if !has_own_socket && !self.subscriptions.contains_key(&conversation) {
            return;
        }
        let (person, stay) = match self.context.desk.find_person_and_stay(self.hotel, staff, conversation).await {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => {
                return log::debug!("hotel {}, conversation {conversation}: a signal is lost: {error}", self.hotel);
            }
        };
        match signal {
            ClusterSignal::Head { .. } => {}
            ClusterSignal::Typing { typing, .. } => self.send_typing(conversation, stay, &person, typing).await,
            ClusterSignal::Read { message, .. } => {
                let (reader, message) = (person, MessageId(message));
                self.send_read(ReadIndicator { conversation, stay, reader, message, sent_by: None }).await;
            }
        }
    }

    /// Sends a typing indicator to the conversation's subscribers, except all sockets of the typing staff member.
    pub(crate) async fn send_typing(
        &mut self,
        conversation: ConversationId,
        stay: Option<StayId>,
        person: &Person,
        typing: bool,
    ) {
        let frame = frames::typing(stay, conversation, person, typing);
        let broadcast = Broadcast::Ephemeral { frame, except: Some(Except::Staff(person.id)) };
        self.broadcast(conversation, broadcast).await;
    }

    /// Sends a read indicator to the conversation's subscribers, and to all other sockets of the reader.
    pub(crate) async fn send_read(&mut self, read: ReadIndicator) {
        let frame = frames::read(read.stay, read.conversation, &read.reader, read.message);
        let own_sockets = self
            .sockets
            .values()
            .filter(|socket| socket.caller.staff == read.reader.id && Some(socket.id) != read.sent_by);
        for socket in own_sockets.filter(|socket| !socket.is_subscribed(read.conversation)) {
            self.wake_list.send(socket, frame.clone());
        }
        let except = read.sent_by.map(Except::Socket);
        self.broadcast(read.conversation, Broadcast::Ephemeral { frame, except }).await;
    }
}
