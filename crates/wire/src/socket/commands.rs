//! Commands: what clients say.

use domain::{ClientRef, ConversationId, MessageId, RequestId, Seq, StayId};
use serde_json::Value;

use crate::{
    fields::{self, FieldErrors, Fields},
    input::{Input, SendMessage, object},
};

/// The most conversations and stays together that a `resume` may name: as many as a socket may subscribe to.
pub const MOST_NAMED: usize = 1000;
/// So many of a `resume`'s names are read. A message is too short for more.
const MOST_READ: usize = 64 * 1024;

/// The most characters of an unknown command that its refusal repeats.
const MOST_REPEATED: usize = 64;

/// A command, with what it is called and by what its outcome is told.
pub struct Envelope {
    /// Its outcome is told under this id; without one, only a failure is told.
    pub request_id: Option<RequestId>,
    /// The command's word.
    pub name: &'static str,
    /// What is to be done.
    pub command: Command,
}

/// What a client wants.
pub enum Command {
    /// `subscribe_to_conversation`.
    Subscribe(Target),
    /// `unsubscribe_from_conversation`.
    Unsubscribe(Target),
    /// `send_message`.
    SendMessage {
        /// Where to.
        to: Target,
        /// What.
        body: SendMessage,
        /// What the sender calls it: the same name again is the same message.
        client_ref: Option<ClientRef>,
    },
    /// `subscribe_to_inbox`.
    SubscribeToInbox,
    /// `unsubscribe_from_inbox`.
    UnsubscribeFromInbox,
    /// `typing`.
    Typing {
        /// Where.
        to: Target,
        /// Whether they type, or have stopped.
        typing: bool,
    },
    /// `mark_read`.
    MarkRead {
        /// Where.
        to: Target,
        /// Up to here.
        message_id: MessageId,
    },
    /// `resume`.
    Resume(Resume),
    /// `ping`.
    Ping,
}

/// By what a conversation is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// By itself.
    Conversation(ConversationId),
    /// By its stay.
    Stay(StayId),
    /// By both, which have to belong together.
    Both(ConversationId, StayId),
}

/// From where to go on, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The history that the cursor is of.
    pub epoch: String,
    /// The last event that was seen.
    pub after_seq: Seq,
    /// What to subscribe to.
    pub named: Vec<Target>,
    /// Whether to subscribe to the inbox.
    pub inbox: bool,
}

/// Why a message is no command.
#[derive(Debug)]
pub struct Refused {
    /// The command's own id, where it is a good one.
    pub request_id: Option<RequestId>,
    /// The command's word, where it is one, and short.
    pub command: Option<String>,
    /// `bad_json`, `unknown_command` or `invalid`.
    pub code: &'static str,
    /// A sentence for a person.
    pub detail: String,
    /// With `invalid`: the fields' faults.
    pub errors: Option<FieldErrors>,
}

type ReadCommand = fn(&mut Fields<'_>) -> Option<Command>;

/// Every command, by its word.
pub(crate) const COMMANDS: [(&str, ReadCommand); 9] = [
    ("subscribe_to_conversation", |it| target(it).map(Command::Subscribe)),
    ("unsubscribe_from_conversation", |it| target(it).map(Command::Unsubscribe)),
    ("send_message", send_message),
    ("subscribe_to_inbox", |_| Some(Command::SubscribeToInbox)),
    ("unsubscribe_from_inbox", |_| Some(Command::UnsubscribeFromInbox)),
    ("typing", typing),
    ("mark_read", mark_read),
    ("resume", |it| resume(it).map(Command::Resume)),
    ("ping", |_| Some(Command::Ping)),
];

/// Reads a text message as a command.
///
/// # Errors
/// [`Refused`], ready to be told.
pub fn parse_command(text: &str) -> Result<Envelope, Refused> {
    let map = object(serde_json::from_str(text)).map_err(|detail| Refused {
        request_id: None,
        command: None,
        code: "bad_json",
        detail: detail.to_owned(),
        errors: None,
    })?;
    let mut fields = Fields::new(&map);
    let request_id = fields.optional("request_id", |value| fields::parsed(value, RequestId::parse));
    let word = map.get("command").and_then(Value::as_str);
    let Some((name, read)) = COMMANDS.iter().find(|(name, _)| Some(*name) == word) else {
        return Err(unknown(word, request_id.flatten()));
    };
    let command = read(&mut fields);
    let read = request_id.clone().zip(command);
    match fields.done(read) {
        Ok((request_id, command)) => Ok(Envelope { request_id, name, command }),
        Err(errors) => Err(Refused {
            request_id: request_id.flatten(),
            command: Some((*name).to_owned()),
            code: "invalid",
            detail: "The command is not right; see `errors`.".to_owned(),
            errors: Some(errors),
        }),
    }
}

fn unknown(word: Option<&str>, request_id: Option<RequestId>) -> Refused {
    let command = word.filter(|word| word.chars().count() <= MOST_REPEATED).map(str::to_owned);
    let detail = match word {
        Some(_) => "There is no such command.",
        None => "Please name a command: {\"command\": …}.",
    };
    Refused { request_id, command, code: "unknown_command", detail: detail.to_owned(), errors: None }
}

fn target(fields: &mut Fields<'_>) -> Option<Target> {
    let conversation = fields.optional("conversation_id", fields::id(ConversationId))?;
    let Some(conversation) = conversation else {
        return fields.required("stay_id", fields::id(StayId)).map(Target::Stay);
    };
    let stay = fields.optional("stay_id", fields::id(StayId))?;
    Some(stay.map_or(Target::Conversation(conversation), |stay| Target::Both(conversation, stay)))
}

fn send_message(fields: &mut Fields<'_>) -> Option<Command> {
    let to = target(fields);
    let body = SendMessage::read(fields);
    let client_ref = fields.optional("client_ref", |value| fields::parsed(value, ClientRef::parse));
    Some(Command::SendMessage { to: to?, body: body?, client_ref: client_ref? })
}

fn typing(fields: &mut Fields<'_>) -> Option<Command> {
    let to = target(fields);
    let typing = fields.required("typing", fields::flag);
    Some(Command::Typing { to: to?, typing: typing? })
}

fn mark_read(fields: &mut Fields<'_>) -> Option<Command> {
    let to = target(fields);
    let message_id = fields.required("message_id", fields::id(MessageId));
    Some(Command::MarkRead { to: to?, message_id: message_id? })
}

fn resume(fields: &mut Fields<'_>) -> Option<Resume> {
    let epoch = fields.required("epoch", fields::string);
    let after_seq = fields.required("after_seq", seq);
    let conversations = fields.optional("conversation_ids", fields::ids(ConversationId, MOST_READ));
    let stays = fields.optional("stay_ids", fields::ids(StayId, MOST_READ));
    let inbox = fields.optional("inbox", fields::flag);
    let (conversations, stays) = (conversations?.unwrap_or_default(), stays?.unwrap_or_default());
    let named = conversations.into_iter().map(Target::Conversation).chain(stays.into_iter().map(Target::Stay));
    Some(Resume { epoch: epoch?, after_seq: after_seq?, named: named.collect(), inbox: inbox?.unwrap_or(false) })
}

fn seq(value: &Value) -> Result<Seq, String> {
    let seq = value.as_i64().filter(|seq| *seq >= 0);
    seq.map(Seq).ok_or_else(|| "This must be a whole number, 0 or more.".to_owned())
}

#[cfg(test)]
mod tests;
