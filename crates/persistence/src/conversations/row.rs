//! Rows of conversations: reading them, and storing a changed conversation.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{Conversation, ConversationId, DepartmentId, GuestId, HotelId, StaffId, StayId, UncheckedConversation};

use crate::{
    StoreError, Tx,
    sql::{cached_statement::prepared, column_types::Ts, schema::conversations},
    store::connection::on_db,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
pub(crate) struct ConversationRow {
    pub(crate) id: i64,
    hotel_id: i64,
    guest_id: i64,
    stay_id: Option<i64>,
    status: String,
    department_id: Option<i64>,
    assigned_to: Option<i64>,
    snoozed_until: Option<Ts>,
}

impl TryFrom<ConversationRow> for Conversation {
    type Error = StoreError;

    fn try_from(row: ConversationRow) -> Result<Self, StoreError> {
        let stored = UncheckedConversation {
            id: ConversationId(row.id),
            hotel: HotelId(row.hotel_id),
            guest: GuestId(row.guest_id),
            stay: row.stay_id.map(StayId),
            status: row.status.parse().map_err(|_| StoreError::Corrupt("status"))?,
            department: row.department_id.map(DepartmentId),
            assignee: row.assigned_to.map(StaffId),
            snoozed_until: row.snoozed_until.map(|it| it.0),
        };
        Ok(stored.try_into()?)
    }
}

/// The response clock of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseClock {
    /// Since when the guest waits for an answer.
    pub waiting_since: Option<DateTime<Utc>>,
    /// By when staff should answer.
    pub due_at: Option<DateTime<Utc>>,
    /// When to raise the alarm that nobody has answered; `None` if it was raised.
    pub alarm_at: Option<DateTime<Utc>>,
}

/// The columns of a response clock: `waiting_since`, `response_due_at`, `overdue_alarm_at`.
pub(crate) type ClockColumns = (Option<Ts>, Option<Ts>, Option<Ts>);

pub(crate) fn response_clock((waiting_since, due_at, alarm_at): ClockColumns) -> ResponseClock {
    let time = |it: Option<Ts>| it.map(|it| it.0);
    ResponseClock { waiting_since: time(waiting_since), due_at: time(due_at), alarm_at: time(alarm_at) }
}

/// Stores a changed conversation: guest, stay, status, department, assignee and snooze. Returns its response clock, which
/// is unchanged.
pub fn save(tx: &mut Tx<'_>, conversation: &Conversation, at: DateTime<Utc>) -> Result<ResponseClock, StoreError> {
    let now = (
        conversations::guest_id.eq(conversation.guest().0),
        conversations::stay_id.eq(conversation.stay().map(|it| it.0)),
        conversations::status.eq(conversation.status().as_str()),
        conversations::department_id.eq(conversation.department().map(|it| it.0)),
        conversations::assigned_to.eq(conversation.assignee().map(|it| it.0)),
        conversations::snoozed_until.eq(conversation.snoozed_until().map(Ts::from)),
        conversations::updated_at.eq(Ts::from(at)),
    );
    let row = conversations::table.find(conversation.id().0);
    let columns = (conversations::waiting_since, conversations::response_due_at, conversations::overdue_alarm_at);
    let of_clock: ClockColumns =
        on_db!(tx.changing(), |c| prepared(diesel::update(row).set(now).returning(columns)).get_result(c))?;
    Ok(response_clock(of_clock))
}

/// Stores the time of a change that is not of the conversation's own columns.
pub fn touch(tx: &mut Tx<'_>, conversation: ConversationId, at: DateTime<Utc>) -> Result<(), StoreError> {
    let row = conversations::table.find(conversation.0);
    on_db!(tx.changing(), |c| prepared(
        diesel::update(row).set(conversations::updated_at.eq(Ts::from(at))).returning(conversations::id)
    )
    .get_result::<i64>(c))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_breaks_a_rule_is_an_error_with_the_conversation() {
        let row = |status: &str, department_id| ConversationRow {
            id: 17,
            hotel_id: 1,
            guest_id: 1,
            stay_id: None,
            status: status.to_owned(),
            department_id,
            assigned_to: None,
            snoozed_until: None,
        };
        assert!(Conversation::try_from(row("relay", Some(3))).is_ok());
        let error = Conversation::try_from(row("relay", None)).map(|_| ()).map_err(|error| error.to_string());
        let expected = "a stored conversation is invalid: conversation 17 is in relay without a department";
        assert_eq!(error, Err(expected.to_owned()));
    }
}
