//! Stores a changed conversation together with its events and audit entries. Every change of a conversation goes
//! through here.

use chrono::{DateTime, Utc};
use domain::{Conversation, DepartmentId, EventKind, Status, event::ConversationChange};
use persistence::{
    Tx,
    audit_log::{self, AuditActor, AuditEntry},
    conversations,
};

use crate::Error;

/// Stores the changed conversation `after`, records its events and writes the audit log. Does nothing if the
/// conversation is unchanged.
pub(crate) fn save_with_events(
    tx: &mut Tx<'_>,
    before: &Conversation,
    after: &Conversation,
    actor: impl Into<AuditActor>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    if before == after {
        return Ok(());
    }
    conversations::save(tx, after, at)?;
    if after.department.is_some() && before.department != after.department {
        let (conversation, stay, department) = (after.id, after.stay, after.department);
        tx.record(after.hotel, at, EventKind::NewConversation { conversation, stay, department });
    }
    record_update(tx, after, before.department, at);
    audit(tx, before, after, actor.into(), at)
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

/// Records the event of a conversation whose 24-hour window has changed, because the guest wrote in another
/// conversation.
pub(crate) fn record_changed_window(tx: &mut Tx<'_>, conversation: &Conversation, at: DateTime<Utc>) {
    record_update(tx, conversation, conversation.department, at);
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
