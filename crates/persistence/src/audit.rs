//! Who did what: transfers, assignments, closings, staff changes.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{ApiKeyId, ConversationId, HotelId, StaffId};

use crate::{StoreError, Tx, conn::on_db, schema::audit, types::Ts};

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A staff member.
    Staff(StaffId),
    /// Another system of the hotel, by its key.
    ApiKey(ApiKeyId),
    /// The command line, the guest, or time.
    Nobody,
}

impl From<Option<StaffId>> for Actor {
    fn from(staff: Option<StaffId>) -> Self {
        staff.map_or(Self::Nobody, Self::Staff)
    }
}

impl Actor {
    fn columns(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Staff(id) => (Some(id.0), None),
            Self::ApiKey(id) => (None, Some(id.0)),
            Self::Nobody => (None, None),
        }
    }
}

/// An entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The hotel.
    pub hotel: HotelId,
    /// Who.
    pub actor: Actor,
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
    let (staff, api_key) = entry.actor.columns();
    on_db!(tx.changing(), |c| diesel::insert_into(audit::table)
        .values((
            audit::hotel_id.eq(entry.hotel.0),
            audit::at.eq(Ts::from(at)),
            audit::actor.eq(staff),
            audit::api_key_id.eq(api_key),
            audit::action.eq(entry.action),
            audit::conversation_id.eq(entry.conversation.map(|it| it.0)),
            audit::staff_id.eq(entry.staff.map(|it| it.0)),
            audit::before.eq(&entry.before),
            audit::after.eq(&entry.after),
        ))
        .execute(c))?;
    Ok(())
}
