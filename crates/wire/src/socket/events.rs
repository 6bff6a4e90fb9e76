//! WebSocket events: messages from the server to clients.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{
    ConversationId, ConversationView, MessageId, Person, Seq, SessionId, StayId, event::StatusChange, text::RequestId,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    commands::RefusedCommand,
    event_bodies::{
        AckEvent, CommandErrorEvent, ConversationRemovedEvent, ConversationUpdatedEvent, HeartbeatEvent,
        MessageStatusEvent, NewConversationEvent, NewMessageEvent, PongEvent, ReadEvent, ResumedEvent,
        ResyncRequiredEvent, TypingEvent, UnsubscribeReason, UnsubscribedEvent, WelcomeEvent,
    },
};
use crate::{
    response::{AttachmentResponse, MessageResponse},
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
    /// Ephemeral signal: a staff member moved a read position.
    Read(ReadEvent),
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
    /// The delivery status of a message to a guest changed.
    MessageStatus(MessageStatusEvent),
    /// A conversation was created, or routed to the receiver's department from another one.
    NewConversation(Box<NewConversationEvent>),
    /// A conversation changed; the event shows its current state.
    ConversationUpdated(Box<ConversationUpdatedEvent>),
    /// A conversation is no longer visible to the receiver.
    ConversationRemoved(ConversationRemovedEvent),
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
        Self::Ack(Box::new(AckEvent { request_id, command, seq, message: None, client_ref: None }))
    }

    /// Creates the acknowledgement of a `send_message`, with the stored message.
    pub fn sent(request_id: &RequestId, message: &domain::Message) -> Self {
        Self::Ack(Box::new(AckEvent {
            request_id: request_id.to_string(),
            command: "send_message",
            seq: None,
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

    /// Creates the signal that a staff member has read up to a message.
    pub fn read(stay: Option<StayId>, conversation: ConversationId, who: &Person, message: MessageId) -> Self {
        Self::Read(ReadEvent {
            conversation_id: conversation.0,
            stay_id: stay.map(|id| id.0),
            staff_id: who.id.0,
            staff_name: who.name.clone(),
            message_id: message.0,
        })
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
    pub fn message(seq: Seq, stay: Option<StayId>, message: &domain::Message, is_own: bool) -> Self {
        let event = Box::new(NewMessageEvent {
            stay_id: stay.map(|id| id.0),
            content: message.content.clone(),
            sender_type: message.sender_type.as_str(),
            sender_name: message.sender_name.clone(),
            timestamp: Timestamp(message.at),
            id: message.id.0,
            conversation_id: message.conversation.0,
            seq: seq.0,
            delivery: message.delivery.map(domain::Delivery::as_str),
            attachments: message.attachments.iter().map(AttachmentResponse::from).collect(),
            client_ref: message.client_ref.as_ref().filter(|_| is_own).map(ToString::to_string),
        });
        if message.internal { Self::NewNote(event) } else { Self::NewMessage(event) }
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
            stay_id: view.conversation.stay.map(|id| id.0),
            conversation_id: view.conversation.id.0,
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
            conversation_id: view.conversation.id.0,
            stay_id: view.conversation.stay.map(|id| id.0),
            conversation: view.into(),
        }))
    }

    /// Creates the event that a conversation is no longer visible to the receiver.
    pub fn conversation_removed(seq: Seq, conversation: ConversationId, stay: Option<StayId>) -> Self {
        let (conversation_id, stay_id) = (conversation.0, stay.map(|id| id.0));
        Self::ConversationRemoved(ConversationRemovedEvent { seq: seq.0, conversation_id, stay_id })
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
