//! Sends scheduled messages whose time has come.
//!
//! Every node looks for due messages. The message is stored in the transaction that changes the status of the scheduled
//! one, with the conversation locked: if two nodes find the same one, the second finds it sent. If a node dies before the
//! commit, the message is still due for the others.

use chrono::{DateTime, Utc};
use domain::{
    ConversationRef, Delivery, MessageText, Quote, ReviewReason, ScheduledContent, ScheduledMessage, ScheduledState,
    Staff, StaffId, Template, scheduled::SendingConditions, template::TemplateType,
};
use persistence::{
    Locks, Tx, event_log,
    outbox::{self, OutboxKey},
    reports,
    scheduled_messages::{self, DueScheduledMessage},
    staff, stays,
};
use whatsapp::OutgoingBody;

use crate::{
    Desk, Error,
    outbound::outbox::advance_delivery,
    reply::{
        compose::{ReplyContent, ReplyContext},
        fill_template::fill_template,
        hold::{opener_to_hold, send_opener},
        template::find_template,
    },
    scheduled::save_changed,
};

/// The most messages that one round sends. Further ones follow in the next round.
const MAX_DUE: i64 = 200;

impl Desk {
    /// Sends the scheduled messages whose time has come, soonest first. A message that cannot be sent now needs a review.
    pub(crate) async fn send_due_messages(&self) -> Result<(), Error> {
        let now = self.now();
        let due = self.read(move |conn| Ok(scheduled_messages::list_due(conn, now, MAX_DUE)?)).await?;
        let mut submitted = Vec::with_capacity(due.len());
        for due in due {
            let conversation = ConversationRef::Conversation(due.conversation);
            let mut locks = Locks::from(vec![conversation]);
            if due.hold {
                // Locks are taken in a fixed order: guests before conversations.
                locks = locks.guest_of(conversation);
            }
            let ticket = self.submit_write(due.hotel, locks, move |tx| send_due(tx, due, now)).await?;
            submitted.push((due, ticket));
        }
        for (due, ticket) in submitted {
            if let Err(error) = ticket.result().await {
                let (id, conversation) = (due.id, due.conversation);
                log::warn!(
                    "scheduled message {id} of conversation {conversation} cannot be sent: {error}; next attempt in a \
                     second"
                );
            }
        }
        Ok(())
    }
}

fn send_due(tx: &mut Tx<'_>, due: DueScheduledMessage, now: DateTime<Utc>) -> Result<(), Error> {
    let Some(before) = scheduled_messages::find(tx.conn(), due.id)? else { return Ok(()) };
    // Another node may have sent the message, or staff may have changed it, since it was found.
    if before.state != ScheduledState::Pending || before.send_at > now {
        return Ok(());
    }
    let mut context = ReplyContext::load(tx, ConversationRef::Conversation(before.conversation))?;
    let author = active_author(tx, before.author.id)?;
    let mut message = before.clone();
    match (find_obstacle(tx, &context, author.as_ref(), &before)?, author) {
        (None, Some(author)) => match send(tx, &mut context, &author, &mut message, now) {
            // The author sees the unrouted conversation, but is in no department that could take it over.
            Err(Error::NoDepartment) => message.require_review(ReviewReason::Author),
            result => result?,
        },
        (obstacle, _) => message.require_review(obstacle.unwrap_or(ReviewReason::Author)),
    }
    save_changed(tx, &before, &message, now)
}

/// Returns the author of a scheduled message with the present departments; `None` if the author is inactive. They stay
/// so until the end of the transaction.
pub(super) fn active_author(tx: &mut Tx<'_>, id: StaffId) -> Result<Option<Staff>, Error> {
    staff::lock_shared(tx, id)?;
    Ok(staff::find(tx.conn(), id)?.filter(|it| it.active))
}

