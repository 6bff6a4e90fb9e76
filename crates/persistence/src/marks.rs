//! How far each staff member has read.

use diesel::prelude::*;
use domain::{ConversationId, MessageId, StaffId};

use crate::{
    StoreError, Tx,
    conn::on_db,
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
