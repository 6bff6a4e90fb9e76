//! Messages of staff that are not sent yet: change the text of a held one, take one back.

use auth::Caller;
use domain::{ConversationRef, EventKind, Message, MessageId, MessageText, SenderType};
use persistence::{
    answers,
    audit_log::{self, AuditActor, AuditEntry},
    messages, outbox, reports,
};

use crate::{
    Desk, Error, KeyedWrite, WriteOutcome, record_message::record_updated_message, response_clock,
    save_conversation::record_changed_messages, visibility::find_visible,
};

impl Desk {
    /// Replaces the text of a held message.
    ///
    /// Fails with [`Error::NotFound`], [`Error::NotTheSender`], or [`Error::AlreadySent`] if the message is not held.
    pub async fn change_held_text(
        &self,
        caller: Caller,
        reference: ConversationRef,
        id: MessageId,
        text: MessageText,
        write: KeyedWrite<Message>,
    ) -> Result<WriteOutcome<Message>, Error> {
        let now = self.now();
        self.write_once(caller, vec![reference], write, move |tx, live| {
            let conversation = find_visible(tx.conn(), &live.staff.reach(), reference)?;
            let message = messages::find_shown(tx.conn(), conversation.id(), id)?.ok_or(Error::NotFound)?;
            if message.author != Some(live.staff.id) {
                return Err(Error::NotTheSender);
            }
            if !outbox::lock_held(tx, id)? {
                return Err(Error::AlreadySent);
            }
            if message.content == text.as_str() {
                return Ok(message);
            }
            messages::set_content(tx, id, text.as_str())?;
            let entry =
                AuditEntry::of_conversation(conversation.hotel(), live.staff.id, "message_changed", conversation.id());
            audit_log::insert(tx, &AuditEntry { before: Some(id.to_string()), ..entry }, now)?;
            record_updated_message(tx, &conversation, id, now)
        })
        .await
    }

    /// Takes back a message of staff that is held, or queued and not claimed for sending. It is shown nowhere
    /// afterwards.
    ///
    /// Fails with [`Error::NotFound`], or with [`Error::AlreadySent`] for any other message.
    pub async fn take_back(
        &self,
        caller: Caller,
        reference: ConversationRef,
        id: MessageId,
        write: KeyedWrite<()>,
    ) -> Result<WriteOutcome<()>, Error> {
        let now = self.now();
        self.write_once(caller, vec![reference], write, move |tx, live| {
            let conversation = find_visible(tx.conn(), &live.staff.reach(), reference)?;
            let message = messages::find_shown(tx.conn(), conversation.id(), id)?.ok_or(Error::NotFound)?;
            // The outbox worker claims the message in a transaction of its own: only one of the two finds it waiting.
            if message.sender_type != SenderType::Staff || !outbox::finish_taken_back(tx, id)? {
                return Err(Error::AlreadySent);
            }
            messages::hide(tx, conversation.id(), id)?;
            let (hotel, stay) = (conversation.hotel(), conversation.stay());
            tx.record(hotel, now, EventKind::MessageRemoved { conversation: conversation.id(), stay, message: id });
            // The guest may wait again; the event for the inbox shows it.
            if answers::refresh(tx, conversation.id())? {
                response_clock::set_for_wait(tx, conversation.id())?;
            }
            reports::set_counted(tx, id, false)?;
            record_changed_messages(tx, &conversation, now)?;
            let entry = AuditEntry {
                hotel,
                actor: AuditActor::Staff(live.staff.id),
                action: "message_taken_back",
                conversation: Some(conversation.id()),
                staff: message.author,
                before: Some(id.to_string()),
                after: None,
            };
            Ok(audit_log::insert(tx, &entry, now)?)
        })
        .await
    }

    /// Returns a message that the caller has sent, as it is now, also if it was taken back or the caller does not see its
    /// conversation any more.
    pub async fn find_own_message(&self, caller: Caller, id: MessageId) -> Result<Option<Message>, Error> {
        self.read_as(caller, move |conn, live| {
            let message = messages::by_ids(conn, &[id])?.remove(&id);
            Ok(message.filter(|message| message.author == Some(live.staff.id)))
        })
        .await
    }
}
