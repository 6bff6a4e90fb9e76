//! Reactions to messages (table `reactions`), and the updates of WhatsApp by which guests reacted (table
//! `reaction_updates`).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{dsl, prelude::*, upsert::excluded};
use domain::{MessageId, Reaction, StaffId};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::Ts,
        id_list::among,
        schema::{messages, reaction_updates, reactions},
    },
    store::connection::{Conn, on_db},
};

const GUEST: &str = "guest";
const STAFF: &str = "staff";

/// An update of WhatsApp: a guest reacted to a message, or withdrew the reaction.
#[derive(Clone, Copy, Debug)]
pub struct GuestReactionUpdate<'a> {
    pub message: MessageId,
    /// `None`: the guest withdrew the reaction.
    pub emoji: Option<&'a str>,
    /// Meta's id of the update: a second update with this id is a redelivery.
    pub whatsapp_message_id: &'a str,
    pub reacted_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    /// The JSON of the update as received from WhatsApp.
    pub raw: &'a str,
}

/// A reaction of staff that is to be stored.
#[derive(Clone, Copy, Debug)]
pub struct StaffReaction<'a> {
    pub message: MessageId,
    pub staff: StaffId,
    /// `None` withdraws the reaction.
    pub emoji: Option<&'a str>,
    pub at: DateTime<Utc>,
    /// The hidden message that carries the reaction to WhatsApp; `None` if nothing is sent.
    pub carrier: Option<MessageId>,
}

/// Loads the reactions to messages, that of the guest first.
pub fn of_messages(conn: &mut Conn, messages: &[MessageId]) -> Result<HashMap<MessageId, Vec<Reaction>>, StoreError> {
    type Row = (i64, Option<String>, Option<i64>, Ts);
    let ids: Vec<i64> = messages.iter().map(|it| it.0).collect();
    let rows: Vec<Row> = on_db!(conn, |c| reactions::table
        .filter(among(reactions::message_id, &ids))
        .order((reactions::message_id, reactions::side))
        .select((reactions::message_id, reactions::emoji, reactions::staff_id, reactions::at))
        .load(c))?;
    let mut of: HashMap<MessageId, Vec<Reaction>> = HashMap::new();
    for (message, emoji, staff, at) in rows {
        if let Some(emoji) = emoji {
            of.entry(MessageId(message)).or_default().push(Reaction { emoji, staff: staff.map(StaffId), at: at.0 });
        }
    }
    Ok(of)
}

/// Whether an update of WhatsApp with a reaction was processed before.
pub fn is_processed(conn: &mut Conn, whatsapp_message_id: &str) -> Result<bool, StoreError> {
    let of = reaction_updates::table.find(whatsapp_message_id);
    Ok(on_db!(conn, |c| diesel::select(dsl::exists(of)).get_result(c))?)
}

/// Stores an update of WhatsApp and the guest's reaction. Returns `false` if the reaction stays as it is: the update
/// was processed before, or is older than the stored reaction. The caller's transaction must hold the lock of the
/// conversation.
pub fn record_guest_update(tx: &mut Tx<'_>, update: &GuestReactionUpdate<'_>) -> Result<bool, StoreError> {
    let inserted = on_db!(tx.changing(), |c| diesel::insert_into(reaction_updates::table)
        .values((
            reaction_updates::whatsapp_message_id.eq(update.whatsapp_message_id),
            reaction_updates::message_id.eq(update.message.0),
            reaction_updates::received_at.eq(Ts::from(update.received_at)),
            reaction_updates::raw.eq(update.raw),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    if inserted == 0 {
        return Ok(false);
    }
    let stored: Option<Ts> = on_db!(tx.conn(), |c| reactions::table
        .find((update.message.0, GUEST))
        .select(reactions::at)
        .first(c)
        .optional())?;
    if stored.is_some_and(|stored| stored.0 > Ts::from(update.reacted_at).0) {
        return Ok(false);
    }
    save(tx, (update.message, GUEST), update.emoji, (None, None), update.reacted_at)?;
    Ok(true)
}

/// Returns the emoji with which staff have reacted to a message; `None` without a reaction.
pub fn find_of_staff(conn: &mut Conn, message: MessageId) -> Result<Option<String>, StoreError> {
    let emoji: Option<Option<String>> =
        on_db!(conn, |c| reactions::table.find((message.0, STAFF)).select(reactions::emoji).first(c).optional())?;
    Ok(emoji.flatten())
}

/// Stores the reaction of staff to a message, or withdraws it. The caller's transaction must hold the lock of the
/// conversation.
pub fn save_of_staff(tx: &mut Tx<'_>, new: &StaffReaction<'_>) -> Result<(), StoreError> {
    save(tx, (new.message, STAFF), new.emoji, (Some(new.staff), new.carrier), new.at)
}

fn save(
    tx: &mut Tx<'_>,
    (message, side): (MessageId, &str),
    emoji: Option<&str>,
    (staff, carrier): (Option<StaffId>, Option<MessageId>),
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let row = (
        reactions::message_id.eq(message.0),
        reactions::side.eq(side),
        reactions::emoji.eq(emoji),
        reactions::staff_id.eq(staff.map(|it| it.0)),
        reactions::carrier_id.eq(carrier.map(|it| it.0)),
        reactions::at.eq(Ts::from(at)),
    );
    on_db!(tx.changing(), |c| {
        diesel::update(messages::table.find(message.0)).set(messages::has_reactions.eq(true)).execute(c)?;
        diesel::insert_into(reactions::table)
            .values(row)
            .on_conflict((reactions::message_id, reactions::side))
            .do_update()
            .set((
                reactions::emoji.eq(excluded(reactions::emoji)),
                reactions::staff_id.eq(excluded(reactions::staff_id)),
                reactions::carrier_id.eq(excluded(reactions::carrier_id)),
                reactions::at.eq(excluded(reactions::at)),
            ))
            .execute(c)
    })?;
    Ok(())
}

/// Removes the reaction of staff that a hidden message carried and that WhatsApp has refused. Returns `false` if staff
/// have reacted anew, or withdrawn the reaction.
pub fn remove_refused(tx: &mut Tx<'_>, message: MessageId, carrier: MessageId) -> Result<bool, StoreError> {
    let refused = reactions::table
        .find((message.0, STAFF))
        .filter(reactions::carrier_id.eq(carrier.0).and(reactions::emoji.is_not_null()));
    let removed =
        on_db!(tx.changing(), |c| diesel::update(refused).set(reactions::emoji.eq(None::<String>)).execute(c))?;
    Ok(removed == 1)
}
