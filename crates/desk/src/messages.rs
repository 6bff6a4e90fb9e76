//! Messages and notes: reading them, and writing them.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{Attachment, Conversation, ConversationChange, EventKind, Message, MessageId, MessageText, StaffId};
use persistence::{
    Tx,
    conversations::Which,
    marks,
    messages::{self, Draft, Page as MessageRange, Sender},
    staff,
};

use crate::{Desk, Done, Error, Once, WithCursor, conversations::visible};

/// A page of a conversation's messages, oldest first, and what is left beside it.
#[derive(Debug)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<Message>,
    /// Before which there are older ones, if there are: its least id, which need not be the first's.
    pub older: Option<MessageId>,
    /// After which there are newer ones, if there are: its greatest id.
    pub newer: Option<MessageId>,
}

impl Desk {
    /// Reads a page of a conversation's messages.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn messages(
        &self,
        caller: Caller,
        which: Which,
        range: MessageRange,
    ) -> Result<WithCursor<MessagePage>, Error> {
        self.ask_with_cursor(caller, move |conn, reach| {
            let it = visible(conn, reach, which)?;
            let found = messages::page(conn, it.id, range)?;
            let ids = || found.iter().map(|it| it.id);
            let Some((least, greatest)) = ids().min().zip(ids().max()) else {
                return Ok(MessagePage { messages: found, older: None, newer: None });
            };
            let (older, newer) = messages::beside(conn, it.id, (least, greatest), range.notes)?;
            Ok(MessagePage { messages: found, older: older.then_some(least), newer: newer.then_some(greatest) })
        })
        .await
    }

    /// Writes an internal note.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn add_note(
        &self,
        caller: Caller,
        which: Which,
        text: MessageText,
        once: Once<Message>,
    ) -> Result<Done<Message>, Error> {
        let now = self.now();
        self.act_once(caller, vec![which], once, move |tx, live| {
            let it = visible(tx.conn(), &live.staff.reach(), which)?;
            append_note(tx, &it, live.staff.id, &text, now)
        })
        .await
    }

    /// Moves the caller's mark forward to a message; whether it moved.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] where the message is of another conversation.
    pub async fn mark_read(
        &self,
        caller: Caller,
        which: Which,
        to: MessageId,
        once: Once<(Conversation, bool)>,
    ) -> Result<Done<(Conversation, bool)>, Error> {
        let done = self.act_once(caller, vec![], once, move |tx, live| {
            let it = visible(tx.conn(), &live.staff.reach(), which)?;
            if !messages::exists(tx.conn(), it.id, to)? {
                return Err(Error::invalid("message_id", "This message is not of this conversation."));
            }
            let moved = marks::advance(tx, live.staff.id, it.id, to)?;
            Ok((it, moved))
        });
        let done = done.await?;
        if let Done::Now((it, true)) = &done {
            self.marks.add(it.id, to);
        }
        Ok(done)
    }
}

/// Stores a note of a staff member.
pub(crate) fn append_note(
    tx: &mut Tx<'_>,
    it: &Conversation,
    author: StaffId,
    text: &MessageText,
    at: DateTime<Utc>,
) -> Result<Message, Error> {
    let name = staff::find(tx.conn(), author)?.ok_or(Error::NotFound)?.name;
    let sender = Sender::Staff(author, &name);
    let content = text.as_str();
    let draft = Draft {
        conversation: it.id,
        content,
        sender,
        at,
        came: None,
        delivery: None,
        internal: true,
        client_ref: None,
    };
    append(tx, it, &draft)
}

/// Stores a message and its events: one for who follows the conversation, one for the inbox.
pub(crate) fn append(tx: &mut Tx<'_>, it: &Conversation, draft: &Draft<'_>) -> Result<Message, Error> {
    append_with(tx, it, draft, |_, _| Ok(vec![]))
}

/// As [`append`], of a message with files, which are stored before it is told.
pub(crate) fn append_with(
    tx: &mut Tx<'_>,
    it: &Conversation,
    draft: &Draft<'_>,
    files: impl FnOnce(&mut Tx<'_>, MessageId) -> Result<Vec<Attachment>, Error>,
) -> Result<Message, Error> {
    let mut message = messages::append(tx, draft)?;
    message.attachments = files(tx, message.id)?;
    tx.record(it.hotel, draft.at, EventKind::Message { stay: it.stay, message: Box::new(message.clone()) });
    tx.record(
        it.hotel,
        draft.at,
        EventKind::ConversationUpdated(ConversationChange {
            conversation: it.id,
            stay: it.stay,
            before: it.department,
            after: it.department,
            only_message: true,
        }),
    );
    Ok(message)
}
