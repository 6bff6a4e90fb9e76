//! Answers to guests: since when a guest waits for one, and the messages of staff that the guest has not got.
//!
//! Both are columns of the conversation. A stored message changes them along with the other columns
//! ([`messages::append`](crate::messages::append)); this file changes them if an answer fails, is taken back or counts
//! again, and if staff handle a conversation without an answer.

use diesel::{
    dsl::{count_star, max, min},
    prelude::*,
};
use domain::{ConversationId, Delivery, SenderType, conversation::UnsentCounts};

use crate::{
    StoreError, Tx,
    scheduled_messages::PENDING,
    sql::{
        cached_statement::{Fixed, fixed, prepared},
        column_types::Ts,
        schema::{conversations, messages, scheduled_messages},
    },
    store::connection::{Conn, WriteConn, on_db},
};

/// The condition "staff have sent the message, the guest has not got it, and staff need a reminder", written literally,
/// so that the partial index is used.
const UNSENT: Fixed = fixed(
    "messages.sender_type = 'staff' AND messages.delivery IN ('held', 'failed', 'unknown') \
     AND NOT messages.failure_handled",
);

/// The columns of a conversation that show whether staff have something left to do.
#[derive(Clone, Copy, PartialEq, Eq)]
struct AnswerState {
    waiting_since: Option<Ts>,
    unsent: UnsentCounts,
}

/// Reads these columns again from the messages of the conversation, after an answer has failed, was taken back or counts
/// again. Returns whether they changed; if `waiting_since` did, the response clock is stopped, and the caller starts it
/// again. The caller's transaction must hold the lock of the conversation.
pub fn refresh(tx: &mut Tx<'_>, id: ConversationId) -> Result<bool, StoreError> {
    let (before, handled) = stored(tx.conn(), id)?;
    let now = AnswerState { waiting_since: oldest_waiting(tx.conn(), id, handled)?, unsent: unsent(tx.conn(), id)? };
    if before != now {
        save(tx, id, before, now)?;
    }
    Ok(before != now)
}

/// Records that the guest messages so far need no answer. Returns whether the guest was waiting.
pub fn mark_handled(tx: &mut Tx<'_>, id: ConversationId) -> Result<bool, StoreError> {
    let (before, _) = stored(tx.conn(), id)?;
    let row = conversations::table.find(id.0);
    let now = (
        conversations::waiting_since.eq(None::<Ts>),
        (conversations::response_due_at.eq(None::<Ts>), conversations::overdue_alarm_at.eq(None::<Ts>)),
        conversations::handled_guest_messages.eq(conversations::guest_messages),
    );
    on_db!(tx.changing(), |c| prepared(diesel::update(row).set(now).returning(conversations::id))
        .get_result::<i64>(c))?;
    Ok(before.waiting_since.is_some())
}

/// Records that staff need no more reminder of the failed and unknown messages so far. Returns whether there were any.
pub fn dismiss_failures(tx: &mut Tx<'_>, id: ConversationId) -> Result<bool, StoreError> {
    let reminders =
        messages::table.filter(messages::conversation_id.eq(id.0).and(UNSENT)).filter(messages::hidden.eq(false));
    let of_failures = reminders.filter(messages::delivery.ne(Delivery::Held.as_str()));
    let dismissed =
        on_db!(tx.changing(), |c| diesel::update(of_failures).set(messages::failure_handled.eq(true)).execute(c))?;
    if dismissed > 0 {
        refresh(tx, id)?;
    }
    Ok(dismissed > 0)
}

fn stored(conn: &mut Conn, id: ConversationId) -> Result<(AnswerState, i64), StoreError> {
    let (waiting_since, handled, (failed, unknown, held)) = on_db!(conn, |c| conversations::table
        .find(id.0)
        .select((
            conversations::waiting_since,
            conversations::handled_guest_messages,
            (conversations::unsent_failed, conversations::unsent_unknown, conversations::unsent_held),
        ))
        .first(c))?;
    Ok((AnswerState { waiting_since, unsent: UnsentCounts { failed, unknown, held } }, handled))
}

