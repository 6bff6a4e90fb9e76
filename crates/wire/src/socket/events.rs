//! WebSocket events: messages from the server to clients.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{
    ConversationId, ConversationView, DirectoryPart, HistoryEntry, MessageId, Person, ReadPosition, ScheduledMessage,
    Seq, SessionId, StayId,
    event::{OverdueResponse, StatusChange},
    stay::{StayView, StayWithConversation},
    text::RequestId,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    commands::RefusedCommand,
    event_bodies::{
        AckEvent, CommandErrorEvent, ConversationRemovedEvent, ConversationUpdatedEvent, CountsEvent,
        DirectoryUpdatedEvent, DraftUpdatedEvent, HeartbeatEvent, HistoryAddedEvent, MessageRemovedEvent,
        MessageStatusEvent, MessageUpdatedEvent, NewConversationEvent, NewMessageEvent, PongEvent, ReadEvent,
        ResponseOverdueEvent, ResumedEvent, ResyncRequiredEvent, ScheduledUpdatedEvent, StayUpdatedEvent, TypingEvent,
        UnsubscribeReason, UnsubscribedEvent, ViewingEvent, WelcomeEvent,
    },
};
use crate::{
    response::{
        DraftResponse, HistoryEntryResponse, IdAndName, InboxCountsResponse, MessageResponse, ScheduledMessageResponse,
        StayResponse,
    },
    time::Timestamp,
};

/// A WebSocket message of the server; the JSON field `type` is the name of the variant.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SocketEvent {
    /// The first event of a connection.
    Welcome(WelcomeEvent),
    /// Heartbeat: sign of life of the server.
    Heartbeat(HeartbeatEvent),
    /// Acknowledgement: a command was performed.
    Ack(Box<AckEvent>),
    /// Error: a command failed.
    Error(Box<CommandErrorEvent>),
    /// Response to the command `ping`.
    Pong(PongEvent),
    /// Ephemeral signal: another staff member started or stopped typing.
    Typing(TypingEvent),
    /// Ephemeral signal: another staff member began, continued or stopped to view a conversation.
    Viewing(ViewingEvent),
    /// Ephemeral signal: a staff member moved a read position.
    Read(ReadEvent),
    /// Ephemeral signal: the receiver's own draft changed on another device.
    DraftUpdated(DraftUpdatedEvent),
    /// Ephemeral signal: the numbers of the receiver's inbox.
    Counts(CountsEvent),
    /// A subscription to a conversation ended.
    Unsubscribed(UnsubscribedEvent),
    /// A replay of missed events is complete.
    Resumed(ResumedEvent),
    /// The cursor of a `resume` is invalid: the client has to load all data again.
    ResyncRequired(ResyncRequiredEvent),
    /// An event of the hotel's log.
    #[serde(untagged)]
    Logged(LoggedEvent),
}

/// An event of the hotel's log: it has a sequence number `seq` and can be replayed.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = Logged)]
pub enum LoggedEvent {
    /// A message was stored in a conversation.
    NewMessage(Box<NewMessageEvent>),
    /// An internal note was stored in a conversation.
    NewNote(Box<NewMessageEvent>),
    /// The text of a held message changed, or the reactions to a message.
    MessageUpdated(Box<MessageUpdatedEvent>),
    /// A message of staff was taken back before it was sent.
    MessageRemoved(MessageRemovedEvent),
    /// The delivery status of a message to a guest changed.
    MessageStatus(MessageStatusEvent),
    /// A conversation was created, or routed to the receiver's department from another one.
    NewConversation(Box<NewConversationEvent>),
    /// A conversation changed; the event shows its current state.
    ConversationUpdated(Box<ConversationUpdatedEvent>),
    /// A conversation is no longer visible to the receiver.
    ConversationRemoved(ConversationRemovedEvent),
    /// A part of the directory changed and has to be loaded again.
    DirectoryUpdated(DirectoryUpdatedEvent),
    /// A stay was created or changed; the event shows its current state.
    StayUpdated(Box<StayUpdatedEvent>),
    /// A guest has waited for an answer longer than the target of the department allows.
    ResponseOverdue(ResponseOverdueEvent),
    /// An entry was added to the history of a conversation.
    HistoryAdded(Box<HistoryAddedEvent>),
    /// A message was scheduled, or a scheduled message changed, was sent or cancelled.
    ScheduledUpdated(Box<ScheduledUpdatedEvent>),
}

