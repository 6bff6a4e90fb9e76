//! Events: what the server says.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{ConversationId, ConversationView, MessageId, Person, RequestId, Seq, SessionId, StatusChange, StayId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    commands::Refused,
    told::{
        Ack, CommandError, ConversationRemoved, ConversationUpdated, Heartbeat, MessageStatus, NewConversation,
        NewMessage, Pong, Read, Resumed, ResyncRequired, Typing, Unsubscribed, Welcome,
    },
};
use crate::{
    answers::{Attachment, Message},
    time::Timestamp,
};

/// What the server says; its `type` is the variant's name.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The first event.
    Welcome(Welcome),
    /// The line lives.
    Heartbeat(Heartbeat),
    /// A command was done.
    Ack(Box<Ack>),
    /// A command was not done.
    Error(Box<CommandError>),
    /// The answer to a `ping`.
    Pong(Pong),
    /// A colleague types.
    Typing(Typing),
    /// Somebody has read.
    Read(Read),
    /// A subscription ended.
    Unsubscribed(Unsubscribed),
    /// A replay is over.
    Resumed(Resumed),
    /// A cursor is worthless.
    ResyncRequired(ResyncRequired),
    /// What the log tells.
    #[serde(untagged)]
    Logged(Logged),
}

/// What the log tells: events that have a `seq`, and can be told again.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Logged {
    /// A message.
    NewMessage(Box<NewMessage>),
    /// A note.
    NewNote(Box<NewMessage>),
    /// A message to a guest came further, or failed.
    MessageStatus(MessageStatus),
    /// A conversation came into being, or to one's department.
    NewConversation(Box<NewConversation>),
    /// A conversation changed.
    ConversationUpdated(Box<ConversationUpdated>),
    /// A conversation is out of sight.
    ConversationRemoved(ConversationRemoved),
}

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The conversation was routed to where the subscriber does not see it.
    RoutedAway,
    /// The subscriber's own reach was changed.
    ReachChanged,
}

impl Event {
    /// The text to send.
    pub fn frame(&self) -> String {
        crate::json(self)
    }

    /// The first event: all up to `seq` is known to REST.
    pub fn welcome(session: SessionId, epoch: &str, seq: Seq, heartbeat: Duration) -> Self {
        Self::Welcome(Welcome {
            session_id: session.to_string(),
            epoch: epoch.to_owned(),
            seq: seq.0,
            heartbeat_seconds: i64::try_from(heartbeat.as_secs()).unwrap_or(i64::MAX),
        })
    }

    /// The line lives, and all up to `seq` was sent.
    pub fn heartbeat(seq: Seq) -> Self {
        Self::Heartbeat(Heartbeat { seq: seq.0 })
    }

    /// A command was done; `seq` is where a subscription begins or ends.
    pub fn ack(request_id: &RequestId, command: &'static str, seq: Option<Seq>) -> Self {
        let request_id = request_id.to_string();
        Self::Ack(Box::new(Ack { request_id, command, seq: seq.map(|it| it.0), message: None, client_ref: None }))
    }

    /// A `send_message` was done.
    pub fn sent(request_id: &RequestId, message: &domain::Message) -> Self {
        Self::Ack(Box::new(Ack {
            request_id: request_id.to_string(),
            command: "send_message",
            seq: None,
            message: Some(Message::from(message)),
            client_ref: message.client_ref.as_ref().map(ToString::to_string),
        }))
    }

    /// The answer to a `ping`.
    pub fn pong(request_id: Option<&RequestId>) -> Self {
        Self::Pong(Pong { request_id: request_id.map(ToString::to_string) })
    }

    /// A colleague types, or has stopped.
    pub fn typing(stay: Option<StayId>, conversation: ConversationId, who: &Person, typing: bool) -> Self {
        Self::Typing(Typing {
            conversation_id: conversation.0,
            stay_id: stay.map(|it| it.0),
            staff_id: who.id.0,
            staff_name: who.name.clone(),
            typing,
        })
    }

    /// Somebody has read up to this message.
    pub fn read(stay: Option<StayId>, conversation: ConversationId, who: &Person, message: MessageId) -> Self {
        Self::Read(Read {
            conversation_id: conversation.0,
            stay_id: stay.map(|it| it.0),
            staff_id: who.id.0,
            staff_name: who.name.clone(),
            message_id: message.0,
        })
    }

