//! How far each staff member has read.

use diesel::{prelude::*, sql_types::BigInt, upsert::excluded};
use domain::{ConversationId, MessageId, StaffId};

use crate::{
    StoreError, Tx,
    conn::on_db,
    prepared::prepared,
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
    let message = messages::table.find(to.0).filter(messages::conversation_id.eq(conversation.0)).select((
        staff.0.into_sql::<BigInt>(),
        messages::conversation_id,
        messages::id,
        messages::guest_ordinal,
    ));
    let columns =
        (read_marks::staff_id, read_marks::conversation_id, read_marks::message_id, read_marks::guest_ordinal);
    let moved: Vec<i64> = on_db!(tx.changing(), |c| {
        let upsert = diesel::insert_into(read_marks::table)
            .values(message)
            .into_columns(columns)
            .on_conflict((read_marks::conversation_id, read_marks::staff_id))
            .do_update()
            .set((
                read_marks::message_id.eq(excluded(read_marks::message_id)),
                read_marks::guest_ordinal.eq(excluded(read_marks::guest_ordinal)),
            ));
        let forward = read_marks::message_id.lt(excluded(read_marks::message_id));
        prepared(diesel::query_dsl::methods::FilterDsl::filter(upsert, forward).returning(read_marks::message_id))
            .load(c)
    })?;
    Ok(!moved.is_empty())
}