impl SocketEvent {
    /// JSON text of the event, for a text frame of the WebSocket.
    pub fn frame(&self) -> String {
        crate::json(self)
    }

    /// Creates the first event of a connection. Events up to `seq` are not sent, because REST already shows them.
    pub fn welcome(session: SessionId, epoch: &str, seq: Seq, heartbeat: Duration) -> Self {
        Self::Welcome(WelcomeEvent {
            session_id: session.to_string(),
            epoch: epoch.to_owned(),
            seq: seq.0,
            heartbeat_seconds: i64::try_from(heartbeat.as_secs()).unwrap_or(i64::MAX),
            version: crate::VERSION,
        })
    }

    /// Creates a heartbeat. All events up to `seq` that concern the socket have been sent.
    pub fn heartbeat(seq: Seq) -> Self {
        Self::Heartbeat(HeartbeatEvent { seq: seq.0 })
    }

    /// Creates the acknowledgement of a command. `seq` is the event after which a subscription begins or ends.
    pub fn ack(request_id: &RequestId, command: &'static str, seq: Option<Seq>) -> Self {
        let request_id = request_id.to_string();
        let seq = seq.map(|seq| seq.0);
        Self::Ack(Box::new(AckEvent { request_id, command, seq, viewers: None, message: None, client_ref: None }))
    }

    /// Creates the acknowledgement of a subscription to a conversation, with the other staff who view it.
    pub fn subscribed(request_id: &RequestId, command: &'static str, seq: Seq, viewers: &[Person]) -> Self {
        Self::Ack(Box::new(AckEvent {
            request_id: request_id.to_string(),
            command,
            seq: Some(seq.0),
            viewers: Some(viewers.iter().map(IdAndName::from).collect()),
            message: None,
            client_ref: None,
        }))
    }

    /// Creates the acknowledgement of a `send_message`, with the stored message.
    pub fn sent(request_id: &RequestId, message: &domain::Message) -> Self {
        Self::Ack(Box::new(AckEvent {
            request_id: request_id.to_string(),
            command: "send_message",
            seq: None,
            viewers: None,
            message: Some(MessageResponse::from(message)),
            client_ref: message.client_ref.as_ref().map(ToString::to_string),
        }))
    }

    /// Creates the response to a `ping`.
    pub fn pong(request_id: Option<&RequestId>) -> Self {
        Self::Pong(PongEvent { request_id: request_id.map(ToString::to_string) })
    }

    /// Creates the signal that a staff member started or stopped typing.
    pub fn typing(stay: Option<StayId>, conversation: ConversationId, who: &Person, typing: bool) -> Self {
        Self::Typing(TypingEvent {
            conversation_id: conversation.0,
            stay_id: stay.map(|id| id.0),
            staff_id: who.id.0,
            staff_name: who.name.clone(),
            typing,
        })
    }

    /// Creates the signal that a staff member began, continued or stopped to view a conversation.
    pub fn viewing(stay: Option<StayId>, conversation: ConversationId, who: &Person, viewing: bool) -> Self {
        Self::Viewing(ViewingEvent {
            conversation_id: conversation.0,
            stay_id: stay.map(|id| id.0),
            staff_id: who.id.0,
            staff_name: who.name.clone(),
            viewing,
        })
    }

    /// Creates the signal that a staff member moved a read position. `is_own` adds the number of guest messages read,
    /// for sockets of the reader.
    pub fn read(
        stay: Option<StayId>,
        conversation: ConversationId,
        who: &Person,
        position: ReadPosition,
        is_own: bool,
    ) -> Self {
        Self::Read(ReadEvent {
            conversation_id: conversation.0,
            stay_id: stay.map(|id| id.0),
            staff_id: who.id.0,
            staff_name: who.name.clone(),
            message_id: position.message.map(|id| id.0),
            read_guest_messages: is_own.then_some(position.guest_messages),
        })
    }

