//! Stores a changed conversation together with its events and audit entries. Every change of a conversation goes
//! through here.

use chrono::{DateTime, Utc};
use domain::{
    Conversation, ConversationId, ConversationRef, DepartmentId, EventKind, HistoryChange, HistoryKind, MessageText,
    Status, event::ConversationChange,
};
use persistence::{
    Tx, answers,
    audit_log::{self, AuditActor, AuditEntry},
    conversations, departments,
};

use crate::{Error, history};

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
    ensure_department_is_active(tx, before, after)?;
    conversations::save(tx, after, at)?;
    if after.department.is_some() && before.department != after.department {
        let (conversation, stay, department) = (after.id, after.stay, after.department);
        tx.record(after.hotel, at, EventKind::NewConversation { conversation, stay, department });
    }
    record_update(tx, after, before.department, at);
    // The history comes after the change: subscribers who lose access by the change get none of it.
    for (index, change) in HistoryChange::between(before, after).iter().enumerate() {
        let note = note.filter(|_| index == 0).map(MessageText::as_str);
        history::add_entry(tx, after, change, actor, note, at)?;
    }
    audit(tx, before, after, actor, at)
}

/// Fails with a conflict if the conversation is to be routed to an inactive department, after which the writer runs the
/// job again: the department was active when the job chose it. Locks the department until the end of the transaction.
fn ensure_department_is_active(tx: &mut Tx<'_>, before: &Conversation, after: &Conversation) -> Result<(), Error> {
    let is_routed = after.status == Status::Relay;
    let was_there = before.status == Status::Relay && before.department == after.department;
    match after.department.filter(|_| is_routed && !was_there) {
        Some(department) => Ok(departments::lock_chosen(tx, after.hotel, department)?),
        None => Ok(()),
    }
}

/// Records the event of a conversation whose guest name, room or phone number has changed, and updates its search key.
/// The conversation itself is unchanged.
pub(crate) fn record_changed_details(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    conversations::update_search_key(tx, conversation.id)?;
    record_update(tx, conversation, conversation.department, at);
    Ok(())
}

/// Records the event of a conversation of which something changed that is stored outside its row, such as labels. Moves
/// the time of the last change.
pub(crate) fn touch(tx: &mut Tx<'_>, conversation: &Conversation, at: DateTime<Utc>) -> Result<(), Error> {
    conversations::save(tx, conversation, at)?;
    record_update(tx, conversation, conversation.department, at);
    Ok(())
}

/// Records the event of a conversation whose 24-hour window has changed, because the guest wrote in another
/// conversation.
pub(crate) fn record_changed_window(tx: &mut Tx<'_>, conversation: &Conversation, at: DateTime<Utc>) {
    record_update(tx, conversation, conversation.department, at);
}

/// Records that the guest messages of a conversation need no answer, and that staff need no more reminder of the messages
/// that have failed.
pub(crate) fn record_handled(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    actor: impl Into<AuditActor>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let was_waiting = answers::mark_handled(tx, conversation.id)?;
    if answers::dismiss_failures(tx, conversation.id)? || was_waiting {
        conversations::save(tx, conversation, at)?;
        record_update(tx, conversation, conversation.department, at);
        let (hotel, actor) = (conversation.hotel, actor.into());
        history::add_entry(tx, conversation, &HistoryChange::of(HistoryKind::Handled), actor, None, at)?;
        let conversation = Some(conversation.id);
        let (action, staff, before, after) = ("handled", None, None, None);
        audit_log::insert(tx, &AuditEntry { hotel, actor, action, conversation, staff, before, after }, at)?;
    }
    Ok(())
}

/// Reads again since when a guest waits and which messages are unsent, after an answer has failed, was taken back or
/// counts again. Records a change for inboxes; subscribers of the conversation see it at the message. The conversation
/// is locked.
pub(crate) fn refresh_answers(tx: &mut Tx<'_>, id: ConversationId, at: DateTime<Utc>) -> Result<(), Error> {
    if answers::refresh(tx, id)?
        && let Some(conversation) = conversations::find(tx.conn(), ConversationRef::Conversation(id))?
    {
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
    conversations::touch(tx, conversation.id, at)?;
    record_for_inbox(tx, conversation, at);
    Ok(())
}

/// Records that only messages of the conversation have changed: an event for inboxes.
fn record_for_inbox(tx: &mut Tx<'_>, conversation: &Conversation, at: DateTime<Utc>) {
    let (id, stay, department) = (conversation.id, conversation.stay, conversation.department);
    let change =
        ConversationChange { conversation: id, stay, before: department, after: department, only_message: true };
    tx.record(conversation.hotel, at, EventKind::ConversationUpdated(change));
}

fn record_update(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    department_before: Option<DepartmentId>,
    at: DateTime<Utc>,
) {
    let change = ConversationChange {
        conversation: conversation.id,
        stay: conversation.stay,
        before: department_before,
        after: conversation.department,
        only_message: false,
    };
    tx.record(conversation.hotel, at, EventKind::ConversationUpdated(change));
}

fn audit(
    tx: &mut Tx<'_>,
    before: &Conversation,
    after: &Conversation,
    actor: AuditActor,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let mut write_entry = |action, from: Option<String>, to: Option<String>| {
        let conversation = Some(after.id);
        let entry =
            AuditEntry { hotel: after.hotel, actor, action, conversation, staff: None, before: from, after: to };
        audit_log::insert(tx, &entry, at)
    };
    let text = |id: Option<i64>| id.map(|id| id.to_string());
    if before.department != after.department {
        write_entry("transferred", text(before.department.map(|it| it.0)), text(after.department.map(|it| it.0)))?;
    }
    if before.assignee != after.assignee {
        write_entry("assigned", text(before.assignee.map(|it| it.0)), text(after.assignee.map(|it| it.0)))?;
    }
    if before.status != after.status && [before.status, after.status].contains(&Status::Closed) {
        let action = if after.status == Status::Closed { "closed" } else { "reopened" };
        write_entry(action, Some(before.status.as_str().to_owned()), Some(after.status.as_str().to_owned()))?;
    }
    Ok(())
}
