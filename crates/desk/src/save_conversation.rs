//! Stores a changed conversation together with its events and audit entries. Every change of a conversation goes
//! through here.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    Conversation, ConversationId, ConversationRef, Department, EventKind, HistoryChange, HistoryKind, MessageText,
    Status,
};
use persistence::{
    Tx, answers,
    audit_log::{self, AuditActor, AuditEntry},
    conversations, departments, reports,
};

use crate::{
    Error,
    conversation_events::{record_for_inbox, record_update},
    history, response_clock,
};

/// Stores the changed conversation `after`, records its events and writes history and audit log. Does nothing if the
/// conversation is unchanged.
pub(crate) fn save_with_events(
    tx: &mut Tx<'_>,
    before: &Conversation,
    after: &Conversation,
    actor: impl Into<AuditActor>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    save_with_note(tx, before, after, actor, None, at)
}

/// Stores the changed conversation `after` as [`save_with_events`], with a note in its history.
pub(crate) fn save_with_note(
    tx: &mut Tx<'_>,
    before: &Conversation,
    after: &Conversation,
    actor: impl Into<AuditActor>,
    note: Option<&MessageText>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    if before == after {
        return Ok(());
    }
    let actor = actor.into();
    let routed_to = lock_new_department(tx, before, after)?;
    let clock = conversations::save(tx, after, at)?;
    if before.department() != after.department() {
        response_clock::set_for_department(tx, after, clock, routed_to)?;
    }
    if before.status() == Status::Closed && after.status() != Status::Closed {
        reports::record_opening(tx, after.id(), at)?;
    }
    if after.department().is_some() && before.department() != after.department() {
        let (conversation, stay, department) = (after.id(), after.stay(), after.department());
        tx.record(after.hotel(), at, EventKind::NewConversation { conversation, stay, department });
    }
    record_update(tx, after, before.department(), at);
    // The history comes after the change: subscribers who lose access by the change get none of it.
    for (index, change) in HistoryChange::between(before, after).iter().enumerate() {
        let note = note.filter(|_| index == 0).map(MessageText::as_str);
        history::add_entry(tx, after, change, actor, note, at)?;
    }
    audit(tx, before, after, actor, at)
}

/// Locks the department to which the conversation is to be routed until the end of the transaction, and returns it. Fails
/// with a conflict if it is inactive, after which the writer runs the job again: the department was active when the job
/// chose it.
fn lock_new_department(
    tx: &mut Tx<'_>,
    before: &Conversation,
    after: &Conversation,
) -> Result<Option<Department>, Error> {
    let is_routed = after.status() == Status::Relay;
    let was_there = before.status() == Status::Relay && before.department() == after.department();
    match after.department().filter(|_| is_routed && !was_there) {
        Some(department) => Ok(Some(departments::lock_chosen(tx, after.hotel(), department)?)),
        None => Ok(None),
    }
}

/// Records the event of a conversation whose guest name, room or phone number has changed, and updates its search key.
/// The conversation itself is unchanged.
pub(crate) fn record_changed_details(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    conversations::update_search_key(tx, conversation.id())?;
    record_update(tx, conversation, conversation.department(), at);
    Ok(())
}

/// Records the event of a conversation of which something changed that is stored outside its row, such as labels. Moves
/// the time of the last change.
pub(crate) fn touch(tx: &mut Tx<'_>, conversation: &Conversation, at: DateTime<Utc>) -> Result<(), Error> {
    conversations::save(tx, conversation, at)?;
    record_update(tx, conversation, conversation.department(), at);
    Ok(())
}

/// Records the event of a conversation whose 24-hour window has changed, because the guest wrote in another
/// conversation.
pub(crate) fn record_changed_window(tx: &mut Tx<'_>, conversation: &Conversation, at: DateTime<Utc>) {
    record_update(tx, conversation, conversation.department(), at);
}

/// Records that the guest messages of a conversation need no answer, and that staff need no more reminder of the messages
/// that have failed.
pub(crate) fn record_handled(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    actor: impl Into<AuditActor>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    reports::record_end_of_wait(tx, conversation.id(), at)?;
    let was_waiting = answers::mark_handled(tx, conversation.id())?;
    if answers::dismiss_failures(tx, conversation.id())? || was_waiting {
        conversations::save(tx, conversation, at)?;
        record_update(tx, conversation, conversation.department(), at);
        let (hotel, actor) = (conversation.hotel(), actor.into());
        history::add_entry(tx, conversation, &HistoryChange::of(HistoryKind::Handled), actor, None, at)?;
        audit_log::insert(tx, &AuditEntry::of_conversation(hotel, actor, "handled", conversation.id()), at)?;
    }
    Ok(())
}

/// Reads again since when a guest waits and which messages are unsent, after an answer has failed, was taken back or
/// counts again. Records a change for inboxes; subscribers of the conversation see it at the message. The conversation
/// is locked.
pub(crate) fn refresh_answers(tx: &mut Tx<'_>, id: ConversationId, at: DateTime<Utc>) -> Result<(), Error> {
    if !answers::refresh(tx, id)? {
        return Ok(());
    }
    response_clock::set_for_wait(tx, id)?;
    if let Some(conversation) = conversations::find(tx.conn(), ConversationRef::Conversation(id))? {
        record_for_inbox(tx, &conversation, at);
    }
    Ok(())
}

/// Stores the time at which a message of the conversation was changed or removed, and records the event for the inbox.
pub(crate) fn record_changed_messages(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    conversations::touch(tx, conversation.id(), at)?;
    record_for_inbox(tx, conversation, at);
    Ok(())
}

fn audit(
    tx: &mut Tx<'_>,
    before: &Conversation,
    after: &Conversation,
    actor: AuditActor,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let mut write_entry = |action, from: Option<String>, to: Option<String>| {
        let entry = AuditEntry::of_conversation(after.hotel(), actor, action, after.id());
        audit_log::insert(tx, &AuditEntry { before: from, after: to, ..entry }, at)
    };
    let text = |id: Option<i64>| id.map(|id| id.to_string());
    if before.department() != after.department() {
        write_entry("transferred", text(before.department().map(|it| it.0)), text(after.department().map(|it| it.0)))?;
    }
    if before.assignee() != after.assignee() {
        write_entry("assigned", text(before.assignee().map(|it| it.0)), text(after.assignee().map(|it| it.0)))?;
    }
    if before.snoozed_until() != after.snoozed_until() {
        let time = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let action = if after.snoozed_until().is_some() { "snoozed" } else { "unsnoozed" };
        write_entry(action, time(before.snoozed_until()), time(after.snoozed_until()))?;
    }
    if before.status() != after.status() && [before.status(), after.status()].contains(&Status::Closed) {
        let action = if after.status() == Status::Closed { "closed" } else { "reopened" };
        write_entry(action, Some(before.status().as_str().to_owned()), Some(after.status().as_str().to_owned()))?;
    }
    Ok(())
}
