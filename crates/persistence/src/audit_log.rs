//! The audit log: changes by staff, API keys and the command line, and sign-ins (table `audit`).

mod list;

pub use list::{AuditFilter, list};

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{ApiKeyId, AuditActorKind, ConversationId, HotelId, StaffId};

use crate::{
    StoreError, Tx,
    sql::{
        column_types::Ts,
        schema::{audit, hotels},
    },
    store::connection::{WriteConn, on_db},
};

/// The originator of an audited change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditActor {
    Staff(StaffId),
    ApiKey(ApiKeyId),
    CommandLine,
    Guest,
    /// A timer or another step of the program, or a person who is not known.
    System,
}

impl From<StaffId> for AuditActor {
    fn from(staff: StaffId) -> Self {
        Self::Staff(staff)
    }
}

impl From<Option<StaffId>> for AuditActor {
    fn from(staff: Option<StaffId>) -> Self {
        staff.map_or(Self::System, Self::Staff)
    }
}

impl AuditActor {
    fn columns(self) -> (AuditActorKind, Option<i64>, Option<i64>) {
        match self {
            Self::Staff(id) => (AuditActorKind::Staff, Some(id.0), None),
            Self::ApiKey(id) => (AuditActorKind::ApiKey, None, Some(id.0)),
            Self::CommandLine => (AuditActorKind::CommandLine, None, None),
            Self::Guest => (AuditActorKind::Guest, None, None),
            Self::System => (AuditActorKind::System, None, None),
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

impl AuditEntry {
    /// An entry of a change of neither a conversation nor a staff member.
    pub fn of_hotel(hotel: HotelId, actor: impl Into<AuditActor>, action: &'static str) -> Self {
        Self { hotel, actor: actor.into(), action, conversation: None, staff: None, before: None, after: None }
    }

    /// An entry of a change of a conversation.
    pub fn of_conversation(
        hotel: HotelId,
        actor: impl Into<AuditActor>,
        action: &'static str,
        conversation: ConversationId,
    ) -> Self {
        Self { conversation: Some(conversation), ..Self::of_hotel(hotel, actor, action) }
    }
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
    let (kind, staff, api_key) = entry.actor.columns();
    on_db!(tx.changing(), |c| diesel::insert_into(audit::table)
        .values((
            audit::hotel_id.eq(entry.hotel.0),
            audit::at.eq(Ts::from(at)),
            audit::actor_type.eq(kind.as_str()),
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

/// Stores an entry of the command line in the audit log of every hotel.
pub(crate) fn insert_for_all_hotels(
    conn: WriteConn<'_>,
    action: &'static str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    on_db!(conn, |c| {
        let ids: Vec<i64> = hotels::table.select(hotels::id).load(c)?;
        let row = |id: i64| {
            (
                audit::hotel_id.eq(id),
                audit::at.eq(Ts::from(at)),
                audit::actor_type.eq(AuditActorKind::CommandLine.as_str()),
                audit::action.eq(action),
            )
        };
        for id in ids {
            diesel::insert_into(audit::table).values(row(id)).execute(c)?;
        }
    });
    Ok(())
}
