//! Who did what: transfers, assignments, closings, staff changes.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{ConversationId, HotelId, StaffId};

use crate::{StoreError, Tx, conn::on_db, schema::audit, types::Ts};

/// An entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The hotel.
    pub hotel: HotelId,
    /// Who; nobody: the command line, or the guest.
    pub actor: Option<StaffId>,
    /// What was done.
    pub action: &'static str,
    /// To which conversation.
    pub conversation: Option<ConversationId>,
    /// To which staff member.
    pub staff: Option<StaffId>,
    /// What was before.
    pub before: Option<String>,
    /// What is after.
    pub after: Option<String>,
}

/// Writes an entry.
///
/// # Errors
/// [`StoreError`].
pub fn write(tx: &mut Tx<'_>, entry: &Entry, at: DateTime<Utc>) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::insert_into(audit::table)
        .values((
            audit::hotel_id.eq(entry.hotel.0),
            audit::at.eq(Ts::from(at)),
            audit::actor.eq(entry.actor.map(|it| it.0)),
            audit::action.eq(entry.action),
            audit::conversation_id.eq(entry.conversation.map(|it| it.0)),
            audit::staff_id.eq(entry.staff.map(|it| it.0)),
            audit::before.eq(&entry.before),
            audit::after.eq(&entry.after),
        ))
        .execute(c))?;
    Ok(())
}