    /// Creates the signal that the receiver's own draft changed; `None` if it was sent or deleted.
    pub fn draft_updated(stay: Option<StayId>, conversation: ConversationId, draft: Option<&domain::Draft>) -> Self {
        Self::DraftUpdated(DraftUpdatedEvent {
            conversation_id: conversation.0,
            stay_id: stay.map(|id| id.0),
            draft: draft.map(DraftResponse::from),
        })
    }

    /// Creates the event with the numbers of the receiver's inbox.
    pub fn counts(counts: InboxCountsResponse) -> Self {
        Self::Counts(CountsEvent { counts })
    }

    /// Creates the event that a subscription ended. A reference that could not be resolved has one id only.
    pub fn unsubscribed(stay: Option<StayId>, conversation: Option<ConversationId>, reason: UnsubscribeReason) -> Self {
        Self::Unsubscribed(UnsubscribedEvent {
            conversation_id: conversation.map(|id| id.0),
            stay_id: stay.map(|id| id.0),
            reason: reason.into(),
        })
    }

    /// Creates the event that a replay is complete: all events up to `seq` that concern the socket have been sent.
    pub fn resumed(seq: Seq, replayed: i64) -> Self {
        Self::Resumed(ResumedEvent { seq: seq.0, replayed })
    }

    /// Creates the event that a cursor is invalid; `epoch` and `seq` are the current position of the log.
    pub fn resync_required(epoch: &str, seq: Seq) -> Self {
        Self::ResyncRequired(ResyncRequiredEvent { epoch: epoch.to_owned(), seq: seq.0 })
    }
}

impl LoggedEvent {
    /// Creates the event that a message or note was stored. `is_own` adds the client's reference, for sockets of the
    /// author.
    pub fn message(seq: Seq, message: &domain::Message, is_own: bool) -> Self {
        let event = Box::new(NewMessageEvent {
            seq: seq.0,
            message: message.into(),
            client_ref: message.client_ref.as_ref().filter(|_| is_own).map(ToString::to_string),
        });
        if message.internal { Self::NewNote(event) } else { Self::NewMessage(event) }
    }

    /// Creates the event that the text of a message or the reactions to it changed.
    pub fn message_updated(seq: Seq, message: &domain::Message) -> Self {
        Self::MessageUpdated(Box::new(MessageUpdatedEvent {
            conversation_id: message.conversation.0,
            stay_id: message.stay.map(|id| id.0),
            seq: seq.0,
            message: message.into(),
        }))
    }

    /// Creates the event that a message was taken back.
    pub fn message_removed(seq: Seq, conversation: ConversationId, stay: Option<StayId>, message: MessageId) -> Self {
        let (conversation_id, stay_id) = (conversation.0, stay.map(|id| id.0));
        Self::MessageRemoved(MessageRemovedEvent { conversation_id, stay_id, seq: seq.0, message_id: message.0 })
    }

    /// Creates the event that the delivery status of a message to a guest changed.
    pub fn message_status(seq: Seq, change: &StatusChange) -> Self {
        Self::MessageStatus(MessageStatusEvent {
            conversation_id: change.conversation.0,
            stay_id: change.stay.map(|id| id.0),
            message_id: change.message.0,
            seq: seq.0,
            delivery: change.delivery.as_str(),
            failure: change.failure.clone(),
        })
    }

    /// Creates the event that a conversation was created, or routed to the receiver's department.
    pub fn new_conversation(seq: Seq, at: DateTime<Utc>, view: &ConversationView) -> Self {
        Self::NewConversation(Box::new(NewConversationEvent {
            stay_id: view.conversation.stay().map(|id| id.0),
            conversation_id: view.conversation.id().0,
            message: "New conversation initiated",
            timestamp: Timestamp(at),
            seq: seq.0,
            guest_name: view.guest_name.clone(),
            department_name: view.department_name.clone(),
        }))
    }

