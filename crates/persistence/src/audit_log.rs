//! The audit log: transfers, assignments, closings, staff changes and sign-ins (table `audit`).

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{ApiKeyId, ConversationId, HotelId, StaffId};

use crate::{
    StoreError, Tx,
    sql::{column_types::Ts, schema::audit},
    store::connection::on_db,
};

/// The originator of an audited change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditActor {
    Staff(StaffId),
    ApiKey(ApiKeyId),
    /// No staff member and no API key: the change comes from the command line, a guest, or a scheduled task.
    Nobody,
}

impl From<Option<StaffId>> for AuditActor {
    fn from(staff: Option<StaffId>) -> Self {
        staff.map_or(Self::Nobody, Self::Staff)
    }
}

impl AuditActor {
    fn columns(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Staff(id) => (Some(id.0), None),
            Self::ApiKey(id) => (None, Some(id.0)),
            Self::Nobody => (None, None),
        }
    }
}

#[derive(Clone, Debug)]
pub struct AuditEntry {
    pub hotel: HotelId,
    pub actor: AuditActor,
    /// The kind of change, as a fixed word, for example `staff_changed`.
    pub action: &'static str,
    /// The conversation that was changed, if any.
    pub conversation: Option<ConversationId>,
    /// The staff member who was changed, if any.
    pub staff: Option<StaffId>,
    /// The value before the change. `after` has the new one.
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Stores an audit entry without an address.
pub fn insert(tx: &mut Tx<'_>, entry: &AuditEntry, at: DateTime<Utc>) -> Result<(), StoreError> {
    insert_from(tx, entry, None, at)
}

/// Stores an audit entry with the network address from which the change came; the command line has none.
pub fn insert_from(
    tx: &mut Tx<'_>,
    entry: &AuditEntry,
    address: Option<IpAddr>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
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
            audit::address.eq(address.map(|it| it.to_string())),
        ))
        .execute(c))?;
    Ok(())
}
