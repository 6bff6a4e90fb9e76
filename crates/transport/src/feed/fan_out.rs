//! Fan-out: sends events, one after another, to all sockets that may see them. Who may is decided in `feed/recipients`.

use std::sync::Arc;

use bytestring::ByteString;
use domain::{
    ConversationId, ConversationView, Event, EventKind, StaffId, StayId, event::ConversationChange,
    stay::StayWithConversation,
};

use crate::{
    feed::{
        event_context::{EventContext, department_shown_by},
        recipients::{
            CurrentDepartment, EventForm, Viewer, changes_counts, client_ref_recipient, is_of_removed_message,
        },
        state::Feed,
        subscription::{Broadcast, MessageFrames},
    },
    socket::{SocketHandle, frames},
};

/// Maximum number of events fanned out before the sockets are woken; small compared with the bound of a send queue.
const MAX_UNWOKEN_EVENTS: usize = 32;

impl Feed {
    /// Fans events out that follow the feed's position without a gap. The caller wakes the sockets afterwards.
    pub(crate) async fn fan_out(&mut self, events: &[&Event]) {
        self.fan_out_with(events, None).await;
    }

    /// Fans events out as [`Feed::fan_out`] does. A missing `context` is loaded when an event needs one.
    pub(crate) async fn fan_out_with(&mut self, events: &[&Event], mut context: Option<EventContext>) {
        let mut events_left = events;
        while let Some(event) = events_left.first() {
            let count = match &event.kind {
                EventKind::Message(_)
                | EventKind::MessageUpdated(_)
                | EventKind::MessageRemoved { .. }
                | EventKind::MessageStatus(_) => self.fan_out_messages(events_left).await,
                _ => {
                    // The context is loaded once for all events that are left, after the messages before them are
                    // fanned out.
                    if context.is_none() {
                        context = Some(self.load_context(events_left).await);
                    }
                    if let Some(context) = &context {
                        self.fan_out_event(event, context).await;
                    }
                    1
                }
            };
            let (sent, rest) = events_left.split_at(count);
            events_left = rest;
            if let Some(last) = sent.last() {
                self.set_position(last.seq);
            }
            self.unwoken_events += count;
            if self.unwoken_events >= MAX_UNWOKEN_EVENTS {
                self.wake_sockets();
            }
        }
    }

    /// Fans out an event that is not about a message.
    async fn fan_out_event(&mut self, event: &Event, context: &EventContext) {
        match &event.kind {
            EventKind::Message(_)
            | EventKind::MessageUpdated(_)
            | EventKind::MessageRemoved { .. }
            | EventKind::MessageStatus(_) => {}
            EventKind::NewConversation { conversation, .. } => {
                if let Some(view) = context.loaded.views.get(conversation) {
                    let forms = [(EventForm::NewConversation, frames::new_conversation(event, view))];
                    let current = context.current_department(*conversation);
                    self.send_by_form(self.sockets.values(), event, current, &forms);
                }
            }
            EventKind::ConversationUpdated(change) => {
                self.fan_out_change(event, change, context.loaded.views.get(&change.conversation)).await;
            }
            EventKind::ConversationRemoved { conversation, stay, staff } => {
                let current = context.current_department(*conversation);
                self.send_removed(event, *conversation, *stay, *staff, current);
            }
            EventKind::StaffChanged { staff } => self.recheck_staff(*staff, context).await,
            EventKind::DirectoryUpdated { what, .. } => {
                let forms = [(EventForm::Directory, frames::directory_updated(Some(event.seq), *what))];
                self.send_by_form(self.sockets.values(), event, None, &forms);
            }
            EventKind::StayUpdated { stay } => {
                if let Some(found) = context.loaded.stays.get(stay) {
                    self.send_stay(event, found, department_shown_by(event, &context.loaded));
                }
            }
            EventKind::ResponseOverdue(overdue) => {
                let forms = [(EventForm::Overdue, frames::response_overdue(event.seq, overdue))];
                let current = context.current_department(overdue.conversation);
                self.send_by_form(self.inboxes.values(), event, current, &forms);
            }
            EventKind::HistoryAdded { conversation, stay, entry } => {
                if let Some(entry) = context.loaded.history.get(entry) {
                    self.send_to_subscribers(*conversation, frames::history_added(event.seq, *stay, entry)).await;
                }
            }
            EventKind::ScheduledUpdated { conversation, stay, scheduled } => {
                if let Some(shown) = context.loaded.scheduled.get(scheduled) {
                    self.send_to_subscribers(*conversation, frames::scheduled_updated(event.seq, *stay, shown)).await;
                }
                self.mark_counts(context.current_department(*conversation));
            }
        }
    }

    /// Sends a changed stay to the sockets with an inbox subscription: with its conversation to those who may see it,
    /// without to the others.
    fn send_stay(&self, event: &Event, found: &StayWithConversation, current: CurrentDepartment) {
        let forms = [EventForm::Stay, EventForm::StayWithoutConversation]
            .map(|form| (form, frames::stay_updated(event.seq, found, form == EventForm::Stay)));
        self.send_by_form(self.inboxes.values(), event, current, &forms);
    }