    /// Creates the event that a conversation changed; `view` is the current state of the conversation.
    pub fn conversation_updated(seq: Seq, view: &ConversationView) -> Self {
        Self::ConversationUpdated(Box::new(ConversationUpdatedEvent {
            seq: seq.0,
            conversation_id: view.conversation.id().0,
            stay_id: view.conversation.stay().map(|id| id.0),
            conversation: view.into(),
        }))
    }

    /// Creates the event that a conversation is no longer visible to the receiver.
    pub fn conversation_removed(seq: Seq, conversation: ConversationId, stay: Option<StayId>) -> Self {
        let (conversation_id, stay_id) = (conversation.0, stay.map(|id| id.0));
        Self::ConversationRemoved(ConversationRemovedEvent { seq: seq.0, conversation_id, stay_id })
    }

    /// Creates the event that a part of the directory changed. `seq` is `None` for personal settings, which are not in
    /// the log.
    pub fn directory_updated(seq: Option<Seq>, what: DirectoryPart) -> Self {
        Self::DirectoryUpdated(DirectoryUpdatedEvent { seq: seq.map(|it| it.0), what: what.as_str() })
    }

    /// Creates the event that a stay was created or changed; `with_conversation`: the receiver may see the conversation
    /// of the stay.
    pub fn stay_updated(seq: Seq, found: &StayWithConversation, with_conversation: bool) -> Self {
        let conversation = found.conversation.filter(|_| with_conversation).map(|(id, _)| id);
        let view = StayView { stay: found.stay.clone(), conversation };
        Self::StayUpdated(Box::new(StayUpdatedEvent { seq: seq.0, stay: StayResponse::from(&view) }))
    }

    /// Creates the event that a guest has waited too long for an answer.
    pub fn response_overdue(seq: Seq, overdue: &OverdueResponse) -> Self {
        Self::ResponseOverdue(ResponseOverdueEvent {
            seq: seq.0,
            conversation_id: overdue.conversation.0,
            stay_id: overdue.stay.map(|id| id.0),
            department_id: overdue.department.0,
            waiting_since: Timestamp(overdue.waiting_since),
        })
    }

    /// Creates the event that an entry was added to the history of a conversation.
    pub fn history_added(seq: Seq, stay: Option<StayId>, entry: &HistoryEntry) -> Self {
        Self::HistoryAdded(Box::new(HistoryAddedEvent {
            seq: seq.0,
            conversation_id: entry.conversation.0,
            stay_id: stay.map(|id| id.0),
            entry: HistoryEntryResponse::from(entry),
        }))
    }

    /// Creates the event that a scheduled message is new or has changed; it shows the message as it is now.
    pub fn scheduled_updated(seq: Seq, stay: Option<StayId>, scheduled: &ScheduledMessage) -> Self {
        Self::ScheduledUpdated(Box::new(ScheduledUpdatedEvent {
            seq: seq.0,
            conversation_id: scheduled.conversation.0,
            stay_id: stay.map(|id| id.0),
            scheduled: ScheduledMessageResponse::from(scheduled),
        }))
    }
}

impl CommandErrorEvent {
    /// Creates the event that a command failed: `code` for programs, `detail` for people.
    pub fn new(
        request_id: Option<&RequestId>,
        command: &'static str,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            request_id: request_id.map(ToString::to_string),
            command: Some(command.to_owned()),
            code,
            detail: detail.into(),
            errors: None,
            newer: None,
        }
    }
}

impl From<LoggedEvent> for SocketEvent {
    fn from(event: LoggedEvent) -> Self {
        Self::Logged(event)
    }
}

impl From<CommandErrorEvent> for SocketEvent {
    fn from(error: CommandErrorEvent) -> Self {
        Self::Error(Box::new(error))
    }
}

impl From<RefusedCommand> for SocketEvent {
    fn from(refused: RefusedCommand) -> Self {
        let RefusedCommand { request_id, command, code, detail, errors } = refused;
        let request_id = request_id.map(RequestId::into_string);
        CommandErrorEvent { request_id, command, code, detail, errors, newer: None }.into()
    }
}

#[cfg(test)]
mod tests;
