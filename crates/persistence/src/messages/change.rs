//! Changes of stored messages that are not sent yet, and the hidden messages that carry reactions of staff.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{ConversationId, Delivery, MessageId, SenderType};

use crate::{
    StoreError, Tx, message_words,
    sql::{
        cached_statement::prepared,
        column_types::Ts,
        schema::{conversations, messages},
    },
    store::connection::on_db,
};

/// Replaces the text of a message. The caller makes sure that the message is not being sent.
pub fn set_content(tx: &mut Tx<'_>, message: MessageId, content: &str) -> Result<(), StoreError> {
    let row = messages::table.find(message.0);
    message_words::replace(tx, message, Some(content))?;
    on_db!(tx.changing(), |c| diesel::update(row).set(messages::content.eq(content)).execute(c))?;
    Ok(())
}

/// Hides a message that was taken back. If it was the last message of its conversation, the one before takes its
/// place. The caller's transaction must hold the lock of the conversation.
pub fn hide(tx: &mut Tx<'_>, conversation: ConversationId, message: MessageId) -> Result<(), StoreError> {
    message_words::replace(tx, message, None)?;
    let before: Option<i64> = on_db!(tx.changing(), |c| {
        diesel::update(messages::table.find(message.0)).set(messages::hidden.eq(true)).execute(c)?;
        messages::table
            .filter(messages::conversation_id.eq(conversation.0))
            .filter(messages::internal.eq(false).and(messages::hidden.eq(false)))
            .order(messages::id.desc())
            .select(messages::id)
            .first(c)
            .optional()
    })?;
    let last = conversations::table.find(conversation.0).filter(conversations::last_message_id.eq(message.0));
    on_db!(tx.changing(), |c| diesel::update(last).set(conversations::last_message_id.eq(before)).execute(c))?;
    Ok(())
}

/// Stores the hidden message that carries a reaction of staff to WhatsApp. It has an id, and thereby a place in the
/// order of the messages to the guest, but is shown nowhere. The caller's transaction must hold the lock of the
/// conversation.
pub fn insert_reaction_carrier(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    reacts_to: MessageId,
    emoji: &str,
    at: DateTime<Utc>,
) -> Result<MessageId, StoreError> {
    let ordinal = conversations::table.find(conversation.0).select(conversations::guest_messages);
    let id: i64 = on_db!(tx.changing(), |c| prepared(
        diesel::insert_into(messages::table)
            .values((
                messages::conversation_id.eq(conversation.0),
                messages::content.eq(emoji),
                messages::sender_type.eq(SenderType::System.as_str()),
                messages::timestamp.eq(Ts::from(at)),
                messages::delivery.eq(Delivery::Queued.as_str()),
                messages::internal.eq(false),
                messages::hidden.eq(true),
                messages::reacts_to.eq(reacts_to.0),
                messages::guest_ordinal.eq(ordinal.single_value().assume_not_null()),
            ))
            .returning(messages::id)
    )
    .get_result(c))?;
    Ok(MessageId(id))
}
