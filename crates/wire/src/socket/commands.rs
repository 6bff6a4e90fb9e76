//! WebSocket commands: messages from clients to the server.

use domain::{ClientRef, ConversationId, ConversationRef, MessageId, Seq, StayId, text::RequestId};
use serde_json::Value;

use crate::{
    field_reader::{FieldErrors, FieldReader, IdList},
    request::{JsonBody, SendMessageBody, parse_object},
};

/// Maximum number of conversations and stays together in a `resume`: the limit of subscriptions per socket.
pub const MAX_RESUME_SUBSCRIPTIONS: usize = 1000;
/// Maximum length of a list of ids in a command that is read at all. No message within the size limit can contain more,
/// so that `too_many_subscriptions` is reported instead of `invalid`.
const MAX_LIST_ENTRIES: usize = 64 * 1024;

/// Maximum length of an unknown command's name that the error event repeats, in characters.
const MAX_REPEATED_NAME: usize = 64;

/// A parsed command with its name and request id.
pub struct CommandEnvelope {
    /// The client's id of the command, repeated in the response. Without an id only failures are reported.
    pub request_id: Option<RequestId>,
    /// Name of the command in JSON.
    pub name: &'static str,
    /// The command itself.
    pub command: SocketCommand,
}

/// A command of a client.
pub enum SocketCommand {
    /// The command `subscribe_to_conversation`.
    Subscribe(ConversationRef),
    /// The command `unsubscribe_from_conversation`.
    Unsubscribe(ConversationRef),
    /// The command `send_message`.
    SendMessage {
        /// The conversation to which the message is sent.
        to: ConversationRef,
        /// Text and options of the message.
        body: SendMessageBody,
        /// The client's reference of the message, which makes the command `send_message` idempotent.
        client_ref: Option<ClientRef>,
    },
    /// The command `subscribe_to_inbox`.
    SubscribeToInbox {
        /// Whether the socket also gets the event `counts`.
        counts: bool,
    },
    /// The command `unsubscribe_from_inbox`.
    UnsubscribeFromInbox,
    /// The command `typing`.
    Typing {
        /// The conversation in which the staff member types.
        to: ConversationRef,
        /// Whether the staff member started typing; false if typing stopped.
        typing: bool,
    },
    /// The command `viewing`.
    Viewing {
        /// The subscribed conversation that the staff member has on screen.
        to: ConversationRef,
        /// Whether the staff member views the conversation; false if viewing stopped.
        viewing: bool,
    },
    /// The command `mark_read`.
    MarkRead {
        /// The conversation whose read position moves.
        to: ConversationRef,
        /// Id of the newest message that the staff member has read.
        message_id: MessageId,
    },
    /// The command `resume`.
    Resume(ResumeRequest),
    /// The command `ping`.
    Ping,
}

/// Content of the command `resume`: a cursor and the subscriptions to restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeRequest {
    /// Epoch of the client's cursor.
    pub epoch: String,
    /// Sequence number of the newest event that the client has seen.
    pub after_seq: Seq,
    /// Conversations to which the socket is subscribed again.
    pub named: Vec<ConversationRef>,
    /// Whether the socket is subscribed to the inbox again.
    pub inbox: bool,
}

/// Reason for refusing a WebSocket message from a client.
#[derive(Debug)]
pub struct RefusedCommand {
    /// The client's id of the refused command, if valid.
    pub request_id: Option<RequestId>,
    /// Name of the refused command, if it is a short string.
    pub command: Option<String>,
    /// Error code: `bad_json`, `unknown_command` or `invalid`.
    pub code: &'static str,
    /// What is wrong with the command, as a sentence for a person.
    pub detail: String,
    /// Only with the error code `invalid`: faults by field name.
    pub errors: Option<FieldErrors>,
}