/// Returns the time of the oldest guest message after the last answer that has not failed, and after the first `handled`
/// guest messages. A scheduled message that is pending answers the guest messages up to when it was written.
fn oldest_waiting(conn: &mut Conn, id: ConversationId, handled: i64) -> Result<Option<Ts>, StoreError> {
    let scheduled = scheduled_messages::table.filter(scheduled_messages::conversation_id.eq(id.0).and(PENDING));
    let answered: Option<i64> =
        on_db!(conn, |c| scheduled.select(max(scheduled_messages::answered_guest_messages)).first(c))?;
    let handled = handled.max(answered.unwrap_or_default());
    let of = messages::table.filter(messages::conversation_id.eq(id.0));
    let answers = of
        .filter(messages::sender_type.eq(SenderType::Staff.as_str()).and(messages::internal.eq(false)))
        .filter(messages::delivery.ne(Delivery::Failed.as_str()).and(messages::hidden.eq(false)));
    let last: Option<i64> =
        on_db!(conn, |c| answers.order(messages::id.desc()).select(messages::id).first(c).optional())?;
    let waiting = of
        .filter(messages::id.gt(last.unwrap_or_default()))
        .filter(messages::sender_type.eq(SenderType::Guest.as_str()).and(messages::guest_ordinal.gt(handled)));
    Ok(on_db!(conn, |c| waiting.select(min(messages::timestamp)).first(c))?)
}

fn unsent(conn: &mut Conn, id: ConversationId) -> Result<UnsentCounts, StoreError> {
    let of = messages::table.filter(messages::conversation_id.eq(id.0).and(UNSENT)).filter(messages::hidden.eq(false));
    let by_delivery: Vec<(Option<String>, i64)> =
        on_db!(conn, |c| of.group_by(messages::delivery).select((messages::delivery, count_star())).load(c))?;
    let count = |delivery: Delivery| {
        by_delivery.iter().find(|(of, _)| of.as_deref() == Some(delivery.as_str())).map_or(0, |(_, count)| *count)
    };
    Ok(UnsentCounts { failed: count(Delivery::Failed), unknown: count(Delivery::Unknown), held: count(Delivery::Held) })
}

fn save(tx: &mut Tx<'_>, id: ConversationId, before: AnswerState, now: AnswerState) -> Result<(), StoreError> {
    let row = conversations::table.find(id.0);
    let stopped = (conversations::response_due_at.eq(None::<Ts>), conversations::overdue_alarm_at.eq(None::<Ts>));
    let now = (
        conversations::waiting_since.eq(now.waiting_since),
        (before.waiting_since != now.waiting_since).then_some(stopped),
        conversations::unsent_failed.eq(now.unsent.failed),
        conversations::unsent_unknown.eq(now.unsent.unknown),
        conversations::unsent_held.eq(now.unsent.held),
    );
    on_db!(tx.changing(), |c| prepared(diesel::update(row).set(now).returning(conversations::id))
        .get_result::<i64>(c))?;
    Ok(())
}

/// Counts the unsent messages of all conversations again, after every unfinished message has become unknown.
pub(crate) fn recount_held_as_unknown(conn: WriteConn<'_>) -> Result<(), StoreError> {
    let unknown = messages::table
        .filter(messages::conversation_id.eq(conversations::id))
        .filter(UNSENT)
        .filter(messages::hidden.eq(false).and(messages::delivery.eq(Delivery::Unknown.as_str())));
    let count = unknown.select(count_star()).single_value().assume_not_null();
    let with_unsent = messages::table.filter(UNSENT).select(messages::conversation_id);
    let touched = conversations::table.filter(conversations::id.eq_any(with_unsent));
    on_db!(conn, |c| diesel::update(touched)
        .set((conversations::unsent_unknown.eq(count), conversations::unsent_held.eq(0)))
        .execute(c))?;
    Ok(())
}
