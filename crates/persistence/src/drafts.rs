//! Drafts of staff members. Every write of a draft holds the lock of its conversation.

use chrono::{DateTime, Utc};
use diesel::{prelude::*, upsert::excluded};
use domain::{ConversationId, Draft, MessageId, Reach, StaffId};

use crate::{
    StoreError, Tx,
    sql::{
        cached_statement::prepared,
        column_types::Ts,
        schema::{conversations, drafts},
    },
    store::connection::{Conn, on_db},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = drafts)]
struct DraftRow {
    conversation_id: i64,
    text: String,
    reply_to: Option<i64>,
    internal: bool,
    updated_at: Ts,
}

impl From<DraftRow> for Draft {
    fn from(row: DraftRow) -> Self {
        Self {
            conversation: ConversationId(row.conversation_id),
            text: row.text,
            reply_to: row.reply_to.map(MessageId),
            internal: row.internal,
            updated_at: Some(row.updated_at.0),
        }
    }
}

/// Returns the draft of a staff member in a conversation, without a check of visibility.
pub fn find(conn: &mut Conn, staff: StaffId, conversation: ConversationId) -> Result<Option<Draft>, StoreError> {
    let row: Option<DraftRow> = on_db!(conn, |c| drafts::table
        .find((staff.0, conversation.0))
        .select(DraftRow::as_select())
        .first(c)
        .optional())?;
    Ok(row.map(Draft::from))
}

/// Returns the drafts of the caller in conversations that the caller sees, last changed first, at most `limit`.
pub fn list_visible(conn: &mut Conn, reach: &Reach, limit: i64) -> Result<Vec<Draft>, StoreError> {
    let departments: Vec<i64> = reach.departments.iter().map(|it| it.0).collect();
    let is_visible = reach
        .is_manager()
        .into_sql::<diesel::sql_types::Bool>()
        .nullable()
        .or(conversations::department_id.is_null().nullable())
        .or(conversations::department_id.eq_any(departments));
    let rows: Vec<DraftRow> = on_db!(conn, |c| drafts::table
        .inner_join(conversations::table.on(conversations::id.eq(drafts::conversation_id)))
        .filter(drafts::staff_id.eq(reach.staff.0).and(conversations::hotel_id.eq(reach.hotel.0)))
        .filter(is_visible)
        .order((drafts::updated_at.desc(), drafts::conversation_id.desc()))
        .select(DraftRow::as_select())
        .limit(limit)
        .load(c))?;
    Ok(rows.into_iter().map(Draft::from).collect())
}

/// Stores a draft with a text, in place of the former one.
pub fn save(tx: &mut Tx<'_>, staff: StaffId, draft: &Draft, at: DateTime<Utc>) -> Result<Draft, StoreError> {
    let row = DraftRow {
        conversation_id: draft.conversation.0,
        text: draft.text.clone(),
        reply_to: draft.reply_to.map(|it| it.0),
        internal: draft.internal,
        updated_at: Ts::from(at),
    };
    let stored: DraftRow = on_db!(tx.changing(), |c| prepared(
        diesel::insert_into(drafts::table)
            .values((drafts::staff_id.eq(staff.0), row))
            .on_conflict((drafts::staff_id, drafts::conversation_id))
            .do_update()
            .set((
                drafts::text.eq(excluded(drafts::text)),
                drafts::reply_to.eq(excluded(drafts::reply_to)),
                drafts::internal.eq(excluded(drafts::internal)),
                drafts::updated_at.eq(excluded(drafts::updated_at)),
            ))
            .returning(DraftRow::as_returning())
    )
    .get_result(c))?;
    Ok(stored.into())
}

/// Deletes the draft of a staff member in a conversation. Returns `false` if there is none.
pub fn delete(tx: &mut Tx<'_>, staff: StaffId, conversation: ConversationId) -> Result<bool, StoreError> {
    let deleted = on_db!(tx.changing(), |c| diesel::delete(drafts::table.find((staff.0, conversation.0))).execute(c))?;
    Ok(deleted > 0)
}
