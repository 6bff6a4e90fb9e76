//! Read positions of staff members (table `read_marks`).

use diesel::{prelude::*, sql_types::BigInt, upsert::excluded};
use domain::{ConversationId, MessageId, StaffId};

use crate::{
    StoreError, Tx,
    sql::{
        cached_statement::prepared,
        schema::{messages, read_marks},
    },
    store::connection::on_db,
};

/// Moves a read position forward to a message of the conversation. Returns `false` if the position was already there or
/// further.
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
