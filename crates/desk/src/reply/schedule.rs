//! Schedules a message to a guest for later.

use std::collections::BTreeMap;

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{
    ConversationRef, IfGuestWrites, MessageId, MessageText, ScheduledContent, ScheduledMessage, TemplateId,
    scheduled::check_send_time, template::TemplateType,
};
use persistence::{
    Tx,
    audit_log::{self, AuditEntry},
    scheduled_messages::{self, NewScheduledMessage},
    sessions::LiveSession,
};

use crate::{
    Desk, Error, KeyedWrite, WriteOutcome,
    drafts::clear_draft,
    reply::{
        compose::ReplyContext,
        fill_template::fill_template,
        seen::{ensure_not_stale, ensure_seen_exists},
        template::find_template,
    },
    save_conversation::refresh_answers,
    scheduled::{audit_text, record_updated},
};

/// What a staff member has written for later.
#[derive(Clone, Debug)]
pub enum WrittenContent {
    Text(MessageText),
    /// A template, with values of its placeholders by name.
    Template(TemplateId, BTreeMap<String, String>),
}

/// A message to be scheduled.
#[derive(Clone, Debug)]
pub struct NewSchedule {
    pub content: WrittenContent,
    /// The newest message or note that the author had seen when they wrote the message.
    pub seen: Option<MessageId>,
    /// Whether free text outside the 24-hour window is held at its time, instead of failing.
    pub hold: bool,
    /// The message that free text quotes.
    pub reply_to: Option<MessageId>,
    /// Whether the author's draft in the conversation is deleted.
    pub clears_draft: bool,
    pub send_at: DateTime<Utc>,
    pub if_guest_writes: IfGuestWrites,
}

impl Desk {
    /// Schedules a message to a guest. It is no message of the conversation yet, but an answer to the guest.
    ///
    /// Fails with [`Error::NotFound`], [`Error::Invalid`], [`Error::ConversationClosed`], [`Error::StaleReply`], or
    /// [`Error::TemplateUnavailable`]. The 24-hour window is not checked: it may be another one at the time of the message.
    pub async fn schedule(
        &self,
        caller: Caller,
        reference: ConversationRef,
        new: NewSchedule,
        write: KeyedWrite<ScheduledMessage>,
    ) -> Result<WriteOutcome<ScheduledMessage>, Error> {
        let now = self.now();
        self.write_once(caller, vec![reference], write, move |tx, live| {
            let context = ReplyContext::load_visible(tx, live, reference)?;
            ensure_seen_exists(tx, &context, new.seen)?;
            check_send_time(new.send_at, now).map_err(|error| Error::invalid("send_at", error.to_string()))?;
            let content = prepare_content(tx, live, &context, &new)?;
            context.conversation.ensure_open()?;
            ensure_not_stale(tx, live, &context, new.seen)?;
            let conversation = &context.conversation;
            let row = NewScheduledMessage {
                hotel: conversation.hotel(),
                conversation: conversation.id(),
                guest: conversation.guest(),
                author: live.staff.id,
                content: &content,
                send_at: new.send_at,
                if_guest_writes: new.if_guest_writes,
                at: now,
            };
            let message = scheduled_messages::insert(tx, &row)?;
            let entry = AuditEntry {
                after: Some(audit_text(&message)),
                ..AuditEntry::of_conversation(
                    conversation.hotel(),
                    live.staff.id,
                    "message_scheduled",
                    conversation.id(),
                )
            };
            audit_log::insert(tx, &entry, now)?;
            record_updated(tx, &message, now);
            refresh_answers(tx, conversation.id(), now)?;
            if new.clears_draft {
                clear_draft(tx, live.staff.id, conversation.id())?;
            }
            Ok(message)
        })
        .await
    }
}

/// Returns the content to store for a scheduled message: a template of type `text` is rendered now, an approved one at the
/// time of the message. A value that is missing now is refused now.
fn prepare_content(
    tx: &mut Tx<'_>,
    live: &LiveSession,
    context: &ReplyContext,
    new: &NewSchedule,
) -> Result<ScheduledContent, Error> {
    let free_text = |tx: &mut Tx<'_>, text| {
        context.find_quote(tx, new.reply_to)?;
        Ok(ScheduledContent::Text { text, reply_to: new.reply_to, hold: new.hold })
    };
    let (id, values) = match &new.content {
        WrittenContent::Text(text) => return free_text(tx, text.clone()),
        WrittenContent::Template(id, values) => (*id, values),
    };
    let template = find_template(tx, context, id)?;
    if !template.is_available {
        return Err(Error::TemplateUnavailable);
    }
    let filled = fill_template(tx, context, &template, Some(&live.staff.name), values, "variables")?;
    let text = MessageText::parse(&filled.text).map_err(|error| Error::from(("variables", error)))?;
    match template.kind.template_type() {
        TemplateType::Text => free_text(tx, text),
        TemplateType::WhatsApp => Ok(ScheduledContent::Template { template: id, variables: values.clone() }),
    }
}
