//! The audit log as managers read it.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use strum::{IntoStaticStr, VariantArray, VariantNames};

use crate::ids::{AuditRecordId, ConversationId, StaffId};

/// The kind of originator of an audited change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum AuditActorKind {
    /// A staff member.
    Staff,
    /// Another system of the hotel, by an API key.
    ApiKey,
    /// The command line.
    CommandLine,
    /// A guest.
    Guest,
    /// The program itself: a timer, or somebody who is not known, such as a person who failed to sign in.
    System,
}

named_values!(AuditActorKind);

/// The originator of an audited change, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ShownActor {
    /// What the originator is.
    pub kind: AuditActorKind,
    /// Id of the staff member or API key.
    pub id: Option<i64>,
    /// Present name of the staff member or API key.
    pub name: Option<String>,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AuditRecord {
    /// Id of the entry.
    pub id: AuditRecordId,
    /// Time of the change.
    pub at: DateTime<Utc>,
    /// Who made the change.
    pub actor: ShownActor,
    /// The kind of change, as a fixed word.
    pub action: String,
    /// The conversation that was changed, with the name of its guest.
    pub conversation: Option<(ConversationId, String)>,
    /// The staff member who was changed, with the present name.
    pub staff: Option<(StaffId, String)>,
    /// The network address of the request, if it was stored.
    pub address: Option<IpAddr>,
    /// The value before the change.
    pub before: Option<String>,
    /// The value after the change.
    pub after: Option<String>,
}
