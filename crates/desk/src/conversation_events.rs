//! Records the events of changed conversations.

use chrono::{DateTime, Utc};
use domain::{Conversation, DepartmentId, EventKind, event::ConversationChange};
use persistence::Tx;

/// Records that only messages of the conversation have changed: an event for inboxes.
pub(crate) fn record_for_inbox(tx: &mut Tx<'_>, conversation: &Conversation, at: DateTime<Utc>) {
    let (id, stay, department) = (conversation.id(), conversation.stay(), conversation.department());
    let change =
        ConversationChange { conversation: id, stay, before: department, after: department, only_message: true };
    tx.record(conversation.hotel(), at, EventKind::ConversationUpdated(change));
}

/// Records that the conversation has changed: an event for inboxes and subscribers.
pub(crate) fn record_update(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    department_before: Option<DepartmentId>,
    at: DateTime<Utc>,
) {
    let change = ConversationChange {
        conversation: conversation.id(),
        stay: conversation.stay(),
        before: department_before,
        after: conversation.department(),
        only_message: false,
    };
    tx.record(conversation.hotel(), at, EventKind::ConversationUpdated(change));
}
