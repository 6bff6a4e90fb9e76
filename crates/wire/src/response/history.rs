//! Responses with the history of a conversation.

use domain::{HistoryKind, history::HistoryParty};
use serde::Serialize;
use utoipa::ToSchema;

use super::people::IdAndName;
use crate::{enum_schemas, time::Timestamp};

/// An entry in the history of a conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryEntry)]
pub struct HistoryEntryResponse {
    /// Id of the entry, ascending in the order in which entries are stored.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Time of the change.
    pub at: Timestamp,
    /// What happened.
    #[schema(schema_with = enum_schemas::names_of::<HistoryKind>)]
    pub kind: &'static str,
    /// The staff member who made the change; null for guests, timers, API keys and the command line.
    #[schema(required)]
    pub by: Option<IdAndName>,
    /// The department, or with `assigned` the assignee, before the change; null if there was none.
    #[schema(required)]
    pub from: Option<IdAndName>,
    /// The department, or with `assigned` the assignee, after the change; null if there is none.
    #[schema(required)]
    pub to: Option<IdAndName>,
    /// The note that was given with a transfer; otherwise null.
    #[schema(required)]
    pub note: Option<String>,
}

impl From<&domain::HistoryEntry> for HistoryEntryResponse {
    fn from(entry: &domain::HistoryEntry) -> Self {
        Self {
            id: entry.id.0,
            at: Timestamp(entry.at),
            kind: entry.kind.as_str(),
            by: entry.by.as_ref().map(IdAndName::from),
            from: entry.from.as_ref().map(IdAndName::from),
            to: entry.to.as_ref().map(IdAndName::from),
            note: entry.note.clone(),
        }
    }
}

impl From<&HistoryParty> for IdAndName {
    fn from(party: &HistoryParty) -> Self {
        match party {
            HistoryParty::Department { id, name } => Self { id: id.0, name: name.clone() },
            HistoryParty::Staff(person) => Self::from(person),
        }
    }
}
