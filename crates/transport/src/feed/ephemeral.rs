//! Ephemeral signals (typing, read and viewing indicators, changed drafts and personal settings): not logged, sent to the sockets
//! of this node, and to other nodes over the cluster bus. A lost one does no harm.

use domain::{ConversationId, DirectoryPart, Person, ReadPosition, StaffId, StayId};
use wire::cluster_signal::ClusterSignal;

use crate::{
    feed::{
        requests::{DraftSignal, ReadIndicator},
        state::Feed,
        subscription::Broadcast,
    },
    socket::frames,
};

/// Returns the cluster signal of a typing indicator.
pub(crate) fn typing_signal(conversation: ConversationId, staff: StaffId, typing: bool) -> ClusterSignal {
    ClusterSignal::Typing { conversation: conversation.0, staff: staff.0, typing }
}

/// Returns the cluster signal of a read indicator.
pub(crate) fn read_signal(conversation: ConversationId, staff: StaffId) -> ClusterSignal {
    ClusterSignal::Read { conversation: conversation.0, staff: staff.0 }
}

/// Returns the cluster signal of a staff member who begins or stops to view a conversation on this node.
pub(crate) fn viewing_signal(conversation: ConversationId, staff: StaffId, viewing: bool) -> ClusterSignal {
    ClusterSignal::Viewing { conversation: conversation.0, staff: staff.0, viewing }
}

/// Returns the cluster signal of a changed draft.
pub(crate) fn draft_signal(conversation: ConversationId, writer: StaffId) -> ClusterSignal {
    ClusterSignal::Draft { conversation: conversation.0, staff: writer.0 }
}

/// Returns the cluster signal of a change of personal settings.
pub(crate) fn settings_signal(staff: StaffId) -> ClusterSignal {
    ClusterSignal::Settings { staff: staff.0 }
}

impl Feed {
    /// Sends an ephemeral signal of another node to the sockets of this node. The signal carries ids only; names and
    /// texts are loaded, and only if a socket is concerned.
    pub(crate) async fn send_remote_signal(&mut self, node: u64, signal: ClusterSignal) {
        match signal {
            ClusterSignal::Head { .. } => {}
            ClusterSignal::Typing { conversation, staff, typing } => {
                let (conversation, staff) = (ConversationId(conversation), StaffId(staff));
                if self.subscriptions.contains_key(&conversation)
                    && let Some((person, stay)) = self.find_person_and_stay(staff, conversation).await
                {
                    self.send_typing(conversation, stay, &person, typing).await;
                }
            }
            ClusterSignal::Read { conversation, staff } => {
                let (conversation, staff) = (ConversationId(conversation), StaffId(staff));
                if (self.has_socket_of(staff) || self.subscriptions.contains_key(&conversation))
                    && let Some((reader, stay, position)) = self.find_reader(staff, conversation).await
                {
                    self.send_read(ReadIndicator { conversation, stay, reader, position, sent_by: None }).await;
                }
            }
            ClusterSignal::Viewing { conversation, staff, viewing } => {
                self.set_remote_viewing(node, ConversationId(conversation), StaffId(staff), viewing).await;
            }
            ClusterSignal::Settings { staff } => self.send_settings_change(StaffId(staff)),
            ClusterSignal::Draft { conversation, staff } => {
                let (conversation, writer) = (ConversationId(conversation), StaffId(staff));
                self.send_draft(DraftSignal { conversation, writer, sent_by: None }).await;
            }
        }
    }

    fn has_socket_of(&self, staff: StaffId) -> bool {
        self.sockets.values().any(|socket| socket.caller.staff == staff)
    }

    /// Loads the name of a staff member and the stay of a conversation, as [`Feed::find_reader`].
    pub(crate) async fn find_person_and_stay(
        &self,
        staff: StaffId,
        conversation: ConversationId,
    ) -> Option<(Person, Option<StayId>)> {
        self.find_reader(staff, conversation).await.map(|(person, stay, _)| (person, stay))
    }

    /// Loads the name of a staff member, the stay of a conversation and the read position in it. Returns `None` if
    /// either is absent, or the database is unavailable: then the signal is lost.
    async fn find_reader(
        &self,
        staff: StaffId,
        conversation: ConversationId,
    ) -> Option<(Person, Option<StayId>, ReadPosition)> {
        match self.context.desk.find_reader(self.hotel, staff, conversation).await {
            Ok(found) => found,
            Err(error) => {
                log::debug!("hotel {}, conversation {conversation}: a signal is lost: {error}", self.hotel);
                None
            }
        }
    }

    /// Announces a change of the personal settings to all sockets of a staff member.
    pub(crate) fn send_settings_change(&self, staff: StaffId) {
        let frame = frames::directory_updated(None, DirectoryPart::Settings);
        for socket in self.sockets.values().filter(|socket| socket.caller.staff == staff) {
            self.wake_list.send(socket, frame.clone());
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
        let broadcast = Broadcast::Ephemeral { frame, except: person.id };
        self.broadcast(conversation, broadcast).await;
    }

    /// Sends a read indicator to the conversation's subscribers, and to all other sockets of the reader, there with the
    /// number of guest messages read.
    pub(crate) async fn send_read(&mut self, read: ReadIndicator) {
        let own_sockets = self
            .sockets
            .values()
            .filter(|socket| socket.caller.staff == read.reader.id && Some(socket.id) != read.sent_by);
        let own_frame = frames::read(read.stay, read.conversation, &read.reader, read.position, true);
        for socket in own_sockets {
            self.wake_list.send(socket, own_frame.clone());
        }
        for socket in self.inboxes.values().filter(|socket| socket.caller.staff == read.reader.id) {
            if let Some(state) = socket.state().as_mut() {
                self.counts.mark(state);
            }
        }
        let frame = frames::read(read.stay, read.conversation, &read.reader, read.position, false);
        let except = read.reader.id;
        self.broadcast(read.conversation, Broadcast::Ephemeral { frame, except }).await;
    }

    /// Sends the present draft of a staff member to their other sockets, if they may see its conversation.
    pub(crate) async fn send_draft(&mut self, signal: DraftSignal) {
        let DraftSignal { conversation, writer, sent_by } = signal;
        if !self.has_socket_of(writer) {
            return;
        }
        let found = match self.context.desk.draft_for_feed(self.hotel, writer, conversation).await {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => {
                return log::debug!("hotel {}, conversation {conversation}: a signal is lost: {error}", self.hotel);
            }
        };
        let (department, stay) = (found.conversation.department(), found.conversation.stay());
        let frame = frames::draft_updated(stay, conversation, found.draft.as_ref());
        for socket in self.sockets.values().filter(|it| it.caller.staff == writer && Some(it.id) != sent_by) {
            let is_visible = socket.state().as_ref().is_some_and(|state| state.reach.covers(self.hotel, department));
            if is_visible {
                self.wake_list.send(socket, frame.clone());
            }
        }
    }
}