    async fn send_to_subscribers(&mut self, conversation: ConversationId, frame: ByteString) {
        let frames = MessageFrames { frame, for_author: None };
        self.broadcast(conversation, Broadcast::Messages(vec![frames])).await;
    }

    /// Fans out the events about messages of one conversation at the begin of `events`, as one broadcast. Returns the
    /// number of these events.
    async fn fan_out_messages(&mut self, events: &[&Event]) -> usize {
        let Some(conversation) = events.first().and_then(|event| event.kind.conversation()) else { return 1 };
        let has_subscribers = self.subscriptions.contains_key(&conversation);
        let mut messages = Vec::new();
        let mut count = 0;
        for event in events.iter().take(MAX_UNWOKEN_EVENTS) {
            match &event.kind {
                // A change that is only of messages concerns inbox subscriptions only; without them it is skipped.
                EventKind::ConversationUpdated(change) if change.only_message && self.inboxes.is_empty() => {}
                kind if is_about_message(kind) && kind.conversation() == Some(conversation) => {
                    if has_subscribers && !is_of_removed_message(kind) {
                        messages.extend(message_frames(event));
                    }
                }
                _ => break,
            }
            count += 1;
        }
        if !messages.is_empty() {
            self.broadcast(conversation, Broadcast::Messages(messages)).await;
        }
        count
    }

    /// Fans out a changed conversation to its subscribers, then to the sockets with an inbox subscription.
    async fn fan_out_change(&mut self, event: &Event, change: &ConversationChange, view: Option<&ConversationView>) {
        let shown = view.map(|view| (frames::conversation_updated(event.seq, view), view.conversation.department()));
        if !change.only_message && self.subscriptions.contains_key(&change.conversation) {
            let (event, current) = (event.clone(), shown.clone());
            let broadcast = Broadcast::Updated { event, routed_to: change.after, stay: change.stay, current };
            self.broadcast(change.conversation, broadcast).await;
            self.end_viewing_of_unsubscribed(change.conversation).await;
        }
        let Some((updated, department)) = shown else { return };
        let removed = frames::conversation_removed(event.seq, change.conversation, change.stay);
        let forms = [(EventForm::Updated, updated), (EventForm::Removed, removed)];
        self.send_by_form(self.inboxes.values(), event, Some(department), &forms);
    }

    /// Sends `conversation_removed` to the inbox subscriptions of the staff member who lost access to the conversation.
    fn send_removed(
        &self,
        event: &Event,
        conversation: ConversationId,
        stay: Option<StayId>,
        staff: StaffId,
        current: CurrentDepartment,
    ) {
        let mut sockets = self.inboxes.values().filter(|socket| socket.caller.staff == staff).peekable();
        if sockets.peek().is_some() {
            let forms = [(EventForm::Removed, frames::conversation_removed(event.seq, conversation, stay))];
            self.send_by_form(sockets, event, current, &forms);
        }
    }

    /// Sends an event to those of the given sockets that are live, to each in the form that it may see.
    fn send_by_form<'a>(
        &self,
        sockets: impl Iterator<Item = &'a Arc<SocketHandle>>,
        event: &Event,
        current: CurrentDepartment,
        forms: &[(EventForm, ByteString)],
    ) {
        for socket in sockets {
            let mut guard = socket.state();
            let Some(state) = guard.as_mut().filter(|state| state.is_live()) else { continue };
            let form = Viewer::of_socket(state, false).form_of(event, current);
            if form.is_some_and(|form| changes_counts(event, form)) {
                self.counts.mark(state);
            }
            drop(guard);
            if let Some((_, frame)) = forms.iter().find(|(of, _)| Some(*of) == form) {
                self.wake_list.send(socket, frame.clone());
            }
        }
    }
}

fn is_about_message(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Message(_)
            | EventKind::MessageUpdated(_)
            | EventKind::MessageRemoved { .. }
            | EventKind::MessageStatus(_)
    )
}

/// The frames of an event about a message; `None` for another event.
fn message_frames(event: &Event) -> Option<MessageFrames> {
    let frame = match &event.kind {
        EventKind::Message(message) => {
            let for_author = client_ref_recipient(message);
            let for_author = for_author.map(|author| (author, frames::message(event.seq, message, true)));
            return Some(MessageFrames { frame: frames::message(event.seq, message, false), for_author });
        }
        EventKind::MessageUpdated(message) => frames::message_updated(event.seq, message),
        EventKind::MessageRemoved { conversation, stay, message } => {
            frames::message_removed(event.seq, *conversation, *stay, *message)
        }
        EventKind::MessageStatus(change) => frames::message_status(event.seq, change),
        _ => return None,
    };
    Some(MessageFrames { frame, for_author: None })
}