type ReadCommand = fn(&mut FieldReader<'_>) -> Option<SocketCommand>;

/// Every command by name, with the function that reads its fields.
pub(crate) const COMMANDS: [(&str, ReadCommand); 10] = [
    ("subscribe_to_conversation", |fields| conversation_ref(fields).map(SocketCommand::Subscribe)),
    ("unsubscribe_from_conversation", |fields| conversation_ref(fields).map(SocketCommand::Unsubscribe)),
    ("send_message", send_message),
    ("subscribe_to_inbox", subscribe_to_inbox),
    ("unsubscribe_from_inbox", |_| Some(SocketCommand::UnsubscribeFromInbox)),
    ("typing", typing),
    ("viewing", viewing),
    ("mark_read", mark_read),
    ("resume", |fields| resume(fields).map(SocketCommand::Resume)),
    ("ping", |_| Some(SocketCommand::Ping)),
];

/// Parses a text message of a client into a command. Fails with the faults of all fields together.
pub fn parse_command(text: &str) -> Result<CommandEnvelope, RefusedCommand> {
    let object = parse_object(serde_json::from_str(text)).map_err(|detail| RefusedCommand {
        request_id: None,
        command: None,
        code: "bad_json",
        detail: detail.to_owned(),
        errors: None,
    })?;
    let mut fields = FieldReader::new(&object);
    let request_id = fields.optional::<RequestId>("request_id");
    let given_name = object.get("command").and_then(Value::as_str);
    let Some((name, read)) = COMMANDS.iter().find(|(name, _)| Some(*name) == given_name) else {
        return Err(unknown_command(given_name, request_id.flatten()));
    };
    let command = read(&mut fields);
    let envelope = request_id.clone().zip(command);
    match fields.finish(envelope) {
        Ok((request_id, command)) => Ok(CommandEnvelope { request_id, name, command }),
        Err(errors) => Err(RefusedCommand {
            request_id: request_id.flatten(),
            command: Some((*name).to_owned()),
            code: "invalid",
            detail: "The command is not right; see `errors`.".to_owned(),
            errors: Some(errors),
        }),
    }
}

fn unknown_command(name: Option<&str>, request_id: Option<RequestId>) -> RefusedCommand {
    let command = name.filter(|name| name.chars().count() <= MAX_REPEATED_NAME).map(str::to_owned);
    let detail = match name {
        Some(_) => "There is no such command.",
        None => "Please name a command: {\"command\": …}.",
    };
    RefusedCommand { request_id, command, code: "unknown_command", detail: detail.to_owned(), errors: None }
}

fn conversation_ref(fields: &mut FieldReader<'_>) -> Option<ConversationRef> {
    let Some(conversation) = fields.optional::<ConversationId>("conversation_id")? else {
        return fields.required::<StayId>("stay_id").map(ConversationRef::Stay);
    };
    let stay = fields.optional::<StayId>("stay_id")?;
    Some(match stay {
        None => ConversationRef::Conversation(conversation),
        Some(stay) => ConversationRef::Both(conversation, stay),
    })
}

fn subscribe_to_inbox(fields: &mut FieldReader<'_>) -> Option<SocketCommand> {
    let counts = fields.optional::<bool>("counts")?.unwrap_or(false);
    Some(SocketCommand::SubscribeToInbox { counts })
}

fn send_message(fields: &mut FieldReader<'_>) -> Option<SocketCommand> {
    let to = conversation_ref(fields);
    let body = SendMessageBody::read(fields);
    let client_ref = fields.optional::<ClientRef>("client_ref");
    Some(SocketCommand::SendMessage { to: to?, body: body?, client_ref: client_ref? })
}

fn typing(fields: &mut FieldReader<'_>) -> Option<SocketCommand> {
    let to = conversation_ref(fields);
    let typing = fields.required::<bool>("typing");
    Some(SocketCommand::Typing { to: to?, typing: typing? })
}

fn viewing(fields: &mut FieldReader<'_>) -> Option<SocketCommand> {
    let to = conversation_ref(fields);
    let viewing = fields.required::<bool>("viewing");
    Some(SocketCommand::Viewing { to: to?, viewing: viewing? })
}

fn mark_read(fields: &mut FieldReader<'_>) -> Option<SocketCommand> {
    let to = conversation_ref(fields);
    let message_id = fields.required::<MessageId>("message_id");
    Some(SocketCommand::MarkRead { to: to?, message_id: message_id? })
}

fn resume(fields: &mut FieldReader<'_>) -> Option<ResumeRequest> {
    let epoch = fields.required::<String>("epoch");
    let after_seq = fields.required::<Seq>("after_seq");
    let conversations = fields.optional::<IdList<ConversationId, MAX_LIST_ENTRIES>>("conversation_ids");
    let stays = fields.optional::<IdList<StayId, MAX_LIST_ENTRIES>>("stay_ids");
    let inbox = fields.optional::<bool>("inbox");
    let conversations = conversations?.unwrap_or_default().into_iter().map(ConversationRef::Conversation);
    let stays = stays?.unwrap_or_default().into_iter().map(ConversationRef::Stay);
    Some(ResumeRequest {
        epoch: epoch?,
        after_seq: after_seq?,
        named: conversations.chain(stays).collect(),
        inbox: inbox?.unwrap_or(false),
    })
}

#[cfg(test)]
mod tests;
