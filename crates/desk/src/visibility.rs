//! Visibility: loads a conversation only if the caller's [`Reach`] covers it. An invisible conversation is "not found",
//! as if it did not exist.

use domain::{Conversation, ConversationId, ConversationRef, ConversationView, Reach, StaffId, Status};
use persistence::{Conn, StoreError, Tx, conversations, staff};

use crate::Error;

/// Fails with [`Error::NotFound`] if the conversation is absent or invisible, and with [`Error::Invalid`] if the
/// reference names a stay that is not the conversation's.
pub(crate) fn find_visible(conn: &mut Conn, reach: &Reach, reference: ConversationRef) -> Result<Conversation, Error> {
    let conversation = conversations::find_visible(conn, reach, reference)?.ok_or(Error::NotFound)?;
    ensure_matches(reference, &conversation)?;
    Ok(conversation)
}

/// Fails as [`find_visible`] for a conversation that is loaded already.
pub(crate) fn ensure_visible(
    reach: &Reach,
    reference: ConversationRef,
    found: Option<&Conversation>,
) -> Result<(), Error> {
    let conversation = found.filter(|it| reach.covers(it.hotel(), it.department())).ok_or(Error::NotFound)?;
    ensure_matches(reference, conversation)
}

pub(crate) fn ensure_matches(reference: ConversationRef, conversation: &Conversation) -> Result<(), Error> {
    if reference.matches_stay(conversation.stay()) { Ok(()) } else { Err(Error::stay_mismatch()) }
}

/// Returns a conversation with guest, stay and names, without the unread count of a reader.
pub(crate) fn load_view(conn: &mut Conn, id: ConversationId) -> Result<ConversationView, Error> {
    Ok(conversations::views(conn, None, &[id])?.pop().ok_or(StoreError::Corrupt("conversation"))?)
}

/// Returns a conversation with guest, stay, names and the reader's unread count. Does not check visibility: a staff
/// member who transfers a conversation gets it in the response even if it is no longer visible to them.
pub(crate) fn load_view_for(conn: &mut Conn, reader: StaffId, id: ConversationId) -> Result<ConversationView, Error> {
    conversations::views(conn, Some(reader), &[id])?.pop().ok_or(Error::NotFound)
}

/// Returns the visibility scope of an assignee; `None` if the staff member is inactive. Locks the staff row shared, so
/// that the scope stays the same until the end of the transaction.
pub(crate) fn assignee_reach(tx: &mut Tx<'_>, id: StaffId) -> Result<Option<Reach>, Error> {
    staff::lock_shared(tx, id)?;
    Ok(staff::find(tx.conn(), id)?.filter(|staff| staff.active).map(|staff| staff.reach()))
}

/// Returns the visibility scope of the assignee, as [`assignee_reach`], if the conversation is closed and about to be
/// reopened; otherwise `None`. A change of a staff member leaves the assignments of closed conversations as they are,
/// so they are checked when reopened.
pub(crate) fn assignee_reach_on_reopen(tx: &mut Tx<'_>, conversation: &Conversation) -> Result<Option<Reach>, Error> {
    match conversation.assignee().filter(|_| conversation.status() == Status::Closed) {
        Some(id) => assignee_reach(tx, id),
        None => Ok(None),
    }
}
