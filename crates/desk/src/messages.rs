//! Messages of a conversation: pages, internal notes, read positions and retries.

use auth::Caller;
use domain::{Conversation, ConversationRef, Delivery, Message, MessageId, MessageText, Reach, ReadPosition};
use persistence::{
    Conn,
    audit_log::{self, AuditEntry},
    message_page::{self, CallersPage},
    messages,
    outbox::{self, OutboxKey},
    read_positions,
};

pub use persistence::messages::{MessagePage, MessageRange};

use crate::{
    Desk, Error, KeyedWrite, WriteOutcome,
    drafts::clear_draft,
    outbound::outbox::{new_callback_id, record_delivery},
    read_limit::ReadCost,
    record_message::record_note,
    transaction::{PasswordRule, WithCursor},
    visibility::{ensure_visible, find_visible},
};

/// An internal note to be added to a conversation.
#[derive(Clone, Debug)]
pub struct NewNote {
    pub text: MessageText,
    /// Whether the author's draft in the conversation is deleted.
    pub clears_draft: bool,
}

/// A change of a staff member's read position.
#[derive(Clone, Copy, Debug)]
pub enum ReadMove {
    /// Forward to this message; never back.
    UpTo(MessageId),
    /// To just before this message: the only way back.
    UnreadFrom(MessageId),
}

/// The result of [`Desk::mark_read`].
#[derive(Debug)]
pub struct MarkedRead {
    pub conversation: Conversation,
    /// The new read position, if it moved.
    pub moved_to: Option<ReadPosition>,
}

impl Desk {
    pub async fn list_messages(
        &self,
        caller: Caller,
        reference: ConversationRef,
        range: MessageRange,
    ) -> Result<WithCursor<MessagePage>, Error> {
        if range.around.is_some() {
            let load = move |conn: &mut Conn, reach: &Reach| {
                let conversation = find_visible(conn, reach, reference)?;
                Ok(messages::load_page(conn, conversation.id(), range)?)
            };
            return self.read_with_cursor(caller, ReadCost::Indexed, load).await;
        }
        let load = move |conn: &mut Conn, session| Ok(message_page::load(conn, session, reference, range)?);
        let CallersPage { session, cursor, conversation, page } = self.read_statement_as(caller, load).await?;
        PasswordRule::MustBeOwn.check(&session)?;
        ensure_visible(&session.staff.reach(), reference, conversation.as_ref())?;
        Ok(WithCursor { value: page, cursor })
    }

    /// Adds an internal note, which the guest never receives.
    pub async fn add_note(
        &self,
        caller: Caller,
        reference: ConversationRef,
        note: NewNote,
        write: KeyedWrite<Message>,
    ) -> Result<WriteOutcome<Message>, Error> {
        let now = self.now();
        self.write_once(caller, vec![reference], write, move |tx, live| {
            let conversation = find_visible(tx.conn(), &live.staff.reach(), reference)?;
            if note.clears_draft {
                clear_draft(tx, live.staff.id, conversation.id())?;
            }
            record_note(tx, &conversation, live.staff.id, &note.text, now)
        })
        .await
    }

    /// Moves the caller's read position in a conversation. Returns the conversation, and the new position if it moved.
    pub async fn mark_read(
        &self,
        caller: Caller,
        reference: ConversationRef,
        to: ReadMove,
        write: KeyedWrite<MarkedRead>,
    ) -> Result<WriteOutcome<MarkedRead>, Error> {
        let outcome = self
            .write_once(caller, vec![], write, move |tx, live| {
                let conversation = find_visible(tx.conn(), &live.staff.reach(), reference)?;
                let (field, message) = match to {
                    ReadMove::UpTo(message) => ("message_id", message),
                    ReadMove::UnreadFrom(message) => ("unread_from", message),
                };
                if !messages::exists(tx.conn(), conversation.id(), message)? {
                    return Err(Error::invalid(field, "This message is not of this conversation."));
                }
                let moved_to = match to {
                    ReadMove::UpTo(_) => read_positions::advance(tx, live.staff.id, conversation.id(), message)?,
                    ReadMove::UnreadFrom(_) => {
                        read_positions::move_before(tx, live.staff.id, conversation.id(), message)?
                    }
                };
                Ok(MarkedRead { conversation, moved_to })
            })
            .await?;
        if let (WriteOutcome::Performed(marked), ReadMove::UpTo(message)) = (&outcome, to)
            && marked.moved_to.is_some()
        {
            self.read_receipts.push(marked.conversation.id(), message);
        }
        Ok(outcome)
    }

    /// Queues a failed or unknown message to a guest for a new attempt to send it. Fails with [`Error::NotFailed`] in
    /// any other state.
    pub async fn retry(
        &self,
        caller: Caller,
        reference: ConversationRef,
        message: MessageId,
        write: KeyedWrite<Message>,
    ) -> Result<WriteOutcome<Message>, Error> {
        let now = self.now();
        self.write_once(caller, vec![reference], write, move |tx, live| {
            let conversation = find_visible(tx.conn(), &live.staff.reach(), reference)?;
            messages::find_shown(tx.conn(), conversation.id(), message)?.ok_or(Error::NotFound)?;
            let sent = outbox::find(tx.conn(), &OutboxKey::Id(message))?.ok_or(Error::NotFailed)?;
            if ![Delivery::Failed, Delivery::Unknown].contains(&sent.delivery) {
                return Err(Error::NotFailed);
            }
            outbox::reset_for_retry(tx, message, conversation.guest(), &new_callback_id(), now)?;
            outbox::set_delivery(tx, message, Delivery::Queued, None)?;
            record_delivery(tx, &sent, Delivery::Queued, None, now)?;
            let entry =
                AuditEntry::of_conversation(conversation.hotel(), live.staff.id, "message_retried", conversation.id());
            audit_log::insert(tx, &AuditEntry { before: Some(message.to_string()), ..entry }, now)?;
            messages::by_ids(tx.conn(), &[message])?.remove(&message).ok_or(Error::NotFound)
        })
        .await
    }
}
