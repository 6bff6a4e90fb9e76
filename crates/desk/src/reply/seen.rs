//! What the sender of a reply had on screen: a reply is refused if a colleague has written since.

use domain::MessageId;
use persistence::{
    Tx,
    messages::{self, MessageRange},
    sessions::LiveSession,
};

use crate::{Error, reply::compose::ReplyContext};

/// The most newer messages that the error of a stale reply contains.
const MAX_NEWER_MESSAGES: i64 = 200;

/// Fails with [`Error::Invalid`] if the message that the sender had seen is of another conversation.
pub(super) fn ensure_seen_exists(
    tx: &mut Tx<'_>,
    context: &ReplyContext,
    seen: Option<MessageId>,
) -> Result<(), Error> {
    match seen {
        Some(seen) if !messages::exists(tx.conn(), context.conversation.id(), seen)? => {
            Err(Error::invalid("seen_message_id", "This message is not of this conversation."))
        }
        _ => Ok(()),
    }
}

/// Fails with [`Error::StaleReply`] if another staff member has written since the message that the sender had seen.
pub(super) fn ensure_not_stale(
    tx: &mut Tx<'_>,
    live: &LiveSession,
    context: &ReplyContext,
    seen: Option<MessageId>,
) -> Result<(), Error> {
    let Some(seen) = seen else { return Ok(()) };
    let conversation = context.conversation.id();
    if messages::other_staff_wrote_after(tx.conn(), conversation, seen, live.staff.id)? {
        let range =
            MessageRange { before: None, after: Some(seen), around: None, limit: MAX_NEWER_MESSAGES, notes: true };
        return Err(Error::StaleReply { newer: messages::list_range(tx.conn(), conversation, range)? });
    }
    Ok(())
}