/// Returns what keeps a scheduled message from being sent now.
pub(super) fn find_obstacle(
    tx: &mut Tx<'_>,
    context: &ReplyContext,
    author: Option<&Staff>,
    message: &ScheduledMessage,
) -> Result<Option<ReviewReason>, Error> {
    let stay = match context.conversation.stay() {
        Some(id) => stays::find(tx.conn(), id)?,
        None => None,
    };
    let author_name = author.map_or(message.author.name.as_str(), |it| it.name.as_str());
    let has_usable_template = is_usable(fill(tx, context, author_name, &message.content))?;
    let has_usable_quote = is_usable(context.find_quote(tx, message.content.reply_to()))?;
    Ok(message.obstacle(&SendingConditions {
        epoch_began_at: event_log::epoch_began_at(tx.conn())?,
        conversation: &context.conversation,
        is_stay_cancelled: stay.is_some_and(|it| it.cancellation.is_some()),
        author: author.map(Staff::reach).as_ref(),
        has_usable_template,
        has_usable_quote,
    }))
}

/// Whether something can be used: a refusal says no, a failure of the database remains one.
fn is_usable<T>(result: Result<T, Error>) -> Result<bool, Error> {
    match result {
        Ok(_) => Ok(true),
        Err(error @ Error::Store(_)) => Err(error),
        Err(_) => Ok(false),
    }
}

/// Returns the text of a scheduled message, and the WhatsApp message of its template.
fn fill(
    tx: &mut Tx<'_>,
    context: &ReplyContext,
    author_name: &str,
    content: &ScheduledContent,
) -> Result<(MessageText, Option<OutgoingBody>), Error> {
    match content {
        ScheduledContent::Text { text, .. } => Ok((text.clone(), None)),
        ScheduledContent::Template { template, variables } => {
            let template = find_template(tx, context, *template)?;
            // Only an approved template may be sent at any time: it is free text if its type was changed.
            if !template.is_available || template.kind.template_type() != TemplateType::WhatsApp {
                return Err(Error::TemplateUnavailable);
            }
            let filled = fill_template(tx, context, &template, Some(author_name), variables, "variables")?;
            let text = MessageText::parse(&filled.text).map_err(|error| Error::from(("variables", error)))?;
            Ok((text, filled.body))
        }
    }
}

/// How a message goes out at its time.
enum Dispatch {
    Now,
    /// It is held, and the opener template asks the guest to write.
    Hold(Template),
    /// It fails with this sentence.
    Fail(String),
}

fn choose_dispatch(
    tx: &mut Tx<'_>,
    context: &mut ReplyContext,
    content: &ScheduledContent,
    now: DateTime<Utc>,
) -> Result<Dispatch, Error> {
    let ScheduledContent::Text { hold, .. } = content else { return Ok(Dispatch::Now) };
    if context.is_free_text_allowed(now) {
        return Ok(Dispatch::Now);
    }
    match opener_to_hold(tx, context, *hold, now) {
        Ok(None) => Ok(Dispatch::Now),
        Ok(Some(opener)) => Ok(Dispatch::Hold(opener)),
        Err(refusal @ (Error::WindowClosed | Error::TemplateUnavailable)) => Ok(Dispatch::Fail(refusal.detail())),
        Err(error) => Err(error),
    }
}

/// Stores a scheduled message as a message of the conversation, as if the author sent it now.
fn send(
    tx: &mut Tx<'_>,
    context: &mut ReplyContext,
    author: &Staff,
    message: &mut ScheduledMessage,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (text, body) = fill(tx, context, &author.name, &message.content)?;
    let quote: Option<Quote> = context.find_quote(tx, message.content.reply_to())?;
    let dispatch = choose_dispatch(tx, context, &message.content, now)?;
    context.take_over(tx, author, now)?;
    let mut delivery = context.initial_delivery();
    if let Dispatch::Hold(opener) = &dispatch {
        delivery = Delivery::Held;
        send_opener(tx, context, opener, now)?;
    }
    let send_at = Some(message.send_at);
    let content = ReplyContent { text: text.as_str(), delivery, body, client_ref: None, quote, send_at };
    let stored = context.store(tx, author, &content, now)?;
    reports::count_scheduled_answer(tx, stored.id)?;
    if let Dispatch::Fail(sentence) = &dispatch {
        outbox::finish(tx, stored.id)?;
        if let Some(entry) = outbox::find(tx.conn(), &OutboxKey::Id(stored.id))? {
            advance_delivery(tx, &entry, Delivery::Failed, Some(sentence), now)?;
        }
    }
    message.record_sent(stored.id);
    Ok(())
}
