//! Messages and notes: reading them, and writing them.

use auth::Caller;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ClientRef, Conversation, ConversationChange, Delivery, EventKind, Message, MessageId, MessageText, StaffId,
};
use persistence::{
    Tx,
    conversations::{self, Which},
    marks,
    messages::{self, Draft, Page as MessageRange, Sender},
    sessions::Live,
    staff,
};

use crate::{Desk, Done, Error, Once, WithCursor, conversations::visible, settle};

/// The most messages that a stale reply is shown.
const MOST_NEWER: i64 = 200;

/// A page of a conversation's messages, oldest first, and what is left beside it.
#[derive(Debug)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether there are older ones.
    pub older: bool,
    /// Whether there are newer ones.
    pub newer: bool,
}

/// What a staff member answers.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The text.
    pub text: MessageText,
    /// The newest message or note that the sender had before their eyes.
    pub seen: Option<MessageId>,
    /// What the sender calls it, with the digest of the request: the same name again is the same
    /// message, for ever.
    pub client_ref: Option<(ClientRef, String)>,
}

/// What came of a reply.
#[derive(Debug)]
pub struct Replied {
    /// The stored message.
    pub message: Message,
    /// Whether it was stored before, under the same name.
    pub again: bool,
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
            let ends = found.first().zip(found.last()).map(|(first, last)| (first.id, last.id));
            let (older, newer) = match ends {
                Some(ends) => messages::beside(conn, it.id, ends, range.notes)?,
                None => (false, false),
            };
            Ok(MessagePage { messages: found, older, newer })
        })
        .await
    }

    /// Answers a guest. An unrouted conversation becomes the sender's.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::ConversationClosed`], [`Error::WindowClosed`],
    /// [`Error::NoDepartment`], [`Error::StaleReply`], [`Error::IdempotencyMismatch`], and
    /// [`Error::Invalid`] where `seen` is of another conversation.
    pub async fn reply(&self, caller: Caller, which: Which, reply: Reply) -> Result<Replied, Error> {
        let now = self.now();
        self.act(caller, vec![which], move |tx, live| {
            if let Some(before) = answered_before(tx, which, live.staff.id, &reply)? {
                return Ok(Replied { message: before, again: true });
            }
            let message = send(tx, live, which, &reply, now)?;
            Ok(Replied { message, again: false })
        })
        .await
    }

    /// The message that was stored under this name, for a request that is not understood.
    ///
    /// # Errors
    /// [`Error::IdempotencyMismatch`] where it came with another request.
    pub async fn replied(
        &self,
        caller: Caller,
        which: Which,
        client_ref: ClientRef,
        digest: String,
    ) -> Result<Option<Message>, Error> {
        self.ask(caller, move |conn, live| {
            let Some(it) = conversations::find(conn, which)? else { return Ok(None) };
            match messages::find_by_client_ref(conn, it.id, live.staff.id, &client_ref)? {
                None => Ok(None),
                Some((message, known)) if known == digest => Ok(Some(message)),
                Some(_) => Err(Error::IdempotencyMismatch),
            }
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
        self.act_once(caller, vec![], once, move |tx, live| {
            let it = visible(tx.conn(), &live.staff.reach(), which)?;
            if !messages::exists(tx.conn(), it.id, to)? {
                return Err(Error::invalid("message_id", "This message is not of this conversation."));
            }
            let moved = marks::advance(tx, live.staff.id, it.id, to)?;
            Ok((it, moved))
        })
        .await
    }
}

fn answered_before(tx: &mut Tx<'_>, which: Which, by: StaffId, reply: &Reply) -> Result<Option<Message>, Error> {
    let Some((client_ref, digest)) = &reply.client_ref else { return Ok(None) };
    let Some(it) = conversations::find(tx.conn(), which)? else { return Ok(None) };
    match messages::find_by_client_ref(tx.conn(), it.id, by, client_ref)? {
        None => Ok(None),
        Some((message, known)) if known == *digest => Ok(Some(message)),
        Some(_) => Err(Error::IdempotencyMismatch),
    }
}

fn send(tx: &mut Tx<'_>, live: &Live, which: Which, reply: &Reply, now: DateTime<Utc>) -> Result<Message, Error> {
    let (me, reach) = (&live.staff, live.staff.reach());
    let found = conversations::find_visible_with_hotel(tx.conn(), &reach, which)?;
    let (mut it, hotel) = found.ok_or(Error::NotFound)?;
    if let Some(seen) = reply.seen
        && !messages::exists(tx.conn(), it.id, seen)?
    {
        return Err(Error::invalid("seen_message_id", "This message is not of this conversation."));
    }
    it.open()?;
    let on_whatsapp = hotel.whatsapp_phone_number_id.is_some();
    if on_whatsapp {
        let heard = conversations::last_heard(tx.conn(), it.id)?;
        if heard.is_none_or(|at| at + TimeDelta::hours(24) <= now) {
            return Err(Error::WindowClosed);
        }
    }
    if let Some(seen) = reply.seen
        && messages::other_staff_wrote_after(tx.conn(), it.id, seen, me.id)?
    {
        let range = MessageRange { before: None, after: Some(seen), limit: MOST_NEWER, notes: true };
        return Err(Error::StaleReply { newer: messages::page(tx.conn(), it.id, range)? });
    }
    let before = it.clone();
    it.answer(&reach, hotel.default_department)?;
    if it.assignee != before.assignee {
        staff::hold_as_read(tx, me)?;
    }
    // The move comes first: who does not see the conversation any more must not get the message.
    settle::save(tx, &before, &it, Some(me.id), now)?;
    let draft = Draft {
        conversation: it.id,
        content: reply.text.as_str(),
        sender: Sender::Staff(me.id, &me.name),
        at: now,
        delivery: Some(if on_whatsapp { Delivery::Queued } else { Delivery::Sent }),
        internal: false,
        client_ref: reply.client_ref.as_ref().map(|(client_ref, digest)| (client_ref, digest.as_str())),
    };
    append(tx, &it, &draft)
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
    let draft = Draft { conversation: it.id, content, sender, at, delivery: None, internal: true, client_ref: None };
    append(tx, it, &draft)
}

/// Stores a message and its events: one for who follows the conversation, one for the inbox.
pub(crate) fn append(tx: &mut Tx<'_>, it: &Conversation, draft: &Draft<'_>) -> Result<Message, Error> {
    let message = messages::append(tx, draft)?;
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
