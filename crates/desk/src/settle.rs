//! Storing where a conversation went, with all that follows from it.

use chrono::{DateTime, Utc};
use domain::{Conversation, ConversationChange, EventKind, Reach, StaffId, Status};
use persistence::{
    Tx,
    audit::{self, Actor, Entry},
    conversations, staff,
};

use crate::Error;

/// Stores a conversation that moved, with its events and the audit's entries; nothing where it
/// did not move. `actor`: who moved it.
pub(crate) fn save(
    tx: &mut Tx<'_>,
    before: &Conversation,
    after: &Conversation,
    actor: impl Into<Actor>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    if before == after {
        return Ok(());
    }
    conversations::save(tx, after, at)?;
    let (conversation, stay) = (after.id, after.stay);
    if after.department.is_some() && before.department != after.department {
        let kind = EventKind::NewConversation { conversation, stay, department: after.department };
        tx.record(after.hotel, at, kind);
    }
    let (routed_from, routed_to) = (before.department, after.department);
    tx.record(
        after.hotel,
        at,
        EventKind::ConversationUpdated(ConversationChange {
            conversation,
            stay,
            before: routed_from,
            after: routed_to,
            only_message: false,
        }),
    );
    audit(tx, before, after, actor.into(), at)
}

/// Stores and tells that a conversation is shown otherwise, though it did not move: its guest or
/// its stay has another name, room or number.
pub(crate) fn show_anew(tx: &mut Tx<'_>, it: &Conversation, at: DateTime<Utc>) -> Result<(), Error> {
    conversations::index(tx, it.id)?;
    let change = ConversationChange {
        conversation: it.id,
        stay: it.stay,
        before: it.department,
        after: it.department,
        only_message: false,
    };
    tx.record(it.hotel, at, EventKind::ConversationUpdated(change));
    Ok(())
}

/// Tells that a conversation is shown otherwise, though nothing of it moved: its guest wrote in another one, which opens
/// the window of all.
pub(crate) fn show_window(tx: &mut Tx<'_>, it: &Conversation, at: DateTime<Utc>) {
    let (conversation, stay, of) = (it.id, it.stay, it.department);
    let change = ConversationChange { conversation, stay, before: of, after: of, only_message: false };
    tx.record(it.hotel, at, EventKind::ConversationUpdated(change));
}

fn audit(
    tx: &mut Tx<'_>,
    before: &Conversation,
    after: &Conversation,
    actor: Actor,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let mut note = |action, from: Option<String>, to: Option<String>| {
        let conversation = Some(after.id);
        let entry = Entry { hotel: after.hotel, actor, action, conversation, staff: None, before: from, after: to };
        audit::write(tx, &entry, at)
    };
    if before.department != after.department {
        note("transferred", before.department.map(|it| it.to_string()), after.department.map(|it| it.to_string()))?;
    }
    if before.assignee != after.assignee {
        note("assigned", before.assignee.map(|it| it.to_string()), after.assignee.map(|it| it.to_string()))?;
    }
    if before.status != after.status && [before.status, after.status].contains(&Status::Closed) {
        let action = if after.status == Status::Closed { "closed" } else { "reopened" };
        note(action, Some(before.status.as_str().to_owned()), Some(after.status.as_str().to_owned()))?;
    }
    Ok(())
}

/// What somebody may see who is, or is to be, assigned; nothing where they are not active. It stays so
/// until the end of the transaction.
pub(crate) fn assignee_reach(tx: &mut Tx<'_>, id: StaffId) -> Result<Option<Reach>, Error> {
    staff::hold(tx, id)?;
    Ok(staff::find(tx.conn(), id)?.filter(|staff| staff.active).map(|staff| staff.reach()))
}

/// As [`assignee_reach`], of the assignee of a closed conversation that may be opened: a change of staff leaves the
/// assignments of closed ones as they are.
pub(crate) fn reach_at_reopening(tx: &mut Tx<'_>, it: &Conversation) -> Result<Option<Reach>, Error> {
    match it.assignee.filter(|_| it.status == Status::Closed) {
        Some(id) => assignee_reach(tx, id),
        None => Ok(None),
    }
}
