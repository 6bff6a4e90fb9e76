//! Read positions of staff members (table `read_marks`).

use diesel::{prelude::*, sql_types::BigInt, upsert::excluded};
use domain::{ConversationId, MessageId, ReadPosition, StaffId};

use crate::{
    StoreError, Tx,
    sql::{
        cached_statement::prepared,
        schema::{messages, read_marks},
    },
    store::connection::{Conn, on_db},
};

/// Moves a read position forward to a message of the conversation. Returns the new position, or `None` if it was
/// already there or further.
pub fn advance(
    tx: &mut Tx<'_>,
    staff: StaffId,
    conversation: ConversationId,
    to: MessageId,
) -> Result<Option<ReadPosition>, StoreError> {
    let message = messages::table.find(to.0).filter(messages::conversation_id.eq(conversation.0)).select((
        staff.0.into_sql::<BigInt>(),
        messages::conversation_id,
        messages::id,
        messages::guest_ordinal,
    ));
    let columns =
        (read_marks::staff_id, read_marks::conversation_id, read_marks::message_id, read_marks::guest_ordinal);
    let moved: Option<(i64, i64)> = on_db!(tx.changing(), |c| {
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
        let moved = (read_marks::message_id, read_marks::guest_ordinal);
        prepared(diesel::query_dsl::methods::FilterDsl::filter(upsert, forward).returning(moved))
            .get_result(c)
            .optional()
    })?;
    Ok(moved.map(position))
}

/// Moves a read position, forward or back, to just before a message of the conversation. Returns the new position, or
/// `None` if it was already there.
pub fn move_before(
    tx: &mut Tx<'_>,
    staff: StaffId,
    conversation: ConversationId,
    message: MessageId,
) -> Result<Option<ReadPosition>, StoreError> {
    let earlier = messages::table
        .filter(messages::conversation_id.eq(conversation.0).and(messages::id.lt(message.0)))
        .filter(messages::hidden.eq(false))
        .order(messages::id.desc())
        .select((messages::id, messages::guest_ordinal));
    let to: Option<(i64, i64)> = on_db!(tx.conn(), |c| earlier.first(c).optional())?;
    let to = to.map_or(ReadPosition::START, position);
    if to == find(tx.conn(), staff, conversation)? {
        return Ok(None);
    }
    on_db!(tx.changing(), |c| match to.message {
        None => diesel::delete(read_marks::table.find((conversation.0, staff.0))).execute(c),
        Some(message) => {
            let now = (read_marks::message_id.eq(message.0), read_marks::guest_ordinal.eq(to.guest_messages));
            diesel::insert_into(read_marks::table)
                .values((read_marks::staff_id.eq(staff.0), read_marks::conversation_id.eq(conversation.0), now))
                .on_conflict((read_marks::conversation_id, read_marks::staff_id))
                .do_update()
                .set(now)
                .execute(c)
        }
    })?;
    Ok(Some(to))
}

pub fn find(conn: &mut Conn, staff: StaffId, conversation: ConversationId) -> Result<ReadPosition, StoreError> {
    let mark = read_marks::table.find((conversation.0, staff.0));
    let found: Option<(i64, i64)> =
        on_db!(conn, |c| mark.select((read_marks::message_id, read_marks::guest_ordinal)).first(c).optional())?;
    Ok(found.map_or(ReadPosition::START, position))
}

fn position((message, guest_messages): (i64, i64)) -> ReadPosition {
    ReadPosition { message: Some(MessageId(message)), guest_messages }
}
