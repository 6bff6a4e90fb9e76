//! Changes of a scheduled message before it is sent: its text, its time, and the confirmation after a review.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{
    ConversationRef, MessageText, Person, ReviewReason, ScheduledContent, ScheduledMessage, ScheduledMessageId,
    ScheduledState,
    scheduled::{Confirmation, check_send_time},
};
use persistence::{Tx, conversations, sessions::LiveSession};

use crate::{
    Desk, Error, KeyedWrite, WriteOutcome,
    reply::{
        compose::ReplyContext,
        send_scheduled::{active_author, find_obstacle},
    },
    scheduled::{audit_change, find_visible_scheduled, save_changed},
};

/// A change of a scheduled message. Fields that are `None` stay as they are.
#[derive(Clone, Debug, Default)]
pub struct ScheduledChange {
    pub text: Option<MessageText>,
    pub send_at: Option<DateTime<Utc>>,
    /// Whether a message that needs a review is confirmed.
    pub confirm: bool,
}

impl Desk {
    /// Changes a scheduled message, also one of a colleague; only its author may change the text. A confirmed message is
    /// due at once if its time has passed.
    ///
    /// Fails with [`Error::NotFound`], [`Error::NotTheSender`], [`Error::AlreadySent`] if it is sent or cancelled,
    /// [`Error::Invalid`], and as long as it could not be sent now: [`Error::ConversationClosed`], [`Error::NotAllowedNow`]
    /// or [`Error::TemplateUnavailable`].
    pub async fn change_scheduled(
        &self,
        caller: Caller,
        id: ScheduledMessageId,
        change: ScheduledChange,
        write: KeyedWrite<ScheduledMessage>,
    ) -> Result<WriteOutcome<ScheduledMessage>, Error> {
        let now = self.now();
        let conversation = self.conversation_of_scheduled(caller, id).await?;
        self.write_once(caller, vec![conversation], write, move |tx, live| {
            let before = find_visible_scheduled(tx, &live.staff.reach(), id)?;
            if change.text.is_some() && !before.is_by(live.staff.id) {
                return Err(Error::NotTheSender);
            }
            before.ensure_open()?;
            let mut message = before.clone();
            if let Some(text) = &change.text {
                set_text(&mut message, text)?;
            }
            if let Some(at) = change.send_at {
                check_send_time(at, now).map_err(|error| Error::invalid("send_at", error.to_string()))?;
                message.send_at = at;
            }
            if change.confirm && before.state != ScheduledState::Pending {
                confirm(tx, live, &mut message, now)?;
            }
            if before != message {
                save_changed(tx, &before, &message, now)?;
                audit_change(tx, live.staff.id, "scheduled_changed", &before, &message, now)?;
            }
            Ok(message)
        })
        .await
    }
}

fn set_text(message: &mut ScheduledMessage, new: &MessageText) -> Result<(), Error> {
    match &mut message.content {
        ScheduledContent::Text { text, .. } => {
            *text = new.clone();
            Ok(())
        }
        ScheduledContent::Template { .. } => {
            Err(Error::invalid("text", "This is a template, whose text cannot be changed here."))
        }
    }
}

fn confirm(
    tx: &mut Tx<'_>,
    live: &LiveSession,
    message: &mut ScheduledMessage,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let context = ReplyContext::load(tx, ConversationRef::Conversation(message.conversation))?;
    let author = active_author(tx, message.author.id)?.map(|it| it.reach());
    message.confirm(Confirmation {
        by: &Person { id: live.staff.id, name: live.staff.name.clone() },
        author: author.as_ref(),
        conversation: &context.conversation,
        answered_guest_messages: conversations::count_guest_messages(tx.conn(), message.conversation)?,
        at: now,
    })?;
    // The author may be another one now.
    let author = active_author(tx, message.author.id)?;
    match find_obstacle(tx, &context, author.as_ref(), message)? {
        None => Ok(()),
        Some(ReviewReason::Closed) => Err(Error::ConversationClosed),
        Some(ReviewReason::Template) => Err(Error::TemplateUnavailable),
        Some(ReviewReason::StayCancelled) => {
            Err(Error::NotAllowedNow("The stay is cancelled. Reinstate it, or cancel this message."))
        }
        Some(ReviewReason::ReplyTo) => Err(Error::NotAllowedNow(
            "The quoted message cannot be quoted any more. Cancel this message and write anew.",
        )),
        // The confirmation has removed these obstacles.
        Some(ReviewReason::GuestWrote | ReviewReason::GuestChanged | ReviewReason::Author | ReviewReason::Restored) => {
            Err(Error::NotAllowedNow("This message cannot be sent now. Load it again."))
        }
    }
}
