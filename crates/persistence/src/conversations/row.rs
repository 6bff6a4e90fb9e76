//! Rows of conversations: reading them, and storing a changed conversation.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{Conversation, ConversationId, DepartmentId, GuestId, HotelId, StaffId, StayId};

use crate::{
    StoreError, Tx,
    sql::{cached_statement::prepared, column_types::Ts, schema::conversations},
    store::connection::on_db,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = conversations)]
pub(crate) struct ConversationRow {
    pub(super) id: i64,
    hotel_id: i64,
    guest_id: i64,
    stay_id: Option<i64>,
    status: String,
    department_id: Option<i64>,
    assigned_to: Option<i64>,
}

impl TryFrom<ConversationRow> for Conversation {
    type Error = StoreError;

    fn try_from(row: ConversationRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: ConversationId(row.id),
            hotel: HotelId(row.hotel_id),
            guest: GuestId(row.guest_id),
            stay: row.stay_id.map(StayId),
            status: row.status.parse().map_err(|_| StoreError::Corrupt("status"))?,
            department: row.department_id.map(DepartmentId),
            assignee: row.assigned_to.map(StaffId),
        })
    }
}

/// Stores a changed conversation: stay, status, department and assignee.
pub fn save(tx: &mut Tx<'_>, conversation: &Conversation, at: DateTime<Utc>) -> Result<(), StoreError> {
    let now = (
        conversations::stay_id.eq(conversation.stay.map(|it| it.0)),
        conversations::status.eq(conversation.status.as_str()),
        conversations::department_id.eq(conversation.department.map(|it| it.0)),
        conversations::assigned_to.eq(conversation.assignee.map(|it| it.0)),
        conversations::updated_at.eq(Ts::from(at)),
    );
    let row = conversations::table.find(conversation.id.0);
    on_db!(tx.changing(), |c| prepared(diesel::update(row).set(now).returning(conversations::id))
        .get_result::<i64>(c))?;
    Ok(())
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