    /// A subscription ended. Of what was only named, one id is known.
    pub fn unsubscribed(stay: Option<StayId>, conversation: Option<ConversationId>, why: Reason) -> Self {
        Self::Unsubscribed(Unsubscribed {
            conversation_id: conversation.map(|it| it.0),
            stay_id: stay.map(|it| it.0),
            reason: match why {
                Reason::RoutedAway => "routed_away",
                Reason::ReachChanged => "reach_changed",
            },
        })
    }

    /// A replay of so many events is over: all up to `seq` was sent.
    pub fn resumed(seq: Seq, replayed: i64) -> Self {
        Self::Resumed(Resumed { seq: seq.0, replayed })
    }

    /// The cursor is worthless; the log is at `seq` of `epoch`.
    pub fn resync_required(epoch: &str, seq: Seq) -> Self {
        Self::ResyncRequired(ResyncRequired { epoch: epoch.to_owned(), seq: seq.0 })
    }
}

impl Logged {
    /// A message or a note was stored. `own`: for a socket of its author, who called it something.
    pub fn message(seq: Seq, stay: Option<StayId>, message: &domain::Message, own: bool) -> Self {
        let told = Box::new(NewMessage {
            stay_id: stay.map(|it| it.0),
            content: message.content.clone(),
            sender_type: message.sender_type.as_str(),
            sender_name: message.sender_name.clone(),
            timestamp: Timestamp(message.at),
            id: message.id.0,
            conversation_id: message.conversation.0,
            seq: seq.0,
            delivery: message.delivery.map(domain::Delivery::as_str),
            attachments: message.attachments.iter().map(Attachment::from).collect(),
            client_ref: message.client_ref.as_ref().filter(|_| own).map(ToString::to_string),
        });
        if message.internal { Self::NewNote(told) } else { Self::NewMessage(told) }
    }

    /// A message to a guest came further, or failed.
    pub fn message_status(seq: Seq, change: &StatusChange) -> Self {
        Self::MessageStatus(MessageStatus {
            conversation_id: change.conversation.0,
            stay_id: change.stay.map(|it| it.0),
            message_id: change.message.0,
            seq: seq.0,
            delivery: change.delivery.as_str(),
            failure: change.failure.clone(),
        })
    }

    /// A conversation came into being, or to the receiver's department.
    pub fn new_conversation(seq: Seq, at: DateTime<Utc>, view: &ConversationView) -> Self {
        Self::NewConversation(Box::new(NewConversation {
            stay_id: view.conversation.stay.map(|it| it.0),
            conversation_id: view.conversation.id.0,
            message: "New conversation initiated",
            timestamp: Timestamp(at),
            seq: seq.0,
            guest_name: view.guest_name.clone(),
            department_name: view.department_name.clone(),
        }))
    }

    /// A conversation changed; the view is of now.
    pub fn conversation_updated(seq: Seq, view: &ConversationView) -> Self {
        Self::ConversationUpdated(Box::new(ConversationUpdated {
            seq: seq.0,
            conversation_id: view.conversation.id.0,
            stay_id: view.conversation.stay.map(|it| it.0),
            conversation: view.into(),
        }))
    }

    /// A conversation is out of the receiver's sight.
    pub fn conversation_removed(seq: Seq, conversation: ConversationId, stay: Option<StayId>) -> Self {
        let (conversation_id, stay_id) = (conversation.0, stay.map(|it| it.0));
        Self::ConversationRemoved(ConversationRemoved { seq: seq.0, conversation_id, stay_id })
    }
}

impl CommandError {
    /// A command was not done. `code` is a stable word, `detail` a sentence for a person.
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

impl From<Logged> for Event {
    fn from(it: Logged) -> Self {
        Self::Logged(it)
    }
}

impl From<CommandError> for Event {
    fn from(it: CommandError) -> Self {
        Self::Error(Box::new(it))
    }
}

impl From<Refused> for Event {
    fn from(it: Refused) -> Self {
        let Refused { request_id, command, code, detail, errors } = it;
        let request_id = request_id.map(RequestId::into_string);
        CommandError { request_id, command, code, detail, errors, newer: None }.into()
    }
}

#[cfg(test)]
mod tests;
