//! Messages of a conversation: pages, internal notes, read positions and retries.

use auth::Caller;
use domain::{Conversation, ConversationRef, Delivery, Message, MessageId, MessageText};
use persistence::{
    messages,
    outbox::{self, OutboxKey},
    read_positions,
};

pub use persistence::messages::MessageRange;

use crate::{
    Desk, Error, KeyedWrite, WriteOutcome,
    outbound::outbox::{new_callback_id, record_delivery},
    read_limit::ReadCost,
    record_message::record_note,
    transaction::WithCursor,
    visibility::find_visible,
};

/// A page of a conversation's messages, oldest first.
#[derive(Debug)]
pub struct MessagePage {
    pub messages: Vec<Message>,
    /// The least message id of the page if there are older messages, otherwise `None`. The first message of a page need
    /// not have the least id.
    pub older: Option<MessageId>,
    /// The greatest message id of the page if there are newer messages, otherwise `None`.
    pub newer: Option<MessageId>,
}

impl Desk {
    pub async fn list_messages(
        &self,
        caller: Caller,
        reference: ConversationRef,
        range: MessageRange,
    ) -> Result<WithCursor<MessagePage>, Error> {
        self.read_with_cursor(caller, ReadCost::Indexed, move |conn, reach| {
            let conversation = find_visible(conn, reach, reference)?;
            let page = messages::list_range(conn, conversation.id, range)?;
            let ids = || page.iter().map(|message| message.id);
            let Some((least, greatest)) = ids().min().zip(ids().max()) else {
                return Ok(MessagePage { messages: page, older: None, newer: None });
            };
            let (has_older, has_newer) =
                messages::exist_before_and_after(conn, conversation.id, (least, greatest), range.notes)?;
            let (older, newer) = (has_older.then_some(least), has_newer.then_some(greatest));
            Ok(MessagePage { messages: page, older, newer })
        })
        .await
    }

    /// Adds an internal note, which the guest never receives.
    pub async fn add_note(
        &self,
        caller: Caller,
        reference: ConversationRef,
        text: MessageText,
        write: KeyedWrite<Message>,
    ) -> Result<WriteOutcome<Message>, Error> {
        let now = self.now();
        self.write_once(caller, vec![reference], write, move |tx, live| {
            let conversation = find_visible(tx.conn(), &live.staff.reach(), reference)?;
            record_note(tx, &conversation, live.staff.id, &text, now)
        })
        .await
    }

    /// Moves the caller's read position forward to a message of the conversation. Returns the conversation, and whether
    /// the position moved; it never moves back.
    pub async fn mark_read(
        &self,
        caller: Caller,
        reference: ConversationRef,
        to: MessageId,
        write: KeyedWrite<(Conversation, bool)>,
    ) -> Result<WriteOutcome<(Conversation, bool)>, Error> {
        let outcome = self
            .write_once(caller, vec![], write, move |tx, live| {
                let conversation = find_visible(tx.conn(), &live.staff.reach(), reference)?;
                if !messages::exists(tx.conn(), conversation.id, to)? {
                    return Err(Error::invalid("message_id", "This message is not of this conversation."));
                }
                let has_moved = read_positions::advance(tx, live.staff.id, conversation.id, to)?;
                Ok((conversation, has_moved))
            })
            .await?;
        if let WriteOutcome::Performed((conversation, true)) = &outcome {
            self.read_receipts.push(conversation.id, to);
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
            if !messages::exists(tx.conn(), conversation.id, message)? {
                return Err(Error::NotFound);
            }
            let sent = outbox::find(tx.conn(), &OutboxKey::Id(message))?.ok_or(Error::NotFailed)?;
            if ![Delivery::Failed, Delivery::Unknown].contains(&sent.delivery) {
                return Err(Error::NotFailed);
            }
            outbox::reset_for_retry(tx, message, conversation.guest, &new_callback_id(), now)?;
            outbox::set_delivery(tx, message, Delivery::Queued, None)?;
            record_delivery(tx, &sent, Delivery::Queued, None, now);
            messages::by_ids(tx.conn(), &[message])?.remove(&message).ok_or(Error::NotFound)
        })
        .await
    }
}
