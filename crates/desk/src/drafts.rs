//! Drafts: what a staff member has begun to write in a conversation, kept on the server for all their devices.
//!
//! A draft of a conversation that becomes invisible is kept, and is shown again with the conversation. Every write of a
//! draft locks its conversation, so that two devices of one person, and a send that clears the draft, run one after
//! another.

use auth::Caller;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use domain::{ConversationId, ConversationRef, Draft, DraftText, HotelId, MessageId, StaffId};
use persistence::{ReadPurpose, Tx, conversations, drafts, messages};

use crate::{Desk, Error, KeyedWrite, WriteOutcome, feed_query::DraftView, visibility::find_visible};

/// The most drafts that a list contains, last changed first. Older ones are found by their conversation.
pub(crate) const MAX_LISTED_DRAFTS: i64 = 1000;

/// The content of a draft to be stored. An empty text deletes the draft.
#[derive(Clone, Debug)]
pub struct DraftChange {
    pub text: DraftText,
    pub reply_to: Option<MessageId>,
    /// Whether the text is going to be an internal note.
    pub internal: bool,
    /// The time of the stored draft from which the client began, `Some(None)` if there was no draft. `None` overwrites
    /// any draft.
    pub base: Option<Option<DateTime<Utc>>>,
}

impl Desk {
    /// Returns the caller's drafts of visible conversations, last changed first, at most 1,000.
    pub async fn list_drafts(&self, caller: Caller) -> Result<Vec<Draft>, Error> {
        self.read_as(caller, |conn, live| Ok(drafts::list_visible(conn, &live.staff.reach(), MAX_LISTED_DRAFTS)?)).await
    }

    pub async fn draft(&self, caller: Caller, reference: ConversationRef) -> Result<Draft, Error> {
        self.read_as(caller, move |conn, live| {
            let conversation = find_visible(conn, &live.staff.reach(), reference)?;
            drafts::find(conn, live.staff.id, conversation.id())?.ok_or(Error::NotFound)
        })
        .await
    }

    /// Stores the caller's draft in a conversation, also in a closed one. Fails with [`Error::DraftConflict`] if the
    /// stored draft is not the one from which the client began.
    pub async fn save_draft(
        &self,
        caller: Caller,
        reference: ConversationRef,
        change: DraftChange,
        write: KeyedWrite<Draft>,
    ) -> Result<WriteOutcome<Draft>, Error> {
        let now = self.now();
        self.write_once(caller, vec![reference], write, move |tx, live| {
            let conversation = find_visible(tx.conn(), &live.staff.reach(), reference)?.id();
            store_change(tx, live.staff.id, conversation, &change, now)
        })
        .await
    }

    /// Deletes the caller's draft in a conversation; no effect if there is none.
    pub async fn delete_draft(
        &self,
        caller: Caller,
        reference: ConversationRef,
        write: KeyedWrite<()>,
    ) -> Result<WriteOutcome<()>, Error> {
        self.write_once(caller, vec![reference], write, move |tx, live| {
            let conversation = find_visible(tx.conn(), &live.staff.reach(), reference)?;
            clear_draft(tx, live.staff.id, conversation.id())?;
            Ok(())
        })
        .await
    }

    /// Returns the present draft of a staff member with what decides about its visibility, for the feed. `None` if the
    /// hotel has no such conversation.
    pub async fn draft_for_feed(
        &self,
        hotel: HotelId,
        staff: StaffId,
        conversation: ConversationId,
    ) -> Result<Option<DraftView>, Error> {
        self.read_for(ReadPurpose::Feed, None, move |conn| {
            let found = conversations::find(conn, ConversationRef::Conversation(conversation))?;
            let Some(conversation) = found.filter(|it| it.hotel() == hotel) else { return Ok(None) };
            let draft = drafts::find(conn, staff, conversation.id())?;
            Ok(Some(DraftView { conversation, draft }))
        })
        .await
    }
}

/// Deletes the draft of a staff member, in the transaction of the send or note that it became. Returns `false` if there
/// is none. The conversation has to be locked.
pub(crate) fn clear_draft(tx: &mut Tx<'_>, staff: StaffId, conversation: ConversationId) -> Result<bool, Error> {
    Ok(drafts::delete(tx, staff, conversation)?)
}

fn store_change(
    tx: &mut Tx<'_>,
    staff: StaffId,
    conversation: ConversationId,
    change: &DraftChange,
    now: DateTime<Utc>,
) -> Result<Draft, Error> {
    let stored = drafts::find(tx.conn(), staff, conversation)?;
    let stored_at = stored.as_ref().and_then(|it| it.updated_at);
    if let Some(base) = change.base
        && base.map(|it| it.trunc_subsecs(6)) != stored_at
    {
        return Err(Error::DraftConflict { draft: stored.map(Box::new) });
    }
    let text = change.text.as_str().to_owned();
    let draft = Draft { conversation, text, reply_to: change.reply_to, internal: change.internal, updated_at: None };
    if draft.text.is_empty() {
        clear_draft(tx, staff, conversation)?;
        return Ok(draft);
    }
    if let Some(message) = change.reply_to
        && !messages::exists(tx.conn(), conversation, message)?
    {
        return Err(Error::invalid("reply_to", "This message is not of this conversation."));
    }
    // The time identifies the version of the draft, so it always advances, also if the clock is set back.
    let next = stored_at.map_or(now, |at| now.max(at + TimeDelta::microseconds(1)));
    Ok(drafts::save(tx, staff, &draft, next)?)
}
