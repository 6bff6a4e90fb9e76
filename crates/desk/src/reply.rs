//! Replies of staff to a guest: texts here, templates and files in the submodules.

mod compose;
mod file;
mod fill_template;
mod reaction;
mod template;

pub use file::OutgoingFile;
pub use template::{RenderedTemplate, TemplateReply};

use std::{collections::BTreeMap, sync::Arc};

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{ClientRef, ConversationRef, Delivery, Message, MessageId, MessageText, StaffId, Template};
use persistence::{
    Conn, Locks, Tx, conversations,
    messages::{self, MessageRange},
    reply_lookup, service_windows,
    sessions::LiveSession,
    templates,
};

use crate::{
    Desk, Error,
    drafts::clear_draft,
    outbound::{outbox::queue_system_message, read_receipts::queue::ReadReceiptQueue},
    reply::{
        compose::{ReplyContent, ReplyContext},
        fill_template::fill_template,
    },
    transaction::WriteTicket,
};

/// The most newer messages that the error of a stale reply contains.
const MAX_NEWER_MESSAGES: i64 = 200;

#[derive(Clone, Debug)]
pub struct TextReply {
    pub text: MessageText,
    /// The newest message or note that the sender had seen when they wrote the reply.
    pub seen: Option<MessageId>,
    /// Whether a text outside the 24-hour window is held until the guest writes, instead of being refused.
    pub hold: bool,
    /// The message that the reply quotes.
    pub reply_to: Option<MessageId>,
    /// Whether the sender's draft in the conversation is deleted.
    pub clears_draft: bool,
    /// The idempotency key of the reply, which is stored with the message for ever, and the digest of the request.
    pub client_ref: Option<(ClientRef, String)>,
}

#[derive(Debug)]
pub struct SentReply {
    pub message: Message,
    /// Whether the message was stored by an earlier request with the same `client_ref`.
    pub is_replay: bool,
    /// Whether a draft of the sender was deleted.
    pub has_cleared_draft: bool,
}

/// A reply in the writer's queue. If dropped, the reply is not stored, unless its transaction has begun.
pub struct SubmittedReply {
    ticket: WriteTicket<SentReply>,
    read_receipts: Arc<ReadReceiptQueue>,
}

impl SubmittedReply {
    /// Waits until the reply is durable.
    pub async fn result(self) -> Result<SentReply, Error> {
        let sent = self.ticket.result().await?;
        if !sent.is_replay {
            self.read_receipts.push(sent.message.conversation, sent.message.id);
        }
        Ok(sent)
    }
}

impl Desk {
    /// Sends a text of staff to a guest. A reply in an unrouted conversation takes the conversation over.
    ///
    /// The checks run in this order: [`Error::NotFound`], [`Error::Invalid`] if `seen` is of another conversation
    /// or `reply_to` cannot be quoted, [`Error::ConversationClosed`], [`Error::WindowClosed`], [`Error::StaleReply`], [`Error::NoDepartment`].
    pub async fn reply(
        &self,
        caller: Caller,
        reference: ConversationRef,
        reply: TextReply,
    ) -> Result<SentReply, Error> {
        self.submit_reply(caller, reference, reply).await?.result().await
    }

    /// Submits a text reply as [`Desk::reply`], but returns as soon as the reply is in the writer's queue. Replies of
    /// one hotel are stored in the order in which they were submitted.
    pub async fn submit_reply(
        &self,
        caller: Caller,
        reference: ConversationRef,
        reply: TextReply,
    ) -> Result<SubmittedReply, Error> {
        let now = self.now();
        let mut locks = Locks::from(vec![reference]);
        if reply.hold {
            // Locks are taken in a fixed order: guests before conversations.
            locks = locks.guest_of(reference);
        }
        let client_ref = reply.client_ref.as_ref().map(|(client_ref, _)| client_ref.clone());
        let look_up = move |conn: &mut Conn, session| {
            let found = reply_lookup::load(conn, session, reference, client_ref.as_ref())?;
            Ok(found.map(|it| (it.session, it.conversation)))
        };
        let ticket = self
            .submit_write_as(caller, locks, look_up, move |tx, live, found| {
                let sent = found.as_ref().and_then(|it| it.sent.as_ref()).zip(reply.client_ref.as_ref());
                if let Some(((id, stored_digest), (_, digest))) = sent {
                    ensure_same_request(stored_digest, digest)?;
                    let message = messages::by_ids(tx.conn(), &[*id])?.remove(id).ok_or(Error::NotFound)?;
                    return Ok(SentReply { message, is_replay: true, has_cleared_draft: false });
                }
                let context = ReplyContext::of_visible(live, reference, found)?;
                let message = send_text(tx, live, context, &reply, now)?;
                let has_cleared_draft = reply.clears_draft && clear_draft(tx, live.staff.id, message.conversation)?;
                Ok(SentReply { message, is_replay: false, has_cleared_draft })
            })
            .await?;
        Ok(SubmittedReply { ticket, read_receipts: self.read_receipts.clone() })
    }

