//! Scheduled messages: lists, cancelling, and the review that they need if the guest writes before. They are written and
//! sent in [`reply`](crate::reply). Every write locks the conversation.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{
    ConversationRef, EventKind, GuestId, Reach, ReviewReason, ScheduledMessage, ScheduledMessageId, ScheduledStatus,
    StaffId,
};
use persistence::{
    Conn, Tx,
    audit_log::{self, AuditEntry},
    scheduled_messages::{self, ScheduledFilter},
};

use crate::{
    Desk, Error, KeyedWrite, PageRequest, WriteOutcome, read_limit::ReadCost, save_conversation::refresh_answers,
    visibility::find_visible,
};

impl Desk {
    /// Returns the number of scheduled messages of a conversation with these statuses and one page of them, soonest first.
    pub async fn list_scheduled_in(
        &self,
        caller: Caller,
        reference: ConversationRef,
        statuses: Vec<ScheduledStatus>,
        page: PageRequest,
    ) -> Result<(i64, Vec<ScheduledMessage>), Error> {
        self.read_as(caller, move |conn, live| {
            let reach = live.staff.reach();
            let conversation = Some(find_visible(conn, &reach, reference)?.id());
            list_page(conn, &reach, &ScheduledFilter { conversation, statuses }, page)
        })
        .await
    }

    /// Returns the number of scheduled messages with these statuses in all visible conversations and one page of them,
    /// soonest first.
    pub async fn list_scheduled(
        &self,
        caller: Caller,
        statuses: Vec<ScheduledStatus>,
        page: PageRequest,
    ) -> Result<(i64, Vec<ScheduledMessage>), Error> {
        // All that were ever sent or cancelled may be very many.
        let is_open = |status: &ScheduledStatus| !matches!(status, ScheduledStatus::Sent | ScheduledStatus::Cancelled);
        let cost = if statuses.iter().all(is_open) { ReadCost::Indexed } else { ReadCost::Scan };
        self.read_as_with_cost(caller, cost, move |conn, live| {
            list_page(conn, &live.staff.reach(), &ScheduledFilter { conversation: None, statuses }, page)
        })
        .await
    }

    /// Cancels a scheduled message, also one of a colleague.
    ///
    /// Fails with [`Error::NotFound`], or with [`Error::AlreadySent`] if it is sent or cancelled.
    pub async fn cancel_scheduled(
        &self,
        caller: Caller,
        id: ScheduledMessageId,
        write: KeyedWrite<()>,
    ) -> Result<WriteOutcome<()>, Error> {
        let now = self.now();
        let conversation = self.conversation_of_scheduled(caller, id).await?;
        self.write_once(caller, vec![conversation], write, move |tx, live| {
            let before = find_visible_scheduled(tx, &live.staff.reach(), id)?;
            let mut message = before.clone();
            message.cancel()?;
            save_changed(tx, &before, &message, now)?;
            audit_change(tx, live.staff.id, "scheduled_cancelled", &before, &message, now)
        })
        .await
    }

    /// Returns the conversation of a scheduled message, which has to be locked. It never changes. Its visibility is checked
    /// with the lock.
    pub(crate) async fn conversation_of_scheduled(
        &self,
        caller: Caller,
        id: ScheduledMessageId,
    ) -> Result<ConversationRef, Error> {
        let find = move |conn: &mut Conn| scheduled_messages::find(conn, id);
        let found = self.read_as(caller, move |conn, _| Ok(find(conn)?)).await?;
        Ok(ConversationRef::Conversation(found.ok_or(Error::NotFound)?.conversation))
    }
}

fn list_page(
    conn: &mut Conn,
    reach: &Reach,
    filter: &ScheduledFilter,
    page: PageRequest,
) -> Result<(i64, Vec<ScheduledMessage>), Error> {
    let (count, found) = scheduled_messages::list_visible(conn, reach, filter, page.slice())?;
    page.ensure_exists(count)?;
    Ok((count, found))
}

/// Returns a scheduled message of a visible conversation, which has to be locked.
pub(crate) fn find_visible_scheduled(
    tx: &mut Tx<'_>,
    reach: &Reach,
    id: ScheduledMessageId,
) -> Result<ScheduledMessage, Error> {
    let message = scheduled_messages::find(tx.conn(), id)?.ok_or(Error::NotFound)?;
    find_visible(tx.conn(), reach, ConversationRef::Conversation(message.conversation))?;
    Ok(message)
}

/// Stores a changed scheduled message, records its event, and since when the guest waits: a pending message is an answer.
pub(crate) fn save_changed(
    tx: &mut Tx<'_>,
    before: &ScheduledMessage,
    message: &ScheduledMessage,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    if before == message {
        return Ok(());
    }
    scheduled_messages::save(tx, before.state.status(), message)?;
    record_updated(tx, message, at);
    if before.state != message.state {
        refresh_answers(tx, message.conversation, at)?;
    }
    Ok(())
}

/// Records the event of a new or changed scheduled message.
pub(crate) fn record_updated(tx: &mut Tx<'_>, message: &ScheduledMessage, at: DateTime<Utc>) {
    let (conversation, stay, scheduled) = (message.conversation, message.stay, message.id);
    tx.record(message.hotel, at, EventKind::ScheduledUpdated { conversation, stay, scheduled });
}

/// Audits a change of a scheduled message by a staff member. The texts are not repeated there.
pub(crate) fn audit_change(
    tx: &mut Tx<'_>,
    actor: StaffId,
    action: &'static str,
    before: &ScheduledMessage,
    after: &ScheduledMessage,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let entry = AuditEntry {
        hotel: after.hotel,
        actor: Some(actor).into(),
        action,
        conversation: Some(after.conversation),
        staff: Some(after.author.id),
        before: Some(audit_text(before)),
        after: Some(audit_text(after)),
    };
    Ok(audit_log::insert(tx, &entry, at)?)
}

/// A scheduled message in the audit log, without its text.
pub(crate) fn audit_text(message: &ScheduledMessage) -> String {
    let (status, send_at) = (message.state.status().as_str(), message.send_at.to_rfc3339());
    format!("scheduled message {}: {status}, {send_at}", message.id)
}

/// Keeps pending messages to a guest from being sent, because the guest has written before their time. The guest and all
/// conversations of the guest have to be locked.
pub(crate) fn review_scheduled_messages(
    tx: &mut Tx<'_>,
    guest: GuestId,
    wrote_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for before in scheduled_messages::list_to_review(tx.conn(), guest, wrote_at)? {
        let mut message = before.clone();
        message.require_review(ReviewReason::GuestWrote);
        save_changed(tx, &before, &message, now)?;
    }
    Ok(())
}
