//! Stores a new message together with its events. Every new message of the product goes through here.

use chrono::{DateTime, Utc};
use domain::{Attachment, Conversation, EventKind, Message, MessageId, MessageText, StaffId};
use persistence::{
    Tx,
    messages::{self, MessageSender, NewMessage},
    staff,
};

use crate::{Error, conversation_events::record_for_inbox, save_conversation::record_changed_messages};

/// Stores a message and records two events: the message for subscribers of the conversation, and the change of the
/// conversation for the inbox.
pub(crate) fn record_message(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    new: &NewMessage<'_>,
) -> Result<Message, Error> {
    record_message_with(tx, conversation, new, |_, _| Ok(vec![]))
}

/// Stores a new message with files and records its events, as [`record_message`]; `store_files` stores the files before
/// the events are recorded.
pub(crate) fn record_message_with(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    new: &NewMessage<'_>,
    store_files: impl FnOnce(&mut Tx<'_>, MessageId) -> Result<Vec<Attachment>, Error>,
) -> Result<Message, Error> {
    let mut message = messages::append(tx, new, conversation.stay())?;
    message.attachments = store_files(tx, message.id)?;
    tx.record(conversation.hotel(), new.at, EventKind::Message(Box::new(message.clone())));
    record_for_inbox(tx, conversation, new.at);
    Ok(message)
}

/// Records the events of a message whose text or reactions have changed: the message for subscribers of the
/// conversation, and the change of the conversation for the inbox. Returns the message.
pub(crate) fn record_updated_message(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    message: MessageId,
    at: DateTime<Utc>,
) -> Result<Message, Error> {
    let message = messages::find_shown(tx.conn(), conversation.id(), message)?.ok_or(Error::NotFound)?;
    tx.record(conversation.hotel(), at, EventKind::MessageUpdated(Box::new(message.clone())));
    record_changed_messages(tx, conversation, at)?;
    Ok(message)
}

pub(crate) fn record_note(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    author: StaffId,
    text: &MessageText,
    at: DateTime<Utc>,
) -> Result<Message, Error> {
    let name = staff::find(tx.conn(), author)?.ok_or(Error::NotFound)?.name;
    let note = NewMessage {
        conversation: conversation.id(),
        content: text.as_str(),
        sender: MessageSender::Staff(author, &name),
        at,
        inbound: None,
        delivery: None,
        internal: true,
        client_ref: None,
        quote: None,
        send_at: None,
    };
    record_message(tx, conversation, &note)
}
