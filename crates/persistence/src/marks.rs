//! How far each staff member has read.

use std::collections::HashMap;

use diesel::prelude::*;
use domain::{ConversationId, MessageId, StaffId};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    schema::{messages, read_marks},
};

/// Moves a staff member's mark to a message of the conversation, never backwards. Whether it moved.
///
/// # Errors
/// [`StoreError`].
pub fn advance(
    tx: &mut Tx<'_>,
    staff: StaffId,
    conversation: ConversationId,
    to: MessageId,
) -> Result<bool, StoreError> {
    let conn = tx.changing();
    let ordinal: i64 = on_db!(conn, |c| messages::table.find(to.0).select(messages::guest_ordinal).first(c))?;
    let ahead = read_marks::message_id.lt(to.0);
    let moved = on_db!(conn, |c| {
        let upsert = diesel::insert_into(read_marks::table)
            .values((
                read_marks::staff_id.eq(staff.0),
                read_marks::conversation_id.eq(conversation.0),
                read_marks::message_id.eq(to.0),
                read_marks::guest_ordinal.eq(ordinal),
            ))
            .on_conflict((read_marks::conversation_id, read_marks::staff_id))
            .do_update()
            .set((read_marks::message_id.eq(to.0), read_marks::guest_ordinal.eq(ordinal)));
        diesel::query_dsl::methods::FilterDsl::filter(upsert, ahead).execute(c)
    })?;
    Ok(moved > 0)
}

/// How many of the guest's messages a staff member has read, by conversation; none for those
/// without a mark.
pub(crate) fn ordinals(
    conn: &mut Conn,
    staff: StaffId,
    conversations: &[i64],
) -> Result<HashMap<i64, i64>, StoreError> {
    let rows: Vec<(i64, i64)> = on_db!(conn, |c| read_marks::table
        .filter(read_marks::staff_id.eq(staff.0).and(read_marks::conversation_id.eq_any(conversations)))
        .select((read_marks::conversation_id, read_marks::guest_ordinal))
        .load(c))?;
    Ok(rows.into_iter().collect())
}
