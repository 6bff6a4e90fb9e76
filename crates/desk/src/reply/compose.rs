//! The steps that all replies share: load the conversation, take it over, store and queue the message.

use chrono::{DateTime, Utc};
use domain::{ClientRef, Conversation, ConversationRef, Delivery, Hotel, Message, MessageId, Quote, Staff, Status};
use persistence::{
    Tx,
    conversations::{self, ConversationInHotel},
    departments,
    messages::{self, MessageSender, NewMessage},
    reply_lookup::LookedUpConversation,
    sessions::LiveSession,
    staff,
};
use whatsapp::{MAX_BODY_CHARS, OutgoingBody};

use crate::{
    Error,
    attachments::{NewFile, store_file},
    outbound::outbox::{self, is_window_open},
    record_message::record_message_with,
    save_conversation::save_with_events,
    visibility::{ensure_matches, ensure_visible},
};

/// The conversation of a reply with its hotel, locked and read in the transaction of the reply.
pub(super) struct ReplyContext {
    pub(super) conversation: Conversation,
    pub(super) hotel: Hotel,
    /// The time at which the guest last wrote to the hotel's current WhatsApp number.
    pub(super) last_guest_message_at: Option<DateTime<Utc>>,
}

/// The content of a reply: a text, template or file, with its delivery status.
pub(super) struct ReplyContent<'a> {
    pub(super) text: &'a str,
    pub(super) delivery: Delivery,
    /// The WhatsApp message of a template or file; `None` if the reply is just the text.
    pub(super) body: Option<OutgoingBody>,
    /// The idempotency key of the reply, and the digest of the request.
    pub(super) client_ref: Option<(&'a ClientRef, &'a str)>,
    /// The message that the reply quotes; see [`ReplyContext::find_quote`].
    pub(super) quote: Option<Quote>,
    /// The time for which the reply was scheduled.
    pub(super) send_at: Option<DateTime<Utc>>,
}

impl ReplyContext {
    pub(super) fn load_visible(tx: &mut Tx<'_>, live: &LiveSession, reference: ConversationRef) -> Result<Self, Error> {
        let found = conversations::find_visible_with_hotel(tx.conn(), &live.staff.reach(), reference)?;
        let ConversationInHotel { conversation, hotel, last_guest_message_at } = found.ok_or(Error::NotFound)?;
        ensure_matches(reference, &conversation)?;
        Ok(Self { conversation, hotel, last_guest_message_at })
    }

    /// Loads a conversation without a check of visibility.
    pub(super) fn load(tx: &mut Tx<'_>, reference: ConversationRef) -> Result<Self, Error> {
        let found = conversations::find_with_hotel(tx.conn(), reference)?;
        let ConversationInHotel { conversation, hotel, last_guest_message_at } = found.ok_or(Error::NotFound)?;
        Ok(Self { conversation, hotel, last_guest_message_at })
    }

    /// Makes a context of a conversation that is loaded already, with the same checks as [`ReplyContext::load_visible`].
    pub(super) fn of_visible(
        live: &LiveSession,
        reference: ConversationRef,
        found: Option<LookedUpConversation>,
    ) -> Result<Self, Error> {
        ensure_visible(&live.staff.reach(), reference, found.as_ref().map(|it| &it.conversation))?;
        let LookedUpConversation { conversation, hotel, last_guest_message_at, .. } = found.ok_or(Error::NotFound)?;
        Ok(Self { conversation, hotel, last_guest_message_at })
    }

    /// Loads a conversation that is visible to the caller and open. Fails as [`ReplyContext::load_visible`], and with
    /// [`Error::ConversationClosed`].
    pub(super) fn load_open(tx: &mut Tx<'_>, live: &LiveSession, reference: ConversationRef) -> Result<Self, Error> {
        let context = Self::load_visible(tx, live, reference)?;
        context.conversation.ensure_open()?;
        Ok(context)
    }

    /// Whether free text may be sent: the 24-hour window is open, or the hotel has no WhatsApp number.
    pub(super) fn is_free_text_allowed(&self, now: DateTime<Utc>) -> bool {
        !self.is_on_whatsapp() || is_window_open(self.last_guest_message_at, now)
    }

    /// Returns the quote of a reply. Fails with [`Error::Invalid`] unless it is a message of the conversation that the
    /// guest wrote or has got.
    pub(super) fn find_quote(&self, tx: &mut Tx<'_>, id: Option<MessageId>) -> Result<Option<Quote>, Error> {
        let Some(id) = id else { return Ok(None) };
        let quoted = messages::find_shown(tx.conn(), self.conversation.id(), id)?.filter(Message::is_in_chat);
        let quoted = quoted.ok_or_else(|| {
            Error::invalid("reply_to", "This is no message of the conversation that the guest wrote or has got.")
        })?;
        Ok(Some(Quote::Known(quoted.quoted())))
    }

    pub(super) fn is_on_whatsapp(&self) -> bool {
        self.hotel.whatsapp_phone_number_id.is_some()
    }

    pub(super) fn initial_delivery(&self) -> Delivery {
        if self.is_on_whatsapp() { Delivery::Queued } else { Delivery::Sent }
    }

    /// Routes an unrouted conversation to the sender's first active department and assigns the sender. Call before the message is
    /// recorded: staff who lose the conversation must not receive the message.
    pub(super) fn take_over(&mut self, tx: &mut Tx<'_>, sender: &Staff, now: DateTime<Utc>) -> Result<(), Error> {
        let before = self.conversation.clone();
        let own = match self.conversation.status() {
            Status::Relay => None,
            _ => departments::first_active(tx.conn(), self.hotel.id, &sender.departments)?,
        };
        self.conversation.take_over(&sender.reach(), own, self.hotel.default_department)?;
        if self.conversation.assignee() != before.assignee() {
            staff::lock_unchanged(tx, sender)?;
        }
        save_with_events(tx, &before, &self.conversation, Some(sender.id), now)
    }

    pub(super) fn store(
        &self,
        tx: &mut Tx<'_>,
        sender: &Staff,
        content: &ReplyContent<'_>,
        now: DateTime<Utc>,
    ) -> Result<Message, Error> {
        self.store_with_file(tx, sender, content, None, now)
    }

    /// Stores the message of a reply with its file, and queues it if the hotel is on WhatsApp.
    pub(super) fn store_with_file(
        &self,
        tx: &mut Tx<'_>,
        sender: &Staff,
        content: &ReplyContent<'_>,
        file: Option<&NewFile<'_>>,
        now: DateTime<Utc>,
    ) -> Result<Message, Error> {
        let new = NewMessage {
            conversation: self.conversation.id(),
            content: content.text,
            sender: MessageSender::Staff(sender.id, &sender.name),
            at: now,
            inbound: None,
            delivery: Some(content.delivery),
            internal: false,
            client_ref: content.client_ref,
            quote: content.quote.clone(),
            send_at: content.send_at,
        };
        let message = record_message_with(tx, &self.conversation, &new, |tx, message| match file {
            Some(file) => Ok(vec![store_file(tx, self.hotel.id, message, file, now)?]),
            None => Ok(vec![]),
        })?;
        if self.is_on_whatsapp() {
            outbox::enqueue(tx, self.hotel.id, self.conversation.guest(), &message, content.body.as_ref(), now)?;
        }
        Ok(message)
    }
}

/// Returns whether a text is too long for the caption of a file, or for a value of a template.
pub(super) fn exceeds_caption_limit(text: &str) -> bool {
    // The characters are counted only if the number of bytes exceeds the limit.
    text.len() > MAX_BODY_CHARS && text.chars().count() > MAX_BODY_CHARS
}
