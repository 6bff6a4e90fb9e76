//! Replies of staff to a guest: texts here, templates and files in the submodules.

mod compose;
mod file;
mod fill_template;
mod hold;
mod reaction;
mod schedule;
mod scheduled_changes;
mod seen;
mod send_scheduled;
mod template;

pub use file::OutgoingFile;
pub use schedule::{NewSchedule, WrittenContent};
pub use scheduled_changes::ScheduledChange;
pub use template::{RenderedTemplate, TemplateReply};

use std::sync::Arc;

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{ClientRef, ConversationRef, Delivery, Message, MessageId, MessageText, StaffId};
use persistence::{Conn, Locks, Tx, conversations, messages, reply_lookup, sessions::LiveSession};

use crate::{
    Desk, Error,
    drafts::clear_draft,
    outbound::read_receipts::queue::ReadReceiptQueue,
    reply::{
        compose::{ReplyContent, ReplyContext},
        hold::{opener_to_hold, send_opener},
        seen::{ensure_not_stale, ensure_seen_exists},
    },
    transaction::WriteTicket,
};

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
    let Some((message, stored_digest)) = messages::find_by_client_ref(conn, conversation.id(), author, client_ref)?
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
    ensure_seen_exists(tx, &context, reply.seen)?;
    let quote = context.find_quote(tx, reply.reply_to)?;
    context.conversation.ensure_open()?;
    let opener = match context.is_free_text_allowed(now) {
        true => None,
        false => opener_to_hold(tx, &mut context, reply.hold, now)?,
    };
    ensure_not_stale(tx, live, &context, reply.seen)?;
    context.take_over(tx, &live.staff, now)?;
    let mut delivery = context.initial_delivery();
    if let Some(opener) = opener {
        delivery = Delivery::Held;
        send_opener(tx, &context, &opener, now)?;
    }
    let client_ref = reply.client_ref.as_ref().map(|(client_ref, digest)| (client_ref, digest.as_str()));
    let content = ReplyContent { text: reply.text.as_str(), delivery, body: None, client_ref, quote, send_at: None };
    context.store(tx, &live.staff, &content, now)
}