    /// Returns the message that was sent with this `client_ref`, for a request whose body is no longer valid.
    ///
    /// Fails with [`Error::IdempotencyMismatch`] if the `client_ref` was used for another request.
    pub async fn find_sent_reply(
        &self,
        caller: Caller,
        reference: ConversationRef,
        client_ref: ClientRef,
        digest: String,
    ) -> Result<Option<Message>, Error> {
        self.read_as(caller, move |conn, live| find_replay(conn, reference, live.staff.id, &client_ref, &digest)).await
    }
}

fn find_replay(
    conn: &mut Conn,
    reference: ConversationRef,
    author: StaffId,
    client_ref: &ClientRef,
    digest: &str,
) -> Result<Option<Message>, Error> {
    let Some(conversation) = conversations::find(conn, reference)? else { return Ok(None) };
    let Some((message, stored_digest)) = messages::find_by_client_ref(conn, conversation.id, author, client_ref)?
    else {
        return Ok(None);
    };
    ensure_same_request(&stored_digest, digest)?;
    Ok(Some(message))
}

/// Fails with [`Error::IdempotencyMismatch`] if a `client_ref` was used for another request.
fn ensure_same_request(stored_digest: &str, digest: &str) -> Result<(), Error> {
    if stored_digest == digest { Ok(()) } else { Err(Error::IdempotencyMismatch) }
}

fn send_text(
    tx: &mut Tx<'_>,
    live: &LiveSession,
    mut context: ReplyContext,
    reply: &TextReply,
    now: DateTime<Utc>,
) -> Result<Message, Error> {
    if let Some(seen) = reply.seen
        && !messages::exists(tx.conn(), context.conversation.id, seen)?
    {
        return Err(Error::invalid("seen_message_id", "This message is not of this conversation."));
    }
    let quote = context.find_quote(tx, reply.reply_to)?;
    context.conversation.ensure_open()?;
    let opener = match context.is_free_text_allowed(now) {
        true => None,
        false => opener_to_hold(tx, &mut context, reply.hold, now)?,
    };
    if let Some(seen) = reply.seen {
        ensure_not_stale(tx, live, &context, seen)?;
    }
    context.take_over(tx, live, now)?;
    let mut delivery = context.initial_delivery();
    if let Some(opener) = opener {
        delivery = Delivery::Held;
        send_opener(tx, &context, &opener, now)?;
    }
    let client_ref = reply.client_ref.as_ref().map(|(client_ref, digest)| (client_ref, digest.as_str()));
    let content = ReplyContent { text: reply.text.as_str(), delivery, body: None, client_ref, quote };
    context.store(tx, live, &content, now)
}

/// Returns the opener template to send with a text that is held. Fails with [`Error::WindowClosed`] if the text may not
/// be held, and with [`Error::TemplateUnavailable`] if Meta does not accept the opener now.
///
/// Returns `None` if the guest has just written. The 24-hour window is locked first: otherwise the text would be held
/// although the window is open.
fn opener_to_hold(
    tx: &mut Tx<'_>,
    context: &mut ReplyContext,
    hold: bool,
    now: DateTime<Utc>,
) -> Result<Option<Template>, Error> {
    let id = context.hotel.opener_template.filter(|_| hold).ok_or(Error::WindowClosed)?;
    let opener = templates::find(tx.conn(), context.hotel.id, id)?.ok_or(Error::WindowClosed)?;
    let guest = context.conversation.guest;
    service_windows::lock_guest(tx, guest)?;
    context.last_guest_message_at = service_windows::last_message_at(tx.conn(), guest)?;
    let is_needed = !context.is_free_text_allowed(now);
    if is_needed && !opener.is_available {
        return Err(Error::TemplateUnavailable);
    }
    Ok(is_needed.then_some(opener))
}

fn ensure_not_stale(tx: &mut Tx<'_>, live: &LiveSession, context: &ReplyContext, seen: MessageId) -> Result<(), Error> {
    let conversation = context.conversation.id;
    if messages::other_staff_wrote_after(tx.conn(), conversation, seen, live.staff.id)? {
        let range =
            MessageRange { before: None, after: Some(seen), around: None, limit: MAX_NEWER_MESSAGES, notes: true };
        return Err(Error::StaleReply { newer: messages::list_range(tx.conn(), conversation, range)? });
    }
    Ok(())
}

/// Sends the opener template in the hotel's name, unless it was sent since the guest last wrote.
fn send_opener(tx: &mut Tx<'_>, context: &ReplyContext, opener: &Template, now: DateTime<Utc>) -> Result<(), Error> {
    let number = context.hotel.whatsapp_phone_number_id.as_deref().unwrap_or_default();
    if !service_windows::mark_asked_to_write(tx, context.conversation.guest, number)? {
        return Ok(());
    }
    let filled = fill_template(tx, context, opener, None, &BTreeMap::new(), "hold")?;
    let content = MessageText::parse(&filled.text).map_err(|error| Error::from(("hold", error)))?;
    queue_system_message(tx, &context.hotel, &context.conversation, content.as_str(), filled.body.as_ref(), now)
}
